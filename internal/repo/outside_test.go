package repo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// files writes files, and links (a content that begins with "-> "), below a directory.
func files(t *testing.T, dir string, tree map[string]string) {
	t.Helper()
	for name, content := range tree {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, file)
		} else {
			err = os.WriteFile(file, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file, content string
		want                string // the path, "" for none
		levels              int
	}{
		{"replace", "go.mod", "module m\nreplace example.com/lib => ../lib\n", "../lib", 1},
		{"quoted replace", "go.mod", "replace example.com/lib => \"../lib\"\n", "../lib", 1},
		{"replace by an absolute path", "go.mod", "replace example.com/lib => $ABOVE/lib // here\n", "$ABOVE/lib", 0},
		{"nested module", "a/go.mod", "replace example.com/lib => ../../lib\n", "../lib", 1},
		{"nested module that stays inside", "a/go.mod", "replace example.com/lib => ../lib\n", "", 0},
		{"higher up", "go.mod", "replace example.com/lib => ../../x/lib\n", "../../x/lib", 2},
		{"out and in again", "go.mod", "replace example.com/lib => ../m/lib\n", "", 0},
		{"missing", "go.mod", "replace example.com/lib => ../none\n", "", 0},
		{"go.work", "go.work", "use (\n\t.\n\t../lib\n)\n", "../lib", 1},
		{"the directory above", "go.work", "use ..\n", "..", 1},
		{"package.json", "package.json", `{"dependencies": {"lib": "file:../lib"}}`, "../lib", 1},
		{"tsconfig", "a/tsconfig.json", `{"extends": "../../lib/tsconfig.json"}`, "../lib/tsconfig.json", 1},
		{"requirements", "requirements-dev.txt", "-e ../lib\n", "../lib", 1},
		{"requirement with extras", "requirements.txt", "-e ../lib[extra]\n", "../lib", 1},
		{"pyproject", "pyproject.toml", "lib = { path = \"../lib\" }\n", "../lib", 1},
		{"Cargo", "a/Cargo.toml", "lib = { path = \"../../lib\" }\n", "../lib", 1},
		{"flag", "Makefile", "cc -I../lib x.c\n", "../lib", 1},
		{"dot first", "Makefile", "include ./../lib/tsconfig.json\n", "../lib/tsconfig.json", 1},
		{"patterns", "Makefile", "go test ./... && echo done...\n", "", 0},
		{"the end of another path", "Makefile", "cat a/../lib $(ROOT)/../lib\n", "", 0},
		{"other files", "README.md", "[lib](../lib)\n", "", 0},
		{"link", "a/link", "-> ../../lib/go.mod", "../lib/go.mod", 1},
		{"absolute link", "link", "-> $ABOVE/lib", "$ABOVE/lib", 0},
		{"link inside", "a/link", "-> ../go.mod", "", 0},
		{"link to nothing", "a/link", "-> ../../none", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			above := filepath.Join(top, "above")
			root := filepath.Join(above, "m")
			content := strings.ReplaceAll(tt.content, "$ABOVE", above)
			files(t, top, map[string]string{"above/lib/go.mod": "module lib\n", "above/lib/tsconfig.json": "{}", "x/lib/go.mod": "module x\n", "above/m/lib/x": "", "above/m/" + tt.file: content})
			list := []entry{{path: tt.file}}
			if strings.HasPrefix(tt.content, "-> ") {
				list[0].mode = linkMode
			}
			got := references(root, root, list, "")
			var want []reference
			if tt.want != "" {
				want = []reference{{tt.file, strings.ReplaceAll(tt.want, "$ABOVE", above)}}
			}
			if d := cmp.Diff(want, got, cmp.AllowUnexported(reference{})); d != "" {
				t.Fatal(d)
			}
			if len(got) > 0 && got[0].levels() != tt.levels {
				t.Errorf("%d levels, want %d", got[0].levels(), tt.levels)
			}
		})
	}
}

// The go.work that the go command finds from the root counts, and GOWORK overrides it.
func TestReferencesGoWork(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	root := filepath.Join(top, "b", "m")
	files(t, top, map[string]string{
		"go.work": "use (\n\t./b/m\n\t./c\n\t../none\n)\n", "c/go.mod": "module c\n", "b/m/go.mod": "module m\n", "b/other.work": "use ./m\n",
	})
	tree := []entry{{path: "go.mod"}}
	for _, tt := range []struct {
		variable string
		files    []entry
		want     []reference
	}{
		{"", tree, []reference{{"../../go.work", "../../c"}, {"go.work", "../../go.work"}}},
		{"off", tree, nil},
		{filepath.Join(top, "b", "other.work"), tree, []reference{{"go.work", "../other.work"}}},
		{filepath.Join(root, "own.work"), tree, nil},
		{"", []entry{{path: "package.json"}}, nil},
	} {
		got := references(root, root, tt.files, tt.variable)
		if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(reference{})); d != "" {
			t.Errorf("GOWORK=%s:\n%s", tt.variable, d)
		}
	}
}

