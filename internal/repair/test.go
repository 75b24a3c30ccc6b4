package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// test runs the suites of the tree and separates the failures to repair from those that are
// flaky or that the base has as well.
func (r *run) test(ctx context.Context) error {
	defer r.clock.start("test")()
	projects, err := r.findProjects(ctx, r.export)
	if err != nil {
		return err
	}
	r.projects = projects
	var commands []string
	for _, p := range projects {
		if p.Suite != nil {
			commands = append(commands, p.Suite.String())
		}
	}
	r.report.Command = strings.Join(commands, "; ")

	defer r.reportResults()
	steady := make(map[*project][]testrun.Failure)
	var broken *testrun.NotRunError // of the first suite that did not run
	ran := false
	began := time.Now()
	for _, p := range projects {
		failures, err := r.testProject(ctx, p, began)
		var notRun *testrun.NotRunError
		switch {
		case errors.As(err, &notRun) && len(projects) > 1 && !notRun.Whole:
			// Still test the other languages.
			if broken == nil {
				broken = notRun
			}
			p.first, p.ran = nil, false
			r.noteUnrun("`"+p.String()+"`", notRun)
			continue
		case err != nil:
			return err
		case len(failures) > 0:
			steady[p] = failures
		}
		ran = ran || p.ran
	}
	if broken != nil && !ran {
		return broken
	}
	if err := r.compareWithBase(ctx, steady); err != nil {
		return err
	}
	r.memorize(ctx)
	return nil
}

// noteUnrun reports a part of the tests that could not run while others did.
func (r *run) noteUnrun(part string, e *testrun.NotRunError) {
	text := fmt.Sprintf("%s was not run: %s", part, e.What)
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	if e.Where != "" && !strings.Contains(part, e.Where) {
		text += fmt.Sprintf(" (%s)", r.inRepository(e.Where))
	}
	r.note(text)
	r.report.Tests.UnrunParts++
}

// testProject runs the tests of a project that the change can break, and runs those that fail
// once more, unless that is known. It returns those that fail both times. Began is when the first runs of all
// projects began.
func (r *run) testProject(ctx context.Context, p *project, began time.Time) ([]testrun.Failure, error) {
	limits, counts := r.opt.Limits, &r.report.Tests
	changed := r.opt.Subject.Changed
	if len(changed) > 0 {
		if changed = r.concerning(ctx, p, changed); len(changed) == 0 {
			counts.UnaffectedPackages++ // the suite as a whole
			r.note(fmt.Sprintf("`%s` was not run: nothing that it tests changed", p))
			return nil, nil
		}
	}
	if p.NotRun != nil {
		return nil, p.NotRun
	}
	within := limits.FirstRun
	if within > 0 {
		if within -= time.Since(began); within <= 0 {
			counts.UnfinishedPackages++
			return nil, nil
		}
	}
	r.opt.Hooks.Progress("test", p.Suite.String(), 0, 0)
	reach := r.reach(ctx, p, changed)
	first := &testrun.Result{}
	if reach.All || len(reach.Packages) > 0 {
		p.ran, p.whole = true, reach.All
		var err error
		req := testrun.Request{Packages: reach.Packages, Timeout: limits.Timeout, Within: within}
		first, err = p.Suite.Run(ctx, req)
		if first, err = r.explained(ctx, p, req, first, err); err != nil {
			return nil, err
		}
	}
	p.first, p.red = first, first.Failures
	counts.Packages += len(first.Packages)
	counts.Passed += len(first.Passed)
	counts.Failed += len(first.Failures)
	counts.Skipped += len(first.Skipped)
	counts.UnaffectedPackages += reach.Rest
	counts.UnfinishedPackages += first.Late
	for _, e := range first.NotRun {
		r.noteUnrun(e.Part, e)
	}
	if len(first.Failures) == 0 {
		return nil, nil
	}
	recalled := r.recall(ctx, p, first.Failures)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	unclear := slices.DeleteFunc(slices.Clone(first.Failures), func(f testrun.Failure) bool { return contains(recalled, f.TestID) })
	steady, err := r.again(ctx, p, unclear)
	steady = append(recalled, steady...)
	place := func(f testrun.Failure) int {
		return slices.IndexFunc(first.Failures, func(g testrun.Failure) bool { return f.TestID == g.TestID })
	}
	slices.SortStableFunc(steady, func(a, b testrun.Failure) int { return place(a) - place(b) })
	return steady, err
}

// reach returns what to test of a project: what the change can break, or everything if that is
// unknown.
func (r *run) reach(ctx context.Context, p *project, changed []string) testrun.Reach {
	if changed == nil {
		return testrun.Reach{All: true}
	}
	reach, err := p.Suite.Reached(ctx, changed)
	if err != nil {
		r.opt.Hooks.Log.Debug("cannot find out what the change can break; running the whole suite", "error", err)
		return testrun.Reach{All: true}
	}
	p.reached = reach.Packages
	return reach
}

