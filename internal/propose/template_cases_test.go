package propose

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

	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// library serves the standard library to packages that are made without the go
// command. An importer is not made for concurrent use.
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

// inMemory makes a problem of one package in which every line is suspicious.
func inMemory(t *testing.T, files map[string]string) *Problem {
	t.Helper()
	p := &Problem{
		Tree:     &Tree{Root: t.TempDir(), Overlay: make(map[string][]byte)},
		Editable: func(file string) bool { return !strings.HasSuffix(file, "_test.go") },
		Failures: []testrun.Failure{{TestID: testrun.TestID{Package: "example.com/m", Test: "Test"}, Kind: testrun.Assertion}},
	}
	pkg := &Package{
		Path: "example.com/m", Dir: ".", Fset: token.NewFileSet(), imported: make(map[string]*types.Package),
		sizes: types.SizesFor("gc", "amd64"), goVer: "go1.26",
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
		pkg.Files = append(pkg.Files, &File{Name: name, Src: src, Syntax: syntax, Tok: pkg.Fset.File(syntax.FileStart)})
		p.Suspects = append(p.Suspects, localize.Suspect{File: name, Start: 1, End: 1 + strings.Count(files[name], "\n"), Score: 1})
	}
	conf := types.Config{Importer: lockedImporter{}, Sizes: pkg.sizes, GoVersion: pkg.goVer}
	var err error
	if pkg.Types, err = conf.Check(pkg.Path, pkg.Fset, parsed, pkg.Info); err != nil {
		t.Fatal(err)
	}
	for _, imp := range pkg.Types.Imports() {
		pkg.imported[imp.Path()] = imp
	}
	SourceOf(p).Put(pkg)
	return p
}

// named is the strategy of a name.
func named(t *testing.T, name string) Strategy {
	t.Helper()
	all := Strategies()
	i := slices.IndexFunc(all, func(s Strategy) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no strategy %q", name)
	}
	return all[i]
}

// results are the texts that a strategy proposes for a file.
func results(t *testing.T, p *Problem, file, strategy string) map[string]Candidate {
	t.Helper()
	cands, errs := Generate(context.Background(), p, []Strategy{named(t, strategy)})
	for _, err := range errs {
		t.Error(err)
	}
	out := make(map[string]Candidate)
	for i := range cands {
		files, err := cands[i].Files(p.Tree)
		if err != nil {
			t.Fatalf("%s: %v", cands[i].Title, err)
		}
		out[string(files[file])] = cands[i]
	}
	return out
}

// fix is a bug as people make it, and what mends it.
type fix struct {
	strategy, name string
	src            string // without its package clause
	from, to       string // the text that is once in src, and what a candidate makes of it
	output         string // of the failing test
}

