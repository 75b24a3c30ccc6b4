package propose

import (
	"math"
	"slices"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Snapshot returns a copy of the problem that a strategy may read during the search: it has
// what is known so far, and nothing that the search will change.
func (p *Problem) Snapshot() *Problem {
	return &Problem{
		Tree: p.Tree, Failures: slices.Clone(p.Failures), Suspects: slices.Clone(p.Suspects), Changes: slices.Clone(p.Changes),
		Editable: p.Editable, TestCode: p.TestCode, Green: p.Green, Emptied: p.Emptied, Parts: p.Parts, Source: p.Source, Spend: p.Spend,
		culprit: p.culprit,
	}
}

// Intake admits the candidates of an asynchronous strategy to the problem that the strategy
// has a snapshot of. Like the problem, it belongs to the search's goroutine.
type Intake struct {
	problem  *Problem
	strategy Strategy
	taken    int
}

// Intake returns the intake of a strategy.
func (p *Problem) Intake(s Strategy) *Intake { return &Intake{problem: p, strategy: s} }

// Left returns the share of the strategy's promise that is still to come while it runs. The
// number of candidates is unknown, and the first ones are the best: the k-th has 1/(k(k+1))
// of the promise, which leaves something for all later ones.
func (in *Intake) Left() float64 { return 1 / float64(in.taken+1) }

// Take admits candidates by the rules of Generate. Suspicion times prior adds up to the used
// part of the strategy's promise, however the candidates are divided among calls. The other
// candidates are returned with the reason why they were not admitted.
func (in *Intake) Take(cands []Candidate) (admitted []Candidate, declined []Rejected) {
	p := in.problem
	if p.seen == nil {
		p.seen = make(map[uint64]bool)
	}
	for _, c := range cands {
		c.Strategy = in.strategy.Name
		c.Title, c.Edits = testrun.OneLine(c.Title), slices.Clone(c.Edits)
		if why := p.admit(&c); why != "" {
			declined = append(declined, Rejected{Candidate: c, Verdict: "pruned", Reason: why})
			continue
		}
		p.seen[c.Key] = true
		if c.Hole != nil {
			c.Hole = p.Hole(c.Hole.Edits) // the strategy's own hole belongs to its snapshot
		}
		for _, share := range []*float64{&c.Suspicion, &c.Prior, &c.Removed, &c.Alike} {
			*share = unit(*share)
		}
		admitted = append(admitted, c)
	}
	before := in.Left()
	in.taken += len(admitted)
	if in.strategy.relative() && len(admitted) > 0 {
		normalize(admitted, before-in.Left())
	}
	return admitted, declined
}

// unit returns the nearest number from 0 to 1, or 0 for NaN.
func unit(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return min(max(x, 0), 1)
}
