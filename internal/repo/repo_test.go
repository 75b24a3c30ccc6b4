package repo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gitconfig "github.com/go-git/go-git/v5/config"
	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/usererr"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("sub/x", "x")
	for _, dir := range []string{f.dir, filepath.Join(f.dir, "sub")} {
		r := f.in(dir).open()
		got := []string{r.Root(), r.GitDir(), r.commonDir, r.HooksDir(), r.StateDir()}
		want := []string{f.dir, f.dir + "/.git", f.dir + "/.git", f.dir + "/.git/hooks", f.dir + "/.git/regreen"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("from %s: %s", dir, d)
		}
		if !slices.Contains(r.LocalEnv(), "GIT_INDEX_FILE") {
			t.Errorf("local variables: %v", r.LocalEnv())
		}
	}
	if _, err := os.Stat(filepath.Join(f.dir, ".git/regreen")); !os.IsNotExist(err) {
		t.Error("the state directory was created too early")
	}
	if dir, err := f.open().EnsureStateDir(); err != nil || dir != f.dir+"/.git/regreen" {
		t.Error(dir, err)
	}
	f.git("config", "core.hooksPath", "my hooks")
	if got := f.in(filepath.Join(f.dir, "sub")).open().HooksDir(); got != f.dir+"/my hooks" {
		t.Errorf("hooks in %s", got)
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	env := isolatedEnv(t)
	bare := newFixture(t, "--bare")
	for _, tt := range []struct {
		name, dir string
		env       []string
		want      error
	}{
		{"no repository", t.TempDir(), env, ErrNotRepository},
		{"no directory", filepath.Join(t.TempDir(), "none"), env, ErrNotRepository},
		{"bare", bare.dir, env, ErrBare},
		{"inside .git", filepath.Join(newFixture(t).dir, ".git"), env, ErrNotRepository},
	} {
		_, err := Open(t.Context(), tt.dir, tt.env)
		if !errors.Is(err, tt.want) || usererr.Hint(err) == "" {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, bare.dir, env); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

// variants are the kinds of repositories that must work. go-git cannot open some of them.
var variants = []struct {
	name     string
	initArgs []string
	setUp    func(f *fixture) *fixture
	goGit    bool
}{
	{"plain", nil, nil, true},
	{"sha256", []string{"--object-format=sha256"}, nil, false},
	{"worktree config", nil, func(f *fixture) *fixture {
		f.git("config", "core.repositoryFormatVersion", "1")
		f.git("config", "extensions.worktreeConfig", "true")
		return f
	}, false},
	{"linked worktree", nil, func(f *fixture) *fixture {
		f.git("commit", "-q", "--allow-empty", "-m", "start")
		f.git("branch", "-m", "trunk")
		dir := filepath.Join(filepath.Dir(f.dir), "linked tree")
		f.git("worktree", "add", "-q", "-b", "main", dir)
		return f.in(dir)
	}, true},
	{"borrowed objects", nil, func(f *fixture) *fixture {
		f.commit("start")
		dir := filepath.Join(filepath.Dir(f.dir), "borrower")
		f.git("clone", "-q", "--shared", f.dir, dir)
		f.in(dir).git("remote", "remove", "origin")
		return f.in(dir)
	}, true},
}

func eachVariant(t *testing.T, do func(t *testing.T, f *fixture)) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, v.initArgs...)
			if v.setUp != nil {
				f = v.setUp(f)
			}
			if got := f.open().objects() != nil; got != v.goGit {
				t.Errorf("go-git opens it: %v", got)
			}
			do(t, f)
		})
	}
}

// TestReadable checks that go-git is not used for formats that it does not know.
func TestReadable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		config string
		want   bool
	}{
		{"", true},
		{"[core]\nbare = false\n", true},
		{"[core]\nrepositoryFormatVersion = 0\n", true},
		{"[core]\nrepositoryFormatVersion = 1\n", true},
		{"[core]\nrepositoryFormatVersion = 2\n", false},
		{"[Core]\nREPOSITORYFORMATVERSION = 1\n[core]\nrepositoryformatversion = 2\n", false},
		{"[extensions]\n", true},
		{"[extensions]\nnovel = true\n", false},
		{"[extensions]\nworktreeConfig\n", false},
		{"[extensions]\npreciousObjects = true\n", false},
		{"[extensions]\npartialClone = origin\n", false},
		{"[core]\nrepositoryFormatVersion = 1\n[extensions]\nobjectFormat = sha256\n", false},
		{"[core]\nrepositoryFormatVersion = 1\n[Extensions]\nREFSTORAGE = reftable\n", false},
		{"[core]\nrepositoryFormatVersion = 1\n[extensions]\nrelativeWorktrees = true\n", false},
		{"[extensions]\nnovel = true\n[extensions]\n", false},
	} {
		conf, err := gitconfig.ReadConfig(strings.NewReader(tt.config))
		if err != nil {
			t.Errorf("%q: %v", tt.config, err)
			continue
		}
		if got := readable(conf); got != tt.want {
			t.Errorf("%q: got %t", tt.config, got)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		f.write("dir/ä b.txt", "one\n")
		first := f.commit("first")
		f.git("tag", "-a", "v1", "-m", "v1")
		f.write("dir/ä b.txt", "two\n")
		second := f.commit("second")
		f.write("dir/ä b.txt", "staged\n")
		f.git("add", "-A")
		r := f.open()
		for rev, want := range map[string]string{"HEAD": second, "refs/heads/main": second, "HEAD~1": first, "v1": first, first[:12]: first} {
			if got, err := r.Resolve(t.Context(), rev); err != nil || got != want {
				t.Errorf("%s: got %s, %v, want %s", rev, got, err, want)
			}
		}
		for _, rev := range []string{"nowhere", "", "--all", "HEAD:dir", "refs/heads/none"} {
			if got, err := r.Resolve(t.Context(), rev); !errors.Is(err, ErrNoRevision) {
				t.Errorf("%q: got %q, %v", rev, got, err)
			}
		}
	})
}

