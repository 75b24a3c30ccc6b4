package repair

import (
	"context"
	"slices"

	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/usererr"
	"github.com/regreen-ci/regreen/internal/witness"
)

// A suite that is red before the change is red at every commit. What failed in the base's tree when
// that was tested need not run there again, nor here once more to see whether it is flaky: if it
// fails in the same way, it is known. The same goes for a tree that is tested again. So such a
// suite runs once, like a green one.

// Memory remembers which tests fail in a tree.
type Memory interface {
	Failures(tree string) []witness.Failure
	Record(tree string, failures []witness.Failure) error
}

// recall returns those of a project's failures that are not flaky, as was seen when their tree or
// the base's tree was tested. It notes those that the base has.
func (r *run) recall(ctx context.Context, p *project, failures []testrun.Failure) []testrun.Failure {
	if !r.remembers() || r.findBase(ctx) != nil || r.hashTree(ctx) != nil {
		return nil
	}
	var out []testrun.Failure
	here, there := r.opt.Hooks.Memory.Failures(r.treeHash), []witness.Failure(nil)
	if r.baseTree != "" {
		there = r.opt.Hooks.Memory.Failures(r.baseTree)
	}
	for _, f := range failures {
		same := func(g witness.Failure) bool { return g.Is(remembered(p, f)) }
		at := slices.IndexFunc(there, same)
		before, known := there, at >= 0
		if !known {
			before, at = here, slices.IndexFunc(here, same)
		}
		if at < 0 {
			continue
		}
		f.Needs = nil
		for _, id := range before[at].Needs {
			f.Needs = append(f.Needs, testrun.TestID(id))
		}
		if known {
			p.known = append(p.known, f.TestID)
		}
		out = append(out, f)
	}
	if n := len(out); n > 0 {
		r.opt.Hooks.Log.Debug("failures are known from earlier runs", "command", p, "failures", n)
	}
	return out
}

// remembers reports whether the tree is all that the outcome of its tests depends on, as far as
// regreen can see.
func (r *run) remembers() bool {
	return r.opt.Hooks.Memory != nil && len(r.report.Outside) == 0 && len(r.gaps) == 0
}

// remembered returns a failure as it is remembered.
func remembered(p *project, f testrun.Failure) witness.Failure {
	out := witness.Failure{Suite: p.Name + ": " + p.String(), Test: witness.Test(f.TestID), Kind: string(f.Kind), Message: f.Message}
	for _, id := range f.Needs {
		out.Needs = append(out.Needs, witness.Test(id))
	}
	return out
}

// memorize remembers the failures of the tree, unless something is unclear: a part of the tests
// did not run, or the tree has changed since.
func (r *run) memorize(ctx context.Context) {
	if !r.remembers() || r.report.Tests.UnfinishedPackages > 0 || r.report.Tests.UnrunParts > 0 {
		return
	}
	var failures []witness.Failure
	for _, p := range r.projects {
		for _, f := range slices.Concat(p.accepted, p.fresh) {
			failures = append(failures, remembered(p, f))
		}
	}
	failures = append(failures, r.inherited(ctx)...)
	if err := r.hashTree(ctx); err != nil {
		return
	}
	if now, err := r.opt.Subject.Repo.TreeHash(ctx, r.opt.Subject.Source); err != nil || now != r.treeHash {
		return
	}
	if err := r.opt.Hooks.Memory.Record(r.treeHash, failures); err != nil {
		r.opt.Hooks.Log.Warn("cannot remember the failures", "error", usererr.OneLine(err))
	}
}

// inherited returns the failures of the previous tree in packages that were not run, because the
// change cannot reach them.
func (r *run) inherited(ctx context.Context) []witness.Failure {
	if len(r.opt.Subject.Changed) == 0 || r.opt.Subject.Before == "" {
		return nil
	}
	before := r.opt.Hooks.Memory.Failures(r.opt.Subject.Before)
	var out []witness.Failure
	for _, p := range r.projects {
		suite, ok := p.Suite.(selfContained)
		if !ok {
			continue // its tests may depend on anything
		}
		var left []witness.Failure
		var packages []string
		for _, f := range before {
			ran := p.whole || slices.Contains(p.reached, f.Test.Package)
			if f.Suite == p.Name+": "+p.String() && !ran {
				left, packages = append(left, f), append(packages, f.Test.Package)
			}
		}
		if len(left) == 0 {
			continue
		}
		alone, err := suite.SelfContained(ctx, packages)
		if err != nil {
			r.opt.Hooks.Log.Debug("cannot find out what the tests read", "command", p, "error", err)
			continue
		}
		for _, f := range left {
			if slices.Contains(alone, f.Test.Package) {
				out = append(out, f)
			}
		}
	}
	return out
}