// compareWithBase runs the failing tests on the base's tree. Those that fail there as well are
// known: they are reported but not repaired.
func (r *run) compareWithBase(ctx context.Context, failures map[*project][]testrun.Failure) error {
	known := make(map[*project]map[testrun.TestID]bool)
	comparable := true
	open := make(map[*project][]testrun.Failure)
	for p, failing := range failures {
		for _, f := range failing {
			if !slices.Contains(p.known, f.TestID) {
				open[p] = append(open[p], f)
			}
		}
	}
	if len(failures) > 0 {
		if err := r.findBase(ctx); err != nil {
			return err
		}
		r.report.Environment.Base = r.base
		comparable = r.base != ""
	}
	if r.base != "" && len(open) > 0 {
		var err error
		known, err = r.failingAt(ctx, r.base, open)
		if differ, ok := errors.AsType[*gapsDiffer](err); ok {
			comparable = false
			r.noteGaps("the base", differ.gaps)
		} else if err != nil {
			return err
		}
	}
	var unclear []testrun.Failure
	for _, p := range r.projects {
		for _, f := range failures[p] {
			switch {
			case len(r.gaps) > 0 && (!comparable || known[p][f.TestID]):
				p.accepted, unclear = append(p.accepted, f), append(unclear, f)
			case known[p][f.TestID] || slices.Contains(p.known, f.TestID):
				p.accepted = append(p.accepted, f)
				r.reportFailure(p, f, report.FailureKnown)
			default:
				p.fresh = append(p.fresh, f)
				r.reportFailure(p, f, report.FailureNew)
			}
		}
	}
	return r.reportUnclear(unclear)
}

// findBase sets base to the first of the bases that exists and has a different tree.
func (r *run) findBase(ctx context.Context) error {
	if r.baseFound {
		return nil
	}
	var missing []string
	for _, b := range r.opt.Subject.Environment.Bases {
		if r.opt.Hooks.Deepen != nil {
			if err := r.opt.Hooks.Deepen(ctx, b.Rev); err != nil && ctx.Err() == nil {
				r.opt.Hooks.Log.Debug("cannot fetch the base", "rev", b.Rev, "error", err)
			}
		}
		sha, err := r.opt.Subject.Repo.Resolve(ctx, b.Rev)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.opt.Hooks.Log.Debug("cannot resolve the base", "rev", b.Rev, "why", b.Why, "error", err)
			missing = append(missing, b.Rev)
			continue
		}
		if r.opt.Subject.Environment.Head != "" {
			// If the branches have diverged, compare with their merge base.
			if common, err := r.opt.Subject.Repo.MergeBase(ctx, sha, r.opt.Subject.Environment.Head); err == nil && common != "" {
				sha = common
			}
		}
		hash, err := r.opt.Subject.Repo.TreeHash(ctx, repo.Commit(sha))
		if err != nil {
			return err
		}
		if err := r.hashTree(ctx); err != nil {
			return err
		}
		if hash == r.treeHash {
			continue // the same files
		}
		if len(missing) > 0 && r.opt.Subject.Environment.Shallow {
			r.note(fmt.Sprintf("compared with %s, because the clone is shallow and lacks %s; %s", b.Rev, missing[0], deepenHint))
		}
		r.base, r.baseTree, r.baseFound = sha, hash, true
		return nil
	}
	if len(missing) > 0 {
		r.noteMissing(missing[0])
	}
	r.baseFound = true
	return nil
}

const deepenHint = "run `git fetch --unshallow`, or set `fetch-depth: 0` in CI"

// noteMissing says that a base does not exist, unless it was a guess that need not be right.
func (r *run) noteMissing(rev string) {
	env := r.opt.Subject.Environment
	chosen := env.Bases[0].Why == detect.BaseSet
	text := fmt.Sprintf("every failure counts as new: there is no base %s to compare with", rev)
	switch {
	case env.Shallow:
		r.note(text + ", because the clone is shallow; " + deepenHint)
	case chosen:
		r.note(text + "; correct base: in the configuration, or fetch it")
	}
}

// failingAt runs tests on the tree of a commit and returns which of them fail there, by the
// project of this tree that they belong to.
func (r *run) failingAt(ctx context.Context, commit string, failures map[*project][]testrun.Failure) (map[*project]map[testrun.TestID]bool, error) {
	r.opt.Hooks.Progress("test", "running the failing tests at "+commit[:min(12, len(commit))], 0, 0)
	workspace, err := r.opt.Subject.Repo.Exported(ctx, repo.Commit(commit))
	if err != nil {
		return nil, err
	}
	defer func() { _ = workspace.Close() }()
	if !slices.Equal(workspace.Gaps, r.gaps) {
		return nil, &gapsDiffer{workspace.Gaps}
	}
	there, err := r.findProjects(ctx, workspace)
	if err != nil {
		r.opt.Hooks.Log.Debug("the base has no tests", "error", err)
		return nil, ctx.Err()
	}
	out := make(map[*project]map[testrun.TestID]bool)
	for p, failing := range failures {
		q := r.counterpart(p, there)
		if q == nil || len(failing) == 0 {
			continue
		}
		red, err := r.failingIn(ctx, q, failing)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			r.opt.Hooks.Log.Debug("cannot run the base's tests", "error", err)
			continue
		}
		out[p] = make(map[testrun.TestID]bool)
		for _, f := range red {
			out[p][f.TestID] = true
		}
	}
	return out, nil
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
