package main

import (
	"context"
	"errors"

	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
	"github.com/regreen-ci/regreen/internal/witness"
)

// prePush tests the tip of every ref that is pushed, unless it passed as a whole
// before, and blocks on new failures in any of them.
func (e *event) prePush(ctx context.Context) error {
	pushes, err := githook.ParsePushes(e.stdin)
	if p, ok := githook.FrameworkPush(e.getenv); ok && err == nil && len(pushes) == 0 {
		pushes = append(pushes, p)
	}
	if err != nil {
		return &usererr.UsageError{Err: err, Advice: "git writes it; `printf 'refs/heads/main %s refs/heads/main %s\\n' $(git rev-parse HEAD @{u}) | regreen hook pre-push` does by hand"}
	}
	var red error
	seen := make(map[string]bool)
	for _, p := range pushes {
		if p.Delete() {
			continue
		}
		tip, err := e.repo.Info(ctx, p.Local)
		if errors.Is(err, repo.ErrNoRevision) {
			continue // a tag of something that is no commit
		}
		if err != nil {
			return err
		}
		if seen[tip.Tree] {
			continue
		}
		seen[tip.Tree] = true
		e.join(ctx, tip.Tree)
		// What only failed as it did before is for the remote to judge, whose before is
		// another.
		if w, ok := e.passed(tip.Tree); ok && w.Scope == witness.Suite && w.Verdict == string(report.Green) {
			continue
		}
		base, err := e.pushBase(ctx, p, tip.Hash)
		if err != nil {
			return err
		}
		rep, err := e.test(ctx, subject{source: repo.Commit(tip.Hash), tree: tip.Tree, pushed: &pushed{tip: tip.Hash, ref: p.LocalRef, base: base}})
		if err != nil {
			return err
		}
		if err := e.finish(rep); err != nil && red == nil {
			red = err
		}
	}
	return red
}

// pushBase is what the remote has already of what is pushed; "" when nothing.
func (e *event) pushBase(ctx context.Context, p githook.Push, tip string) (string, error) {
	if !p.New() {
		if there, err := e.repo.Resolve(ctx, p.Remote); err == nil {
			return there, nil
		}
	}
	remote := ""
	if len(e.args) > 0 {
		remote = e.args[0]
	}
	return e.repo.Unpushed(ctx, tip, remote)
}

// pushed is a tip that is pushed, and what the remote has of it.
type pushed struct{ tip, ref, base string }
