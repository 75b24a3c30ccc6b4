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

// A pool is a process of a metamutant that tries many mutants. Starting a process for
// each costs more than most tests take, so package testing of the standard library is
// laid over with one that
//
//   - runs the failing tests again for each mutant it is given,
//   - leaves a test at its first error, and takes a panic for a failure,
//   - ends what takes too many steps, a step being a turn of a loop or a call,
//   - gives up the process where a mutant takes too long or too much memory.
//
// What one mutant leaves behind (globals, caches, goroutines) the next one
// finds. So a pool only ever rejects; what passes in it is run again in a process
// of its own, and so are samples of what does not. Where they disagree, or where
// the standard library is not as it is known here, every mutant gets a process.
// Where the unchanged code ends a pool with another result than it began with, what
// the pool has said does not count: it is halved until who is to blame is alone.

// poolSize is how many mutants one process tries: enough that its start does
// not count, few enough that little is lost with it.
const poolSize = 400

// leastPool is how many mutants are worth a pool: fewer get processes.
const leastPool = 8

// Of those that a pool rejects some get a process anyway: the most promising,
// which matter most, and as many of all, at random, which show how reliable pools are.
// Of each there are one in sampleShare, but no less than leastSample and no more than
// mostSample: in slow packages a process takes as long as tens of mutants in a pool.
const (
	sampleShare = 30
	leastSample = 3
	mostSample  = 12
)

// manyTests is the number of failing tests above which a pool stops at the first
// of them that fails, instead of finding out which others pass.
const manyTests = 20

// poolState is what a Schemata knows of pools.
type poolState struct {
	once  sync.Once
	files map[string][]byte // of package testing, by absolute path; nil when there can be no pool
	off   atomic.Bool       // they were found wanting

	mu    sync.Mutex
	took  time.Duration // by all processes
	late  time.Duration // of this, for what ran out of steps
	alike int           // mutants that were not run, since they chose the same values as one that was
}

// What runs out of steps may only take long to pass. To find that out is worth some
// time at first, and a share of all the time that pools take.
const (
	lateFirst = 300 * time.Millisecond
	lateShare = 10
	lateMost  = 700 * time.Millisecond // of one process
)

// allowance is how long the next process may try again what ran out of steps.
func (s *poolState) allowance() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(max(lateFirst+s.took/lateShare-s.late, 0), lateMost)
}

func (s *poolState) note(took time.Duration, out poolOutput) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took, s.late, s.alike = s.took+took, s.late+out.late, s.alike+out.alike
}

// pooling returns the files that make package testing run pools, nil when there can be none.
func (s *Screener) pooling(ctx context.Context) map[string][]byte {
	s.pool.once.Do(func() {
		if s.opt.Way == validate.Process || s.opt.Way == validate.Overlay {
			return
		}
		if slices.ContainsFunc(s.opt.Suite.Flags, func(f string) bool { return f == "-race" || f == "-msan" || f == "-asan" }) {
			return // the steps are counted without locks
		}
		files, err := s.poolOverlay(ctx)
		if err != nil {
			s.opt.Log.Debug("mutants get a process each", "error", err)
		}
		s.pool.files = files
	})
	return s.pool.files
}

// poolOverlay is package testing with what a pool needs.
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

// noPool has every mutant get a process of its own from now on.
func (s *Screener) noPool(why string, args ...any) {
	s.opt.Log.Debug("no more pools: "+why, args...)
	s.pool.off.Store(true)
}

// The ways in which a pool runs tests.
const (
	poolBrief   = "brief"   // up to the first failure
	poolFull    = "full"    // all, to find out which are fixed
	poolPackage = "package" // those of the package that pass, too; up to the first failure
	poolHoles   = "holes"   // the mutants are holes, for which decisions are sought
)

// poolTask is what pools have to do for a batch.
type poolTask struct {
	*batch
	mode  string
	tests []string // top-level tests that are red as the code stands
}

// undecided are mutants that pools do not decide on: each needs a process of its own.
type undecided struct {
	passing []mutant // in a pool
	others  []mutant // took their process along, or took effect before a pool began
}

func (u undecided) all() []mutant { return slices.Concat(u.passing, u.others) }

func (u *undecided) add(more undecided) {
	u.passing = append(u.passing, more.passing...)
	u.others = append(u.others, more.others...)
}

// valueSites are those of the mutants, if their values are compared.
func (t poolTask) valueSites() map[int]int {
	if t.mode == poolBrief || t.mode == poolFull {
		return t.meta.valueSites
	}
	return nil
}

