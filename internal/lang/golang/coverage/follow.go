// Package coverage follows failing Go tests into the code: what they call, by its source,
// and what they run, by its coverage.
//
// Goals: evidence for lines of functions, also of tests that panic, hang or exit; bounded
// time; the tree is not written to.
//
// Not a goal: weighing. Package localize combines this evidence with all other.
package coverage

import (
	"context"
	"fmt"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/localize"
)

// Follow returns the evidence that failing tests of a suite give: the functions they call,
// and their coverage next to that of passing tests. Code that does not compile gives none.
func Follow(ctx context.Context, suite *gotest.Suite, in localize.Input, src *localize.Source) ([]localize.Mark, error) {
	packages, err := suite.Packages(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newProgram(ctx, src, packages, in.Package)
	if err != nil {
		return nil, err
	}
	marks := p.calls(in.Failures)
	s, err := coverage(ctx, in, suite, p)
	if s != nil {
		marks = append(marks, s.Marks(src)...)
	}
	if err != nil {
		return marks, fmt.Errorf("coverage: %w", err)
	}
	return marks, nil
}
