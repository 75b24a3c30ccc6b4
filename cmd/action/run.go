package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sethvargo/go-githubactions"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

// The exit statuses, as the hook's.
const (
	exitGreen       = 0
	exitRed         = 1
	exitUsage       = 2
	exitNotRun      = 3
	exitInterrupted = 130
)

// version is set by the linker.
var version = "dev"

// run is the whole program.
func run(args []string, stdout io.Writer, environ []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	getenv := config.Getenv(environ)
	action := githubactions.New(githubactions.WithWriter(stdout), githubactions.WithGetenv(getenv))
	status, err := act(ctx, args, action, getenv, stdout, environ)
	switch {
	case err == nil:
		return status
	case ctx.Err() != nil:
		action.Errorf("regreen: interrupted")
		return exitInterrupted
	}
	what, hint := explain(err)
	if hint != "" {
		what += "\nhint: " + hint
	}
	action.Errorf("regreen: %s", what)
	return statusOf(err)
}

func act(ctx context.Context, args []string, action *githubactions.Action, getenv func(string) string, stdout io.Writer, environ []string) (int, error) {
	if len(args) > 0 {
		return 0, &session.UsageError{Msg: fmt.Sprintf("unexpected argument %q", args[0]), Hint: "inputs come from `with:` in the workflow"}
	}
	if getenv("GITHUB_ACTIONS") != "true" {
		return 0, &session.UsageError{Msg: "this is no step of a GitHub workflow", Hint: "use regreen fix elsewhere"}
	}
	flags, err := inputs(action)
	if err != nil {
		return 0, err
	}
	dir := getenv("GITHUB_WORKSPACE")
	if dir == "" {
		dir = "."
	}
	// The runner reads the two streams side by side, so that a line of one can
	// overtake the command of the other that is to guard it: all goes to one.
	s, err := session.Open(ctx, session.Input{Dir: dir, Environ: withoutCommands(environ), Stderr: stdout, Flags: flags})
	if err != nil {
		return 0, err
	}
	defer func() { _ = s.Close() }()
	if err := s.Repo.Recover(ctx); err != nil {
		return 0, err
	}
	channels, err := s.Channels(session.Outlet{Stdout: stdout, Getenv: getenv, Artifact: artifact(getenv)})
	if err != nil {
		return 0, err
	}
	stage := ""
	opt, err := s.Repair(repo.WorkTree(), version, func(now, detail string, _, _ int) {
		if now != stage {
			stage = now
			action.Infof("regreen: %s: %s", now, line(detail))
		}
	})
	if err != nil {
		return 0, err
	}
	var rep *report.Report
	err = quietly(action, stdout, "Test, and search for a patch", func() error {
		rep, err = repair.Run(ctx, opt)
		return err
	})
	if err != nil {
		return 0, err
	}
	err = quietly(action, stdout, "Report", func() error {
		return report.Terminal(stdout, rep, report.TerminalOptions{Width: 100})
	})
	if err != nil {
		return 0, err
	}
	s.Deliver(ctx, rep, channels)
	if err := tell(action, getenv, s, rep); err != nil {
		return 0, err
	}
	return verdictStatus(rep.Verdict), nil
}

// inputs reads what the workflow's `with:` gives.
func inputs(action *githubactions.Action) (session.Flags, error) {
	f := session.Flags{Test: action.GetInput("test"), Base: action.GetInput("base"), Apply: action.GetInput("apply")}
	if text := action.GetInput("budget"); text != "" {
		budget, err := time.ParseDuration(text)
		if err != nil || budget <= 0 {
			return f, &session.UsageError{Msg: fmt.Sprintf("input budget: %q is no duration", text), Hint: "for instance budget: 5m"}
		}
		f.Budget = budget
	}
	if text := action.GetInput("seed"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return f, &session.UsageError{Msg: fmt.Sprintf("input seed: %q is no number", text)}
		}
		f.Seed = seed
	}
	f.Strategies = list(action.GetInput("strategies"))
	f.Exclude = list(action.GetInput("exclude-strategies"))
	return f, nil
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == '\n' || c == ' ' })
}

