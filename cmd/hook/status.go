package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/install"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/usererr"
	"github.com/regreen-ci/regreen/internal/witness"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the installed hooks, what was tested, and recent runs",
		Long: `Show which hooks are installed, where regreen keeps its state, whether the index
and HEAD were tested, commits that skipped the tests, and the ten latest runs.`,
		Example: "  regreen status",
		Args:    atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := a.newEvent(cmd.Context(), "", nil)
			if err != nil {
				return err
			}
			if e.repo, err = repo.Open(cmd.Context(), a.dir, a.environ); err != nil {
				return err
			}
			off, why := config.Off(a.getenv, "")
			if off {
				fmt.Fprintln(a.stdout, "switched off:", why)
			}
			configured, err := e.repo.ConfiguredHooks(cmd.Context())
			if err != nil {
				return err
			}
			place, _, err := a.place(cmd.Context(), e.repo)
			if err != nil {
				return err
			}
			for _, s := range place.Inspect() {
				fmt.Fprintf(a.stdout, "%-16s %s\n", s.Name, installed(s, configured))
			}
			fmt.Fprintf(a.stdout, "%-16s %s\n", "state", e.repo.StateDir())
			fmt.Fprintf(a.stdout, "%-16s %s\n", "store", a.storeText(cmd.Context()))

			if tree, err := e.repo.TreeHash(cmd.Context(), repo.Index("")); err == nil {
				fmt.Fprintf(a.stdout, "%-16s %s\n", "index", e.proof(tree))
			}
			if head, err := e.repo.Info(cmd.Context(), "HEAD"); err == nil {
				fmt.Fprintf(a.stdout, "%-16s %s\n", "HEAD", e.proof(head.Tree))
			}
			if job, ok := e.slot().Job(); ok {
				fmt.Fprintf(a.stdout, "%-16s %s\n", "background", backgroundText(job))
			}
			for _, b := range e.bypasses() {
				fmt.Fprintf(a.stdout, "%-16s %.12s %s (%s)\n", "untested commit", b.Commit, printable(b.Subject), printable(b.Why))
			}
			stored, err := runs.List(e.repo.StateDir(), 10)
			if err != nil {
				return err
			}
			for _, r := range stored {
				fmt.Fprintf(a.stdout, "%s  %s  %s\n", r.ID, r.Started.Local().Format("2006-01-02 15:04"), report.Summary(r))
			}
			return nil
		},
	}
}

// storeText describes where outcomes are kept, or why that is unknown.
func (a *app) storeText(ctx context.Context) string {
	s, err := a.open(ctx, "", nil, session.Flags{})
	if err != nil {
		return printable(usererr.OneLine(err))
	}
	defer func() { _ = s.Close() }()
	text, err := s.StoreText(ctx)
	if err != nil {
		text += "; " + usererr.OneLine(err)
	}
	return printable(text)
}

// installed describes the hook that is installed for an event.
func installed(s install.State, configured []repo.ConfiguredHook) string {
	fault := s.Check()
	switch {
	case slices.ContainsFunc(configured, func(h repo.ConfiguredHook) bool {
		return h.Event == string(s.Name) && h.Name == install.ConfigName(s.Name)
	}):
		return "installed, in git's configuration"
	case s.Runs() || s.Kind == install.Ours:
	case fault != "":
		return "does not run: regreen's hook " + fault
	case s.Kind == install.Foreign:
		return "another program's hook"
	default:
		return "not installed"
	}
	text := "installed"
	switch {
	case s.Call:
		text += ", called by the hook in the working tree"
	case s.Aside != "":
		text += ", runs before " + s.Maker
	case s.Kept != "":
		text += ", runs the previous hook first"
	}
	if fault != "" {
		text += "; " + fault
	}
	return text
}

// proof describes whether a tree was tested, and the outcome.
func (e *event) proof(tree string) string {
	w, ok := witness.Open(e.repo.StateDir()).Find(e.key(tree))
	if !ok {
		return "not tested"
	}
	text := fmt.Sprintf("passed %s, run %s", w.When.Local().Format("2006-01-02 15:04"), w.Run)
	switch {
	case w.Verdict == string(report.Known):
		text += ", known failures remain"
	case w.Verdict == string(report.Flaky):
		text += ", with flaky tests"
	}
	switch w.Scope {
	case witness.Reached:
		text += ", affected packages only"
	case witness.Outside:
		text += ", tested again because it depends on " + printable(w.Outside)
	}
	return text
}
