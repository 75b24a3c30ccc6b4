package repo

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Where the cache of trees knows, it knows what git would say.
func TestCachedTree(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		f.commit("begin")
		for _, version := range []string{"2", "3", "4"} {
			f.git("update-index", "--index-version", version)
			for i := range 140 { // names of every length
				f.write(fmt.Sprintf("dir%d/%0*d", i%3, i+1, i), version)
			}
			f.git("add", "-A")
			f.git("rm", "-q", "--cached", "dir0/0")
			f.write("intended", "x\n")
			f.git("add", "-N", "intended") // is an extended entry
			f.git("reset", "-q", "--", "intended")
			index := filepath.Join(f.git("rev-parse", "--path-format=absolute", "--git-dir"), "index")
			size := len(f.git("rev-parse", "HEAD")) / 2
			if hash, ok := cachedTree(index, size); ok {
				t.Errorf("version %s: a cache that is out of date says %s", version, hash)
			}
			want := f.git("write-tree") // brings it up to date
			f.git("read-tree", want)
			hash, ok := cachedTree(index, size)
			if !ok || hash != want {
				t.Errorf("version %s: %q, %v; want %s", version, hash, ok, want)
			}
			r := f.open()
			if got, err := r.IndexTree(t.Context(), Index("")); err != nil || got != want {
				t.Errorf("version %s: %q, %v", version, got, err)
			}
			f.git("commit", "-q", "--allow-empty", "-m", version)
		}
	})
}

// An index of another form, or rubbish, is git's to read.
func TestCachedTreeDoubts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("a", "a\n")
	f.commit("one")
	f.git("update-index", "--split-index")
	index := filepath.Join(f.dir, ".git", "index")
	if hash, ok := cachedTree(index, 20); ok && hash != f.git("write-tree") {
		t.Errorf("a split index: %s", hash)
	}
	f.git("update-index", "--no-split-index")
	f.git("read-tree", "HEAD")
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
				t.Errorf("hash %q", hash)
			}
		}
	})
}
