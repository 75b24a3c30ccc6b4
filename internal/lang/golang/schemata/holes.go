package schemata

import (
	"context"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// ProbeHoles finds out for which holes some condition makes the failing tests pass. It tries
// the holes in order until the context ends. Each hole is a mutant that decides at run time,
// in a pool.
func (s *Screener) ProbeHoles(ctx context.Context, target validate.Target, holes []*propose.Hole) (spent validate.Spent) {
	tests := topLevel(target)
	if tests == nil || len(holes) == 0 || s.pool.off.Load() || s.pooling(ctx) == nil {
		return spent
	}
	results := make([]validate.Result, len(holes))
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
		poolTask{b, poolHoles, tests}.runPools(ctx, b.shared())
	}
	for i, r := range results {
		if s.misleads(mutant{Candidate: r.Candidate}) {
			continue
		}
		switch r.Verdict {
		case validate.Plausible:
			holes[i].Answer = propose.Yes
		case validate.Rejected:
			holes[i].Answer = propose.No
		}
	}
	spent.Run += time.Since(start).Seconds()
	return spent
}
