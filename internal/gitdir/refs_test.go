package gitdir

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
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
		{"[extensions]\nnovel = true\n", false},
		{"[extensions] novel = true\n", false},
		{"[extensions]\nworktreeConfig\n", false},
		{"[extensions]\npartialClone = origin\n", false},
		{"[core]\nrepositoryFormatVersion = 1\n[extensions]\nobjectFormat = sha256\n", false},
		{"[core]\nrepositoryFormatVersion = 1\n[Extensions]\nREFSTORAGE = reftable\n", false},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config"), []byte(tt.config), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := (Dir{GitDir: dir, CommonDir: dir}).Plain(); got != tt.want {
			t.Errorf("%q: got %t", tt.config, got)
		}
	}
	if (Dir{CommonDir: t.TempDir()}).Plain() {
		t.Error("a directory without a configuration is plain")
	}
}

// What is read without git is what git reads, whether refs are loose or packed.
func TestRefs(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	git(t, root, "init", "-q", "-b", "main")
	d := Dir{Root: root, GitDir: filepath.Join(root, ".git"), CommonDir: filepath.Join(root, ".git")}
	if hash, ok := d.Ref("HEAD"); ok {
		t.Errorf("HEAD before the first commit is %s", hash)
	}
	if target, ok := d.Symbolic("HEAD"); !ok || target != "refs/heads/main" {
		t.Errorf("HEAD points to %q, %t", target, ok)
	}
	git(t, root, "commit", "-q", "--allow-empty", "-m", "one")
	first := git(t, root, "rev-parse", "HEAD")
	git(t, root, "branch", "topic/a")
	git(t, root, "commit", "-q", "--allow-empty", "-m", "two")
	second := git(t, root, "rev-parse", "HEAD")
	git(t, root, "update-ref", "refs/remotes/origin/main", first)
	git(t, root, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	for _, packed := range []bool{false, true} {
		if packed {
			git(t, root, "pack-refs", "--all")
		}
		for name, want := range map[string]string{
			"HEAD": second, "refs/heads/main": second, "refs/heads/topic/a": first,
			"refs/remotes/origin/main": first, "refs/remotes/origin/HEAD": first,
			"refs/heads/topic": "", "refs/heads/none": "", "refs/heads/../../HEAD": "", "refs/tags/v1": "", "main": "",
		} {
			if got, ok := d.Ref(name); got != want || ok != (want != "") {
				t.Errorf("packed %t: %s is %q, %t, want %q", packed, name, got, ok, want)
			}
		}
		for name, want := range map[string]string{"HEAD": "refs/heads/main", "refs/remotes/origin/HEAD": "refs/remotes/origin/main", "refs/heads/main": "", "refs/remotes/none/HEAD": ""} {
			if got, ok := d.Symbolic(name); got != want || !ok {
				t.Errorf("packed %t: %s points to %q, %t, want %q", packed, name, got, ok, want)
			}
		}
	}
	git(t, root, "checkout", "-q", "--detach", "HEAD~1")
	if hash, ok := d.Ref("HEAD"); !ok || hash != first {
		t.Errorf("a detached HEAD is %q, %t", hash, ok)
	}
	if target, ok := d.Symbolic("HEAD"); !ok || target != "" {
		t.Errorf("a detached HEAD points to %q, %t", target, ok)
	}
	linked := filepath.Join(t.TempDir(), "linked")
	git(t, root, "worktree", "add", "-q", linked, "main")
	w := Dir{Root: linked, GitDir: filepath.Join(d.GitDir, "worktrees", "linked"), CommonDir: d.CommonDir}
	if hash, ok := w.Ref("HEAD"); !ok || hash != second {
		t.Errorf("HEAD of a linked worktree is %q, %t", hash, ok)
	}
}

func TestCommit(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	git(t, root, "init", "-q", "-b", "main")
	d := Dir{Root: root, GitDir: filepath.Join(root, ".git"), CommonDir: filepath.Join(root, ".git")}
	git(t, root, "commit", "-q", "--allow-empty", "-m", "one")
	git(t, root, "checkout", "-q", "-b", "side")
	git(t, root, "commit", "-q", "--allow-empty", "-m", "two lines,\nof one subject\n\nand a body")
	git(t, root, "checkout", "-q", "main")
	git(t, root, "commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
	git(t, root, "merge", "-q", "--no-edit", "side")
	for _, hash := range strings.Fields(git(t, root, "rev-list", "HEAD")) {
		got, ok := d.Commit(hash)
		fields := strings.Split(git(t, root, "log", "-1", "--format=%T%x00%P%x00%an%x00%s", hash), "\x00")
		if !ok || got.Tree != fields[0] || !slices.Equal(got.Parents, strings.Fields(fields[1])) || got.Author != fields[2] || got.Subject != fields[3] {
			t.Errorf("%+v, %t, want %q", got, ok, fields)
		}
	}
	git(t, root, "-c", "i18n.commitEncoding=latin1", "commit", "-q", "--allow-empty", "-m", "x")
	head := git(t, root, "rev-parse", "HEAD")
	for _, hash := range []string{head, head + "^", "", git(t, root, "rev-parse", "HEAD^{tree}")} {
		if got, ok := d.Commit(hash); ok {
			t.Errorf("%q is %+v", hash, got)
		}
	}
	git(t, root, "gc", "-q")
	if _, ok := d.Commit(git(t, root, "rev-parse", "HEAD~1")); ok {
		t.Error("a packed commit was read")
	}
}