// An export stands among links to the neighbors of the repository, however far up the tree refers,
// and tests that write there change nothing that stays.
func TestExportedAmongNeighbors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	above := filepath.Dir(f.dir)
	files(t, above, map[string]string{"lib/v": "1", ".git/HEAD": "rubbish"})
	f.write("go.mod", "module m\n")
	f.commit("one")
	r := f.open()
	read := func(w *Workspace, name string) string {
		b, err := os.ReadFile(filepath.Join(w.Dir, filepath.FromSlash(name)))
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	for _, src := range []Source{Index(""), WorkTree(), Commit("HEAD")} {
		exported(t, r, src, func(w *Workspace) {
			if filepath.Base(w.Dir) != filepath.Base(f.dir) {
				t.Errorf("%v: in %s", src, w.Dir)
			}
			if got := read(w, "../lib/v"); got != "1" || len(w.Outside()) != 0 {
				t.Errorf("%v: %q, outside %v", src, got, w.Outside())
			}
			if exists(filepath.Join(w.Dir, "../.git")) {
				t.Errorf("%v: a repository around", src)
			}
			files(t, filepath.Dir(w.Dir), map[string]string{"left/by/test": ""})
			if err := os.Remove(filepath.Join(w.Dir, "../lib")); err != nil {
				t.Error(err)
			}
		})
	}
	if err := os.Rename(filepath.Join(above, "lib"), filepath.Join(above, "lib2")); err != nil {
		t.Fatal(err)
	}
	exported(t, r, Index(""), func(w *Workspace) {
		around := filepath.Dir(w.Dir)
		if !exists(filepath.Join(around, "lib2")) || exists(filepath.Join(around, "lib")) || exists(filepath.Join(around, "left")) {
			t.Error("the neighbors of another time")
		}
	})
	// The tree begins to refer to a directory further up.
	two := filepath.Base(filepath.Dir(above))
	f.write("go.mod", "module m\nreplace a => ../../"+filepath.Base(above)+"/lib2\n")
	f.git("add", "-A")
	for range 2 {
		exported(t, r, Index(""), func(w *Workspace) {
			if got := read(w, "../../"+filepath.Base(above)+"/lib2/v"); got != "1" || !strings.Contains(strings.Join(w.Outside(), " "), "lib2 (go.mod)") {
				t.Errorf("%q, outside %v, below %s", got, w.Outside(), two)
			}
			if got := w.Original(f.dir, filepath.Join(w.Dir, "a")+" "+filepath.Join(w.Dir, "..", "lib2")); got != filepath.Join(f.dir, "a")+" "+filepath.Join(above, "lib2") {
				t.Error(got)
			}
		})
	}
}

// In a directory with very many entries, only those that the tree refers to are linked.
func TestExportedAmongMany(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	above := filepath.Dir(f.dir)
	many := map[string]string{"lib/v": "1"}
	for n := range maxNeighbors {
		many[filepath.Join("many", string(rune('a'+n%26)), "x")] = ""
		many["n"+strings.Repeat("x", n%200)+string(rune('a'+n/200))] = ""
	}
	files(t, above, many)
	f.write("go.mod", "module m\nreplace lib => ../lib\n")
	f.git("add", "-A")
	exported(t, f.open(), Index(""), func(w *Workspace) {
		entries, err := os.ReadDir(filepath.Dir(w.Dir))
		if err != nil || len(entries) != 2 || !exists(filepath.Join(w.Dir, "../lib/v")) {
			t.Errorf("%d entries, %v", len(entries), err)
		}
	})
}

func TestWorkspaceEnviron(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	root := filepath.Join(top, "src", "m")
	w := &Workspace{outer: filepath.Join(top, "w")}
	w.place(root, 2)
	files(t, w.Dir, map[string]string{"lib/x": "", "go.work": ""})
	files(t, w.outer, map[string]string{"src/go.work": ""})
	for _, tt := range []struct{ variable, want string }{
		{"PYTHONPATH=ROOT/lib", "PYTHONPATH=DIR/lib"},
		{"PYTHONPATH=/a:ROOT/lib:ROOT/build:ROOT", "PYTHONPATH=/a:DIR/lib:ROOT/build:DIR"},
		{"CGO_CFLAGS=-O2 -IROOT/lib", "CGO_CFLAGS=-O2 -IDIR/lib"},
		{"GOFLAGS=-modfile=ROOT/lib/x", "GOFLAGS=-modfile=DIR/lib/x"},
		{"GOCACHE=ROOT/.cache", "GOCACHE=ROOT/.cache"},
		{"OTHER=ROOTS/lib", "OTHER=ROOTS/lib"},
		{"OTHER=/mntROOT/lib", "OTHER=/mntROOT/lib"},
		{"GOWORK=ROOT/../go.work", "GOWORK=DIR/../go.work"},
		{"GOWORK=ROOT/go.work", "GOWORK=DIR/go.work"},
		{"GOWORK=off", "GOWORK=off"},
		{"NONE", "NONE"},
	} {
		in := strings.ReplaceAll(tt.variable, "ROOT", root)
		want := strings.ReplaceAll(strings.ReplaceAll(tt.want, "ROOT", root), "DIR", w.Dir)
		if got := w.Environ(root, []string{in}); filepath.Clean(got[0]) != filepath.Clean(want) {
			t.Errorf("%s: got %s, want %s", tt.variable, got[0], want)
		}
	}
}
