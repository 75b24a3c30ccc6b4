package testrun

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// runVariable marks every descendant of a command, so that those that left its process group
// can be found and killed.
const runVariable = "REGREEN_RUN"

// Grace is how long a command may take to end after SIGTERM, and how long a pipe may stay
// open after its process has ended.
const Grace = 2 * time.Second

// Sandbox runs foreign code: in an isolated environment and in a process group of its own,
// and nothing that it starts outlives the run. It does not confine what the code reads or
// writes, and does not protect against malice.
//
// On Linux it also kills processes that left the group, and the group dies with this
// process, whatever kills it.
type Sandbox struct {
	env    []string
	marker string
	runs   atomic.Uint64
	temp   func() (dir string, remove func(), err error)
}

// Steady is what a sandbox needs to give tests the same environment in every run, so that go test's
// cache has the results of tests that read it.
type Steady struct {
	// Mark marks the processes. No other sandbox has it at the same time.
	Mark string
	// Temp makes an empty temporary directory that nobody else uses until remove is called.
	Temp func() (dir string, remove func(), err error)
}

// NewSandbox returns a sandbox whose processes see [Isolate] of environ. Some variables have other
// values in each sandbox.
func NewSandbox(environ []string) *Sandbox {
	b := &Sandbox{}
	b.temp = func() (string, func(), error) { return Scratch(b.Temp()) }
	b.set(environ, rand.Text())
	return b
}

// NewSteadySandbox is NewSandbox with the same values in each sandbox.
func NewSteadySandbox(environ []string, s Steady) *Sandbox {
	b := &Sandbox{temp: s.Temp}
	b.set(environ, s.Mark)
	return b
}

func (b *Sandbox) set(environ []string, marker string) {
	for _, entry := range environ {
		// For a regreen inside the tests of another one, both must find what it starts.
		if outer, ok := strings.CutPrefix(entry, runVariable+"="); ok {
			marker = outer + "." + marker
		}
	}
	b.env, b.marker = Isolate(environ), marker
}

// Env returns the environment that all processes of the sandbox share.
func (b *Sandbox) Env() []string { return append([]string(nil), b.env...) }

// Command is a process to run in a sandbox.
type Command struct {
	Args   []string
	Dir    string
	Env    []string // added to the sandbox's
	Stdout io.Writer
	Stderr io.Writer

	Grace time.Duration // between SIGTERM and SIGKILL; 0 sends SIGKILL immediately
	Sweep bool          // look for processes that left the group, at some cost
	Build bool          // give it a GOTMPDIR of its own, for builds and tests, and remove it afterwards
}

// errNotStarted wraps the reason that a program could not be started.
var errNotStarted = errors.New("cannot be started")

// Run runs c to its end and returns its exit status, -1 if a signal ended it. The whole
// process group has ended when Run returns. The error says that the program could not be
// started, or is the context's.
func (b *Sandbox) Run(ctx context.Context, c Command) (int, error) {
	marker := fmt.Sprintf("%s.%d", b.marker, b.runs.Add(1))
	if c.Build {
		dir, remove, err := b.temp()
		if err != nil {
			return -1, err
		}
		defer remove()
		marker = b.marker + "." + filepath.Base(dir) // no other process of the sandbox has it now
		c.Env = append(c.Env[:len(c.Env):len(c.Env)], "GOTMPDIR="+dir)
	}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(append(b.env[:len(b.env):len(b.env)], "PWD="+c.Dir, runVariable+"="+marker), c.Env...)
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	cmd.SysProcAttr = ownGroup()
	cmd.WaitDelay = Grace
	cmd.Cancel = func() error {
		if c.Grace > 0 {
			return terminateGroup(cmd.Process)
		}
		return killGroup(cmd.Process)
	}
	if c.Grace > 0 {
		cmd.WaitDelay = c.Grace
	}
	if err := cmd.Start(); err != nil {
		if ctx.Err() != nil {
			return -1, context.Cause(ctx)
		}
		return -1, fmt.Errorf("%s %w: %w", c.Args[0], errNotStarted, err)
	}
	release := func() {}
	if c.Sweep {
		release = leash(cmd.Process)
	}

	// Kill the group while its dead leader still holds the number, which may belong to another
	// group later. Killing it before Wait also closes the pipes that Wait would block on.
	var err error
	unreaped := awaitExit(cmd.Process)
	if !unreaped {
		err = cmd.Wait()
	}
	killGroup(cmd.Process)
	if c.Sweep {
		killMarked(runVariable + "=" + marker)
	}
	release()
	if unreaped {
		err = cmd.Wait()
	}
	if ctx.Err() != nil {
		return -1, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState == nil {
		return -1, fmt.Errorf("%s: %w", c.Args[0], err)
	}
	return cmd.ProcessState.ExitCode(), nil
}

// Temp returns the directory for temporary files of builds, "" for the system's.
func (b *Sandbox) Temp() string {
	if b == nil {
		return ""
	}
	return b.Getenv("GOTMPDIR")
}

// Scratch makes a directory outside of the tree, in parent or in the system's temporary
// directory, and returns it with a function that removes it.
func Scratch(parent string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp(parent, "regreen-")
	if err != nil {
		return "", nil, &NotRunError{What: "cannot make a temporary directory: " + err.Error(), Where: cmp.Or(parent, os.TempDir()), Advice: "free some space there or set TMPDIR"}
	}
	return dir, func() { removeAll(dir) }, nil
}

// removeAll is os.RemoveAll for trees that have read-only directories, as tests may make.
func removeAll(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(name, 0o700)
		}
		return nil
	})
	os.RemoveAll(dir)
}

// NotStarted turns the failure to start a program into a *NotRunError, and returns other
// errors unchanged.
func NotStarted(err error) error {
	if !errors.Is(err, errNotStarted) {
		return err
	}
	return &NotRunError{What: err.Error(), Advice: "check that it is installed and in PATH"}
}

// Getenv returns the value of a variable as the processes see it: the last one if it is set
// more than once.
func (b *Sandbox) Getenv(name string) string {
	for i := len(b.env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(b.env[i], name+"="); ok {
			return value
		}
	}
	return ""
}
