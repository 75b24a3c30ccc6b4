package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func TestExit(t *testing.T) {
	t.Parallel()
	git := func(sentinel error) error { return &repo.Error{Path: "p", Err: sentinel, Advice: "do"} }
	const formats = "regreen reads diffs, apply_patch envelopes and search/replace blocks"
	for _, tt := range []struct {
		err        error
		status     int
		what, hint string
	}{
		{nil, 0, "", ""},
		{ReportedError{ExitRed}, 1, "", ""},
		{ReportedError{ExitNotRun}, 3, "", ""},
		{&testrun.NotRunError{What: "no Go module", Where: "/x", Advice: "go mod init"}, 3, "/x: no Go module", "go mod init"},
		{&testrun.NotRunError{What: "no tests"}, 3, "no tests", ""},
		{&config.Error{File: "c.yml", Line: 3, Column: 1, Msg: "unknown key", Advice: "did you mean log?"}, 2, "c.yml:3:1: unknown key", "did you mean log?"},
		{&usererr.UsageError{What: "apply needs an ID", Advice: "regreen report"}, 2, "apply needs an ID", "regreen report"},
		{&usererr.UsageError{Where: "--dir", Err: fs.ErrNotExist}, 2, "--dir: file does not exist", ""},
		{&usererr.UsageError{Err: git(repo.ErrNoGit)}, 2, "p: " + repo.ErrNoGit.Error(), "do"},
		{&patch.ConflictError{File: "a.go", Reason: "no such line"}, 1, "the patch does not apply: " + (&patch.ConflictError{File: "a.go", Reason: "no such line"}).Error(), "no files were changed"},
		{&patch.ConflictError{File: "a.go", Hunk: 1, Reason: "no such line"}, 1, "the patch does not apply: " + (&patch.ConflictError{File: "a.go", Hunk: 1, Reason: "no such line"}).Error(), "no files were changed; --fuzz N and --approximate place hunks less strictly"},
		{&patch.ConflictError{File: "a.go", Hunk: 1, Applied: true}, 1, "the patch does not apply: " + (&patch.ConflictError{File: "a.go", Hunk: 1}).Error(), "no files were changed"},
		{&patch.ParseError{Line: 2, Reason: "no hunk"}, 2, "cannot read the patch: line 2: no hunk", formats},
		{git(repo.ErrEdited), 1, "p: " + repo.ErrEdited.Error(), "do"},
		{git(repo.ErrUnmerged), 1, "p: " + repo.ErrUnmerged.Error(), "do"},
		{git(repo.ErrProtected), 1, "p: " + repo.ErrProtected.Error(), "do"},
		{git(repo.ErrNotRepository), 2, "p: " + repo.ErrNotRepository.Error(), "do"},
		{git(fmt.Errorf("%w: %w", repo.ErrNotRepository, repo.ErrGitsOwn)), 2, "p: " + repo.ErrNotRepository.Error() + ": " + repo.ErrGitsOwn.Error(), "do"},
		{git(repo.ErrBare), 2, "p: " + repo.ErrBare.Error(), "do"},
		{git(repo.ErrNoRevision), 2, "p: " + repo.ErrNoRevision.Error(), "do"},
		{git(repo.ErrBadPath), 2, "p: " + repo.ErrBadPath.Error(), "do"},
		{git(repo.ErrTooLarge), 2, "p: " + repo.ErrTooLarge.Error(), "do"},
		{git(repo.ErrNoGit), 3, "p: " + repo.ErrNoGit.Error(), "do"},
		{git(repo.ErrNoCommits), 3, "p: " + repo.ErrNoCommits.Error(), "do"},
		{git(repo.ErrUnsafe), 3, "p: " + repo.ErrUnsafe.Error(), "do"},
		{git(repo.ErrPartial), 3, "p: " + repo.ErrPartial.Error(), "do"},
		{git(repo.ErrUnstaged), 3, "p: " + repo.ErrUnstaged.Error(), "do"},
		{&learn.Error{Op: "open", Path: "l.db", Err: learn.ErrBusy, Advice: "wait"}, 3, "cannot open the learning store l.db: " + learn.ErrBusy.Error(), "wait"},
		{&forge.Error{What: "cannot comment", Err: fs.ErrPermission, Advice: "allow it"}, 3, "cannot comment: permission denied", "allow it"},
		{&usererr.Error{What: "artifacts cannot be used", Advice: "run it again"}, 3, "artifacts cannot be used", "run it again"},
		{fmt.Errorf("x1: %w", runs.ErrNoRun), 2, "x1: " + runs.ErrNoRun.Error(), "regreen status lists the stored runs; regreen fix starts one"},
		{fs.ErrPermission, 2, "permission denied", ""},
		{context.Canceled, 2, "context canceled", ""}, // not the command's own context
	} {
		status, what, hint := Exit(t.Context(), tt.err)
		if status != tt.status || what != tt.what || hint != tt.hint {
			t.Errorf("%v: got %d, %q, %q; want %d, %q, %q", tt.err, status, what, hint, tt.status, tt.what, tt.hint)
		}
		if tt.err == nil {
			continue
		}
		status, _, hint = Exit(t.Context(), fmt.Errorf("deep: %w", tt.err))
		if status != tt.status || hint != tt.hint {
			t.Errorf("%v, wrapped: got %d, %q; want %d, %q", tt.err, status, hint, tt.status, tt.hint)
		}
	}
}

// An interrupted command says that no files were changed only if the error says so.
func TestExitInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		err    error
		status int
		what   string
	}{
		{nil, 0, ""},
		{ReportedError{ExitRed}, 1, ""}, // it was already done
		{context.Canceled, 130, "interrupted"},
		{errors.New("signal: killed"), 130, "interrupted"},
		{&testrun.NotRunError{What: "signal: killed"}, 130, "interrupted"},
		{fmt.Errorf("write: %w", usererr.Unchanged(context.Canceled)), 130, "interrupted; no files were changed"},
	} {
		if status, what, hint := Exit(ctx, tt.err); status != tt.status || what != tt.what || hint != "" {
			t.Errorf("%v: got %d, %q, %q; want %d, %q", tt.err, status, what, hint, tt.status, tt.what)
		}
	}
}
