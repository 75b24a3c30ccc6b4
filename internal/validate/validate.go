// Package validate finds out what candidates are worth, as fast as can be and
// without touching anything of the user's.
//
// It has two stages. Screening is quick and only ever rejects: many candidates are
// woven into one test binary (see weaver) and each is run in a process of its own
// against the failing tests. Confirmation is what counts: the real edit, laid over
// the tree by the go command's -overlay, must pass the failing tests, the tests of
// every package that depends on it, the whole suite, and the failing tests three
// times more.
//
// Not a goal: choosing among what is verified; package repair ranks.
package validate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Verdict is what became of a candidate.
type Verdict string

// The verdicts, from the least to the best.
const (
	Pruned    Verdict = "pruned"    // not tested: the budget ended, or it cannot matter
	IllTyped  Verdict = "ill_typed" // would not compile
	Rejected  Verdict = "rejected"  // the failing tests still fail
	Plausible Verdict = "plausible" // the failing tests pass
	Refused   Verdict = "refused"   // plausible, but something else broke or runs disagreed
	Verified  Verdict = "verified"  // plausible, the suite as green as before, repeated runs agree
)

// The stages at which a verdict is reached.
const (
	StagePropose    = "propose"
	StageTypeCheck  = "type-check"
	StageScreen     = "screen"
	StageFailing    = "failing-tests"
	StageDependents = "dependents"
	StageSuite      = "suite"
	StageRepeat     = "repeat"
)

// Target is what a patch has to turn green.
type Target struct {
	Package  string            // import path of the failing tests' package
	Failures []testrun.Failure // that must pass
	Accepted []testrun.Failure // other failures that may stay: known ones, other clusters'
	// Passed are the tests that passed before.
	Passed []testrun.TestID
	// Revealed allows tests to fail that could not be run before, because their
	// package did not compile: they are clusters of their own.
	Revealed bool
}

// Tests are the failing tests.
func (t Target) Tests() []testrun.TestID {
	ids := make([]testrun.TestID, 0, len(t.Failures))
	for _, f := range t.Failures {
		ids = append(ids, f.TestID)
	}
	return ids
}

// Result is what is known of one candidate.
type Result struct {
	Candidate *propose.Candidate
	Verdict   Verdict
	Stage     string // where the verdict fell
	Seconds   float64
	Reason    string
	Fixes     []testrun.TestID // of the target's tests
	Evidence  []Evidence
	// Compiles tells of a candidate for a compile error that it mends it, Left how
	// many tests then fail.
	Compiles bool
	Left     int
}

// Evidence is one step that was taken.
type Evidence struct {
	Step    string
	Passed  bool
	Detail  string
	Seconds float64
}

// Validator tests candidates against one tree.
type Validator struct {
	Suite *testrun.Suite
	Tree  *propose.Tree
	Jobs  int // workers; at least 1
	Log   *slog.Logger
	// Progress, when set, is told how many candidates have a verdict.
	Progress func(done, total, plausible int)

	begun       bool // a batch was screened
	indirect    bool // see weaver
	pool        poolState
	packageOnce sync.Once
	packageTime time.Duration
}

// The sizes of the batches that are woven into one binary: small at first, so
// that the likeliest are through early, then large, so that a build is well used.
const (
	firstBatch = 400
	laterBatch = 4000
)

// maxWhole bounds how many candidates of a batch get a build of their own: each
// takes as long as a hundred that are woven.
const maxWhole = 10

// Spent is where the time of Screen went, in seconds.
type Spent struct{ TypeCheck, Build, Run float64 }

// Screen gives every candidate, in order, a verdict: ill_typed, rejected or
// plausible, or refused where it breaks other tests of the package; what the
// context's end leaves over is pruned.
func (v *Validator) Screen(ctx context.Context, target Target, cands []propose.Candidate) ([]Result, Spent) {
	results := make([]Result, len(cands))
	for i := range cands {
		results[i] = Result{Candidate: &cands[i], Verdict: Pruned, Stage: StagePropose, Reason: "the budget ended before its turn"}
	}
	var spent Spent
	plausible := 0
	for at := 0; at < len(results) && ctx.Err() == nil; {
		size := laterBatch
		if !v.begun {
			size, v.begun = firstBatch, true
		}
		end := min(at+size, len(results))
		v.batch(ctx, target, results[at:end], &spent)
		for _, r := range results[at:end] {
			if r.Verdict == Plausible {
				plausible++
			}
		}
		at = end
		if v.Progress != nil {
			v.Progress(at, len(results), plausible)
		}
	}
	return results, spent
}

