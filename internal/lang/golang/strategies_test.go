package golang

import (
	"context"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// strategies returns the strategies for a Go failure.
func strategies() []propose.Strategy { return lang.Strategies([]lang.Language{Language}) }

func TestStrategies(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	last := 0
	for _, s := range strategies() {
		if s.Name == "" || strings.ContainsAny(s.Name, " ,\n") || strings.ToLower(s.Name) != s.Name {
			t.Errorf("%q cannot be named on a command line", s.Name)
		}
		if seen[s.Name] {
			t.Errorf("%s is listed twice", s.Name)
		}
		if s.Share <= 0 || s.Share > 100 {
			t.Errorf("%s: %v %% of all fixes", s.Name, s.Share)
		}
		if s.Propose == nil {
			t.Errorf("%s has no Propose", s.Name)
		}
		for _, fault := range undocumented(&s) {
			t.Errorf("%s: %s", s.Name, fault)
		}
		seen[s.Name] = true
		if s.LastResort {
			last++
		}
	}
	if last == 0 || last == len(seen) {
		t.Errorf("%d of %d strategies are last resorts", last, len(seen))
	}
}

// undocumented lists what is missing from a strategy's explanation.
func undocumented(s *propose.Strategy) (faults []string) {
	const titleWidth, textWidth = 72, 80
	if s.Title == "" || len(s.Title) > titleWidth || strings.Contains(s.Title, "\n") || strings.HasSuffix(s.Title, ".") || !unicode.IsUpper(rune(s.Title[0])) {
		faults = append(faults, fmt.Sprintf("the title %q is not one line like \"Drop a clause of a condition\"", s.Title))
	}
	if len(s.Text) < textWidth || !strings.HasSuffix(s.Text, ".") || strings.Contains(s.Text, "\n\n") {
		faults = append(faults, "the text is not a paragraph")
	}
	for line := range strings.SplitSeq(s.Text, "\n") {
		if len(line) > textWidth || strings.TrimSpace(line) != line {
			faults = append(faults, fmt.Sprintf("the line %q of the text begins or ends with a blank, or has more than %d bytes", line, textWidth))
		}
	}
	for _, example := range []string{s.Before, s.After} {
		formatted, err := format.Source([]byte(example))
		if err != nil || string(formatted) != example || strings.TrimSpace(example) != example || example == "" {
			faults = append(faults, fmt.Sprintf("not formatted with gofmt (%v):\n%s", err, example))
		}
	}
	return faults
}

// TestUndocumented checks that undocumented refuses a strategy that lacks one part.
func TestUndocumented(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *propose.Strategy){
		"no title":      func(s *propose.Strategy) { s.Title = "" },
		"a sentence":    func(s *propose.Strategy) { s.Title += "." },
		"no text":       func(s *propose.Strategy) { s.Text = "" },
		"a long line":   func(s *propose.Strategy) { s.Text = strings.ReplaceAll(s.Text, "\n", " ") },
		"no example":    func(s *propose.Strategy) { s.Before, s.After = "", "" },
		"no After":      func(s *propose.Strategy) { s.After = "" },
		"blank lines":   func(s *propose.Strategy) { s.After += "\n\n" },
		"not formatted": func(s *propose.Strategy) { s.Before = strings.ReplaceAll(s.Before, "\t", "  ") },
	} {
		s := strategies()[slices.IndexFunc(strategies(), func(s propose.Strategy) bool { return s.Name == "template/guard" })]
		if faults := undocumented(&s); len(faults) > 0 {
			t.Fatal(faults)
		}
		if spoil(&s); len(undocumented(&s)) == 0 {
			t.Errorf("%s: undocumented finds no fault", name)
		}
	}
}

// TestStrategiesHaveCases refuses a strategy that no case of testdata names.
func TestStrategiesHaveCases(t *testing.T) {
	t.Parallel()
	var files []string
	for _, dir := range []string{"template/testdata", "compile/testdata", "../../propose/testdata/restore", "../../propose/testdata/revert"} {
		found, err := filepath.Glob(dir + "/*.txtar")
		if err != nil || len(found) == 0 {
			t.Fatalf("%d cases in %s, %v", len(found), dir, err)
		}
		files = append(files, found...)
	}
	cases := make(map[string]int)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		strategy, _, _ := strings.Cut(string(archive.Comment), "\n")
		cases[strategy]++
	}
	for _, s := range strategies() {
		if cases[s.Name] == 0 {
			t.Errorf("no case of testdata names %s", s.Name)
		}
		delete(cases, s.Name)
	}
	for name, n := range cases {
		t.Errorf("%d cases name %q, which is not a strategy", n, name)
	}
}

