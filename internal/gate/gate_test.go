package gate

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/background"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/witness"
)

// repository is a repository with a commit, as a git hook sees it.
type repository struct {
	t       *testing.T
	dir     string
	environ []string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{t: t, dir: t.TempDir()}
	r.environ = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	r.git("init", "-q")
	r.write("README.md", "begin\n")
	r.write("m.go", "package m\n")
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "begin")
	return r
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = r.dir, r.environ
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) write(name, content string) {
	r.t.Helper()
	file := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// stage stages a file and has git update the index, like a commit.
func (r *repository) stage(name, content string) (tree string) {
	r.write(name, content)
	r.git("add", name)
	return r.git("write-tree")
}

func (r *repository) state() string { return filepath.Join(r.dir, ".git", "regreen") }

func (r *repository) passed() bool {
	_, err := os.Stat(filepath.Join(r.state(), "passed"))
	return err == nil
}

func TestPreCommit(t *testing.T) {
	t.Parallel()
	code := func(r *repository) { r.stage("m.go", "package m // changed\n") }
	passedBefore := func(verdict string) func(r *repository) {
		return func(r *repository) {
			tree := r.stage("m.go", "package m // changed\n")
			if err := witness.Open(r.state()).Record(Key(r.dir, tree, config.Config{}, r.environ), witness.Witness{Scope: witness.Reached, Verdict: verdict}); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		prepare      func(r *repository)
		environ      string
		want, marked bool
	}{
		"nothing changed":                {prepare: func(*repository) {}, want: true, marked: true},
		"a document":                     {prepare: func(r *repository) { r.stage("doc/x.md", "x\n") }, want: true, marked: true},
		"code":                           {prepare: code},
		"code that passed":               {prepare: passedBefore("green"), want: true, marked: true},
		"code that fails like its base":  {prepare: passedBefore("known")},
		"code that is flaky":             {prepare: passedBefore("flaky")},
		"another toolchain":              {prepare: passedBefore("green"), environ: "GOFLAGS=-race"},
		"switched off":                   {prepare: code, environ: "REGREEN=0", want: true},
		"off by configuration":           {prepare: func(r *repository) { r.write(".regreen.yml", "hooks: {pre-commit: off}\n"); code(r) }, want: true},
		"a bad configuration":            {prepare: func(r *repository) { r.write(".regreen.yml", "hoks: {}\n"); passedBefore("green")(r) }},
		"a rebase":                       {prepare: func(r *repository) { code(r); r.write(".git/rebase-merge/x", "") }, want: true},
		"a resolved merge":               {prepare: func(r *repository) { code(r); r.write(".git/MERGE_HEAD", "") }, want: true},
		"a document and code":            {prepare: func(r *repository) { r.stage("x.md", "x\n"); code(r) }},
		"an index without a cached tree": {prepare: func(r *repository) { r.write("x.md", "x\n"); r.git("add", "x.md") }},
		"a working tree elsewhere":       {prepare: passedBefore("green"), environ: "GIT_WORK_TREE=/"},
		"news": {prepare: func(r *repository) {
			passedBefore("green")(r)
			root, err := filepath.EvalSymlinks(r.dir)
			if err != nil {
				r.t.Fatal(err)
			}
			if err := background.Open(r.state(), root).Begin(background.Job{Tree: "x", Ended: time.Now(), Outcome: background.Outcome{Verdict: "red"}}); err != nil {
				r.t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			test.prepare(r)
			if got := PreCommit(r.dir, append(r.environ, test.environ)); got != test.want {
				t.Errorf("PreCommit: got %v", got)
			}
			if r.passed() != test.marked {
				t.Errorf("the commit is marked as tested: %v", r.passed())
			}
		})
	}
}

func TestMarkTestedSinglePaths(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.stage("x.md", "x\n")
	if !PreCommit(r.dir, r.environ) || !r.passed() {
		t.Fatal("a commit of a document needs regreen")
	}
	partial := filepath.Join(r.dir, ".git", "next-index-7.lock")
	whole, err := os.ReadFile(filepath.Join(r.dir, ".git", "index"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(partial, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if !PreCommit(r.dir, append(r.environ, "GIT_INDEX_FILE="+partial)) {
		t.Error("a document committed as a single path needs regreen")
	}
	if r.passed() {
		t.Error("the rest of the index is marked as tested")
	}
}
