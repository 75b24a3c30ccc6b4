package template

import (
	"context"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// library imports the standard library for packages that are loaded without the go
// command. An importer is not safe for concurrent use.
var library = struct {
	sync.Mutex
	types.Importer
}{Importer: importer.Default()}

type lockedImporter struct{}

func (lockedImporter) Import(path string) (*types.Package, error) {
	library.Lock()
	defer library.Unlock()
	return library.Import(path)
}

// inMemory returns a problem with one package, in which every line is suspicious.
func inMemory(t *testing.T, files map[string]string) *propose.Problem {
	t.Helper()
	p := &propose.Problem{
		Tree:     &propose.Tree{Root: t.TempDir(), Overlay: make(map[string][]byte)},
		Editable: func(file string) bool { return !strings.HasSuffix(file, "_test.go") },
		Failures: []testrun.Failure{{TestID: testrun.TestID{Package: "example.com/m", Test: "Test"}, Kind: testrun.Assertion}},
	}
	pkg := &source.Package{
		Path: "example.com/m", Dir: ".", Fset: token.NewFileSet(), Imported: make(map[string]*types.Package),
		Sizes: types.SizesFor("gc", "amd64"), GoVersion: "go1.26",
		Info: &types.Info{
			Types: make(map[ast.Expr]types.TypeAndValue), Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object),
			Selections: make(map[*ast.SelectorExpr]*types.Selection), Scopes: make(map[ast.Node]*types.Scope), Implicits: make(map[ast.Node]types.Object),
			Instances: make(map[*ast.Ident]types.Instance), FileVersions: make(map[*ast.File]string),
		},
	}
	var parsed []*ast.File
	for _, name := range slices.Sorted(maps.Keys(files)) {
		src := []byte(files[name])
		p.Tree.Overlay[name] = src
		syntax, err := parser.ParseFile(pkg.Fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, syntax)
		pkg.Files = append(pkg.Files, &source.File{Name: name, Src: src, Syntax: syntax, Tok: pkg.Fset.File(syntax.FileStart)})
		p.Suspects = append(p.Suspects, localize.Suspect{File: name, Start: 1, End: 1 + strings.Count(files[name], "\n"), Score: 1})
	}
	conf := types.Config{Importer: lockedImporter{}, Sizes: pkg.Sizes, GoVersion: pkg.GoVersion}
	var err error
	if pkg.Types, err = conf.Check(pkg.Path, pkg.Fset, parsed, pkg.Info); err != nil {
		t.Fatal(err)
	}
	for _, imp := range pkg.Types.Imports() {
		pkg.Imported[imp.Path()] = imp
	}
	source.Of(p).Put(pkg)
	return p
}

// named returns the strategy with a name.
func named(t *testing.T, name string) propose.Strategy {
	t.Helper()
	all := Strategies
	i := slices.IndexFunc(all, func(s propose.Strategy) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no strategy %q", name)
	}
	return all[i]
}

// results returns the candidates of a strategy, keyed by the resulting content of a file.
func results(t *testing.T, p *propose.Problem, file, strategy string) map[string]propose.Candidate {
	t.Helper()
	cands, errs := propose.Generate(context.Background(), p, []propose.Strategy{named(t, strategy)})
	for _, err := range errs {
		t.Error(err)
	}
	out := make(map[string]propose.Candidate)
	for i := range cands {
		files, err := cands[i].Files(p.Tree)
		if err != nil {
			t.Fatalf("%s: %v", cands[i].Title, err)
		}
		out[string(files[file])] = cands[i]
	}
	return out
}

// caseFile is a test case, read from a txtar archive.
type caseFile struct {
	strategy    string // the first line
	src         string // m.go
	test        string // m_test.go: the source of the failing test, for strategies that read it
	output      string // of the failing test
	want, never string // m.go after one of the candidates, and after none of them
}

func readCaseFile(t *testing.T, file string) caseFile {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var tc caseFile
	tc.strategy, _, _ = strings.Cut(string(archive.Comment), "\n")
	parts := map[string]*string{"m.go": &tc.src, "m_test.go": &tc.test, "output": &tc.output, "want/m.go": &tc.want, "never/m.go": &tc.never}
	for _, f := range archive.Files {
		if parts[f.Name] == nil {
			t.Fatalf("unexpected file %s in a case", f.Name)
		}
		*parts[f.Name] = string(f.Data)
	}
	return tc
}