// TestExamples checks that each strategy turns its Before into its After. If that takes
// more, an archive in testdata/example holds it: the output of the failing test, the code
// before the change (below base/), other files.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, s := range strategies() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			around, err := txtar.ParseFile(filepath.Join("testdata", "example", filepath.FromSlash(s.Name)+".txtar"))
			if errors.Is(err, fs.ErrNotExist) {
				around = new(txtar.Archive)
			} else if err != nil {
				t.Fatal(err)
			}
			p := exampleProblem(t, &s, around)
			cands, errs := propose.Generate(t.Context(), p, []propose.Strategy{s})
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			want := "-- m.go --\npackage m\n\n" + s.After + "\n"
			yieldsAfter := func(c propose.Candidate) bool { return changedFiles(t, p, &c) == want }
			if !slices.ContainsFunc(cands, yieldsAfter) {
				for _, c := range cands[:min(len(cands), 10)] {
					t.Log(c.Title)
				}
				t.Errorf("none of %d candidates is\n%s", len(cands), want)
			}
		})
	}
}

// exampleProblem returns a problem for a strategy: a module with its Before, in which every
// line is suspicious, and with the files of the archive.
func exampleProblem(t *testing.T, s *propose.Strategy, around *txtar.Archive) *propose.Problem {
	t.Helper()
	root := t.TempDir()
	tree := &source.Tree{Tree: &propose.Tree{Root: root}}
	failure := testrun.Failure{TestID: testrun.TestID{Package: "example.com/m", Test: "Test"}, Kind: testrun.Assertion}
	if s.Applies(testrun.Compile) {
		failure = testrun.Failure{TestID: testrun.TestID{Package: "example.com/m"}, Kind: testrun.Compile}
	}
	src := "package m\n\n" + s.Before + "\n"
	files := map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n", "m.go": src}
	before := make(map[string]string)
	for _, f := range around.Files {
		if name, old := strings.CutPrefix(f.Name, "base/"); old {
			before[name] = string(f.Data)
		} else if f.Name == "output" {
			failure.Output = string(f.Data)
		} else {
			files[f.Name] = string(f.Data)
		}
	}
	p := &propose.Problem{
		Tree: tree.Tree, Source: tree, Emptied: source.Emptied, Failures: []testrun.Failure{failure},
		Editable: func(file string) bool { return !strings.HasSuffix(file, "_test.go") },
		Suspects: []localize.Suspect{{File: "m.go", Start: 1, End: 1 + strings.Count(src, "\n"), Score: 1}},
		Green:    func(ctx context.Context, files map[string][]byte) (bool, error) { return passes(ctx, root, files) },
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if old, ok := before[name]; ok {
			p.Changes = append(p.Changes, patch.Diff(name, name, []byte(old), []byte(text)))
		}
	}
	return p
}

// passes reports whether the tests in root pass with the files in it.
func passes(ctx context.Context, root string, files map[string][]byte) (bool, error) {
	for name, content := range files {
		file := filepath.Join(root, name)
		was, err := os.ReadFile(file)
		if err != nil {
			return false, err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return false, err
		}
		defer func() { _ = os.WriteFile(file, was, 0o644) }()
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", ".")
	cmd.Dir = root
	return cmd.Run() == nil, ctx.Err()
}

// changedFiles returns the files that a candidate changes, as an archive.
func changedFiles(t *testing.T, p *propose.Problem, c *propose.Candidate) string {
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

// emptyPackage returns a tree with a single, empty package.
func emptyPackage(t *testing.T) *propose.Tree {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n", "m.go": "package m\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &propose.Tree{Root: root}
}

// Without suspects or code, no strategy proposes, fails or panics.
func TestStrategiesWithoutCode(t *testing.T) {
	t.Parallel()
	for _, s := range strategies() {
		for name, p := range map[string]*propose.Problem{
			"no suspects":   {Tree: &propose.Tree{Root: t.TempDir()}},
			"empty package": {Tree: emptyPackage(t)},
		} {
			err := s.Propose(context.Background(), p, func(c propose.Candidate) bool {
				t.Errorf("%s, %s: %s", s.Name, name, c.Title)
				return true
			})
			if err != nil && name == "no suspects" {
				t.Errorf("%s, %s: %v", s.Name, name, err)
			}
		}
	}
}
