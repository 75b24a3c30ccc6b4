package main

import (
	"context"
	"fmt"

	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

// open opens the session of a command.
func (a *app) open(ctx context.Context, hook githook.Name, args []string, flags session.Flags) (*session.Session, error) {
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
		return session.ReportedError{Status: session.ExitNotRun}
	}
	return session.ReportedError{Status: session.ExitRed}
}
