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
		Args: cobra.MaximumNArgs(1),
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
		return &usererr.UsageError{What: "run " + first.ID + " cannot be done again: it had nothing to repair, or does not say how it was started", Advice: "regreen status lists the stored runs"}
	}
	var flags session.Flags
	fs := pflag.NewFlagSet("replay", pflag.ContinueOnError)
	testFlags(fs, &flags)
	searchFlags(fs, &flags)
	if err := fs.Parse(first.Replay.Args[1:]); err != nil {
		return &usererr.UsageError{What: fmt.Sprintf("run %s was written by another regreen: %v", first.ID, err), Advice: "regreen " + strings.Join(first.Replay.Args, " ")}
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
		a.differences(first, opt)
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
		fmt.Fprintf(a.stderr, "regreen: replay of %s: the same verdict, failures and patches\n", first.ID)
		return nil
	}
	fmt.Fprintf(a.stderr, "regreen: replay of %s came to something else\n", first.ID)
	if len(first.Replay.NetworkStrategies) > 0 {
		fmt.Fprintf(a.stderr, "  it asked others, who may answer differently each time: %s\n", printable(strings.Join(first.Replay.NetworkStrategies, ", ")))
	}
	for _, d := range differences {
		fmt.Fprintf(a.stderr, "  %s\n", printable(d))
	}
	return session.ReportedError{Status: session.ExitRed}
}

// treeOf finds the tree that a run has tested.
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
	hint := "it was the index or the working tree; bring it back and replay again"
	if rep.Environment.Head != "" {
		hint = fmt.Sprintf("it was on top of commit %.12s, which git checkout brings back, but not what was not committed; files that were written into the tree since count, too", rep.Environment.Head)
	}
	return repo.Source{}, &usererr.UsageError{What: fmt.Sprintf("the tree that run %s tested (%.12s) is not here any more", rep.ID, rep.Replay.Tree), Advice: hint}
}

// differences warns of what is not as it was.
func (a *app) differences(first *report.Report, opt *repair.Options) {
	for _, d := range []struct{ what, was, is string }{
		{"regreen", first.Version, opt.Subject.Version},
		{"the configuration", first.Replay.Config, opt.Subject.Config},
	} {
		if d.was != d.is {
			fmt.Fprintf(a.stderr, "regreen: %s is not what it was in run %s (%.20s, now %.20s)\n", d.what, first.ID, printable(d.was), d.is)
		}
	}
}
