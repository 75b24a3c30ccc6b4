package gitdir

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.com"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// An index of another form, or garbage, is left to git.
func TestCachedTreeLeavesOddIndexesToGit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "one")
	git(t, dir, "update-index", "--split-index")
	index := filepath.Join(dir, ".git", "index")
	if hash, ok := cachedTree(index, 20); ok && hash != git(t, dir, "write-tree") {
		t.Errorf("a split index: %s", hash)
	}
	git(t, dir, "update-index", "--no-split-index")
	git(t, dir, "read-tree", "HEAD")
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "index")
	for n := range len(whole) {
		if err := os.WriteFile(cut, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		cachedTree(cut, 20) // must not panic
		cachedTree(cut, 32)
	}
}

func FuzzCachedTree(f *testing.F) {
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x00TREE\x00\x00\x00\x19\x000 0\n01234567890123456789"))
	f.Add([]byte("DIRC\x00\x00\x00\x04\x00\x00\x00\x01"))
	name := filepath.Join(f.TempDir(), "index")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{20, 32} {
			if hash, ok := cachedTree(name, size); ok && len(hash) != 2*size {
				t.Errorf("got hash %q", hash)
			}
		}
	})
}
