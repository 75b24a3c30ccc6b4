package schemata

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// A pool is a process of a metamutant that runs many mutants. Starting a process for each
// takes longer than most tests. So an overlay replaces package testing of the standard library
// by one that
//
//   - runs the failing tests again for each mutant in its task,
//   - stops a test at its first error, and treats a panic as a failure,
//   - stops a mutant that takes too many steps; a step is a loop iteration or a call,
//   - ends the process if a mutant takes too long or too much memory.
//
// A mutant may leave something behind for the next ones (globals, caches, goroutines). So a
// pool can only reject. Mutants that pass in it run again in processes of their own, and so do
// samples of the others. If these disagree with the pool, or if the standard library is not a
// known version, every mutant gets a process. If the unchanged code has another result at the
// end of a pool than at its beginning, the pool's verdicts do not count, and it is bisected
// until the mutant to blame is alone.

// poolSize is how many mutants one process runs: enough that its start does not matter, few
// enough that little is lost with it.
const poolSize = 400

// leastPool is how many mutants are worth a pool. If there are fewer, each gets a process.
const leastPool = 8

// Some of the mutants that a pool rejects get a process anyway: the most promising, because
// they matter most, and as many at random, to show how reliable pools are. Each sample is one
// in sampleShare, but at least leastSample and at most mostSample: in slow packages a process
// takes as long as tens of mutants in a pool.
const (
	sampleShare = 30
	leastSample = 3
	mostSample  = 12
)

// manyTests is the number of failing tests above which a pool stops at the first failure instead of
// finding out which tests a mutant fixes.
const manyTests = 20

// poolState holds what a Screener knows about pools.
type poolState struct {
	once  sync.Once
	files map[string][]byte // of package testing, by absolute path; nil if pools are impossible
	off   atomic.Bool       // pools are unreliable or do not work here

	mu         sync.Mutex
	took       time.Duration // by all processes
	retried    time.Duration // the part of it for retries of mutants that ran out of steps
	duplicates int           // mutants that were not run because another one chose the same values
}

// A mutant that runs out of steps may just take long to pass. It is retried with more steps
// for some time at first, and then for a share of the time that pools take.
const (
	retryFirst = 300 * time.Millisecond
	retryShare = 10
	retryMost  = 700 * time.Millisecond // in one process
)

// retryTime returns how long the next process may retry mutants that ran out of steps.
func (s *poolState) retryTime() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(max(retryFirst+s.took/retryShare-s.retried, 0), retryMost)
}

// record adds the output of a process that took some time.
func (s *poolState) record(took time.Duration, out poolOutput) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took, s.retried, s.duplicates = s.took+took, s.retried+out.retried, s.duplicates+out.duplicates
}

// pooling returns the files that make package testing run pools, or nil if pools are
// impossible.
func (s *Screener) pooling(ctx context.Context) map[string][]byte {
	s.pool.once.Do(func() {
		if s.opt.Screening == validate.Process || s.opt.Screening == validate.Overlay {
			return
		}
		if slices.ContainsFunc(s.opt.Suite.Flags, func(f string) bool { return f == "-race" || f == "-msan" || f == "-asan" }) {
			return // steps are counted without locks
		}
		files, err := s.poolOverlay(ctx)
		if err != nil {
			s.opt.Log.Debug("no pools: each mutant gets a process", "error", err)
		}
		s.pool.files = files
	})
	return s.pool.files
}

// poolOverlay returns the changed and added files of package testing.
func (s *Screener) poolOverlay(ctx context.Context) (map[string][]byte, error) {
	goroot, err := s.opt.Suite.Goroot(ctx)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(goroot, "src", "testing")
	src, err := os.ReadFile(filepath.Join(dir, "testing.go"))
	if err != nil {
		return nil, err
	}
	edited, err := editTesting(src)
	if err != nil {
		return nil, err
	}
	more, err := poolFiles()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{filepath.Join(dir, "testing.go"): edited}
	for name, src := range more {
		files[filepath.Join(dir, name)] = src
	}
	return files, nil
}

// noPool turns pools off: every mutant gets a process of its own from now on.
func (s *Screener) noPool(why string, args ...any) {
	s.opt.Log.Debug("no more pools: "+why, args...)
	s.pool.off.Store(true)
}

// The modes of a pool.
const (
	poolBrief   = "brief"   // run the failing tests up to the first failure
	poolFull    = "full"    // run all failing tests, to find out which are fixed
	poolPackage = "package" // run the passing tests of the package too, up to the first failure
	poolHoles   = "holes"   // the mutants are holes: search for decisions
)

// poolTask is the task of pools for a batch.
type poolTask struct {
	*batch
	mode  string
	tests []string // top-level tests that fail with the unchanged code
}

// undecided holds mutants without a verdict of a pool: each needs a process of its own.
type undecided struct {
	passing []mutant // passed in a pool
	others  []mutant // ended their process, or take effect before a pool begins
}

func (u undecided) all() []mutant { return slices.Concat(u.passing, u.others) }