// batch takes one batch through type check, build and run.
func (v *Validator) batch(ctx context.Context, target Target, results []Result, spent *Spent) {
	before := *spent
	var whole []pick
	byDir := make(map[string][]pick)
	var dirs []string
	for i := range results {
		r := &results[i]
		p := pick{number: i + 1, cand: r.Candidate}
		if r.Candidate.Whole || !sameFile(r.Candidate) {
			whole = append(whole, p)
			continue
		}
		dir := path.Dir(r.Candidate.File())
		if byDir[dir] == nil {
			dirs = append(dirs, dir)
		}
		byDir[dir] = append(byDir[dir], p)
	}
	var picks []pick
	for _, dir := range dirs {
		picks = append(picks, byDir[dir]...)
	}
	woven, rest := v.buildWoven(ctx, target, dirs, byDir, results, spent)
	if woven != nil {
		start := time.Now()
		v.runWoven(ctx, target, woven, picks, rest, results)
		spent.Run += time.Since(start).Seconds()
		_ = woven.binary.Remove()
	}
	start := time.Now()
	whole = append(whole, rest...)
	if len(whole) > maxWhole {
		for _, p := range whole[maxWhole:] {
			results[p.number-1].Reason = "would need a build of its own"
		}
		whole = whole[:maxWhole]
	}
	v.runWhole(ctx, target, whole, results)
	spent.Run += time.Since(start).Seconds()
	v.Log.Debug("batch", "candidates", len(results), "whole", len(whole), "check", spent.TypeCheck-before.TypeCheck,
		"build", spent.Build-before.Build, "run", spent.Run-before.Run)
}

func sameFile(c *propose.Candidate) bool {
	for _, e := range c.Edits {
		if e.File != c.Edits[0].File {
			return false
		}
	}
	return true
}

// each runs do for 0 to n-1 on the validator's workers, until the context ends.
func (v *Validator) each(ctx context.Context, n int, do func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range max(v.Jobs, 1) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
feed:
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
}

// woven is a test binary with many candidates in it.
type woven struct {
	binary  *testrun.Binary
	timeout time.Duration
	pooled  bool          // it can try many candidates in one process
	holes   bool          // its candidates are holes, for which decisions are sought
	alone   map[int]bool  // candidates that cannot be tried so
	sites   map[int][]int // a function, by its first candidate -> its candidates
}

// maxRebuilds bounds how often a woven build is tried again without the
// candidates that the compiler refused although the type check let them pass.
const maxRebuilds = 20

// buildWoven weaves and builds; candidates that cannot be woven come back. A nil
// binary means that none could.
func (v *Validator) buildWoven(ctx context.Context, target Target, dirs []string, byDir map[string][]pick, results []Result, spent *Spent) (*woven, []pick) {
	solo := make(map[int]bool)
	for range maxRebuilds {
		var system map[string][]byte
		if !v.pool.off.Load() {
			system = v.pooling(ctx)
		}
		w := newWeaver(system != nil, solo)
		w.indirect = v.indirect
		overlay := maps.Clone(v.Tree.Overlay)
		if overlay == nil {
			overlay = make(map[string][]byte)
		}
		var rest []pick
		n := 0
		flags := []string{"-ldflags=-s -w"}
		for _, dir := range dirs {
			pkg, err := v.Tree.Load(ctx, dir)
			if err != nil {
				rest = append(rest, byDir[dir]...)
				continue
			}
			start := time.Now()
			files, left := v.weaveTyped(w, pkg, byDir, results)
			spent.TypeCheck += time.Since(start).Seconds()
			rest = append(rest, left...)
			n += len(byDir[dir]) - len(left)
			maps.Copy(overlay, files)
			// Inlining makes large woven packages slow to compile (by minutes where
			// there are many closures) and gains little in one short run. All
			// errors are wanted, not the first ten.
			flags = append(flags, "-gcflags="+pkg.Path+"=-l -e")
		}
		if n == 0 {
			return nil, rest
		}
		start := time.Now()
		binary, err := v.Suite.Build(ctx, target.Package, testrun.BuildOptions{Overlay: overlay, System: system, NoVet: true, Flags: flags})
		spent.Build += time.Since(start).Seconds()
		if err == nil {
			wv := &woven{binary: binary, pooled: w.pooled, alone: w.alone, sites: w.sites}
			if wv.timeout, err = v.baseline(ctx, target, binary); err == nil {
				return wv, rest
			}
			_ = binary.Remove()
			v.Log.Debug("woven binary not usable", "package", target.Package, "error", err)
			return nil, flatten(dirs, byDir)
		}
		var build *testrun.BuildError
		if ctx.Err() != nil || !errors.As(err, &build) {
			v.Log.Debug("woven build failed", "package", target.Package, "error", err)
			return nil, flatten(dirs, byDir)
		}
		if !v.indirect && strings.Contains(build.Output, "initialization cycle") {
			v.indirect = true
			continue
		}
		if !dropRefused(w, build, byDir, results) {
			if w.pooled { // the code under repair may be part of the standard library
				v.noPool("it does not build", "package", target.Package, "error", build)
				continue
			}
			v.Log.Debug("woven build failed at places of no candidate", "package", target.Package, "error", build, "output", build.Output)
			return nil, flatten(dirs, byDir)
		}
	}
	return nil, flatten(dirs, byDir)
}

