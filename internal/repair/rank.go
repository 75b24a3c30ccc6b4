package repair

import (
	"cmp"
	"slices"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/validate"
)

// rank sorts what is plausible, the best first. Incorrect plausible patches are far
// commoner than correct ones (Long and Rinard 2016), so this is where quality is
// gained. The order is by the probability that a person would have made this very
// change:
//
//	suspicion of the place x mean of the strategy's prior x the candidate's own
//	prior x what is left of the behaviour x likeness to the surrounding code x
//	whether a line is again what it was before it broke
//
// among those that the tests of their packages speak for. What was learnt since is left
// out, so that the same tree gives the same order. Size is no criterion: shorter is not
// better for real fixes.
func (r *run) rank(results []validate.Result) []*validate.Result {
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
			cmp.Compare(worth(b.Candidate, means), worth(a.Candidate, means)),
		)
	})
	return out
}

// byScreening puts what passed the tests of its packages before what did not get
// its turn: most of that would have been refused.
func byScreening(a, b *validate.Result) int {
	switch {
	case a.Screened == b.Screened:
		return 0
	case a.Screened:
		return -1
	}
	return 1
}

// worth is the formula of rank.
func worth(c *propose.Candidate, means map[string]float64) float64 {
	w := c.Suspicion * means[c.Strategy] * c.Prior
	w *= 1 - 0.8*c.Removed
	w *= 0.6 + 0.4*c.Alike
	if c.Review {
		w *= 0.3
	}
	if c.Restores {
		w = min(1, w*propose.Restored)
	}
	return w
}

// confidence is how sure regreen may be of a verified patch, 0 to 1: the share that
// the patch has in the worth of everything plausible, with the rivals that the search
// did not come to; see report.Confidence.
func confidence(winner *validate.Result, plausible []*validate.Result, rivals float64, means map[string]float64) float64 {
	if winner.Verdict == validate.Refused || winner.Verdict == validate.Rejected {
		return 0
	}
	total := rivals
	for _, p := range plausible {
		if p.Verdict != validate.Refused && p.Verdict != validate.Rejected {
			total += worth(p.Candidate, means)
		}
	}
	return report.Confidence(worth(winner.Candidate, means), total, winner.Candidate.Removed, winner.Candidate.Review)
}
