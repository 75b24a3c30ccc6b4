package compile

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
)

// state is the tree with some files changed, and the type checker's results for it.
type state struct {
	c     *compilation
	from  *state // the state without changes; nil in that state itself
	files map[string][]byte
	trees map[string]*source.File
	units map[*node]*unit
	outer map[string]bool // cache of changesOutline
	errs  []*typeError

	grouped []*cause // cache of causes
}

// unit is a type-checked node.
type unit struct {
	*source.Package
	node *node
	errs []*typeError
	// partial is set if only the changed files were checked in full. The errors of the
	// others are those of the base state.
	partial bool
}

// typeError is one error of the type checker with its position.
type typeError struct {
	code       errorCode
	msg        string
	start, end token.Pos
	unit       *unit
	file       *source.File
}

// check type-checks the failing packages with the given files changed.
func (c *compilation) check(files map[string][]byte) *state {
	s := &state{
		c: c, from: c.base, files: files,
		trees: make(map[string]*source.File), units: make(map[*node]*unit), outer: make(map[string]bool),
	}
	for _, n := range c.failing {
		s.errs = append(s.errs, s.unit(n).errs...)
	}
	return s
}

// drop removes the files of a state that is no longer needed from the file set.
func (s *state) drop() {
	for _, f := range s.trees {
		if f != nil && s.from != nil {
			s.c.fset.RemoveFile(f.Tok)
		}
	}
}

// read returns a file's content in this state.
func (s *state) read(file string) ([]byte, error) {
	if b, ok := s.files[file]; ok {
		return b, nil
	}
	return s.c.p.Tree.Read(file)
}

// unit type-checks a node. For a node that no change affects it returns the unit of the
// base state.
func (s *state) unit(n *node) *unit {
	if u, ok := s.units[n]; ok {
		return u
	}
	whole := s.from == nil
	if !whole {
		var touched bool
		touched, whole = s.touches(n)
		if !touched {
			return s.from.unit(n)
		}
	}
	s.units[n] = &unit{node: n, Package: new(source.Package)} // found again in an import cycle
	var u *unit
	if whole || !n.failing {
		u = s.typeCheck(n, n.failing, nil)
	} else {
		u = s.recheck(n)
	}
	s.units[n] = u
	return u
}

// completeUnit returns the unit of a node with all of its files checked, for callers
// that need every use in the package.
func (s *state) completeUnit(n *node) *unit {
	if u := s.unit(n); n.failing && !u.partial {
		return u
	}
	return s.typeCheck(n, true, nil)
}

// recheck checks only the changed files of a node. That is enough if all changes are
// inside functions, because then no other file is affected.
func (s *state) recheck(n *node) *unit {
	changed := func(name string) bool { _, ok := s.files[name]; return ok }
	u := s.typeCheck(n, true, changed)
	u.partial = true
	u.errs = slices.DeleteFunc(u.errs, func(e *typeError) bool { return e.file != nil && !changed(e.file.Name) })
	for _, e := range s.from.unit(n).errs {
		if e.file != nil && !changed(e.file.Name) {
			u.errs = append(u.errs, e)
		}
	}
	return u
}

// touches reports whether the changes can affect a node, and whether they can affect all
// of its files: because they are not only inside functions, or because they are in a
// package that the node imports, directly or indirectly.
func (s *state) touches(n *node) (touched, whole bool) {
	for _, f := range n.files {
		if _, changed := s.files[f]; changed {
			touched = true
			whole = whole || s.changesOutline(f)
		}
	}
	seen := make(map[*node]bool)
	var built func(n *node) bool
	built = func(n *node) bool {
		for _, dep := range n.imports {
			if !seen[dep] {
				seen[dep] = true
				if slices.ContainsFunc(dep.files, s.changesOutline) || built(dep) {
					return true
				}
			}
		}
		return false
	}
	if built(n) {
		return true, true
	}
	return touched, whole
}

// changesOutline reports whether more than function bodies and imports of a file changed.
func (s *state) changesOutline(name string) bool {
	if _, changed := s.files[name]; !changed {
		return false
	}
	if outer, known := s.outer[name]; known {
		return outer
	}
	now, err := s.parse(name)
	was, err2 := s.from.parse(name)
	s.outer[name] = err != nil || err2 != nil || outline(now) != outline(was)
	return s.outer[name]
}

// outline returns the text of a file without imports and function bodies.
func outline(f *source.File) string {
	var b strings.Builder
	at := 0
	for _, d := range f.Syntax.Decls {
		start, end := d.Pos(), d.End()
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body == nil {
				continue
			}
			start = d.Body.Pos()
		case *ast.GenDecl:
			if d.Tok != token.IMPORT {
				continue
			}
		}
		b.Write(bytes.TrimSpace(f.Src[at:f.Offset(start)]))
		at = f.Offset(end)
	}
	b.Write(bytes.TrimSpace(f.Src[at:]))
	return b.String()
}

// withoutBodies returns the syntax of a file of the base state without function bodies.
func (c *compilation) withoutBodies(f *source.File) *ast.File {
	if h := c.bodiless[f.Name]; h != nil {
		return h
	}
	h := *f.Syntax
	h.Decls = slices.Clone(h.Decls)
	for i, d := range h.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			bare := *fn
			bare.Body = nil
			h.Decls[i] = &bare
		}
	}
	c.bodiless[f.Name] = &h
	return &h
}

