package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func (a *app) fixCommand() *cobra.Command {
	var flags session.Flags
	var out outputs
	cmd := &cobra.Command{
		Use:   "fix",
		Short: "Find and prove a patch for failing tests; propose or apply it",
		Long: `Run the tests on the working tree, committed or not, and search for a patch for
the failures that the base revision does not have. A patch is verified when the
failing tests pass, nothing else breaks, and repeated runs agree.

Your files change only when a verified patch is applied: by default on your own
machine, when the evidence is strong. regreen rollback undoes it.`,
		Example: `  regreen fix
  regreen fix --apply never --budget 60s --report markdown=report.md
  regreen fix --test "go test -tags integration ./..." --json -
  regreen fix --shard 2/4 --json shard-2.json`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.fix(cmd.Context(), flags, out, true)
		},
	}
	testFlags(cmd.Flags(), &flags)
	outputFlags(cmd.Flags(), &out)
	searchFlags(cmd.Flags(), &flags)
	return cmd
}

// fix is `regreen fix` and, without a search, `regreen test`.
func (a *app) fix(ctx context.Context, flags session.Flags, out outputs, search bool) error {
	writers, err := out.parse()
	if err != nil {
		return err
	}
	switch {
	case flags.Budget < 0:
		return &usererr.UsageError{What: "--budget cannot be negative"}
	case flags.Jobs < 0:
		return &usererr.UsageError{What: "--jobs cannot be negative"}
	case !(flags.MaxCost >= 0): // or NaN
		return &usererr.UsageError{What: "--max-cost must be a number of dollars, 0 or more"}
	}
	s, err := a.open(ctx, "", nil, flags)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if err := s.Repo.Recover(ctx); err != nil {
		return err
	}
	channels, err := s.Channels(session.Outlet{Stdout: a.stderr}) // standard output is for --json and --report
	if err != nil {
		return err
	}
	rep, err := a.repair(ctx, s, repo.WorkTree(), func(opt *repair.Options) { opt.Limits.TestOnly = !search })
	if err != nil {
		return err
	}
	if err := a.show(rep); err != nil {
		return err
	}
	a.deliver(ctx, s, rep, channels)
	for _, w := range writers {
		if err := w.write(a, rep); err != nil {
			return err
		}
	}
	return status(rep)
}
