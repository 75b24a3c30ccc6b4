package propose

import "slices"

// Strategies returns the table of all strategies.
func Strategies() []Strategy {
	return slices.Concat(compileStrategies, templates, []Strategy{imports, revert})
}
