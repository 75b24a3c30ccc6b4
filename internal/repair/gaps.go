package repair

import (
	"fmt"
	"strings"

	"github.com/regreen-ci/regreen/internal/plural"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// An export may lack something that is not on this machine, such as the commit of a submodule. Then
// a test may fail because of that and not because of the change. It is not called known if it
// fails at the base, too: with the submodule it may pass there. And it is not called new unless
// it passes at the base in an export that lacks the same. What remains is unclear, which is not
// red.

// gapsDiffer is the error of a comparison of two trees that lack different things.
type gapsDiffer struct{ gaps []repo.Gap }

func (e *gapsDiffer) Error() string {
	return fmt.Sprintf("the export lacks something else: %v", e.gaps)
}

// noteGaps notes what an export lacks. Where is which tree that is, if not the one under test.
func (r *run) noteGaps(where string, gaps []repo.Gap) {
	for _, g := range gaps {
		if where != "" {
			r.note(fmt.Sprintf("failures are not compared with %s: %s", where, g))
			continue
		}
		r.report.Missing = append(r.report.Missing, g.What)
		r.note(g.String())
	}
}

// reportUnclear notes failures that say nothing about the change. It returns an error if there are
// no others.
func (r *run) reportUnclear(unclear []testrun.Failure) error {
	if len(unclear) == 0 {
		return nil
	}
	const most = 5
	var names []string
	for _, f := range unclear[:min(most, len(unclear))] {
		names = append(names, f.TestID.String())
	}
	if more := len(unclear) - len(names); more > 0 {
		names = append(names, plural.Thousands(more)+" more")
	}
	what := fmt.Sprintf("%s %s, which may be because of what is missing here: %s",
		plural.Count(len(unclear), "test"), plural.Verb(len(unclear), "fails", "fail"), strings.Join(names, ", "))
	if len(r.fresh()) > 0 {
		r.note(what)
		return nil
	}
	return &testrun.NotRunError{What: what, Where: r.gaps[0].What, Advice: r.gaps[0].Advice, Output: unclear[0].Output}
}
