package validate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/plural"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Repeats is how often the formerly failing tests run again at the end.
const Repeats = 3

// Confirm proves a plausible candidate step by step. It sets the verdict to verified or
// refused, or back to rejected if the candidate passed screening by accident. After an error
// the verdict is unknown.
func (v *Validator) Confirm(ctx context.Context, target Target, r *Result) error {
	overlay, err := Files(v.Tree, r.Candidate)
	if err != nil {
		return err
	}
	tests := target.Tests()
	if len(r.Fixes) > 0 {
		tests = r.Fixes
	}
	needed := target.needed(tests)
	dependents, err := v.dependents(ctx, r)
	if err != nil {
		return err
	}
	steps := []struct {
		stage   string
		failed  Verdict
		request testrun.Request
	}{
		{StageFailing, Rejected, testrun.Request{Packages: packagesOf(needed), Tests: needed, Count: 1, NoVet: true}},
		{StageDependents, Refused, testrun.Request{Packages: dependents}},
		{StageSuite, Refused, testrun.Request{Packages: target.Suite}},
		{StageRepeat, Refused, testrun.Request{Packages: packagesOf(needed), Tests: needed, Count: Repeats}},
	}
	for _, step := range steps {
		if step.stage == StageDependents && len(dependents) == 0 {
			continue
		}
		step.request.Overlay, step.request.OnDisk = overlay, true
		start := time.Now()
		res, err := v.Suite.Run(ctx, step.request)
		if err != nil {
			return fmt.Errorf("%s: %w", step.stage, err)
		}
		e := Evidence{Step: step.stage, Passed: true, Seconds: time.Since(start).Seconds()}
		e.Tests = Counts{len(res.Packages), len(res.Passed), len(res.Failures), len(res.Skipped)}
		broken := target.notAccepted(res.Failures, tests)
		missing := res.Missing
		if len(broken)+len(missing) == 0 && step.request.Tests == nil {
			if missing, err = v.Vanished(ctx, step.request, target.Passed, res); err != nil {
				return fmt.Errorf("%s: %w", step.stage, err)
			}
		}
		switch {
		case len(broken) > 0:
			e.Passed = false
			e.Detail = fmt.Sprintf("%s fails: %s", broken[0].TestID, broken[0].Message)
		case len(missing) > 0: // a test that does not run does not pass
			e.Passed, e.Detail = false, missing[0].String()+" no longer runs"
		default:
			e.Detail = detail(step.stage, res, tests)
		}
		r.Evidence = append(r.Evidence, e)
		r.Seconds += e.Seconds
		r.Stage = step.stage
		if !e.Passed {
			r.Verdict, r.Reason = step.failed, e.Detail
			return nil
		}
	}
	r.Verdict, r.Reason = Verified, ""
	return nil
}

func detail(stage string, res *testrun.Result, tests []testrun.TestID) string {
	switch stage {
	case StageFailing:
		return plural.Count(len(tests), "failing test") + " now " + plural.Verb(len(tests), "passes", "pass")
	case StageRepeat:
		return fmt.Sprintf("%s passed %d more times", plural.Count(len(tests), "formerly failing test"), Repeats)
	default:
		return fmt.Sprintf("%s in %s %s", plural.Count(len(res.Passed), "test"),
			plural.Count(len(res.Packages), "package"), plural.Verb(len(res.Passed), "passes", "pass"))
	}
}

// notAccepted returns the failures that the target does not accept. A test that failed before
// may still fail, unless the patch must fix it.
func (t Target) notAccepted(failures []testrun.Failure, fixed []testrun.TestID) []testrun.Failure {
	var out []testrun.Failure
	for _, f := range failures {
		if t.Revealed && !f.Kind.Unbuilt() && !slices.Contains(t.Passed, f.TestID) {
			continue
		}
		if slices.ContainsFunc(fixed, func(id testrun.TestID) bool { return Covers(id, f.TestID) || Covers(f.TestID, id) }) {
			out = append(out, f)
			continue
		}
		accepted := slices.ContainsFunc(t.Accepted, func(a testrun.Failure) bool { return Covers(a.TestID, f.TestID) }) ||
			slices.ContainsFunc(t.Failures, func(a testrun.Failure) bool { return Covers(a.TestID, f.TestID) })
		if !accepted {
			out = append(out, f)
		}
	}
	return out
}

