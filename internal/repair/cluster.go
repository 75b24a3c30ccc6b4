package repair

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// cluster is a group of failures that one patch may fix, with everything that the searches for
// that patch share.
type cluster struct {
	project   *project
	target    validate.Target
	tree      *propose.Tree // with the patches kept so far
	validator *validate.Validator
	problem   *propose.Problem

	tools     lang.Tools
	evidence  localize.Input     // for the suspects
	localized bool               // everything that takes long is part of it
	suspects  []localize.Suspect // by the evidence alone
	guilty    []localize.Suspect // the culprit
	sought    bool               // the culprit
}

// kind returns the kind of the failures.
func (c *cluster) kind() testrun.Kind { return c.target.Failures[0].Kind }

// newCluster sets up the tree, the validator and the suspects of a cluster. Others are failures
// that may stay red.
func (r *run) newCluster(ctx context.Context, p *project, failures, others []testrun.Failure, changes []patch.File) (*cluster, error) {
	limits, hooks := r.opt.Limits, r.opt.Hooks
	target := validate.Target{
		Package: failures[0].Package, Failures: failures, Accepted: slices.Concat(p.accepted, others), Passed: p.first.Passed, Suite: p.reached,
	}
	tree := &propose.Tree{Root: r.workspace, Overlay: maps.Clone(r.overlay)}
	validator := &validate.Validator{Suite: p.Suite, Tree: tree, Jobs: limits.Jobs}
	validator.Progress = func(done, total, plausible int) {
		hooks.Progress("validate", fmt.Sprintf("%d plausible", plausible), done, total)
	}
	screening := limits.Screening
	if slices.ContainsFunc(failures, func(f testrun.Failure) bool { return len(f.Needs) > 0 }) {
		screening = validate.Process // the failing tests pass alone, so tests run in their order
	}
	var tools lang.Tools
	if p.Prepare != nil {
		tools = p.Prepare(ctx, lang.Task{
			Suite: p.Suite, Tree: tree, Jobs: limits.Jobs, Seed: limits.Seed, Screening: screening, Log: hooks.Log,
			Progress: func(done, total, plausible int) { validator.Progress(done, total, plausible) },
		})
	}
	validator.Screener = tools.Screener

	problem := &propose.Problem{
		Tree: tree, Source: tools.Source, Failures: failures, Changes: changes,
		Editable: r.mayEdit(), TestCode: tools.TestCode, Emptied: tools.Emptied, Parts: tools.Parts,
	}
	c := &cluster{project: p, target: target, tree: tree, validator: validator, problem: problem, tools: tools, evidence: localize.Input{
		Root: r.workspace, Package: target.Package, Failures: failures, Changes: changes, Overlay: r.overlay, Jobs: limits.Jobs, Log: hooks.Log,
		Outline: tools.Outline,
	}}
	accepted := slices.Clone(p.accepted)
	problem.Green = func(ctx context.Context, files map[string][]byte) (bool, error) {
		return c.passes(ctx, files, accepted, limits.Timeout)
	}
	return c, nil
}

// localize finds the culprit, and finds the suspects again with what the failing tests run as
// further evidence. It does so once.
func (r *run) localize(ctx context.Context, c *cluster) error {
	if c.localized {
		return nil
	}
	c.localized = true
	if len(c.problem.Changes) > 0 && !c.sought {
		r.findCulprit(ctx, c)
	}
	if c.tools.Follow == nil {
		return nil
	}
	c.evidence.Follow = c.tools.Follow
	return r.suspect(ctx, c)
}

// suspect finds the suspects by the evidence so far, and puts the culprit first.
func (r *run) suspect(ctx context.Context, c *cluster) error {
	defer r.clock.start("localize")()
	r.opt.Hooks.Progress("localize", c.target.Package, 0, 0)
	suspects, err := localize.Localize(ctx, c.evidence)
	if err != nil {
		return err
	}
	c.suspects = suspects
	c.problem.Suspect(slices.Concat(c.guilty, suspects), 1)
	return nil
}

