package propose

import (
	"context"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

func TestStrategies(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	last := 0
	for _, s := range Strategies() {
		if s.Name == "" || strings.ContainsAny(s.Name, " ,\n") || strings.ToLower(s.Name) != s.Name {
			t.Errorf("%q cannot be named on a command line", s.Name)
		}
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		if s.Share <= 0 || s.Share > 100 {
			t.Errorf("%s: %v %% of all fixes", s.Name, s.Share)
		}
		if s.Propose == nil {
			t.Errorf("%s proposes nothing", s.Name)
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
		t.Errorf("%d of %d strategies are a last resort", last, len(seen))
	}
}

// undocumented lists what is missing of a strategy's explanation.
func undocumented(s *Strategy) (faults []string) {
	const titleWidth, textWidth = 72, 80
	if s.Title == "" || len(s.Title) > titleWidth || strings.Contains(s.Title, "\n") || strings.HasSuffix(s.Title, ".") || !unicode.IsUpper(rune(s.Title[0])) {
		faults = append(faults, fmt.Sprintf("the title %q is not one line like \"Drop a clause of a condition\"", s.Title))
	}
	if len(s.Text) < textWidth || !strings.HasSuffix(s.Text, ".") || strings.Contains(s.Text, "\n\n") {
		faults = append(faults, "the text is not a paragraph")
	}
	for line := range strings.SplitSeq(s.Text, "\n") {
		if len(line) > textWidth || strings.TrimSpace(line) != line {
			faults = append(faults, fmt.Sprintf("the line %q of the text has blanks around it or more than %d bytes", line, textWidth))
		}
	}
	for _, example := range []string{s.Before, s.After} {
		formatted, err := format.Source([]byte(example))
		if err != nil || string(formatted) != example || strings.TrimSpace(example) != example || example == "" {
			faults = append(faults, fmt.Sprintf("not as gofmt writes it (%v):\n%s", err, example))
		}
	}
	return faults
}

// TestUndocumentedFails checks the check: a strategy without one part is refused.
func TestUndocumentedFails(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *Strategy){
		"no title":            func(s *Strategy) { s.Title = "" },
		"a sentence":          func(s *Strategy) { s.Title += "." },
		"no text":             func(s *Strategy) { s.Text = "" },
		"a long line":         func(s *Strategy) { s.Text = strings.ReplaceAll(s.Text, "\n", " ") },
		"no example":          func(s *Strategy) { s.Before, s.After = "", "" },
		"nothing comes of it": func(s *Strategy) { s.After = "" },
		"blank lines":         func(s *Strategy) { s.After += "\n\n" },
		"not as gofmt":        func(s *Strategy) { s.Before = strings.ReplaceAll(s.Before, "\t", "  ") },
	} {
		s := templateGuard
		if faults := undocumented(&s); len(faults) > 0 {
			t.Fatal(faults)
		}
		if spoil(&s); len(undocumented(&s)) == 0 {
			t.Errorf("%s: not refused", name)
		}
	}
}

// TestStrategiesHaveCases refuses a strategy that no case of testdata names.
func TestStrategiesHaveCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
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
	for _, s := range Strategies() {
		if cases[s.Name] == 0 {
			t.Errorf("%s has no case", s.Name)
		}
		delete(cases, s.Name)
	}
	delete(cases, "") // the surroundings of the example of a strategy, see TestExamples
	for name, n := range cases {
		t.Errorf("%d cases are of %q, which is no strategy", n, name)
	}
}

// TestExamples checks that each strategy makes After of its Before. An archive of
// testdata/example holds what else that takes: what the failing test printed, the code
// before the change (below base/), other files.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, s := range Strategies() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			around, err := txtar.ParseFile(filepath.Join("testdata", "example", filepath.FromSlash(s.Name)+".txtar"))
			if errors.Is(err, fs.ErrNotExist) {
				around = new(txtar.Archive)
			} else if err != nil {
				t.Fatal(err)
			}
			p := exampleProblem(t, &s, around)
			cands, errs := Generate(t.Context(), p, []Strategy{s})
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			want := "-- m.go --\npackage m\n\n" + s.After + "\n"
			made := func(c Candidate) bool { return result(t, p, &c) == want }
			if !slices.ContainsFunc(cands, made) {
				for _, c := range cands[:min(len(cands), 10)] {
					t.Log(c.Title)
				}
				t.Errorf("none of %d candidates is\n%s", len(cands), want)
			}
		})
	}
}

