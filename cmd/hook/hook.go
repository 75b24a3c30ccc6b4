package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/usererr"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/gate"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/witness"
)

func (a *app) hookCommand() *cobra.Command {
	var noCache bool
	cmd := &cobra.Command{
		Use:   "hook NAME [ARG...]",
		Short: "Run as a git hook (git calls this)",
		Long: `Do the work of a git hook. The hooks that regreen install writes call it with
git's arguments; run it by hand to see what a hook would do.`,
		Example: `  regreen hook pre-commit
  regreen hook --no-cache pre-commit`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				if _, ok := githook.Find(args[0]); ok {
					return nil
				}
			}
			return &usererr.UsageError{What: "hook needs the name of a hook: " + strings.Join(githook.Strings(githook.Names()), ", ")}
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.hook(cmd.Context(), githook.Name(args[0]), args[1:], noCache)
		},
	}
	cmd.Flags().BoolVar(&noCache, "no-cache", false, "test the tree even if it passed before")
	renamed(cmd.Flags(), "no-witness", "no-cache")
	return cmd
}

// event is one call of a hook.
type event struct {
	*app
	name      githook.Name
	args      []string
	repo      *repo.Repo
	cfg       config.Config
	witnesses *witness.Store // nil to do without
	shown     *report.Report // that a person has seen already
}

// hook is what git runs. A commit is tested as the index has it, a merge before and
// after, a push as the commits that are pushed; what passed before is not tested again.
func (a *app) hook(ctx context.Context, name githook.Name, args []string, noCache bool) error {
	if name == githook.PreCommit && !noCache && gate.PreCommit(a.dir, a.environ) {
		return nil
	}
	off, why := config.Off(a.getenv, name)
	if off && name != githook.PostCommit {
		return nil
	}
	e, err := a.newEvent(ctx, name, args)
	if err != nil {
		return (&event{app: a, name: name}).soften(ctx, err)
	}
	if !noCache {
		e.witnesses = witness.Open(e.repo.StateDir())
	}
	if name == githook.PostCommit {
		return e.noteBypass(ctx, why)
	}
	if e.cfg.Hooks[name] == githook.Off || gate.Away(e.cfg, e.repo.Folders(), e.name) {
		return nil
	}
	if err := e.repo.Recover(ctx); err != nil { // a write that was cut off is not to be committed by half
		return e.soften(ctx, err)
	}
	e.news()
	switch name {
	case githook.CommitMsg:
		return e.commitMsg(ctx)
	case githook.PrePush:
		return e.prePush(ctx)
	case githook.PostMerge:
		return e.soften(ctx, e.postMerge(ctx))
	case githook.PostCheckout:
		return e.soften(ctx, e.postCheckout(ctx))
	case githook.PostRewrite:
		return e.soften(ctx, e.postRewrite(ctx))
	default:
		return e.preCommit(ctx)
	}
}

// soften tells an error of a hook that comes after the fact, and lets git go on: some
// pass the status of the hook on as their own. Wrong usage stays an error.
func (e *event) soften(ctx context.Context, err error) error {
	var usage *usererr.UsageError
	if err == nil || ctx.Err() != nil || errors.As(err, &usage) || !strings.HasPrefix(string(e.name), "post-") {
		return err
	}
	e.exitStatus(ctx, err)
	return nil
}

// newEvent finds the repository, without asking git where that can be done.
func (a *app) newEvent(ctx context.Context, name githook.Name, args []string) (*event, error) {
	e := &event{app: a, name: name, args: args}
	var ok bool
	var err error
	if e.repo, ok = repo.Near(a.dir, a.environ); !ok {
		if e.repo, err = repo.Open(ctx, a.dir, a.environ); err != nil {
			return nil, err
		}
	}
	e.cfg, err = config.Load(e.repo.Root(), a.getenv)
	return e, err
}

// key names the proof for a tree.
func (e *event) key(tree string) witness.Key { return gate.Key(e.repo.Root(), tree, e.cfg, e.environ) }

// passed looks for the proof that a tree passed.
func (e *event) passed(tree string) (witness.Witness, bool) {
	if e.witnesses == nil {
		return witness.Witness{}, false
	}
	w, ok := e.witnesses.Find(e.key(tree))
	return w, ok && w.Verdict != string(report.Flaky)
}

