package repair

import (
	"context"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/propose"
)

// priorCount is how many observations a strategy's share counts for: the shares were measured
// on 827 fixes.
const priorCount = 827

// prior returns what is expected of a strategy before anything was learned: its share of
// measured fixes.
func prior(s propose.Strategy) learn.Posterior {
	p := min(max(s.Share/100, 0.001), 0.5)
	return learn.Posterior{Alpha: p * priorCount, Beta: (1 - p) * priorCount}
}

// priorMeans returns the means of the strategies' priors, by name. Patches are ranked by these
// and not by what was learned since, so that the same tree has the same order.
func (r *run) priorMeans() map[string]float64 {
	means := make(map[string]float64, len(r.opt.Limits.Strategies))
	for _, s := range r.opt.Limits.Strategies {
		means[s.Name] = prior(s).Mean()
	}
	return means
}

// drawWeights draws the weight of each strategy once (Thompson sampling) from the posterior of
// its success rate, whose prior is its share of real fixes.
func (r *run) drawWeights(ctx context.Context, c *cluster) func(string) float64 {
	of := learn.Context{Language: c.project.Name, Kind: string(c.kind())}
	key := of.Language + "/" + of.Kind
	if weights, ok := r.drawn[key]; ok {
		return func(name string) float64 { return weights[name] }
	}
	var learned map[string]learn.Posterior
	if r.opt.Hooks.Store != nil {
		var err error
		if learned, err = r.opt.Hooks.Store.Posteriors(ctx, of); err != nil && ctx.Err() == nil {
			r.opt.Hooks.Log.Warn("cannot read what was learned", "error", err)
		}
	}
	weights := make(map[string]float64)
	for _, s := range r.opt.Limits.Strategies {
		weights[s.Name] = learned[s.Name].With(prior(s)).Sample(r.rng)
	}
	r.drawn[key] = weights
	return func(name string) float64 { return weights[name] }
}
