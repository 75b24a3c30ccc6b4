package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/forge/githubtest"
)

// The tests with act run workflows on this machine like GitHub: act starts the wrapper, which
// starts this command, which talks to a server that checks requests against GitHub's description
// of its API. `make setup` installs act.

// world is a repository on that server, and a checkout to run its workflows in.
type world struct {
	t        *testing.T
	api      *githubtest.Server
	dir      string // the checkout, one commit deep
	base     string // main
	cache    string // of act, for all runs
	run      int    // number of the last run
	artifact string // where act keeps artifacts
}

const (
	moduleFile = "module example.com/m\n\ngo 1.21\n"
	goodCode   = "package m\n\n// Max returns the larger number.\nfunc Max(a, b int) int {\n\tif a > b {\n\t\treturn a\n\t}\n\treturn b\n}\n"
	testCode   = `package m

import "testing"

func TestMax(t *testing.T) {
	for _, tt := range []struct{ a, b, want int }{{3, 2, 3}, {1, 2, 2}, {5, 5, 5}} {
		if got := Max(tt.a, tt.b); got != tt.want {
			t.Errorf("Max(%d, %d) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
`
)

var badCode = strings.Replace(goodCode, "a > b", "a < b", 1)

// newWorld creates main with some workflows, and the branch topic, which breaks a test.
func newWorld(t *testing.T, workflows map[string]string) *world {
	t.Helper()
	actProgram(t)
	w := &world{t: t, api: githubtest.New(t), cache: t.TempDir(), artifact: t.TempDir()}
	w.api.Gap = 900 * time.Millisecond // GitHub asks for a second between writes
	files := map[string]string{
		"go.mod": moduleFile, "m.go": goodCode, "m_test.go": testCode,
		".regreen.yml": "strategies: [template/operator, revert]\n", // to be fast
	}
	for name, text := range workflows {
		files[".github/workflows/"+name] = text
	}
	w.api.Git, w.base = githubtest.NewGit(t, files)
	source := filepath.Join(t.TempDir(), "source")
	w.git("", "clone", "-q", w.api.Git, source)
	w.git(source, "checkout", "-q", "-b", "topic")
	w.write(source, "m.go", badCode)
	w.git(source, "commit", "-qam", "break it")
	w.git(source, "push", "-q", "origin", "topic")
	w.checkout("topic")
	w.api.AddPull(githubtest.Pull{Number: 7, HeadRef: "topic", Author: "ada", Files: w.diff("main", "topic")})
	return w
}

// checkout clones a branch like actions/checkout.
func (w *world) checkout(branch string) {
	w.t.Helper()
	w.dir = filepath.Join(w.t.TempDir(), "checkout")
	w.git("", "clone", "-q", "--depth=1", "--branch", branch, "file://"+w.api.Git, w.dir)
}