// maxChecks bounds how often a package is woven anew without what was refused.
const maxChecks = 4

// weaveTyped weaves the candidates of a package and takes those out that do not
// parse or type-check: it is quicker to check all of them at once, where they
// stand, than each by itself. Ill-typed for another reason than those of its own
// lines (a declaration that it leaves unused) comes out when it is confirmed.
func (v *Validator) weaveTyped(w *weaver, pkg *propose.Package, byDir map[string][]pick, results []Result) (files map[string][]byte, rest []pick) {
	refuse := func(refused map[int]string) {
		byDir[pkg.Dir] = slices.DeleteFunc(byDir[pkg.Dir], func(p pick) bool {
			why, ok := refused[p.number]
			if ok {
				r := &results[p.number-1]
				r.Verdict, r.Stage, r.Reason = IllTyped, StageTypeCheck, why
			}
			return ok
		})
	}
	for range maxChecks {
		var broken map[int]error
		files, rest, broken = w.weave(pkg, byDir[pkg.Dir])
		refused := make(map[int]string)
		for number, err := range broken {
			refused[number] = err.Error()
		}
		tails := make(map[string]string)
		for name := range files {
			if t := w.tails[name]; t.text != "" {
				tails[name] = t.text
			}
		}
		again := false
		for _, e := range pkg.CheckAdded(tails, choosingTypes) {
			switch at := w.at(e.File, e.Line+w.tails[e.File].line-1); {
			case len(at) == 1:
				refused[at[0]], again = e.Message, true
			case len(at) > 1:
				again = v.findIllTyped(w, pkg, byDir[pkg.Dir], at, refused) || again
			}
		}
		refuse(refused)
		if !again {
			break
		}
	}
	return files, rest
}

// findIllTyped looks for those of a carrier's candidates that make it ill-typed
// although the error is not on their lines: a return that is missing, for instance.
// Where none does so by itself, each gets a carrier of its own.
func (v *Validator) findIllTyped(w *weaver, pkg *propose.Package, picks []pick, numbers []int, refused map[int]string) bool {
	found := false
	for _, p := range picks {
		if !slices.Contains(numbers, p.number) || refused[p.number] != "" {
			continue
		}
		if err := v.Tree.Check(pkg, p.cand); err != nil {
			refused[p.number], found = err.Error(), true
		}
	}
	for _, n := range numbers {
		if !found && !w.solo[n] {
			w.solo[n] = true
		}
	}
	return true
}

var carrierName = regexp.MustCompile(`\bregreen(\d+)_`)

