package template

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// weighted is a text with its likelihood relative to its alternatives.
type weighted struct {
	text   string
	weight float64
}

// usedNear lists the values used by the statement around n and by the next two.
func (f *function) usedNear(n ast.Node) []ast.Expr {
	at := n
	for at != nil {
		parent := f.Parent[at]
		if list := stmtList(parent); list != nil {
			i := slices.IndexFunc(list, func(s ast.Stmt) bool { return s == at })
			return f.usedIn(list[max(i, 0):min(i+3, len(list))])
		}
		at = parent
	}
	return nil
}

func stmtList(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// maxUsed limits the values checked at one place.
const maxUsed = 14

// usedIn lists the variables, fields and elements that statements use, in order.
func (f *function) usedIn(list []ast.Stmt) []ast.Expr {
	var out []ast.Expr
	seen := make(map[string]bool)
	add := func(e ast.Expr) {
		text := f.Text(e)
		if !seen[text] && len(text) < 40 && len(out) < maxUsed {
			seen[text] = true
			out = append(out, e)
		}
	}
	for _, s := range list {
		ast.Inspect(s, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.SelectorExpr:
				if v, ok := f.Package.Info.Uses[n.Sel].(*types.Var); ok && v.IsField() && isPath(n) {
					add(n)
				}
			case *ast.IndexExpr:
				if tv, ok := f.Package.Info.Types[n]; ok && tv.IsValue() && isPath(n.X) {
					add(n)
				}
			case *ast.Ident:
				if v, ok := f.Package.Info.Uses[n].(*types.Var); ok && !v.IsField() {
					add(n)
				}
			}
			return true
		})
	}
	return out
}

// isPath reports whether e is a name or a chain of selectors that begins with one.
func isPath(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return true
	case *ast.SelectorExpr:
		return isPath(e.X)
	}
	return false
}

// declaredLater reports whether e uses a variable that is not in scope at pos.
func (f *function) declaredLater(e ast.Expr, pos token.Pos) bool {
	later := false
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, isVar := f.Package.Info.Uses[id].(*types.Var); isVar && !v.IsField() && f.Lookup(v.Name(), pos) != v {
				later = true
			}
		}
		return !later
	})
	return later
}

// fieldsOf lists the accessible fields of a struct or a pointer to one.
func (f *function) fieldsOf(t types.Type) []*types.Var {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	var out []*types.Var
	for i := range s.NumFields() {
		if field := s.Field(i); field.Name() != "_" && (field.Exported() || field.Pkg() == f.Package.Types) {
			out = append(out, field)
		}
	}
	return out
}
