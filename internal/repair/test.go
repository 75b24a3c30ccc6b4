package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// test runs the suite of the tree, and separates the failures worth a repair from
// those that are flaky or that the base has already.
func (r *run) test(ctx context.Context) error {
	defer r.clock.start("test")()
	suite, err := r.findSuite(r.workspace)
	if err != nil {
		return err
	}
	r.suite = suite
	r.report.Command = suite.String()

	r.opt.Hooks.Progress("test", r.report.Command, 0, 0)
	reach := r.reach(ctx)
	first := &testrun.Result{}
	if reach.All || len(reach.Packages) > 0 {
		if first, err = suite.Run(ctx, testrun.Request{Packages: reach.Packages, Timeout: r.opt.Limits.Timeout, Within: r.opt.Limits.FirstRun}); err != nil {
			return err
		}
	}
	r.first = first
	r.report.Tests = report.Tests{
		Packages: len(first.Packages), Passed: len(first.Passed), Failed: len(first.Failures), Skipped: len(first.Skipped), Unreached: reach.Rest,
	}
	if first.Late {
		r.report.Tests.Late = r.late(ctx, reach, first)
	}
	defer r.reportResults()
	if len(first.Failures) == 0 {
		return nil
	}
	failures, err := r.again(ctx, first.Failures)
	if err != nil {
		return err
	}
	return r.compareWithBase(ctx, failures)
}

// reach is what has to be tested: what the change can break, or all where that is not
// known.
func (r *run) reach(ctx context.Context) testrun.Reach {
	if r.opt.Subject.Changed == nil {
		return testrun.Reach{All: true}
	}
	reach, err := r.suite.Reached(ctx, r.opt.Subject.Changed)
	if err != nil {
		r.opt.Hooks.Log.Debug("the whole suite runs, since what the change reaches is not known", "error", err)
		return testrun.Reach{All: true}
	}
	r.reached = reach.Packages
	return reach
}

// late counts the packages that have tests, and of which no outcome is there.
func (r *run) late(ctx context.Context, reach testrun.Reach, res *testrun.Result) int {
	all, err := r.suite.Packages(ctx)
	if err != nil {
		return 1 // at least
	}
	n := 0
	for _, p := range all {
		wanted := reach.All || slices.Contains(reach.Packages, p.ImportPath)
		if wanted && p.HasTests() && !slices.Contains(res.Packages, p.ImportPath) {
			n++
		}
	}
	return max(n, 1)
}

// again runs what failed once more; what passes now is flaky and not repaired.
func (r *run) again(ctx context.Context, failures []testrun.Failure) ([]testrun.Failure, error) {
	r.opt.Hooks.Progress("test", fmt.Sprintf("running %d failing tests again", len(failures)), 0, 0)
	tests := repeatable(failures)
	if len(tests) == 0 {
		return failures, nil // code that does not compile is not flaky
	}
	second, err := r.suite.Run(ctx, testrun.Request{Packages: packagesOf(tests), Tests: tests, Count: 1, Timeout: r.opt.Limits.Timeout})
	if err != nil {
		return nil, err
	}
	var steady []testrun.Failure
	for _, f := range failures {
		if !slices.Contains(tests, f.TestID) || failsIn(second, f.TestID) || slices.Contains(second.Missing, f.TestID) {
			steady = append(steady, f)
			continue
		}
		r.reportFailure(f, "flaky")
	}
	return steady, nil
}

// compareWithBase runs the failing tests on the base's tree. Those that fail there
// too are known: they are reported, not repaired.
func (r *run) compareWithBase(ctx context.Context, failures []testrun.Failure) error {
	known := make(map[testrun.TestID]bool)
	if len(failures) > 0 {
		base, err := r.findBase(ctx)
		if err != nil {
			return err
		}
		if r.base = base; base != "" {
			r.report.Environment.Base = base
			if known, err = r.failingAt(ctx, base, failures); err != nil {
				return err
			}
		}
	}
	for _, f := range failures {
		if known[f.TestID] {
			r.accepted = append(r.accepted, f)
			r.reportFailure(f, "known")
			continue
		}
		r.fresh = append(r.fresh, f)
		r.reportFailure(f, "new")
	}
	return nil
}

