package repair

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/regreen-ci/regreen/internal/lang/golang/coverage"
	"github.com/regreen-ci/regreen/internal/lang/golang/schemata"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// cluster is a group of failures that one patch may fix, with all that the searches for
// that patch have in common.
type cluster struct {
	target    validate.Target
	tree      *propose.Tree // with the patches that were kept before
	validator *validate.Validator
	problem   *propose.Problem
}

// kind is that of the failures.
func (c *cluster) kind() testrun.Kind { return c.target.Failures[0].Kind }

// newCluster is the one place where the tree, the validator and the suspects of a cluster
// are set up. The others are failures that it leaves red.
func (r *run) newCluster(ctx context.Context, failures, others []testrun.Failure, changes []patch.File) (*cluster, error) {
	limits, hooks := r.opt.Limits, r.opt.Hooks
	target := validate.Target{
		Package: failures[0].Package, Failures: failures, Accepted: slices.Concat(r.accepted, others), Passed: r.first.Passed, Suite: r.reached,
	}
	tree := &propose.Tree{Root: r.workspace, Overlay: maps.Clone(r.kept)}
	validator := &validate.Validator{Suite: r.suite, Tree: tree.Tree, Jobs: limits.Jobs}
	validator.Progress = func(done, total, plausible int) {
		hooks.Progress("validate", fmt.Sprintf("%d plausible", plausible), done, total)
	}
	validator.Screener = schemata.New(schemata.Options{
		Suite: r.suite, Tree: tree, Jobs: limits.Jobs, Log: hooks.Log, Way: limits.Screening, Seed: limits.Seed,
		Progress: func(done, total, plausible int) { validator.Progress(done, total, plausible) },
	})

	hooks.Progress("localize", target.Package, 0, 0)
	stop := r.clock.start("localize")
	suspects, err := localize.Localize(ctx, localize.Input{
		Root: r.suite.Root, Package: target.Package, Failures: failures, Changes: changes, Overlay: r.kept, Jobs: limits.Jobs, Log: hooks.Log,
		Outline: coverage.Outline,
		Follow: func(ctx context.Context, in localize.Input, src *localize.Source) ([]localize.Mark, error) {
			return coverage.Follow(ctx, r.suite, in, src)
		},
	})
	stop()
	if err != nil {
		return nil, err
	}
	r.reportSuspects(suspects)

	problem := &propose.Problem{
		Tree: tree.Tree, Source: tree, Failures: failures, Suspects: suspects, Changes: changes,
		Editable: r.mayEdit(ctx), TestCode: tree.TestCode, Emptied: source.Emptied,
		Green: func(ctx context.Context, files map[string][]byte) (bool, error) { return r.passes(ctx, target, files) },
	}
	return &cluster{target: target, tree: tree.Tree, validator: validator, problem: problem}, nil
}

// repairCluster searches a patch for the failures of one package and keeps it.
func (r *run) repairCluster(ctx context.Context, failures, others []testrun.Failure, changes []patch.File) (fixed bool, err error) {
	c, err := r.newCluster(ctx, failures, others, changes)
	if err != nil {
		return false, err
	}
	if len(changes) > 0 {
		r.findCulprit(ctx, c.problem)
	}

	sole, err := r.proposeSole(ctx, c)
	if err != nil {
		return false, err
	}
	s := &search{run: r, cluster: c, target: c.target, turn: turnSole, weight: func(string) float64 { return 1 }, pool: sole}
	if found, err := s.findPatch(ctx); err != nil || found {
		return found, err
	}

	weight := r.drawWeights(ctx, c.kind())
	first, last := r.strategiesFor(c.kind())
	s = &search{run: r, cluster: c, target: c.target, turn: turnMain, weight: weight, strategies: first}
	if found, err := s.findPatch(ctx); err != nil || found {
		return found, err
	}
	s = &search{run: r, cluster: c, target: c.target, turn: turnLast, weight: weight, strategies: last}
	return s.findPatch(ctx)
}

// strategiesFor returns the strategies for a kind of failure, and those of them that are
// a last resort.
func (r *run) strategiesFor(kind testrun.Kind) (first, last []propose.Strategy) {
	for _, s := range r.opt.Limits.Strategies {
		switch {
		case !s.Applies(kind):
		case s.LastResort:
			last = append(last, s)
		default:
			first = append(first, s)
		}
	}
	return first, last
}

// proposeSole returns the candidates of strategies that alone can fix everything.
func (r *run) proposeSole(ctx context.Context, c *cluster) ([]propose.Candidate, error) {
	var cands []propose.Candidate
	for _, s := range r.opt.Limits.Strategies {
		if s.Sole == nil || !s.Applies(c.kind()) {
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

// mayEdit returns the predicate of the files that may be edited: those that the
// configuration allows, less the packages that only tests use.
func (r *run) mayEdit(ctx context.Context) func(file string) bool {
	support, err := r.suite.TestSupport(ctx)
	if err != nil {
		r.opt.Hooks.Log.Debug("what belongs to the tests is not known", "error", err)
	}
	var known sync.Map // it is asked for each of a hundred thousand candidates
	return func(file string) bool {
		if may, ok := known.Load(file); ok {
			return may.(bool)
		}
		may := !slices.Contains(support, path.Dir(file))
		if may && r.opt.Decision.Editable != nil {
			may, _ = r.opt.Decision.Editable(file)
		}
		known.Store(file, may)
		return may
	}
}

// passes runs the target's tests with some files laid over the tree.
func (r *run) passes(ctx context.Context, target validate.Target, files map[string][]byte) (bool, error) {
	overlay := maps.Clone(r.kept)
	maps.Copy(overlay, files)
	res, err := r.suite.Run(ctx, testrun.Request{
		Packages: []string{target.Package}, Tests: testsIn(target.Failures, []string{target.Package}), Overlay: overlay, NoVet: true, Timeout: r.opt.Limits.Timeout,
	})
	var notRun *testrun.NotRunError
	if errors.As(err, &notRun) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, f := range res.Failures {
		if !contains(r.accepted, f.TestID) {
			return false, nil
		}
	}
	return true, nil
}