func TestMergeBase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	base := f.commit("base")
	f.git("checkout", "-q", "-b", "side")
	f.commit("side")
	f.git("checkout", "-q", "main")
	f.commit("main")
	f.git("checkout", "-q", "--orphan", "alone")
	f.commit("alone")
	r := f.open()
	for _, tt := range []struct{ a, b, want string }{{"main", "side", base}, {"main", "alone", ""}, {"main~1", "main~1", base}} {
		if got, err := r.MergeBase(t.Context(), tt.a, tt.b); err != nil || got != tt.want {
			t.Errorf("%s and %s: got %q, %v", tt.a, tt.b, got, err)
		}
	}
	if _, err := r.MergeBase(t.Context(), "main", "none"); !errors.Is(err, ErrNoRevision) {
		t.Errorf("got %v", err)
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	origin := newFixture(t)
	origin.write("f", "1")
	base := origin.commit("base")
	clone := func(t *testing.T, args ...string) *fixture {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "clone")
		origin.git(append(append([]string{"clone", "-q"}, args...), "file://"+origin.dir, dir)...)
		return &fixture{t, dir, origin.env}
	}
	for _, tt := range []struct {
		name string
		make func(t *testing.T) (*fixture, Facts)
	}{
		{"no commits", func(t *testing.T) (*fixture, Facts) {
			return newFixture(t), Facts{Branch: "main"}
		}},
		{"local only", func(t *testing.T) (*fixture, Facts) {
			f := newFixture(t)
			head := f.commit("one")
			f.git("checkout", "-q", "-b", "topic/a")
			return f, Facts{Branch: "topic/a", Head: head, DefaultBranch: "main", DefaultBase: head}
		}},
		{"clone", func(t *testing.T) (*fixture, Facts) {
			f := clone(t)
			head := f.commit("more")
			return f, Facts{Branch: "main", Head: head, Upstream: "origin/main", UpstreamBase: base, DefaultBranch: "main", DefaultBase: base, Remote: "origin"}
		}},
		{"topic branch with its own upstream", func(t *testing.T) (*fixture, Facts) {
			f := clone(t)
			f.git("checkout", "-q", "-b", "topic")
			pushed := f.commit("pushed")
			f.git("push", "-q", "-u", "origin", "topic")
			head := f.commit("more")
			f.git("remote", "set-url", "origin", "https://user:secret@GitHub.com/owner/name.git")
			return f, Facts{
				Branch: "topic", Head: head, Upstream: "origin/topic", UpstreamBase: pushed, DefaultBranch: "main", DefaultBase: base,
				Remote: "origin", Host: "github.com", Slug: "owner/name",
			}
		}},
		{"upstream never fetched", func(t *testing.T) (*fixture, Facts) {
			f := newFixture(t)
			f.git("checkout", "-q", "-b", "topic")
			head := f.commit("one")
			f.git("config", "branch.topic.remote", "up")
			f.git("config", "branch.topic.merge", "refs/heads/topic")
			f.git("config", "remote.up.url", "git@example.org:group/sub/name.git")
			return f, Facts{Branch: "topic", Head: head, Upstream: "up/topic", Remote: "up", Host: "example.org", Slug: "group/sub/name"}
		}},
		{"detached and shallow", func(t *testing.T) (*fixture, Facts) {
			f := newFixture(t)
			f.commit("one")
			f.commit("two")
			dir := filepath.Join(t.TempDir(), "shallow")
			f.git("clone", "-q", "--depth=1", "file://"+f.dir, dir)
			c := f.in(dir)
			c.git("checkout", "-q", "--detach")
			head := c.git("rev-parse", "HEAD")
			return c, Facts{Head: head, DefaultBranch: "main", DefaultBase: head, Remote: "origin", Shallow: true}
		}},
		{"merge in progress", func(t *testing.T) (*fixture, Facts) {
			f := newFixture(t)
			b := f.commit("base")
			f.git("checkout", "-q", "-b", "side")
			f.write("s", "s")
			f.commit("side")
			f.git("checkout", "-q", "main")
			f.git("merge", "-q", "--no-ff", "--no-commit", "side")
			orig := f.git("rev-parse", "ORIG_HEAD")
			return f, Facts{Branch: "main", Head: b, DefaultBranch: "main", DefaultBase: b, OrigHead: orig, MergeHead: true, Operation: "merge"}
		}},
		{"rebase in progress", func(t *testing.T) (*fixture, Facts) {
			f := newFixture(t)
			f.write("f", "0")
			f.commit("base")
			f.git("checkout", "-q", "-b", "side")
			f.write("f", "side")
			side := f.commit("side")
			f.git("checkout", "-q", "main")
			f.write("f", "main")
			head := f.commit("main")
			f.git("checkout", "-q", "side")
			if err := (git{dir: f.dir, env: f.env}).run(t.Context(), nil, nil, "rebase", "main"); err == nil {
				t.Fatal("no conflict")
			}
			return f, Facts{Head: head, DefaultBranch: "main", DefaultBase: head, OrigHead: side, Operation: "rebase"}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, want := tt.make(t)
			got, err := f.open().Facts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFactsInEveryVariant(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		head := f.commit("one")
		got, err := f.open().Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.Branch != "main" || got.Head != head || got.DefaultBranch != "main" || got.DefaultBase != head {
			t.Errorf("got %+v", got)
		}
	})
}

func TestHostOf(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string][2]string{
		"https://github.com/owner/name.git":          {"github.com", "owner/name"},
		"https://token@gitlab.example.com:8443/a/b/": {"gitlab.example.com", "a/b"},
		"ssh://git@host.example:2222/a/b.git":        {"host.example", "a/b"},
		"git@github.com:owner/name.git":              {"github.com", "owner/name"},
		"host:path":                                  {"host", "path"},
		"/srv/git/name.git":                          {},
		"../other":                                   {},
		"./a:b":                                      {},
		`C:\repo`:                                    {},
		"file:///srv/git/name.git":                   {},
		"https://%zz/":                               {},
		"":                                           {},
	} {
		if host, slug := hostOf(remote); host != want[0] || slug != want[1] {
			t.Errorf("%s: got %q %q, want %q", remote, host, slug, want)
		}
	}
}