func (w *world) git(dir string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w *world) write(dir, name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// head returns the commit of a branch.
func (w *world) head(branch string) string { return w.git(w.api.Git, "rev-parse", branch) }

var hunks = regexp.MustCompile(`(?m)^@@`)

// diff returns the files that a pull request shows.
func (w *world) diff(base, head string) []githubtest.File {
	w.t.Helper()
	var out []githubtest.File
	for _, name := range strings.Fields(w.git(w.api.Git, "diff", "--name-only", base, head)) {
		text := w.git(w.api.Git, "diff", base, head, "--", name)
		at := hunks.FindStringIndex(text)
		out = append(out, githubtest.File{Name: name, Status: "modified", Patch: text[at[0]:]})
	}
	return out
}

// pullPayload returns the payload of pull_request for the branch topic of a repository.
func (w *world) pullPayload(from string) map[string]any {
	side := func(ref, repo string) map[string]any {
		return map[string]any{"ref": ref, "sha": w.head(ref), "repo": map[string]any{"full_name": repo}}
	}
	return map[string]any{
		"action": "synchronize", "number": 7,
		"pull_request": map[string]any{"number": 7, "head": side("topic", from), "base": side("main", githubtest.Repository), "user": map[string]any{"login": "ada"}},
		"repository":   map[string]any{"full_name": githubtest.Repository, "default_branch": "main"},
	}
}

// ran is the outcome of a run with act.
type ran struct {
	id  string // of the run
	ok  bool   // all jobs succeeded
	log string
}

// act runs a workflow for an event. Each run has its own number, like on GitHub.
func (w *world) act(workflow, event string, payload map[string]any, env ...string) ran {
	w.t.Helper()
	w.run++
	w.api.Rest()
	file := filepath.Join(w.t.TempDir(), "event.json")
	doc, err := json.Marshal(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(filepath.Dir(file), "event.json", string(doc))
	id := strconv.Itoa(100 + w.run)
	args := []string{
		event, "--workflows", filepath.Join(w.dir, ".github", "workflows", workflow), "--eventpath", file,
		"--platform", "ubuntu-latest=-self-hosted", "--platform", "ubuntu-24.04=-self-hosted", "--json", "--secret", "GITHUB_TOKEN=" + githubtest.Token,
		"--artifact-server-addr", "127.0.0.1", "--artifact-server-port", freePort(w.t), "--artifact-server-path", w.artifact,
		"--cache-server-addr", "127.0.0.1", "--cache-server-path", filepath.Join(w.cache, "actions"),
		"--local-repository", "regreen-ci/regreen@" + pin(w.t, "regreen-ci/regreen") + "=" + actionFolder(w.t),
		"--local-repository", "actions/setup-go@" + pin(w.t, "actions/setup-go") + "=" + setupGo(w.t),
		"--env", "REGREEN_BINARY=" + binary(w.t), "--env", "GITHUB_RUN_ID=" + id,
	}
	for _, kv := range slices.Concat(w.api.Environ(), env) {
		if !strings.HasPrefix(kv, "GITHUB_TOKEN=") && !strings.HasPrefix(kv, "GITHUB_RUN_ID=") {
			args = append(args, "--env", kv)
		}
	}
	cmd := exec.CommandContext(w.t.Context(), actProgram(w.t), args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+w.cache, "GOCACHE="+goEnv(w.t, "GOCACHE"), "GOMODCACHE="+goEnv(w.t, "GOMODCACHE"))
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if w.t.Context().Err() != nil {
		w.t.Fatal("out of time")
	}
	return ran{id, err == nil, messages(out.String())}
}

// freePort returns an unused port; act accepts only a number.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// messages returns the printed lines in act's records.
func messages(records string) string {
	var b strings.Builder
	for line := range strings.Lines(records) {
		var record struct {
			Job, Step, Msg string
		}
		if json.Unmarshal([]byte(line), &record) != nil {
			b.WriteString(line)
			continue
		}
		b.WriteString(record.Job + " | " + strings.TrimRight(record.Msg, "\n") + "\n")
	}
	return b.String()
}

// wants checks that the log has some texts.
func (r ran) wants(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.log, text) {
			t.Errorf("%q is not in the log:\n%s", text, r.log)
			return
		}
	}
}

// actProgram returns the path of the act that `make setup` installs.
func actProgram(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Skip(err)
		}
		cache = filepath.Join(home, ".cache")
	}
	program := filepath.Join(cache, "regreen", "act", "act")
	if _, err := os.Stat(program); err != nil {
		t.Skip("act is not installed: make setup installs it")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed, and act needs it for actions")
	}
	return program
}

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "regreen-action-test-*")
	if err != nil {
		return "", err
	}
	built = dir
	program := filepath.Join(dir, "regreen-action")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return program, nil
})

var built string // directory of the program, which TestMain removes

func TestMain(m *testing.M) {
	status := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(status)
}

// binary returns the path of this command, which is built once.
func binary(t *testing.T) string {
	t.Helper()
	program, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// actionFolder returns a copy of the action without its sources, like a remote repository.
func actionFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	copyAction(t, dir)
	return dir
}

func copyAction(t *testing.T, dir string) {
	t.Helper()
	root := filepath.Join("..", "..")
	names := []string{"action.yml"}
	modules, err := filepath.Glob(filepath.Join(root, "action", "*"))
	if err != nil || len(modules) == 0 {
		t.Fatalf("no wrapper: %v", err)
	}
	for _, name := range modules {
		if !strings.Contains(name, ".test.") && !strings.HasSuffix(name, ".go") {
			names = append(names, filepath.Join("action", filepath.Base(name)))
		}
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// setupGo returns a replacement for actions/setup-go: the machine has Go.
func setupGo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := "name: setup-go\ndescription: Go is installed.\nruns:\n  using: composite\n  steps:\n    - run: go version\n      shell: bash\n"
	if err := os.WriteFile(filepath.Join(dir, "action.yml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// example returns an example workflow.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", ".github", "workflows", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pin returns the commit by which the examples use an action.
func pin(t *testing.T, action string) string {
	t.Helper()
	m := regexp.MustCompile(regexp.QuoteMeta(action) + `@([0-9a-f]{40})`).FindStringSubmatch(example(t, "minimal.yml"))
	if m == nil {
		t.Fatalf("no example uses %s", action)
	}
	return m[1]
}
