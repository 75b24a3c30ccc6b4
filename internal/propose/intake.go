package propose

import (
	"math"
	"slices"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Snapshot returns what a strategy may read of the problem while the search goes on: all
// that was found out before, and nothing that the search will change.
func (p *Problem) Snapshot() *Problem {
	return &Problem{
		Tree: p.Tree, Failures: slices.Clone(p.Failures), Suspects: slices.Clone(p.Suspects), Changes: slices.Clone(p.Changes),
		Editable: p.Editable, TestCode: p.TestCode, Green: p.Green, Emptied: p.Emptied, Source: p.Source, Spend: p.Spend,
		searched: p.searched,
	}
}

// Intake admits what an asynchronous strategy yields, piece by piece, to the problem that
// the strategy has a snapshot of. It belongs to the search, as the problem does.
type Intake struct {
	problem  *Problem
	strategy Strategy
	taken    int
}

// Intake returns the intake of a strategy.
func (p *Problem) Intake(s Strategy) *Intake { return &Intake{problem: p, strategy: s} }

// Left is the share of what the strategy promises that is still to come, as long as it
// goes on. Nobody knows how many candidates there will be, and the first ones are the best:
// the k-th has 1/(k(k+1)) of the promise, which leaves something for every later one.
func (in *Intake) Left() float64 { return 1 / float64(in.taken+1) }

// Take admits candidates by the rules of Generate. Their suspicions times priors add up to
// what the strategy's promise falls by, however they are divided among calls. The others
// are returned with why they were refused.
func (in *Intake) Take(cands []Candidate) (admitted []Candidate, refused []Rejected) {
	p := in.problem
	if p.seen == nil {
		p.seen = make(map[uint64]bool)
	}
	for _, c := range cands {
		c.Strategy = in.strategy.Name
		c.Title, c.Edits = testrun.OneLine(c.Title), slices.Clone(c.Edits)
		if why := p.refusal(&c); why != "" {
			refused = append(refused, Rejected{Candidate: c, Verdict: "pruned", Reason: why})
			continue
		}
		p.seen[c.Key] = true
		if c.Hole != nil {
			c.Hole = p.Hole(c.Hole.Edits) // the strategy's is of its snapshot
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
	return admitted, refused
}

// unit is the nearest number from 0 to 1; 0 for what is no number.
func unit(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return min(max(x, 0), 1)
}
