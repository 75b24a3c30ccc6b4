package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// The exit statuses of both binaries.
const (
	ExitGreen       = 0   // green, or fixed
	ExitRed         = 1   // tests fail, or a patch does not apply
	ExitUsage       = 2   // bad usage or configuration
	ExitNotRun      = 3   // the tests could not be run
	ExitInterrupted = 130 // Ctrl-C
)

// ReportedError ends a command that did its work and has already shown the outcome, with a
// status that is not 0.
type ReportedError struct{ Status int }

func (e ReportedError) Error() string { return fmt.Sprintf("exit status %d", e.Status) }

// Exit returns the exit status for what a command returned, and what to print about it: one
// message, and a hint that may be empty or have several lines. There is nothing to print
// when what is empty. Ctx is the command's own, which ends when the user interrupts it.
func Exit(ctx context.Context, err error) (status int, what, hint string) {
	var reported ReportedError
	switch {
	case err == nil:
		return ExitGreen, "", ""
	case errors.As(err, &reported):
		return reported.Status, "", ""
	case ctx.Err() != nil && usererr.IsUnchanged(err):
		return ExitInterrupted, "interrupted; no files were changed", ""
	case ctx.Err() != nil:
		return ExitInterrupted, "interrupted", ""
	}
	status, what, hint = statusOf(err), err.Error(), usererr.Hint(err)
	var conflict *patch.ConflictError
	var parse *patch.ParseError
	switch {
	case errors.As(err, &conflict):
		what, hint = "the patch does not apply: "+what, "no files were changed"
		if conflict.Whole {
			what = "the patch is " + conflict.Reason
		}
		switch {
		case conflict.Missing:
			hint += "; --dir DIR and --strip N say where the paths of the patch begin"
		case conflict.Ambiguous:
			hint += "; give the hunk more lines of context, or write after @@ a line that comes before it"
		case conflict.Hunk > 0 && !conflict.Applied:
			hint += "; --fuzz N and --approximate place hunks less strictly"
		}
	case errors.As(err, &parse):
		what, hint = "cannot read the patch: "+strings.TrimPrefix(what, "patch: "), cmp.Or(hint, "regreen reads diffs, apply_patch envelopes and search/replace blocks")
	case errors.Is(err, runs.ErrNoRun):
		hint = "regreen status lists the stored runs; regreen fix starts one"
	}
	return status, what, hint
}

// statuses are the exit statuses of errors. The first row that matches counts; an error that is
// not listed counts as bad usage.
var statuses = []struct {
	is     func(error) bool
	status int
}{
	{as[*testrun.NotRunError], ExitNotRun},
	{as[*config.Error], ExitUsage},
	{as[*usererr.UsageError], ExitUsage},
	{as[*patch.ConflictError], ExitRed},
	{as[*patch.ParseError], ExitUsage},
	{is(repo.ErrEdited, repo.ErrUnmerged, repo.ErrProtected), ExitRed}, // the user's edits or the policy forbid it
	{is(repo.ErrNotRepository, repo.ErrBare, repo.ErrNoRevision, repo.ErrBadPath, repo.ErrTooLarge), ExitUsage},
	{as[*repo.Error], ExitNotRun},
	{as[*learn.Error], ExitNotRun},
	{as[*forge.Error], ExitNotRun},
	{as[*usererr.Error], ExitNotRun}, // a service that is needed
}

func statusOf(err error) int {
	for _, row := range statuses {
		if row.is(err) {
			return row.status
		}
	}
	return ExitUsage
}

func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func is(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
}