// dropRefused takes the candidates out that the compiler named: by the place of an
// error, or, where that is elsewhere (an initialization cycle), in its words. Where
// it may be any of a carrier's, each gets a carrier of its own.
func dropRefused(w *weaver, build *testrun.BuildError, byDir map[string][]pick, results []Result) bool {
	refused := make(map[int]string)
	changed := false
	suspect := func(numbers []int, why string) {
		if len(numbers) == 1 {
			refused[numbers[0]], changed = why, true
			return
		}
		for _, n := range numbers {
			w.solo[n], changed = true, true
		}
	}
	for _, pos := range build.Positions {
		suspect(w.at(pos.File, pos.Line), pos.Message)
	}
	if !changed {
		for _, m := range carrierName.FindAllStringSubmatch(build.Output, -1) {
			if number, err := strconv.Atoi(m[1]); err == nil {
				suspect(w.carrying(number), "makes an initialization cycle")
			}
		}
	}
	for dir := range byDir {
		byDir[dir] = slices.DeleteFunc(byDir[dir], func(p pick) bool {
			why, ok := refused[p.number]
			if ok {
				r := &results[p.number-1]
				r.Verdict, r.Stage, r.Reason = IllTyped, StageScreen, why
			}
			return ok
		})
	}
	return changed
}

func flatten(dirs []string, byDir map[string][]pick) []pick {
	var out []pick
	for _, dir := range dirs {
		out = append(out, byDir[dir]...)
	}
	return out
}

// baseline runs the binary as the code stands: it must fail as before, and the
// time it takes says how long a candidate may.
func (v *Validator) baseline(ctx context.Context, target Target, b *testrun.Binary) (time.Duration, error) {
	res, err := b.Run(ctx, testrun.BinaryRun{Tests: target.Tests(), Timeout: time.Minute})
	if err != nil {
		return 0, err
	}
	if res.Passed {
		return 0, errors.New("the failing tests pass in it although nothing was changed")
	}
	// Ten times as long and a little more: enough for a busy machine, little for
	// an endless loop.
	return min(10*time.Duration(res.Seconds*float64(time.Second))+time.Second/2, time.Minute), nil
}

func (v *Validator) runWoven(ctx context.Context, target Target, wv *woven, picks, rest []pick, results []Result) {
	picks = slices.DeleteFunc(slices.Clone(picks), func(p pick) bool {
		return results[p.number-1].Verdict == IllTyped || slices.ContainsFunc(rest, func(r pick) bool { return r.number == p.number })
	})
	start := time.Now()
	undecided, sampled := v.runPooled(ctx, target, wv, picks, results)
	v.Log.Debug("pools", "candidates", len(picks), "undecided", len(undecided), "seconds", time.Since(start).Seconds())
	v.runEach(ctx, target, wv, slices.Concat(undecided, sampled), results)
	if slices.ContainsFunc(sampled, func(p pick) bool { return results[p.number-1].Verdict == Plausible }) {
		v.noPool("one was wrong", "package", target.Package)
		again := slices.DeleteFunc(slices.Clone(picks), func(p pick) bool {
			return slices.Contains(undecided, p) || slices.Contains(sampled, p)
		})
		v.runEach(ctx, target, wv, again, results)
	}
	v.screenPackage(ctx, target, wv, picks, results)
}

// runEach runs the failing tests for each candidate in a process of its own.
func (v *Validator) runEach(ctx context.Context, target Target, wv *woven, picks []pick, results []Result) {
	tests := target.Tests()
	v.each(ctx, len(picks), func(i int) {
		r := &results[picks[i].number-1]
		run, err := wv.binary.Run(ctx, testrun.BinaryRun{
			Tests: tests, Timeout: wv.timeout, FailFast: len(tests) == 1,
			Env: []string{fmt.Sprintf("%s=%d", selector, picks[i].number)},
		})
		if err != nil {
			return // interrupted, or no process to be had: stays pruned
		}
		r.Stage, r.Seconds = StageScreen, run.Seconds
		switch {
		case run.Passed:
			r.Verdict, r.Fixes, r.Reason = Plausible, tests, ""
			v.typeCheck(ctx, r)
		case run.TimedOut:
			r.Verdict, r.Reason = Rejected, "ran into the timeout"
		default:
			r.Verdict, r.Reason = Rejected, "the failing tests still fail"
			r.Fixes = fixedIn(run.Output, tests)
		}
	})
}

// typeCheck looks at the real edit of what passed: in a carrier a variable that it
// leaves unused is not.
func (v *Validator) typeCheck(ctx context.Context, r *Result) {
	pkg, err := v.Tree.Load(ctx, path.Dir(r.Candidate.File()))
	if err != nil {
		return // confirmation will tell
	}
	if err := v.Tree.Check(pkg, r.Candidate); err != nil {
		r.Verdict, r.Stage, r.Reason, r.Fixes = IllTyped, StageTypeCheck, err.Error(), nil
	}
}

