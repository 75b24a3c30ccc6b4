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

// prePush tests the tip of every pushed ref, unless its whole suite passed before, and
// blocks on new failures in any of them.
func (e *event) prePush(ctx context.Context) error {
	pushes, err := githook.ParsePushes(e.stdin)
	if p, ok := githook.FrameworkPush(e.getenv); ok && err == nil && len(pushes) == 0 {
		pushes = append(pushes, p)
	}
	if err != nil {
		return inputError{&usererr.UsageError{Err: err, Advice: "git writes this input; by hand: printf 'refs/heads/main %s refs/heads/main %s\\n' $(git rev-parse HEAD @{u}) | regreen hook pre-push"}}
	}
	var red error
	seen := make(map[string]bool)
	for _, p := range pushes {
		if p.Delete() {
			continue
		}
		tip, err := e.repo.Info(ctx, p.Local)
		if errors.Is(err, repo.ErrNoRevision) {
			continue // a tag of something other than a commit
		}
		if err != nil {
			return err
		}
		if seen[tip.Tree] {
			continue
		}
		seen[tip.Tree] = true
		e.waitForBackground(ctx, tip.Tree)
		// A tree with known failures does not count as passed: the remote may not have them.
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

// pushBase returns the latest commit of the pushed history that the remote already has, or "".
func (e *event) pushBase(ctx context.Context, p githook.Push, tip string) (string, error) {
	if !p.New() {
		if base, err := e.repo.Resolve(ctx, p.Remote); err == nil {
			return base, nil
		}
	}
	remote := ""
	if len(e.args) > 0 {
		remote = e.args[0]
	}
	return e.repo.Unpushed(ctx, tip, remote)
}

// pushed is the tip of a pushed ref, and the commit that the remote already has.
type pushed struct{ tip, ref, base string }
