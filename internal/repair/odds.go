package repair

import (
	"context"
	"math"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// This file decides when a search ends before everything is tested.

// enoughTested is the share of the total promise of strategies and suspects that must be tested
// before a single patch can be the clear winner.
const enoughTested = 0.5

// enoughOdds is how many times likelier it must be that the right patch was found already than
// that it is still to come, for the search to end.
const enoughOdds = 2

// firstProven is how many candidates are proven when a search may end early.
const firstProven = 3

// testable returns how many more candidates can be tested before the context ends, at the pace
// of those that were tested in a time.
func (s *search) testable(ctx context.Context, took time.Duration, tested int) float64 {
	deadline, ok := ctx.Deadline()
	if !ok || took <= 0 {
		return math.Inf(1)
	}
	return float64(tested) * max(time.Until(deadline).Seconds(), 0) / took.Seconds()
}

// promised returns the probability, by their weights, that one of the strategies has the right
// candidate for any of the suspects and that it belongs to this shard. Those that come first have
// proposed all of theirs. See pending for sources.
func (s *search) promised() float64 {
	total := 0.0
	for _, strategy := range s.strategies {
		if !strategy.First {
			total += s.weight(strategy.Name) * s.run.part()
		}
	}
	return total
}

// odds returns how many times likelier the right patch is among the plausible candidates than
// among those still to come, as far as they are testable: from the pool, from the groups ahead,
// which have the given share of the suspicion, and from the sources. The rarer wrong candidates
// pass, the more passing says; the search so far shows how rare that is.
func (s *search) odds(ahead, testable float64) float64 {
	plausible, left := 0.0, 0.0
	for _, r := range s.ranked() {
		plausible += r.Candidate.Chance()
	}
	if plausible == 0 {
		return 0
	}
	propose.Order(s.pool, s.weight, cost)
	for i := range s.pool[:int(min(testable, float64(len(s.pool))))] {
		left += s.pool[i].Chance()
	}
	// Assume that the groups ahead have as many candidates, relative to their share, as the groups
	// so far.
	toCome := ahead / max(1-ahead, 0.01) * float64(len(s.results)+len(s.pool))
	left += ahead * s.promised() * min(1, testable/max(toCome, 1))
	left += s.pending() * min(1, testable)
	if left == 0 {
		return math.Inf(1)
	}
	return plausible / s.falsePassRate() / left
}

// falsePassRate returns the share of wrong candidates that pass, 0 if none does.
func (s *search) falsePassRate() float64 {
	tested, passed := 0.0, 0.0
	for _, r := range s.results {
		switch r.Verdict {
		case validate.Plausible, validate.Verified:
			if r.Candidate.Excessive {
				continue // it passes because of what it includes
			}
			passed++
			tested++
		case validate.Rejected, validate.Refused:
			tested++
		}
	}
	return max(passed-0.5, 0) / max(tested, 1) // one of them may be right
}

// rivals returns the total likelihood of the candidates in the pool that are expected to be
// plausible, by how many have passed so far.
func (s *search) rivals() float64 {
	sum, means := 0.0, s.run.priorMeans()
	for i := range s.pool {
		sum += likelihood(&s.pool[i], means)
	}
	return sum * s.falsePassRate()
}

// clearWinner reports whether one patch is so far ahead that there is no need to continue.
func (s *search) clearWinner() bool {
	ranked := s.ranked()
	if len(ranked) == 0 || confidence(ranked[0], ranked, s.rivals(), s.run.priorMeans()) < s.run.opt.Decision.Confidence {
		return false
	}
	tested := 0.0
	for _, r := range s.results {
		tested += r.Candidate.Score
	}
	return tested >= enoughTested*(s.promised()+s.yielded()+s.pending())
}
