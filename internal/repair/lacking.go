package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Files that git ignores are not part of a tree: what a build makes, installed dependencies. Tests
// that need them fail in an export, and pass in the working tree that has them. That says nothing
// about the change: such tests were not run, and the report says what to carry.

// lacker is a suite that knows what a failure shows to be missing from the tree, as globs.
type lacker interface {
	Lacks(f testrun.Failure) []string
}

// explained takes the outcome of a first run. Failures that go away when ignored files of the
// working tree are added to the export become parts that did not run.
func (r *run) explained(ctx context.Context, p *project, req testrun.Request, first *testrun.Result, err error) (*testrun.Result, error) {
	suite, ok := p.Suite.(lacker)
	if !ok {
		return first, err
	}
	var notRun *testrun.NotRunError
	failures := []testrun.Failure{}
	switch {
	case errors.As(err, &notRun):
		failures = append(failures, testrun.Failure{Message: notRun.What, Output: notRun.Output})
	case err != nil:
		return first, err
	default:
		failures = first.Failures
	}
	var lacks []string
	for _, f := range failures {
		lacks = append(lacks, suite.Lacks(f)...)
	}
	if len(lacks) == 0 {
		return first, err
	}
	files, tops, ignoredErr := r.opt.Subject.Repo.Ignored(ctx, lacks)
	if ignoredErr != nil || len(files) == 0 {
		r.opt.Hooks.Log.Debug("no ignored files explain the failures", "error", ignoredErr)
		return first, err
	}
	with, withErr := r.runWith(ctx, p, req, files)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if withErr != nil {
		r.opt.Hooks.Log.Debug("cannot run with ignored files", "files", tops, "error", withErr)
		return first, err
	}
	missing := &testrun.NotRunError{
		What:   strings.Join(tops, ", ") + " is ignored by git, and so not in the tree that is tested",
		Advice: fmt.Sprintf("`carry: [%s]` in .regreen.yml adds it", strings.Join(tops, ", ")),
	}
	if len(tops) > 1 {
		missing.What = strings.Replace(missing.What, " is ignored", " are ignored", 1)
		missing.Advice = strings.TrimSuffix(missing.Advice, "it") + "them"
	}
	if notRun != nil {
		missing.Output = notRun.Output
		return nil, missing
	}
	rest, found := apart(first, with, missing)
	switch {
	case !found:
		return first, nil
	case p.ReadsResults || len(rest.Failures)+len(rest.Passed)+len(rest.Skipped) == 0:
		return nil, missing // the tests of one command depend on the same files
	}
	return rest, nil
}

// runWith runs tests with ignored files in the export, and takes these away again.
func (r *run) runWith(ctx context.Context, p *project, req testrun.Request, files []string) (*testrun.Result, error) {
	take, err := r.opt.Subject.Repo.Lend(ctx, r.export, files)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := take(); err != nil {
			r.opt.Hooks.Log.Warn("cannot remove ignored files from the export", "error", err)
		}
	}()
	return p.Suite.Run(ctx, req)
}

// apart returns a result without the units of which a failure goes away in another run. Found is
// false if there is no such unit.
func apart(first, with *testrun.Result, missing *testrun.NotRunError) (rest *testrun.Result, found bool) {
	const few = 3
	var units []string
	for _, f := range first.Failures {
		if !failsAlike(with, f) && !slices.Contains(units, f.Package) {
			units = append(units, f.Package)
		}
	}
	slices.Sort(units)
	gone := func(unit string) bool { return slices.Contains(units, unit) }
	goneTest := func(id testrun.TestID) bool { return gone(id.Package) }
	res := *first
	res.Failures = slices.DeleteFunc(slices.Clone(first.Failures), func(f testrun.Failure) bool { return gone(f.Package) })
	res.Passed = slices.DeleteFunc(slices.Clone(first.Passed), goneTest)
	res.Skipped = slices.DeleteFunc(slices.Clone(first.Skipped), goneTest)
	res.Packages = slices.DeleteFunc(slices.Clone(first.Packages), gone)
	missing.Part = strings.Join(units[:min(len(units), few)], ", ")
	if more := len(units) - few; more > 0 {
		missing.Part += fmt.Sprintf(" and %d more", more)
	}
	res.NotRun = append(slices.Clone(first.NotRun), missing)
	return &res, len(units) > 0
}

// failsAlike reports whether a failure is in a result as well. A package that does not build fails
// otherwise once it does.
func failsAlike(res *testrun.Result, f testrun.Failure) bool {
	return slices.ContainsFunc(res.Failures, func(g testrun.Failure) bool {
		return g.Package == f.Package && g.Test == f.Test && g.Kind.Unbuilt() == f.Kind.Unbuilt()
	})
}