// packageTimeout bounds the run of a package's tests in screening; a package that
// takes longer as it stands is left to confirmation.
const packageTimeout = 30 * time.Second

// packageLimit is how long a package's tests may take with a candidate in it, by
// what they take as it stands; 0 when that is too long for screening.
func (v *Validator) packageLimit(ctx context.Context, wv *woven) time.Duration {
	v.packageOnce.Do(func() {
		run, err := wv.binary.Run(ctx, testrun.BinaryRun{Timeout: packageTimeout})
		if err == nil && !run.TimedOut {
			v.packageTime = 3*time.Duration(run.Seconds*float64(time.Second)) + 2*time.Second
		}
	})
	return v.packageTime
}

// screenPackage runs all tests of the package for what is plausible so far. Most of
// it passes the failing tests by breaking something else, and here that is found
// out in the time of one run rather than of one build.
func (v *Validator) screenPackage(ctx context.Context, target Target, wv *woven, picks []pick, results []Result) {
	picks = slices.DeleteFunc(slices.Clone(picks), func(p pick) bool { return results[p.number-1].Verdict != Plausible })
	if len(picks) == 0 {
		return
	}
	limit := v.packageLimit(ctx, wv)
	if limit == 0 {
		return
	}
	v.each(ctx, len(picks), func(i int) {
		r := &results[picks[i].number-1]
		run, err := wv.binary.Run(ctx, testrun.BinaryRun{
			Timeout: limit, Env: []string{fmt.Sprintf("%s=%d", selector, picks[i].number)},
		})
		if err != nil || run.Passed {
			return
		}
		r.Seconds += run.Seconds
		if why := broken(run, target); why != "" {
			r.Verdict, r.Stage, r.Reason = Refused, StageScreen, why
		}
	})
}

// broken names what a candidate breaks in its package, or "".
func broken(run testrun.BinaryResult, target Target) string {
	if run.TimedOut {
		return "the other tests of the package run into the timeout"
	}
	failed := failLine.FindAllSubmatch(run.Output, -1)
	for _, m := range failed {
		id := testrun.TestID{Package: target.Package, Test: string(m[1])}
		allowed := slices.ContainsFunc(slices.Concat(target.Accepted, target.Failures), func(f testrun.Failure) bool {
			return covers(f.TestID, id) || covers(id, f.TestID)
		})
		if !allowed {
			return "breaks " + id.Test
		}
	}
	if len(failed) == 0 {
		return "the other tests of the package do not get through"
	}
	return ""
}

// runWhole tests candidates that need a build of their own.
func (v *Validator) runWhole(ctx context.Context, target Target, picks []pick, results []Result) {
	v.each(ctx, len(picks), func(i int) {
		r := &results[picks[i].number-1]
		start := time.Now()
		failures, err := v.failures(ctx, r.Candidate, target)
		if err != nil && ctx.Err() != nil {
			return
		}
		r.Stage, r.Seconds = StageFailing, time.Since(start).Seconds()
		switch {
		case err != nil:
			r.Verdict, r.Reason = Rejected, err.Error()
		case len(failures) == 0:
			r.Verdict, r.Fixes, r.Reason = Plausible, target.Tests(), ""
		default:
			r.Verdict, r.Reason, r.Left = Rejected, failures[0].Message, len(failures)
			r.Compiles = !slices.ContainsFunc(failures, func(f testrun.Failure) bool { return f.Kind == testrun.Compile })
		}
	})
}

// failures runs the target's tests with the real edit laid over the tree and gives
// those that fail.
func (v *Validator) failures(ctx context.Context, c *propose.Candidate, target Target) ([]testrun.Failure, error) {
	overlay, err := v.overlay(c)
	if err != nil {
		return nil, err
	}
	res, err := v.Suite.Run(ctx, testrun.Request{
		Packages: []string{target.Package}, Tests: target.Tests(), Overlay: overlay, Count: 1, NoVet: true, Timeout: time.Minute,
	})
	if err != nil {
		return nil, err
	}
	return res.Failures, nil
}

// overlay is the tree's own with the candidate's files on top.
func (v *Validator) overlay(c *propose.Candidate) (map[string][]byte, error) {
	files, err := c.Files(v.Tree)
	if err != nil {
		return nil, err
	}
	for name, src := range v.Tree.Overlay {
		if _, own := files[name]; !own {
			files[name] = src
		}
	}
	return files, nil
}
