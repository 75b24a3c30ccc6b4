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

// repair runs the pipeline and shows its progress.
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

// deliver sends the report to the channels. It prints the channels that failed, because the
// report was already printed.
func (a *app) deliver(ctx context.Context, s *session.Session, rep *report.Report, channels []deliver.Channel) {
	s.Deliver(ctx, rep, channels)
	for _, line := range report.Undelivered(rep) {
		fmt.Fprintln(a.stderr, "regreen: "+printable(line))
	}
}

// show prints the report.
func (a *app) show(rep *report.Report) error {
	return report.Terminal(a.stderr, rep, report.TerminalOptions{Color: a.color(), Width: a.width, Verbose: a.verbose})
}

// status returns the exit status of a report as an error, or nil for 0.
func status(rep *report.Report) error {
	switch rep.Verdict {
	case report.Green, report.Known, report.Flaky, report.Fixed:
		return nil
	case report.NotRun:
		return session.ReportedError{Status: session.ExitNotRun}
	}
	return session.ReportedError{Status: session.ExitRed}
}
