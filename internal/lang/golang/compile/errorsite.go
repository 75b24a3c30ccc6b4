package compile

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ast/astutil"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

// errorSite is a type error with the code around it.
type errorSite struct {
	*site.Function
	st   *state
	err  *typeError
	path []ast.Node // the nodes that enclose the error, innermost first
}

// editable reports whether the site's file may be edited.
func (at *errorSite) editable() bool { return at.st.editable(at.File.Name) }

func (s *state) site(e *typeError) *errorSite {
	path, _ := astutil.PathEnclosingInterval(e.file.Syntax, e.start, e.end)
	f := &site.Function{Problem: s.c.p, Package: e.unit.Package, File: e.file}
	for _, n := range path {
		if decl, ok := n.(ast.Decl); ok {
			f.Link(decl)
			f.Decl, _ = decl.(*ast.FuncDecl)
		}
	}
	return &errorSite{Function: f, st: s, err: e, path: path}
}

// typeOf returns the type of an expression, or the invalid type if it has none.
func (at *errorSite) typeOf(e ast.Expr) types.Type {
	if t := at.Package.Info.TypeOf(e); t != nil {
		return t
	}
	return types.Typ[types.Invalid]
}

// around returns the innermost node of type T that encloses the error.
func around[T ast.Node](at *errorSite) (T, bool) {
	for _, n := range at.path {
		if t, ok := n.(T); ok {
			return t, true
		}
	}
	var zero T
	return zero, false
}

// stmt returns the innermost statement around the error that is in a list of statements,
// so that another can be inserted before or after it.
func (at *errorSite) stmt() ast.Stmt {
	for i, n := range at.path {
		s, ok := n.(ast.Stmt)
		if !ok || i+1 == len(at.path) {
			continue
		}
		switch at.path[i+1].(type) {
		case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
			return s
		}
	}
	return nil
}

// expr returns the expression that the error is about, or nil.
func (at *errorSite) expr() ast.Expr {
	for _, n := range at.path {
		if e, ok := n.(ast.Expr); ok && n.Pos() == at.err.start && n.End() == at.err.end {
			return e
		}
	}
	return nil
}

// target returns the type that an expression must have in its place, or nil if it is not
// known. spread reports whether e is a slice that could be spread with ... into a variadic
// parameter.
func (at *errorSite) target(e ast.Expr) (t types.Type, spread bool) {
	i := slices.Index(at.path, ast.Node(e))
	if i < 0 || i+1 >= len(at.path) {
		return nil, false
	}
	switch p := at.path[i+1].(type) {
	case *ast.CallExpr:
		sig := at.called(p)
		k := slices.Index(p.Args, e)
		if id, ok := p.Fun.(*ast.Ident); ok && id.Name == "append" && k > 0 {
			list, ok := at.typeOf(p.Args[0]).Underlying().(*types.Slice)
			if !ok {
				return nil, false
			}
			return list.Elem(), len(p.Args) == 2 && assignable(at.typeOf(e), list)
		}
		if sig == nil || k < 0 {
			return nil, false
		}
		want := paramTypes(sig, len(p.Args))
		if k >= len(want) {
			return nil, false
		}
		if sig.Variadic() && k == sig.Params().Len()-1 && k == len(p.Args)-1 && !p.Ellipsis.IsValid() {
			spread = assignable(at.typeOf(e), sig.Params().At(k).Type())
		}
		return want[k], spread
	case *ast.ReturnStmt:
		sig := at.Signature(p)
		if k := slices.Index(p.Results, e); sig != nil && k < sig.Results().Len() {
			return sig.Results().At(k).Type(), false
		}
	case *ast.AssignStmt:
		if k := slices.Index(p.Rhs, e); k >= 0 && k < len(p.Lhs) {
			return at.typeOf(p.Lhs[k]), false
		}
	case *ast.ValueSpec:
		if p.Type != nil {
			return at.typeOf(p.Type), false
		}
	case *ast.CompositeLit:
		return at.element(p, slices.Index(p.Elts, e)), false
	case *ast.KeyValueExpr:
		lit, ok := at.path[i+2].(*ast.CompositeLit)
		if !ok {
			return nil, false
		}
		switch t := deref(at.typeOf(lit)).Underlying().(type) {
		case *types.Map:
			if p.Key == e {
				return t.Key(), false
			}
			return t.Elem(), false
		case *types.Struct:
			if key, ok := p.Key.(*ast.Ident); ok {
				if f := fieldNamed(t, key.Name, at.Package.Types); f != nil {
					return f.Type(), false
				}
			}
		default:
			return at.element(lit, -1), false
		}
	case *ast.SendStmt:
		if ch, ok := at.typeOf(p.Chan).Underlying().(*types.Chan); ok {
			return ch.Elem(), false
		}
	case *ast.IndexExpr:
		if m, ok := at.typeOf(p.X).Underlying().(*types.Map); ok {
			return m.Key(), false
		}
	}
	return nil, false
}

