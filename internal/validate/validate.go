// Package validate finds out what candidates are worth, as fast as can be and
// without touching anything of the user's.
//
// It has two stages. Screening is quick and only ever rejects. How it is done depends
// on the language: that of Go compiles many candidates into one test program, while
// [Plain] serves any language by one run of the failing tests for each candidate.
// Confirmation is what counts: the real edit, laid over the tree, must pass the failing
// tests, the tests of every package that depends on it, the whole suite, and the failing
// tests three times more.
//
// Not a goal: choosing among what is verified; package repair ranks.
package validate

import (
	"context"
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

// Way is how a screener runs the failing tests for candidates.
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

// Samples counts how often what was rejected in a process with others was tried once
// more in one of its own, and how often it passed there.
type Samples struct{ Tried, Passed int }

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

// screenTimeout bounds a run of the failing tests for one candidate.
const screenTimeout = time.Minute

// Request asks for one run of the failing tests with files laid over the tree.
func (t Target) Request(overlay map[string][]byte) testrun.Request {
	return testrun.Request{
		Packages: []string{t.Package}, Tests: t.Tests(), Overlay: overlay, Count: 1, NoVet: true, Timeout: screenTimeout,
	}
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
	// Screened reports of what is plausible that the tests of its packages pass, too.
	Screened bool
	// Compiles reports whether the candidate fixes the compile error; Left counts the
	// tests that then fail.
	Compiles bool
	Left     int
}

// Untested are the results of candidates whose turn has not come.
func Untested(cands []propose.Candidate) []Result {
	results := make([]Result, len(cands))
	for i := range cands {
		results[i] = Result{Candidate: &cands[i], Verdict: Pruned, Stage: StagePropose, Reason: "the budget ended before its turn"}
	}
	return results
}

// Judge sets the verdict by the failures of a run of the target's tests with the
// candidate laid over the tree, or by the error of a run that was not possible.
func (r *Result) Judge(target Target, failures []testrun.Failure, err error) {
	r.Stage = StageFailing
	switch {
	case err != nil:
		r.Verdict, r.Reason = Rejected, err.Error()
	case len(failures) == 0:
		r.Verdict, r.Fixes, r.Reason = Plausible, target.Tests(), ""
	default:
		r.Verdict, r.Reason, r.Left = Rejected, failures[0].Message, len(failures)
		r.Compiles = !slices.ContainsFunc(failures, func(f testrun.Failure) bool { return f.Kind.Unbuilt() })
	}
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

// Spent is where the time of screening went, in seconds.
type Spent struct{ TypeCheck, Build, Run float64 }

// Suite is how the tests of the tree are run.
type Suite interface {
	Run(ctx context.Context, req testrun.Request) (*testrun.Result, error)
	// Reached returns which packages a change of files can break.
	Reached(ctx context.Context, files []string) (testrun.Reach, error)
}

// Screener judges many candidates quickly. What it rejects is lost, so it should
// rarely be wrong there; what it lets pass is confirmed.
type Screener interface {
	// Screen returns a verdict on every candidate, in order: ill_typed, rejected or
	// plausible, or refused where it breaks other tests of its packages. Pruned is
	// what the context's end leaves over, and what cannot matter.
	Screen(ctx context.Context, target Target, cands []propose.Candidate) ([]Result, Spent)
	// ProbeHoles finds out for each hole whether any condition in it could make the
	// failing tests pass, the first ones first, as far as the context's time goes.
	ProbeHoles(ctx context.Context, target Target, holes []*propose.Hole) Spent
	// Samples returns how reliable the rejections were so far.
	Samples() Samples
}

// Validator tests candidates against one tree.
type Validator struct {
	Suite    Suite
	Tree     *propose.Tree
	Screener Screener // nil for Plain
	Jobs     int      // workers of Plain; at least 1
	// Progress, when set, is called by Plain with how many candidates have a verdict.
	Progress func(done, total, plausible int)
}

func (v *Validator) screener() Screener {
	if v.Screener != nil {
		return v.Screener
	}
	return &Plain{Suite: v.Suite, Tree: v.Tree, Jobs: v.Jobs, Progress: v.Progress}
}

// Screen returns a verdict on every candidate, in order; see [Screener].
func (v *Validator) Screen(ctx context.Context, target Target, cands []propose.Candidate) ([]Result, Spent) {
	return v.screener().Screen(ctx, target, cands)
}

// ProbeHoles finds out which holes are worth filling; see [Screener].
func (v *Validator) ProbeHoles(ctx context.Context, target Target, holes []*propose.Hole) Spent {
	return v.screener().ProbeHoles(ctx, target, holes)
}

// Samples returns how reliable the rejections were so far.
func (v *Validator) Samples() Samples { return v.screener().Samples() }

// Files returns the tree's overlay with a candidate's files on top.
func Files(tree *propose.Tree, c *propose.Candidate) (map[string][]byte, error) {
	files, err := c.Files(tree)
	if err != nil {
		return nil, err
	}
	for name, src := range tree.Overlay {
		if _, own := files[name]; !own {
			files[name] = src
		}
	}
	return files, nil
}

// Each calls do with 0 to n-1 on a number of workers, until the context ends.
func Each(ctx context.Context, workers, n int, do func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range max(workers, 1) {
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