// findBase resolves the first of the bases that is there and is another tree.
func (r *run) findBase(ctx context.Context) (string, error) {
	for _, b := range r.opt.Subject.Environment.Bases {
		if r.opt.Hooks.Deepen != nil {
			if err := r.opt.Hooks.Deepen(ctx, b.Rev); err != nil && ctx.Err() == nil {
				r.opt.Hooks.Log.Debug("the base cannot be fetched", "rev", b.Rev, "error", err)
			}
		}
		sha, err := r.opt.Subject.Repo.Resolve(ctx, b.Rev)
		if err != nil {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			r.opt.Hooks.Log.Debug("base does not resolve", "rev", b.Rev, "why", b.Why, "error", err)
			continue
		}
		if r.opt.Subject.Environment.Head != "" {
			// Where branches went apart, what they have in common is what to compare with.
			if common, err := r.opt.Subject.Repo.MergeBase(ctx, sha, r.opt.Subject.Environment.Head); err == nil && common != "" {
				sha = common
			}
		}
		hash, err := r.opt.Subject.Repo.TreeHash(ctx, repo.Commit(sha))
		if err != nil {
			return "", err
		}
		if err := r.hashTree(ctx); err != nil {
			return "", err
		}
		if hash == r.treeHash {
			continue // the same files: nothing to compare
		}
		return sha, nil
	}
	return "", nil
}

// failingAt runs tests on the tree of a commit and returns those that fail there.
func (r *run) failingAt(ctx context.Context, commit string, failures []testrun.Failure) (map[testrun.TestID]bool, error) {
	r.opt.Hooks.Progress("test", "running the failing tests at "+commit[:min(12, len(commit))], 0, 0)
	out := make(map[testrun.TestID]bool)
	workspace, err := r.opt.Subject.Repo.Workspace(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = workspace.Close() }()
	if err := r.opt.Subject.Repo.Export(ctx, repo.Commit(commit), workspace.Dir); err != nil {
		return nil, err
	}
	suite, err := r.findSuite(workspace.Dir)
	if err != nil {
		r.opt.Hooks.Log.Debug("the base has no tests", "error", err)
		return out, nil
	}
	suite.Sandbox = r.suite.Sandbox
	packages := packagesOf(ids(failures))
	there, err := suite.Packages(ctx)
	if err != nil {
		r.opt.Hooks.Log.Debug("the base cannot be listed", "error", err)
		return out, nil
	}
	packages = slices.DeleteFunc(packages, func(p string) bool {
		return !slices.ContainsFunc(there, func(q gotest.Package) bool { return q.ImportPath == p })
	})
	if len(packages) == 0 {
		return out, nil
	}
	res, err := suite.Run(ctx, testrun.Request{Packages: packages, Tests: testsIn(failures, packages), Timeout: r.opt.Limits.Timeout})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.opt.Hooks.Log.Debug("the base's tests could not be run", "error", err)
		return out, nil
	}
	for _, f := range failures {
		if failsIn(res, f.TestID) {
			out[f.TestID] = true
		}
	}
	return out, nil
}

// testsIn are the failing tests of some packages; nil, which means all tests, when
// a package as a whole is among them.
func testsIn(failures []testrun.Failure, packages []string) []testrun.TestID {
	var out []testrun.TestID
	for _, f := range failures {
		if !slices.Contains(packages, f.Package) {
			continue
		}
		if f.Test == "" {
			return nil
		}
		out = append(out, f.TestID)
	}
	return out
}

// repeatable are the tests that can be run again by name.
func repeatable(failures []testrun.Failure) []testrun.TestID {
	var out []testrun.TestID
	for _, f := range failures {
		if f.Test != "" && f.Kind != testrun.Compile {
			out = append(out, f.TestID)
		}
	}
	return out
}

func ids(failures []testrun.Failure) []testrun.TestID {
	out := make([]testrun.TestID, len(failures))
	for i, f := range failures {
		out[i] = f.TestID
	}
	return out
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

// failsIn reports whether a test, or its package as a whole, failed in a run.
func failsIn(res *testrun.Result, id testrun.TestID) bool {
	return slices.ContainsFunc(res.Failures, func(f testrun.Failure) bool {
		return f.Package == id.Package && (f.Test == id.Test || f.Test == "" || strings.HasPrefix(f.Test, id.Test+"/") || strings.HasPrefix(id.Test, f.Test+"/"))
	})
}
