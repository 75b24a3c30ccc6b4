package repo

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// If Near returns a repository, it is that of Open.
func TestNear(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("a/f.txt", "1\n")
	f.commit("one")
	f.git("worktree", "add", "-q", "../linked")
	linked := f.in(filepath.Join(filepath.Dir(f.dir), "linked"))
	elsewhere := newFixture(t, "--separate-git-dir", filepath.Join(t.TempDir(), "data"))
	elsewhere.commit("one")
	moved := newFixture(t)
	moved.git("config", "core.worktree", "../other")
	bare := newFixture(t, "--bare")
	own := newFixture(t)
	own.git("config", "extensions.worktreeConfig", "true")

	for _, tc := range []struct {
		name string
		f    *fixture
		env  []string
		ok   bool
	}{
		{"a repository", f, nil, true},
		{"with its GIT_DIR", f, []string{"GIT_DIR=.git"}, true},
		{"a linked worktree", linked, []string{"GIT_DIR=" + filepath.Join(f.dir, ".git", "worktrees", "linked")}, true},
		{"a separate git directory", elsewhere, nil, true},
		{"a subdirectory", f.in(filepath.Join(f.dir, "a")), nil, false},
		{"GIT_DIR of another repository", f, []string{"GIT_DIR=" + filepath.Join(linked.dir, ".git")}, false},
		{"another GIT_WORK_TREE", f, []string{"GIT_WORK_TREE=" + linked.dir}, false},
		{"a working tree by configuration", moved, nil, false},
		{"a configuration per worktree", own, nil, false},
		{"a bare repository", bare, nil, false},
		{"no repository", f.in(t.TempDir()), nil, false},
	} {
		env := slices.Concat(tc.f.env, tc.env)
		got, ok := Near(tc.f.dir, env)
		if ok != tc.ok {
			t.Errorf("%s: %t", tc.name, ok)
		}
		if !ok {
			continue
		}
		want, err := Open(t.Context(), tc.f.dir, env)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if got.Root() != want.Root() || got.GitDir() != want.GitDir() || got.commonDir != want.commonDir || got.StateDir() != want.StateDir() {
			t.Errorf("%s: %q %q %q, want %q %q %q", tc.name, got.Root(), got.GitDir(), got.commonDir, want.Root(), want.GitDir(), want.commonDir)
		}
		for _, name := range want.LocalEnv() {
			if !slices.Contains(got.LocalEnv(), name) {
				t.Errorf("%s is not among the local variables", name)
			}
		}
	}
}

func TestChangedNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("same.txt", "1\n")
	f.write("old name.txt", "2\n")
	f.write("edited.txt", "3\n")
	first := f.commit("one")
	f.git("mv", "old name.txt", "ünew.txt")
	f.write("edited.txt", "4\n")
	f.git("add", "-A")
	f.write("edited.txt", "5\n")
	f.write("untracked.txt", "6\n")
	r := f.open()
	for _, tc := range []struct {
		name string
		src  Source
		want []string
	}{
		{"index", Index(""), []string{"edited.txt", "old name.txt", "ünew.txt"}},
		{"working tree", WorkTree(), []string{"edited.txt", "old name.txt", "ünew.txt", "untracked.txt"}},
		{"commit", Commit(first), nil},
	} {
		got, err := r.ChangedNames(t.Context(), "HEAD", tc.src)
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, %v", tc.name, got, err)
		}
	}
}

func TestInfoAndBetween(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"sha1", "sha1, packed", "sha256"} { // go-git reads the first two
		object, packed := strings.CutSuffix(format, ", packed")
		f := newFixture(t, "--object-format="+object)
		first := f.commit("the first\n\nwith a body")
		f.git("checkout", "-q", "-b", "side")
		f.write("side.txt", "1\n")
		f.commit("side")
		f.git("checkout", "-q", "main")
		f.write("main.txt", "1\n")
		second := f.commit("second")
		f.git("merge", "-q", "--no-edit", "side")
		merge := f.git("rev-parse", "HEAD")
		if packed {
			f.git("gc", "-q")
		}
		r := f.open()
		info, err := r.Info(t.Context(), "HEAD")
		if err != nil || info.Hash != merge || info.Tree != f.git("rev-parse", "HEAD^{tree}") || len(info.Parents) != 2 || info.Author != "A" {
			t.Errorf("%s: %+v, %v", format, info, err)
		}
		if info, err := r.Info(t.Context(), first); err != nil || info.Subject != "the first" || len(info.Parents) != 0 {
			t.Errorf("%s: %+v, %v", format, info, err)
		}
		if got, err := r.Between(t.Context(), first, "HEAD"); err != nil || !slices.Equal(got, []string{second, merge}) {
			t.Errorf("%s: %v, %v", format, got, err)
		}
		if _, err := r.Info(t.Context(), "nowhere"); err == nil {
			t.Errorf("%s: found a missing revision", format)
		}
	}
}
