package propose

import (
	"math"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Cost is what one call of a strategy is expected to take. The zero value is that of a
// strategy that computes at once.
type Cost struct {
	Seconds float64 // expected
	Dollars float64 // the most that it spends
	Network bool    // it asks others, who may answer differently another time
}

// longestCall is how long a strategy may compute within the search, which tests nothing
// meanwhile, in seconds.
const longestCall = 2

// Asynchronous reports whether the strategy runs alongside the search, which does not wait
// for it as long as there is anything else to do.
func (s *Strategy) Asynchronous() bool {
	return s.Cost.Network || s.Cost.Dollars > 0 || s.Cost.Seconds > longestCall
}

// Origin is where a candidate came from, where the name of its strategy does not say it
// all. All of it goes into the report as it is, so it holds no secrets.
type Origin struct {
	Source string // what sort of source proposed it: "model", "agent"
	Name   string // of the source, as it is configured
	Model  string // as the source calls it
	Form   string // what it was made of: "ingredient", "patch"
	Answer string // which of the source's answers it came from
	Prompt string // hash of what was asked
	// Seconds and Dollars are what the answer took, with all the candidates that came from it.
	Seconds, Dollars float64
}

// Rejected is a candidate that came to nothing, for Strategy.Refine.
type Rejected struct {
	Candidate Candidate
	Verdict   string // as in the ledger; "pruned" of one that was not tested
	Reason    string // one line
	// Failures are what the failing tests showed with the candidate, with their output. Only
	// the first few candidates have them: these came closest.
	Failures []testrun.Failure
}

// Spent reports dollars that a strategy has spent, however that came out. What a call that
// reports nothing has spent is taken to be what its Cost says.
func (p *Problem) Spent(dollars float64) {
	if p.Spend != nil && dollars >= 0 && !math.IsInf(dollars, 1) {
		p.Spend(dollars)
	}
}
