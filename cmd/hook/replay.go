package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func (a *app) replayCommand() *cobra.Command {
	var out outputs
	cmd := &cobra.Command{
		Use:   "replay [ID]",
		Short: "Repeat a stored run and check that it reproduces",
		Long: `Repeat the latest stored run, or the run ID, on the tree that it tested and with
its seed, budget and strategies, and compare the verdict, failures and patches.
Replay applies nothing and learns nothing. It finds the tree if the working tree,
the index or the commit of the run still has it.

The exit status is 0 when the run reproduces, and 1 when it differs.`,
		Example: `  regreen replay
  regreen replay k3f9a2x --report html=again.html`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.replay(cmd.Context(), strings.Join(args, ""), out)
		},
	}
	outputFlags(cmd.Flags(), &out)
	return cmd
}

func (a *app) replay(ctx context.Context, id string, out outputs) error {
	writers, err := out.parse()
	if err != nil {
		return err
	}
	rp, err := repo.Open(ctx, a.dir, a.environ)
	if err != nil {
		return err
	}
	first, err := runs.Load(rp.StateDir(), id)
	if err != nil {
		return err
	}
	if first.Replay == nil || first.Replay.Tree == "" || len(first.Replay.Args) == 0 {
		return &usererr.UsageError{What: "cannot repeat run " + first.ID + ": it had nothing to repair, or has no record of its arguments", Advice: "regreen status lists the stored runs"}
	}
	var flags session.Flags
	fs := pflag.NewFlagSet("replay", pflag.ContinueOnError)
	testFlags(fs, &flags)
	searchFlags(fs, &flags)
	if err := fs.Parse(first.Replay.Args[1:]); err != nil {
		return &usererr.UsageError{What: fmt.Sprintf("run %s was stored by another version of regreen: %v", first.ID, err), Advice: "start a new run: regreen " + strings.Join(first.Replay.Args, " ")}
	}
	s, err := a.open(ctx, "", nil, flags)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	source, err := treeOf(ctx, s.Repo, first)
	if err != nil {
		return err
	}
	again, err := a.repair(ctx, s, source, func(opt *repair.Options) {
		opt.Limits.TestOnly = first.Replay.Args[0] != "fix"
		opt.Limits.Weights = first.Replay.Weights
		opt.Hooks.Store = nil
		a.warnChanged(first, opt)
	})
	if err != nil {
		return err
	}
	if err := a.show(again); err != nil {
		return err
	}
	for _, w := range writers {
		if err := w.write(a, again); err != nil {
			return err
		}
	}
	differences := repair.Compare(first, again)
	if len(differences) == 0 {
		fmt.Fprintf(a.stderr, "regreen: replay of %s reproduces the verdict, failures and patches\n", first.ID)
		return nil
	}
	fmt.Fprintf(a.stderr, "regreen: replay of %s differs from the original:\n", first.ID)
	if len(first.Replay.NetworkStrategies) > 0 {
		fmt.Fprintf(a.stderr, "  it used services whose answers vary: %s\n", printable(strings.Join(first.Replay.NetworkStrategies, ", ")))
	}
	for _, d := range differences {
		fmt.Fprintf(a.stderr, "  %s\n", printable(d))
	}
	return session.ReportedError{Status: session.ExitRed}
}

// treeOf finds the tree that a run tested.
func treeOf(ctx context.Context, rp *repo.Repo, rep *report.Report) (repo.Source, error) {
	sources := []repo.Source{repo.WorkTree(), repo.Index("")}
	if rep.Environment.Head != "" {
		sources = append(sources, repo.Commit(rep.Environment.Head))
	}
	for _, source := range sources {
		if hash, err := rp.TreeHash(ctx, source); err == nil && hash == rep.Replay.Tree {
			return source, nil
		}
		if ctx.Err() != nil {
			return repo.Source{}, context.Cause(ctx)
		}
	}
	hint := "restore the index or the working tree that it tested, then replay"
	if rep.Environment.Head != "" {
		hint = fmt.Sprintf("check out %.12s and restore the uncommitted changes, then replay", rep.Environment.Head)
	}
	return repo.Source{}, &usererr.UsageError{What: fmt.Sprintf("cannot find the tree that run %s tested (%.12s)", rep.ID, rep.Replay.Tree), Advice: hint}
}

// warnChanged warns if the version or the configuration has changed since the run.
func (a *app) warnChanged(first *report.Report, opt *repair.Options) {
	for _, d := range []struct{ what, was, is string }{
		{"the version of regreen", first.Version, opt.Subject.Version},
		{"the configuration", first.Replay.Config, opt.Subject.Config},
	} {
		if d.was != d.is {
			fmt.Fprintf(a.stderr, "regreen: %s has changed since run %s (was %.20s, is %.20s)\n", d.what, first.ID, printable(d.was), d.is)
		}
	}
}
