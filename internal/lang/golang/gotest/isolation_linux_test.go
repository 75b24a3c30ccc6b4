package gotest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// TestGitLeak runs a test that commits to a repository of its own, while GIT_DIR names the
// user's, like in a hook.
func TestGitLeak(t *testing.T) {
	t.Parallel()
	user := t.TempDir()
	if out, err := exec.Command("git", "init", "-q", user).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before, err := os.ReadFile(filepath.Join(user, ".git", "config"))
	if err != nil {
		t.Fatal(err)
	}
	s := find(t, `
-- a_test.go --
package a

import (
	"os"
	"os/exec"
	"testing"
)

func TestCommit(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{"init", "-q"}, {"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "leak"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("unexpected %v: %s", err, out)
		}
	}
	if os.Getenv("REGREEN") != "0" || os.Getenv("SECRET_TOKEN") != "" {
		t.Error("wrong environment")
	}
}
`, "")
	s.Sandbox = testrun.NewSandbox(append(os.Environ(), "GIT_DIR="+filepath.Join(user, ".git"), "GIT_INDEX_FILE="+filepath.Join(user, ".git", "index"), "SECRET_TOKEN=x"))
	if r := run(t, s, testrun.Request{}); len(r.Failures) > 0 {
		t.Errorf("failures:\n%s", briefs(r))
	}
	after, err := os.ReadFile(filepath.Join(user, ".git", "config"))
	if err != nil || string(after) != string(before) {
		t.Errorf("the user's configuration changed to %q, %v", after, err)
	}
	if _, err := exec.Command("git", "-C", user, "rev-parse", "--verify", "-q", "HEAD").Output(); err == nil {
		t.Error("the user's branch has the commit")
	}
}

// runs reports whether the process with the ID in file still runs.
func runs(t *testing.T, file string) bool {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	// A zombie has no environment.
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && len(environ) > 0 && syscall.Kill(pid, 0) == nil
}

// TestCancelRun cancels a run while its test hangs.
func TestCancelRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := find(t, `
-- h_test.go --
package h

import (
	"fmt"
	"os"
	"testing"
)

func TestHang(t *testing.T) {
	os.WriteFile(os.Getenv("PID_FILE")+".new", fmt.Appendln(nil, os.Getpid()), 0o600)
	os.Rename(os.Getenv("PID_FILE")+".new", os.Getenv("PID_FILE"))
	select {}
}

func TestHangToo(t *testing.T) { t.Parallel(); select {} }
`, "")
	pid := filepath.Join(dir, "pid")
	s.Sandbox = testrun.NewSandbox(append(os.Environ(), "PID_FILE="+pid, "GOTMPDIR="+dir))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for !exists(pid) && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	defer cancel()
	if _, err := s.Run(ctx, testrun.Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	if runs(t, pid) {
		t.Error("the test program still runs")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
