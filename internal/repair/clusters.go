package repair

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// repairClusters repairs the failures of one project after the other, cluster by cluster. A
// cluster is what one patch turns green; it starts as the failures of one package, the one
// closest to the cause. The first context ends with the run and the second with the budget:
// even when the budget is spent, the run finds out what a kept patch leaves red.
func (r *run) repairClusters(whole, ctx context.Context) error {
	defer collectLess()()
	changes, err := r.changes(ctx)
	if err != nil {
		return err
	}
	red := slices.DeleteFunc(slices.Clone(r.projects), func(p *project) bool { return len(p.fresh) == 0 })
	for i, p := range red {
		share, cancel := fairShare(ctx, len(red)-i)
		err := r.repairProject(whole, share, p, changes)
		cancel()
		if err != nil && (ctx.Err() != nil || share.Err() == nil) {
			return err
		}
	}
	return nil
}

// fairShare returns a context that ends after an n-th of the remaining time.
func fairShare(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(n))
}

// repairProject repairs the failures of one project.
func (r *run) repairProject(whole, ctx context.Context, p *project, changes []patch.File) error {
	remaining := slices.Clone(p.fresh)
	if len(r.overlay) > 0 {
		// A patch for another project may have fixed this one as well.
		var err error
		if remaining, err = r.stillFailing(whole, p, remaining); err != nil {
			return err
		}
	}
	for len(remaining) > 0 && ctx.Err() == nil {
		focus, err := p.focus(ctx, remaining)
		if err != nil {
			return err
		}
		others := without(remaining, focus)
		fixed, err := r.repairCluster(ctx, p, focus, others, changes)
		if err != nil {
			return err
		}
		if !fixed {
			r.addRedCluster(focus)
			p.accepted = append(p.accepted, focus...)
			remaining = others
			continue
		}
		if remaining, err = r.stillFailing(whole, p, remaining); err != nil {
			return err
		}
	}
	if len(remaining) > 0 {
		r.addRedCluster(remaining)
	}
	return nil
}

// changes returns the differences from the base, for localization and the culprit.
func (r *run) changes(ctx context.Context) ([]patch.File, error) {
	if r.base == "" {
		return nil, nil
	}
	return r.opt.Subject.Repo.Changes(ctx, r.base, r.opt.Subject.Source)
}

// focus picks the failures to start with: those that keep others from running, then those of
// the package that depends on the fewest others.
func (p *project) focus(ctx context.Context, failures []testrun.Failure) ([]testrun.Failure, error) {
	var depth map[string]int
	if suite, ok := p.Suite.(layered); ok {
		var err error
		if depth, err = suite.Depth(ctx); err != nil {
			return nil, err
		}
	}
	rank := func(f testrun.Failure) int {
		d := depth[f.Package]
		if !f.Kind.Unbuilt() {
			d += 1 << 20
		}
		return d
	}
	best := slices.MinFunc(failures, func(a, b testrun.Failure) int { return cmp.Compare(rank(a), rank(b)) })
	var out []testrun.Failure
	for _, f := range failures {
		if f.Package == best.Package && f.Kind.Unbuilt() == best.Kind.Unbuilt() {
			out = append(out, f)
		}
	}
	return out, nil
}

// stillFailing runs failing tests of a project with the kept patches.
func (r *run) stillFailing(ctx context.Context, p *project, failures []testrun.Failure) ([]testrun.Failure, error) {
	tests := testrun.Needed(failures)
	res, err := p.Suite.Run(ctx, testrun.Request{
		Packages: packagesOf(tests), Tests: tests, Overlay: r.overlay, OnDisk: true, Timeout: r.opt.Limits.Timeout,
	})
	if err != nil {
		return nil, err
	}
	var out []testrun.Failure
	for _, f := range res.Failures {
		if contains(p.accepted, f.TestID) {
			continue
		}
		if !contains(failures, f.TestID) {
			r.reportFailure(p, f, report.FailureNew) // a package that compiles again shows what it hid
		}
		out = append(out, f)
	}
	p.red = slices.Concat(p.accepted, out)
	r.addRepairedCluster(failures, out)
	return out, nil
}

// contains reports whether a test is among failures.
func contains(failures []testrun.Failure, id testrun.TestID) bool {
	return slices.ContainsFunc(failures, func(f testrun.Failure) bool { return f.TestID == id })
}

// without returns all failures except some.
func without(all, some []testrun.Failure) []testrun.Failure {
	return slices.DeleteFunc(slices.Clone(all), func(f testrun.Failure) bool {
		return slices.ContainsFunc(some, func(s testrun.Failure) bool { return s.TestID == f.TestID && s.Kind == f.Kind })
	})
}
