package repair

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// A search may end when its patches outweigh those that it may still find. That depends on how
// rarely wrong ones pass, and on how many can be tested in the remaining time.
func TestOdds(t *testing.T) {
	t.Parallel()
	const endless = math.MaxFloat64
	for _, tc := range []struct {
		name      string
		plausible int
		score     float64 // of each
		ahead     float64
		testable  float64
		want      bool
	}{
		{"nothing passes", 0, 0, 0, 0, false},
		{"an unlikely one, and all others can be tested", 1, 0.0004, 0, endless, false},
		{"an unlikely one, and only a tenth can", 1, 0.0008, 0, 1000, true},
		{"a likely one", 1, 0.01, 0, endless, true},
		{"so many that passing means little", 40, 0.0005, 0, 8000, false},
		{"the likely places are still ahead", 1, 0.001, 0.9, endless, false},
		{"the likely places have too many candidates", 1, 0.001, 0.9, 1000, true},
		{"no time is left", 40, 0.0001, 0.9, 0, true},
	} {
		s := &search{run: sampled(), weight: func(string) float64 { return 0.5 }}
		s.strategies = s.run.opt.Limits.Strategies
		for range 1000 {
			s.results = append(s.results, validate.Result{Candidate: &propose.Candidate{Strategy: "common"}, Verdict: validate.Rejected})
		}
		for range tc.plausible {
			s.results = append(s.results, validate.Result{Candidate: &propose.Candidate{Strategy: "common", Score: tc.score}, Verdict: validate.Plausible})
		}
		for range 10_000 {
			s.pool = append(s.pool, propose.Candidate{Strategy: "common", Suspicion: 0.01, Prior: 0.01})
		}
		if got := s.odds(tc.ahead, tc.testable); (got > enoughOdds) != tc.want {
			t.Errorf("%s: odds %.2f, enough: want %t", tc.name, got, tc.want)
		}
	}
}

// The pace so far says how many more can be tested.
func TestTestable(t *testing.T) {
	t.Parallel()
	s := &search{results: make([]validate.Result, 500)}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if got := s.testable(ctx, 10*time.Second, len(s.results)); got < 950 || got > 1000 {
		t.Errorf("500 in 10 s: %f more in 20 s", got)
	}
	if got := s.testable(t.Context(), time.Second, len(s.results)); !math.IsInf(got, 1) {
		t.Errorf("no deadline: %f", got)
	}
}

// After a search that ended early, the confidence is lower than if everything was tested.
func TestRivals(t *testing.T) {
	t.Parallel()
	s := &search{run: sampled()}
	winner := &propose.Candidate{Strategy: "common", Suspicion: 1, Prior: 0.1, Alike: 1}
	s.results = []validate.Result{{Candidate: winner, Verdict: validate.Verified, Fixes: make([]testrun.TestID, 1)}}
	for range 99 {
		s.results = append(s.results, validate.Result{Candidate: winner, Verdict: validate.Rejected})
	}
	all := []*validate.Result{&s.results[0]}
	before := confidence(&s.results[0], all, s.rivals(), s.run.priorMeans())
	for range 200 {
		s.pool = append(s.pool, *winner)
	}
	after := confidence(&s.results[0], all, s.rivals(), s.run.priorMeans())
	if want := before / 2; after > want+0.01 || after < want-0.01 { // one in 200 passes by chance: one rival
		t.Errorf("confidence %.3f, and %.3f with one expected rival; want %.3f", before, after, want)
	}
}