func (u *undecided) add(more undecided) {
	u.passing = append(u.passing, more.passing...)
	u.others = append(u.others, more.others...)
}

// valueSites returns the value sites of mutants, or nil if the mode does not compare values.
func (t poolTask) valueSites() map[int]int {
	if t.mode == poolBrief || t.mode == poolFull {
		return t.meta.valueSites
	}
	return nil
}

// runPooled runs mutants in pools. sampled holds the most promising rejected mutants and some
// at random.
func (b *batch) runPooled(ctx context.Context, mutants []mutant) (open undecided, sampled []mutant) {
	s := b.s
	task := poolTask{b, poolBrief, topLevel(b.target)}
	if !b.meta.pooled || s.pool.off.Load() || task.tests == nil {
		return undecided{others: mutants}, nil
	}
	if len(b.target.Failures) > 1 && len(b.target.Failures) <= manyTests {
		task.mode = poolFull
	}
	open = task.runPools(ctx, mutants)
	if s.pool.off.Load() {
		return undecided{others: mutants}, nil
	}
	rejected := slices.DeleteFunc(bestFirst(mutants), func(m mutant) bool { return b.result(m).Verdict != validate.Rejected })
	sample := min(max(len(rejected)/sampleShare, leastSample), mostSample)
	best := min(sample, len(rejected))
	rest := rejected[best:]
	random := rand.New(rand.NewPCG(s.opt.Seed, uint64(s.samples.Tried)))
	random.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return open, rejected[:best+min(sample, len(rest))]
}

func bestFirst(mutants []mutant) []mutant {
	return slices.SortedFunc(slices.Values(mutants), func(a, b mutant) int { return cmp.Compare(a.ID, b.ID) })
}

// runPools distributes mutants over the workers' pools and returns the undecided ones.
func (t poolTask) runPools(ctx context.Context, mutants []mutant) (open undecided) {
	var pooled []mutant
	for _, m := range bestFirst(mutants) {
		if t.meta.notPooled[m.ID] {
			open.others = append(open.others, m)
		} else {
			pooled = append(pooled, m)
		}
	}
	n := max((len(pooled)+poolSize-1)/poolSize, min(max(t.s.opt.Jobs, 1), len(pooled)))
	chunks := split(pooled, n, t.valueSites())
	parts := make([]undecided, n)
	for i := range parts {
		parts[i].others = chunks[i] // until its turn comes
	}
	t.s.each(ctx, n, func(i int) { parts[i] = t.runPool(ctx, chunks[i]) })
	for _, part := range parts {
		open.add(part)
	}
	return open
}

// split divides mutants into n chunks of about the same size, each with the best mutants
// first. Mutants of one value site stay together, because they may choose the same value.
func split(mutants []mutant, n int, valueSites map[int]int) [][]mutant {
	chunks := make([][]mutant, n)
	least := func() int {
		at := 0
		for i := range chunks {
			if len(chunks[i]) < len(chunks[at]) {
				at = i
			}
		}
		return at
	}
	chunkOf := make(map[int]int) // value site -> chunk
	for _, m := range mutants {
		site, ok := valueSites[m.ID]
		at, begun := chunkOf[site]
		if !ok || !begun || len(chunks[at]) > 2*poolSize {
			at = least()
		}
		if ok {
			chunkOf[site] = at
		}
		chunks[at] = append(chunks[at], m)
	}
	return chunks
}