// repairCluster searches for a patch for the failures of one package and keeps it.
func (r *run) repairCluster(ctx context.Context, p *project, failures, others []testrun.Failure, changes []patch.File) (fixed bool, err error) {
	c, err := r.newCluster(ctx, p, failures, others, changes)
	if err != nil {
		return false, err
	}
	if err := r.suspect(ctx, c); err != nil {
		return false, err
	}
	defer func() { r.reportSuspects(c.suspects) }()
	if c.kind().Unbuilt() || c.validator.Screener == nil {
		if err := r.localize(ctx, c); err != nil {
			return false, err
		}
	}
	if r.searchBegan.IsZero() {
		r.searchBegan = time.Now()
	}
	first, last := r.strategiesFor(c)
	sole, err := r.proposeSole(ctx, c, first)
	if err != nil {
		return false, err
	}
	s := &search{run: r, cluster: c, target: c.target, phase: phaseSole, weight: func(string) float64 { return 1 }, pool: sole}
	if found, err := s.findPatch(ctx); err != nil || found {
		return found, err
	}

	weight := r.drawWeights(ctx, c)
	s = &search{run: r, cluster: c, target: c.target, phase: phaseMain, weight: weight, strategies: first}
	main, cancel := c.leaveTime(ctx, last)
	found, err := s.findPatch(main)
	cancel()
	if (err != nil && ctx.Err() == nil && main.Err() == nil) || found {
		return found, err
	}
	s = &search{run: r, cluster: c, target: c.target, phase: phaseLast, weight: weight, strategies: last}
	return s.findPatch(ctx)
}

// lastShare is the share of the time that a last resort gets if each candidate needs a run of the
// tests: there may be far more candidates than time.
const lastShare = 0.4

// leaveTime returns a context for the main search that leaves time for the last resort.
func (c *cluster) leaveTime(ctx context.Context, last []propose.Strategy) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if len(last) == 0 || !ok || c.validator.Screener != nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration((1-lastShare)*float64(time.Until(deadline))))
}

// strategiesFor returns the strategies that can help with a cluster. Last has those that are a
// last resort.
func (r *run) strategiesFor(c *cluster) (first, last []propose.Strategy) {
	for _, s := range r.opt.Limits.Strategies {
		switch {
		case s.Language != "" && s.Language != c.project.Name, !c.canUse(&s):
		case s.LastResort:
			last = append(last, s)
		default:
			first = append(first, s)
		}
	}
	return first, last
}

// canUse reports whether a strategy can help with the failures. Those that come first serve even for
// code that does not build if the language has no strategies of its own for that.
func (c *cluster) canUse(s *propose.Strategy) bool {
	return s.Applies(c.kind()) || s.First && len(c.project.Strategies) == 0
}

// proposeSole returns the complete fixes of strategies that have some.
func (r *run) proposeSole(ctx context.Context, c *cluster, strategies []propose.Strategy) ([]propose.Candidate, error) {
	var cands []propose.Candidate
	for _, s := range strategies {
		if s.Sole == nil {
			continue
		}
		proposed, err := s.Sole(ctx, c.problem)
		if err != nil {
			return nil, err
		}
		cands = append(cands, proposed...)
	}
	cands = r.mine(cands)
	r.report.Stats.Generated += len(cands)
	return cands, nil
}

// mayEdit returns a function that reports whether the configuration allows editing a file.
func (r *run) mayEdit() func(file string) bool {
	allows := r.opt.Decision.Editable
	if allows == nil {
		return nil
	}
	var known sync.Map // it is called for each of a hundred thousand candidates
	return func(file string) bool {
		if may, ok := known.Load(file); ok {
			return may.(bool)
		}
		may, _ := allows(file)
		known.Store(file, may)
		return may
	}
}

// passes runs the target's tests with files laid over the tree. Strategies may call it at any
// time, so it reads nothing that the run will change.
func (c *cluster) passes(ctx context.Context, files map[string][]byte, accepted []testrun.Failure, timeout time.Duration) (bool, error) {
	overlay := make(map[string][]byte, len(c.tree.Overlay)+len(files))
	maps.Copy(overlay, c.tree.Overlay)
	maps.Copy(overlay, files)
	pkg := c.target.Package
	res, err := c.project.Suite.Run(ctx, testrun.Request{
		Packages: []string{pkg}, Tests: testrun.Needed(c.target.Failures), Overlay: overlay, OnDisk: true, NoVet: true, Timeout: timeout,
	})
	var notRun *testrun.NotRunError
	if errors.As(err, &notRun) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, f := range res.Failures {
		if !contains(accepted, f.TestID) {
			return false, nil
		}
	}
	return len(res.Missing) == 0, nil // a test that does not run does not pass
}
