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
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Input is what there is to go by.
type Input struct {
	Root     string            // of the tree, absolute
	Package  string            // the suite's unit whose tests fail
	Failures []testrun.Failure // of that package
	Changes  []patch.File      // from the base to the tree; empty without a base
	Overlay  map[string][]byte // file relative to the root -> its content, nil for none; patches kept so far
	Limit    int               // of suspects; 0 for all
	Jobs     int               // tests run at once; 0 for one per core
	Budget   time.Duration     // for the coverage; 0 for a third of what ctx leaves, a minute at most
	Log      *slog.Logger      // nil for none

	// Outline returns what the language knows of a file's lines; nil takes lines alone.
	Outline func(file string, src []byte) Outline
	// Follow follows the failing tests into the code: what they call, what they run. It
	// ends by [Input.Deadline]. Nil for a language that cannot.
	Follow func(ctx context.Context, in Input, src *Source) ([]Mark, error)
}

// maxBudget is the default of Input.Budget where ctx does not say less.
const maxBudget = time.Minute

// Localize ranks suspects, best first. They do not overlap. Missing evidence is
// no error and told at debug level; the only error is that of ctx.
func Localize(ctx context.Context, in Input) ([]Suspect, error) {
	if in.Log == nil {
		in.Log = slog.New(slog.DiscardHandler)
	}
	if in.Jobs <= 0 {
		in.Jobs = runtime.GOMAXPROCS(0)
	}
	src := NewSource(in.Root, in.Overlay, in.Outline)

	marks := compilePositions(src, in.Failures)
	marks = append(marks, changedLines(src, in.Changes)...)
	marks = append(marks, stackFrames(src, in.Failures)...)
	if in.Follow != nil && !doesNotRun(in.Failures) {
		followed, err := in.Follow(ctx, in, src)
		if err != nil {
			in.Log.Debug("localize without some evidence", "package", in.Package, "error", err)
		}
		marks = append(marks, followed...)
	}

	if err := ctx.Err(); err != nil {
		return nil, err
	}
	suspects := combine(src, marks)
	if in.Limit > 0 && len(suspects) > in.Limit {
		suspects = suspects[:in.Limit]
	}
	return suspects, nil
}

// doesNotRun reports whether the code does not get as far as to run.
func doesNotRun(failures []testrun.Failure) bool {
	return slices.ContainsFunc(failures, func(f testrun.Failure) bool { return f.Kind.Unbuilt() })
}

// Deadline returns when Follow has to end.
func (in Input) Deadline(ctx context.Context) time.Time {
	now, budget := time.Now(), in.Budget
	if budget > 0 {
		return now.Add(budget)
	}
	budget = maxBudget
	if end, ok := ctx.Deadline(); ok {
		budget = min(budget, end.Sub(now)/3)
	}
	return now.Add(budget)
}
