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

// runVariable marks every process that descends from one command, so that those
// which left its process group are found and ended too.
const runVariable = "REGREEN_RUN"

// Grace is how long a command may take to end after it was asked to, and how long
// a pipe may stay open after its process has ended.
const Grace = 2 * time.Second

// Sandbox is where foreign code runs: a sealed environment, a process group of
// its own, and an end that nothing outlives. It does not confine what the code
// reads or writes; it is no protection against malice.
//
// On Linux, processes that left the group are ended as well, and the death of
// this process by whatever signal takes the group along.
type Sandbox struct {
	env    []string
	marker string
	runs   atomic.Uint64
}

// NewSandbox is a sandbox whose processes see [Seal] of environ.
func NewSandbox(environ []string) *Sandbox {
	marker := rand.Text()
	for _, entry := range environ {
		// A regreen inside the tests of another one: what it starts is to be
		// found by both.
		if outer, ok := strings.CutPrefix(entry, runVariable+"="); ok {
			marker = outer + "." + marker
		}
	}
	return &Sandbox{env: Seal(environ), marker: marker}
}

// Env is the environment that the processes see, without what differs from one
// to the next.
func (b *Sandbox) Env() []string { return append([]string(nil), b.env...) }

// Command is a process to run in a sandbox.
type Command struct {
	Args   []string
	Dir    string
	Env    []string // added to the sandbox's
	Stdout io.Writer
	Stderr io.Writer

	Grace time.Duration // between SIGTERM and SIGKILL; 0 means to kill at once
	Sweep bool          // look for processes that left the group, at some cost
	Build bool          // go commands in it leave no work behind, even when they are killed
}

// errNotStarted wraps the reason why a program could not be started.
var errNotStarted = errors.New("cannot be started")

// Run runs c to its end and returns its exit status, -1 when a signal ended it.
// The whole process group has ended when run returns. An error means that the
// program could not be started, or is the context's.
func (b *Sandbox) Run(ctx context.Context, c Command) (int, error) {
	marker := fmt.Sprintf("%s.%d", b.marker, b.runs.Add(1))
	if c.Build {
		dir, remove, err := Scratch(b.Temp())
		if err != nil {
			return -1, err
		}
		defer remove()
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

	// The group is best ended while its leader, although dead, still holds the
	// number: afterwards it might belong to somebody else. Ending it before Wait
	// also closes the pipes that Wait would stand in front of.
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

// Temp is where temporary files of builds go; "" for the system's place.
func (b *Sandbox) Temp() string {
	if b == nil {
		return ""
	}
	return b.Getenv("GOTMPDIR")
}

// Scratch makes a directory outside of the tree, in parent or where temporary files
// go, and the function that removes it.
func Scratch(parent string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp(parent, "regreen-")
	if err != nil {
		return "", nil, &NotRunError{What: "no temporary directory: " + err.Error(), Where: cmp.Or(parent, os.TempDir()), Hint: "free some space there or set TMPDIR"}
	}
	return dir, func() { removeAll(dir) }, nil
}

// removeAll is os.RemoveAll for trees with folders that forbid writing, which a test may
// have made.
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

// NotStarted turns the failure to start a program into a *NotRunError, and leaves
// other errors as they are.
func NotStarted(err error) error {
	if !errors.Is(err, errNotStarted) {
		return err
	}
	return &NotRunError{What: err.Error(), Hint: "check that it is installed and in PATH"}
}

// Getenv returns the value of a variable as the processes see it, the last where it is set
// more than once.
func (b *Sandbox) Getenv(name string) string {
	for i := len(b.env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(b.env[i], name+"="); ok {
			return value
		}
	}
	return ""
}
