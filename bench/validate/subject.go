package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/regreen-ci/regreen/bench/seeded"
	"github.com/regreen-ci/regreen/internal/lang/all"
	"github.com/regreen-ci/regreen/internal/lang/golang/coverage"
	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// subject is a module with a bug, and the candidates to fix it.
type subject struct {
	bug      seeded.Bug
	suite    *gotest.Suite
	target   validate.Target
	dir      string              // of the failing tests' package, relative to the module
	cands    []propose.Candidate // the best ones, in order
	proposed int                 // how many were proposed in all
}

// prepare seeds the bug, finds the failing tests and collects candidates.
func (b *bench) prepare(ctx context.Context, bug seeded.Bug, root string) (*subject, error) {
	if err := b.modules.Checkout(ctx, bug, root); err != nil {
		return nil, err
	}
	if _, err := bug.SeedFile(root); err != nil {
		return nil, err
	}
	suite, err := gotest.FindIn(root, "", testrun.NewSandbox(seeded.Environment(os.Environ())))
	if err != nil {
		return nil, err
	}
	s := &subject{bug: bug, suite: suite}
	if err := s.findTarget(ctx); err != nil {
		return nil, err
	}
	if err := s.propose(ctx, b.jobs); err != nil {
		return nil, err
	}
	s.proposed = len(s.cands)
	s.cands = s.cands[:min(len(s.cands), b.most)]
	return s, nil
}

// findTarget runs all tests. The target is the package with the bug if its tests fail, or
// else the first package with failing tests.
func (s *subject) findTarget(ctx context.Context) error {
	first, err := s.suite.Run(ctx, testrun.Request{Count: 1})
	if err != nil {
		return err
	}
	if len(first.Failures) == 0 {
		return errors.New("no test fails with the bug")
	}
	packages, err := s.suite.Packages(ctx)
	if err != nil {
		return err
	}
	chosen := slices.MinFunc(first.Failures, func(a, b testrun.Failure) int {
		own := func(f testrun.Failure) int {
			at := slices.IndexFunc(packages, func(p gotest.Package) bool { return p.ImportPath == f.Package })
			if at >= 0 && packages[at].Dir == path.Dir(s.bug.File) {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(own(a), own(b)), cmp.Compare(a.Package, b.Package))
	})
	s.target = validate.Target{Package: chosen.Package, Passed: first.Passed}
	for _, f := range first.Failures {
		if f.Package == chosen.Package {
			s.target.Failures = append(s.target.Failures, f)
		} else {
			s.target.Accepted = append(s.target.Accepted, f)
		}
	}
	at := slices.IndexFunc(packages, func(p gotest.Package) bool { return p.ImportPath == chosen.Package })
	if at < 0 || chosen.Kind == testrun.Compile {
		return fmt.Errorf("cannot run the tests of %s", chosen.Package)
	}
	s.dir = packages[at].Dir
	return nil
}

// propose collects the candidates for the package with the bug, in the order of the
// pipeline. It includes those for code without any suspicion, with the least weight.
func (s *subject) propose(ctx context.Context, jobs int) error {
	suspects, err := localize.Localize(ctx, localize.Input{
		Root: s.suite.Root, Package: s.target.Package, Failures: s.target.Failures, Jobs: jobs, Outline: coverage.Outline,
		Follow: func(ctx context.Context, in localize.Input, src *localize.Source) ([]localize.Mark, error) {
			return coverage.Follow(ctx, s.suite, in, src)
		},
	})
	if err != nil {
		return err
	}
	tree := s.tree()
	pkg, err := tree.Load(ctx, path.Dir(s.bug.File))
	if err != nil {
		return err
	}
	problem := &propose.Problem{Tree: tree.Tree, Source: tree, TestCode: tree.TestCode, Failures: s.target.Failures, Suspects: everywhere(suspects, pkg)}
	var strategies []propose.Strategy
	shares := make(map[string]float64)
	for _, strategy := range all.Strategies() {
		if strategy.Applies(s.target.Failures[0].Kind) && !strategy.LastResort { // the last resort needs history
			strategies = append(strategies, strategy)
			shares[strategy.Name] = strategy.Share
		}
	}
	cands, errs := propose.Generate(ctx, problem, strategies)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	propose.Order(cands, func(name string) float64 { return shares[name] }, cost)
	s.cands = cands
	return ctx.Err()
}

// cost returns the cost of testing a candidate, as the pipeline estimates it.
func cost(c *propose.Candidate) float64 {
	if c.Whole {
		return 20
	}
	return 1
}

// unsuspected is the suspicion of lines without evidence, as a share of the lowest
// suspicion with evidence.
const unsuspected = 0.1

// everywhere returns the suspects in a package, and all other lines of the package as
// suspects with little suspicion.
func everywhere(suspects []localize.Suspect, pkg *source.Package) []localize.Suspect {
	least := 1.0
	var out []localize.Suspect
	for _, s := range suspects {
		if path.Dir(s.File) == pkg.Dir {
			out, least = append(out, s), min(least, s.Score)
		}
	}
	for _, f := range pkg.Files {
		out = append(out, localize.Suspect{File: f.Name, Start: 1, End: 1 + bytes.Count(f.Src, []byte("\n")), Score: unsuspected * least})
	}
	return out
}

// tree returns the tree of the module, with empty caches.
func (s *subject) tree() *source.Tree {
	return &source.Tree{Tree: &propose.Tree{Root: s.suite.Root}, Env: s.suite.Sandbox.Env()}
}
