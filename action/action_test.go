// Package action tests the scripts that start the action's binary in the runner's node.
package action

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// node returns the command to run node in this directory.
func node(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node not found; `make setup` installs it")
	}
	// Reading the files makes go's test cache depend on them.
	files, err := filepath.Glob("*.*js*")
	if err != nil || len(files) < 6 {
		t.Fatalf("the wrapper's files are missing: %v %v", files, err)
	}
	for _, file := range files {
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// TestWrapper runs the tests in JavaScript.
func TestWrapper(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the tests use shell scripts as programs")
	}
	out, err := node(t, "--test", "--test-reporter=tap", "wrapper.test.mjs").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "\n# pass ") || strings.Contains(string(out), "\n# pass 0\n") {
		t.Errorf("no tests ran:\n%s", out)
	}
}

// TestBuiltFromSource checks that the wrapper builds and starts this source.
func TestBuiltFromSource(t *testing.T) {
	t.Parallel()
	cmd := node(t, "main.mjs")
	for _, entry := range os.Environ() {
		switch name, _, _ := strings.Cut(entry, "="); name {
		case "GITHUB_ACTIONS", "GITHUB_STATE", "REGREEN_BINARY":
		default:
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, "RUNNER_TEMP="+t.TempDir(), "GOFLAGS=-mod=vendor")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "not a step of a GitHub workflow") {
		t.Errorf("regreen-action did not refuse to run outside a workflow: %v\n%s", err, out)
	}
}
