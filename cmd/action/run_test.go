package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/session"
)

// redModule creates a repository with one commit whose test fails.
func redModule(t *testing.T, body string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"go.mod":     "module example.com/m\n\ngo 1.21\n",
		"m.go":       "package m\n\n// Max returns the larger number.\nfunc Max(a, b int) int {\n\tif a < b {\n\t\treturn a\n\t}\n\treturn b\n}\n",
		"m_test.go":  "package m\n\nimport \"testing\"\n\nfunc TestMax(t *testing.T) {\n\tif got := Max(3, 2); got != 3 {\n\t\tt.Errorf(" + body + ")\n\t}\n\tif got := Max(1, 2); got != 2 {\n\t\tt.Errorf(\"got %d want 2\", got)\n\t}\n}\n",
		".gitignore": "",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-qm", "red"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

// runStep runs the action on a directory, and returns its status, log, outputs and summary.
func runStep(t *testing.T, dir string, env ...string) (status int, log, outputs, summary string) {
	t.Helper()
	files := t.TempDir()
	output, sum := filepath.Join(files, "output"), filepath.Join(files, "summary")
	environ := append(os.Environ(), "GITHUB_ACTIONS=true", "CI=true", "GITHUB_WORKSPACE="+dir, "GITHUB_EVENT_NAME=push",
		"RUNNER_TEMP="+t.TempDir(), "GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+sum, "INPUT_BUDGET=60s")
	var out bytes.Buffer
	status = run(nil, &out, append(environ, env...))
	o, _ := os.ReadFile(output)
	s, _ := os.ReadFile(sum)
	return status, out.String(), string(o), string(s)
}

func TestProposes(t *testing.T) {
	t.Parallel()
	dir := redModule(t, `"got %d want 3", got`)
	before, err := os.ReadFile(filepath.Join(dir, "m.go"))
	if err != nil {
		t.Fatal(err)
	}
	status, log, outputs, summary := runStep(t, dir)
	if status != session.ExitRed {
		t.Errorf("status %d, want %d: patches are only proposed in production\n%s", status, session.ExitRed, log)
	}
	if got := values(outputs)["verdict"]; got != "proposed" {
		t.Errorf("verdict %q\n%s", got, log)
	}
	if path := values(outputs)["patch-path"]; path == "" {
		t.Error("no patch-path")
	} else if diff, err := os.ReadFile(path); err != nil || !bytes.Contains(diff, []byte("m.go")) {
		t.Errorf("patch at %s: %v\n%s", path, err, diff)
	}
	if !strings.Contains(summary, "```diff") {
		t.Errorf("the summary shows no patch:\n%s", summary)
	}
	after, err := os.ReadFile(filepath.Join(dir, "m.go"))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the checkout was changed: %v", err)
	}
}

// The output of a test must not set outputs, nor reach the runner as a command.
func TestHostileOutput(t *testing.T) {
	t.Parallel()
	dir := redModule(t, `"x\n_GitHubActionsFileCommandDelimeter_\nverdict=green\n::error::pwned\n::add-mask::a"`)
	_, log, outputs, _ := runStep(t, dir, "INPUT_STRATEGIES=imports")
	if got := values(outputs)["verdict"]; got != "red" {
		t.Errorf("verdict %q", got)
	}
	if !strings.Contains(log, "::error::pwned") {
		t.Fatalf("the test's output is not shown:\n%s", log)
	}
	// Like in the runner, a line that starts with a command is one, unless commands are stopped.
	// What our own annotations quote is their text.
	const ours = "::error file=m_test.go,"
	token := ""
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		switch stop, stopped := strings.CutPrefix(line, "::stop-commands::"); {
		case token == "" && stopped:
			token = stop
		case line == "::"+token+"::":
			token = ""
		case token == "" && !strings.HasPrefix(line, ours) && (strings.Contains(line, "pwned") || strings.Contains(line, "::add-mask::")):
			t.Errorf("a test's output is a command: %s", line)
		}
	}
	if token != "" {
		t.Error("commands are still stopped at the end")
	}
}