// element returns the type of the elements of a literal, or of field i of a struct.
func (at *errorSite) element(lit *ast.CompositeLit, i int) types.Type {
	switch t := deref(at.typeOf(lit)).Underlying().(type) {
	case *types.Slice:
		return t.Elem()
	case *types.Array:
		return t.Elem()
	case *types.Struct:
		if i >= 0 && i < t.NumFields() {
			return t.Field(i).Type()
		}
	}
	return nil
}

// insert returns the edit that inserts text at a position.
func (at *errorSite) insert(pos token.Pos, text string) propose.Edit {
	offset := at.File.Offset(pos)
	return propose.Edit{File: at.File.Name, Start: offset, End: offset, New: text}
}

// replaceRange returns the edit that replaces the source from start to end.
func (at *errorSite) replaceRange(start, end token.Pos, text string) propose.Edit {
	return propose.Edit{File: at.File.Name, Start: at.File.Offset(start), End: at.File.Offset(end), New: text}
}

// key returns a key that is equal for errors that one remedy should fix together.
func (at *errorSite) key() string {
	switch at.err.code {
	case undeclaredName, undeclaredImportedName, unexportedName, missingFieldOrMethod, missingLitField:
		if id := at.ident(); id != nil {
			of := ""
			switch n := at.path[1].(type) {
			case *ast.SelectorExpr:
				if n.Sel == id {
					of = at.owner()
				}
			case *ast.KeyValueExpr:
				of = at.owner()
			}
			return fmt.Sprint("name ", id.Name, " of ", of)
		}
	case wrongArgCount:
		if call := at.miscounted(); call != nil {
			if obj := at.callee(call); obj != nil {
				return fmt.Sprint("call ", obj.Pos(), obj.Name(), len(call.Args))
			}
		}
	case brokenImport:
		return "import " + at.err.msg
	}
	return fmt.Sprint(at.err.code, at.err.start, at.err.msg)
}

// ident returns the name that the error is about, or nil.
func (at *errorSite) ident() *ast.Ident {
	if len(at.path) > 1 {
		if id, ok := at.path[0].(*ast.Ident); ok {
			return id
		}
	}
	return nil
}

// owner names the package or type that the missing name was looked up in.
func (at *errorSite) owner() string {
	if pkg := at.qualifier(); pkg != nil {
		return pkg.Path()
	}
	if t := at.receiver(); t != nil {
		return types.TypeString(t, nil)
	}
	return ""
}

// qualifier returns the imported package that a name is looked up in, or nil.
func (at *errorSite) qualifier() *types.Package {
	sel, ok := at.path[1].(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	if x, ok := sel.X.(*ast.Ident); ok {
		if name, ok := at.Package.Info.Uses[x].(*types.PkgName); ok {
			return name.Imported()
		}
	}
	return nil
}

// receiver returns the type that a field or method is looked up in, or nil.
func (at *errorSite) receiver() types.Type {
	switch n := at.path[1].(type) {
	case *ast.SelectorExpr:
		return at.typeOf(n.X)
	case *ast.KeyValueExpr:
		if lit, ok := at.path[2].(*ast.CompositeLit); ok {
			return at.typeOf(lit)
		}
	}
	return nil
}

// callee returns the function, method or variable that is called, or nil if it has no
// name.
func (at *errorSite) callee(call *ast.CallExpr) types.Object {
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		return at.Package.Info.Uses[fun]
	case *ast.SelectorExpr:
		return at.Package.Info.Uses[fun.Sel]
	}
	return nil
}

// miscounted returns the innermost call around the error that has too many or too few
// arguments, or nil.
func (at *errorSite) miscounted() *ast.CallExpr {
	for _, n := range at.path {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			continue
		}
		sig := at.called(call)
		if sig == nil {
			continue
		}
		n, m := sig.Params().Len(), len(call.Args)
		if sig.Variadic() && m < n-1 || !sig.Variadic() && m != n {
			return call
		}
	}
	return nil
}

// called returns the signature of the called function, or nil for a conversion or a
// builtin.
func (at *errorSite) called(call *ast.CallExpr) *types.Signature {
	tv, ok := at.Package.Info.Types[call.Fun]
	if !ok || !tv.IsValue() || tv.Type == nil {
		return nil
	}
	sig, _ := tv.Type.Underlying().(*types.Signature)
	return sig
}

// handleError returns the statement that returns err if it is not nil. It returns false if
// the last result of the function is not an error.
func (at *errorSite) handleError(n ast.Node) (string, bool) {
	sig := at.Signature(n)
	if sig == nil || sig.Results().Len() == 0 {
		return "", false
	}
	last := sig.Results().Len() - 1
	if !site.IsError(sig.Results().At(last).Type()) {
		return "", false
	}
	values := make([]string, last+1)
	for i := range last {
		if values[i] = at.Zero(sig.Results().At(i).Type()); values[i] == "" {
			return "", false
		}
	}
	values[last] = "err"
	return "if err != nil {\n\treturn " + strings.Join(values, ", ") + "\n}", true
}