var fixes = []fix{
	{
		strategy: "template/add-clause", name: "another value's clause",
		src:  "func f(a, b *int) bool {\n\tif a != nil {\n\t\treturn *a == *b\n\t}\n\treturn false\n}\n",
		from: "if a != nil {", to: "if a != nil && b != nil {",
	},
	{
		strategy: "template/add-clause", name: "weaken by a literal's sibling",
		src:  "func f(c byte) bool {\n\tif c == ' ' {\n\t\treturn true\n\t}\n\treturn '\\t' == 'x'\n}\n",
		from: "if c == ' ' {", to: "if c == ' ' || c == '\\t' {",
	},
	{
		strategy: "template/add-clause", name: "keeps its meaning with parentheses",
		src:  "func f(a, b bool, s []int) {\n\tok := a || b\n\tprintln(ok, len(s))\n}\n",
		from: "a || b", to: "(a || b) && len(s) > 0",
	},
	{
		strategy: "template/guard", name: "nil",
		src:  "type T struct{ n int }\n\nfunc (t *T) N() int {\n\treturn t.n\n}\n",
		from: "\treturn t.n", to: "\tif t == nil {\n\t\treturn 0\n\t}\n\treturn t.n",
	},
	{
		strategy: "template/guard", name: "empty",
		src:  "func first(list []string) string {\n\treturn list[0]\n}\n",
		from: "\treturn list[0]", to: "\tif len(list) == 0 {\n\t\treturn \"\"\n\t}\n\treturn list[0]",
	},
	{
		strategy: "template/guard", name: "continue",
		src:  "func sum(list []*int) (n int) {\n\tfor _, p := range list {\n\t\tn += *p\n\t}\n\treturn n\n}\n",
		from: "\t\tn += *p", to: "\t\tif p == nil {\n\t\t\tcontinue\n\t\t}\n\t\tn += *p",
	},
	{
		strategy: "template/guard", name: "error",
		src:  "import \"strconv\"\n\nfunc f(s string) (int, error) {\n\tn, err := strconv.Atoi(s)\n\treturn n * 2, nil\n\t_ = err\n\treturn 0, err\n}\n",
		from: "\treturn n * 2, nil", to: "\tif err != nil {\n\t\treturn 0, err\n\t}\n\treturn n * 2, nil",
	},
	{
		strategy: "template/guard", name: "as elsewhere",
		src:  "import \"errors\"\n\nvar errEmpty = errors.New(\"empty\")\n\nfunc a(s string) error {\n\tif s == \"\" {\n\t\treturn errEmpty\n\t}\n\treturn nil\n}\n\nfunc b(s string) error {\n\tprintln(s)\n\treturn nil\n}\n",
		from: "\tprintln(s)", to: "\tif s == \"\" {\n\t\treturn errEmpty\n\t}\n\tprintln(s)",
	},
	{
		strategy: "template/identifier", name: "variable",
		src:  "func f(width, height int) int {\n\treturn width * width\n}\n",
		from: "width * width", to: "width * height",
	},
	{
		strategy: "template/identifier", name: "constant",
		src:  "type level int\n\nconst (\n\tlow level = iota\n\thigh\n)\n\nfunc f() level { return low }\n",
		from: "return low", to: "return high",
	},
	{
		strategy: "template/identifier", name: "type",
		src:  "func f(n int64) int64 { return int64(int32(n)) }\n",
		from: "int32(n)", to: "int64(n)",
	},
	{
		strategy: "template/identifier", name: "nil for the error",
		src:  "func f(g func() error) error {\n\terr := g()\n\t_ = err\n\treturn nil\n}\n",
		from: "return nil", to: "return err",
	},
	{
		strategy: "template/string", name: "what is wanted",
		src: "func f(n string) string { return \"helo \" + n }\n", output: "    m_test.go:5: got \"helo bob\", want \"hello bob\"\n",
		from: `"helo "`, to: `"hello "`,
	},
	{
		strategy: "template/donor", name: "expression",
		src:  "type T struct{ items []int }\n\nfunc (t *T) a() int { return len(t.items) }\n\nfunc (t *T) b(n int) int { return n + cap(t.items) }\n",
		from: "cap(t.items)", to: "len(t.items)",
	},
	{
		strategy: "template/donor", name: "the other end",
		src:  "func last(list []int) int { return list[0] }\n",
		from: "list[0]", to: "list[len(list)-1]",
	},
	{
		strategy: "template/wrap-call", name: "call of the package",
		src:  "import \"strings\"\n\nfunc norm(s string) string { return strings.ToLower(s) }\n\nfunc same(a, b string) bool { return norm(a) == b }\n",
		from: "norm(a) == b", to: "norm(a) == norm(b)",
	},
	{
		strategy: "template/wrap-call", name: "function of an import",
		src:  "import \"strings\"\n\nfunc key(s string) string { return s }\n\nfunc other(s string) int { return strings.Count(s, \".\") }\n",
		from: "return s }", to: "return strings.TrimSpace(s) }",
	},
	{
		strategy: "template/arguments", name: "swap",
		src:  "import \"strings\"\n\nfunc f(s, prefix string) bool { return strings.HasPrefix(prefix, s) }\n",
		from: "(prefix, s)", to: "(s, prefix)",
	},
	{
		strategy: "template/arguments", name: "one more",
		src:  "func f(list []int, n int) []int { return append(list, 0) }\n",
		from: "append(list, 0)", to: "append(list, 0, n)",
	},
	{
		strategy: "template/arguments", name: "limit",
		src:  "import \"strings\"\n\nfunc f(s string) []string { return strings.Split(s, \"=\") }\n",
		from: `strings.Split(s, "=")`, to: `strings.SplitN(s, "=", 2)`,
	},
	{
		strategy: "template/callee", name: "function",
		src:  "import \"strings\"\n\nfunc f(s string) string { return strings.TrimLeft(s, \"x\") }\n",
		from: "TrimLeft", to: "TrimPrefix",
	},
	{
		strategy: "template/callee", name: "method",
		src:  "import \"sync\"\n\nfunc f(m *sync.RWMutex) {\n\tm.RLock()\n\tdefer m.Unlock()\n}\n",
		from: "m.Unlock", to: "m.RUnlock",
	},
	{
		strategy: "template/case", name: "value",
		src:  "func hex(c byte) bool {\n\tswitch c {\n\tcase 'a', 'b':\n\t\treturn true\n\t}\n\treturn c == 'c'\n}\n",
		from: "case 'a', 'b':", to: "case 'a', 'b', 'c':",
	},
	{
		strategy: "template/assignment", name: "advance",
		src:  "func count(list []int) int {\n\tn := 0\n\tfor _, x := range list {\n\t\tprintln(n, x)\n\t}\n\treturn n\n}\n",
		from: "\t\tprintln(n, x)", to: "\t\tn++\n\t\tprintln(n, x)",
	},
	{
		strategy: "template/assignment", name: "field of the same name",
		src:  "type T struct{ name string }\n\nfunc newT(name string) *T {\n\tt := new(T)\n\treturn t\n}\n",
		from: "\treturn t\n", to: "\tt.name = name\n\treturn t\n",
	},
	{
		strategy: "template/assignment", name: "reset like its neighbour",
		src:  "type v struct{ major, minor, patch int }\n\nfunc (x *v) bump() {\n\tx.major++\n\tx.patch = 0\n}\n",
		from: "\tx.patch = 0\n", to: "\tx.minor = 0\n\tx.patch = 0\n",
	},
	{
		strategy: "template/condition", name: "of the function",
		src:  "func f(a, b []int) int {\n\tif len(a) > 0 {\n\t\tprintln()\n\t}\n\tif len(b) == 3 {\n\t\treturn 1\n\t}\n\treturn 0\n}\n",
		from: "if len(b) == 3 {", to: "if len(b) > 0 {",
	},
	{
		strategy: "template/number", name: "off by one",
		src:  "func f(n int) bool { return n > 10 }\n",
		from: "10", to: "11",
	},
	{
		strategy: "template/number", name: "bound",
		src:  "func f(s []int, i int) []int { return s[i:] }\n",
		from: "s[i:]", to: "s[i+1:]",
	},
	{
		strategy: "template/number", name: "not off by one",
		src:  "func f(s []int) int { return len(s) - 1 }\n",
		from: "len(s) - 1", to: "len(s)",
	},
	{
		strategy: "template/number", name: "base of the literal",
		src:  "func f(n int) int { return n & 0x1f }\n",
		from: "0x1f", to: "0x20",
	},
	{
		strategy: "template/number", name: "character",
		src:  "func f(c byte) bool { return c >= 'a' && c <= 'y' || c == 'z' }\n",
		from: "'y'", to: "'z'",
	},
	{
		strategy: "template/insert-call", name: "append",
		src:  "type T struct{ items []int }\n\nfunc (t *T) add(n int) {\n\tprintln(n)\n}\n",
		from: "\tprintln(n)", to: "\tt.items = append(t.items, n)\n\tprintln(n)",
	},
	{
		strategy: "template/insert-call", name: "as like code",
		src:  "import \"sync\"\n\ntype T struct {\n\tmu sync.Mutex\n\tn  int\n}\n\nfunc (t *T) a() {\n\tt.mu.Lock()\n\tdefer t.mu.Unlock()\n\tt.n++\n}\n\nfunc (t *T) b() {\n\tt.mu.Lock()\n\tt.n--\n}\n",
		from: "\tt.n--", to: "\tdefer t.mu.Unlock()\n\tt.n--",
	},
	{
		strategy: "template/selector", name: "field",
		src:  "type p struct{ x, y int }\n\nfunc f(a p) int { return a.x + a.x*2 }\n",
		from: "a.x*2", to: "a.y*2",
	},
	{
		strategy: "template/selector", name: "constant of a package",
		src:  "import \"time\"\n\nfunc f() time.Duration { return time.Minute }\n",
		from: "time.Minute", to: "time.Second",
	},
	{
		strategy: "template/wrap-if", name: "nil",
		src:  "func f(done func()) {\n\tdone()\n}\n",
		from: "\tdone()", to: "\tif done != nil {\n\t\tdone()\n\t}",
	},
	{
		strategy: "template/composite", name: "field of the same name",
		src:  "type T struct{ name, kind string }\n\nfunc newT(name, kind string) T { return T{name: name} }\n",
		from: "T{name: name}", to: "T{name: name, kind: kind}",
	},
	{
		strategy: "template/delete", name: "statement",
		src:  "func f(n int) int {\n\tn++\n\treturn n\n}\n",
		from: "\tn++\n", to: "",
	},
	{
		strategy: "template/delete", name: "guard",
		src:  "func f(n int) int {\n\tif n < 0 {\n\t\treturn 0\n\t}\n\treturn n\n}\n",
		from: "\tif n < 0 {\n\t\treturn 0\n\t}\n", to: "",
	},
	{
		strategy: "template/delete", name: "condition",
		src:  "func f(n int) int {\n\tif n < 0 {\n\t\tn = 0\n\t\tprintln()\n\t}\n\treturn n\n}\n",
		from: "\tif n < 0 {\n\t\tn = 0\n\t\tprintln()\n\t}\n", to: "\tn = 0\n\tprintln()\n",
	},
	{strategy: "template/operator", name: "comparison", src: "func f(a, b int) bool { return a < b }\n", from: "a < b", to: "a <= b"},
	{strategy: "template/operator", name: "arithmetic", src: "func f(a, b int) int { return a + b }\n", from: "a + b", to: "a - b"},
	{strategy: "template/operator", name: "logic", src: "func f(a, b bool) bool { return a || b }\n", from: "||", to: "&&"},
	{strategy: "template/operator", name: "assignment", src: "func f(a int) int {\n\ta += 1\n\treturn a\n}\n", from: "+=", to: "-="},
	{strategy: "template/operator", name: "boolean", src: "func f() bool { return true }\n", from: "true", to: "false"},
	{strategy: "template/operator", name: "negation lacks", src: "func f(g func() bool) bool { return g() }\n", from: "g() }", to: "!g() }"},
	{strategy: "template/operator", name: "negation too many", src: "func f(ok bool) bool { return !ok }\n", from: "!ok", to: "ok"},
	{strategy: "template/operator", name: "shadowed", src: "func f() (n int) {\n\t{\n\t\tn := 1\n\t\t_ = n\n\t}\n\treturn\n}\n", from: ":=", to: "="},
	{
		strategy: "template/drop-clause", name: "the second", src: "func f(a, b bool) bool { return a && b }\n",
		from: "a && b", to: "a",
	},
	{
		strategy: "template/drop-clause", name: "the first", src: "func f(a, b bool) bool { return a && b }\n",
		from: "a && b", to: "b",
	},
	{
		strategy: "template/unwrap", name: "call", src: "import \"strings\"\n\nfunc f(s string) string { return strings.ToLower(s) + strings.ToUpper(s) }\n",
		from: "strings.ToLower(s)", to: "s",
	},
	{
		strategy: "template/unwrap", name: "results", src: "func f(a, b int) (int, int) { return b, a }\n",
		from: "b, a", to: "a, b",
	},
	{
		strategy: "template/siblings", name: "every site", src: "func f(s string, a, b int) bool { return s[a] == 'x' && a > 1 }\n",
		from: "s[a] == 'x' && a > 1", to: "s[b] == 'x' && b > 1",
	},
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	tried := make(map[string]bool)
	for _, tc := range fixes {
		tried[tc.strategy] = true
		t.Run(tc.strategy+"/"+tc.name, func(t *testing.T) {
			t.Parallel()
			src := "package m\n\n" + tc.src
			if strings.Count(src, tc.from) != 1 {
				t.Fatalf("%q is %d times in the source", tc.from, strings.Count(src, tc.from))
			}
			p := inMemory(t, map[string]string{"m.go": src})
			p.Failures[0].Output = tc.output
			got := results(t, p, "m.go", tc.strategy)
			want := strings.Replace(src, tc.from, tc.to, 1)
			c, ok := got[want]
			if !ok {
				t.Fatalf("none of %d candidates gives\n%s", len(got), want)
			}
			if c.Title == "" || c.Strategy != tc.strategy || c.Line <= 0 || c.Suspicion <= 0 || c.Suspicion > 1 || c.Prior <= 0 || c.Prior > 1 {
				t.Errorf("candidate %+v", c)
			}
			if c.Removed < 0 || c.Removed > 1 || c.Alike < 0 || c.Alike > 1 {
				t.Errorf("removed %v, alike %v", c.Removed, c.Alike)
			}
			if tc.strategy == "template/string" && !c.Review {
				t.Error("a string that the test expects asks for no review")
			}
			if tc.strategy == "template/delete" && c.Removed == 0 {
				t.Error("a deletion takes no behaviour away")
			}
			for text, c := range got {
				if _, err := parser.ParseFile(token.NewFileSet(), "m.go", text, 0); err != nil {
					t.Errorf("%s: %v", c.Title, err)
				}
			}
		})
	}
	for _, s := range templates {
		if !tried[s.Name] {
			t.Errorf("%s has no case", s.Name)
		}
	}
}

