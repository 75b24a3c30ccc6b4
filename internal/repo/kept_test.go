package repo

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// exported calls do with the tree of src in the kept workspace, and then closes the workspace.
func exported(t *testing.T, r *Repo, src Source, do func(w *Workspace)) {
	t.Helper()
	w, err := r.Exported(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	do(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// A refreshed tree is the same as a new export, whatever tree came before and whatever tests left
// behind.
func TestExportedIsAsExport(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		random := rand.New(rand.NewPCG(7, 7))
		names := []string{"a", "b/x", "b/y", "c", "c.go", "d/e/f", "b", "d"}
		pick := func() string { return names[random.IntN(len(names))] }
		for n := range 12 {
			switch name := pick(); random.IntN(4) {
			case 0:
				f.git("rm", "-rqf", "--ignore-unmatch", "--", name)
			case 1:
				f.git("rm", "-rqf", "--ignore-unmatch", "--", name)
				makeRoom(t, f, name)
				if err := os.Symlink("nowhere", filepath.Join(f.dir, name)); err != nil {
					t.Fatal(err)
				}
			default:
				f.git("rm", "-rqf", "--ignore-unmatch", "--", name)
				makeRoom(t, f, name)
				f.write(name, fmt.Sprint("content ", random.IntN(3)))
			}
			src := WorkTree()
			switch random.IntN(3) {
			case 0:
				f.git("add", "-A")
				src = Index("")
			case 1:
				f.commit(fmt.Sprint(n))
				src = Commit("HEAD")
			}
			r := f.open()
			dir := t.TempDir()
			if _, err := r.Export(t.Context(), src, dir); err != nil {
				t.Fatal(err)
			}
			exported(t, r, src, func(w *Workspace) {
				if d := cmp.Diff(snapshot(t, dir, ".git"), snapshot(t, w.Dir, ".git")); d != "" {
					t.Fatalf("step %d, %v:\n%s", n, src, d)
				}
				if d := cmp.Diff(times(t, dir), times(t, w.Dir)); d != "" {
					t.Fatalf("step %d, %v: times\n%s", n, src, d)
				}
				mess(t, w.Dir, pick(), random.IntN(9))
			})
		}
	})
}

// times returns the modes and modification times of everything in a directory.
func times(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		rel, _ := filepath.Rel(dir, name)
		if err == nil && rel != "." {
			out[rel] = info.Mode().String() + " " + info.ModTime().String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// makeRoom removes what conflicts with a new file.
func makeRoom(t *testing.T, f *fixture, name string) {
	t.Helper()
	for up := filepath.Dir(name); up != "."; up = filepath.Dir(up) {
		if info, err := os.Lstat(filepath.Join(f.dir, up)); err == nil && !info.IsDir() {
			if err := os.Remove(filepath.Join(f.dir, up)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.RemoveAll(filepath.Join(f.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// mess leaves files in a workspace like tests.
func mess(t *testing.T, dir, name string, kind int) {
	t.Helper()
	file := filepath.Join(dir, name)
	var err error
	switch kind {
	case 0:
		_ = os.RemoveAll(file)
	case 1: // same size, same time
		info, statErr := os.Stat(file)
		if statErr != nil || info.IsDir() {
			return
		}
		if err = os.WriteFile(file, make([]byte, info.Size()), 0o644); err == nil {
			err = os.Chtimes(file, info.ModTime(), info.ModTime())
		}
	case 2:
		err = os.MkdirAll(filepath.Join(dir, ".git", "objects"), 0o755)
	case 3:
		if err = os.RemoveAll(file); err == nil {
			err = os.MkdirAll(filepath.Join(file, "deep"), 0o500)
		}
	case 4:
		if err = os.RemoveAll(file); err == nil {
			err = os.Symlink(os.TempDir(), file)
		}
	case 5:
		err = os.WriteFile(filepath.Join(filepath.Dir(dir)+keptSuffix, "index.lock"), nil, 0o600)
	case 6:
		err = os.WriteFile(filepath.Join(filepath.Dir(dir)+keptSuffix, "manifest"), []byte("rubbish"), 0o600)
	case 7:
		_ = os.Chmod(file, 0) // also of a directory
	case 8:
		_ = os.Chtimes(filepath.Dir(file), time.Now(), time.Now())
	}
	if err != nil && kind != 1 && kind != 3 && kind != 4 { // those need a directory that may not exist
		t.Fatal(err)
	}
}

func TestExportedWritesOnlyChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("same", "same\n")
	f.write("changed", "one\n")
	f.commit("one")
	r := f.open()
	long := time.Now().Add(-time.Hour)
	dir := ""
	exported(t, r, Commit("HEAD"), func(w *Workspace) { dir = w.Dir })
	before, err := os.Stat(filepath.Join(dir, "same"))
	if err != nil {
		t.Fatal(err)
	}
	f.write("changed", "two\n")
	f.git("add", "-A")
	exported(t, r, Index(""), func(w *Workspace) {
		if w.Dir != dir {
			t.Errorf("first in %s, then in %s", dir, w.Dir)
		}
		after, err := os.Stat(filepath.Join(dir, "same"))
		if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
			t.Error("an unchanged file was written")
		}
		other, err := r.Exported(t.Context(), Index(""))
		if err != nil {
			t.Fatal(err)
		}
		if other.Dir == w.Dir {
			t.Error("two runs have the same directory")
		}
		if d := cmp.Diff(snapshot(t, w.Dir, ".git"), snapshot(t, other.Dir, ".git")); d != "" {
			t.Error(d)
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(other.Dir); !os.IsNotExist(err) {
			t.Error("the second workspace was kept")
		}
	})

	// Attributes decide what git writes for a blob.
	f.write(".gitattributes", "same text eol=crlf\n")
	f.git("add", "-A")
	exported(t, r, Index(""), func(w *Workspace) {
		if got := snapshot(t, w.Dir)["same"]; got != "same\r\n" {
			t.Errorf("with other attributes: %q", got)
		}
	})
	// Trees that nobody uses any more are removed.
	exported(t, r, Index(""), func(*Workspace) {})
	outer := filepath.Dir(dir)
	if err := os.Chtimes(outer+lockSuffix, long.Add(-keepFor), long.Add(-keepFor)); err != nil {
		t.Fatal(err)
	}
	// A child process of a parallel test may have the lock until it has become git.
	var left map[string]string
	for range 100 {
		sweepOld(t.Context(), filepath.Dir(outer))
		if left = snapshot(t, filepath.Dir(outer)); len(left) == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("left: %v", left)
}

// An edit that leaves size and modification time as they were is exported, also if it comes right
// after an export.
func TestExportedSeesEveryEdit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("old", "0\n")
	f.write("new", "0\n")
	f.commit("one")
	r := f.open()
	time.Sleep(2100 * time.Millisecond) // until a manifest can rely on the stamp of "old"
	for n := range 20 {
		text := fmt.Sprintf("%x\n", n%16)
		edit := []string{"new", "old"}[n%2]
		file := filepath.Join(f.dir, edit)
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		f.write(edit, text)
		if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		exported(t, r, WorkTree(), func(w *Workspace) {
			if got := snapshot(t, w.Dir)[edit]; got != text {
				t.Errorf("step %d: %s is %q, want %q", n, edit, got, text)
			}
		})
	}
}

// The same content is the same file, with the same time, whatever the source and the run.
func TestExportedOfEachSource(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		odd(f)
		f.write("deep/er/file", "f\n")
		f.commit("one")
		r := f.open()
		var dir string
		var first map[string]string
		for _, src := range []Source{WorkTree(), Index(""), Commit("HEAD"), WorkTree()} {
			exported(t, r, src, func(w *Workspace) {
				got := times(t, w.Dir)
				for name := range got {
					if info, err := os.Lstat(filepath.Join(w.Dir, name)); err != nil || time.Since(info.ModTime()) < time.Hour {
						t.Errorf("%v: %s is new, so go test would not cache results that depend on it: %v", src, name, err)
					}
				}
				if dir == "" {
					dir, first = w.Dir, got
				}
				if d := cmp.Diff(first, got); d != "" || w.Dir != dir {
					t.Errorf("%v in %s instead of %s:\n%s", src, w.Dir, dir, d)
				}
				if err := os.WriteFile(filepath.Join(w.Dir, "deep", "left"), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			})
		}
	})
}
