package validate

import (
	"context"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
)

// ProbeHoles finds out which holes can hold a condition that makes the failing tests
// pass, the first ones first, as far as the context's time goes. Each hole is a mutant
// that decides at run time, in a pool.
func (s *Schemata) ProbeHoles(ctx context.Context, target Target, holes []*propose.Hole) (spent Spent) {
	tests := topLevel(target)
	if tests == nil || len(holes) == 0 || s.pool.off.Load() || s.pooling(ctx) == nil {
		return spent
	}
	results := make([]Result, len(holes))
	for i, h := range holes {
		results[i].Candidate = &propose.Candidate{Edits: h.Edits}
	}
	b := s.newBatch(target, results, &spent)
	b.build(ctx)
	if b.meta == nil {
		return spent
	}
	defer b.meta.binary.Remove()
	start := time.Now()
	if b.meta.pooled {
		poolTask{b, poolHoles, tests}.runPools(ctx, b.together())
	}
	for i, r := range results {
		switch r.Verdict {
		case Plausible:
			holes[i].Answer = propose.Yes
		case Rejected:
			holes[i].Answer = propose.No
		}
	}
	spent.Run += time.Since(start).Seconds()
	return spent
}
