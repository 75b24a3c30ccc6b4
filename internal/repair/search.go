package repair

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// culpritShare is the share of a cluster's time that the culprit may take.
const culpritShare = 0.4

// search takes the failures cluster by cluster. A cluster is what one patch turns
// green; it begins as the failures of one package, the one nearest to the cause. The
// second context ends with the budget, the first with the run: what a kept patch
// leaves red is found out even when the budget is spent.
func (r *run) search(whole, ctx context.Context) error {
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
			r.tellRed(focus)
			r.accepted = append(r.accepted, focus...)
			remaining = others
			continue
		}
		if remaining, err = r.stillFailing(whole, remaining); err != nil {
			return err
		}
	}
	if len(remaining) > 0 {
		r.tellRed(remaining)
	}
	return nil
}

// changes are the differences from the base, for localization and revert.
func (r *run) changes(ctx context.Context) ([]patch.File, error) {
	if r.base == "" {
		return nil, nil
	}
	return r.Repo.Changes(ctx, r.base, r.Source)
}

// focus picks the failures to begin with: those that keep others from running
// (compile errors), then those of the package that depends on the fewest others.
func (r *run) focus(ctx context.Context, failures []testrun.Failure) ([]testrun.Failure, error) {
	pkgs, err := r.suite.Packages(ctx)
	if err != nil {
		return nil, err
	}
	depth := importDepth(pkgs)
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

// importDepth is how many layers of the tree's own packages lie below each.
func importDepth(pkgs []testrun.Package) map[string]int {
	byPath := make(map[string]*testrun.Package, len(pkgs))
	for i := range pkgs {
		byPath[pkgs[i].ImportPath] = &pkgs[i]
	}
	depth := make(map[string]int)
	var visit func(importPath string) int
	visit = func(importPath string) int {
		p := byPath[importPath]
		if p == nil {
			return -1
		}
		if d, ok := depth[importPath]; ok {
			return d
		}
		depth[importPath] = 0 // guards against cycles of test imports
		d := 0
		for _, imp := range p.Imports {
			d = max(d, visit(imp)+1)
		}
		depth[importPath] = d
		return d
	}
	for _, p := range pkgs {
		visit(p.ImportPath)
	}
	return depth
}

// repairCluster searches a patch for the failures of one package and keeps it.
func (r *run) repairCluster(ctx context.Context, focus, others []testrun.Failure, changes []patch.File) (bool, error) {
	target := validate.Target{Package: focus[0].Package, Failures: focus, Accepted: slices.Concat(r.accepted, others), Passed: r.first.Passed, Suite: r.within}
	tree := &propose.Tree{
		Root: r.suite.Root, Overlay: maps.Clone(r.kept), Flags: buildFlags(r.suite.Flags), Env: r.suite.Sandbox.Env(), Alone: r.alone(),
	}
	v := &validate.Validator{Suite: r.suite, Tree: tree, Jobs: r.Jobs}
	v.Progress = func(done, total, plausible int) {
		r.Progress("validate", fmt.Sprintf("%d plausible", plausible), done, total)
	}
	v.Screener = validate.NewSchemata(validate.SchemataOptions{
		Suite: r.suite, Tree: tree, Jobs: r.Jobs, Log: r.Log, Way: r.Validator, Seed: r.Seed,
		Progress: func(done, total, plausible int) { v.Progress(done, total, plausible) },
	})

	r.Progress("localize", target.Package, 0, 0)
	stop := r.clock.start("localize")
	suspects, err := localize.Localize(ctx, localize.Input{
		Suite: r.suite, Package: target.Package, Failures: focus, Changes: changes, Overlay: r.kept, Jobs: r.Jobs, Log: r.Log,
	})
	stop()
	if err != nil {
		return false, err
	}
	r.tellSuspects(suspects)

	problem := &propose.Problem{
		Tree: tree, Failures: focus, Suspects: suspects, Changes: changes, Editable: r.editable(ctx),
		Green: func(ctx context.Context, files map[string][]byte) (bool, error) { return r.passes(ctx, target, files) },
	}
	if len(changes) > 0 {
		r.findCulprit(ctx, problem)
	}

	if focus[0].Kind == testrun.Compile && r.uses("imports") {
		// Imports need no search: there is one way to mend them.
		cands, err := propose.FixImports(ctx, problem)
		if err != nil {
			return false, err
		}
		cands = r.mine(cands)
		h := &hunt{run: r, v: v, target: target, problem: problem, turn: turnImports, weight: func(string) float64 { return 1 }, pool: cands}
		r.report.Stats.Generated += len(cands)
		if winner, err := h.do(ctx); err != nil || winner != nil {
			return winner != nil, err
		}
	}
	h := &hunt{run: r, v: v, target: target, problem: problem, turn: turnMain, weight: r.weights(ctx, focus[0].Kind)}
	var last []propose.Strategy
	for _, s := range r.Strategies {
		switch {
		case !s.Applies(focus[0].Kind):
		case s.LastResort:
			last = append(last, s)
		default:
			h.strategies = append(h.strategies, s)
		}
	}
	if winner, err := h.do(ctx); err != nil || winner != nil {
		return winner != nil, err
	}
	h = &hunt{run: r, v: v, target: target, problem: problem, turn: turnLast, weight: h.weight, strategies: last}
	winner, err := h.do(ctx)
	return winner != nil, err
}

// editable is what may be edited: what the configuration allows, less the packages
// that only tests use.
func (r *run) editable(ctx context.Context) func(file string) bool {
	support, err := r.suite.TestSupport(ctx)
	if err != nil {
		r.Log.Debug("what belongs to the tests is not known", "error", err)
	}
	var known sync.Map // it is asked for each of a hundred thousand candidates
	return func(file string) bool {
		if may, ok := known.Load(file); ok {
			return may.(bool)
		}
		may := !slices.Contains(support, path.Dir(file))
		if may && r.Editable != nil {
			may, _ = r.Editable(file)
		}
		known.Store(file, may)
		return may
	}
}

// alone are the modules that no workspace of the tree uses.
func (r *run) alone() []string {
	var dirs []string
	for _, m := range r.suite.Modules {
		if m.Alone {
			dirs = append(dirs, m.Dir)
		}
	}
	return dirs
}

// uses tells whether a strategy is among those asked for.
func (r *run) uses(name string) bool {
	return slices.ContainsFunc(r.Strategies, func(s propose.Strategy) bool { return s.Name == name })
}

// stillFailing runs what is left on the tree with the kept patches.
func (r *run) stillFailing(ctx context.Context, failures []testrun.Failure) ([]testrun.Failure, error) {
	packages := packagesOf(ids(failures))
	res, err := r.suite.Run(ctx, testrun.Request{
		Packages: packages, Tests: testsIn(failures, packages), Overlay: r.kept, Timeout: r.Timeout,
	})
	if err != nil {
		return nil, err
	}
	var out []testrun.Failure
	for _, f := range res.Failures {
		known := slices.ContainsFunc(r.accepted, func(a testrun.Failure) bool { return a.TestID == f.TestID })
		if known {
			continue
		}
		if !slices.ContainsFunc(failures, func(o testrun.Failure) bool { return o.TestID == f.TestID }) {
			r.tellFailure(f, "new") // a package that compiles again shows what it hid
		}
		out = append(out, f)
	}
	r.tellRepaired(failures, out)
	return out, nil
}

// passes runs the target's tests with some files laid over the tree.
func (r *run) passes(ctx context.Context, target validate.Target, files map[string][]byte) (bool, error) {
	overlay := maps.Clone(r.kept)
	maps.Copy(overlay, files)
	res, err := r.suite.Run(ctx, testrun.Request{
		Packages: []string{target.Package}, Tests: testsIn(target.Failures, []string{target.Package}), Overlay: overlay, NoVet: true, Timeout: r.Timeout,
	})
	var notRun *testrun.NotRunError
	if errors.As(err, &notRun) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, f := range res.Failures {
		if !slices.ContainsFunc(r.accepted, func(a testrun.Failure) bool { return a.TestID == f.TestID }) {
			return false, nil
		}
	}
	return true, nil
}

// findCulprit looks for the least part of the change that makes the tests fail.
// It is told even when another patch than its reverse is taken in the end.
func (r *run) findCulprit(ctx context.Context, p *propose.Problem) {
	defer r.clock.start("localize")()
	if r.report.Culprit != nil || !r.uses("revert") {
		return
	}
	deadline, _ := ctx.Deadline()
	share, cancel := context.WithTimeout(ctx, time.Duration(float64(time.Until(deadline))*culpritShare))
	defer cancel()
	r.Progress("localize", "searching the culprit hunk", 0, 0)
	hunks, minimal, tests, err := propose.Culprit(share, p)
	if err != nil {
		r.Log.Debug("no culprit found", "error", err)
		return
	}
	if len(hunks) == 0 {
		return
	}
	culprit := &report.Culprit{Diff: string(patch.Format(hunks)), Minimal: minimal, Tests: tests}
	var guilty []localize.Suspect
	for _, f := range hunks {
		for _, h := range f.Hunks {
			start, end := changedLines(h)
			culprit.Files = append(culprit.Files, report.Span{File: f.Name(), Start: start, End: end})
			guilty = append(guilty, localize.Suspect{
				File: f.Name(), Start: start, End: end, Score: 1,
				Why: []localize.Reason{{Evidence: localize.Changed, Strength: 1, Text: "the least change that breaks the tests"}},
			})
		}
	}
	r.report.Culprit = culprit
	p.Suspect(append(guilty, p.Suspects...), 1)
}

// changedLines is the range of lines of the new file that a hunk changes.
func changedLines(h patch.Hunk) (start, end int) {
	line := h.NewStart
	for _, l := range h.Lines {
		switch l.Op {
		case patch.Insert:
			if start == 0 {
				start = line
			}
			end = line
			line++
		case patch.Delete:
			if start == 0 {
				start = line
			}
			end = max(end, line)
		default:
			line++
		}
	}
	if start == 0 {
		start, end = h.NewStart, h.NewStart
	}
	return max(start, 1), max(end, 1)
}

// weights draws the weight of each strategy once (Thompson sampling): what is
// known of how often it succeeds, with its share of real fixes as the prior.
func (r *run) weights(ctx context.Context, kind testrun.Kind) func(string) float64 {
	if weights, ok := r.drawn[string(kind)]; ok {
		return func(name string) float64 { return weights[name] }
	}
	var learnt map[string]learn.Posterior
	if r.Store != nil {
		var err error
		if learnt, err = r.Store.Posteriors(ctx, learn.Context{Language: language, Kind: string(kind)}); err != nil && ctx.Err() == nil {
			r.Log.Warn("what was learnt cannot be read", "error", err)
		}
	}
	weights := make(map[string]float64)
	for _, s := range r.Strategies {
		weights[s.Name] = learnt[s.Name].With(prior(s)).Sample(r.rng)
	}
	r.drawn[string(kind)] = weights
	return func(name string) float64 { return weights[name] }
}

const language = "go"

// priorCount is how many pseudo-observations a strategy's share counts for: the
// shares come from 827 measured fixes.
const priorCount = 827

func prior(s propose.Strategy) learn.Posterior {
	p := min(max(s.Share/100, 0.001), 0.5)
	return learn.Posterior{Alpha: p * priorCount, Beta: (1 - p) * priorCount}
}

func without(all, some []testrun.Failure) []testrun.Failure {
	return slices.DeleteFunc(slices.Clone(all), func(f testrun.Failure) bool {
		return slices.ContainsFunc(some, func(s testrun.Failure) bool { return s.TestID == f.TestID && s.Kind == f.Kind })
	})
}

// buildFlags are those of the test command's flags that matter for loading code.
func buildFlags(flags []string) []string {
	var out []string
	for _, f := range flags {
		if len(f) > 5 && f[:5] == "-tags" || len(f) > 4 && f[:4] == "-mod" {
			out = append(out, f)
		}
	}
	return out
}
