package repair

import (
	"context"
	"math"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// When a search may end before everything is tested.

// enoughTested is the share of all that strategies and suspects promise that has to
// be tested before a single patch can be the clear winner.
const enoughTested = 0.5

// enoughOdds is how much likelier it has to be that the right patch is found already
// than that it is still to come, before the search ends.
const enoughOdds = 2

// firstProven is how many are proven before a search is ended early.
const firstProven = 3

// testable is how many more candidates can be tested before the context ends, by the
// pace so far.
func (s *search) testable(ctx context.Context, took time.Duration) float64 {
	deadline, ok := ctx.Deadline()
	if !ok || took <= 0 {
		return math.Inf(1)
	}
	return float64(len(s.results)) * max(time.Until(deadline).Seconds(), 0) / took.Seconds()
}

// promised is the probability, by their weights, that one of the strategies has the right
// candidate for any of the suspects, and that it is this shard's. What sources promise is
// pending.
func (s *search) promised() float64 {
	total := 0.0
	for _, strategy := range s.strategies {
		total += s.weight(strategy.Name) * s.run.part()
	}
	return total
}

// odds are how much likelier the right patch is among what is plausible than among what
// is left: of the pool, of the groups ahead, whose share of the suspicion is given, and of
// the sources, as many as are testable. That a patch passes speaks for it as much as passing is rare: how
// rare it is for wrong ones, the search itself has shown.
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
	// The groups ahead bring as many for their share as those before did.
	toCome := ahead / max(1-ahead, 0.01) * float64(len(s.results)+len(s.pool))
	left += ahead * s.promised() * min(1, testable/max(toCome, 1))
	left += s.pending() * min(1, testable)
	if left == 0 {
		return math.Inf(1)
	}
	return plausible / s.falsePassRate() / left
}

// falsePassRate is the share of wrong candidates that pass; 0 when nothing does.
func (s *search) falsePassRate() float64 {
	tested, passed := 0.0, 0.0
	for _, r := range s.results {
		switch r.Verdict {
		case validate.Plausible, validate.Verified:
			passed++
			tested++
		case validate.Rejected, validate.Refused:
			tested++
		}
	}
	return max(passed-0.5, 0) / max(tested, 1) // one of them may be the right one
}

// rivals is what plausible candidates are worth together that are still in the pool, by
// how many passed so far.
func (s *search) rivals() float64 {
	sum, means := 0.0, s.run.priorMeans()
	for i := range s.pool {
		sum += worth(&s.pool[i], means)
	}
	return sum * s.falsePassRate()
}

// clearWinner reports whether one patch is so far ahead that searching on is idle.
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
