package validate

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// A pool is a woven test binary that tries many candidates in one process. Starting
// a process for each costs more than most tests take, so package testing of the
// standard library is laid over with one that
//
//   - runs the failing tests again for each candidate it is given,
//   - leaves a test at its first error, and takes a panic for a failure,
//   - ends what takes too many steps, a step being a turn of a loop or a call,
//   - gives up the process where a candidate takes too long or too much memory.
//
// What one candidate leaves behind (globals, caches, goroutines) the next one
// finds. So a pool only ever rejects; what passes in it is run again in a process
// of its own, and so are samples of what does not. Where they disagree, or where
// the standard library is not as it is known here, every candidate gets a process.
// Where the unchanged code ends a pool with another result than it began with, what
// the pool has said does not count: it is halved until who is to blame is alone.

// poolSize is how many candidates one process tries: enough that its start does
// not count, few enough that little is lost with it.
const poolSize = 400

// leastPool is how many candidates are worth a pool: fewer get processes.
const leastPool = 8

// Of those that a pool rejects some get a process all the same: the most promising,
// which matter most, and as many of all, at random, which tell how reliable pools are.
// Of each there are one in sampleShare, but no less than leastSample and no more than
// mostSample: in slow packages a process takes as long as tens of candidates in a pool.
const (
	sampleShare = 30
	leastSample = 3
	mostSample  = 12
)

// manyTests is the number of failing tests above which a pool stops at the first
// of them that fails, instead of finding out which others pass.
const manyTests = 20

