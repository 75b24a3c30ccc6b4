// Package localize finds where a fault probably is.
//
// It gathers what speaks against each line: that it was changed since the base,
// that failing tests run it and passing ones do not, that a stack goes through it,
// that a compiler names it, that the failing test calls the function it is in. Each kind is a list of
// marks; combine makes them into suspects, the most suspicious first, each with its reasons.
//
// Goals: lines of functions rather than files; an order that is sensible with any
// one kind of evidence alone; bounded time. Evidence that cannot be had (a tree
// that does not build, a test that takes its coverage along when it crashes) is left out.
//
// Not a goal: being right. Whatever works on suspects tries more than the first.
package localize

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Input is what there is to go by.
type Input struct {
	Suite    *testrun.Suite
	Package  string            // import path of the package whose tests fail
	Failures []testrun.Failure // of that package
	Changes  []patch.File      // from the base to the tree; empty without a base
	Overlay  map[string][]byte // file relative to the root -> its content, nil for none; patches kept so far
	Limit    int               // of suspects; 0 for all
	Jobs     int               // tests run at once; 0 for one per core
	Budget   time.Duration     // for the coverage; 0 for a third of what ctx leaves, a minute at most
	Log      *slog.Logger      // nil for none
}

// maxBudget is the default of Input.Budget where ctx does not say less.
const maxBudget = time.Minute

// Localize ranks suspects, best first. They do not overlap. Missing evidence is
// no error and told at debug level; the only error is that of ctx.
func Localize(ctx context.Context, in Input) ([]Suspect, error) {
	if in.Log == nil {
		in.Log = slog.New(slog.DiscardHandler)
	}
	in.Jobs = defaultJobs(in.Jobs)
	src := newSource(in.Suite.Root, in.Overlay)

	marks := compilePositions(src, in.Failures)
	marks = append(marks, changedLines(src, in.Changes)...)
	marks = append(marks, stackFrames(src, in.Failures)...)
	dynamic, err := throughTests(ctx, in, src)
	if err != nil {
		in.Log.Debug("localize without some evidence", "package", in.Package, "error", err)
	}
	marks = append(marks, dynamic...)

	if err := ctx.Err(); err != nil {
		return nil, err
	}
	suspects := combine(src, marks)
	if in.Limit > 0 && len(suspects) > in.Limit {
		suspects = suspects[:in.Limit]
	}
	return suspects, nil
}

// throughTests follows the failing tests into the code: what they call by its
// source, and what they run by its coverage. Code that does not compile does not run.
func throughTests(ctx context.Context, in Input, src *source) ([]mark, error) {
	if slices.ContainsFunc(in.Failures, func(f testrun.Failure) bool { return f.Kind == testrun.Compile }) {
		return nil, nil
	}
	packages, err := in.Suite.Packages(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newProgram(ctx, src, packages, in.Package)
	if err != nil {
		return nil, err
	}
	marks := p.calls(in.Failures)
	s, err := coverage(ctx, in, p, deadline(ctx, in.Budget))
	if s != nil {
		marks = append(marks, s.marks(src)...)
	}
	if err != nil {
		return marks, fmt.Errorf("coverage: %w", err)
	}
	return marks, nil
}

// deadline is when the coverage has to end.
func deadline(ctx context.Context, budget time.Duration) time.Time {
	now := time.Now()
	if budget > 0 {
		return now.Add(budget)
	}
	budget = maxBudget
	if end, ok := ctx.Deadline(); ok {
		budget = min(budget, end.Sub(now)/3)
	}
	return now.Add(budget)
}