// vanished returns the tests of packages (nil for all) that passed before and that a run of
// these packages did not run. It skips packages that failed as a whole, since their tests are
// unknown. Subtests may be named by data: they count only if no parent test passes as before.
func (t Target) vanished(packages []string, res *testrun.Result) []testrun.TestID {
	ran, stillPass := make(map[testrun.TestID]bool), make(map[testrun.TestID]bool)
	for _, id := range slices.Concat(res.Passed, res.Skipped) {
		ran[id] = true
	}
	for _, f := range res.Failures {
		ran[f.TestID] = true
	}
	for _, id := range res.Passed {
		stillPass[id] = true
	}
	before := make(map[testrun.TestID]bool, len(t.Passed))
	for _, id := range t.Passed {
		before[id] = true
	}
	var out []testrun.TestID
	for _, id := range t.Passed {
		requested := packages == nil || slices.Contains(packages, id.Package)
		if !requested || ran[id] || ran[testrun.TestID{Package: id.Package}] {
			continue
		}
		subtest := false
		for i, c := range id.Test {
			parent := testrun.TestID{Package: id.Package, Test: id.Test[:i]}
			subtest = subtest || c == '/' && before[parent] && stillPass[parent]
		}
		if !subtest {
			out = append(out, id)
		}
	}
	return out
}

// Vanished returns the tests that passed before and that ran without the candidate, but not
// with it. It runs the request again without the candidate, since names that change from run
// to run are not the candidate's fault.
func (v *Validator) Vanished(ctx context.Context, req testrun.Request, passed []testrun.TestID, of *testrun.Result) ([]testrun.TestID, error) {
	tests := Target{Passed: passed}.vanished(req.Packages, of)
	if len(tests) == 0 {
		return nil, nil
	}
	req.Overlay, req.OnDisk = v.Tree.Overlay, true
	res, err := v.Suite.Run(ctx, req)
	if err != nil {
		return nil, err
	}
	unstable := Target{Passed: tests}.vanished(req.Packages, res)
	return slices.DeleteFunc(tests, func(id testrun.TestID) bool { return slices.Contains(unstable, id) }), nil
}

// Covers reports whether b is a or a subtest of a.
func Covers(a, b testrun.TestID) bool {
	return a.Package == b.Package && (a.Test == b.Test || a.Test == "" ||
		len(b.Test) > len(a.Test) && b.Test[:len(a.Test)] == a.Test && b.Test[len(a.Test)] == '/')
}

func packagesOf(tests []testrun.TestID) []string {
	var out []string
	for _, id := range tests {
		if !slices.Contains(out, id.Package) {
			out = append(out, id.Package)
		}
	}
	return out
}

// dependents returns the packages with tests that the candidate can break, including those
// that the user's command leaves out. It returns none if that may be any package, since the
// whole suite runs anyway.
func (v *Validator) dependents(ctx context.Context, r *Result) ([]string, error) {
	var files []string
	for _, e := range r.Candidate.Edits {
		if !slices.Contains(files, e.File) {
			files = append(files, e.File)
		}
	}
	if suite, ok := v.Suite.(dependenter); ok {
		return suite.DependentsOf(ctx, files)
	}
	reach, err := v.Suite.Reached(ctx, files)
	if err != nil || reach.All {
		return nil, err
	}
	return reach.Tested, nil
}

// dependenter is a suite that knows what depends on files, whatever its command runs.
type dependenter interface {
	DependentsOf(ctx context.Context, files []string) ([]string, error)
}
