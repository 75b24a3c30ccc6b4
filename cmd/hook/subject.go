package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/witness"
)

// subject is a tree that a hook tests.
type subject struct {
	source     repo.Source
	tree       string   // its hash; "" if unknown
	background bool     // it is tested in the background, after the commit was made
	changed    []string // files that differ from the previous tree, without documents; nil for all
	before     string   // hash of the previous tree
	base       string   // commit to compare with; "" to find one
	pushed     *pushed  // of pre-push
}

// hookDelivery is how long a hook waits for channels, because the user waits for git.
const hookDelivery = 10 * time.Second

var errHookDelivery = fmt.Errorf("timed out: a hook waits for %s", hookDelivery)

// test runs a tree through the pipeline, and records that it passed.
func (e *event) test(ctx context.Context, what subject) (*report.Report, error) {
	s, err := e.open(ctx, e.name, e.args, session.Flags{Base: what.base, NoCache: e.witnesses == nil})
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	if p := what.pushed; p != nil {
		s.Environment.Head, s.Environment.Branch, s.Environment.Bases = p.tip, strings.TrimPrefix(p.ref, "refs/heads/"), nil
		if p.base != "" {
			s.Environment.Bases = []detect.Base{{Rev: p.base, Why: "what the remote already has"}}
		}
	}
	channels, err := s.Channels(session.Outlet{Stdout: e.stderr})
	if err != nil {
		return nil, err
	}
	tested := what
	rep, err := e.repair(ctx, s, what.source, func(opt *repair.Options) {
		opt.Subject.Tree, opt.Subject.Changed, opt.Subject.Before, opt.Subject.Bypasses = what.tree, what.changed, what.before, e.bypasses()
		opt.Decision.ReadOnly = e.readOnly(what)
		opt.Hooks.Staged = func(tree string) { tested.tree = tree } // the tree with the patch was verified as a whole
		opt.Hooks.Passed = func(tree string) bool {
			w, ok := e.passed(tree)
			return ok && w.Verdict == string(report.Green) && w.Scope == witness.Suite
		}
	})
	if err != nil {
		return nil, err
	}
	e.record(ctx, tested, rep)
	if rep.Verdict == report.Green { // channels only get failures
		return rep, nil
	}
	if !what.background {
		if err := e.show(rep); err != nil { // before the channels, which may be slow
			return nil, err
		}
		e.shown = rep
	}
	sending, cancel := context.WithTimeoutCause(ctx, hookDelivery, errHookDelivery)
	defer cancel()
	e.deliver(sending, s, rep, channels)
	return rep, nil
}

// readOnly returns why a patch is only proposed here, whatever the policy, or "" if regreen
// may patch what is about to be committed.
func (e *event) readOnly(what subject) string {
	switch {
	case what.background:
		return "the commit was already made"
	case e.name == githook.PreMergeCommit:
		return "git creates the tree of the merge before it calls this hook"
	case what.tree == "":
		return "git cannot name the tree to commit"
	case e.repo.Partial(what.source):
		return "a commit of single paths does not use the index"
	}
	return ""
}

// record stores that a tree passed. Packages that the change does not affect count as passed
// if they passed in the tree before.
func (e *event) record(ctx context.Context, what subject, rep *report.Report) {
	verdict := rep.Verdict
	switch verdict {
	case report.Green, report.Known, report.Flaky:
	case report.Fixed: // the patch is in the tree: only the remaining failures count
		verdict = report.Green
		if slices.ContainsFunc(rep.Failures, func(f report.Failure) bool { return f.Status == report.FailureKnown }) {
			verdict = report.Known
		}
	default:
		return
	}
	if what.tree == "" || rep.Tests.UnfinishedPackages > 0 || len(rep.Missing) > 0 {
		return
	}
	if now, err := e.repo.TreeHash(ctx, what.source); err != nil || now != what.tree {
		return // the tree changed during the test
	}
	scope := witness.Suite
	if rep.Tests.UnrunParts > 0 {
		scope = witness.Reached
	} else if rep.Tests.UnaffectedPackages > 0 {
		scope = witness.Reached
		if w, ok := witness.Open(e.repo.StateDir()).Find(e.key(what.before)); ok && w.Scope == witness.Suite && w.Verdict == string(report.Green) {
			scope = witness.Suite
		}
	}
	w := witness.Witness{Scope: scope, Verdict: string(verdict), Run: rep.ID, When: time.Now().UTC(), Tests: rep.Tests.Passed, Seconds: rep.Stats.Seconds["test"]}
	if len(rep.Outside) > 0 {
		w.Scope, w.Outside = witness.Outside, rep.Outside[0]
	}
	err := witness.Open(e.repo.StateDir()).Record(e.key(what.tree), w)
	if err != nil {
		e.complain("cannot record that the tree passed: "+err.Error(), "make "+e.repo.StateDir()+" a writable directory with free space")
	}
}

// finish prints the outcome and returns the error that blocks git.
func (e *event) finish(rep *report.Report) error {
	if rep.Verdict == report.Green && rep.Tests.UnrunParts == 0 && len(rep.Missing) == 0 {
		fmt.Fprintln(e.stderr, "regreen: "+report.Summary(rep))
		return nil
	}
	if e.shown != rep {
		if err := e.show(rep); err != nil {
			return err
		}
	}
	if e.cfg.Hooks[e.name] == githook.Warn || rep.Verdict == report.NotRun {
		return nil // tests that could not run do not block a commit
	}
	if rep.Verdict == report.Fixed && rep.Environment.Policy != detect.Always {
		fmt.Fprintln(e.stderr, "regreen: stopped so that you can review the patch; commit again to accept it")
		return session.ReportedError{Status: session.ExitRed}
	}
	return status(rep)
}