// typeCheck checks a node, with or without function bodies. If only is not nil, it
// selects the files whose bodies are checked.
func (s *state) typeCheck(n *node, bodies bool, only func(file string) bool) *unit {
	u := &unit{node: n, Package: &source.Package{
		Path: n.path, Dir: n.dir, Fset: s.c.fset, Sizes: s.c.sizes, GoVersion: n.goVer,
		Imported: make(map[string]*types.Package),
		Info: &types.Info{
			Types: make(map[ast.Expr]types.TypeAndValue), Defs: make(map[*ast.Ident]types.Object),
			Uses: make(map[*ast.Ident]types.Object), Implicits: make(map[ast.Node]types.Object),
			Selections: make(map[*ast.SelectorExpr]*types.Selection), Scopes: make(map[ast.Node]*types.Scope),
			Instances: make(map[*ast.Ident]types.Instance),
		},
	}}
	report := func(e *typeError) {
		if len(u.errs) < maxTypeErrors {
			e.unit = u
			u.errs = append(u.errs, e)
		}
	}
	var syntax []*ast.File
	for _, name := range n.files {
		f, err := s.parse(name)
		if f == nil {
			report(&typeError{code: syntaxError, msg: err.Error()})
			continue
		}
		if err != nil {
			report(&typeError{code: syntaxError, msg: err.Error(), file: f, start: f.Syntax.Pos(), end: f.Syntax.Pos()})
		}
		u.Files = append(u.Files, f)
		if only != nil && !only(name) {
			syntax = append(syntax, s.c.withoutBodies(f))
		} else {
			syntax = append(syntax, f.Syntax)
		}
	}
	config := &types.Config{
		GoVersion: n.goVer, Sizes: s.c.sizes, FakeImportC: true, IgnoreFuncBodies: !bodies,
		Importer: importing{s, u},
		Error: func(err error) {
			e, ok := err.(types.Error)
			if !ok || strings.HasPrefix(e.Msg, "\t") { // continues the previous error
				return
			}
			start, end := errorRange(e)
			report(&typeError{code: codeOf(e), msg: e.Msg, start: start, end: end, file: u.fileAt(start)})
		},
	}
	u.Types, _ = config.Check(n.path, s.c.fset, syntax, u.Info) // config.Error has the errors
	return u
}

// fileAt returns the file that contains a position, or nil.
func (u *unit) fileAt(pos token.Pos) *source.File {
	for _, f := range u.Files {
		if f.Syntax.FileStart <= pos && pos <= f.Syntax.FileEnd {
			return f
		}
	}
	return nil
}

// parse returns a file's syntax in this state. With an error it returns what could be
// parsed, or nil.
func (s *state) parse(name string) (*source.File, error) {
	if f, ok := s.trees[name]; ok {
		return f, nil
	}
	if _, changed := s.files[name]; !changed && s.from != nil {
		return s.from.parse(name)
	}
	src, err := s.read(name)
	if err != nil {
		return nil, err
	}
	syntax, err := parser.ParseFile(s.c.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if syntax == nil {
		return nil, err
	}
	f := &source.File{Name: name, Src: src, Syntax: syntax, Tok: s.c.fset.File(syntax.FileStart)}
	if err == nil {
		s.trees[name] = f
	}
	return f, err
}

// importing resolves the imports of one unit.
type importing struct {
	s *state
	u *unit
}

func (i importing) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	pkg, err := i.find(path)
	if err == nil {
		i.u.Imported[path] = pkg
	}
	return pkg, err
}

func (i importing) find(path string) (*types.Package, error) {
	dep := i.u.node.imports[path]
	if dep == nil { // an edit may have added the import
		dep = i.s.c.plain[path]
		if dep != nil && dependsOn(dep, i.u.node.path, make(map[*node]bool)) {
			return nil, fmt.Errorf("import cycle through %s", path)
		}
	}
	if dep != nil {
		if pkg := i.s.unit(dep).Types; pkg != nil {
			return pkg, nil
		}
		return nil, fmt.Errorf("import cycle through %s", path)
	}
	return i.s.c.external.Import(path)
}

// dependsOn reports whether a package is the one with this path, or imports it directly or
// indirectly.
func dependsOn(n *node, path string, seen map[*node]bool) bool {
	if n.path == path {
		return true
	}
	if seen[n] {
		return false
	}
	seen[n] = true
	for _, dep := range n.imports {
		if dependsOn(dep, path, seen) {
			return true
		}
	}
	return false
}

// codeOf returns the code of a type checker's error. go/types keeps it in an unexported
// field, but promises not to change its name and values. gopls reads it the same way.
func codeOf(e types.Error) errorCode {
	if f := reflect.ValueOf(e).FieldByName("go116code"); f.IsValid() {
		return errorCode(f.Int())
	}
	return 0
}

// errorRange returns the source range of an error, read like codeOf.
func errorRange(e types.Error) (start, end token.Pos) {
	v := reflect.ValueOf(e)
	if s, n := v.FieldByName("go116start"), v.FieldByName("go116end"); s.IsValid() && n.IsValid() {
		start, end = token.Pos(s.Int()), token.Pos(n.Int())
	}
	if !start.IsValid() || end < start {
		return e.Pos, e.Pos
	}
	return start, end
}
