// Package validate tests candidates, as fast as possible and without touching the user's
// files.
//
// It has two stages. Screening is quick and only rejects. It depends on the language: for Go
// it compiles many candidates into one test program, while [Plain] runs the failing tests
// once for each candidate in any language. Confirmation decides: with the real edit laid
// over the tree, the failing tests, the tests of all packages that depend on it, the whole
// suite, and the failing tests three more times must pass.
//
// Non-goal: choosing among verified candidates (package repair).
package validate

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Verdict is the result of testing a candidate.
type Verdict string

// The verdicts, from the worst to the best.
const (
	Pruned    Verdict = "pruned"    // not tested: the budget ended, or it cannot help
	IllTyped  Verdict = "ill_typed" // does not compile
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

// Mode is how a screener runs the failing tests for candidates.
type Mode string

// The modes, the fastest first. Each one is correct on its own, and falls back on those after
// it if it does not work for a candidate. Auto starts with the first, and drops it for a
// package if samples show that more than one in a hundred of its rejections are wrong.
const (
	Auto      Mode = "auto"
	InProcess Mode = "inprocess" // many candidates in one process, whatever samples show
	Process   Mode = "process"   // one binary for all candidates, and a process for each
	Overlay   Mode = "overlay"   // a build for each candidate
)

// Modes are all modes, for the command line.
var Modes = []Mode{Auto, InProcess, Process, Overlay}

// Samples counts how many candidates that were rejected in a shared process were tried again
// in one of their own, and how many of them passed there.
type Samples struct{ Tried, Passed int }

// Target holds the failures that a patch must fix, and those that may stay.
type Target struct {
	Package  string            // import path of the failing tests' package
	Failures []testrun.Failure // that must pass
	Accepted []testrun.Failure // other failures that may stay: known ones, other clusters'
	// Suite are the packages whose tests ran before and must be as green afterwards; nil means
	// all packages.
	Suite []string
	// Passed are the tests that passed before.
	Passed []testrun.TestID
	// Revealed lets tests fail that could not run before because their package did not
	// compile: they are clusters of their own.
	Revealed bool
}

// Tests returns the failing tests.
func (t Target) Tests() []testrun.TestID {
	ids := make([]testrun.TestID, 0, len(t.Failures))
	for _, f := range t.Failures {
		ids = append(ids, f.TestID)
	}
	return ids
}

// needed returns the tests to run for some of the failing tests to fail as they did.
func (t Target) needed(tests []testrun.TestID) []testrun.TestID {
	return testrun.Needed(slices.DeleteFunc(slices.Clone(t.Failures), func(f testrun.Failure) bool {
		return !slices.Contains(tests, f.TestID)
	}))
}

// screenTimeout bounds a run of the failing tests for one candidate.
const screenTimeout = time.Minute

// Request returns the request for one run of the failing tests with an overlay.
func (t Target) Request(overlay map[string][]byte) testrun.Request {
	return testrun.Request{
		Packages: []string{t.Package}, Tests: testrun.Needed(t.Failures), Overlay: overlay, Count: 1, NoVet: true, Timeout: screenTimeout,
	}
}

// Result holds what is known about one candidate.
type Result struct {
	Candidate *propose.Candidate
	Verdict   Verdict
	Stage     string // at which the verdict was reached
	Seconds   float64
	Reason    string
	Fixes     []testrun.TestID // of the target's tests
	Evidence  []Evidence
	// Postponed says that the screener left the candidate out, because it needs a build of its own
	// and there were enough of these: it may be screened again.
	Postponed bool
	// Screened says that the other tests of the packages of a plausible candidate pass as well.
	Screened bool
	// Compiles reports whether the candidate fixes the compile error; StillFailing counts the
	// tests that then fail.
	Compiles     bool
	StillFailing int
}

// Untested returns the results of candidates that have not been tested.
func Untested(cands []propose.Candidate) []Result {
	results := make([]Result, len(cands))
	for i := range cands {
		results[i] = Result{Candidate: &cands[i], Verdict: Pruned, Stage: StagePropose, Reason: "the budget ended before its turn"}
	}
	return results
}

// Judge sets the verdict by the failures of a run of the target's tests with the candidate, or
// by the error of a run that failed.
func (r *Result) Judge(target Target, failures []testrun.Failure, err error) {
	r.Stage = StageFailing
	switch {
	case err != nil:
		r.Verdict, r.Reason = Rejected, err.Error()
	case len(failures) == 0:
		r.Verdict, r.Fixes, r.Reason = Plausible, target.Tests(), ""
	default:
		r.Verdict, r.Reason, r.StillFailing = Rejected, failures[0].Message, len(failures)
		r.Compiles = !slices.ContainsFunc(failures, func(f testrun.Failure) bool { return f.Kind.Unbuilt() })
	}
}

// Evidence is one step of a confirmation.
type Evidence struct {
	Step    string
	Passed  bool
	Detail  string
	Seconds float64
	Tests   Counts // that ran
}

// Counts are numbers of tests.
type Counts struct{ Packages, Passed, Failed, Skipped int }

// Spent is where the time of screening went, in seconds.
type Spent struct{ TypeCheck, Build, Run float64 }

// Suite runs the tests of the tree.
type Suite interface {
	Run(ctx context.Context, req testrun.Request) (*testrun.Result, error)
	// Reached returns which packages a change to files can break.
	Reached(ctx context.Context, files []string) (testrun.Reach, error)
}

// Screener judges many candidates quickly. A rejected candidate is lost, so rejections should
// rarely be wrong; candidates that pass are confirmed later.
type Screener interface {
	// Screen returns a verdict on every candidate, in order: ill_typed, rejected, plausible, or
	// refused if it breaks other tests of its packages. Candidates that ctx leaves no time for,
	// or that cannot help, are pruned.
	Screen(ctx context.Context, target Target, cands []propose.Candidate) ([]Result, Spent)
	// ProbeHoles finds out, in order and until ctx ends, whether any condition in a hole could
	// make the failing tests pass.
	ProbeHoles(ctx context.Context, target Target, holes []*propose.Hole) Spent
	// Samples returns how reliable the rejections were so far.
	Samples() Samples
}

// Validator tests candidates against one tree.
type Validator struct {
	Suite    Suite
	Tree     *propose.Tree
	Screener Screener // nil means Plain
	Jobs     int      // workers of Plain; at least 1
	// Progress, if set, is called by Plain with how many candidates have a verdict.
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

// Each calls do with 0 to n-1 on several workers, until ctx ends.
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
