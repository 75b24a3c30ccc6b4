// Package validate finds out what candidates are worth, as fast as can be and
// without touching anything of the user's.
//
// It has two stages. Screening is quick and only ever rejects: many candidates are
// woven into one test binary (see weaver), run against the failing tests hundreds in
// a process (see pool.go), and what passes once more in a process of its own. What
// cannot be woven has a build of its own, of the one package where that serves (see
// relink.go).
// Confirmation is what counts: the real edit, laid over
// the tree by the go command's -overlay, must pass the failing tests, the tests of
// every package that depends on it, the whole suite, and the failing tests three
// times more.
//
// Not a goal: choosing among what is verified; package repair ranks.
package validate

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"slices"
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

// Way is how Screen runs the failing tests for candidates.
type Way string

// The ways, the quickest first. Each is right by itself, and each falls back on those
// behind it where it cannot serve. Auto begins with the first, and gives it up for a
// package where samples show that it rejects more than one in a hundred wrongly.
const (
	Auto      Way = "auto"
	InProcess Way = "inprocess" // many candidates in a process, whatever samples show
	Process   Way = "process"   // a process for each candidate, of one binary for all
	Overlay   Way = "overlay"   // a build for each candidate
)

// Ways are all of them, for a command line.
var Ways = []Way{Auto, InProcess, Process, Overlay}

// Samples tells how often what was rejected in a process with others was tried once
// more in one of its own, and how often it passed there.
type Samples struct{ Tried, Passed int }

// trusted tells whether at most one in a hundred was rejected wrongly.
func (s Samples) trusted() bool { return s.Passed*100 <= s.Tried }

// Samples tells how reliable Screen's rejections were so far.
func (v *Validator) Samples() Samples { return v.samples }

// Target is what a patch has to turn green.
type Target struct {
	Package  string            // import path of the failing tests' package
	Failures []testrun.Failure // that must pass
	Accepted []testrun.Failure // other failures that may stay: known ones, other clusters'
	// Suite are the packages whose tests were run before, and have to be as green in
	// the end; nil for all.
	Suite []string
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
	// Screened tells of what is plausible that the tests of its packages pass, too.
	Screened bool
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
	Tests   Counts // that were run
}

// Counts are numbers of tests.
type Counts struct{ Packages, Passed, Failed, Skipped int }

// Validator tests candidates against one tree.
type Validator struct {
	Suite *testrun.Suite
	Tree  *propose.SourceTree
	Jobs  int // workers; at least 1
	Log   *slog.Logger
	Way   Way    // "" for Auto
	Seed  uint64 // of the random samples
	// Progress, when set, is told how many candidates have a verdict.
	Progress func(done, total, plausible int)

	begun    bool // a batch was screened
	reach    reach
	samples  Samples
	indirect bool // see weaver
	pool     poolState
	paces    map[string]*pace // of packages, by import path
}

// The sizes of the batches that are woven into one binary: small at first, so
// that the likeliest are through early, then large, so that a build is well used.
const (
	firstBatch = 400
	laterBatch = 4000
)

// maxWhole bounds how many candidates of a batch get a build of their own: each
// takes as long as a hundred that are woven, even when it is relinked.
const maxWhole = 10

// Spent is where the time of Screen went, in seconds.
type Spent struct{ TypeCheck, Build, Run float64 }

// Screen gives every candidate, in order, a verdict: ill_typed, rejected or
// plausible, or refused where it breaks other tests of the package. Pruned is what the
// context's end leaves over, and what changes nothing that the failing tests get to.
func (v *Validator) Screen(ctx context.Context, target Target, cands []propose.Candidate) ([]Result, Spent) {
	results := make([]Result, len(cands))
	for i := range cands {
		results[i] = Result{Candidate: &cands[i], Verdict: Pruned, Stage: StagePropose, Reason: "the budget ended before its turn"}
	}
	var spent Spent
	queue := make([]int, len(results)) // of indexes
	for i := range queue {
		queue[i] = i
	}
	var missed []int // those that the failing tests do not get to
	done, plausible := 0, 0
	for len(queue) > 0 && ctx.Err() == nil {
		size := laterBatch
		if !v.begun {
			size, v.begun = firstBatch, true
		}
		var batch []Result
		var taken, controls []int
		for len(queue) > 0 && len(batch) < size {
			i := queue[0]
			queue = queue[1:]
			if v.reach.misses(results[i].Candidate) {
				if done++; done%missedSample != 0 {
					results[i].Reason = "the failing tests fail before they get there"
					missed = append(missed, i)
					continue
				}
				controls = append(controls, i)
			}
			batch, taken = append(batch, results[i]), append(taken, i)
		}
		v.batch(ctx, target, batch, &spent)
		for n, i := range taken {
			if results[i] = batch[n]; batch[n].Verdict == Plausible {
				plausible++
			}
		}
		done += len(batch) - len(controls)
		if slices.ContainsFunc(controls, func(i int) bool { return results[i].Verdict == Plausible }) {
			v.Log.Debug("what the tests do not get to matters all the same", "package", target.Package)
			v.reach.forget()
			done -= len(missed)
			queue, missed = append(missed, queue...), nil
		}
		if v.Progress != nil {
			v.Progress(done, len(results), plausible)
		}
	}
	return results, spent
}