// A literal is replaced by what the failing test's source holds, too.
func TestStringFromTheTest(t *testing.T) {
	t.Parallel()
	root := onDisk(t, map[string]string{
		"m.go":      "package m\n\nfunc f() string { return \"colour\" }\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc Test(t *testing.T) {\n\tif f() != \"color\" {\n\t\tt.Fail()\n\t}\n}\n\nfunc TestOther(t *testing.T) { _ = \"colours\" }\n",
	})
	p := inMemory(t, map[string]string{"m.go": "package m\n\nfunc f() string { return \"colour\" }\n"})
	p.Tree.Root = root
	p.Failures[0].File = "m_test.go"
	got := results(t, p, "m.go", "template/string")
	if c, ok := got["package m\n\nfunc f() string { return \"color\" }\n"]; !ok || !c.Review {
		t.Errorf("candidates %v", got)
	}
	if _, ok := got["package m\n\nfunc f() string { return \"colours\" }\n"]; ok {
		t.Error("a string of another test is proposed")
	}
}

// A word is taken from a long text that the failing test names at package level.
func TestStringFromALongText(t *testing.T) {
	t.Parallel()
	source := "package m\n\nfunc f() string { return \"string\" }\n"
	root := onDisk(t, map[string]string{
		"m.go":      source,
		"m_test.go": "package m\n\nimport \"testing\"\n\nconst usage = `\n  --names strings   names of things\n  --other string    another one\n`\n\nvar unused = `stringss to be`\n\nfunc Test(t *testing.T) {\n\tif f() != usage {\n\t\tt.Fail()\n\t}\n}\n",
	})
	p := inMemory(t, map[string]string{"m.go": source})
	p.Tree.Root = root
	p.Failures[0].File = "m_test.go"
	got := results(t, p, "m.go", "template/string")
	if c, ok := got["package m\n\nfunc f() string { return \"strings\" }\n"]; !ok || !c.Review {
		t.Errorf("candidates %v", got)
	}
	if _, ok := got["package m\n\nfunc f() string { return \"stringss\" }\n"]; ok {
		t.Error("a word of what the test does not name is proposed")
	}
}

