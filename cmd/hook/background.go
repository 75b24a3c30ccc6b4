package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/background"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/plural"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/witness"
)

// backgroundCommand is the process that a hook starts; users do not run it.
func (a *app) backgroundCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "background",
		Short:   "Run the tests that a hook left for later (regreen starts this)",
		Example: "  regreen background",
		Hidden:  true,
		Args:    atMost(0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.background(cmd.Context()) },
	}
}

func (e *event) slot() *background.Slot {
	return background.Open(e.repo.StateDir(), e.repo.Root())
}

// startBackground starts a process that tests a tree, and does not wait for it.
func (e *event) startBackground(ctx context.Context, what subject) error {
	slot := e.slot()
	job := background.Job{Event: e.name, Args: e.args, Tree: what.tree, Base: what.base, Started: time.Now().UTC()}
	var ok bool
	if job.Commit, ok = what.source.Revision(); !ok {
		if head, err := e.repo.Resolve(ctx, "HEAD"); err == nil {
			job.Base = head
		}
		var err error
		if job.Index, err = slot.IndexFile(); err != nil {
			return err
		}
		if err := e.repo.CopyIndex(what.source, job.Index); err != nil {
			return err
		}
	}
	if err := slot.Begin(job); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(slot.Log())
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(program, "--repo", e.repo.Root(), "background") // it outlives the context
	cmd.Env = without(e.environ, e.repo.LocalEnv())
	cmd.Stdout, cmd.Stderr = log, log
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	if job.Commit == "" {
		fmt.Fprintln(e.stderr, "regreen: testing in the background; regreen status shows the result")
	}
	return cmd.Process.Release()
}

// without returns an environment without the named variables.
func without(environ, names []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name)
	})
}

// background runs the latest job of this worktree.
func (a *app) background(ctx context.Context) error {
	e, err := a.newEvent(ctx, "", nil)
	if err != nil {
		return err
	}
	slot := e.slot()
	job, ok := slot.Job()
	if !ok || job.Done() {
		return nil
	}
	e.name, e.args, e.witnesses = job.Event, job.Args, witness.Open(e.repo.StateDir())
	return slot.Run(ctx, job, func(ctx context.Context) (background.Outcome, error) {
		what := subject{source: repo.Index(job.Index), tree: job.Tree, base: job.Base, background: true}
		if job.Commit != "" {
			what.source = repo.Commit(job.Commit)
		} else if job.Base != "" {
			names, err := e.repo.ChangedNames(ctx, job.Base, what.source)
			if err != nil {
				return background.Outcome{}, err
			}
			what.changed = slices.DeleteFunc(names, e.cfg.Document)
			if base, err := e.repo.Info(ctx, job.Base); err == nil {
				what.before = base.Tree
			}
		}
		rep, err := e.test(ctx, what)
		if err != nil {
			return background.Outcome{}, err
		}
		return outcomeOf(rep), nil
	})
}

// outcomeOf returns what a run in the background found.
func outcomeOf(rep *report.Report) background.Outcome {
	o := background.Outcome{Run: rep.ID, Verdict: string(rep.Verdict), Passes: status(rep) == nil}
	for _, f := range rep.Failures {
		if f.Status == report.FailureNew || f.Status == report.FailureFixed {
			o.Failed++
		}
	}
	for _, p := range rep.Patches {
		if p.State == report.PatchVerified && p.Rank == 1 && !p.Applied {
			o.Patches++
		}
	}
	return o
}

// waitForBackground waits for the background run of a tree, and reports whether there was
// one. It does not say whether the tree passed: passed does.
func (e *event) waitForBackground(ctx context.Context, tree string) (background.Job, bool) {
	slot := e.slot()
	job, ok := slot.Job()
	if !ok || job.Tree != tree {
		return job, false
	}
	if !job.Done() {
		progress := newProgress(e.app)
		progress.show("test", "waiting for the background run", 0, 0)
		defer progress.clear()
	}
	return slot.Wait(ctx, tree)
}

// reportBackground prints the outcome of a background run that found failures and has not
// been reported yet.
func (e *event) reportBackground() {
	job, ok := e.slot().News()
	if !ok || job.Passes {
		return
	}
	fmt.Fprintln(e.stderr, "regreen: "+backgroundText(job))
}

// backgroundText describes the state of a job.
func backgroundText(job background.Job) string {
	what := "the commit"
	switch job.Event {
	case githook.PostCheckout:
		what = "the checkout"
	case githook.PostRewrite:
		what = "the rewritten history"
	}
	what += " of " + job.Started.Local().Format("15:04:05")
	switch {
	case !job.Done():
		return "testing " + what
	case job.Run == "":
		return what + " could not be tested in the background"
	case job.Passes:
		return what + " passed, run " + job.Run
	case job.Verdict == string(report.NotRun):
		return what + ": the tests could not run: regreen report " + job.Run
	}
	text := what + ": tests failed"
	if job.Failed > 0 {
		text += ", " + plural.Count(job.Failed, "new failure")
	}
	switch {
	case job.Patches == 1:
		text += ", a patch is proposed"
	case job.Patches > 1:
		text += ", " + plural.Count(job.Patches, "patch") + " are proposed"
	}
	return text + ": regreen report " + job.Run
}
