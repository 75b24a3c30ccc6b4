package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// git runs the git command in a directory and an environment.
type git struct {
	dir    string
	env    []string
	config []string // key=value; overrides all configuration
}

// newGit returns a git for a directory. It drops the variables that change what git does with a
// repository, or how it prints, and leaves those that say which repository, which configuration,
// and how to authenticate.
func newGit(dir string, env []string) git {
	g := git{dir: dir, config: plainOutput}
	for _, v := range env {
		if name, _, _ := strings.Cut(v, "="); !strayVariable(name) {
			g.env = append(g.env, v)
		}
	}
	return g
}

// strayVariables are variables of git(1) and its commands that someone may have exported for their
// own use of git. They change the meaning of paths and attributes, the form of a diff, the format
// of a new index, or send output elsewhere.
var strayVariables = []string{
	"GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_PREFIX", "GIT_INTERNAL_SUPER_PREFIX",
	"GIT_ATTR_SOURCE", "GIT_CONFIG", "GIT_INDEX_VERSION", "GIT_DEFAULT_BRANCH", "GIT_DEFAULT_HASH", "GIT_DEFAULT_REF_FORMAT", "GIT_TEMPLATE_DIR",
	"GIT_FORCE_UNTRACKED_CACHE", "GIT_DISABLE_UNTRACKED_CACHE", "GIT_FORCE_THREADS", "GIT_REF_PARANOIA", "GIT_COMMIT_GRAPH_PARANOIA",
	"GIT_DIFF_OPTS", "GIT_EXTERNAL_DIFF", "GIT_EXTERNAL_DIFF_TRUST_EXIT_CODE", "GIT_DIFF_TOOL", "GIT_PRINT_SHA1_ELLIPSIS", "GIT_FLUSH",
	"GIT_PAGER", "GIT_PAGER_IN_USE", "PAGER", "COLUMNS", "GREP_COLOR", "GREP_COLORS", "GREP_OPTIONS", "GIT_ADVICE", "GIT_PROGRESS_DELAY", "GIT_TEXTDOMAINDIR",
	"GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_REFLOG_ACTION", "GIT_ASK_YESNO", "GIT_OPTIONAL_LOCKS", "GIT_TERMINAL_PROMPT", "GIT_CURL_VERBOSE",
	"GIT_TRANSPORT_HELPER_DEBUG", "GIT_TRANSLOOP_DEBUG", "GIT_DEBUGGER", "GIT_STRACE_COMMANDS",
}

// strayPrefixes are the families of such variables.
var strayPrefixes = []string{"GIT_TRACE", "GIT_TEST_", "GIT_NOTES_", "GIT_MERGE_", "GIT_REDIRECT_"}

func strayVariable(name string) bool {
	return slices.Contains(strayVariables, name) || slices.ContainsFunc(strayPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// plainOutput is configuration under which every command prints what a program can read. Options
// of the single commands do the rest.
var plainOutput = []string{
	"color.ui=false", "column.ui=never", "core.quotePath=true", "log.showSignature=false", "i18n.logOutputEncoding=UTF-8", "diff.suppressBlankEmpty=false",
}

// private returns a git for an index that only this process has. No hook runs, no daemon is asked,
// and git writes nothing next to the user's index.
func (g git) private(index string) git {
	g = g.with("GIT_INDEX_FILE=" + index)
	g.config = append(g.config[:len(g.config):len(g.config)],
		"core.hooksPath="+os.DevNull, "core.fsmonitor=false", "core.untrackedCache=false", "core.splitIndex=false", "index.sparse=false", "core.safecrlf=false")
	return g
}

// with returns a git with more environment variables.
func (g git) with(vars ...string) git {
	g.env = append(g.env[:len(g.env):len(g.env)], vars...)
	return g
}

// elsewhere returns a git without the variables that tie it to a repository. Those with parts of
// the configuration stay, because they authenticate.
func (g git) elsewhere(local []string) git {
	var env []string
	for _, v := range g.env {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "GIT_CONFIG_") || !slices.Contains(local, name) && name != "GIT_QUARANTINE_PATH" && name != "GIT_NAMESPACE" && name != "GIT_REFERENCE_BACKEND" {
			env = append(env, v)
		}
	}
	g.env = env
	return g
}

// in returns the same in another directory.
func (g git) in(dir string) git {
	g.dir = dir
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

// Error returns one line: what git gives as the reason, which it prints last.
func (e *gitError) Error() string {
	reason := e.err.Error()
	for line := range strings.Lines(e.stderr) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "fatal: "); ok {
			reason = rest
			break
		}
		if rest, ok := strings.CutPrefix(line, "error: "); ok {
			reason = rest
		}
	}
	return fmt.Sprintf("`%s` failed: %s", e.command, reason)
}

func (e *gitError) Unwrap() error { return e.err }

// gitSays reports whether the messages of a failed git command contain a text.
func gitSays(err error, text string) bool {
	failed, ok := errors.AsType[*gitError](err)
	return ok && strings.Contains(failed.stderr, text)
}

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
const maxStderr = 64 << 10

// waitDelay limits how long pipes may stay open after git was killed.
const waitDelay = 2 * time.Second

// run runs git without pager, prompt and optional locks on the index, and with messages in English.
// If ctx ends, it kills git and everything that git started.
func (g git) run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error {
	var words []string
	if args[0] != "config" { // which lists the configuration, with these
		for _, kv := range g.config {
			words = append(words, "-c", kv)
		}
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
		failed := &gitError{command: "git " + args[0], stderr: strings.TrimSpace(stderr.String()), err: err}
		return &Error{Path: g.dir, Err: failed, Advice: "`git status` there, or `git fsck`, may say more"}
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
