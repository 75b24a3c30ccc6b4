// Package harmless changes Go code without changing what it does, and reports whether two
// files differ only in layout and comments. Benchmarks hide a bug among harmless changes, and
// compare a patch with the real fix.
//
// Goals: the same seed makes the same changes; a changed tree still builds and passes its
// tests.
//
// Non-goal: refactoring. The changes are small, and known by their lines.
package harmless

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Span is a range of lines of a file, counted from 1, both ends included.
type Span struct {
	File       string // slash-separated, relative to the root
	Start, End int
}

// Overlaps reports whether two spans have a line in common.
func (s Span) Overlaps(o Span) bool {
	return s.File == o.File && s.Start <= o.End && o.Start <= s.End
}

// Widen returns the span with n lines more at either end.
func (s Span) Widen(n int) Span { return Span{s.File, s.Start - n, s.End + n} }

// Distance is the least number of untouched lines between two hunks. It is larger than the
// usual context, so that a diff never joins them.
const Distance = 10

// editor makes one harmless change to a Go file and returns the new text and the changed
// lines. It keeps the number of lines, except after the last one, and stays away from the
// spans in avoid. If the file has no place for the change, ok is false.
type editor func(f *goFile, rng *rand.Rand, avoid []Span) (src []byte, changed Span, ok bool)

// editors make the five hunks that a bug hides among, in this order.
var editors = []editor{
	renameLocal, editComment, swapFunctions, addFunction, editDoc,
}

// goFile is a parsed file of the module.
type goFile struct {
	name string // slash-separated, relative to the module's root
	src  []byte
	fset *token.FileSet
	ast  *ast.File
}

func parseFile(name string, src []byte) (*goFile, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	return &goFile{name, src, fset, f}, nil
}

func (f *goFile) line(p token.Pos) int   { return f.fset.Position(p).Line }
func (f *goFile) offset(p token.Pos) int { return f.fset.Position(p).Offset }

func (f *goFile) span(from, to token.Pos) Span { return Span{f.name, f.line(from), f.line(to)} }

// ErrNoPlace is the error for a module that is too small for the changes.
var ErrNoPlace = errors.New("the module has no places for the harmless hunks")

// Change makes one change of each kind to the module in dir, away from bug, and returns
// their lines. If a small module has no place for one kind, the next kind is used twice. The
// same seed always makes the same hunks.
func Change(dir, seed string, bug Span) ([]Span, error) {
	names, err := sources(dir)
	if err != nil {
		return nil, err
	}
	rng := newRand(seed)
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })

	hunks := []Span{bug}
	for i := range editors {
		order := names
		if i < 2 {
			// Hunks in the same file are the hardest to distinguish from the bug.
			order = append([]string{bug.File}, order...)
		}
		for j := range editors {
			changed, ok, err := makeHunk(dir, editors[(i+j)%len(editors)], order, rng, hunks)
			if err != nil {
				return nil, err
			}
			if ok {
				hunks = append(hunks, changed)
				break
			}
		}
	}
	if len(hunks) <= len(editors) {
		return nil, fmt.Errorf("%w: only for %d of %d", ErrNoPlace, len(hunks)-1, len(editors))
	}
	return hunks[1:], nil
}

// newRand returns a random source that depends on id alone.
func newRand(id string) *rand.Rand {
	hash := fnv.New64a()
	hash.Write([]byte(id))
	return rand.New(rand.NewPCG(hash.Sum64(), 0))
}

// makeHunk changes the first file that has a place for the edit.
func makeHunk(dir string, edit editor, names []string, rng *rand.Rand, avoid []Span) (Span, bool, error) {
	for _, name := range names {
		full := filepath.Join(dir, filepath.FromSlash(name))
		src, err := os.ReadFile(full)
		if err != nil {
			return Span{}, false, err
		}
		f, err := parseFile(name, src)
		if err != nil {
			continue // some files are not meant to parse
		}
		if after, changed, ok := edit(f, rng, avoid); ok {
			return changed, true, os.WriteFile(full, after, 0o644)
		}
	}
	return Span{}, false, nil
}

