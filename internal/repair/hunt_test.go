package repair

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// A search ends when what it has found outweighs what it can still come to: by how
// rarely wrong ones pass, and by how many can be tested in the time that is left.
func TestFound(t *testing.T) {
	t.Parallel()
	const endless = math.MaxFloat64
	for _, tc := range []struct {
		name      string
		plausible int
		score     float64 // of each
		waves     float64
		reach     float64
		want      bool
	}{
		{"nothing passes", 0, 0, 0, 0, false},
		{"one that is not likely, and all could be tested", 1, 0.0008, 0, endless, false},
		{"but only a tenth can", 1, 0.0008, 0, 1000, true},
		{"a likely one", 1, 0.01, 0, endless, true},
		{"so many pass that it means little", 40, 0.001, 0, 8000, false},
		{"the likely places are to come", 1, 0.002, 0.9, endless, false},
		{"but are too many", 1, 0.002, 0.9, 1000, true},
		{"no time is left", 40, 0.0001, 0.9, 0, true},
	} {
		h := &hunt{run: sampled(), weight: func(string) float64 { return 0.5 }}
		h.strategies = h.Strategies
		for range 1000 {
			h.results = append(h.results, validate.Result{Candidate: &propose.Candidate{Strategy: "common"}, Verdict: validate.Rejected})
		}
		for range tc.plausible {
			h.results = append(h.results, validate.Result{Candidate: &propose.Candidate{Strategy: "common", Score: tc.score}, Verdict: validate.Plausible})
		}
		for range 10_000 {
			h.pool = append(h.pool, propose.Candidate{Strategy: "common", Suspicion: 0.01, Prior: 0.01})
		}
		if got := h.found(tc.waves, tc.reach); got != tc.want {
			t.Errorf("%s: found %t, want %t", tc.name, got, tc.want)
		}
	}
}

// The pace so far tells how many more can be tested.
func TestReachOfSearch(t *testing.T) {
	t.Parallel()
	h := &hunt{results: make([]validate.Result, 500)}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if got := h.reach(ctx, 10*time.Second); got < 950 || got > 1000 {
		t.Errorf("500 in 10 s: %f more in 20 s", got)
	}
	if got := h.reach(t.Context(), time.Second); !math.IsInf(got, 1) {
		t.Errorf("no deadline: %f", got)
	}
}
