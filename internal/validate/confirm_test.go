package validate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// fakeSuite stands in for the tests of a tree.
type fakeSuite struct {
	run   func(ctx context.Context, req testrun.Request) (*testrun.Result, error)
	reach testrun.Reach
	err   error    // of Reached
	files []string // the argument of Reached
}

func (s *fakeSuite) Run(ctx context.Context, req testrun.Request) (*testrun.Result, error) {
	return s.run(ctx, req)
}

func (s *fakeSuite) Reached(_ context.Context, files []string) (testrun.Reach, error) {
	s.files = files
	return s.reach, s.err
}

// failing returns a target with failing tests of package p.
func failing(tests ...string) Target {
	out := Target{Package: "p"}
	for _, name := range tests {
		out.Failures = append(out.Failures, testrun.Failure{TestID: testrun.TestID{Package: "p", Test: name}, Message: "still wrong"})
	}
	return out
}

// oneFile returns a tree with a.txt, which the candidates change.
func oneFile() *propose.Tree {
	return &propose.Tree{Overlay: map[string][]byte{"a.txt": []byte("bad"), "b.txt": []byte("kept")}}
}

func word(text string) propose.Candidate {
	return propose.Candidate{Title: text, Edits: []propose.Edit{{File: "a.txt", Start: 0, End: 3, New: text}}}
}

// The steps depend on what the candidate can break; checks the text of the evidence too.
func TestConfirmSteps(t *testing.T) {
	t.Parallel()
	passed := func(n int) []testrun.TestID { return make([]testrun.TestID, n) }
	for _, tc := range []struct {
		name    string
		reach   testrun.Reach
		tests   []string
		steps   []string
		details []string
	}{
		{
			"two tests, two dependents",
			testrun.Reach{Packages: []string{"p", "q", "untested"}, Tested: []string{"p", "q"}},
			[]string{"A", "B"},
			[]string{StageFailing, StageDependents, StageSuite, StageRepeat},
			[]string{"2 failing tests now pass", "2 tests in 2 packages pass", "3 tests in 3 packages pass", "2 formerly failing tests passed 3 more times"},
		},
		{
			"one test, one dependent",
			testrun.Reach{Packages: []string{"p"}, Tested: []string{"p"}},
			[]string{"A"},
			[]string{StageFailing, StageDependents, StageSuite, StageRepeat},
			[]string{"1 failing test now passes", "1 test in 1 package passes", "3 tests in 3 packages pass", "1 formerly failing test passed 3 more times"},
		},
		{
			"any test may depend",
			testrun.Reach{All: true, Why: "a.txt"},
			[]string{"A"},
			[]string{StageFailing, StageSuite, StageRepeat},
			[]string{"1 failing test now passes", "3 tests in 3 packages pass", "1 formerly failing test passed 3 more times"},
		},
		{
			"no test depends",
			testrun.Reach{Packages: []string{"untested"}},
			[]string{"A"},
			[]string{StageFailing, StageSuite, StageRepeat},
			[]string{"1 failing test now passes", "3 tests in 3 packages pass", "1 formerly failing test passed 3 more times"},
		},
	} {
		suite := &fakeSuite{reach: tc.reach}
		suite.run = func(_ context.Context, req testrun.Request) (*testrun.Result, error) {
			if string(req.Overlay["a.txt"]) != "good" || string(req.Overlay["b.txt"]) != "kept" || !req.OnDisk {
				t.Errorf("%s: got overlay %q", tc.name, req.Overlay)
			}
			if req.Packages == nil {
				return &testrun.Result{Packages: []string{"p", "q", "r"}, Passed: passed(3)}, nil
			}
			return &testrun.Result{Packages: req.Packages, Passed: passed(len(req.Packages))}, nil
		}
		c := word("good")
		r := Result{Candidate: &c, Verdict: Plausible}
		v := &Validator{Suite: suite, Tree: oneFile()}
		if err := v.Confirm(t.Context(), failing(tc.tests...), &r); err != nil || r.Verdict != Verified {
			t.Errorf("%s: got %s (%s), %v", tc.name, r.Verdict, r.Reason, err)
		}
		var steps, details []string
		for _, e := range r.Evidence {
			steps, details = append(steps, e.Step), append(details, e.Detail)
		}
		if !slices.Equal(steps, tc.steps) || !slices.Equal(details, tc.details) {
			t.Errorf("%s: got %q %q, want %q %q", tc.name, steps, details, tc.steps, tc.details)
		}
		if !slices.Equal(suite.files, []string{"a.txt"}) {
			t.Errorf("%s: Reached was called with %q", tc.name, suite.files)
		}
	}
}

