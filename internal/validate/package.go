package validate

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Most of what makes the failing tests pass does so by breaking something else. The
// tests of their package, and of the one that a candidate changes, mostly show it,
// and with the woven code that takes the time of one run rather than of one build.

const (
	// packageTimeout bounds the run of a package's tests in screening; a package that
	// takes longer as it stands is left to confirmation.
	packageTimeout = 3 * time.Second
	// longPackage is how long a package's tests may take to be run in pools: of those
	// that take longer, the start of a process is the least part.
	longPackage = time.Second
	// packageSample is how many of those that pools show to break another test get a
	// process all the same: the most promising ones.
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
	limit time.Duration // with a candidate in it; 0 when that is too long for screening
	alone bool          // pools of them were found wanting
}

// pace finds out how the tests of the binary's package go.
func (v *Validator) pace(ctx context.Context, binary *testrun.Binary) *pace {
	if p := v.paces[binary.Package]; p != nil {
		return p
	}
	p := new(pace)
	run, err := binary.Run(ctx, testrun.BinaryRun{Timeout: packageTimeout})
	if err == nil && !run.TimedOut {
		p.took = time.Duration(run.Seconds * float64(time.Second))
		// What is woven is slower by an order of magnitude where it is called most, and
		// tests that fail at once take longer when they pass.
		p.limit = min(20*p.took+time.Second, 3*p.took+3*time.Second)
	}
	if v.paces == nil {
		v.paces = make(map[string]*pace)
	}
	v.paces[binary.Package] = p
	return p
}

// screenPackages runs all tests of the failing tests' package, and then of the
// changed ones, for what is plausible so far.
func (v *Validator) screenPackages(ctx context.Context, target Target, wv *woven, picks []pick, results []Result) {
	v.screenPackage(ctx, target, wv, stillPlausible(picks, results), results)
	packages, err := v.Suite.Packages(ctx)
	if err != nil {
		return // confirmation will tell
	}
	byDir := make(map[string][]pick)
	for _, p := range stillPlausible(picks, results) {
		dir := path.Dir(p.cand.File())
		byDir[dir] = append(byDir[dir], p)
	}
	for _, pkg := range packages {
		own := byDir[pkg.Dir]
		if len(own) < leastOwn || pkg.ImportPath == target.Package || ctx.Err() != nil {
			continue
		}
		for _, p := range own {
			results[p.number-1].Screened = false
		}
		binary, err := v.Suite.Build(ctx, pkg.ImportPath, wv.options)
		if err != nil {
			missing := (*testrun.NotRunError)(nil)
			if !errors.As(err, &missing) {
				v.Log.Debug("the tests of a changed package do not build", "package", pkg.ImportPath, "error", err)
				continue
			}
			for _, p := range own { // it has no tests
				results[p.number-1].Screened = true
			}
			continue
		}
		there := *wv
		there.binary = binary
		if took := v.pace(ctx, binary).took; took > 0 {
			own = bestFirst(own)[:min(len(own), max(leastOwn, int(ownTime/took)*max(v.Jobs, 1)))]
		}
		v.screenPackage(ctx, Target{Package: pkg.ImportPath, Accepted: target.Accepted}, &there, own, results)
		_ = binary.Remove()
	}
}

func stillPlausible(picks []pick, results []Result) []pick {
	return slices.DeleteFunc(slices.Clone(picks), func(p pick) bool { return results[p.number-1].Verdict != Plausible })
}

// screenPackage runs all tests of the binary's package for plausible candidates.
func (v *Validator) screenPackage(ctx context.Context, target Target, wv *woven, picks []pick, results []Result) {
	if len(picks) == 0 {
		return
	}
	if pace := v.pace(ctx, wv.binary); pace.limit > 0 {
		v.runPackage(ctx, target, wv, pace.limit, picks, results)
	}
}

// refusePooled gives those of the candidates, the best first, that pools show to
// break another test of the package: it takes what never ends by its steps rather
// than by its time, and spares what passes the failing tests by accident a process.
func (v *Validator) refusePooled(ctx context.Context, target Target, wv *woven, picks []pick, results []Result) (refused []pick) {
	task := poolTask{target, wv, poolPackage, topLevel(target)}
	accepted := slices.ContainsFunc(topLevel(Target{Failures: target.Accepted}), func(test string) bool { return slices.Contains(task.tests, test) })
	if !wv.pooled || v.pool.off.Load() || accepted || len(task.tests) == 0 || len(picks) < leastPool {
		return nil
	}
	if pace := v.pace(ctx, wv.binary); pace.alone || pace.limit == 0 || pace.took > longPackage {
		return nil
	}
	v.runPools(ctx, task, picks, results)
	for _, p := range bestFirst(picks) {
		if results[p.number-1].Verdict == Refused {
			refused = append(refused, p)
		}
	}
	return refused
}

// runPackage runs the package's tests for each candidate in a process of its own.
func (v *Validator) runPackage(ctx context.Context, target Target, wv *woven, limit time.Duration, picks []pick, results []Result) {
	v.each(ctx, len(picks), func(i int) {
		r := &results[picks[i].number-1]
		run, err := wv.binary.Run(ctx, testrun.BinaryRun{
			Timeout: limit, Env: []string{fmt.Sprintf("%s=%d", selector, picks[i].number)},
		})
		if err != nil {
			return
		}
		r.Seconds += run.Seconds
		r.Verdict, r.Stage, r.Reason, r.Screened = Plausible, StageScreen, "", true
		if why := broken(run, target); why != "" {
			r.Verdict, r.Reason, r.Screened = Refused, why, false
		}
	})
}

// broken names what a candidate breaks in its package, or "".
func broken(run testrun.BinaryResult, target Target) string {
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
			return covers(f.TestID, id) || covers(id, f.TestID)
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