// What ends everything, or half of a pair that waits, is no call to insert.
func TestInsertCallKeepsOut(t *testing.T) {
	t.Parallel()
	p := inMemory(t, map[string]string{
		"m.go": "package m\n\nimport \"sync\"\n\nfunc f(n int, mu *sync.Mutex) int {\n\tif n < 0 {\n\t\tpanic(\"negative\")\n\t}\n\tmu.Lock()\n\tprintln(n)\n\treturn n\n}\n",
	})
	got := results(t, p, "m.go", "template/insert-call")
	if len(got) == 0 {
		t.Fatal("nothing is proposed")
	}
	for text, c := range got {
		if strings.Count(text, "panic(") > 1 || strings.Count(text, "Lock()") > 1 {
			t.Error(c.Title)
		}
	}
}

// What is not suspicious, generated, a test's or not editable stays untouched.
func TestTemplatesKeepOut(t *testing.T) {
	t.Parallel()
	p := inMemory(t, map[string]string{
		"a.go":      "package m\n\nfunc a1(a, b int) bool { return a < b }\n\nfunc a2(a, b int) bool { return a < b }\n",
		"gen.go":    "// Code generated by x. DO NOT EDIT.\n\npackage m\n\nfunc g(a, b int) bool { return a < b }\n",
		"locked.go": "package m\n\nfunc l(a, b int) bool { return a < b }\n",
		"m_test.go": "package m\n\nfunc t(a, b int) bool { return a < b }\n",
	})
	p.Editable = func(file string) bool { return file != "locked.go" && !strings.HasSuffix(file, "_test.go") }
	p.Suspects[0] = localize.Suspect{File: "a.go", Start: 5, End: 5, Score: 0.5}
	cands, errs := Generate(context.Background(), p, templates)
	if len(errs) > 0 || len(cands) == 0 {
		t.Fatalf("%d candidates, %v", len(cands), errs)
	}
	for _, c := range cands {
		if c.File() != "a.go" || c.Line != 5 {
			t.Errorf("%s in %s:%d", c.Title, c.File(), c.Line)
		}
	}
}

// onDisk writes files into a directory.
func onDisk(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
