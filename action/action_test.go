// Package action runs the tests of what starts the action's binary, which is written for
// the runner's node.
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

// node is the command to run node with args in this folder.
func node(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node to run the action's wrapper with; `make setup` installs it")
	}
	// The files are read here for go to know that this test depends on them.
	files, err := filepath.Glob("*.*js*")
	if err != nil || len(files) < 6 {
		t.Fatalf("the wrapper is not here any more: %v %v", files, err)
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

// TestWrapper runs the tests that are written for node.
func TestWrapper(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the programs that the tests start are scripts of sh")
	}
	out, err := node(t, "--test", "--test-reporter=tap", "wrapper.test.mjs").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "\n# pass ") || strings.Contains(string(out), "\n# pass 0\n") {
		t.Errorf("nothing was tested:\n%s", out)
	}
}

// TestBuiltFromSource starts this very source by the wrapper, which has to build it.
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
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "no step of a GitHub workflow") {
		t.Errorf("regreen-action should have said that it is in no workflow: %v\n%s", err, out)
	}
}