// sources returns the module's files that every build compiles: no tests, no files for some
// systems only, no files outside the module's packages.
func sources(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name == dir {
				return nil
			}
			if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		// The part after an underscore may be a system, or "test".
		if path.Ext(base) != ".go" || strings.HasPrefix(base, ".") || strings.Contains(base, "_") {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if bytes.Contains(src, []byte("//go:build")) || bytes.Contains(src, []byte("// +build")) || bytes.Contains(src, []byte("DO NOT EDIT")) {
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		names = append(names, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("the module has no Go files to change harmlessly")
	}
	return names, nil
}

// free reports whether s keeps the distance from all of avoid.
func free(s Span, avoid []Span) bool {
	return !slices.ContainsFunc(avoid, s.Widen(Distance).Overlaps)
}

// renameLocal renames a variable of a function if its uses are close together.
func renameLocal(f *goFile, rng *rand.Rand, avoid []Span) ([]byte, Span, bool) {
	type variable struct {
		uses []*ast.Ident
		at   Span
	}
	var found []variable
	for _, uses := range f.locals() {
		at := f.span(uses[0].Pos(), uses[len(uses)-1].Pos())
		if len(uses) > 1 && at.End-at.Start < 5 && free(at, avoid) {
			found = append(found, variable{uses, at})
		}
	}
	if len(found) == 0 {
		return nil, Span{}, false
	}
	v := found[rng.IntN(len(found))]
	name := v.uses[0].Name + "Value"
	if bytes.Contains(f.src, []byte(name)) {
		return nil, Span{}, false
	}
	var out []byte
	last := 0
	for _, use := range v.uses {
		at := f.offset(use.Pos())
		out = append(append(out, f.src[last:at]...), name...)
		last = at + len(use.Name)
	}
	return append(out, f.src[last:]...), v.at, true
}

// locals returns the uses of each variable that the functions of f declare with :=, in the
// order of the text. It does not follow imports, so types remain unknown, but scopes do not
// depend on types. Keys of composite literals do: they may be fields or variables. A name
// that is used as one is left out.
func (f *goFile) locals() [][]*ast.Ident {
	info := types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: noImports{}, Error: func(error) {}}
	_, _ = config.Check(f.name, f.fset, []*ast.File{f.ast}, &info) // undefined names are expected

	uses := map[types.Object][]*ast.Ident{}
	var order []types.Object
	unsure := map[string]bool{"_": true}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok {
				unsure[key.Name] = true
			}
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if id, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE && info.Defs[id] != nil {
					order = append(order, info.Defs[id])
				}
			}
		case *ast.Ident:
			if obj := info.ObjectOf(n); obj != nil {
				uses[obj] = append(uses[obj], n)
			}
		}
		return true
	})
	var list [][]*ast.Ident
	for _, obj := range order {
		if !unsure[obj.Name()] {
			list = append(list, uses[obj])
		}
	}
	return list
}

// noImports is an importer that finds no package.
type noImports struct{}

func (noImports) Import(path string) (*types.Package, error) {
	return nil, fmt.Errorf("package %s is not followed", path)
}

// editComment changes a comment inside a function.
func editComment(f *goFile, rng *rand.Rand, avoid []Span) ([]byte, Span, bool) {
	var comments []*ast.Comment
	for _, d := range f.ast.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		for _, group := range f.ast.Comments {
			if group.Pos() > fn.Body.Pos() && group.End() < fn.Body.End() {
				comments = append(comments, group.List[len(group.List)-1])
			}
		}
	}
	return f.rewordOne(comments, " See the tests.", rng, avoid)
}

// editDoc changes the doc comment of a declaration.
func editDoc(f *goFile, rng *rand.Rand, avoid []Span) ([]byte, Span, bool) {
	var comments []*ast.Comment
	for _, d := range f.ast.Decls {
		var doc *ast.CommentGroup
		switch d := d.(type) {
		case *ast.FuncDecl:
			doc = d.Doc
		case *ast.GenDecl:
			doc = d.Doc
		}
		if doc != nil {
			comments = append(comments, doc.List[0])
		}
	}
	return f.rewordOne(comments, " (reworded)", rng, avoid)
}

