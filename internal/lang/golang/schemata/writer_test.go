package schemata

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// shapes are functions of every form that a dispatcher must handle. In each, a candidate changes
// "old NAME" to "new NAME", and NAME() returns that text.
const shapes = `
-- m.go --
package m

import (
	"errors"
	"fmt"
	"strings"
)

type box struct{ s string }

type pair[K comparable, V any] struct {
	k K
	v V
}

// Plain, with a trailing comment after the brace.
func plain() string { // comment
	return "old Plain"
}

func oneLine() string { return "old OneLine" }

func (b *box) set(s string) { b.s = "old Pointer" + s }

func Pointer() string { b := new(box); b.set(""); return b.s }

func (b box) get() string { return "old Value" + b.s }

func Value() string { return box{}.get() }

func (*box) anonymous() string { return "old Anonymous" }

func Anonymous() string { return new(box).anonymous() }

func (_ box) blank() string { return "old Blank" }

func Blank() string { return box{}.blank() }

func generic[T any, U fmt.Stringer](t T, u ...U) string { return fmt.Sprint("old Generic", len(u)) }

func Generic() string { return strings.TrimSuffix(generic[int, fmt.Stringer](1), "0") }

func inferred[S ~[]E, E any](s S) string { return fmt.Sprint("old Inferred", len(s)) }

func Inferred() string { return strings.TrimSuffix(inferred([]int{}), "0") }

func (p pair[K, _]) key() string { return fmt.Sprint("old MethodOfGeneric", p.k) }

func MethodOfGeneric() string { return strings.TrimSuffix(pair[int, string]{}.key(), "0") }

func variadic(sep string, parts ...string) string { return "old Variadic" + strings.Join(parts, sep) }

func Variadic() string { return strings.TrimSuffix(variadic("-", "a", "b"), "a-b") }

func nilVariadic(parts ...string) string {
	if parts == nil {
		return "old NilVariadic"
	}
	return "not nil"
}

func NilVariadic() string { return nilVariadic() }

func unnamed(int, ...string) string { return "old Unnamed" }

func Unnamed() string { return unnamed(1, "x") }

func blanks(_ int, s, _ string, _ ...error) string { return "old Underscores" + s }

func Underscores() string { return blanks(1, "", "x") }

func named(n int) (s string, err error) {
	defer func() {
		if err != nil {
			s = "old Named"
		}
	}()
	err = errors.New("x")
	return
}

func Named() string { s, _ := named(1); return s }

func recovers() (s string) {
	defer func() {
		if recover() != nil {
			s = "old Recover"
		}
	}()
	panic("x")
}

func Recover() string { return recovers() }

// handle recovers for whoever defers it, which works only one call deep.
func handle(s *string) {
	if recover() != nil {
		*s = "old Deferred"
	}
}

func Deferred() (s string) {
	defer handle(&s)
	panic("x")
}

func labels() string {
	s := ""
outer:
	for i := range 3 {
		for range 3 {
			if i == 1 {
				s = "old Labels"
				break outer
			}
			continue outer
		}
	}
	if s != "" {
		goto end
	}
	s = "never"
end:
	return s
}

func Labels() string { return labels() }

func closure() func() string {
	s := "old"
	return func() string { s += " Closure"; return s }
}

func Closure() string { return closure()() }

func multi(a, b string) (string, error, int) {
	return "old Multi" + a + b, nil, 1
}

func Multi() string { s, _, _ := multi("", ""); return s }

func shadow(shadow string, string int) any { return "old Shadow" + shadow }

func Shadow() string { return fmt.Sprint(shadow("", 1)) }

func spread(
	first string, // on a line of its own
	second string,
) (
	out string,
) {
	out = "old Spread" +
		first + second
	return out
}

func Spread() string { return spread("", "") }

func recursive(n int) string {
	if n == 0 {
		return "old Recursive"
	}
	return recursive(n - 1)
}

func Recursive() string { return recursive(3) }

var variable = "old Variable"

func Variable() string { return variable }

var called = func() string { return "old Called" }

func Called() string { return called() }

var early = atInit()

func atInit() string { return "old AtInit" }

func AtInit() string { return early }

func Plain() string   { return plain() }
func OneLine() string { return oneLine() }
-- m_test.go --
package m

import "testing"

func check(t *testing.T, got func() string) {
	if s := got(); s != "new "+t.Name()[4:] {
		t.Error(s)
	}
}
`

