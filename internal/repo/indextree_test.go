package repo

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

// If the tree cache has the hash, it is the one that git computes.
func TestIndexTree(t *testing.T) {
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
			f.git("add", "-N", "intended") // makes an extended entry
			f.git("reset", "-q", "--", "intended")
			r := f.open()
			index := filepath.Join(r.gitDir, "index")
			if hash, ok := r.Folders().IndexTree(index); ok {
				t.Errorf("version %s: an outdated cache returns %s", version, hash)
			}
			want := f.git("write-tree") // updates the cache
			f.git("read-tree", want)
			hash, ok := r.Folders().IndexTree(index)
			if !ok || hash != want {
				t.Errorf("version %s: %q, %v; want %s", version, hash, ok, want)
			}
			if got, err := r.IndexTree(t.Context(), Index("")); err != nil || got != want {
				t.Errorf("version %s: %q, %v", version, got, err)
			}
			f.git("commit", "-q", "--allow-empty", "-m", version)
		}
	})
}

// Changed returns what git does, whatever kind of entry becomes another.
func TestChangedWithoutGit(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		random := rand.New(rand.NewPCG(3, 3))
		names := []string{"a", "b/x", "b/y", "c", "c.go", "d/e/f", "b", "d", "README.md"}
		known := 0
		f.commit("begin")
		for n := range 25 {
			for range 1 + random.IntN(2) {
				name := names[random.IntN(len(names))]
				f.git("rm", "-rqf", "--ignore-unmatch", "--", name)
				makeRoom(t, f, name)
				if random.IntN(3) > 0 {
					f.write(name, fmt.Sprint("content ", random.IntN(3)))
				}
			}
			f.git("add", "-A")
			r := f.open()
			tree := f.git("write-tree")
			want, err := r.ChangedNames(t.Context(), "HEAD", Index(""))
			if err != nil {
				t.Fatal(err)
			}
			got, ok := r.Folders().Changed(tree)
			if ok {
				known++
			}
			slices.Sort(got)
			slices.Sort(want)
			if ok && !slices.Equal(got, want) {
				t.Fatalf("step %d: %v, git says %v", n, got, want)
			}
			if random.IntN(2) == 0 {
				f.commit(fmt.Sprint(n))
			}
		}
		if known < 20 {
			t.Errorf("only %d of 25 had an answer", known)
		}
		f.git("gc", "-q")
		if got, ok := f.open().Folders().Changed(f.git("rev-parse", "HEAD~1^{tree}")); ok {
			t.Errorf("from a pack: %v", got)
		}
	})
}
