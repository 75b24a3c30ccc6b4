package propose

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

var compileUnused = Strategy{
	Name:  "compile/unused",
	Title: "Use or remove a variable that is not used",
	Text: `Uses the variable where another of a similar name and the same type stands,
assigns to the outer variable that it hides, returns it when it is an error, or
removes it. Removing is ranked low when the value comes from a call.`,
	Before: `func name(s string) string {
	out := "none"
	if s != "" {
		out := "<" + s + ">"
	}
	return out
}`,
	After: `func name(s string) string {
	out := "none"
	if s != "" {
		out = "<" + s + ">"
	}
	return out
}`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/unused"),
}

var unusedFixers = []fixer{
	{"compile/unused", []errorCode{unusedVar}, fixUnusedVar},
}

// fixUnusedVar uses a variable where a near namesake stands, assigns to the one
// that it hides, handles it when it is an error, or takes it away.
func fixUnusedVar(_ context.Context, cs *cause) []option {
	at := cs.sites[0]
	id := at.defined()
	if id == nil || !at.editable() {
		return nil
	}
	out := at.useInstead(id)
	for _, n := range at.path {
		switch n := n.(type) {
		case *ast.AssignStmt:
			return append(out, at.unusedAssigned(id, n)...)
		case *ast.RangeStmt:
			return append(out, at.unusedRange(id, n)...)
		case *ast.ValueSpec:
			if stmt := at.stmt(); stmt != nil && len(n.Names) == 1 {
				out = append(out, option{weight: 0.4, removed: 0.2, title: "remove " + quote(at.text(stmt)), edits: []Edit{at.remove(stmt)}})
			}
			return append(out, option{weight: 0.1, title: "leave " + id.Name + " unused", edits: []Edit{at.replace(id, "_")}})
		case *ast.TypeSwitchStmt:
			if assign, ok := n.Assign.(*ast.AssignStmt); ok {
				return append(out, option{weight: 0.5, title: "remove " + quote(id.Name), edits: []Edit{at.cut(assign.Pos(), assign.Rhs[0].Pos(), "")}})
			}
		}
	}
	return out
}

// defined is the name whose definition the error is about, or nil.
func (at *site) defined() *ast.Ident {
	var found *ast.Ident
	if at.decl == nil {
		return nil
	}
	ast.Inspect(at.decl, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Pos() == at.err.start {
			found = id
		}
		return found == nil
	})
	return found
}

// useInstead puts the unused variable where another of the same type and of a
// name much like it is used.
func (at *site) useInstead(id *ast.Ident) []option {
	v, ok := at.pkg.Info.Defs[id].(*types.Var)
	if !ok {
		return nil
	}
	byName := make(map[string][]*ast.Ident)
	var order []string
	ast.Inspect(at.decl.Body, func(n ast.Node) bool {
		use, ok := n.(*ast.Ident)
		if !ok || use.Pos() < id.End() {
			return true
		}
		obj, ok := at.pkg.Info.Uses[use].(*types.Var)
		if !ok || obj.IsField() || !types.Identical(obj.Type(), v.Type()) || closeness(id.Name, use.Name) < 0.4 {
			return true
		}
		if at.lookup(id.Name, use.Pos()) != v {
			return true
		}
		if byName[use.Name] == nil {
			order = append(order, use.Name)
		}
		byName[use.Name] = append(byName[use.Name], use)
		return true
	})
	var out []option
	for _, name := range order {
		uses := byName[name]
		near := 0.7 * closeness(id.Name, name)
		for i, use := range uses[:min(len(uses), 3)] {
			out = append(out, option{weight: near / float64(i+1), alike: 1, title: fmt.Sprintf("use %s instead of %s", quote(id.Name), quote(name)), edits: []Edit{at.replace(use, id.Name)}})
		}
		if len(uses) > 1 {
			o := option{weight: near * 0.6, alike: 1, title: fmt.Sprintf("use %s instead of %s throughout", quote(id.Name), quote(name))}
			for _, use := range uses {
				o.edits = append(o.edits, at.replace(use, id.Name))
			}
			out = append(out, o)
		}
	}
	return out
}

func (at *site) unusedAssigned(id *ast.Ident, assign *ast.AssignStmt) []option {
	var out []option
	if assign.Tok == token.DEFINE && at.outer(id, assign) {
		out = append(out, option{
			weight: 0.7, alike: 1, title: fmt.Sprintf("assign to the %s outside instead of hiding it", quote(id.Name)),
			edits: []Edit{at.cut(assign.TokPos, assign.TokPos+2, "=")},
		})
	}
	alone := at.stmt() == ast.Stmt(assign)
	if v, ok := at.pkg.Info.Defs[id].(*types.Var); ok && alone && isError(v.Type()) && id.Name == "err" {
		if handle, ok := at.handleError(assign); ok {
			out = append(out, option{weight: 0.8, alike: 1, title: "return the error", edits: []Edit{at.after(assign, handle)}})
		}
	}
	others := 0
	for _, l := range assign.Lhs {
		if other, ok := l.(*ast.Ident); !ok || other != id && other.Name != "_" {
			others++
		}
	}
	blank := []Edit{at.replace(id, "_")}
	if others == 0 && assign.Tok == token.DEFINE {
		blank = append(blank, at.cut(assign.TokPos, assign.TokPos+2, "="))
	}
	if others == 0 && alone && len(assign.Rhs) == 1 {
		// What is computed only for a variable that nobody reads can go, unless it does something.
		weight := 0.35
		if effects(assign.Rhs[0]) {
			weight = 0.1
		}
		out = append(out, option{weight: weight, removed: 0.4, title: "remove " + quote(at.text(assign)), edits: []Edit{at.remove(assign)}})
	}
	return append(out, option{weight: 0.3, alike: 0.5, title: "leave " + quote(id.Name) + " unused", edits: blank})
}

// outer reports whether every name that a := declares is declared around it too, in
// the same function and with the same type.
func (at *site) outer(id *ast.Ident, assign *ast.AssignStmt) bool {
	for _, l := range assign.Lhs {
		name, ok := l.(*ast.Ident)
		if !ok {
			return false
		}
		v, ok := at.pkg.Info.Defs[name].(*types.Var)
		if !ok || name.Name == "_" {
			continue
		}
		if v.Parent() == nil || v.Parent().Parent() == nil {
			return false
		}
		_, hidden := v.Parent().Parent().LookupParent(name.Name, assign.Pos())
		h, ok := hidden.(*types.Var)
		if !ok || h.Parent() == at.pkg.Types.Scope() || !types.Identical(h.Type(), v.Type()) {
			return false
		}
	}
	return at.pkg.Info.Defs[id] != nil
}

// effects reports whether computing an expression may do more than return a value.
func effects(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			found = true
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		}
		return !found
	})
	return found
}

func (at *site) unusedRange(id *ast.Ident, r *ast.RangeStmt) []option {
	switch {
	case r.Key == ast.Expr(id) && r.Value != nil:
		return []option{{weight: 0.8, alike: 1, title: "leave " + quote(id.Name) + " unused", edits: []Edit{at.replace(id, "_")}}}
	case r.Key == ast.Expr(id):
		return []option{{weight: 0.8, alike: 1, title: "leave " + quote(id.Name) + " unused", edits: []Edit{at.cut(r.Key.Pos(), r.Range, "")}}}
	case r.Value == ast.Expr(id):
		return []option{{weight: 0.8, alike: 1, title: "leave " + quote(id.Name) + " unused", edits: []Edit{at.cut(r.Key.End(), r.Value.End(), "")}}}
	}
	return nil
}