// After an error there is no new verdict.
func TestConfirmErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, suite := range map[string]*fakeSuite{
		"reach": {err: broken},
		"run":   {run: func(context.Context, testrun.Request) (*testrun.Result, error) { return nil, broken }},
	} {
		c := word("good")
		r := Result{Candidate: &c, Verdict: Plausible}
		v := &Validator{Suite: suite, Tree: oneFile()}
		if err := v.Confirm(t.Context(), failing("A"), &r); !errors.Is(err, broken) || r.Verdict != Plausible {
			t.Errorf("%s: got %s, %v", name, r.Verdict, err)
		}
	}
}

// A missing test does not count as passing.
func TestConfirmMissing(t *testing.T) {
	t.Parallel()
	suite := &fakeSuite{run: func(_ context.Context, req testrun.Request) (*testrun.Result, error) {
		return &testrun.Result{Missing: req.Tests}, nil
	}}
	c := word("good")
	r := Result{Candidate: &c, Verdict: Plausible}
	v := &Validator{Suite: suite, Tree: oneFile()}
	if err := v.Confirm(t.Context(), failing("A"), &r); err != nil || r.Verdict != Rejected || r.Stage != StageFailing {
		t.Errorf("%s at %s (%s), %v", r.Verdict, r.Stage, r.Reason, err)
	}
}