// problem returns the problem that the case describes.
func (tc caseFile) problem(t *testing.T) *propose.Problem {
	t.Helper()
	p := inMemory(t, map[string]string{"m.go": tc.src})
	p.Failures[0].Output = tc.output
	if tc.test != "" {
		p.Failures[0].File = "m_test.go"
		if err := os.WriteFile(filepath.Join(p.Tree.Root, "m_test.go"), []byte(tc.test), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 50 {
		t.Fatalf("got %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			tc := readCaseFile(t, file)
			got := results(t, tc.problem(t), "m.go", tc.strategy)
			c, ok := got[tc.want]
			if !ok {
				t.Fatalf("none of the %d candidates is\n%s", len(got), tc.want)
			}
			if c.Title == "" || c.Strategy != tc.strategy || c.Line <= 0 || c.Suspicion <= 0 || c.Suspicion > 1 || c.Prior <= 0 || c.Prior > 1 {
				t.Errorf("got candidate %+v", c)
			}
			if c.Removed < 0 || c.Removed > 1 || c.Alike < 0 || c.Alike > 1 {
				t.Errorf("removed %v, alike %v", c.Removed, c.Alike)
			}
			if tc.strategy == "template/string" && !c.Review {
				t.Error("a string copied from the test does not need review")
			}
			if tc.strategy == "template/delete" && c.Removed == 0 {
				t.Error("a deletion does not count as removing behavior")
			}
			for text, c := range got {
				if _, err := parser.ParseFile(token.NewFileSet(), "m.go", text, 0); err != nil {
					t.Errorf("%s: %v", c.Title, err)
				}
			}
			if c, ok := got[tc.never]; ok && tc.never != "" {
				t.Errorf("%s: %s", c.Strategy, c.Title)
			}
		})
	}
}

// Each form is a valid condition, whatever its values are.
func TestForms(t *testing.T) {
	t.Parallel()
	all := slices.Concat(errorForms, sentinelForms, nilableForms, listForms, stringForms, boolForms, signedForms, floatForms,
		boundForms, emptyPairForms, nilPairForms, equalForms, orderForms)
	for _, c := range all {
		got := c.on("box.y", "six[0]")
		if _, err := parser.ParseExpr(got); err != nil || !strings.Contains(got, "box.y") {
			t.Errorf("%s: got %s, %v", c.text, got, err)
		}
		if strings.Contains(c.text, "y") != strings.Contains(got, "six[0]") {
			t.Errorf("%s: %s", c.text, got)
		}
		if c.weight <= 0 || c.weight > 1 {
			t.Errorf("%s: got weight %v", c.text, c.weight)
		}
	}
}

// template/insert-call inserts neither calls that panic nor calls of package sync.
func TestInsertCallExcludes(t *testing.T) {
	t.Parallel()
	p := inMemory(t, map[string]string{
		"m.go": "package m\n\nimport \"sync\"\n\nfunc f(n int, mu *sync.Mutex) int {\n\tif n < 0 {\n\t\tpanic(\"negative\")\n\t}\n\tmu.Lock()\n\tprintln(n)\n\treturn n\n}\n",
	})
	got := results(t, p, "m.go", "template/insert-call")
	if len(got) == 0 {
		t.Fatal("no candidates")
	}
	for text, c := range got {
		if strings.Count(text, "panic(") > 1 || strings.Count(text, "Lock()") > 1 {
			t.Error(c.Title)
		}
	}
}

// Templates do not edit code that is not suspicious, generated files, tests or files that
// may not be edited.
func TestTemplatesExclude(t *testing.T) {
	t.Parallel()
	p := inMemory(t, map[string]string{
		"a.go":      "package m\n\nfunc a1(a, b int) bool { return a < b }\n\nfunc a2(a, b int) bool { return a < b }\n",
		"gen.go":    "// Code generated by x. DO NOT EDIT.\n\npackage m\n\nfunc g(a, b int) bool { return a < b }\n",
		"locked.go": "package m\n\nfunc l(a, b int) bool { return a < b }\n",
		"m_test.go": "package m\n\nfunc t(a, b int) bool { return a < b }\n",
	})
	p.Editable = func(file string) bool { return file != "locked.go" && !strings.HasSuffix(file, "_test.go") }
	p.Suspects[0] = localize.Suspect{File: "a.go", Start: 5, End: 5, Score: 0.5}
	cands, errs := propose.Generate(context.Background(), p, Strategies)
	if len(errs) > 0 || len(cands) == 0 {
		t.Fatalf("got %d candidates, %v", len(cands), errs)
	}
	for _, c := range cands {
		if c.File() != "a.go" || c.Line != 5 {
			t.Errorf("%s in %s:%d", c.Title, c.File(), c.Line)
		}
	}
}
