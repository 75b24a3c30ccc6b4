package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

// app is one invocation of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	terminal       bool // stderr is a terminal
	width          int

	dir     string // --repo
	verbose bool
}

// run is the whole program: arguments in, exit status out.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, environ: environ, width: 80}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		a.terminal = a.getenv("TERM") != "dumb"
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			a.width = min(w, 120)
		}
	}
	root := a.commands()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	return a.exitStatus(ctx, err)
}

// exitStatus prints an error and returns its status.
func (a *app) exitStatus(ctx context.Context, err error) int {
	status, what, hint := session.Exit(ctx, err)
	if what != "" {
		a.complain(what, hint)
	}
	return status
}

// complain prints what is wrong and what to do next. Further lines are indented, so that no name
// in an error can look like a message of its own.
func (a *app) complain(what, hint string) {
	fmt.Fprintln(a.stderr, "regreen: "+strings.ReplaceAll(report.Visible(strings.TrimRight(what, "\n")), "\n", "\n  "))
	for line := range strings.Lines(hint) {
		fmt.Fprintln(a.stderr, "hint: "+report.Visible(strings.TrimRight(line, "\n")))
	}
}

func (a *app) getenv(name string) string { return config.Getenv(a.environ)(name) }
