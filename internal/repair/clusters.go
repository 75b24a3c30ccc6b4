package repair

import (
	"cmp"
	"context"
	"slices"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// repairClusters takes the failures cluster by cluster. A cluster is what one patch turns
// green; it begins as the failures of one package, the one nearest to the cause. The
// second context ends with the budget, the first with the run: what a kept patch
// leaves red is found out even when the budget is spent.
func (r *run) repairClusters(whole, ctx context.Context) error {
	defer collectLess()()
	changes, err := r.changes(ctx)
	if err != nil {
		return err
	}
	remaining := slices.Clone(r.fresh)
	for len(remaining) > 0 && ctx.Err() == nil {
		focus, err := r.focus(ctx, remaining)
		if err != nil {
			return err
		}
		others := without(remaining, focus)
		fixed, err := r.repairCluster(ctx, focus, others, changes)
		if err != nil {
			return err
		}
		if !fixed {
			r.addRedCluster(focus)
			r.accepted = append(r.accepted, focus...)
			remaining = others
			continue
		}
		if remaining, err = r.stillFailing(whole, remaining); err != nil {
			return err
		}
	}
	if len(remaining) > 0 {
		r.addRedCluster(remaining)
	}
	return nil
}

// changes are the differences from the base, for localization and to find the culprit.
func (r *run) changes(ctx context.Context) ([]patch.File, error) {
	if r.base == "" {
		return nil, nil
	}
	return r.opt.Subject.Repo.Changes(ctx, r.base, r.opt.Subject.Source)
}

// focus picks the failures to begin with: those that keep others from running
// (compile errors), then those of the package that depends on the fewest others.
func (r *run) focus(ctx context.Context, failures []testrun.Failure) ([]testrun.Failure, error) {
DEPTH
	rank := func(f testrun.Failure) int {
		d := depth[f.Package]
		if f.Kind != testrun.Compile {
			d += 1 << 20
		}
		return d
	}
	best := slices.MinFunc(failures, func(a, b testrun.Failure) int { return cmp.Compare(rank(a), rank(b)) })
	var out []testrun.Failure
	for _, f := range failures {
		if f.Package == best.Package && (f.Kind == testrun.Compile) == (best.Kind == testrun.Compile) {
			out = append(out, f)
		}
	}
	return out, nil
}

// stillFailing runs what is left on the tree with the kept patches.
func (r *run) stillFailing(ctx context.Context, failures []testrun.Failure) ([]testrun.Failure, error) {
	packages := packagesOf(ids(failures))
	res, err := r.suite.Run(ctx, testrun.Request{
		Packages: packages, Tests: testsIn(failures, packages), Overlay: r.kept, Timeout: r.opt.Limits.Timeout,
	})
	if err != nil {
		return nil, err
	}
	var out []testrun.Failure
	for _, f := range res.Failures {
		if contains(r.accepted, f.TestID) {
			continue
		}
		if !contains(failures, f.TestID) {
			r.reportFailure(f, "new") // a package that compiles again shows what it hid
		}
		out = append(out, f)
	}
	r.addRepairedCluster(failures, out)
	return out, nil
}

// contains reports whether a test is among failures.
func contains(failures []testrun.Failure, id testrun.TestID) bool {
	return slices.ContainsFunc(failures, func(f testrun.Failure) bool { return f.TestID == id })
}

// without returns all failures but some.
func without(all, some []testrun.Failure) []testrun.Failure {
	return slices.DeleteFunc(slices.Clone(all), func(f testrun.Failure) bool {
		return slices.ContainsFunc(some, func(s testrun.Failure) bool { return s.TestID == f.TestID && s.Kind == f.Kind })
	})
}