// tell writes the outputs, and the last lines of the log.
func tell(action *githubactions.Action, getenv func(string) string, s *session.Session, rep *report.Report) error {
	var errs []error
	if file := getenv("GITHUB_OUTPUT"); file != "" {
		var b strings.Builder
		for _, o := range append(outputs(s.Repo.StateDir(), rep), output{"artifact-path", made(rep)}) {
			b.WriteString(fileCommand(o.name, o.value))
		}
		errs = append(errs, appendTo(file, b.String()))
	}
	for _, text := range report.Undelivered(rep) {
		action.Infof("regreen: %s", line(text))
	}
	action.Infof("regreen: %s", report.Summary(rep))
	return errors.Join(errs...)
}

// made is the folder of the artifact, "" where none was made.
func made(rep *report.Report) string {
	for _, receipt := range rep.Receipts {
		if receipt.Channel == detect.Artifact && receipt.State == deliver.Sent {
			return receipt.Where
		}
	}
	return ""
}

// artifact is the folder that a later step uploads, "" for the session's own: the runner
// clears RUNNER_TEMP away.
func artifact(getenv func(string) string) string {
	if temp := getenv("RUNNER_TEMP"); temp != "" {
		return filepath.Join(temp, "regreen-report")
	}
	return ""
}

// quietly does something in a group of the log while the runner takes no commands:
// what tests print, and the code that is quoted, could be one.
func quietly(action *githubactions.Action, stdout io.Writer, group string, do func() error) error {
	action.Group(group)
	token := rand.Text()
	fmt.Fprintf(stdout, "::stop-commands::%s\n", token)
	err := do()
	fmt.Fprintf(stdout, "\n::%s::\n", token)
	action.EndGroup()
	return err
}

// withoutCommands is an environment less what names the files through which a step
// commands the runner: a test that knew them could set outputs, or the PATH and the
// environment of the steps that follow.
func withoutCommands(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY":
			return true
		}
		return strings.HasPrefix(name, "INPUT_")
	})
}

type output struct{ name, value string }

// outputs are what later steps can read.
func outputs(state string, rep *report.Report) []output {
	failures := 0
	for _, f := range rep.Failures {
		if f.Status == "new" || f.Status == "fixed" { // the tests of the first run count
			failures++
		}
	}
	patchID, patchPath := "", ""
	for _, p := range rep.Patches {
		if p.State == "verified" && p.Rank == 1 {
			patchID, patchPath = p.ID, filepath.Join(state, "patches", p.ID+".patch")
			break
		}
	}
	return []output{
		{"verdict", string(rep.Verdict)},
		{"failures", strconv.Itoa(failures)},
		{"summary", report.Summary(rep)},
		{"report-path", filepath.Join(state, "runs", rep.ID+".json")},
		{"patch-id", patchID},
		{"patch-path", patchPath},
	}
}

// fileCommand is an output as GITHUB_OUTPUT takes it. The delimiter is random: with
// a known one, which go-githubactions 1.4.0 uses, a value could set other outputs.
func fileCommand(name, value string) string {
	delimiter := "regreen_" + rand.Text()
	return fmt.Sprintf("%s<<%s\n%s\n%s\n", name, delimiter, value, delimiter)
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func verdictStatus(v report.Verdict) int {
	switch v {
	case report.Green, report.Known, report.Flaky, report.Fixed:
		return exitGreen
	case report.NotRun:
		return exitNotRun
	}
	return exitRed
}

// explain takes an error apart for people.
func explain(err error) (what, hint string) {
	var usage *session.UsageError
	var conf *config.Error
	var git *repo.Error
	switch {
	case errors.As(err, &usage):
		return usage.Msg, usage.Hint
	case errors.As(err, &conf), errors.As(err, &git):
		return err.Error(), "" // they bring their hints along
	}
	return err.Error(), ""
}

func statusOf(err error) int {
	var usage *session.UsageError
	var conf *config.Error
	if errors.As(err, &usage) || errors.As(err, &conf) || errors.Is(err, repo.ErrNotRepository) {
		return exitUsage
	}
	return exitNotRun
}

// line makes text fit one line of a log, in which the runner takes ##[name] for a command
// wherever it stands.
func line(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ReplaceAll(text, "##[", "##\u200b["))
}
