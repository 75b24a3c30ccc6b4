package main

import (
	"context"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/witness"
)

// noteBypass records a commit whose tree did not pass: made with --no-verify, which does not
// skip post-commit, or while regreen was off.
func (e *event) noteBypass(ctx context.Context, why string) error {
	if e.cfg.Hooks[githook.PreCommit] == githook.Off || e.cfg.Hooks[e.name] == githook.Off || e.repo.Underway() != "" {
		return nil
	}
	head, err := e.repo.Info(ctx, "HEAD")
	if err != nil {
		return nil // the commit was made; this is not worth an error
	}
	if _, ok := witness.Open(e.repo.StateDir()).Find(e.key(head.Tree)); ok {
		return nil
	}
	if len(head.Parents) > 0 {
		names, err := e.repo.ChangedNames(ctx, head.Parents[0], repo.Commit(head.Hash))
		if err != nil || !slices.ContainsFunc(names, func(name string) bool { return !e.cfg.Document(name) }) {
			return nil
		}
	}
	if why == "" {
		why = "tests were skipped (--no-verify) or could not run"
	}
	_ = witness.OpenLedger(e.repo.StateDir()).Note(witness.Bypass{ // or the next test says that it cannot record
		Commit: head.Hash, Tree: head.Tree, Subject: head.Subject, Why: why, When: time.Now().UTC(),
	})
	return nil
}

// maxBypasses is the number of untested commits that are reported.
const maxBypasses = 10

// bypasses returns recent commits whose trees have not passed since.
func (e *event) bypasses() []report.Bypass {
	list, err := witness.OpenLedger(e.repo.StateDir()).Bypasses(maxBypasses)
	if err != nil {
		return nil
	}
	var out []report.Bypass
	for _, b := range list {
		if _, ok := witness.Open(e.repo.StateDir()).Find(e.key(b.Tree)); !ok {
			out = append(out, report.Bypass{Commit: b.Commit, Subject: b.Subject, Why: b.Why, When: b.When})
		}
	}
	return out
}
