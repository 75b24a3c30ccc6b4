package source

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/propose"
)

// Check type-checks a candidate that stays within one function or one initial value, in
// about a millisecond: it checks the changed function among the declarations of its package,
// without the bodies of other functions. If the compiler would refuse the candidate, the
// error wraps ErrIllTyped. Check accepts other candidates unchecked: they need a build.
func (t *Tree) Check(pkg *Package, c *propose.Candidate) error {
	if file := pkg.File(c.File()); file != nil {
		if name, value := file.Value(c.Edits); value != nil {
			return pkg.checkValue(file, name, value, c.Edits)
		}
	}
	sk, ok := pkg.skeletonFor(c)
	if !ok {
		return nil
	}
	src, err := propose.Splice(sk.src, sk.shifted(c.Edits))
	if err != nil {
		return err
	}
	fset := pkg.checkSet
	file, err := parser.ParseFile(fset, sk.name, src, parser.SkipObjectResolution)
	if file != nil {
		defer fset.RemoveFile(fset.File(file.FileStart))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIllTyped, err)
	}
	changed := functionAt(file, fset, sk.start)
	if changed == nil {
		return fmt.Errorf("%w: the function is gone", ErrIllTyped)
	}
	if name := sk.unusedImport(changed); name != "" {
		return fmt.Errorf("%w: %q imported and not used", ErrIllTyped, name)
	}
	files := make([]*ast.File, 0, len(pkg.Files))
	for _, f := range pkg.Files {
		if f.Name == sk.name {
			files = append(files, file)
		} else {
			files = append(files, pkg.bodiless[f.Name])
		}
	}
	var first error
	conf := types.Config{
		Importer: importerOf(pkg.Imported), Sizes: pkg.Sizes, GoVersion: pkg.GoVersion, FakeImportC: true,
		Error: func(err error) {
			te, ok := err.(types.Error)
			// Errors elsewhere are only about the bodies that were left out.
			if ok && first == nil && te.Pos >= changed.Pos() && te.Pos <= changed.End() {
				first = err
			}
		},
	}
	_, _ = conf.Check(pkg.Path, fset, files, nil) // errors come through conf.Error
	if first != nil {
		return fmt.Errorf("%w: %w", ErrIllTyped, first)
	}
	return nil
}

// CheckError is an error in source that was added to a file.
type CheckError struct {
	File    string
	Line    int // in the added source, from 1
	Message string
}

// CheckAdded type-checks source that is added at the end of files of the package, together
// with more declarations that it needs. The package's own functions take part without their
// bodies. CheckAdded returns the errors in the added source.
func (p *Package) CheckAdded(added map[string]string, declarations string) []CheckError {
	p.mu.Lock()
	if p.bodiless == nil {
		p.strip()
	}
	p.mu.Unlock()
	fset := p.checkSet
	var files []*ast.File
	var own []*token.File
	defer func() {
		for _, f := range own {
			fset.RemoveFile(f)
		}
	}()
	parse := func(name, src string) error {
		syntax, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
		if syntax != nil {
			files, own = append(files, syntax), append(own, fset.File(syntax.FileStart))
		}
		return err
	}
	begins := make(map[string]int)
	var out []CheckError
	for _, f := range p.Files {
		text, ok := added[f.Name]
		if !ok {
			if p.bodiless[f.Name] != nil {
				files = append(files, p.bodiless[f.Name])
			}
			continue
		}
		src, _ := f.without(nil)
		begins[f.Name] = strings.Count(string(src), "\n") + 1
		var list scanner.ErrorList
		if errors.As(parse(f.Name, string(src)+"\n"+text), &list) {
			for _, e := range list {
				out = append(out, CheckError{f.Name, e.Pos.Line - begins[f.Name], e.Msg})
			}
		}
	}
	if len(out) > 0 || parse("", "package "+p.Types.Name()+"\n"+declarations) != nil {
		return out
	}
	conf := types.Config{
		Importer: importerOf(p.Imported), Sizes: p.Sizes, GoVersion: p.GoVersion, FakeImportC: true,
		Error: func(err error) {
			var te types.Error
			if !errors.As(err, &te) {
				return
			}
			pos := fset.Position(te.Pos)
			if begin, ok := begins[pos.Filename]; ok && pos.Line > begin {
				out = append(out, CheckError{pos.Filename, pos.Line - begin, te.Msg})
			}
		},
	}
	_, _ = conf.Check(p.Path, fset, files, nil) // errors come through conf.Error
	return out
}

// Value returns the package-level variable with the initial value that holds all edits, and
// that value, or nil.
func (f *File) Value(edits []propose.Edit) (*ast.Ident, ast.Expr) {
	for _, d := range f.Syntax.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			if len(v.Names) != len(v.Values) {
				continue
			}
			for i, value := range v.Values {
				start, end := f.Offset(value.Pos()), f.Offset(value.End())
				inside := v.Names[i].Name != "_"
				for _, e := range edits {
					inside = inside && e.File == f.Name && e.Start >= start && e.End <= end
				}
				if inside {
					return v.Names[i], value
				}
			}
		}
	}
	return nil, nil
}

// ValueWith returns the text of a value of the file with edits applied.
func (f *File) ValueWith(value ast.Expr, edits []propose.Edit) (string, error) {
	start, end := f.Offset(value.Pos()), f.Offset(value.End())
	shifted := slices.Clone(edits)
	for i := range shifted {
		shifted[i].Start -= start
		shifted[i].End -= start
	}
	src, err := propose.Splice(f.Src[start:end], shifted)
	return string(src), err
}

