package compile

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// module writes a txtar archive to a directory and returns the problem of repairing it.
// Files under base/ are the state before the change, and every directory with Go files is
// a package that does not compile.
func module(t *testing.T, archive *txtar.Archive) *propose.Problem {
	t.Helper()
	root := t.TempDir()
	now, base := make(map[string][]byte), make(map[string][]byte)
	for _, f := range archive.Files {
		if name, old := strings.CutPrefix(f.Name, "base/"); old {
			base[name] = f.Data
		} else {
			now[f.Name] = f.Data
		}
	}
	if now["go.mod"] == nil {
		now["go.mod"] = []byte("module example.com/m\n\ngo 1.26\n")
	}
	p := &propose.Problem{
		Tree:     &propose.Tree{Root: root},
		Editable: func(file string) bool { return !strings.HasSuffix(file, "_test.go") },
	}
	dirs := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(now)) {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, now[name], 0o644); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".go") {
			dirs[path.Dir(name)] = true
		}
		if old, ok := base[name]; ok {
			p.Changes = append(p.Changes, patch.Diff(name, name, old, now[name]))
			delete(base, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(base)) {
		p.Changes = append(p.Changes, patch.Diff(name, "", base[name], nil))
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		p.Failures = append(p.Failures, testrun.Failure{
			TestID: testrun.TestID{Package: path.Join("example.com/m", dir)}, Kind: testrun.Compile,
		})
	}
	return p
}

// ranked returns the candidates of all strategies of this package, the likeliest first.
func ranked(t *testing.T, p *propose.Problem) []propose.Candidate {
	t.Helper()
	cands, errs := propose.Generate(context.Background(), p, append(slices.Clone(Strategies), Imports))
	for _, err := range errs {
		t.Error(err)
	}
	slices.SortStableFunc(cands, func(a, b propose.Candidate) int { return cmp.Compare(b.Prior, a.Prior) })
	return cands
}

// result returns the changed files of a candidate as an archive.
func result(t *testing.T, p *propose.Problem, c *propose.Candidate) string {
	t.Helper()
	files, err := c.Files(p.Tree)
	if err != nil {
		t.Fatal(err)
	}
	var a txtar.Archive
	for _, name := range slices.Sorted(maps.Keys(files)) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: files[name]})
	}
	return string(txtar.Format(&a))
}

// readCase reads an archive. It returns the files before, and the changed files, which
// are those under want/, in the form that result writes.
func readCase(t *testing.T, name string) (in *txtar.Archive, want string) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	in = &txtar.Archive{Comment: archive.Comment}
	var after txtar.Archive
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "want/"); ok {
			after.Files = append(after.Files, txtar.File{Name: name, Data: f.Data})
		} else {
			in.Files = append(in.Files, f)
		}
	}
	slices.SortFunc(after.Files, func(a, b txtar.File) int { return strings.Compare(a.Name, b.Name) })
	return in, string(txtar.Format(&after))
}

func TestCompile(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 40 {
		t.Fatalf("got %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			in, want := readCase(t, file)
			strategy, _, _ := strings.Cut(string(in.Comment), "\n")
			p := module(t, in)
			cands := ranked(t, p)
			if len(cands) == 0 {
				c, err := compilationOf(context.Background(), p)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range c.base.errs {
					t.Log(e.code, e.msg)
				}
				t.Fatal("no candidate")
			}
			best := &cands[0]
			if diff := gocmp.Diff(want, result(t, p, best)); diff != "" {
				for i, c := range cands[:min(len(cands), 6)] {
					t.Logf("%d. %.3f %s: %s", i+1, c.Prior, c.Strategy, c.Title)
				}
				t.Errorf("%s: %s (-want +got):\n%s", best.Strategy, best.Title, diff)
			}
			if best.Strategy != strategy {
				t.Errorf("got strategy %s, want %s", best.Strategy, strategy)
			}
			if best.Suspicion != 1 || !best.Whole || best.Prior <= 0 || best.Prior > 1 {
				t.Errorf("got suspicion %v, whole %v, prior %v", best.Suspicion, best.Whole, best.Prior)
			}
		})
	}
}
