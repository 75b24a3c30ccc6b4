package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/gate"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/usererr"
	"github.com/regreen-ci/regreen/internal/witness"
)

func (a *app) hookCommand() *cobra.Command {
	var noCache bool
	cmd := &cobra.Command{
		Use:   "hook NAME [ARG...]",
		Short: "Run as a git hook (git calls this)",
		Long: `Do the work of a git hook. The hooks that regreen install writes call it with
git's arguments; run it by hand to see what a hook would do. It prints nothing if
there is nothing to test; --no-cache tests anyway.`,
		Example: `  regreen hook pre-commit
  regreen hook --no-cache pre-commit`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usererr.UsageError{What: "expected the name of a hook", Advice: "use one of " + strings.Join(githook.Strings(githook.Names()), ", ")}
			}
			if _, ok := githook.Find(args[0]); !ok {
				return unknownHook(args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.hook(cmd.Context(), githook.Name(args[0]), args[1:], noCache)
		},
	}
	cmd.Flags().BoolVar(&noCache, "no-cache", false, "test the tree even if it passed before")
	renamed(cmd.Flags(), "no-witness", "no-cache")
	return cmd
}

// unknownHook returns the error about a hook that does not exist.
func unknownHook(name string) error {
	names := githook.Strings(githook.Names())
	usage := &usererr.UsageError{What: fmt.Sprintf("unknown hook %q", name), Advice: "use one of " + strings.Join(names, ", ")}
	if meant := config.Nearest(name, names); meant != "" {
		usage.Advice = fmt.Sprintf("did you mean %s?", meant)
	}
	return usage
}

// event is one call of a hook.
type event struct {
	*app
	name      githook.Name
	args      []string
	repo      *repo.Repo
	cfg       config.Config
	witnesses *witness.Store // of trees that passed; nil to test them again
	shown     *report.Report // the report that was already printed

	toldOutside bool // why a tree is tested again
}

// hook does the work of a git hook. For a commit it tests the index, for a merge the tree
// before and after, for a push the pushed commits. A tree that passed is not tested again.
//
// Only failing tests hold git up. If something else goes wrong, hook says so and returns nil: people
// can commit in a repository that regreen cannot open, with a mistake in the configuration, and when
// the disk is full.
func (a *app) hook(ctx context.Context, name githook.Name, args []string, noCache bool) error {
	err := a.runHook(ctx, name, args, noCache)
	if err == nil || ctx.Err() != nil || as[session.ReportedError](err) || as[inputError](err) || as[recoveryError](err) {
		return err
	}
	if name != githook.PostCommit { // which tests nothing, and follows a hook that said it
		_, what, hint := session.Exit(ctx, err)
		what, _, _ = strings.Cut(what, "\n") // without the line of the configuration
		a.complain("not tested: "+what, hint)
	}
	return nil
}

func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// inputError is about the arguments or the input of a hook that somebody calls by hand.
type inputError struct{ error }

func (e inputError) Unwrap() error { return e.error }

// recoveryError means that a write to the working tree is half done. A commit would be of that
// half.
type recoveryError struct{ error }

func (e recoveryError) Unwrap() error { return e.error }

func (a *app) runHook(ctx context.Context, name githook.Name, args []string, noCache bool) error {
	if name == githook.PreCommit && !noCache && gate.PreCommit(a.dir, a.environ) {
		return nil
	}
	off, why := config.Off(a.getenv, name)
	if off && name != githook.PostCommit {
		return nil
	}
	e, err := a.newEvent(ctx, name, args)
	if err != nil {
		return err
	}
	if !noCache {
		e.witnesses = witness.Open(e.repo.StateDir())
	}
	if name == githook.PostCommit {
		return e.noteBypass(ctx, why)
	}
	if e.cfg.Hooks[name] == githook.Off || gate.Paused(e.cfg, e.repo.Folders(), e.name) {
		return nil
	}
	if err := e.repo.Recover(ctx); err != nil {
		if strings.HasPrefix(string(name), "post-") {
			return err
		}
		return recoveryError{err}
	}
	e.reportBackground()
	switch name {
	case githook.CommitMsg:
		return e.commitMsg(ctx)
	case githook.PrePush:
		return e.prePush(ctx)
	case githook.PostMerge:
		return e.postMerge(ctx)
	case githook.PostCheckout:
		return e.postCheckout(ctx)
	case githook.PostRewrite:
		return e.postRewrite(ctx)
	default:
		return e.preCommit(ctx)
	}
}