// missedSample is the share, one in so many, of what the failing tests do not get to
// that is tested all the same.
const missedSample = 50

// batch takes one batch through type check, build and run.
func (v *Validator) batch(ctx context.Context, target Target, results []Result, spent *Spent) {
	before := *spent
	var whole []pick
	byDir := make(map[string][]pick)
	var dirs []string
	for i := range results {
		r := &results[i]
		p := pick{number: i + 1, cand: r.Candidate}
		if r.Candidate.Whole || !sameFile(r.Candidate) || v.Way == Overlay {
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
	if len(whole) > maxWhole && v.Way != Overlay {
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

func (v *Validator) runWoven(ctx context.Context, target Target, wv *woven, picks, rest []pick, results []Result) {
	picks = slices.DeleteFunc(without(picks, rest), func(p pick) bool { return results[p.number-1].Verdict == IllTyped })
	start := time.Now()
	open, sampled := v.runPooled(ctx, target, wv, picks, results)
	undecided := open.all()
	v.Log.Debug("pools", "candidates", len(picks), "undecided", len(undecided), "passing", len(open.passing), "alike so far", v.pool.alike, "seconds", time.Since(start).Seconds())
	refused := v.refusePooled(ctx, target, wv, open.passing, results)
	sampledRefused := refused[:min(len(refused), packageSample)]
	v.runEach(ctx, target, wv, slices.Concat(without(undecided, refused), sampled, sampledRefused), results)
	v.samples.Tried += len(sampled)
	v.samples.Passed += len(stillPlausible(sampled, results))
	if !v.samples.trusted() && v.Way != InProcess && !v.pool.off.Load() {
		v.noPool("too much is rejected wrongly", "package", target.Package, "tried", v.samples.Tried, "passed", v.samples.Passed)
		v.runEach(ctx, target, wv, without(picks, slices.Concat(undecided, sampled)), results)
	}
	v.screenPackages(ctx, target, wv, picks, results)
	if len(stillPlausible(sampledRefused, results)) > 0 {
		v.Log.Debug("no more pools of a whole package: one was wrong", "package", target.Package)
		v.pace(ctx, wv.binary).alone = true
		again := without(refused, sampledRefused)
		v.runEach(ctx, target, wv, again, results)
		v.screenPackages(ctx, target, wv, again, results)
	}
}

// without are the picks that are not among others.
func without(picks, others []pick) []pick {
	return slices.DeleteFunc(slices.Clone(picks), func(p pick) bool {
		return slices.ContainsFunc(others, func(o pick) bool { return o.number == p.number })
	})
}

// runEach runs the failing tests for each candidate in a process of its own.
func (v *Validator) runEach(ctx context.Context, target Target, wv *woven, picks []pick, results []Result) {
	tests := target.Tests()
	brief := len(tests) == 1 || len(tests) > manyTests
	v.each(ctx, len(picks), func(i int) {
		r := &results[picks[i].number-1]
		env := []string{fmt.Sprintf("%s=%d", selector, picks[i].number)}
		if brief && wv.pooled {
			env = append(env, "REGREEN_BRIEF=1") // leaves a test at its first error
		}
		run, err := wv.binary.Run(ctx, testrun.BinaryRun{Tests: tests, Timeout: wv.timeout, FailFast: brief, Env: env})
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
			if r.Verdict != Rejected { // of a sample it is known
				r.Verdict, r.Reason = Rejected, "the failing tests still fail"
			}
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

// runWhole tests candidates that need a build of their own.
func (v *Validator) runWhole(ctx context.Context, target Target, picks []pick, results []Result) {
	relinker := v.relinker(ctx, target, len(picks))
	if relinker != nil {
		defer relinker.Close()
	}
	v.runBuilt(ctx, relinker, target, picks, results)
}

// runBuilt builds and tests each candidate by itself; relinker may be nil.
func (v *Validator) runBuilt(ctx context.Context, relinker *testrun.Relinker, target Target, picks []pick, results []Result) {
	v.each(ctx, len(picks), func(i int) {
		r := &results[picks[i].number-1]
		start := time.Now()
		failures, err := v.failures(ctx, relinker, r.Candidate, target)
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
// those that fail. What the relinker does not serve the go command builds.
func (v *Validator) failures(ctx context.Context, relinker *testrun.Relinker, c *propose.Candidate, target Target) ([]testrun.Failure, error) {
	overlay, err := v.overlay(c)
	if err != nil {
		return nil, err
	}
	request := testrun.Request{
		Packages: []string{target.Package}, Tests: target.Tests(), Overlay: overlay, Count: 1, NoVet: true, Timeout: time.Minute,
	}
	if relinker != nil {
		failures, err := relinked(ctx, relinker, request)
		if err == nil || ctx.Err() != nil {
			return failures, err
		}
		v.Log.Debug("not relinked", "candidate", c.Title, "error", err)
	}
	res, err := v.Suite.Run(ctx, request)
	if err != nil {
		return nil, err
	}
	return res.Failures, nil
}

// overlay is the tree's own with the candidate's files on top.
func (v *Validator) overlay(c *propose.Candidate) (map[string][]byte, error) {
	files, err := c.Files(v.Tree.Tree)
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
