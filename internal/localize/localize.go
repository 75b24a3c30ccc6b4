// Package localize finds where a fault probably is.
//
// It gathers evidence against each line: the line changed since the base, failing tests run it
// and passing ones do not, a stack goes through it, a compiler names it, or the failing test
// calls its function. Each kind of evidence is a list of marks. combine turns the marks into
// suspects with their reasons, the most suspicious first.
//
// Goals: lines of functions rather than files; a sensible order from any single kind of
// evidence; bounded time. Missing evidence is left out: a tree may not build, and a test that
// crashes may lose its coverage.
//
// Non-goal: being right. The strategies try more than the first suspect.
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

// Input is the input of Localize.
type Input struct {
	Root     string            // of the tree, absolute
	Package  string            // the suite's unit whose tests fail
	Failures []testrun.Failure // of that package
	Changes  []patch.File      // from the base to the tree; empty without a base
	Overlay  map[string][]byte // kept patches: file relative to the root -> its content, nil if removed
	Limit    int               // of suspects; 0 means all
	Jobs     int               // tests that run at the same time; 0 means one per core
	Budget   time.Duration     // for coverage; 0 means a third of what ctx leaves, at most a minute
	Log      *slog.Logger      // may be nil

	// Outline returns what the language knows about a file's lines; nil knows nothing but lines.
	Outline func(file string, src []byte) Outline
	// Follow follows the failing tests into the code: what they call and what they run. It ends
	// by [Input.Deadline]. It is nil for a language that cannot do this.
	Follow func(ctx context.Context, in Input, src *Source) ([]Mark, error)
}

// maxBudget is the default of Input.Budget, unless ctx leaves less.
const maxBudget = time.Minute

// Localize ranks suspects, the best first. They do not overlap. Missing evidence is not an
// error, only logged at debug level; the only possible error is the one of ctx.
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
			in.Log.Debug("some evidence is missing", "package", in.Package, "error", err)
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

// doesNotRun reports whether the code does not compile or load.
func doesNotRun(failures []testrun.Failure) bool {
	return slices.ContainsFunc(failures, func(f testrun.Failure) bool { return f.Kind.Unbuilt() })
}

// Deadline returns when Follow must end.
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
