package schemata

import (
	"context"
	"errors"
	"path"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// Most candidates that make the failing tests pass break something else. The other tests of
// the package, and those of the package that a candidate changes, usually show that. With
// the metamutant, that takes one run instead of one build.

const (
	// packageTimeout bounds the run of a package's tests in screening. If the unchanged
	// package takes longer, its tests are left to confirmation.
	packageTimeout = 3 * time.Second
	// longPackage is how long a package's tests may take to run in pools. For tests that
	// take longer, the start of a process is a small part of their time.
	longPackage = time.Second
	// packageSample is how many mutants get a process although pools show that they break
	// another test: the most promising ones.
	packageSample = 4
	// leastChanged is how many plausible candidates are worth a build of the tests of
	// the package that they change.
	leastChanged = 3
	// changedTime is how long the tests of a changed package may run for one batch. The
	// first candidates get it, the others are left to confirmation.
	changedTime = 4 * time.Second
)

// timing says how long the tests of a package take.
type timing struct {
	took    time.Duration // for the unchanged code
	limit   time.Duration // for a mutant; 0 if that is too long for screening
	noPools bool          // a pool of these tests was wrong
}

// timing measures how long the tests of the binary's package take, once per package. If a test
// fails there that passed before, because it reads the source, they cannot be used.
func (s *Screener) timing(ctx context.Context, binary *gotest.Binary, target validate.Target) *timing {
	if t := s.timings[binary.Package]; t != nil {
		return t
	}
	t := new(timing)
	run, err := binary.Run(ctx, gotest.BinaryRun{Timeout: packageTimeout})
	misled := slices.ContainsFunc(failLine().FindAllSubmatch(run.Output, -1), func(m [][]byte) bool {
		return slices.Contains(target.Passed, testrun.TestID{Package: target.Package, Test: string(m[1])})
	})
	if err == nil && !run.TimedOut && !misled {
		t.took = time.Duration(run.Seconds * float64(time.Second))
		// A metamutant is ten times as slow where it is called most, and tests that fail
		// early take longer when they pass.
		t.limit = min(20*t.took+time.Second, 3*t.took+3*time.Second)
	}
	if s.timings == nil {
		s.timings = make(map[string]*timing)
	}
	s.timings[binary.Package] = t
	return t
}

// screenPackages runs all tests of the failing tests' package for the plausible mutants, and
// then the tests of the packages that they change.
func (b *batch) screenPackages(ctx context.Context, mutants []mutant) {
	s := b.s
	b.screenPackage(ctx, mutants)
	packages, err := s.opt.Suite.Packages(ctx)
	if err != nil {
		return // confirmation will find out
	}
	byDir := make(map[string][]mutant)
	for _, m := range b.plausible(mutants) {
		dir := path.Dir(m.Candidate.File())
		byDir[dir] = append(byDir[dir], m)
	}
	for _, pkg := range packages {
		changing := byDir[pkg.Dir]
		if len(changing) < leastChanged || pkg.ImportPath == b.target.Package || ctx.Err() != nil {
			continue
		}
		b.screenChanged(ctx, pkg.ImportPath, changing)
	}
}

// screenChanged runs all tests of a package for mutants that change it.
func (b *batch) screenChanged(ctx context.Context, importPath string, mutants []mutant) {
	s := b.s
	for _, m := range mutants {
		b.result(m).Screened = false
	}
	binary, err := s.opt.Suite.Build(ctx, importPath, b.meta.options)
	if err != nil {
		missing := (*testrun.NotRunError)(nil)
		if !errors.As(err, &missing) {
			s.opt.Log.Debug("the tests of a changed package do not build", "package", importPath, "error", err)
			return
		}
		for _, m := range mutants { // it has no tests
			b.result(m).Screened = true
		}
		return
	}
	changed, meta := *b, *b.meta
	meta.binary = binary
	changed.meta, changed.target = &meta, validate.Target{Package: importPath, Accepted: b.target.Accepted, Passed: b.target.Passed}
	if took := s.timing(ctx, binary, changed.target).took; took > 0 {
		mutants = bestFirst(mutants)[:min(len(mutants), max(leastChanged, int(changedTime/took)*max(s.opt.Jobs, 1)))]
	}
	changed.screenPackage(ctx, mutants)
	_ = binary.Remove()
}

// screenPackage runs all tests of the program's package for the plausible mutants.
func (b *batch) screenPackage(ctx context.Context, mutants []mutant) {
	mutants = b.plausible(mutants)
	if len(mutants) == 0 {
		return
	}
	if t := b.s.timing(ctx, b.meta.binary, b.target); t.limit > 0 {
		b.runPackage(ctx, t.limit, mutants)
	}
}

// refusePooled returns the mutants that break another test of the package according to pools,
// the best first. Pools stop an endless mutant by its steps, before its timeout, and save the
// processes for mutants that pass the failing tests by accident.
func (b *batch) refusePooled(ctx context.Context, mutants []mutant) (refused []mutant) {
	task := poolTask{b, poolPackage, topLevel(b.target)}
	accepted := slices.ContainsFunc(topLevel(validate.Target{Failures: b.target.Accepted}), func(test string) bool { return slices.Contains(task.tests, test) })
	if !b.meta.pooled || b.s.pool.off.Load() || accepted || len(task.tests) == 0 || len(mutants) < leastPool {
		return nil
	}
	if t := b.s.timing(ctx, b.meta.binary, b.target); t.noPools || t.limit == 0 || t.took > longPackage {
		return nil
	}
	task.runPools(ctx, mutants)
	for _, m := range bestFirst(mutants) {
		if b.result(m).Verdict == validate.Refused {
			refused = append(refused, m)
		}
	}
	return refused
}

// runPackage runs the package's tests for each mutant in a process of its own.
func (b *batch) runPackage(ctx context.Context, limit time.Duration, mutants []mutant) {
	b.s.each(ctx, len(mutants), func(i int) {
		r := b.result(mutants[i])
		run, err := b.meta.binary.Run(ctx, gotest.BinaryRun{Timeout: limit, Env: []string{selected(mutants[i].ID)}})
		if err != nil {
			return
		}
		r.Seconds += run.Seconds
		r.Verdict, r.Stage, r.Reason, r.Screened = validate.Plausible, validate.StageScreen, "", true
		if why := broken(run, b.target); why != "" {
			r.Verdict, r.Reason, r.Screened = validate.Refused, why, false
		}
	})
}

// broken returns what a mutant breaks in its package, or "".
func broken(run gotest.BinaryResult, target validate.Target) string {
	if run.Passed {
		return ""
	}
	if run.TimedOut {
		return "the other tests of the package run into the timeout"
	}
	failed := failLine().FindAllSubmatch(run.Output, -1)
	for _, m := range failed {
		id := testrun.TestID{Package: target.Package, Test: string(m[1])}
		allowed := slices.ContainsFunc(slices.Concat(target.Accepted, target.Failures), func(f testrun.Failure) bool {
			return validate.Covers(f.TestID, id) || validate.Covers(id, f.TestID)
		})
		if !allowed {
			return "breaks " + id.Test
		}
	}
	if len(failed) == 0 {
		return "the other tests of the package do not finish"
	}
	return ""
}
