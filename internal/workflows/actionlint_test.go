package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// released matches the action in workflows of users.
var released = regexp.MustCompile(`regreen-ci/regreen@[0-9a-f]{40}`)

// lint returns the findings of actionlint for workflows, by name. It copies them into a
// repository with the action and makes them use it, so that inputs and outputs are checked.
func lint(t *testing.T, workflows map[string]string) map[string][]string {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files(t, "action.yml", "action/*.mjs") {
		write(name, text)
	}
	names := map[string]string{} // by file
	for name, text := range workflows {
		file := fmt.Sprintf(".github/workflows/%d.yml", len(names))
		names[filepath.FromSlash(file)] = name
		write(file, released.ReplaceAllString(text, "./"))
	}
	cmd := exec.Command(program(t), "-shellcheck=", "-pyflakes=", "-format", "{{json .}}")
	cmd.Dir = root
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) { // 1 means faults
		t.Fatalf("actionlint: %v\n%s", err, exit.Stderr)
	}
	var found []struct {
		Message, Filepath string
		Line              int
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("actionlint: %v\n%s", err, out)
	}
	faults := map[string][]string{}
	for _, f := range found {
		name := names[f.Filepath]
		faults[name] = append(faults[name], fmt.Sprintf("%s:%d: %s (actionlint)", name, f.Line, f.Message))
	}
	return faults
}

// program returns the path of the actionlint that `make setup` installs.
func program(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Skip(err)
		}
		cache = filepath.Join(home, ".cache")
	}
	file := filepath.Join(cache, "regreen", "act", "actionlint")
	if _, err := os.Stat(file); err != nil {
		t.Skip("actionlint not found; make setup installs it")
	}
	return file
}

// TestActionlint checks all workflows with actionlint.
func TestActionlint(t *testing.T) {
	t.Parallel()
	for _, faults := range lint(t, files(t, ".github/workflows/*.yml", ".github/workflows/examples/*.yml")) {
		for _, fault := range faults {
			t.Error(fault)
		}
	}
}

// TestActionlintCanFail checks that actionlint reads the workflows and the action.
func TestActionlintCanFail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ old, new, want string }{
		"valid":   {},
		"input":   {"budget: 5m", "budged: 5m", `input "budged" is not defined in action "regreen"`},
		"output":  {"outputs.verdict", "outputs.verdicts", `property "verdicts" is not defined`},
		"machine": {"ubuntu-24.04", "ubuntu-2404", `label "ubuntu-2404" is unknown`},
	}
	workflows := map[string]string{}
	for name, tt := range tests {
		workflows[name] = strings.Replace(valid, tt.old, tt.new, 1)
	}
	faults := lint(t, workflows)
	for name, tt := range tests {
		got := strings.Join(faults[name], "\n")
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
