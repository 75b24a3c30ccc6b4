package propose

import (
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
)

// Strategies returns the table of all strategies.
func Strategies() []Strategy {
	return slices.Concat(compileStrategies, templates, []Strategy{imports, revert})
}

// ShareBasis says what the measured shares are percentages of. The others are
// estimates of how often a patch of the strategy is right where it applies.
const ShareBasis = "827 measured Go fixes that change one file and at most three lines"

var templates = []Strategy{
	templateAddClause,
	templateGuard,
	templateIdentifier,
	templateString,
	templateSiblings,
	templateDonor,
	templateWrapCall,
	templateArguments,
	templateCallee,
	templateCase,
	templateAssignment,
	templateCondition,
	templateNumber,
	templateInsertCall,
	templateSelector,
	templateWrapIf,
	templateComposite,
	templateDelete,
	templateOperator,
	templateDropClause,
	templateUnwrap,
}

// Example returns Before and After as one text: each line with a space, or with the
// minus of a line that goes or the plus of one that comes, before it.
func (s *Strategy) Example() string {
	const whole = 1 << 20 // lines of context
	var b strings.Builder
	for _, h := range patch.DiffContext("", "", []byte(s.Before+"\n"), []byte(s.After+"\n"), whole).Hunks {
		for _, l := range h.Lines {
			b.WriteByte(byte(l.Op))
			b.WriteString(l.Text)
		}
	}
	return b.String()
}
