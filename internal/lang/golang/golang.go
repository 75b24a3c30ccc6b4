package golang

import (
	"slices"

	"github.com/regreen-ci/regreen/internal/lang/golang/compile"
	"github.com/regreen-ci/regreen/internal/lang/golang/template"
	"github.com/regreen-ci/regreen/internal/propose"
)

// Strategies returns the table of all strategies.
func Strategies() []propose.Strategy {
	return slices.Concat(compile.Strategies, template.Strategies, []propose.Strategy{compile.Imports, propose.Revert})
}