func TestSchemata(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name             string
		pooled, indirect bool
	}{{"direct", false, false}, {"pooled", true, false}, {"indirect", true, true}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			testSchemata(t, tc.pooled, tc.indirect)
		})
	}
}

func testSchemata(t *testing.T, pooled, indirect bool) {
	var names []string
	for _, m := range regexp.MustCompile(`old (\w+)`).FindAllStringSubmatch(shapes, -1) {
		names = append(names, m[1])
	}
	names = append(names, "Closure") // which builds its text
	archive := shapes
	for _, name := range names {
		archive += fmt.Sprintf("\nfunc Test%s(t *testing.T) { check(t, %[1]s) }\n", name)
	}
	f := newFixture(t, archive)
	pkg, err := f.s.opt.Tree.Load(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	var mutants []mutant
	for i, name := range names {
		old := `"old ` + name
		if name == "Closure" {
			old = `"old"`
		}
		c := f.swap("m.go", old, strings.Replace(old, "old", "new", 1))
		if err := f.s.opt.Tree.Check(pkg, &c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		mutants = append(mutants, mutant{i + 1, &c})
	}
	w := newWriter(pooled, nil)
	w.indirect = indirect
	files, rest, broken := w.write(pkg, mutants)
	if len(broken) > 0 {
		t.Errorf("broken: %v", broken)
	}
	for _, m := range rest {
		if name := names[m.ID-1]; name != "Deferred" {
			t.Errorf("%s is not a mutant", name)
		}
	}
	if errs := pkg.CheckAdded(map[string]string{"m.go": w.added["m.go"].text}, selectorDecls+w.valueFuncDecls()); len(errs) > 0 {
		t.Errorf("%v\n%s", errs, w.added["m.go"].text)
	}
	opt := gotest.BuildOptions{Overlay: files, NoVet: true}
	if pooled {
		opt.System = f.s.pooling(t.Context())
	}
	binary, err := f.s.opt.Suite.Build(t.Context(), pkg.Path, opt)
	if err != nil {
		t.Fatalf("%v\n%s", err, files["m.go"])
	}
	t.Cleanup(func() { _ = binary.Remove() })
	for id := range len(names) + 1 {
		var want []string
		if id > 0 && !slices.ContainsFunc(rest, func(m mutant) bool { return m.ID == id }) {
			want = []string{"Test" + names[id-1]}
			if indirect && names[id-1] == "AtInit" {
				want = nil // it ran before mutants were active
			}
		}
		res, err := binary.Run(t.Context(), gotest.BinaryRun{Verbose: true, Env: []string{selected(id)}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range regexp.MustCompile(`--- PASS: (\w+)`).FindAllSubmatch(res.Output, -1) {
			got = append(got, string(m[1]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("with mutant %d, %v pass, want %v\n%s", id, got, want, res.Output)
		}
	}
}

// sites has the cases in which a choice between statements needs care.
const sites = `package m

func f(list []int) (sum int, err error) {
	count := 0
	for i, n := range list {
		if n > 1 { // big
			sum += n
			count++
		}
		switch n {
		case 1:
			sum--
			fallthrough
		case 2:
			sum++
		default:
			half := n / 2
			sum += half
		}
		i, more := i+1, 2
		_, _ = i, more
	}
	last, err := count, err
	sum += last
next:
	for range list {
		continue next
	}
	return sum, err
}
`

func TestFindSite(t *testing.T) {
	t.Parallel()
	pkg := packageOf(t, sites)
	file := pkg.Files[0]
	decl := file.Syntax.Decls[0].(*ast.FuncDecl)
	conf := types.Config{}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	if _, err := conf.Check("m", pkg.Fset, []*ast.File{file.Syntax}, info); err != nil {
		t.Fatal(err)
	}
	declared := func(id *ast.Ident) token.Pos {
		if info.Uses[id] == nil {
			return token.NoPos
		}
		return info.Uses[id].Pos()
	}
	for _, tc := range []struct {
		name, old, new string
		text           string // "" if the candidate needs a copy of the function
	}{
		{"a statement", "sum += half", "sum -= half", "sum -= half"},
		{"a condition includes its body", "n > 1", "n > 2", "if n > 2 { // big\n\t\t\tsum += n\n\t\t\tcount++\n\t\t}"},
		{"an inserted statement", "sum += n", "if n == 3 {\n\t\t\t\tcontinue\n\t\t\t}\n\t\t\tsum += n", "if n == 3 {\n\t\t\t\tcontinue\n\t\t\t}"},
		{"a declaration includes the rest", "n / 2", "n / 3", "half := n / 3\n\t\t\tsum += half"},
		{"fallthrough stays the last", "fallthrough", "sum--", "switch n {\n\t\tcase 1:\n\t\t\tsum--\n\t\t\tsum--\n\t\tcase 2:\n\t\t\tsum++\n\t\tdefault:\n\t\t\thalf := n / 2\n\t\t\tsum += half\n\t\t}"},
		{"a := of an outer variable", "last, err := count, err", "last, err := 1, err", ""},
		{"a := of new variables", "i+1, 2", "i+1, 3", "i, more := i+1, 3\n\t\t_, _ = i, more"},
		{"a label", "continue next", "break next", "break next"},
		{"the labeled statement", "for range list {", "for range list[1:] {", ""},
		{"an inserted text that continues a statement", "sum += half", "sum += half + 1", "sum += half + 1"},
		{"a clause after a statement", "sum++", "sum++\n\t\tcase 7:\n\t\t\tsum = 0", "switch n {\n\t\tcase 1:\n\t\t\tsum--\n\t\t\tfallthrough\n\t\tcase 2:\n\t\t\tsum++\n\t\tcase 7:\n\t\t\tsum = 0\n\t\tdefault:\n\t\t\thalf := n / 2\n\t\t\tsum += half\n\t\t}"},
		{"an assignment that becomes a declaration", "sum += half", "sum := half; _ = sum", ""},
	} {
		c := swapIn(t, "m.go", sites, tc.old, tc.new)
		if tc.name == "an inserted statement" {
			at := strings.Index(sites, "sum += n")
			c.Edits = []propose.Edit{{File: "m.go", Start: at, End: at, New: strings.TrimSuffix(tc.new, "sum += n")}}
		}
		start, end, text, ok, err := findSite(file, blocksOf(file, decl), declared, c.Edits, nil)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if ok != (tc.text != "") || ok && strings.TrimSpace(text) != tc.text {
			t.Errorf("%s: %t %q for %q, want %q", tc.name, ok, text, sites[start:end], tc.text)
		}
	}
	broken := swapIn(t, "m.go", sites, "sum += n", "sum += n }")
	if _, _, _, _, err := findSite(file, blocksOf(file, decl), declared, broken.Edits, nil); err == nil {
		t.Error("findSite accepts an edit that closes its block")
	}
}

// Sites of one function are disjoint or nested: if two crossed, one would end inside the other's
// choice.
func TestSitesNest(t *testing.T) {
	t.Parallel()
	pkg := packageOf(t, sites)
	file := pkg.Files[0]
	decl := file.Syntax.Decls[0].(*ast.FuncDecl)
	blocks := blocksOf(file, decl)
	unknown := func(*ast.Ident) token.Pos { return token.NoPos }
	var statements []ast.Stmt
	for _, b := range blocks {
		statements = append(statements, b.list...)
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (start, end int) {
			s := rapid.SampledFrom(statements).Draw(t, name)
			start, end = file.Offset(s.Pos()), file.Offset(s.End())
			for range rapid.IntRange(0, 5).Draw(t, name+" and space after") {
				if strings.ContainsRune(" \t\n", rune(sites[end])) {
					end++
				}
			}
			text := rapid.SampledFrom([]string{"", "\n", "sum++\n"}).Draw(t, name+" becomes")
			start, end, _, ok, err := findSite(file, blocks, unknown, []propose.Edit{{File: "m.go", Start: start, End: end, New: text}}, nil)
			if err != nil || !ok {
				t.Skip("no site")
			}
			return start, end
		}
		a, b := draw("one")
		c, d := draw("other")
		apart := b <= c || d <= a
		within := a <= c && d <= b || c <= a && b <= d
		if !apart && !within {
			t.Fatalf("%q and %q cross", sites[a:b], sites[c:d])
		}
	})
}

// packageOf returns a package of one file, loaded without the go command.
func packageOf(t interface{ Fatalf(string, ...any) }, src string) *source.Package {
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, "m.go", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return &source.Package{
		Path: "example.com/m", Dir: ".", Fset: fset, Types: types.NewPackage("example.com/m", "m"),
		Files: []*source.File{{Name: "m.go", Src: []byte(src), Syntax: syntax, Tok: fset.File(syntax.FileStart)}},
	}
}

// drawFunction draws a function whose body has a line "_ = MARK" to be replaced.
func drawFunction(t *rapid.T, i int) string {
	name := fmt.Sprintf("f%d", i)
	recv := rapid.SampledFrom([]string{"", "(r *T) ", "(T) ", "(_ *T) ", "(g G[X]) ", "(G[_]) "}).Draw(t, "receiver")
	params := rapid.SliceOfN(rapid.SampledFrom([]string{"a int", "_ string", "b, _ []T", "c,\n\td map[string]int", "e func(int) (string, error)"}), 0, 3).Draw(t, "parameters")
	for k, p := range params {
		params[k] = regexp.MustCompile(`\b[a-e]\b`).ReplaceAllStringFunc(p, func(s string) string { return fmt.Sprint(s, k) })
	}
	if rapid.Bool().Draw(t, "variadic") {
		params = append(params, "rest ...any")
	}
	if len(params) == 0 && rapid.Bool().Draw(t, "unnamed") {
		params = []string{"int", "...error"}
	}
	targs := ""
	if recv == "" {
		targs = rapid.SampledFrom([]string{"", "[P any]", "[P, Q comparable, R ~[]P]"}).Draw(t, "type parameters")
	}
	results := rapid.SampledFrom([]string{"", " int", " (n int)", " (string, error)", " (\n\ts string,\n\terr error,\n)"}).Draw(t, "results")
	value := map[string]string{"": "", " int": " 1", " (n int)": ""}
	ret, ok := value[results]
	if !ok {
		ret = ` "", nil`
	}
	body := strings.Repeat("\n\t// more\n", rapid.IntRange(0, 3).Draw(t, "lines"))
	space := rapid.SampledFrom([]string{"\n", " // comment\n", " ; ; \n"}).Draw(t, "space")
	return fmt.Sprintf("\n// doc\nfunc %s%s%s(%s)%s {%s%s\t_ = %d\n\treturn%s\n}\n",
		recv, name, targs, strings.Join(params, ", "), results, space, body, 1000+i, ret)
}

// A file of mutants compiles, and all original code stays on its line.
func TestWriteKeepsLines(t *testing.T) {
	t.Parallel()
	std := importer.Default()
	rapid.Check(t, func(t *rapid.T) {
		src := "package m\n\ntype T struct{}\n\ntype G[E any] struct{}\n"
		n := rapid.IntRange(1, 5).Draw(t, "functions")
		for i := range n {
			src += drawFunction(t, i)
		}
		pkg := packageOf(t, src)
		var mutants []mutant
		for i := range n {
			for range rapid.IntRange(0, 3).Draw(t, "candidates") {
				at := strings.Index(src, fmt.Sprint("_ = ", 1000+i))
				text := rapid.SampledFrom([]string{"_ = 1", "if true {\n\t}", "", "panic(1)\n", "for {\n\tbreak\n}\n\n"}).Draw(t, "text")
				mutants = append(mutants, mutant{len(mutants) + 1, &propose.Candidate{Edits: []propose.Edit{{File: "m.go", Start: at, End: at + 8, New: text}}}})
			}
		}
		w := newWriter(false, nil)
		files, rest, _ := w.write(pkg, mutants)
		if len(rest) > 0 {
			t.Fatalf("%d of %d are not mutants", len(rest), len(mutants))
		}
		if len(mutants) == 0 {
			return
		}
		text := string(files["m.go"])
		for i := range n {
			mark := fmt.Sprint("_ = ", 1000+i)
			if a, b := lineOf(src, mark), lineOf(text, mark); a != b {
				t.Fatalf("line %d moved to %d:\n%s", a, b, text)
			}
		}
		fset := token.NewFileSet()
		var parsed []*ast.File
		for _, name := range slices.Sorted(maps.Keys(files)) {
			f, err := parser.ParseFile(fset, name, files[name], 0)
			if err != nil {
				t.Fatalf("%v\n%s", err, files[name])
			}
			parsed = append(parsed, f)
		}
		conf := types.Config{Importer: std}
		if _, err := conf.Check("m", fset, parsed, nil); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		// The spans cover exactly each mutant's own copy.
		for i, line := range strings.Split(text, "\n") {
			ids := w.at("m.go", i+1)
			head := regexp.MustCompile(`^func (?:\([^)]*\) )?regreen(\d+)_`).FindStringSubmatch(line)
			if head != nil && (len(ids) == 0 || head[1] != fmt.Sprint(ids[0])) {
				t.Fatalf("line %d begins the copy of mutant %s, attributed to %v", i+1, head[1], ids)
			}
			if len(ids) > 0 && i < strings.Count(src, "\n") {
				t.Fatalf("line %d is original code, attributed to mutant %v", i+1, ids)
			}
		}
	})
}

func lineOf(src, text string) int {
	return 1 + strings.Count(src[:strings.Index(src, text)], "\n")
}

func TestNoMutant(t *testing.T) {
	t.Parallel()
	const src = `package m

func init() { _ = 1 }

func main() { _ = 2 }

func _() { _ = 3 }

func f[_ any]() { _ = 4 }

func g(a int) { _ = 5 }

func h() { defer func() { recover() }(); _ = 6 }

func r() { recover(); _ = 7 }

const c = 8

func two() { _ = 9 }
`
	pkg := packageOf(t, src)
	whole := swapIn(t, "m.go", src, "_ = 9", "_ = 10")
	whole.Whole = true
	for _, tc := range []struct {
		name string
		c    propose.Candidate
		is   bool
	}{
		{"init", swapIn(t, "m.go", src, "_ = 1", "_ = 0"), true},
		{"main", swapIn(t, "m.go", src, "_ = 2", "_ = 0"), false},
		{"blank function", swapIn(t, "m.go", src, "_ = 3", "_ = 0"), false},
		{"blank type parameter", swapIn(t, "m.go", src, "_ = 4", "_ = 0"), false},
		{"body", swapIn(t, "m.go", src, "_ = 5", "_ = 0"), true},
		{"signature", swapIn(t, "m.go", src, "a int", "a string"), false},
		{"recover in a closure", swapIn(t, "m.go", src, "_ = 6", "_ = 0"), true},
		{"recover for a caller's defer", swapIn(t, "m.go", src, "_ = 7", "_ = 0"), false},
		{"constant", swapIn(t, "m.go", src, "c = 8", "c = 0"), false},
		{"whole", whole, false},
		{"two functions", propose.Candidate{Edits: []propose.Edit{
			swapIn(t, "m.go", src, "_ = 5", "_ = 0").Edits[0], swapIn(t, "m.go", src, "_ = 9", "_ = 0").Edits[0],
		}}, true},
		{"a function and a constant", propose.Candidate{Edits: []propose.Edit{
			swapIn(t, "m.go", src, "_ = 5", "_ = 0").Edits[0], swapIn(t, "m.go", src, "c = 8", "c = 0").Edits[0],
		}}, false},
		{"two functions, one of which asks for its caller", propose.Candidate{Edits: []propose.Edit{
			swapIn(t, "m.go", src, "_ = 5", "_ = 0").Edits[0], swapIn(t, "m.go", src, "_ = 7", "_ = 0").Edits[0],
		}}, false},
		{"another file", propose.Candidate{Edits: []propose.Edit{{File: "x.go"}}}, false},
	} {
		w := newWriter(false, nil)
		files, rest, _ := w.write(pkg, []mutant{{1, &tc.c}})
		if is := len(rest) == 0; is != tc.is || is != (len(files) > 0) {
			t.Errorf("%s: became a mutant: %t, want %t; %d files", tc.name, is, tc.is, len(files))
		}
	}
}

func TestDropRefused(t *testing.T) {
	t.Parallel()
	at := func(file string, line int) testrun.Position {
		return testrun.Position{Location: testrun.Location{File: file, Line: line}, Message: "bad"}
	}
	spans := map[string][]span{"a/a.go": {{10, 12, []int{1}}, {14, 20, []int{2}}}, "b/b.go": {{5, 5, []int{3}}}}
	for _, tc := range []struct {
		name    string
		build   gotest.BuildError
		refused []int
	}{
		{"by position", gotest.BuildError{Positions: []testrun.Position{at("a/a.go", 12)}}, []int{1}},
		{"two in two packages", gotest.BuildError{Positions: []testrun.Position{at("a/a.go", 14), at("b/b.go", 5)}}, []int{2, 3}},
		{"between candidates", gotest.BuildError{Positions: []testrun.Position{at("a/a.go", 13)}}, nil},
		{"another file", gotest.BuildError{Positions: []testrun.Position{at("b/a.go", 12)}}, nil},
		{"by name", gotest.BuildError{Positions: []testrun.Position{at("a/a.go", 1)}, Output: "refers to regreen2_f"}, []int{2}},
		{"error in the original", gotest.BuildError{Positions: []testrun.Position{at("a/a.go", 1)}, Output: "bad"}, nil},
	} {
		byDir := map[string][]mutant{"a": {{1, nil}, {2, nil}}, "b": {{3, nil}}}
		results := make([]validate.Result, 3)
		b := &batch{byDir: byDir, results: results}
		dropped := b.dropRefused(&writer{spans: spans}, &tc.build)
		var refused []int
		for i, r := range results {
			if r.Verdict == validate.IllTyped {
				refused = append(refused, i+1)
				if r.Reason == "" || r.Stage != validate.StageScreen {
					t.Errorf("%s: candidate %d: %+v", tc.name, i+1, r)
				}
			}
		}
		left := len(byDir["a"]) + len(byDir["b"])
		if !slices.Equal(refused, tc.refused) || dropped != (len(tc.refused) > 0) || left != 3-len(tc.refused) {
			t.Errorf("%s: refused %v (%t, %d left), want %v", tc.name, refused, dropped, left, tc.refused)
		}
	}
}

// A statement inserted after the last one of a block can use the declarations before it, even if
// another candidate turns these statements into a choice.
func TestWriteKeepsScope(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
-- p/p.go --
package p

var joy = 1

func Joy(n int) (out int) {
	{
		joy := n
		out = joy + 0
	}
	return out
}
-- p/p_test.go --
package p

import "testing"

func TestJoy(t *testing.T) {
	if got := Joy(4); got != 8 {
		t.Error(got)
	}
}
`)
	src, err := f.v.Tree.Read("p/p.go")
	if err != nil {
		t.Fatal(err)
	}
	const last = "out = joy + 0"
	at := strings.Index(string(src), last) + len(last)
	insert := propose.Candidate{Strategy: "test", Title: "insert", Line: 8, Edits: []propose.Edit{{File: "p/p.go", Start: at, End: at, New: "\n\t\tout += joy"}}}
	results, _ := f.v.Screen(t.Context(), target("example.com/m/p", "TestJoy"), []propose.Candidate{
		f.swap("p/p.go", "joy := n", "joy := n + 1"), insert, f.swap("p/p.go", "joy + 0", "joy + 1"),
	})
	if got := verdicts(results); !slices.Equal(got, []validate.Verdict{validate.Rejected, validate.Plausible, validate.Rejected}) {
		t.Errorf("got %v (%s)", got, results[1].Reason)
	}
}