// preCommit tests what is about to be committed, as far as the change can reach, and
// blocks on new failures. It says nothing when there is nothing to test.
func (e *event) preCommit(ctx context.Context) error {
	source := repo.Index("")
	tree, err := e.repo.IndexTree(ctx, source)
	if err == nil {
		if _, ok := e.passed(tree); ok {
			e.vouch(source)
			return nil
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	what := subject{source: source, tree: tree}
	names, err := e.repo.ChangedNames(ctx, "HEAD", source)
	if err == nil { // else there is no commit yet, and all of it is new
		what.changed = slices.DeleteFunc(names, e.cfg.Document)
		if len(what.changed) == 0 {
			if e.witnesses != nil {
				e.vouch(source)
				return nil
			}
			what.changed = nil // it is to be tested all the same
		}
		if head, err := e.repo.Info(ctx, "HEAD"); err == nil {
			what.before = head.Tree
		}
	}
	if e.cfg.Hooks[e.name] == githook.Background && what.tree != "" {
		return e.startBackground(ctx, what)
	}
	rep, err := e.test(ctx, what)
	if err != nil {
		return err
	}
	if _, ok := witness.Open(e.repo.StateDir()).Find(e.key(tree)); ok {
		e.vouch(source)
	}
	return e.finish(rep)
}

// vouch tells the shim of post-commit that the commit needs no look; see gate.Vouch.
func (e *event) vouch(source repo.Source) {
	gate.Vouch(e.repo.Folders(), e.repo.IndexFile(source))
}

// postMerge tests what a merge or pull brought in, and only tells.
func (e *event) postMerge(ctx context.Context) error {
	if len(e.args) > 0 && e.args[0] == "1" {
		return nil // a squash: HEAD is what it was, the commit is still to come
	}
	head, err := e.repo.Info(ctx, "HEAD")
	if err != nil {
		return err
	}
	if _, ok := e.passed(head.Tree); ok {
		return nil
	}
	what := subject{source: repo.Commit(head.Hash), tree: head.Tree}
	if e.cfg.Hooks[e.name] == githook.Background {
		return e.startBackground(ctx, what)
	}
	rep, err := e.test(ctx, what)
	if err != nil {
		return err
	}
	_ = e.finish(rep)
	return nil
}

// postCheckout tests a branch that was switched to. Git passes its exit status on as
// its own, and people switch to work: it neither blocks nor takes time.
func (e *event) postCheckout(ctx context.Context) error {
	c, err := githook.ParseCheckout(e.args)
	if err != nil {
		return &usererr.UsageError{Err: err, Advice: "git calls it; `regreen hook post-checkout HEAD~1 HEAD 1` does by hand"}
	}
	if !c.Branch || c.Old == c.New {
		return nil
	}
	return e.testBeside(ctx, c.Old)
}

// postRewrite tests what a rebase or an amend made.
func (e *event) postRewrite(ctx context.Context) error {
	rewrites, err := githook.ParseRewrites(e.stdin)
	if err != nil {
		return &usererr.UsageError{Err: err, Advice: "git writes it; `git rev-parse HEAD~1 HEAD | xargs | regreen hook post-rewrite amend` does by hand"}
	}
	if len(rewrites) == 0 {
		return nil
	}
	return e.testBeside(ctx, "")
}

// testBeside has HEAD tested in the background, unless it passed before. What fails is
// told by the next hook, and by regreen status.
func (e *event) testBeside(ctx context.Context, base string) error {
	head, err := e.repo.Info(ctx, "HEAD")
	if err != nil {
		return nil // a branch without a commit
	}
	if _, ok := e.passed(head.Tree); ok {
		return nil
	}
	if base != "" {
		if names, err := e.repo.ChangedNames(ctx, base, repo.Commit(head.Hash)); err == nil && len(slices.DeleteFunc(names, e.cfg.Document)) == 0 {
			return nil // nothing came in
		}
	}
	return e.startBackground(ctx, subject{source: repo.Commit(head.Hash), tree: head.Tree})
}

// commitMsg waits for the run that pre-commit has begun while the message was
// written, and blocks when it shows new failures.
func (e *event) commitMsg(ctx context.Context) error {
	tree, err := e.repo.TreeHash(ctx, repo.Index(""))
	if err != nil {
		return nil // pre-commit would have told
	}
	job, ok := e.join(ctx, tree)
	if !ok || job.Passes || job.Run == "" {
		return ctx.Err()
	}
	e.desk().News() // told now
	rep, err := runs.Load(e.repo.StateDir(), job.Run)
	if errors.Is(err, runs.ErrNoRun) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := e.show(rep); err != nil {
		return err
	}
	if rep.Verdict == report.NotRun {
		return nil
	}
	return status(rep)
}