// rewordOne adds words to one of the comments that are prose on a line of their own.
func (f *goFile) rewordOne(comments []*ast.Comment, words string, rng *rand.Rand, avoid []Span) ([]byte, Span, bool) {
	comments = slices.DeleteFunc(comments, func(c *ast.Comment) bool {
		before := f.src[:f.offset(c.Pos())]
		ownLine := len(bytes.TrimSpace(before[bytes.LastIndexByte(before, '\n')+1:])) == 0
		prose := strings.HasPrefix(c.Text, "// ") && len(c.Text) > 15 && !strings.ContainsAny(c.Text, "{}`")
		return !ownLine || !prose || !free(f.span(c.Pos(), c.Pos()), avoid)
	})
	if len(comments) == 0 {
		return nil, Span{}, false
	}
	c := comments[rng.IntN(len(comments))]
	at := f.offset(c.Pos()) + len(c.Text)
	if f.src[at-1] == '\r' || at > len(f.src) {
		return nil, Span{}, false
	}
	return slices.Concat(f.src[:at], []byte(words), f.src[at:]), f.span(c.Pos(), c.Pos()), true
}

// swapFunctions swaps two short functions that follow one another.
func swapFunctions(f *goFile, rng *rand.Rand, avoid []Span) ([]byte, Span, bool) {
	const short = 12
	type pair struct{ a, b, end int } // offsets: where the functions start, and the second's end
	var found []pair
	var spans []Span
	for i := 1; i < len(f.ast.Decls); i++ {
		first, ok1 := f.ast.Decls[i-1].(*ast.FuncDecl)
		second, ok2 := f.ast.Decls[i].(*ast.FuncDecl)
		if !ok1 || !ok2 || first.Name.Name == "init" || second.Name.Name == "init" {
			continue
		}
		start1, start2 := start(first), start(second)
		between := f.src[f.offset(first.End()):f.offset(start2)]
		at := f.span(start1, second.End())
		if len(bytes.TrimSpace(between)) != 0 || f.line(first.End())-f.line(start1) > short ||
			f.line(second.End())-f.line(start2) > short || !free(at, avoid) {
			continue
		}
		found = append(found, pair{f.offset(start1), f.offset(start2), f.offset(second.End())})
		spans = append(spans, at)
	}
	if len(found) == 0 {
		return nil, Span{}, false
	}
	i := rng.IntN(len(found))
	p := found[i]
	first := bytes.TrimRight(f.src[p.a:p.b], "\r\n")
	between := f.src[p.a+len(first) : p.b]
	return slices.Concat(f.src[:p.a], f.src[p.b:p.end], between, first, f.src[p.end:]), spans[i], true
}

// start returns the position of a function with its doc comment.
func start(fn *ast.FuncDecl) token.Pos {
	if fn.Doc != nil {
		return fn.Doc.Pos()
	}
	return fn.Pos()
}

// addFunction adds a function that nothing calls at the end of the file.
func addFunction(f *goFile, rng *rand.Rand, avoid []Span) ([]byte, Span, bool) {
	last := bytes.Count(f.src, []byte("\n"))
	name := fmt.Sprintf("atLeastZero%d", rng.IntN(1_000_000))
	text := fmt.Sprintf("\n// %s keeps n from being negative.\nfunc %s(n int) int {\n\tif n < 0 {\n\t\treturn 0\n\t}\n\treturn n\n}\n", name, name)
	at := Span{f.name, last + 1, last + strings.Count(text, "\n")}
	if !bytes.HasSuffix(f.src, []byte("\n")) || f.ast.Name.Name == "main" || !free(at, avoid) {
		return nil, Span{}, false
	}
	return append(slices.Clone(f.src), text...), at, true
}