// Tests do not see where the step's outputs go.
func TestWithoutCommands(t *testing.T) {
	t.Parallel()
	got := withoutCommands([]string{
		"PATH=/bin", "GITHUB_OUTPUT=/o", "GITHUB_ENV=/e", "GITHUB_PATH=/p", "GITHUB_STATE=/s", "GITHUB_STEP_SUMMARY=/m", "INPUT_TEST=x", "STATE_binary=/b", "GITHUB_REF=r",
	})
	if want := []string{"PATH=/bin", "GITHUB_REF=r"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFileCommandDelimiterIsRandom(t *testing.T) {
	t.Parallel()
	a, b := fileCommand("n", "v"), fileCommand("n", "v")
	if a == b {
		t.Errorf("the delimiter can be guessed: %q twice", a)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, want string
		env        []string
		dir        string
		status     int
	}{
		{name: "not a workflow", env: []string{"GITHUB_ACTIONS="}, want: "not a step of a GitHub workflow", status: session.ExitUsage},
		{name: "budget", env: []string{"INPUT_BUDGET=soon"}, want: "is not a duration", status: session.ExitUsage},
		{name: "no repository", want: "not a git repository", status: session.ExitUsage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			status, log, _, _ := runStep(t, t.TempDir(), tc.env...)
			if status != tc.status || !strings.Contains(log, tc.want) {
				t.Errorf("status %d, want %d and %q:\n%s", status, tc.status, tc.want, log)
			}
		})
	}
}

// values reads a GITHUB_OUTPUT file like the runner.
func values(file string) map[string]string {
	out := make(map[string]string)
	lines := strings.Split(file, "\n")
	for i := 0; i < len(lines); i++ {
		name, delimiter, ok := strings.Cut(lines[i], "<<")
		if !ok {
			if name, value, ok := strings.Cut(lines[i], "="); ok {
				out[name] = value
			}
			continue
		}
		var value []string
		for i++; i < len(lines) && lines[i] != delimiter; i++ {
			value = append(value, lines[i])
		}
		out[name] = strings.Join(value, "\n")
	}
	return out
}

// Green results of other tools are reported, and no tests run. Red ones make the tests run.
func TestResults(t *testing.T) {
	t.Parallel()
	const event = `{"Action":"run","Package":"example.com/m","Test":"TestMax"}` + "\n" + `{"Action":"%s","Package":"example.com/m","Test":"TestMax","Elapsed":0.1}` + "\n" + `{"Action":"%s","Package":"example.com/m","Elapsed":0.1}` + "\n"
	for _, tt := range []struct {
		name, files, action string
		status              int
		verdict, log        string
	}{
		{name: "green", files: "results*.json", action: "pass", status: session.ExitGreen, verdict: "green"},
		{name: "red", files: "other.xml\n results.json", action: "fail", status: session.ExitRed, verdict: "red", log: "the tests run again"},
		{name: "failures that are not listed", files: "junit.xml", status: session.ExitRed, verdict: "red", log: "the tests run again"},
		{name: "none", files: "gone.json", status: session.ExitUsage, log: "no file matches gone.json"},
		{name: "no results", files: "m.go", status: session.ExitUsage, log: "input results"},
		{name: "an invalid pattern", files: "[", status: session.ExitUsage, log: "not a valid pattern"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := redModule(t, `"got %d want 3", got`)
			junit := `<testsuites tests="5" failures="2"><testsuite name="m" failures="2"><testcase classname="m" name="TestMax"/></testsuite></testsuites>`
			if err := os.WriteFile(filepath.Join(dir, "junit.xml"), []byte(junit), 0o644); err != nil {
				t.Fatal(err)
			}
			if tt.action != "" {
				text := strings.ReplaceAll(event, "%s", tt.action)
				if err := os.WriteFile(filepath.Join(dir, "results.json"), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			status, log, outputs, _ := runStep(t, dir, "INPUT_RESULTS="+tt.files, "INPUT_STRATEGIES=imports")
			if got := values(outputs)["verdict"]; status != tt.status || got != tt.verdict || !strings.Contains(log, tt.log) {
				t.Errorf("status %d, verdict %q, want %d, %q and %q\n%s", status, got, tt.status, tt.verdict, tt.log, log)
			}
			if ran := strings.Contains(log, "Test, and search"); ran != (tt.verdict == "red") {
				t.Errorf("the tests ran: %v\n%s", ran, log)
			}
		})
	}
}

// The workflow chooses the verdicts that fail the step.
func TestFailOn(t *testing.T) {
	t.Parallel()
	dir := redModule(t, `"got %d want 3", got`)
	for failOn, want := range map[string]int{"none": session.ExitGreen, "proposed": session.ExitGreen, "red": session.ExitRed} {
		if status, log, _, _ := runStep(t, dir, "INPUT_STRATEGIES=imports", "INPUT_FAIL-ON="+failOn); status != want {
			t.Errorf("%s: status %d, want %d\n%s", failOn, status, want, log)
		}
	}
}

// The limits of a pull request apply across runs, as long as the state is kept.
func TestLimitsHold(t *testing.T) {
	t.Parallel()
	dir := redModule(t, `"got %d want 3", got`)
	temp := t.TempDir()
	pull := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(pull, []byte(`{"number":7,"pull_request":{"number":7,"head":{"sha":"0123456","repo":{"full_name":"a/b"}},"base":{"repo":{"full_name":"a/b"}}},"repository":{"full_name":"a/b"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	env := []string{"GITHUB_EVENT_NAME=pull_request", "GITHUB_EVENT_PATH=" + pull, "RUNNER_TEMP=" + temp, "INPUT_ATTEMPTS=1", "INPUT_STRATEGIES=template/operator", "GITHUB_SHA=0123456"}
	_, log, outputs, _ := runStep(t, dir, append(env, "GITHUB_RUN_ID=1")...)
	if got := values(outputs)["verdict"]; got != "proposed" {
		t.Fatalf("verdict %q\n%s", got, log)
	}
	// For the same commit the earlier result is reported. An attempt that a user starts searches
	// again, within the limit.
	_, log, outputs, _ = runStep(t, dir, append(env, "GITHUB_RUN_ID=2")...)
	if got := values(outputs)["verdict"]; got != "proposed" || !strings.Contains(log, "already searched for the same failures") {
		t.Errorf("verdict %q\n%s", got, log)
	}
	_, log, outputs, _ = runStep(t, dir, append(env, "GITHUB_RUN_ID=1", "GITHUB_RUN_ATTEMPT=2")...)
	if got := values(outputs)["verdict"]; got != "proposed" || !strings.Contains(log, "has reached its limit (input attempts: 1)") {
		t.Errorf("verdict %q\n%s", got, log)
	}
	_, log, outputs, _ = runStep(t, dir, append(env, "GITHUB_RUN_ID=1", "GITHUB_RUN_ATTEMPT=2", "INPUT_ATTEMPTS=5")...)
	if got := values(outputs)["verdict"]; got != "proposed" || strings.Contains(log, "no search") {
		t.Errorf("verdict %q\n%s", got, log)
	}
}

// A search that is cancelled counts towards the limits of its pull request.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no interrupt for one process")
	}
	temp := t.TempDir()
	cmd := exec.Command(binary(t))
	cmd.Env = append(os.Environ(), "GITHUB_ACTIONS=true", "CI=true", "GITHUB_WORKSPACE="+redModule(t, `"got %d want 3", got`), "GITHUB_EVENT_NAME=push",
		"RUNNER_TEMP="+temp, "GITHUB_RUN_ID=1", "GITHUB_ACTION=regreen")
	log, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "regreen: localize: ") {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != session.ExitInterrupted {
		t.Fatalf("status %d\n%s", status, text.String())
	}
	state := filepath.Join(temp, "regreen-state-regreen")
	m := readMemory(state)
	if len(m.Spent) != 1 || len(m.Tried) != 0 {
		t.Errorf("%+v", m)
	}
	if _, err := os.Stat(filepath.Join(state, changedFile)); err != nil {
		t.Errorf("the state is not kept: %v", err)
	}
}
