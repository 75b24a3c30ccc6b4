package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/sethvargo/go-githubactions"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// version is set by the linker.
var version = "dev"

// run is the whole program: the step, or with the argument post its second part, which runs
// after the job's other steps.
func run(args []string, stdout io.Writer, environ []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	action := githubactions.New(githubactions.WithWriter(stdout), githubactions.WithGetenv(config.Getenv(environ)))
	status, err := act(ctx, args, action, stdout, environ)
	if err == nil {
		return status
	}
	status, what, hint := session.Exit(ctx, err)
	for line := range strings.Lines(hint) {
		what += "\nhint: " + strings.TrimRight(line, "\n")
	}
	action.Errorf("regreen: %s", what)
	return status
}

func act(ctx context.Context, args []string, action *githubactions.Action, stdout io.Writer, environ []string) (int, error) {
	after := slices.Equal(args, []string{"post"})
	if len(args) > 0 && !after {
		return 0, &usererr.UsageError{What: fmt.Sprintf("unexpected argument %q", args[0]), Advice: "inputs come from `with:` in the workflow"}
	}
	s, err := newStep(action, stdout, environ)
	switch {
	case err != nil && after:
		return session.ExitGreen, nil // the first part reported it, and left nothing to save
	case err != nil:
		return 0, err
	case after:
		return session.ExitGreen, s.after(ctx)
	}
	return s.run(ctx)
}

// step is a step of a workflow.
type step struct {
	in          inputs
	event       event
	environment detect.Environment // from the event alone, without the checkout

	action  *githubactions.Action
	stdout  io.Writer
	getenv  func(string) string // of the step
	environ []string            // of the pipeline
}

func newStep(action *githubactions.Action, stdout io.Writer, environ []string) (*step, error) {
	s := &step{action: action, stdout: stdout, getenv: config.Getenv(environ)}
	if s.getenv("GITHUB_ACTIONS") != "true" {
		return nil, &usererr.UsageError{What: "not a step of a GitHub workflow", Advice: "outside GitHub Actions, use regreen fix"}
	}
	var err error
	if s.in, err = readInputs(environ); err != nil {
		return nil, err
	}
	environ = slices.Clip(environ)
	if s.in.token != "" {
		environ = append(environ, "GITHUB_TOKEN="+s.in.token)
	}
	s.getenv = config.Getenv(environ)
	s.environ = withoutCommands(environ)
	var payload []byte
	if s.event, payload, err = readEvent(s.getenv("GITHUB_EVENT_PATH")); err != nil {
		return nil, err
	}
	s.environment = detect.Detect(detect.Input{Getenv: s.getenv, EventPayload: payload})
	return s, nil
}

// run does what the event asks for.
func (s *step) run(ctx context.Context) (int, error) {
	switch e := s.environment; {
	case s.in.merge:
		return s.mergeShards(ctx)
	case e.Event == "issue_comment":
		return s.command(ctx)
	case e.Event == "workflow_run":
		return s.publish(ctx)
	case e.Event == "pull_request_target" && e.Fork:
		return 0, &usererr.UsageError{
			What:   "refusing to run a fork's code: pull_request_target would give it this repository's token",
			Advice: "use `on: pull_request`, and a second workflow on workflow_run that posts the report (docs/action.md, Forks)",
		}
	}
	return s.repair(ctx)
}

// nothing logs why there is nothing to do, and returns success.
func (s *step) nothing(why string) (int, error) {
	s.action.Infof("regreen: %s", line(why))
	return session.ExitGreen, nil
}

// github returns a client of the API.
func (s *step) github() (*forge.GitHub, error) {
	token := s.getenv("GITHUB_TOKEN")
	if token == "" {
		return nil, &usererr.UsageError{What: "no token for GitHub's API", Advice: "remove the input token, whose default is the job's token, or set it"}
	}
	return forge.NewGitHub(forge.Options{
		API: s.getenv("GITHUB_API_URL"), GraphQL: s.getenv("GITHUB_GRAPHQL_URL"), Token: token, Repository: s.getenv("GITHUB_REPOSITORY"),
	})
}

// show writes the report to the log.
func (s *step) show(rep *report.Report) error {
	return s.quietly("Report", func() error {
		return report.Terminal(s.stdout, rep, report.TerminalOptions{Width: 100})
	})
}

// quietly calls do in a group of the log in which the runner ignores workflow commands, since
// the output of tests and quoted code could contain some.
func (s *step) quietly(group string, do func() error) error {
	s.action.Group(group)
	token := rand.Text()
	fmt.Fprintf(s.stdout, "::stop-commands::%s\n", token)
	err := do()
	fmt.Fprintf(s.stdout, "\n::%s::\n", token)
	s.action.EndGroup()
	return err
}

// withoutCommands returns an environment without the variables that name the runner's command
// files: with them, a test could set outputs, or the PATH and environment of later steps.
func withoutCommands(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY":
			return true
		}
		return strings.HasPrefix(name, "INPUT_") || strings.HasPrefix(name, "STATE_")
	})
}

// line returns text as one line for the log, without ##[name], which the runner takes for a
// command anywhere in a line.
func line(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ReplaceAll(text, "##[", "##\u200b["))
}
