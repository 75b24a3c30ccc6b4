// Package all is the table of languages. To add one, add a line.
package all

import (
	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/lang/generic"
	"github.com/regreen-ci/regreen/internal/lang/golang"
	"github.com/regreen-ci/regreen/internal/propose"
)

// Languages are the languages that regreen knows, in the order in which it looks for tests.
var Languages = []lang.Language{
	golang.Language,
	generic.Language,
}

// Strategies returns the strategies of all languages.
func Strategies() []propose.Strategy { return lang.Strategies(Languages) }