func exampleProblem(t *testing.T, s *Strategy, around *txtar.Archive) *Problem {
	t.Helper()
	src := "package m\n\n" + s.Before + "\n"
	if strings.HasPrefix(s.Name, "template/") {
		tc := caseFile{src: src}
		for _, f := range around.Files {
			if f.Name != "output" {
				t.Fatalf("%s is no part of the example of a template", f.Name)
			}
			tc.output = string(f.Data)
		}
		return tc.problem(t)
	}
	around.Files = append(around.Files, txtar.File{Name: "m.go", Data: []byte(src)})
	p := module(t, around)
	p.Green = goTest(p)
	return p
}

func TestExample(t *testing.T) {
	t.Parallel()
	s := Strategy{Before: "var n = 0\n\nfunc f() int {\n\treturn 1\n}", After: "var n = 0\n\nfunc f() int {\n\treturn 2\n}"}
	const want = " var n = 0\n\n func f() int {\n-\treturn 1\n+\treturn 2\n }\n"
	if got := s.Example(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestReverts undoes the smallest part of a change with which its tests fail.
func TestReverts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/revert/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			in, want := readCase(t, file)
			p := module(t, in)
			p.Green = goTest(p)
			cands, errs := Generate(t.Context(), p, []Strategy{revert})
			if len(cands) != 1 || len(errs) > 0 {
				t.Fatalf("%d candidates, %v", len(cands), errs)
			}
			if diff := gocmp.Diff(want, result(t, p, &cands[0])); diff != "" {
				t.Errorf("%s (-want +got):\n%s", cands[0].Title, diff)
			}
		})
	}
}

// With nothing to work on, no strategy proposes, fails or panics.
func TestStrategiesOnNothing(t *testing.T) {
	t.Parallel()
	for _, s := range Strategies() {
		for name, p := range map[string]*Problem{
			"no suspects":   {Tree: &Tree{Root: t.TempDir()}},
			"empty package": inMemory(t, map[string]string{"m.go": "package m\n"}),
		} {
			err := s.Propose(context.Background(), p, func(c Candidate) bool {
				t.Errorf("%s, %s: %s", s.Name, name, c.Title)
				return true
			})
			if err != nil && name == "no suspects" {
				t.Errorf("%s, %s: %v", s.Name, name, err)
			}
		}
	}
}

// What tests judge by is not edited to make them pass, whatever its name.
func TestTestCode(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"a/a.go":                 "package a\n\nimport \"strings\"\n\nvar X = strings.ToUpper\n",
		"a/logger.go":            "package a\n\ntype Logger interface {\n\tErrorf(string, ...any)\n\tFatalf(string, ...any)\n}\n",
		"a/assert.go":            "package a\n\nimport \"testing\"\n\nfunc Check(t *testing.T) { t.Error() }\n",
		"a/require.go":           "package a\n\nimport \"github.com/stretchr/testify/require\"\n\nvar R = require.New\n",
		"a/tester.go":            "package a\n\ntype T interface {\n\tErrorf(string, ...any)\n\tFailNow()\n}\n",
		"internal/testutil/x.go": "package testutil\n",
		"contest/x.go":           "package contest\n",
		"a/broken.go":            "package a\n\nfunc {",
	}
	dir := t.TempDir()
	for name, src := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree := &Tree{Root: dir}
	for name := range files {
		base := filepath.Base(name)
		want := base == "assert.go" || base == "require.go" || base == "tester.go" || strings.Contains(name, "testutil")
		if got := tree.TestCode(name); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
}
