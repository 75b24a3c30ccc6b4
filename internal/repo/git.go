package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// git runs the git command in a directory and an environment.
type git struct {
	dir    string
	env    []string
	config []string // key=value; overrides all configuration
}

// with returns a git with more environment variables.
func (g git) with(vars ...string) git {
	g.env = append(g.env[:len(g.env):len(g.env)], vars...)
	return g
}

// getenv returns a variable of the environment. The last one counts.
func (g git) getenv(name string) string {
	value := ""
	for _, v := range g.env {
		if rest, ok := strings.CutPrefix(v, name+"="); ok {
			value = rest
		}
	}
	return value
}

// gitError is the error of a failed git command.
type gitError struct {
	command string // "git merge-base"
	stderr  string
	err     error
}

func (e *gitError) Error() string {
	if e.stderr == "" {
		return fmt.Sprintf("%s: %v", e.command, e.err)
	}
	return fmt.Sprintf("%s: %s", e.command, e.stderr)
}

func (e *gitError) Unwrap() error { return e.err }

// exitStatus returns the exit status of a git command that ran and failed, or 0.
func exitStatus(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// output runs git and returns its standard output, even if it failed.
func (g git) output(ctx context.Context, args ...string) ([]byte, error) {
	var out bytes.Buffer
	err := g.run(ctx, nil, &out, args...)
	return out.Bytes(), err
}

// line is output for a command that prints one line.
func (g git) line(ctx context.Context, args ...string) (string, error) {
	out, err := g.output(ctx, args...)
	return strings.TrimSuffix(string(out), "\n"), err
}

// maxStderr limits how much of git's standard error is kept, in bytes.
const maxStderr = 4 << 10

// waitDelay limits how long pipes may stay open after git was killed.
const waitDelay = 2 * time.Second

// run runs git without pager, prompt and optional locks on the index, and with messages in English.
// If ctx ends, it kills git and everything that git started.
func (g git) run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error {
	var words []string
	for _, kv := range g.config {
		words = append(words, "-c", kv)
	}
	cmd := exec.CommandContext(ctx, "git", append(words, args...)...)
	cmd.Dir = g.dir
	cmd.Env = append(g.env[:len(g.env):len(g.env)],
		"LC_ALL=C", "LANGUAGE=", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_PAGER=cat", "GIT_LITERAL_PATHSPECS=1")
	stderr := &head{max: maxStderr}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.WaitDelay = waitDelay
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return &gitError{command: "git " + args[0], stderr: strings.TrimSpace(stderr.String()), err: err}
	}
}

// head keeps the first bytes written to it.
type head struct {
	bytes.Buffer
	max int
}

func (h *head) Write(p []byte) (int, error) {
	h.Buffer.Write(p[:min(len(p), max(0, h.max-h.Len()))])
	return len(p), nil
}
