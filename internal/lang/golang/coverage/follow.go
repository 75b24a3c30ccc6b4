// Package coverage follows failing Go tests into the code: the source shows what they call,
// coverage what they run.
//
// Goals: evidence for lines of functions, even from tests that panic, hang or exit; bounded
// time; no writes to the tree.
//
// Non-goal: weighing. Package localize combines this evidence with the rest.
package coverage

import (
	"context"
	"fmt"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/localize"
)

// Follow returns the evidence from failing tests of a suite: the functions they call, and
// their coverage compared with the coverage of passing tests. Code that does not compile
// yields no coverage.
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
