package propose

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
)

const seven = `
-- base/p.go --
package p

func add(a, b int) int {
	return a + b
}

func sub(a, b int) int {
	return a - b
}

func mul(a, b int) int {
	return a * b
}
-- p.go --
package p

// add adds.
func add(a, b int) int {
	return b + a
}

// sub subtracts.
func sub(a, b int) int {
	return b - a
}

// mul multiplies.
func mul(a, b int) int {
	return b * a
}
-- p_test.go --
package p

import "testing"

func TestSub(t *testing.T) {
	if n := sub(5, 3); n != 2 {
		t.Error(n)
	}
}
`

// changedTree writes a txtar archive into a directory and makes a problem of it: files under
// base/ are what the change started from.
func changedTree(t *testing.T, archive *txtar.Archive) *Problem {
	t.Helper()
	p := &Problem{
		Tree:     &Tree{Root: t.TempDir()},
		Editable: func(file string) bool { return !strings.HasSuffix(file, "_test.go") },
		Emptied:  func(string, []byte) []byte { return []byte("package p\n") },
	}
	base := make(map[string][]byte)
	now := map[string][]byte{"go.mod": []byte("module example.com/m\n\ngo 1.26\n")}
	for _, f := range archive.Files {
		if name, old := strings.CutPrefix(f.Name, "base/"); old {
			base[name] = f.Data
		} else {
			now[f.Name] = f.Data
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		file := filepath.Join(p.Tree.Root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, now[name], 0o644); err != nil {
			t.Fatal(err)
		}
		if old, ok := base[name]; ok {
			p.Changes = append(p.Changes, patch.Diff(name, name, old, now[name]))
			delete(base, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(base)) {
		p.Changes = append(p.Changes, patch.Diff(name, "", base[name], nil))
	}
	return p
}

// written returns the files that a candidate changes as an archive.
func written(t *testing.T, p *Problem, c *Candidate) string {
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

// goTest reports whether the tests of the tree pass with the files over it.
func goTest(p *Problem) func(context.Context, map[string][]byte) (bool, error) {
	return func(ctx context.Context, files map[string][]byte) (bool, error) {
		for name, content := range files {
			file := filepath.Join(p.Tree.Root, filepath.FromSlash(name))
			was, err := os.ReadFile(file)
			if err != nil {
				return false, err
			}
			if err := os.WriteFile(file, content, 0o644); err != nil {
				return false, err
			}
			defer os.WriteFile(file, was, 0o644)
		}
		cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "./...")
		cmd.Dir = p.Tree.Root
		return cmd.Run() == nil, ctx.Err()
	}
}

func TestCulprit(t *testing.T) {
	t.Parallel()
	p := changedTree(t, txtar.Parse([]byte(seven)))
	p.Green = goTest(p)
	p.Suspects = []localize.Suspect{{File: "p.go", Start: 10, End: 10, Score: 0.9}, {File: "p.go", Start: 5, End: 5, Score: 0.5}}
	hunks, minimal, tests, err := Culprit(context.Background(), p)
	if err != nil || !minimal || tests != 1 {
		t.Fatalf("minimal %v, %d tests, %v", minimal, tests, err)
	}
	const want = ` // sub subtracts.
 func sub(a, b int) int {
-	return a - b
+	return b - a
 }
`
	if got := string(patch.Format(hunks)); !strings.Contains(got, want) || strings.Count(got, "\n+") != 2 {
		t.Errorf("culprit:\n%s", got)
	}

	cands, errs := Generate(context.Background(), p, []Strategy{Revert})
	if len(cands) != 1 || len(errs) != 0 {
		t.Fatalf("%v %v", cands, errs)
	}
	c := cands[0]
	if c.Title != "undo the change in p.go:10" || c.Line != 10 || c.Suspicion != 0.9 || c.Removed != 1 || !Revert.LastResort {
		t.Errorf("%+v", c)
	}
	src, _ := p.Tree.Read("p.go")
	if diff := gocmp.Diff("-- p.go --\n"+strings.Replace(string(src), "b - a", "a - b", 1), written(t, p, &c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// scripted stands in for the tests: they pass if a file contains all words.
func scripted(p *Problem, file string, words ...string) func(context.Context, map[string][]byte) (bool, error) {
	return func(_ context.Context, files map[string][]byte) (bool, error) {
		src, ok := files[file]
		if !ok {
			src, _ = p.Tree.Read(file)
		}
		for _, w := range words {
			if !bytes.Contains(src, []byte(w)) {
				return false, nil
			}
		}
		return true, nil
	}
}

func TestCulpritOfSeveralHunks(t *testing.T) {
	t.Parallel()
	p := changedTree(t, txtar.Parse([]byte(seven)))
	p.Green = scripted(p, "p.go", "a + b", "a * b")
	hunks, minimal, _, err := Culprit(context.Background(), p)
	if err != nil || !minimal || len(hunks) != 1 {
		t.Fatalf("%v, minimal %v, %v", hunks, minimal, err)
	}
	got := string(patch.Format(hunks))
	for _, line := range []string{"+\treturn b + a\n", "+\treturn b * a\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing in\n%s", line, got)
		}
	}
	if strings.Contains(got, "+\treturn b - a") {
		t.Errorf("a wrong line in\n%s", got)
	}
}

func TestNoCulprit(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(p *Problem){
		"red at the base":  func(p *Problem) { p.Green = scripted(p, "p.go", "never") },
		"no tests":         func(p *Problem) { p.Green = nil },
		"no change":        func(p *Problem) { p.Changes = nil },
		"nothing editable": func(p *Problem) { p.Editable = func(string) bool { return false } },
		"only tests changed": func(p *Problem) {
			p.Changes = []patch.File{patch.Diff("p_test.go", "p_test.go", []byte("package p\n"), []byte("package q\n"))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := changedTree(t, txtar.Parse([]byte(seven)))
			p.Green = scripted(p, "p.go", "a - b")
			change(p)
			hunks, minimal, _, err := Culprit(context.Background(), p)
			if len(hunks) != 0 || minimal || err != nil {
				t.Errorf("%v, minimal %v, %v", hunks, minimal, err)
			}
			if cands, errs := Generate(context.Background(), p, []Strategy{Revert}); len(cands)+len(errs) != 0 {
				t.Errorf("%v %v", cands, errs)
			}
		})
	}
}

func TestCulpritAtTheDeadline(t *testing.T) {
	t.Parallel()
	p := changedTree(t, txtar.Parse([]byte(seven)))
	ctx, cancel := context.WithCancel(context.Background())
	good := scripted(p, "p.go", "a + b", "a * b")
	all := 0
	p.Green = func(ctx context.Context, files map[string][]byte) (bool, error) {
		ok, err := good(ctx, files)
		if ok {
			if all++; all == 1 {
				cancel() // undoing everything is known to help
			}
		}
		return ok, err
	}
	hunks, minimal, tests, err := Culprit(ctx, p)
	if err != nil || minimal || len(hunks) != 1 || tests == 0 {
		t.Fatalf("%v, minimal %v, %d tests, %v", hunks, minimal, tests, err)
	}
	if hunks, minimal, _, err = Culprit(context.Background(), p); err != nil || !minimal || len(hunks) != 1 {
		t.Errorf("searched again: %v, minimal %v, %v", hunks, minimal, err)
	}
}

// After a kept patch has undone a part of a file, the rest can be undone.
func TestRevertWithKeptPatches(t *testing.T) {
	t.Parallel()
	p := changedTree(t, txtar.Parse([]byte(seven)))
	for i, want := range []string{"a - b", "a * b"} {
		p = &Problem{Tree: &Tree{Root: p.Tree.Root, Overlay: p.Tree.Overlay}, Changes: p.Changes}
		p.Green = func(_ context.Context, files map[string][]byte) (bool, error) {
			return bytes.Contains(files["p.go"], []byte(want)), nil
		}
		cands, errs := Generate(t.Context(), p, []Strategy{Revert})
		if len(cands) != 1 || len(errs) > 0 {
			t.Fatalf("%d: %d candidates, %v", i, len(cands), errs)
		}
		files, err := cands[0].Files(p.Tree)
		if err != nil {
			t.Fatal(err)
		}
		p.Tree.Overlay = files
	}
	for _, want := range []string{"// add adds.", "b + a", "a - b", "a * b"} {
		if !bytes.Contains(p.Tree.Overlay["p.go"], []byte(want)) {
			t.Errorf("%q is missing:\n%s", want, p.Tree.Overlay["p.go"])
		}
	}
}

// A new file is emptied, and undone together with the hunks that need it.
func TestCulpritNewFile(t *testing.T) {
	t.Parallel()
	p := changedTree(t, txtar.Parse([]byte(`
-- base/p.go --
package p

func Level() int { return 1 }

const one = 1
-- p.go --
package p

func Level() int { return level }

const one = 1

func Other() int { return 2 }
-- level.go --
package p

var level = 2
-- p_test.go --
package p

import "testing"

func TestLevel(t *testing.T) {
	if Level() != 1 {
		t.Error(level)
	}
}
`)))
	level, _ := p.Tree.Read("level.go")
	p.Changes = append(p.Changes, patch.Diff("", "level.go", nil, level))
	// The test uses level, so undoing the new file alone or with its use does not compile.
	p.Green = goTest(p)
	hunks, minimal, _, err := Culprit(context.Background(), p)
	if err != nil || !minimal || len(hunks) != 1 || hunks[0].Name() != "p.go" {
		t.Fatalf("%v, minimal %v, %v", hunks, minimal, err)
	}

	var sets [][]string
	p.culprit = nil
	p.Green = func(_ context.Context, files map[string][]byte) (bool, error) {
		var names []string
		for name := range files {
			names = append(names, name)
		}
		slices.Sort(names)
		sets = append(sets, names)
		return string(files["level.go"]) == "package p\n" && bytes.Contains(files["p.go"], []byte("return 1")), nil
	}
	hunks, minimal, _, err = Culprit(context.Background(), p)
	if err != nil || !minimal || len(hunks) != 2 || !hunks[0].New || hunks[1].Name() != "p.go" {
		t.Fatalf("%v, minimal %v, %v, tried %v", hunks, minimal, err, sets)
	}
	if strings.Contains(string(patch.Format(hunks)), "+func Other") {
		t.Error("the culprit has a hunk too many")
	}
}

func TestCulpritDeletedAndMovedFile(t *testing.T) {
	t.Parallel()
	p := changedTree(t, txtar.Parse([]byte(`
-- base/gone.go --
package p

var gone = 1
-- p.go --
package p
-- new/moved.go --
package p

var a = 1

var b = 3
`)))
	moved, _ := p.Tree.Read("new/moved.go")
	p.Changes = append(p.Changes, patch.Diff("old/moved.go", "new/moved.go", bytes.Replace(moved, []byte("3"), []byte("2"), 1), moved))
	p.Green = func(_ context.Context, files map[string][]byte) (bool, error) {
		return bytes.Contains(files["gone.go"], []byte("gone = 1")), nil
	}
	hunks, minimal, _, err := Culprit(context.Background(), p)
	if err != nil || !minimal || len(hunks) != 1 || !hunks[0].Delete || hunks[0].OldName != "gone.go" {
		t.Fatalf("%v, minimal %v, %v", hunks, minimal, err)
	}

	p.culprit = nil
	p.Green = func(_ context.Context, files map[string][]byte) (bool, error) {
		return string(files["new/moved.go"]) == "package p\n" && bytes.Contains(files["old/moved.go"], []byte("b = 2")), nil
	}
	hunks, minimal, _, err = Culprit(context.Background(), p)
	if err != nil || !minimal || len(hunks) != 1 || hunks[0].OldName != "old/moved.go" || hunks[0].NewName != "new/moved.go" {
		t.Fatalf("%v, minimal %v, %v", hunks, minimal, err)
	}
}

// Without Emptied, an added file is removed and a moved file moves back.
func TestRevertRemoves(t *testing.T) {
	t.Parallel()
	p := changedTree(t, txtar.Parse([]byte("-- new.txt --\nnew\n-- empty.txt --\n-- to/moved.txt --\nmoved\n-- base/blank.txt --\n-- blank.txt --\nblank\n")))
	p.Emptied = nil
	p.Changes = append(p.Changes,
		patch.Diff("", "new.txt", nil, []byte("new\n")),
		patch.Diff("", "empty.txt", nil, nil),
		patch.Diff("from/moved.txt", "to/moved.txt", []byte("moved\n"), []byte("moved\n")))
	p.Green = func(_ context.Context, files map[string][]byte) (bool, error) {
		for _, name := range []string{"new.txt", "empty.txt", "to/moved.txt"} {
			if content, changed := files[name]; !changed || content != nil {
				return false, nil
			}
		}
		blank := files["blank.txt"]
		return string(files["from/moved.txt"]) == "moved\n" && blank != nil && len(blank) == 0, nil
	}
	cands, errs := Generate(t.Context(), p, []Strategy{Revert})
	if len(cands) != 1 || len(errs) > 0 {
		t.Fatalf("got %d candidates, %v", len(cands), errs)
	}
	files, err := cands[0].Files(p.Tree)
	if green, _ := p.Green(t.Context(), files); err != nil || !green {
		t.Errorf("got %q, %v", files, err)
	}
	p.Tree.Overlay = files
	if _, err := p.Tree.Read("new.txt"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a removed file can be read: %v", err)
	}
}

// An edit that removes a file must cover the whole file and be the only one.
func TestRemoveCoversTheWholeFile(t *testing.T) {
	t.Parallel()
	p := &Problem{Tree: &Tree{Overlay: map[string][]byte{"a": []byte("a\n")}}}
	for want, edits := range map[string][]Edit{
		"":        {{File: "a", End: 2, Remove: true}},
		misplaced: {{File: "a", End: 1, Remove: true}},
	} {
		if got := p.admit(&Candidate{Edits: edits}); got != want {
			t.Errorf("%v: got %q, want %q", edits, got, want)
		}
	}
	two := &Candidate{Edits: []Edit{{File: "a", End: 2, Remove: true}, {File: "a", Start: 2, End: 2, New: "b"}}}
	if got := p.admit(two); got != misplaced {
		t.Errorf("two edits: %q", got)
	}
}

// TestReverts undoes the smallest part of a change that makes its tests fail.
func TestReverts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/revert/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var in, after txtar.Archive
			for _, f := range archive.Files {
				if name, ok := strings.CutPrefix(f.Name, "want/"); ok {
					after.Files = append(after.Files, txtar.File{Name: name, Data: f.Data})
				} else {
					in.Files = append(in.Files, f)
				}
			}
			slices.SortFunc(after.Files, func(a, b txtar.File) int { return strings.Compare(a.Name, b.Name) })
			p := changedTree(t, &in)
			p.Green = goTest(p)
			cands, errs := Generate(t.Context(), p, []Strategy{Revert})
			if len(cands) != 1 || len(errs) > 0 {
				t.Fatalf("got %d candidates, %v", len(cands), errs)
			}
			if diff := gocmp.Diff(string(txtar.Format(&after)), written(t, p, &cands[0])); diff != "" {
				t.Errorf("%s (-want +got):\n%s", cands[0].Title, diff)
			}
		})
	}
}
