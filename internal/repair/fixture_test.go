package repair

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/lang/all"
	"github.com/regreen-ci/regreen/internal/repo"
)

// fixture is a real repository without the machine's git configuration.
type fixture struct {
	t    *testing.T
	dir  string
	env  []string
	repo *repo.Repo
}

// newFixture makes a repository and commits files.
func newFixture(t *testing.T, files map[string]string) *fixture {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &fixture{t: t, dir: dir, env: append(os.Environ(),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.com",
	)}
	p.write(files)
	p.git("init", "-q")
	p.git("add", "-A")
	p.git("commit", "-qm", "first", "--allow-empty")
	if p.repo, err = repo.Open(t.Context(), dir, p.env); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *fixture) write(files map[string]string) {
	p.t.Helper()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(p.dir, name)), 0o755); err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *fixture) git(args ...string) {
	p.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// options returns the options of a run on the working tree that only changes operators.
func (p *fixture) options() Options {
	o := Options{
		Subject: Subject{
			Repo: p.repo, Source: repo.WorkTree(), Environ: p.env, Version: "test", Languages: all.Languages,
			Environment: detect.Environment{Mode: detect.Development, Event: "manual", Bases: []detect.Base{{Rev: "HEAD"}}},
		},
		Limits: Limits{Budget: time.Minute, Jobs: 2, Seed: 1},
		Decision: Decision{
			Policy:   detect.Auto,
			Editable: func(file string) (bool, string) { return !strings.HasSuffix(file, "_test.go"), "it is a test" },
		},
	}
	for _, s := range all.Strategies() {
		if s.Name == "template/operator" {
			o.Limits.Strategies = append(o.Limits.Strategies, s)
		}
	}
	return o
}
