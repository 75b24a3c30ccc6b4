package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// The exit statuses.
const (
	exitGreen       = 0   // green, or fixed
	exitRed         = 1   // tests fail
	exitUsage       = 2   // bad usage or configuration
	exitNotRun      = 3   // the tests could not be run
	exitInterrupted = 130 // Ctrl-C
)

// app is one invocation: where it reads and writes.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	terminal       bool // stderr is one
	width          int

	dir     string // --repo
	verbose bool
}

// redError says that a command did its work and tests are red; the report has been
// shown already.
type redError struct{ status int }

func (e redError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

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

// exitStatus shows an error to a person and maps it to a status.
func (a *app) exitStatus(ctx context.Context, err error) int {
	var red redError
	var notRun *testrun.NotRunError
	var git *repo.Error
	var usage *session.UsageError
	var conf *config.Error
	var conflict *patch.ConflictError
	var parse *patch.ParseError
	var store *learn.Error
	switch {
	case err == nil:
		return exitGreen
	case errors.As(err, &red):
		return red.status
	case ctx.Err() != nil:
		a.complain("interrupted; nothing was changed", "")
		return exitInterrupted
	case errors.As(err, &notRun):
		a.complain(joinWhere(notRun.What, notRun.Where), notRun.Hint)
		return exitNotRun
	case errors.As(err, &conf):
		a.complain(conf.Error(), conf.Hint)
		return exitUsage
	case errors.As(err, &usage):
		a.complain(usage.Msg, usage.Hint)
		return exitUsage
	case errors.As(err, &conflict):
		a.complain("the patch does not apply: "+err.Error(), "nothing was changed")
		return exitRed
	case errors.As(err, &parse):
		a.complain("the patch cannot be read: "+err.Error(), "")
		return exitUsage
	case errors.As(err, &git):
		a.complain(err.Error(), git.Hint)
		return gitStatus(err)
	case errors.As(err, &store):
		a.complain(err.Error(), store.Hint)
		return exitNotRun
	case errors.Is(err, runs.ErrNoRun):
		a.complain(err.Error(), "regreen status lists the stored runs, regreen fix makes one")
		return exitUsage
	default:
		a.complain(err.Error(), "")
		return exitUsage
	}
}

// gitStatus is 1 when a user's edit or the policy stood in the way, else 2: there is
// nothing here to work on.
func gitStatus(err error) int {
	switch {
	case errors.Is(err, repo.ErrEdited), errors.Is(err, repo.ErrUnmerged), errors.Is(err, repo.ErrProtected):
		return exitRed
	case errors.Is(err, repo.ErrNotRepository), errors.Is(err, repo.ErrBare), errors.Is(err, repo.ErrNoRevision),
		errors.Is(err, repo.ErrBadPath), errors.Is(err, repo.ErrTooLarge):
		return exitUsage
	}
	return exitNotRun
}

func joinWhere(what, where string) string {
	if where == "" {
		return what
	}
	return where + ": " + what
}

// complain tells a person what is wrong and what to do next. Errors that end with
// their hint have told it already.
func (a *app) complain(what, hint string) {
	what = report.Visible(strings.TrimRight(what, "\n"))
	fmt.Fprintln(a.stderr, "regreen: "+what)
	if hint != "" && !strings.Contains(what, "\nhint: ") {
		fmt.Fprintln(a.stderr, "hint: "+hint)
	}
}

func (a *app) getenv(name string) string { return config.Getenv(a.environ)(name) }