func TestWriteInRepository(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		f.write("x", "old")
		f.write("staged", "1")
		f.commit("one")
		f.write("staged", "2")
		f.git("add", "staged")
		r := f.open()
		index, err := os.ReadFile(filepath.Join(r.GitDir(), "index"))
		if err != nil {
			t.Fatal(err)
		}
		change := []Change{{Path: "x", Old: []byte("old"), New: []byte("new"), OldExists: true, NewExists: true}}
		if err := r.Write(t.Context(), change, nil); err != nil {
			t.Fatal(err)
		}
		now := snapshot(t, r.Root(), ".git")
		if d := cmp.Diff(map[string]string{"x": "new", "staged": "2"}, now); d != "" {
			t.Error(d)
		}
		if left := sortedKeys(snapshot(t, r.StateDir())); len(left) > 0 {
			t.Errorf("left in the state directory: %v", left)
		}
		after, err := os.ReadFile(filepath.Join(r.GitDir(), "index"))
		if err != nil || string(after) != string(index) {
			t.Error("the index changed", err)
		}
		crashing(&r.Tree, 3, func() error {
			return r.Write(t.Context(), []Change{{Path: "x", Old: []byte("new"), New: []byte("newer"), OldExists: true, NewExists: true}}, nil)
		})
		if err := f.open().Recover(t.Context()); err != nil {
			t.Error(err)
		}
		if got := f.git("status", "--porcelain"); got != "M  staged\n M x" {
			t.Errorf("status %q", got)
		}
	})
}

func TestGitDirectoryWithAnotherName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.commit("one")
	if err := os.Rename(filepath.Join(f.dir, ".git"), filepath.Join(f.dir, "meta")); err != nil {
		t.Fatal(err)
	}
	f.env = append(f.env, "GIT_DIR="+filepath.Join(f.dir, "meta"))
	r := f.open()
	if r.GitDir() != filepath.Join(f.dir, "meta") || r.Root() != f.dir {
		t.Errorf("GIT_DIR is ignored: %s %s", r.GitDir(), r.Root())
	}
	for _, c := range []Change{
		made("meta/hooks/post-commit", "x"), made("Meta/hooks/post-commit", "x"), removed("meta/HEAD", "ref: refs/heads/main\n"),
		linked("l", "meta/hooks"), linked("sub/l", "../META"),
	} {
		err := r.Write(t.Context(), []Change{c}, nil)
		if !errors.Is(err, ErrBadPath) || !strings.Contains(err.Error(), "belongs to git") {
			t.Errorf("%s: %v", c.Path, err)
		}
	}
}
