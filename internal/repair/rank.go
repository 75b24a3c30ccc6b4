package repair

import (
	"cmp"
	"slices"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/validate"
)

// rank returns the plausible results, the best first. Plausible patches are far more often
// incorrect than correct (Long and Rinard 2016), so the order matters for quality. Those that pass
// the tests of their packages are ordered by the probability that a developer would have made this
// very change:
//
//	suspicion of the place x mean of the strategy's prior x the candidate's own prior x
//	remaining behavior x similarity to the surrounding code x whether less is enough
//
// It does not use what was learned, so that the same tree has the same order. Size does not
// count: real fixes are not better if they are shorter.
func (r *run) rank(results []validate.Result) []*validate.Result {
	markExcessive(results)
	var out []*validate.Result
	for i := range results {
		if results[i].Verdict == validate.Plausible {
			out = append(out, &results[i])
		}
	}
	means := r.priorMeans()
	slices.SortStableFunc(out, func(a, b *validate.Result) int {
		return cmp.Or(
			cmp.Compare(len(b.Fixes), len(a.Fixes)),
			byScreening(a, b),
			cmp.Compare(likelihood(b.Candidate, means), likelihood(a.Candidate, means)),
		)
	})
	return out
}

// markExcessive finds the candidates that include a plausible one.
func markExcessive(results []validate.Result) {
	passes := make(map[uint64]bool)
	for _, res := range results {
		if res.Verdict == validate.Plausible || res.Verdict == validate.Verified {
			passes[res.Candidate.Key] = true
		}
	}
	for i := range results {
		c := results[i].Candidate
		c.Excessive = slices.ContainsFunc(c.Includes, func(key uint64) bool { return passes[key] })
	}
}

// byScreening puts candidates that passed the other tests of their packages first. Most of those
// for which screening did not run these tests would be refused.
func byScreening(a, b *validate.Result) int {
	switch {
	case a.Screened == b.Screened:
		return 0
	case a.Screened:
		return -1
	}
	return 1
}

// likelihood is the formula of rank.
func likelihood(c *propose.Candidate, means map[string]float64) float64 {
	w := c.Suspicion * means[c.Strategy] * c.Prior
	w *= 1 - 0.8*c.Removed
	w *= 0.6 + 0.4*c.Alike
	if c.Review {
		w *= 0.3
	}
	if c.Excessive {
		w *= 0.01
	}
	return w
}

// confidence returns the confidence in a verified patch, 0 to 1: its share in the total
// likelihood of all plausible candidates and of the rivals that were not tested; see
// report.Confidence.
func confidence(winner *validate.Result, plausible []*validate.Result, rivals float64, means map[string]float64) float64 {
	if winner.Verdict == validate.Refused || winner.Verdict == validate.Rejected {
		return 0
	}
	total := rivals
	for _, p := range plausible {
		if p.Verdict != validate.Refused && p.Verdict != validate.Rejected {
			total += likelihood(p.Candidate, means)
		}
	}
	return report.Confidence(likelihood(winner.Candidate, means), total, winner.Candidate.Removed, winner.Candidate.Review)
}