// newEvent finds the repository, without running git where possible.
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

// key identifies a tree and everything else that the outcome of its tests depends on.
func (e *event) key(tree string) witness.Key { return gate.Key(e.repo.Root(), tree, e.cfg, e.environ) }

// passed looks up whether a tree passed before.
func (e *event) passed(tree string) (witness.Witness, bool) {
	if e.witnesses == nil {
		return witness.Witness{}, false
	}
	w, ok := e.witnesses.Find(e.key(tree))
	if ok && w.Scope == witness.Outside && !e.toldOutside {
		fmt.Fprintf(e.stderr, "regreen: testing again: this tree passed before, but depends on files that are not part of it, %s\n", printable(w.Outside))
		e.toldOutside = true
	}
	return w, ok && w.Stands()
}

// preCommit tests what is about to be committed: the packages that the change affects. It
// blocks on new failures, and prints nothing when there is nothing to test.
func (e *event) preCommit(ctx context.Context) error {
	source := repo.Index("")
	tree, err := e.repo.IndexTree(ctx, source)
	if err == nil {
		if _, ok := e.passed(tree); ok {
			e.markTested(source)
			return nil
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	what := subject{source: source, tree: tree}
	names, err := e.repo.ChangedNames(ctx, "HEAD", source)
	if err == nil { // otherwise there is no commit yet, and everything is new
		what.changed = slices.DeleteFunc(names, e.cfg.Document)
		if len(what.changed) == 0 {
			if e.witnesses != nil {
				e.markTested(source)
				return nil
			}
			what.changed = nil // --no-cache: test everything
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
		e.markTested(source)
	}
	return e.finish(rep)
}

// markTested lets post-commit skip its check of this commit; see gate.MarkTested.
func (e *event) markTested(source repo.Source) {
	gate.MarkTested(e.repo.Folders(), e.repo.IndexFile(source))
}

// postMerge tests what a merge or pull brought in. It reports and does not block.
func (e *event) postMerge(ctx context.Context) error {
	if len(e.args) > 0 && e.args[0] == "1" {
		return nil // a squash: HEAD has not moved, the commit comes later
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

// postCheckout tests the new branch after a switch. It does so in the background: git
// returns the hook's status as its own, and the user wants to start working.
func (e *event) postCheckout(ctx context.Context) error {
	c, err := githook.ParseCheckout(e.args)
	if err != nil {
		return inputError{&usererr.UsageError{Err: err, Advice: "git passes these; by hand: regreen hook post-checkout HEAD~1 HEAD 1"}}
	}
	if !c.Branch || c.Old == c.New {
		return nil
	}
	return e.testInBackground(ctx, c.Old)
}

// postRewrite tests the result of a rebase or an amend.
func (e *event) postRewrite(ctx context.Context) error {
	rewrites, err := githook.ParseRewrites(e.stdin)
	if err != nil {
		return inputError{&usererr.UsageError{Err: err, Advice: "git writes this input; by hand: git rev-parse HEAD~1 HEAD | xargs | regreen hook post-rewrite amend"}}
	}
	if len(rewrites) == 0 {
		return nil
	}
	return e.testInBackground(ctx, "")
}

// testInBackground starts a test of HEAD, unless its tree passed before. The next hook and
// regreen status report failures.
func (e *event) testInBackground(ctx context.Context, base string) error {
	head, err := e.repo.Info(ctx, "HEAD")
	if err != nil {
		return nil // a branch without a commit
	}
	if _, ok := e.passed(head.Tree); ok {
		return nil
	}
	if base != "" {
		if names, err := e.repo.ChangedNames(ctx, base, repo.Commit(head.Hash)); err == nil && len(slices.DeleteFunc(names, e.cfg.Document)) == 0 {
			return nil // only documents differ
		}
	}
	return e.startBackground(ctx, subject{source: repo.Commit(head.Hash), tree: head.Tree})
}

// commitMsg waits for the run that pre-commit started in the background, and blocks on new
// failures. The tests run while the user writes the message.
func (e *event) commitMsg(ctx context.Context) error {
	tree, err := e.repo.TreeHash(ctx, repo.Index(""))
	if err != nil {
		return nil // pre-commit would have reported it
	}
	job, ok := e.waitForBackground(ctx, tree)
	if !ok || job.Passes || job.Run == "" {
		return ctx.Err()
	}
	e.slot().News() // it is reported here, and not again by the next hook
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