// poolState is what a Validator knows of pools.
type poolState struct {
	once  sync.Once
	files map[string][]byte // of package testing, by absolute path; nil when there can be no pool
	off   atomic.Bool       // they were found wanting

	mu    sync.Mutex
	took  time.Duration // by all processes
	late  time.Duration // of this, for what ran out of steps
	alike int           // candidates that were not run, for they came to the same as what was
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

func (s *poolState) note(took time.Duration, t told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took, s.late, s.alike = s.took+took, s.late+t.late, s.alike+t.alike
}

// pooling gives the files that make package testing a pool, nil when there can be none.
func (v *Validator) pooling(ctx context.Context) map[string][]byte {
	v.pool.once.Do(func() {
		if v.Way == Process || v.Way == Overlay {
			return
		}
		if slices.ContainsFunc(v.Suite.Flags, func(f string) bool { return f == "-race" || f == "-msan" || f == "-asan" }) {
			return // the steps are counted without locks
		}
		files, err := v.poolOverlay(ctx)
		if err != nil {
			v.Log.Debug("candidates get a process each", "error", err)
		}
		v.pool.files = files
	})
	return v.pool.files
}

// poolOverlay is package testing with a pool grafted on.
func (v *Validator) poolOverlay(ctx context.Context) (map[string][]byte, error) {
	goroot, err := v.Suite.Goroot(ctx)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(goroot, "src", "testing")
	src, err := os.ReadFile(filepath.Join(dir, "testing.go"))
	if err != nil {
		return nil, err
	}
	grafted, err := graftPool(src)
	if err != nil {
		return nil, err
	}
	more, err := poolFiles()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{filepath.Join(dir, "testing.go"): grafted}
	for name, src := range more {
		files[filepath.Join(dir, name)] = src
	}
	return files, nil
}

// noPool has every candidate get a process of its own from now on.
func (v *Validator) noPool(why string, args ...any) {
	v.Log.Debug("no more pools: "+why, args...)
	v.pool.off.Store(true)
}

// The ways in which a pool runs tests.
const (
	poolBrief   = "brief"   // up to the first failure
	poolFull    = "full"    // all, to tell which are mended
	poolPackage = "package" // those of the package that pass, too; up to the first failure
	poolHoles   = "holes"   // the candidates are holes, for which decisions are sought
)

// poolTask is what pools have to do.
type poolTask struct {
	target Target
	woven  *woven
	mode   string
	tests  []string // top-level tests that are red as the code stands
}

// undecided are candidates that pools do not decide on: each needs a process of its own.
type undecided struct {
	passing []pick // in a pool
	others  []pick // took their process along, or had their say before a pool began
}

func (u undecided) all() []pick { return slices.Concat(u.passing, u.others) }

func (u *undecided) add(more undecided) {
	u.passing = append(u.passing, more.passing...)
	u.others = append(u.others, more.others...)
}

// places tells where candidates pick values, if these are compared.
func (t poolTask) places() map[int]int {
	if t.mode == poolBrief || t.mode == poolFull {
		return t.woven.picks
	}
	return nil
}

// runPooled tries candidates in pools. Sampled are the most promising of what was
// rejected.
func (v *Validator) runPooled(ctx context.Context, target Target, wv *woven, picks []pick, results []Result) (open undecided, sampled []pick) {
	task := poolTask{target, wv, poolBrief, topLevel(target)}
	if !wv.pooled || v.pool.off.Load() || task.tests == nil {
		return undecided{others: picks}, nil
	}
	if len(target.Failures) > 1 && len(target.Failures) <= manyTests {
		task.mode = poolFull
	}
	open = v.runPools(ctx, task, picks, results)
	if v.pool.off.Load() {
		return undecided{others: picks}, nil
	}
	rejected := slices.DeleteFunc(bestFirst(picks), func(p pick) bool { return results[p.number-1].Verdict != Rejected })
	sample := min(max(len(rejected)/sampleShare, leastSample), mostSample)
	best := min(sample, len(rejected))
	rest := rejected[best:]
	random := rand.New(rand.NewPCG(v.Seed, uint64(v.samples.Tried)))
	random.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return open, rejected[:best+min(sample, len(rest))]
}

func bestFirst(picks []pick) []pick {
	return slices.SortedFunc(slices.Values(picks), func(a, b pick) int { return cmp.Compare(a.number, b.number) })
}

// runPools shares the candidates out among the workers' pools and gives back those
// that are not decided.
func (v *Validator) runPools(ctx context.Context, task poolTask, picks []pick, results []Result) (open undecided) {
	var pooled []pick
	for _, p := range bestFirst(picks) {
		if task.woven.alone[p.number] {
			open.others = append(open.others, p)
		} else {
			pooled = append(pooled, p)
		}
	}
	n := max((len(pooled)+poolSize-1)/poolSize, min(max(v.Jobs, 1), len(pooled)))
	chunks := share(pooled, n, task.places())
	of := make([]undecided, n)
	for i := range of {
		of[i].others = chunks[i] // until its turn comes
	}
	v.each(ctx, n, func(i int) { of[i] = v.runPool(ctx, task, chunks[i], results) })
	for _, more := range of {
		open.add(more)
	}
	return open
}

// share makes n chunks of about the same size, the best candidates first in each. Those
// that pick a value at the same place stay together, for they may come to the same.
func share(picks []pick, n int, places map[int]int) [][]pick {
	chunks := make([][]pick, n)
	least := func() int {
		at := 0
		for i := range chunks {
			if len(chunks[i]) < len(chunks[at]) {
				at = i
			}
		}
		return at
	}
	chunkOf := make(map[int]int) // of a place
	for _, p := range picks {
		place, ok := places[p.number]
		at, begun := chunkOf[place]
		if !ok || !begun || len(chunks[at]) > 2*poolSize {
			at = least()
		}
		if ok {
			chunkOf[place] = at
		}
		chunks[at] = append(chunks[at], p)
	}
	return chunks
}

// Decide finds out which holes can hold a condition that makes the failing tests
// pass, the first ones first, as far as the context's time goes.
func (v *Validator) Decide(ctx context.Context, target Target, holes []*propose.Hole) (spent Spent) {
	tests := topLevel(target)
	if tests == nil || len(holes) == 0 || v.pool.off.Load() || v.pooling(ctx) == nil {
		return spent
	}
	results := make([]Result, len(holes))
	byDir := make(map[string][]pick)
	var dirs []string
	for i, h := range holes {
		c := &propose.Candidate{Edits: h.Edits}
		results[i] = Result{Candidate: c}
		dir := path.Dir(c.File())
		if byDir[dir] == nil {
			dirs = append(dirs, dir)
		}
		byDir[dir] = append(byDir[dir], pick{i + 1, c})
	}
	wv, _ := v.buildWoven(ctx, target, dirs, byDir, results, &spent)
	if wv == nil {
		return spent
	}
	defer wv.binary.Remove()
	start := time.Now()
	var picks []pick
	for i, r := range results {
		if r.Verdict != IllTyped {
			picks = append(picks, pick{i + 1, r.Candidate})
		}
	}
	if wv.pooled {
		v.runPools(ctx, poolTask{target, wv, poolHoles, tests}, picks, results)
	}
	for i, r := range results {
		switch r.Verdict {
		case Plausible:
			holes[i].Answer = propose.Yes
		case Rejected:
			holes[i].Answer = propose.No
		}
	}
	spent.Run += time.Since(start).Seconds()
	return spent
}

// topLevel are the names of those of the target's top-level tests that a pool can
// run; without the others it still can reject. Nil means that there is none.
func topLevel(target Target) []string {
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

// poolable tells whether a pool can run a test: fuzz tests need package testing's
// own way of running them.
func poolable(test string) bool {
	return strings.HasPrefix(test, "Test") || strings.HasPrefix(test, "Example")
}

// runPool tries one chunk, in as many processes as it takes, and gives back what
// is not decided.
func (v *Validator) runPool(ctx context.Context, task poolTask, chunk []pick, results []Result) (open undecided) {
	compare := len(task.places()) > 0
tries:
	for len(chunk) > 0 && ctx.Err() == nil && !v.pool.off.Load() {
		told, err := v.poolProcess(ctx, task, chunk, compare)
		switch {
		case ctx.Err() != nil:
			break tries
		case err == nil && len(told.base) == 0 && compare:
			compare = false // a value that cannot be computed may have ended it
			continue
		case err != nil || len(told.base) == 0 || told.base[0] == "pass":
			if task.mode != poolPackage { // all of the package's tests ask more of a pool
				v.noPool("the tests do not run in one", "package", task.target.Package, "error", err)
			}
			break tries
		case len(told.base) == 2 && told.base[0] != told.base[1] && len(chunk) < leastPool:
			break tries
		case len(told.base) == 2 && told.base[0] != told.base[1]: // one left something behind
			half := len(chunk) / 2
			open.add(v.runPool(ctx, task, chunk[:half], results))
			open.add(v.runPool(ctx, task, chunk[half:], results))
			return open
		}
		if len(told.base) == 2 && len(told.reached) > 0 {
			v.reach.learn(task.woven.probes, told.reached)
		}
		var left []pick
		for _, p := range chunk {
			verdict, ok := told.verdicts[p.number]
			if !ok {
				left = append(left, p)
			} else if task.judge(p, verdict, told.sites, &results[p.number-1]) {
				continue
			} else if verdict.pass {
				open.passing = append(open.passing, p)
			} else {
				open.others = append(open.others, p)
			}
		}
		switch { // the next one took the process along
		case len(left) == 0 || told.givenUp && len(left) < len(chunk):
		case told.overflow && task.mode != poolPackage:
			r := &results[left[0].number-1]
			r.Verdict, r.Stage, r.Reason = Rejected, StageScreen, "recurses without end"
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

// judge takes a pool's verdict over, and tells whether it decides.
func (t poolTask) judge(p pick, verdict poolVerdict, before []int, r *Result) bool {
	if t.mode == poolHoles {
		r.Verdict = map[bool]Verdict{true: Plausible, false: Rejected}[verdict.pass]
		return true
	}
	early := slices.ContainsFunc(before, func(site int) bool { return slices.Contains(t.woven.sites[site], p.number) })
	if verdict.inert && !t.woven.blind {
		early = false
	}
	if verdict.word == "same" && !early {
		r.Verdict, r.Stage, r.Reason = Rejected, StageScreen, sameReason
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
		r.Verdict, r.Stage, r.Reason = Refused, StageScreen, verdict.broken()
		return true
	}
	r.Verdict, r.Stage, r.Reason = Rejected, StageScreen, verdict.reason()
	if t.mode == poolFull && verdict.word == "fail" {
		r.Fixes = passedOf(t.target, verdict.failed)
	}
	return true
}

// poolWait is how long one process of a pool may take.
const poolWait = 2 * time.Minute

// poolProcess runs one process of a pool, which compares values or not.
func (v *Validator) poolProcess(ctx context.Context, task poolTask, chunk []pick, compare bool) (told, error) {
	binary := task.woven.binary
	dir, err := os.MkdirTemp(filepath.Dir(binary.Path), "pool-")
	if err != nil {
		return told{}, err
	}
	defer os.RemoveAll(dir)
	var order strings.Builder
	fmt.Fprintf(&order, "%s %s\n%s\n", task.mode, v.pool.allowance(), strings.Join(task.tests, " "))
	places := task.places()
	for _, p := range chunk {
		if place, ok := places[p.number]; ok && compare {
			fmt.Fprintln(&order, p.number, place)
		} else {
			fmt.Fprintln(&order, p.number)
		}
	}
	name := filepath.Join(dir, "order")
	if err := os.WriteFile(name, []byte(order.String()), 0o600); err != nil {
		return told{}, err
	}
	only := leaves(task.target.Tests())
	if task.mode == poolPackage {
		only = nil
	}
	env := []string{"REGREEN_POOL=" + name}
	if os.Getenv("GOMAXPROCS") == "" { // the workers keep all cores busy: a fifth of the time went into sharing them
		env = append(env, fmt.Sprintf("GOMAXPROCS=%d", max(runtime.NumCPU()/max(v.Jobs, 1), 1)))
	}
	run, err := binary.Run(ctx, testrun.BinaryRun{Tests: only, Timeout: poolWait, Env: env})
	if err != nil {
		return told{}, err
	}
	out, err := os.ReadFile(name + ".out")
	if err != nil {
		return told{}, err
	}
	t := readTold(out)
	v.pool.note(time.Duration(run.Seconds*float64(time.Second)), t)
	t.overflow = bytes.Contains(run.Output, []byte("stack exceeds"))
	return t, nil
}
