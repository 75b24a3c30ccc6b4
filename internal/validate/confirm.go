package validate

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Repeats is how often the formerly failing tests run again in the end.
const Repeats = 3

// Confirm takes a plausible candidate through every proof and sets its verdict to
// verified or refused, or back to rejected when its pass in the woven binary was
// an accident of the weaving. An error means that it could not be found out.
func (v *Validator) Confirm(ctx context.Context, target Target, r *Result) error {
	overlay, err := v.overlay(r.Candidate)
	if err != nil {
		return err
	}
	tests := target.Tests()
	if len(r.Fixes) > 0 {
		tests = r.Fixes
	}
	dependents, err := v.dependents(ctx, r)
	if err != nil {
		return err
	}
	steps := []struct {
		stage   string
		failed  Verdict
		request testrun.Request
	}{
		{StageFailing, Rejected, testrun.Request{Packages: packagesOf(tests), Tests: tests, Count: 1, NoVet: true}},
		{StageDependents, Refused, testrun.Request{Packages: dependents}},
		{StageSuite, Refused, testrun.Request{Packages: target.Suite}},
		{StageRepeat, Refused, testrun.Request{Packages: packagesOf(tests), Tests: tests, Count: Repeats}},
	}
	for _, step := range steps {
		if step.stage == StageDependents && len(dependents) == 0 {
			continue
		}
		step.request.Overlay = overlay
		start := time.Now()
		res, err := v.Suite.Run(ctx, step.request)
		if err != nil {
			return fmt.Errorf("%s: %w", step.stage, err)
		}
		e := Evidence{Step: step.stage, Passed: true, Seconds: time.Since(start).Seconds()}
		e.Tests = Counts{len(res.Packages), len(res.Passed), len(res.Failures), len(res.Skipped)}
		broken := v.notAccepted(res.Failures, target, tests)
		switch {
		case len(broken) > 0:
			e.Passed = false
			e.Detail = fmt.Sprintf("%s fails: %s", broken[0].TestID, broken[0].Message)
		case len(res.Missing) > 0: // made to vanish is not made to pass
			e.Passed, e.Detail = false, res.Missing[0].String()+" does not run any more"
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
		return fmt.Sprintf("%s now pass", count(len(tests), "failing test"))
	case StageRepeat:
		return fmt.Sprintf("%s passed %d more times", count(len(tests), "formerly failing test"), Repeats)
	default:
		return fmt.Sprintf("%s of %s pass", count(len(res.Passed), "test"), count(len(res.Packages), "package"))
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// notAccepted are the failures that the target does not allow for. A failure that
// was there before, in the same test, is allowed unless the patch is to fix it.
func (v *Validator) notAccepted(failures []testrun.Failure, target Target, fixed []testrun.TestID) []testrun.Failure {
	var out []testrun.Failure
	for _, f := range failures {
		if target.Revealed && f.Kind != testrun.Compile && !slices.Contains(target.Passed, f.TestID) {
			continue
		}
		if slices.ContainsFunc(fixed, func(id testrun.TestID) bool { return covers(id, f.TestID) || covers(f.TestID, id) }) {
			out = append(out, f)
			continue
		}
		accepted := slices.ContainsFunc(target.Accepted, func(a testrun.Failure) bool { return covers(a.TestID, f.TestID) }) ||
			slices.ContainsFunc(target.Failures, func(a testrun.Failure) bool { return covers(a.TestID, f.TestID) })
		if !accepted {
			out = append(out, f)
		}
	}
	return out
}

// covers tells whether b is a, or a subtest of a.
func covers(a, b testrun.TestID) bool {
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

// dependents are the packages whose tests the candidate can reach.
func (v *Validator) dependents(ctx context.Context, r *Result) ([]string, error) {
	pkgs, err := v.Suite.Packages(ctx)
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, e := range r.Candidate.Edits {
		for _, p := range pkgs {
			if p.Dir == path.Dir(e.File) && !slices.Contains(changed, p.ImportPath) {
				changed = append(changed, p.ImportPath)
			}
		}
	}
	return v.Suite.Dependents(ctx, changed)
}

var failLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`) })

// fixedIn tells from the output of a failed run which of the tests passed. After a
// crash nothing can be told of those that it took along.
func fixedIn(output []byte, tests []testrun.TestID) []testrun.TestID {
	if len(tests) < 2 || bytes.Contains(output, []byte("panic:")) || bytes.Contains(output, []byte("fatal error:")) {
		return nil
	}
	failed := make(map[string]bool)
	for _, m := range failLine().FindAllSubmatch(output, -1) {
		failed[string(m[1])] = true
	}
	if len(failed) == 0 {
		return nil
	}
	var out []testrun.TestID
	for _, id := range tests {
		if !failed[id.Test] {
			out = append(out, id)
		}
	}
	return out
}
