package propose

import "slices"

// Strategies is the table of all strategies. The shares of the templates are the
// measured shares, in percent, of one-file Go fixes of up to three lines that are
// of the row's form; those of the others say how often they fit when they apply.
func Strategies() []Strategy {
	return slices.Concat(compileStrategies, templates, []Strategy{imports, revert})
}
