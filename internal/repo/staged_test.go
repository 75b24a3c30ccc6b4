package repo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	stagedBefore = "package m\n\n// F is f.\nfunc F() int { return 1 }\n\n// G is g.\n\n\nfunc G() {}\n"
	stagedAfter  = "package m\n\n// F is f.\nfunc F() int { return 2 }\n\n// G is g.\n\n\nfunc G() {}\n"
)

// stagedFixture returns a repository with a staged edit and, below it, an unstaged one.
func stagedFixture(t *testing.T) (*fixture, *Repo, string) {
	t.Helper()
	f := newFixture(t)
	f.write("m.go", "package m\n")
	f.write("other.go", "package m\n")
	f.commit("begin")
	f.write("m.go", stagedBefore)
	f.git("add", "m.go")
	f.write("m.go", stagedBefore+"\n// Not to be committed.\n")
	f.write("other.go", "package m // edited\n")
	f.git("add", "--intent-to-add", ".")
	f.write("untracked", "u\n")
	r := f.open()
	tree, err := r.TreeHash(t.Context(), Index(""))
	if err != nil {
		t.Fatal(err)
	}
	return f, r, tree
}

func stagedChange() []Change {
	return []Change{{Path: "m.go", Old: []byte(stagedBefore), New: []byte(stagedAfter), OldExists: true, NewExists: true}}
}

// stagedState returns what the index and the working tree have of the file: "old", "new" or other.
func stagedState(t *testing.T, f *fixture) string {
	t.Helper()
	work, err := os.ReadFile(filepath.Join(f.dir, "m.go"))
	if err != nil {
		t.Fatal(err)
	}
	rest := "\n// Not to be committed.\n"
	switch index := f.git("show", ":m.go") + "\n"; {
	case index == stagedBefore && string(work) == stagedBefore+rest:
		return "old"
	case index == stagedAfter && string(work) == stagedAfter+rest:
		return "new"
	default:
		return "index " + index + "\nworking tree " + string(work)
	}
}

func TestWriteStaged(t *testing.T) {
	t.Parallel()
	f, r, tree := stagedFixture(t)
	after, err := r.WriteStaged(t.Context(), Index(""), tree, stagedChange(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if now, err := r.TreeHash(t.Context(), Index("")); err != nil || now != after || now == tree {
		t.Errorf("the index has %s, %v; WriteStaged returned %s", now, err, after)
	}
	if got := stagedState(t, f); got != "new" {
		t.Error(got)
	}
	if got := f.git("diff", "--cached", "--name-only"); got != "m.go" {
		t.Errorf("staged: %q", got)
	}
	if got := f.git("diff", "--name-only"); got != "m.go\nother.go" {
		t.Errorf("not staged: %q", got)
	}
}

func TestWriteStagedRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(f *fixture)
		source  func(f *fixture) Source
		want    error
	}{
		"index changed": {prepare: func(f *fixture) { f.git("add", "other.go") }, want: ErrEdited},
		"edited in the same place": {prepare: func(f *fixture) {
			f.write("m.go", strings.Replace(stagedBefore, "return 1", "return 3", 1))
		}, want: ErrUnstaged},
		"has it already":           {prepare: func(f *fixture) { f.write("m.go", stagedAfter) }, want: ErrUnstaged},
		"has it among other edits": {prepare: func(f *fixture) { f.write("m.go", "// Edited.\n"+stagedAfter) }, want: ErrUnstaged},
		"deleted":                  {prepare: func(f *fixture) { _ = os.Remove(filepath.Join(f.dir, "m.go")) }, want: ErrEdited},
		"index locked":             {prepare: func(f *fixture) { f.write(".git/index.lock", "") }},
		"commit of a path": {source: func(f *fixture) Source {
			name := filepath.Join(f.dir, ".git", "next-index-1.lock")
			if err := f.open().CopyIndex(Index(""), name); err != nil {
				f.t.Fatal(err)
			}
			return Index(name)
		}, want: ErrPartial},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, r, tree := stagedFixture(t)
			if test.prepare != nil {
				test.prepare(f)
			}
			source := Index("")
			if test.source != nil {
				source = test.source(f)
			}
			work, _ := os.ReadFile(filepath.Join(f.dir, "m.go"))
			_, err := r.WriteStaged(t.Context(), source, tree, stagedChange(), nil)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("error is %v", err)
			}
			_ = os.Remove(filepath.Join(f.dir, ".git", "index.lock"))
			if now, _ := os.ReadFile(filepath.Join(f.dir, "m.go")); string(now) != string(work) {
				t.Errorf("the working tree was written: %q", now)
			}
			if index := f.git("show", ":m.go") + "\n"; index != stagedBefore {
				t.Errorf("the index was written: %q", index)
			}
		})
	}
}

func TestWriteStagedChecksEditable(t *testing.T) {
	t.Parallel()
	f, r, tree := stagedFixture(t)
	editable := func(name string) (bool, string) { return name != "m.go", "it is m.go" }
	objects := f.git("count-objects")
	if _, err := r.WriteStaged(t.Context(), Index(""), tree, stagedChange(), editable); !errors.Is(err, ErrProtected) {
		t.Error(err)
	}
	if got := stagedState(t, f); got != "old" {
		t.Error(got)
	}
	if now := f.git("count-objects"); now != objects {
		t.Errorf("blobs were written: %s, then %s", objects, now)
	}
}

// TestPointersAreProtected checks that what Git LFS keeps in place of a file is not edited, unless a
// user says so.
func TestPointersAreProtected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n"
	f.write("data.json", pointer)
	change := []Change{{Path: "data.json", Old: []byte(pointer), New: []byte(pointer + "x\n"), OldExists: true, NewExists: true}}
	anything := func(string) (bool, string) { return true, "" }
	r := f.open()
	if err := r.Write(t.Context(), change, anything); !errors.Is(err, ErrProtected) || !strings.Contains(err.Error(), "data.json") {
		t.Errorf("got %v", err)
	}
	if err := r.Write(t.Context(), change, nil); err != nil {
		t.Error(err)
	}
}

// `git commit -a` has an index that is removed if the commit fails. The write is then either
// complete or undone by the next recovery.
func TestStagedCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	for nth := 0; ; nth++ {
		f, r, tree := stagedFixture(t)
		crashed := crashing(&r.Tree, nth, func() error {
			_, err := r.WriteStaged(t.Context(), Index(""), tree, stagedChange(), nil)
			return err
		})
		if err := f.open().Recover(context.Background()); err != nil {
			t.Fatal(err)
		}
		got := stagedState(t, f)
		if !crashed {
			if got != "new" || nth < 5 {
				t.Errorf("after %d steps: %s", nth, got)
			}
			return
		}
		if got != "old" && got != "new" {
			t.Errorf("after a crash at step %d: %s", nth, got)
		}
	}
}

func TestStagedIndexGone(t *testing.T) {
	t.Parallel()
	f, r, tree := stagedFixture(t)
	lock := filepath.Join(f.dir, ".git", "index.lock")
	if err := r.CopyIndex(Index(""), lock); err != nil {
		t.Fatal(err)
	}
	r.step = func(name string) error {
		if name == "close" {
			panic("crash")
		}
		return nil
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = r.WriteStaged(t.Context(), Index(lock), tree, stagedChange(), nil)
		t.Error("no crash")
	}()
	if err := os.Remove(lock); err != nil { // like git if the hook dies
		t.Fatal(err)
	}
	if err := f.open().Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := stagedState(t, f); got != "old" {
		t.Error(got)
	}
}
