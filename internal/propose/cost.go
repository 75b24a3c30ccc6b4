package propose

import (
	"math"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Cost is the expected cost of one call of a strategy. The zero value is for a strategy
// that computes its candidates immediately.
type Cost struct {
	Seconds float64 // expected
	Dollars float64 // at most
	Network bool    // it asks a service, which may answer differently next time
}

// longestCall is how many seconds a strategy may compute within the search, which tests
// nothing meanwhile.
const longestCall = 2

// Asynchronous reports whether the strategy runs alongside the search. The search does not
// wait for it while there is anything else to do.
func (s *Strategy) Asynchronous() bool {
	return s.Cost.Network || s.Cost.Dollars > 0 || s.Cost.Seconds > longestCall
}

// Origin is the source of a candidate, if the name of its strategy does not say all. The
// report shows it unchanged, so it must not contain secrets.
type Origin struct {
	Source string // kind of source: "model", "agent"
	Name   string // the source's name in the configuration
	Model  string // the model's name
	Form   string // what the source returned: "ingredient", "patch"
	Answer string // which of the source's answers it came from
	Prompt string // hash of the prompt
	// Seconds and Dollars are the cost of the answer, for all candidates that came from it.
	Seconds, Dollars float64
}

// Rejected is a candidate that failed, for Strategy.Refine.
type Rejected struct {
	Candidate Candidate
	Verdict   string // as in the ledger; "pruned" if it was not tested
	Reason    string // one line
	// Failures are the failures of the failing tests with the candidate, with their output.
	// Only the first few candidates have them, those that came closest.
	Failures []testrun.Failure
}

// Spent reports the dollars that a strategy has spent, whatever the result. A call that
// reports nothing counts with its Cost.
func (p *Problem) Spent(dollars float64) {
	if p.Spend != nil && dollars >= 0 && !math.IsInf(dollars, 1) {
		p.Spend(dollars)
	}
}
