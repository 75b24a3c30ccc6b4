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

// Most of what makes the failing tests pass does so by breaking something else. The
// tests of their package, and of the one that a candidate changes, mostly show it,
// and with the metamutant that takes the time of one run rather than of one build.

const (
	// packageTimeout bounds the run of a package's tests in screening; a package that
	// takes longer as it stands is left to confirmation.
	packageTimeout = 3 * time.Second
	// longPackage is how long a package's tests may take to be run in pools: of those
	// that take longer, the start of a process is the least part.
	longPackage = time.Second
	// packageSample is how many of those that pools show to break another test get a
	// process anyway: the most promising ones.
	packageSample = 4
	// leastOwn is how many plausible candidates are worth a build of the tests of
	// the package that they change.
	leastOwn = 3
	// ownTime is how long the tests of a changed package may run for one batch: they
	// are for those that come first, the others are left to confirmation.
	ownTime = 4 * time.Second
)

// pace is how a package's tests go.
type pace struct {
	took  time.Duration // as the code stands
	limit time.Duration // as a mutant; 0 when that is too long for screening
	// noPools is set where pools of them were found wanting.
	noPools bool
}

// pace finds out how the tests of the binary's package go.
func (s *Screener) pace(ctx context.Context, binary *gotest.Binary) *pace {
	if p := s.paces[binary.Package]; p != nil {
		return p
	}
	p := new(pace)
	run, err := binary.Run(ctx, gotest.BinaryRun{Timeout: packageTimeout})
	if err == nil && !run.TimedOut {
		p.took = time.Duration(run.Seconds * float64(time.Second))
		// A metamutant is slower by an order of magnitude where it is called most, and
		// tests that fail at once take longer when they pass.
		p.limit = min(20*p.took+time.Second, 3*p.took+3*time.Second)
	}
	if s.paces == nil {
		s.paces = make(map[string]*pace)
	}
	s.paces[binary.Package] = p
	return p
}

// screenPackages runs all tests of the failing tests' package, and then of the
// changed ones, for what is plausible so far.
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
		own := byDir[pkg.Dir]
		if len(own) < leastOwn || pkg.ImportPath == b.target.Package || ctx.Err() != nil {
			continue
		}
		b.screenOwn(ctx, pkg.ImportPath, own)
	}
}

// screenOwn runs all tests of a package for mutants that change it.
func (b *batch) screenOwn(ctx context.Context, importPath string, own []mutant) {
	s := b.s
	for _, m := range own {
		b.result(m).Screened = false
	}
	binary, err := s.opt.Suite.Build(ctx, importPath, b.meta.options)
	if err != nil {
		missing := (*testrun.NotRunError)(nil)
		if !errors.As(err, &missing) {
			s.opt.Log.Debug("the tests of a changed package do not build", "package", importPath, "error", err)
			return
		}
		for _, m := range own { // it has no tests
			b.result(m).Screened = true
		}
		return
	}
	there, meta := *b, *b.meta
	meta.binary = binary
	there.meta, there.target = &meta, validate.Target{Package: importPath, Accepted: b.target.Accepted}
	if took := s.pace(ctx, binary).took; took > 0 {
		own = bestFirst(own)[:min(len(own), max(leastOwn, int(ownTime/took)*max(s.opt.Jobs, 1)))]
	}
	there.screenPackage(ctx, own)
	_ = binary.Remove()
}

// screenPackage runs all tests of the program's package for those of the mutants that
// are plausible.
func (b *batch) screenPackage(ctx context.Context, mutants []mutant) {
	mutants = b.plausible(mutants)
	if len(mutants) == 0 {
		return
	}
	if pace := b.s.pace(ctx, b.meta.binary); pace.limit > 0 {
		b.runPackage(ctx, pace.limit, mutants)
	}
}

// refusePooled returns those of the mutants, the best first, that pools show to
// break another test of the package: it takes what never ends by its steps rather
// than by its time, and spares what passes the failing tests by accident a process.
func (b *batch) refusePooled(ctx context.Context, mutants []mutant) (refused []mutant) {
	task := poolTask{b, poolPackage, topLevel(b.target)}
	accepted := slices.ContainsFunc(topLevel(validate.Target{Failures: b.target.Accepted}), func(test string) bool { return slices.Contains(task.tests, test) })
	if !b.meta.pooled || b.s.pool.off.Load() || accepted || len(task.tests) == 0 || len(mutants) < leastPool {
		return nil
	}
	if pace := b.s.pace(ctx, b.meta.binary); pace.noPools || pace.limit == 0 || pace.took > longPackage {
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

// broken names what a mutant breaks in its package, or "".
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
		return "the other tests of the package do not get through"
	}
	return ""
}
