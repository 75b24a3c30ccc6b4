package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/plural"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// A test that fails can depend on more than itself: on the tests that ran before it, on the
// order, on the flags. So the run that decides is the run that failed. A test that fails alone
// fails for sure. One that passes alone is flaky only if everything that ran when it failed
// runs again in the same way, and it passes there.

// maxRepeats is how often a package runs again if it fails each time in another test.
const maxRepeats = 2

// again runs failing tests once more, and returns those that are not flaky. A test that only
// fails together with others says so in Needs.
func (r *run) again(ctx context.Context, p *project, failures []testrun.Failure) ([]testrun.Failure, error) {
	open := repeatable(failures) // code that does not compile is not flaky
	if len(open) == 0 {
		return failures, nil
	}
	tests, packages := p.selects()
	if tests {
		var err error
		if open, err = r.passingAlone(ctx, p, open); err != nil {
			return nil, err
		}
	}
	flaky, err := r.passingAgain(ctx, p, open)
	if err != nil {
		return nil, err
	}
	var steady []testrun.Failure
	for _, f := range failures {
		if slices.Contains(flaky, f.TestID) {
			r.reportFailure(p, f, report.FailureFlaky)
			continue
		}
		if tests && slices.Contains(open, f.TestID) && f.Test != "" {
			whole := f.Package
			if !packages {
				whole = p.Suite.String()
			}
			f.Needs = []testrun.TestID{{Package: whole}}
		}
		steady = append(steady, f)
	}
	return steady, nil
}

// passingAlone returns those of the failing tests that pass without the other tests of their
// package.
func (r *run) passingAlone(ctx context.Context, p *project, tests []testrun.TestID) ([]testrun.TestID, error) {
	r.opt.Hooks.Progress("test", fmt.Sprintf("running %s again", plural.Count(len(tests), "failing test")), 0, 0)
	alone, err := p.Suite.Run(ctx, testrun.Request{Packages: packagesOf(tests), Tests: tests, Count: 1, Timeout: r.opt.Limits.Timeout})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(tests), func(id testrun.TestID) bool {
		return failsIn(alone, id) || slices.Contains(alone.Missing, id)
	}), nil
}

// passingAgain repeats the run in which tests failed, and returns those that pass in it now.
func (r *run) passingAgain(ctx context.Context, p *project, tests []testrun.TestID) ([]testrun.TestID, error) {
	_, packages := p.selects()
	var flaky []testrun.TestID
	for range maxRepeats {
		if len(tests) == 0 {
			break
		}
		request := testrun.Request{Timeout: r.opt.Limits.Timeout}
		what := p.Suite.String()
		if packages {
			request.Packages = packagesOf(tests)
			what = strings.Join(request.Packages, " ")
		}
		r.opt.Hooks.Progress("test", "running "+what+" again", 0, 0)
		res, err := p.Suite.Run(ctx, request)
		if err != nil {
			return nil, err
		}
		var unclear []testrun.TestID
		for _, id := range tests {
			if failsIn(res, id) || slices.Contains(res.Missing, id) {
				continue
			}
			var others []testrun.Failure // that ran together with the test
			for _, f := range res.Failures {
				if !packages || f.Package == id.Package {
					others = append(others, f)
				}
			}
			switch {
			case slices.ContainsFunc(others, func(f testrun.Failure) bool { return !contains(p.first.Failures, f.TestID) }):
				unclear = append(unclear, id) // as when a goroutine panics in whichever test runs then
			case len(others) > 0 && !passesIn(res, id):
				unclear = append(unclear, id) // another test ended the program before
			default:
				flaky = append(flaky, id)
			}
		}
		tests = unclear
	}
	return flaky, nil
}

// failingIn returns those of the failing tests of another tree that fail in a project, too. They
// run as they were seen to fail, most of them alone, which is fast. Those that fail run once more
// with their whole packages: a test that needs the tests before it fails alone in any tree.
func (r *run) failingIn(ctx context.Context, p *project, failing []testrun.Failure) ([]testrun.Failure, error) {
	tests := testrun.Needed(failing)
	request := testrun.Request{Packages: packagesOf(tests), Tests: tests, Timeout: r.opt.Limits.Timeout}
	res, err := p.Suite.Run(ctx, request)
	if err != nil {
		return nil, err
	}
	var red, alone []testrun.Failure
	for _, f := range failing {
		switch {
		case !failsIn(res, f.TestID):
		case f.Test != "" && len(f.Needs) == 0:
			alone = append(alone, f)
		default:
			red = append(red, f)
		}
	}
	if _, packages := p.selects(); !packages || len(alone) == 0 {
		return append(red, alone...), nil
	}
	request.Packages, request.Tests = packagesOf(testrun.Needed(alone)), nil
	if res, err = p.Suite.Run(ctx, request); err != nil {
		return nil, err
	}
	for _, f := range alone {
		if failsIn(res, f.TestID) {
			red = append(red, f)
		}
	}
	return red, nil
}

// passesIn reports whether a test, or one that it is a part of, ran to its end without a
// failure. Subtests may be named by data, with other names in each run.
func passesIn(res *testrun.Result, id testrun.TestID) bool {
	for {
		if slices.Contains(res.Passed, id) || slices.Contains(res.Skipped, id) {
			return true
		}
		i := strings.LastIndexByte(id.Test, '/')
		if i < 0 {
			return false
		}
		id.Test = id.Test[:i]
	}
}

// repeatable returns the tests that can run again by name.
func repeatable(failures []testrun.Failure) []testrun.TestID {
	var out []testrun.TestID
	for _, f := range failures {
		if f.Kind != testrun.Compile {
			out = append(out, f.TestID)
		}
	}
	return out
}
