package repo

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Carried files are in exports of every source as they are in the working tree now, and what is in
// the tree is as the tree has it.
func TestCarry(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(".gitignore", "dist/*\n!dist/tracked\nnode_modules\n")
	f.write("dist/tracked", "committed")
	f.commit("one")
	files(t, f.dir, map[string]string{
		"dist/app.js": "one", "dist/deep/x": "x", "dist/link": "-> app.js", "p/a/node_modules/m": "m", "other": "not carried", "dist/.git/HEAD": "ref: refs/heads/x\n",
	})
	f.write("dist/tracked", "changed")
	r := f.open()
	r.Carry([]string{"dist", "p/*/node_modules/", "none"})
	if got := r.Uncarried(); !slices.Equal(got, []string{"none"}) {
		t.Errorf("matches nothing: %v", got)
	}
	carried := map[string]string{"dist/app.js": "one", "dist/deep/x": "x", "dist/link": "-> app.js", "p/a/node_modules/m": "m"}
	check := func(src Source) {
		t.Helper()
		exported(t, r, src, func(w *Workspace) {
			got := snapshot(t, w.Dir)
			for name, want := range carried {
				if target, err := os.Readlink(filepath.Join(w.Dir, name)); err == nil {
					got[name] = "-> " + target
				}
				if got[name] != want {
					t.Errorf("%v: %s is %q, want %q", src, name, got[name], want)
				}
			}
			for _, absent := range []string{"dist/.git/HEAD", "dist/.git"} {
				if _, there := got[absent]; there {
					t.Errorf("%v has %s", src, absent)
				}
			}
			if want := map[Source]string{Commit("HEAD"): "committed", WorkTree(): "changed"}[src]; got["dist/tracked"] != want {
				t.Errorf("%v: the tracked file is %q, want %q", src, got["dist/tracked"], want)
			}
			// A test damages its copies.
			files(t, w.Dir, map[string]string{"dist/made": "by a test"})
			if err := os.WriteFile(filepath.Join(w.Dir, "dist/app.js"), []byte("two"), 0o644); err != nil {
				t.Error(err)
			}
		})
	}
	check(Commit("HEAD"))
	check(Commit("HEAD"))
	check(WorkTree())
	if b, err := os.ReadFile(filepath.Join(f.dir, "dist/app.js")); err != nil || string(b) != "one" {
		t.Errorf("the original is %q, %v", b, err)
	}
	f.write("dist/app.js", "three")
	carried["dist/app.js"] = "three"
	check(Commit("HEAD"))
	if err := os.RemoveAll(filepath.Join(f.dir, "p")); err != nil {
		t.Fatal(err)
	}
	exported(t, r, Commit("HEAD"), func(w *Workspace) {
		if exists(filepath.Join(w.Dir, "p")) {
			t.Error("a carried file that is gone is still there")
		}
	})
}

func TestIgnoredAndLent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(".gitignore", "dist\n*.gen.go\n")
	f.write("a/x.go", "package a\n")
	f.commit("one")
	files(t, f.dir, map[string]string{"web/dist/a": "a", "web/dist/b/c": "c", "a/y.gen.go": "y", "a/new.go": "not ignored"})
	r := f.open()
	names, tops, err := r.Ignored(t.Context(), []string{"web/dist", "a", "a/x.go", "none", "../outside", "[", "w*/dist"})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if d := cmp.Diff([]string{"a/y.gen.go", "web/dist/a", "web/dist/b/c"}, names); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a/y.gen.go", "web/dist"}, slices.Sorted(slices.Values(tops))); d != "" {
		t.Error(d)
	}
	exported(t, r, Commit("HEAD"), func(w *Workspace) {
		before := snapshot(t, w.Dir)
		take, err := r.Lend(t.Context(), w, names)
		if err != nil {
			t.Fatal(err)
		}
		if got := snapshot(t, w.Dir)["web/dist/b/c"]; got != "c" {
			t.Errorf("%q", got)
		}
		if err := take(); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(before, snapshot(t, w.Dir)); d != "" {
			t.Error(d)
		}
	})
}