// topLevel returns the names of the target's top-level tests that a pool can run. Without the
// others it can still reject. Nil means that it can run none.
func topLevel(target validate.Target) []string {
	var out []string
	for _, f := range target.Failures {
		name, _, _ := strings.Cut(f.Test, "/")
		if poolable(name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// leaves returns the tests without those that have subtests among them. A parent usually fails
// because of a subtest, and running it would run passing subtests as well.
func leaves(tests []testrun.TestID) []testrun.TestID {
	parents := make(map[string]bool)
	for _, id := range tests {
		for name := id.Test; strings.Contains(name, "/"); {
			name = name[:strings.LastIndexByte(name, '/')]
			parents[name] = true
		}
	}
	return slices.DeleteFunc(tests, func(id testrun.TestID) bool { return parents[id.Test] })
}

// poolable reports whether a pool can run a test. It cannot run fuzz tests.
func poolable(test string) bool {
	return strings.HasPrefix(test, "Test") || strings.HasPrefix(test, "Example")
}

// runPool runs one chunk, in as many processes as necessary, and returns the undecided
// mutants.
func (t poolTask) runPool(ctx context.Context, chunk []mutant) (open undecided) {
	compare := len(t.valueSites()) > 0
tries:
	for len(chunk) > 0 && ctx.Err() == nil && !t.s.pool.off.Load() {
		out, err := t.process(ctx, chunk, compare)
		switch {
		case ctx.Err() != nil:
			break tries
		case err == nil && len(out.base) == 0 && compare:
			compare = false // a value that cannot be computed may have ended it
			continue
		case err != nil || len(out.base) == 0 || out.base[0] == "pass":
			if t.mode != poolPackage { // pools may still work for fewer tests
				t.s.noPool("the tests do not run in one", "package", t.target.Package, "error", err)
			}
			break tries
		case len(out.base) == 2 && out.base[0] != out.base[1] && len(chunk) < leastPool:
			break tries
		case len(out.base) == 2 && out.base[0] != out.base[1]: // a mutant left something behind
			half := len(chunk) / 2
			open.add(t.runPool(ctx, chunk[:half]))
			open.add(t.runPool(ctx, chunk[half:]))
			return open
		}
		if len(out.base) == 2 && len(out.reached) > 0 {
			t.s.probes.record(t.meta.probes, out.reached)
		}
		var left []mutant
		for _, m := range chunk {
			verdict, ok := out.verdicts[m.ID]
			if !ok {
				left = append(left, m)
			} else if t.judge(m, verdict, out.early) {
				continue
			} else if verdict.pass {
				open.passing = append(open.passing, m)
			} else {
				open.others = append(open.others, m)
			}
		}
		switch { // the first mutant left ended the process
		case len(left) == 0 || out.givenUp && len(left) < len(chunk):
		case out.overflow && t.mode != poolPackage:
			r := t.result(left[0])
			r.Verdict, r.Stage, r.Reason = validate.Rejected, validate.StageScreen, "recurses without end"
			left = left[1:]
		default:
			open.others = append(open.others, left[0])
			left = left[1:]
		}
		chunk = left
	}
	open.others = append(open.others, chunk...)
	return open
}

// judge applies a pool's verdict, and reports whether that decides the mutant. It does not if
// the mutant's function was among those called before the pool began: they are not called
// again as the mutant.
func (t poolTask) judge(m mutant, verdict poolVerdict, called []int) bool {
	r := t.result(m)
	if t.mode == poolHoles {
		r.Verdict = map[bool]validate.Verdict{true: validate.Plausible, false: validate.Rejected}[verdict.pass]
		return true
	}
	early := slices.ContainsFunc(called, func(function int) bool { return slices.Contains(t.meta.functions[function], m.ID) })
	if verdict.inert && !t.meta.skipsStart {
		early = false
	}
	if verdict.word == "same" && !early {
		r.Verdict, r.Stage, r.Reason = validate.Rejected, validate.StageScreen, sameReason
		return true
	}
	if verdict.pass || early {
		return false
	}
	if t.mode == poolPackage {
		stillRed := slices.ContainsFunc(t.target.Failures, func(f testrun.Failure) bool { return slices.Contains(verdict.failed, f.Test) })
		if verdict.word == "timeout" || stillRed { // the clock is less reliable than the steps
			return false
		}
		r.Verdict, r.Stage, r.Reason = validate.Refused, validate.StageScreen, verdict.broken()
		return true
	}
	r.Verdict, r.Stage, r.Reason = validate.Rejected, validate.StageScreen, verdict.reason()
	if t.mode == poolFull && verdict.word == "fail" {
		r.Fixes = passedOf(t.target, verdict.failed)
	}
	return true
}

// poolWait is how long one process of a pool may take.
const poolWait = 2 * time.Minute

// process runs one process of a pool; compare says whether it compares values.
func (t poolTask) process(ctx context.Context, chunk []mutant, compare bool) (poolOutput, error) {
	binary := t.meta.binary
	dir, err := os.MkdirTemp(filepath.Dir(binary.Path), "pool-")
	if err != nil {
		return poolOutput{}, err
	}
	defer os.RemoveAll(dir)
	var task strings.Builder
	fmt.Fprintf(&task, "%s %s\n%s\n", t.mode, t.s.pool.retryTime(), strings.Join(t.tests, " "))
	sites := t.valueSites()
	for _, m := range chunk {
		if site, ok := sites[m.ID]; ok && compare {
			fmt.Fprintln(&task, m.ID, site)
		} else {
			fmt.Fprintln(&task, m.ID)
		}
	}
	name := filepath.Join(dir, "task")
	if err := os.WriteFile(name, []byte(task.String()), 0o600); err != nil {
		return poolOutput{}, err
	}
	only := leaves(t.target.Tests())
	if t.mode == poolPackage {
		only = nil
	}
	env := []string{"REGREEN_POOL=" + name}
	if os.Getenv("GOMAXPROCS") == "" { // workers keep all cores busy; sharing them cost a fifth of the time
		env = append(env, fmt.Sprintf("GOMAXPROCS=%d", max(runtime.NumCPU()/max(t.s.opt.Jobs, 1), 1)))
	}
	run, err := binary.Run(ctx, gotest.BinaryRun{Tests: only, Timeout: poolWait, Env: env})
	if err != nil {
		return poolOutput{}, err
	}
	text, err := os.ReadFile(name + ".out")
	if err != nil {
		return poolOutput{}, err
	}
	out := parsePoolOutput(text)
	t.s.pool.record(time.Duration(run.Seconds*float64(time.Second)), out)
	out.overflow = bytes.Contains(run.Output, []byte("stack exceeds"))
	return out, nil
}