// runPooled tries mutants in pools. Sampled are the most promising of what was
// rejected, and some at random.
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

// runPools shares the mutants out among the workers' pools and returns those that are not
// decided.
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
	chunks := share(pooled, n, t.valueSites())
	of := make([]undecided, n)
	for i := range of {
		of[i].others = chunks[i] // until its turn comes
	}
	t.s.each(ctx, n, func(i int) { of[i] = t.runPool(ctx, chunks[i]) })
	for _, more := range of {
		open.add(more)
	}
	return open
}

// share makes n chunks of about the same size, the best mutants first in each. Those
// that choose a value at the same site stay together, for they may choose the same.
func share(mutants []mutant, n int, valueSites map[int]int) [][]mutant {
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
	chunkOf := make(map[int]int) // of a value site
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

// topLevel are the names of those of the target's top-level tests that a pool can
// run; without the others it still can reject. Nil means that it can run none.
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

// leaves are the tests without those that have subtests among them: these fail because
// their subtests do, mostly, and to run them whole is to run subtests that pass.
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

// poolable reports whether a pool can run a test: fuzz tests need package testing's
// own way of running them.
func poolable(test string) bool {
	return strings.HasPrefix(test, "Test") || strings.HasPrefix(test, "Example")
}

// runPool tries one chunk, in as many processes as it takes, and returns what
// is not decided.
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
			if t.mode != poolPackage { // all of the package's tests ask more of a pool
				t.s.noPool("the tests do not run in one", "package", t.target.Package, "error", err)
			}
			break tries
		case len(out.base) == 2 && out.base[0] != out.base[1] && len(chunk) < leastPool:
			break tries
		case len(out.base) == 2 && out.base[0] != out.base[1]: // one left something behind
			half := len(chunk) / 2
			open.add(t.runPool(ctx, chunk[:half]))
			open.add(t.runPool(ctx, chunk[half:]))
			return open
		}
		if len(out.base) == 2 && len(out.reached) > 0 {
			t.s.reach.learn(t.meta.probes, out.reached)
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
		switch { // the next one took the process along
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

// judge takes a pool's verdict over, and reports whether it decides. Functions that were
// called before the pool began cannot be called again as the mutant has them.
func (t poolTask) judge(m mutant, verdict poolVerdict, called []int) bool {
	r := t.result(m)
	if t.mode == poolHoles {
		r.Verdict = map[bool]validate.Verdict{true: validate.Plausible, false: validate.Rejected}[verdict.pass]
		return true
	}
	early := slices.ContainsFunc(called, func(function int) bool { return slices.Contains(t.meta.functions[function], m.ID) })
	if verdict.inert && !t.meta.blind {
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
		redStill := slices.ContainsFunc(t.target.Failures, func(f testrun.Failure) bool { return slices.Contains(verdict.failed, f.Test) })
		if verdict.word == "timeout" || redStill { // the clock says less than the steps
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

// process runs one process of a pool, which compares values or not.
func (t poolTask) process(ctx context.Context, chunk []mutant, compare bool) (poolOutput, error) {
	binary := t.meta.binary
	dir, err := os.MkdirTemp(filepath.Dir(binary.Path), "pool-")
	if err != nil {
		return poolOutput{}, err
	}
	defer os.RemoveAll(dir)
	var order strings.Builder
	fmt.Fprintf(&order, "%s %s\n%s\n", t.mode, t.s.pool.allowance(), strings.Join(t.tests, " "))
	sites := t.valueSites()
	for _, m := range chunk {
		if site, ok := sites[m.ID]; ok && compare {
			fmt.Fprintln(&order, m.ID, site)
		} else {
			fmt.Fprintln(&order, m.ID)
		}
	}
	name := filepath.Join(dir, "order")
	if err := os.WriteFile(name, []byte(order.String()), 0o600); err != nil {
		return poolOutput{}, err
	}
	only := leaves(t.target.Tests())
	if t.mode == poolPackage {
		only = nil
	}
	env := []string{"REGREEN_POOL=" + name}
	if os.Getenv("GOMAXPROCS") == "" { // the workers keep all cores busy: a fifth of the time went into sharing them
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
	t.s.pool.note(time.Duration(run.Seconds*float64(time.Second)), out)
	out.overflow = bytes.Contains(run.Output, []byte("stack exceeds"))
	return out, nil
}