// checkValue type-checks a new initial value of a package-level variable.
func (p *Package) checkValue(f *File, name *ast.Ident, value ast.Expr, edits []propose.Edit) error {
	text, err := f.ValueWith(value, edits)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	e, err := parser.ParseExprFrom(fset, "", text, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIllTyped, err)
	}
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}
	if err := types.CheckExpr(p.Fset, p.Types, value.Pos(), e, info); err != nil {
		return fmt.Errorf("%w: %w", ErrIllTyped, err)
	}
	if obj := p.Info.Defs[name]; obj != nil && !types.AssignableTo(info.Types[e].Type, obj.Type()) {
		return fmt.Errorf("%w: a %s is not assignable to a %s", ErrIllTyped, info.Types[e].Type, obj.Type())
	}
	return nil
}

// importerOf imports the packages that were loaded with a package, by path.
type importerOf map[string]*types.Package

func (m importerOf) Import(importPath string) (*types.Package, error) {
	if importPath == "unsafe" {
		return types.Unsafe, nil
	}
	if p, ok := m[importPath]; ok {
		return p, nil
	}
	return nil, fmt.Errorf("package %s was not loaded", importPath)
}

// skeleton is a file in which only one function has a body.
type skeleton struct {
	name          string
	src           []byte
	start         int             // where the function begins in src
	from, to      int             // where it is in the file
	imports       map[string]bool // names of the imports
	usedElsewhere map[string]bool // names that the rest of the file uses
}

// shifted returns edits of the file as edits of the skeleton.
func (s *skeleton) shifted(edits []propose.Edit) []propose.Edit {
	out := slices.Clone(edits)
	for i := range out {
		out[i].Start += s.start - s.from
		out[i].End += s.start - s.from
	}
	return out
}

// unusedImport returns the name of an import that is no longer used, or "".
func (s *skeleton) unusedImport(fn *ast.FuncDecl) string {
	used := make(map[string]bool)
	qualifiers(fn, used)
	for name := range s.imports {
		if !used[name] && !s.usedElsewhere[name] {
			return name
		}
	}
	return ""
}

// qualifiers adds every x of x.Sel to a set: the names that may be packages.
func qualifiers(n ast.Node, into map[string]bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok {
				into[id.Name] = true
			}
		}
		return true
	})
}

// skeletonFor returns the skeleton of the function that holds all edits of a candidate, or
// false if no function does.
func (p *Package) skeletonFor(c *propose.Candidate) (*skeleton, bool) {
	file := p.File(c.File())
	if file == nil {
		return nil, false
	}
	decl := file.Function(c.Edits)
	if decl == nil {
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bodiless == nil {
		p.strip()
	}
	key := skeletonKey{file.Name, file.Offset(decl.Pos())}
	if sk, ok := p.skeletons[key]; ok {
		return sk, true
	}
	sk := file.skeleton(p, decl)
	p.skeletons[key] = sk
	return sk, true
}

type skeletonKey struct {
	file  string
	start int
}

// strip parses all files without function bodies, for Check.
func (p *Package) strip() {
	p.bodiless = make(map[string]*ast.File)
	p.skeletons = make(map[skeletonKey]*skeleton)
	p.checkSet = token.NewFileSet()
	for _, f := range p.Files {
		src, _ := f.without(nil)
		syntax, err := parser.ParseFile(p.checkSet, f.Name, src, parser.SkipObjectResolution)
		if err != nil && syntax == nil {
			continue
		}
		p.bodiless[f.Name] = syntax
	}
}

// Function returns the function declaration that holds all edits, or nil.
func (f *File) Function(edits []propose.Edit) *ast.FuncDecl {
	for _, d := range f.Syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		start, end := f.Offset(fn.Pos()), f.Offset(fn.End())
		inside := true
		for _, e := range edits {
			inside = inside && e.File == f.Name && e.Start >= start && e.End <= end
		}
		if inside {
			return fn
		}
	}
	return nil
}

// without returns the source without the bodies of all functions except one, and the offset
// of that one in it.
func (f *File) without(keep *ast.FuncDecl) (src []byte, start int) {
	at := 0
	for _, d := range f.Syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		if fn == keep {
			start = len(src) + f.Offset(fn.Pos()) - at
			continue
		}
		src = append(src, f.Src[at:f.Offset(fn.Body.Pos())]...)
		at = f.Offset(fn.Body.End())
	}
	return append(src, f.Src[at:]...), start
}

func (f *File) skeleton(p *Package, decl *ast.FuncDecl) *skeleton {
	src, start := f.without(decl)
	sk := &skeleton{
		name: f.Name, src: src, start: start, from: f.Offset(decl.Pos()), to: f.Offset(decl.End()),
		imports: make(map[string]bool), usedElsewhere: make(map[string]bool),
	}
	for _, spec := range f.Syntax.Imports {
		importPath := strings.Trim(spec.Path.Value, `"`)
		switch {
		case spec.Name != nil && (spec.Name.Name == "_" || spec.Name.Name == "."), importPath == "C":
		case spec.Name != nil:
			sk.imports[spec.Name.Name] = true
		case p.Imported[importPath] != nil:
			sk.imports[p.Imported[importPath].Name()] = true
		default:
			sk.imports[path.Base(importPath)] = true
		}
	}
	for _, d := range f.Syntax.Decls {
		if d != ast.Decl(decl) {
			qualifiers(d, sk.usedElsewhere)
		}
	}
	return sk
}

func functionAt(file *ast.File, fset *token.FileSet, offset int) *ast.FuncDecl {
	tok := fset.File(file.FileStart)
	for _, d := range file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && tok.Offset(fn.Pos()) == offset {
			return fn
		}
	}
	return nil
}