// Tests that passed before must run in the suite, whatever else becomes green.
func TestConfirmVanished(t *testing.T) {
	t.Parallel()
	ids := func(names ...string) (out []testrun.TestID) {
		for _, name := range names {
			unit, test, _ := strings.Cut(name, ".")
			out = append(out, testrun.TestID{Package: unit, Test: test})
		}
		return out
	}
	for _, tc := range []struct {
		name          string
		suite         []string
		passed        []testrun.TestID // before
		after         testrun.Result   // of the suite, with the candidate
		without       []testrun.TestID // pass without the candidate
		accepted      []testrun.Failure
		revealed      bool
		dependentOnly bool // only the run of the dependents changes
		reason        string
	}{
		{name: "gone", passed: ids("p.B", "q.C"), after: testrun.Result{Passed: ids("p.A", "p.B")}, without: ids("p.B", "q.C"), reason: "q.C no longer runs"},
		{name: "gone while others are revealed", passed: ids("q.C"), after: testrun.Result{Passed: ids("p.A")}, without: ids("q.C"), revealed: true, reason: "q.C no longer runs"},
		{name: "gone from a dependent", passed: ids("p.B"), after: testrun.Result{Passed: ids("p.A")}, without: ids("p.B"), dependentOnly: true, reason: "p.B no longer runs"},
		{name: "skipped", passed: ids("q.C"), after: testrun.Result{Skipped: ids("q.C")}, without: ids("q.C")},
		{name: "outside the suite", suite: []string{"p"}, passed: ids("p.B", "q.C"), after: testrun.Result{Passed: ids("p.B")}, without: ids("p.B")},
		{name: "names change with each run", passed: ids("q.C1"), after: testrun.Result{Passed: ids("q.C2")}, without: ids("q.C3")},
		{
			name: "failed as a whole", passed: ids("q.C"), accepted: []testrun.Failure{{TestID: ids("q")[0]}},
			after: testrun.Result{Failures: []testrun.Failure{{TestID: ids("q")[0]}}}, without: ids("q.C"),
		},
		{name: "subtests made from data", passed: ids("q.C", "q.C/1"), after: testrun.Result{Passed: ids("q.C", "q.C/2")}, without: ids("q.C", "q.C/1")},
		{name: "subtests with their test", passed: ids("q.C", "q.C/1"), after: testrun.Result{Passed: ids("p.A")}, without: ids("q.C", "q.C/1"), reason: "q.C no longer runs"},
		{name: "subtests of a test that failed", passed: ids("q.C/1"), after: testrun.Result{Passed: ids("q.C")}, without: ids("q.C/1"), reason: "q.C/1 no longer runs"},
		{name: "names with a slash", passed: ids("q.C/1"), after: testrun.Result{Passed: ids("q.C/2")}, without: ids("q.C/1"), reason: "q.C/1 no longer runs"},
	} {
		suite := &fakeSuite{reach: testrun.Reach{All: true}}
		if tc.dependentOnly {
			suite.reach = testrun.Reach{Packages: []string{"p"}, Tested: []string{"p"}}
		}
		suite.run = func(_ context.Context, req testrun.Request) (*testrun.Result, error) {
			switch {
			case req.Tests != nil:
				return &testrun.Result{Passed: req.Tests}, nil
			case string(req.Overlay["a.txt"]) == "bad", tc.dependentOnly && req.Packages == nil:
				return &testrun.Result{Passed: tc.without}, nil
			}
			return &tc.after, nil
		}
		target := failing("A")
		target.Suite, target.Passed, target.Accepted, target.Revealed = tc.suite, tc.passed, tc.accepted, tc.revealed
		c := word("good")
		r := Result{Candidate: &c, Verdict: Plausible}
		v := &Validator{Suite: suite, Tree: oneFile()}
		want := Verified
		if tc.reason != "" {
			want = Refused
		}
		if err := v.Confirm(t.Context(), target, &r); err != nil || r.Verdict != want || r.Reason != tc.reason {
			t.Errorf("%s: got %s (%s), %v, want %s (%s)", tc.name, r.Verdict, r.Reason, err, want, tc.reason)
		}
	}
}

// A test that failed before may still fail, unless the patch must fix it.
func TestNotAccepted(t *testing.T) {
	t.Parallel()
	id := func(test string) testrun.TestID { return testrun.TestID{Package: "p", Test: test} }
	failure := func(test string) testrun.Failure { return testrun.Failure{TestID: id(test)} }
	goal := Target{Package: "p", Failures: []testrun.Failure{failure("TestA"), failure("TestB/x")}, Accepted: []testrun.Failure{failure("TestKnown")}}
	for _, tc := range []struct {
		failed  string
		fixed   []testrun.TestID
		allowed bool
	}{
		{"TestA", []testrun.TestID{id("TestA")}, false},
		{"TestA/sub", []testrun.TestID{id("TestA")}, false},
		{"TestA", []testrun.TestID{id("TestB/x")}, true}, // it has another cause
		{"TestB", []testrun.TestID{id("TestB/x")}, false},
		{"TestB/y", []testrun.TestID{id("TestB/x")}, false},
		{"TestKnown", []testrun.TestID{id("TestA")}, true},
		{"TestKnown/sub", []testrun.TestID{id("TestA")}, true},
		{"TestKnownNot", []testrun.TestID{id("TestA")}, false},
		{"TestNew", []testrun.TestID{id("TestA")}, false},
		{"", []testrun.TestID{id("TestA")}, false}, // the package as a whole
	} {
		got := goal.notAccepted([]testrun.Failure{failure(tc.failed)}, tc.fixed)
		if allowed := len(got) == 0; allowed != tc.allowed {
			t.Errorf("%q while fixing %v: allowed %t", tc.failed, tc.fixed, allowed)
		}
	}
}
