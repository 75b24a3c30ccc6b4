package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

func (a *app) fixCommand() *cobra.Command {
	var flags session.Flags
	var out outputs
	cmd := &cobra.Command{
		Use:   "fix",
		Short: "Find, prove and propose or apply a patch for failing tests",
		Long: `Fix tests the working tree (committed or not), and searches a patch for the
failures that the base does not have. Your files change only when a verified patch
is applied: by default, on your own machine, when the evidence is strong.

With --shard i/n several machines share a search: given the same tree, configuration
and seed, each tests another part of what one would, and proposes only. regreen report
--merge makes one report of theirs.`,
		Example: `  regreen fix
  regreen fix --apply never --budget 60s --report markdown=report.md
  regreen fix --test "go test -tags integration ./..." --json -
  regreen fix --shard 2/4 --json shard-2.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.fix(cmd.Context(), flags, out, true)
		},
	}
	a.runFlags(cmd, &flags, &out)
	searchFlags(cmd.Flags(), &flags)
	return cmd
}

// searchFlags are the flags of a search besides those of runFlags.
func searchFlags(fs *pflag.FlagSet, flags *session.Flags) {
	fs.DurationVar(&flags.Budget, "budget", 0, "how long to search once the failures are known (default by mode)")
	fs.Float64Var(&flags.MaxCost, "max-cost", 0, "`DOLLARS` that the strategies may spend (default: none runs that costs money)")
	fs.StringVar(&flags.Apply, "apply", "", "`auto|always|never`: whether a verified patch is applied (default auto)")
	fs.Uint64Var(&flags.Seed, "seed", 0, "seed of every random choice (default 1)")
	fs.IntVar(&flags.Jobs, "jobs", 0, "workers (default one per core)")
	fs.StringVar(&flags.Shard, "shard", "", "search only the `i/n`-th part of all candidates, and apply nothing")
	fs.StringVar(&flags.Validator, "validator", "auto", "for debugging, how candidates are tested: auto, inprocess, process or overlay")
	fs.StringVar(&flags.Store, "store", "", "`URL` or path of the store of outcomes (default in the state directory)")
	fs.StringSliceVar(&flags.Strategies, "strategies", nil, "only these, as `LIST` of names or groups (regreen strategies lists them)")
	fs.StringSliceVar(&flags.Exclude, "exclude-strategies", nil, "all but these, as `LIST` of names or groups")
}

func (a *app) testCommand() *cobra.Command {
	var flags session.Flags
	var out outputs
	cmd := &cobra.Command{
		Use:     "test",
		Short:   "Run the tests sealed and tell new failures from known and flaky ones",
		Example: "  regreen test\n  regreen test --base main --json -",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.fix(cmd.Context(), flags, out, false)
		},
	}
	a.runFlags(cmd, &flags, &out)
	return cmd
}

func (a *app) runFlags(cmd *cobra.Command, flags *session.Flags, out *outputs) {
	fs := cmd.Flags()
	testFlags(fs, flags)
	outputFlags(fs, out)
}

// outputFlags say where the report is written besides.
func outputFlags(fs *pflag.FlagSet, out *outputs) {
	fs.StringVar(&out.json, "json", "", "write the report as JSON to `FILE` (- for standard output)")
	fs.StringArrayVar(&out.formats, "report", nil, "write the report as `FORMAT=FILE`, FORMAT one of "+report.FormatNames()+"; may be repeated")
}

// testFlags say what is tested.
func testFlags(fs *pflag.FlagSet, flags *session.Flags) {
	fs.StringVar(&flags.Test, "test", "", "test `CMD` (default: found by itself)")
	fs.StringSliceVar(&flags.Results, "results", nil, "read what CMD writes to the files of this `GLOB`, or - to standard output; may be repeated")
	fs.StringSliceVar(&flags.Lang, "lang", nil, "test only these languages, as a `LIST` of names (default: all that have tests)")
	fs.StringVar(&flags.Base, "base", "", "revision to compare with (default: found by itself)")
}

// fix is `regreen fix` and, without a search, `regreen test`.
func (a *app) fix(ctx context.Context, flags session.Flags, out outputs, search bool) error {
	writers, err := out.parse()
	if err != nil {
		return err
	}
	if flags.Budget < 0 || flags.Jobs < 0 || !(flags.MaxCost >= 0) {
		return &session.UsageError{Msg: "--budget, --jobs and --max-cost cannot be negative"}
	}
	s, err := a.open(ctx, "", nil, flags)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if err := s.Repo.Recover(ctx); err != nil {
		return err
	}
	channels, err := s.Channels(session.Outlet{Stdout: a.stderr}) // standard output is for what --json asks
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

// open opens the session of a command.
func (a *app) open(ctx context.Context, hook string, args []string, flags session.Flags) (*session.Session, error) {
	return session.Open(ctx, session.Input{
		Dir: a.dir, Environ: a.environ, Hook: hook, HookArgs: args, Terminal: a.terminal, Stderr: a.stderr, Verbose: a.verbose, Flags: flags,
	})
}

// repair runs the pipeline with progress on the terminal.
func (a *app) repair(ctx context.Context, s *session.Session, source repo.Source, adjust func(*repair.Options)) (*report.Report, error) {
	progress := newProgress(a)
	opt, err := s.Repair(source, versionText(), progress.show)
	if err != nil {
		return nil, err
	}
	adjust(&opt)
	rep, err := repair.Run(ctx, opt)
	progress.clear()
	return rep, err
}

// deliver sends the report to the channels, and tells of those that it did not reach: it
// was shown before.
func (a *app) deliver(ctx context.Context, s *session.Session, rep *report.Report, channels []deliver.Channel) {
	s.Deliver(ctx, rep, channels)
	for _, line := range report.Undelivered(rep) {
		fmt.Fprintln(a.stderr, "regreen: "+printable(line))
	}
}

// show prints the report for people.
func (a *app) show(rep *report.Report) error {
	return report.Terminal(a.stderr, rep, report.TerminalOptions{Color: a.color(), Width: a.width, Verbose: a.verbose})
}

// status turns a report into the exit status.
func status(rep *report.Report) error {
	switch rep.Verdict {
	case report.Green, report.Known, report.Flaky, report.Fixed:
		return nil
	case report.NotRun:
		return redError{exitNotRun}
	}
	return redError{exitRed}
}
