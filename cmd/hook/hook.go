package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/gate"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/witness"
)

// What a hook can be configured to do; see config.Config.Hooks.
const (
	hookBlock = "block"
	hookWarn  = "warn"
	hookOff   = "off"
)

func (a *app) hookCommand() *cobra.Command {
	var noWitness bool
	cmd := &cobra.Command{
		Use: "hook NAME [ARG...]", Short: "Run as a git hook (git calls this)", Example: "  regreen hook pre-commit\n  regreen hook --no-witness pre-commit",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || !slices.Contains(githook.Names(), args[0]) {
				return &session.UsageError{Msg: "hook needs the name of a hook: " + strings.Join(githook.Names(), ", ")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.hook(cmd.Context(), args[0], args[1:], noWitness)
		},
	}
	cmd.Flags().BoolVar(&noWitness, "no-witness", false, "test the tree even if it passed before")
	return cmd
}

// event is one call of a hook.
type event struct {
	*app
	name      string
	args      []string
	repo      *repo.Repo
	cfg       config.Config
	witnesses *witness.Store // nil to do without
	shown     *report.Report // that a person has seen already
}

// hook is what git runs. A commit is tested as the index has it, a merge before and
// after, a push as the commits that are pushed; what passed before is not tested again.
func (a *app) hook(ctx context.Context, name string, args []string, noWitness bool) error {
	if name == "pre-commit" && !noWitness && gate.PreCommit(a.dir, a.environ) {
		return nil
	}
	off, why := config.Off(a.getenv, name)
	if off && name != "post-commit" {
		return nil
	}
	e, err := a.newEvent(ctx, name, args)
	if err != nil {
		return (&event{app: a, name: name}).soften(ctx, err)
	}
	if !noWitness {
		e.witnesses = witness.Open(e.repo.StateDir())
	}
	if name == "post-commit" {
		return e.noteBypass(ctx, why)
	}
	if e.cfg.Hooks[name] == hookOff || gate.Away(e.cfg, e.repo.Folders(), e.name) {
		return nil
	}
	if err := e.repo.Recover(ctx); err != nil { // a write that was cut off is not to be committed by half
		return e.soften(ctx, err)
	}
	e.news()
	switch name {
	case "commit-msg":
		return e.commitMsg(ctx)
	case "pre-push":
		return e.prePush(ctx)
	case "post-merge":
		return e.soften(ctx, e.postMerge(ctx))
	case "post-checkout":
		return e.soften(ctx, e.postCheckout(ctx))
	case "post-rewrite":
		return e.soften(ctx, e.postRewrite(ctx))
	default:
		return e.preCommit(ctx)
	}
}

// soften tells an error of a hook that comes after the fact, and lets git go on: some
// pass the status of the hook on as their own. Wrong usage stays an error.
func (e *event) soften(ctx context.Context, err error) error {
	var usage *session.UsageError
	if err == nil || ctx.Err() != nil || errors.As(err, &usage) || !strings.HasPrefix(e.name, "post-") {
		return err
	}
	e.exitStatus(ctx, err)
	return nil
}

// newEvent finds the repository, without asking git where that can be done.
func (a *app) newEvent(ctx context.Context, name string, args []string) (*event, error) {
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
	if e.cfg.Hooks[e.name] == hookBackground && what.tree != "" {
		return e.startBackground(ctx, what)
	}
	rep, err := e.test(ctx, what)
	if err != nil {
		return err
	}
	if _, ok := witness.Open(e.repo.StateDir()).Find(e.key(tree)); ok {
		e.vouch(source)
	}
	return e.tell(rep)
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
	if e.cfg.Hooks[e.name] == hookBackground {
		return e.startBackground(ctx, what)
	}
	rep, err := e.test(ctx, what)
	if err != nil {
		return err
	}
	_ = e.tell(rep)
	return nil
}

// postCheckout tests a branch that was switched to. Git passes its exit status on as
// its own, and people switch to work: it neither blocks nor takes time.
func (e *event) postCheckout(ctx context.Context) error {
	c, err := githook.ParseCheckout(e.args)
	if err != nil {
		return &session.UsageError{Msg: err.Error(), Hint: "git calls it; `regreen hook post-checkout HEAD~1 HEAD 1` does by hand"}
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
		return &session.UsageError{Msg: err.Error(), Hint: "git writes it; `git rev-parse HEAD~1 HEAD | xargs | regreen hook post-rewrite amend` does by hand"}
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

// prePush tests the tip of every ref that is pushed, unless it passed as a whole
// before, and blocks on new failures in any of them.
func (e *event) prePush(ctx context.Context) error {
	pushes, err := githook.ParsePushes(e.stdin)
	if p, ok := githook.FrameworkPush(e.getenv); ok && err == nil && len(pushes) == 0 {
		pushes = append(pushes, p)
	}
	if err != nil {
		return &session.UsageError{Msg: err.Error(), Hint: "git writes it; `printf 'refs/heads/main %s refs/heads/main %s\\n' $(git rev-parse HEAD @{u}) | regreen hook pre-push` does by hand"}
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
		if err := e.tell(rep); err != nil && red == nil {
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

// subject is a tree that a hook tests.
type subject struct {
	source  repo.Source
	tree    string   // its hash; "" when git could not tell
	beside  bool     // it is tested beside, when the commit has gone on
	changed []string // files that differ from the tree before, less documents; nil for all
	before  string   // hash of that tree
	base    string   // commit to compare with; "" to find one
	pushed  *pushed  // of pre-push
}

// hookDelivery is how long a hook waits for channels: somebody waits for git.
const hookDelivery = 10 * time.Second

var errHookDelivery = fmt.Errorf("it took longer than the %s that a hook waits", hookDelivery)

// test takes a tree through the pipeline and records the proof when it passes.
func (e *event) test(ctx context.Context, what subject) (*report.Report, error) {
	s, err := e.open(ctx, e.name, e.args, session.Flags{Base: what.base})
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	if p := what.pushed; p != nil {
		s.Environment.Head, s.Environment.Branch, s.Environment.Bases = p.tip, strings.TrimPrefix(p.ref, "refs/heads/"), nil
		if p.base != "" {
			s.Environment.Bases = []detect.Base{{Rev: p.base, Why: "what the remote has already"}}
		}
	}
	channels, err := s.Channels(session.Outlet{Stdout: e.stderr})
	if err != nil {
		return nil, err
	}
	tested := what
	rep, err := e.repair(ctx, s, what.source, func(opt *repair.Options) {
		opt.Subject.Tree, opt.Subject.Changed, opt.Subject.Bypasses = what.tree, what.changed, e.bypasses()
		opt.Decision.ReadOnly = e.readOnly(what)
		opt.Hooks.Staged = func(tree string) { tested.tree = tree } // verified as a whole is the tree with the patch
		opt.Hooks.Passed = func(tree string) bool {
			w, ok := e.passed(tree)
			return ok && w.Verdict == string(report.Green) && w.Scope == witness.Suite
		}
	})
	if err != nil {
		return nil, err
	}
	e.record(ctx, tested, rep)
	if rep.Verdict == report.Green { // that nothing happened is no news
		return rep, nil
	}
	if !what.beside {
		if err := e.show(rep); err != nil { // before sending takes its time
			return nil, err
		}
		e.shown = rep
	}
	sending, cancel := context.WithTimeoutCause(ctx, hookDelivery, errHookDelivery)
	defer cancel()
	e.deliver(sending, s, rep, channels)
	return rep, nil
}

// readOnly is why a patch is only proposed here, whatever the policy; "" when what is
// about to be committed may be patched.
func (e *event) readOnly(what subject) string {
	switch {
	case what.beside:
		return "the commit has gone on"
	case e.name == "pre-merge-commit":
		return "git has made the tree of the merge before it calls this hook"
	case what.tree == "":
		return "git could not tell which tree is committed"
	case e.repo.Partial(what.source):
		return "a commit of single paths leaves the index alone"
	case e.getenv("PRE_COMMIT") == "1":
		return "pre-commit has put the working tree aside, and takes edits for a failure"
	}
	return ""
}

// record keeps the proof that a tree passed. What the change cannot reach has passed
// when it did before.
func (e *event) record(ctx context.Context, what subject, rep *report.Report) {
	verdict := rep.Verdict
	switch verdict {
	case report.Green, report.Known, report.Flaky:
	case report.Fixed: // what matters of the tree with the patch is what is left
		verdict = report.Green
		if slices.ContainsFunc(rep.Failures, func(f report.Failure) bool { return f.Status == "known" }) {
			verdict = report.Known
		}
	default:
		return
	}
	if what.tree == "" || rep.Tests.Late > 0 {
		return
	}
	if now, err := e.repo.TreeHash(ctx, what.source); err != nil || now != what.tree {
		return // it changed while it was tested
	}
	scope := witness.Suite
	if rep.Tests.Unreached > 0 {
		scope = witness.Reached
		if w, ok := witness.Open(e.repo.StateDir()).Find(e.key(what.before)); ok && w.Scope == witness.Suite && w.Verdict == string(report.Green) {
			scope = witness.Suite
		}
	}
	err := witness.Open(e.repo.StateDir()).Record(e.key(what.tree), witness.Witness{
		Scope: scope, Verdict: string(verdict), Run: rep.ID, When: time.Now().UTC(), Tests: rep.Tests.Passed, Seconds: rep.Stats.Seconds["test"],
	})
	if err != nil {
		e.complain("the witness could not be stored: "+err.Error(), "")
	}
}

// tell shows what came of a test, and is the error that holds git up where it should.
func (e *event) tell(rep *report.Report) error {
	if rep.Verdict == report.Green {
		fmt.Fprintln(e.stderr, "regreen: "+report.Summary(rep))
		return nil
	}
	if e.shown != rep {
		if err := e.show(rep); err != nil {
			return err
		}
	}
	if e.cfg.Hooks[e.name] == hookWarn || rep.Verdict == report.NotRun {
		return nil // what did not run is no reason to hold a commit up
	}
	if rep.Verdict == report.Fixed && rep.Environment.Policy != detect.Always {
		fmt.Fprintln(e.stderr, "regreen: stopped for you to see the patch; commit again to take it")
		return redError{exitRed}
	}
	return status(rep)
}

// noteBypass notes a commit that was made although nothing proves its tree: by
// --no-verify, which leaves post-commit alone, or because regreen was switched off.
func (e *event) noteBypass(ctx context.Context, why string) error {
	if e.cfg.Hooks["pre-commit"] == hookOff || e.cfg.Hooks[e.name] == hookOff || e.repo.Underway() != "" {
		return nil
	}
	head, err := e.repo.Info(ctx, "HEAD")
	if err != nil {
		return nil // nobody has asked
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
		why = "no tests ran: --no-verify, or they could not"
	}
	if err := witness.OpenLedger(e.repo.StateDir()).Note(witness.Bypass{
		Commit: head.Hash, Tree: head.Tree, Subject: head.Subject, Why: why, When: time.Now().UTC(),
	}); err != nil {
		e.complain("the bypass could not be noted: "+err.Error(), "")
	}
	return nil
}

// maxBypasses is how many bypasses are told.
const maxBypasses = 10

// bypasses are the commits of late whose trees still have no proof.
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
