package compile

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var unusedStrategy = propose.Strategy{
	Name:  "compile/unused",
	Title: "Use or remove an unused variable",
	Text: `Uses the variable in place of a similarly named one of the same type, assigns
to the outer variable that it shadows, returns it if it is an error, or removes
it. Removing it ranks low if its value comes from a call.`,
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

// fixUnusedVar uses a variable in place of a similarly named one, assigns to the one
// that it shadows, returns it if it is an error, or removes it.
func fixUnusedVar(_ context.Context, cs *cause) []site.Option {
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
				out = append(out, site.Option{Weight: 0.4, Removed: 0.2, Title: "remove " + site.Quote(at.Text(stmt)), Edits: []propose.Edit{at.Remove(stmt)}})
			}
			return append(out, site.Option{Weight: 0.1, Title: "discard " + site.Quote(id.Name), Edits: []propose.Edit{at.Replace(id, "_")}})
		case *ast.TypeSwitchStmt:
			if assign, ok := n.Assign.(*ast.AssignStmt); ok {
				return append(out, site.Option{Weight: 0.5, Title: "remove " + site.Quote(id.Name), Edits: []propose.Edit{at.replaceRange(assign.Pos(), assign.Rhs[0].Pos(), "")}})
			}
		}
	}
	return out
}

// defined returns the name whose definition the error is about, or nil.
func (at *errorSite) defined() *ast.Ident {
	var found *ast.Ident
	if at.Decl == nil {
		return nil
	}
	ast.Inspect(at.Decl, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Pos() == at.err.start {
			found = id
		}
		return found == nil
	})
	return found
}

// useInstead returns the options to use the unused variable in place of another with the
// same type and a similar name.
func (at *errorSite) useInstead(id *ast.Ident) []site.Option {
	v, ok := at.Package.Info.Defs[id].(*types.Var)
	if !ok {
		return nil
	}
	byName := make(map[string][]*ast.Ident)
	var order []string
	ast.Inspect(at.Decl.Body, func(n ast.Node) bool {
		use, ok := n.(*ast.Ident)
		if !ok || use.Pos() < id.End() {
			return true
		}
		obj, ok := at.Package.Info.Uses[use].(*types.Var)
		if !ok || obj.IsField() || !types.Identical(obj.Type(), v.Type()) || closeness(id.Name, use.Name) < 0.4 {
			return true
		}
		if at.Lookup(id.Name, use.Pos()) != v {
			return true
		}
		if byName[use.Name] == nil {
			order = append(order, use.Name)
		}
		byName[use.Name] = append(byName[use.Name], use)
		return true
	})
	var out []site.Option
	for _, name := range order {
		uses := byName[name]
		near := 0.7 * closeness(id.Name, name)
		for i, use := range uses[:min(len(uses), 3)] {
			out = append(out, site.Option{Weight: near / float64(i+1), Alike: 1, Title: fmt.Sprintf("use %s instead of %s", site.Quote(id.Name), site.Quote(name)), Edits: []propose.Edit{at.Replace(use, id.Name)}})
		}
		if len(uses) > 1 {
			o := site.Option{Weight: near * 0.6, Alike: 1, Title: fmt.Sprintf("use %s instead of %s throughout", site.Quote(id.Name), site.Quote(name))}
			for _, use := range uses {
				o.Edits = append(o.Edits, at.Replace(use, id.Name))
			}
			out = append(out, o)
		}
	}
	return out
}

func (at *errorSite) unusedAssigned(id *ast.Ident, assign *ast.AssignStmt) []site.Option {
	var out []site.Option
	if assign.Tok == token.DEFINE && at.outer(id, assign) {
		out = append(out, site.Option{
			Weight: 0.7, Alike: 1, Title: fmt.Sprintf("assign to the outer %s instead of shadowing it", site.Quote(id.Name)),
			Edits: []propose.Edit{at.replaceRange(assign.TokPos, assign.TokPos+2, "=")},
		})
	}
	alone := at.stmt() == ast.Stmt(assign)
	if v, ok := at.Package.Info.Defs[id].(*types.Var); ok && alone && site.IsError(v.Type()) && id.Name == "err" {
		if handle, ok := at.handleError(assign); ok {
			out = append(out, site.Option{Weight: 0.8, Alike: 1, Title: "return the error", Edits: []propose.Edit{at.After(assign, handle)}})
		}
	}
	others := 0
	for _, l := range assign.Lhs {
		if other, ok := l.(*ast.Ident); !ok || other != id && other.Name != "_" {
			others++
		}
	}
	blank := []propose.Edit{at.Replace(id, "_")}
	if others == 0 && assign.Tok == token.DEFINE {
		blank = append(blank, at.replaceRange(assign.TokPos, assign.TokPos+2, "="))
	}
	if others == 0 && alone && len(assign.Rhs) == 1 {
		// It is safe to remove an unused value, unless computing it has side effects.
		weight := 0.35
		if effects(assign.Rhs[0]) {
			weight = 0.1
		}
		out = append(out, site.Option{Weight: weight, Removed: 0.4, Title: "remove " + site.Quote(at.Text(assign)), Edits: []propose.Edit{at.Remove(assign)}})
	}
	return append(out, site.Option{Weight: 0.3, Alike: 0.5, Title: "discard " + site.Quote(id.Name), Edits: blank})
}

// outer reports whether every name that a := declares is also declared in an enclosing
// scope of the function, with the same type.
func (at *errorSite) outer(id *ast.Ident, assign *ast.AssignStmt) bool {
	for _, l := range assign.Lhs {
		name, ok := l.(*ast.Ident)
		if !ok {
			return false
		}
		v, ok := at.Package.Info.Defs[name].(*types.Var)
		if !ok || name.Name == "_" {
			continue
		}
		if v.Parent() == nil || v.Parent().Parent() == nil {
			return false
		}
		_, hidden := v.Parent().Parent().LookupParent(name.Name, assign.Pos())
		h, ok := hidden.(*types.Var)
		if !ok || h.Parent() == at.Package.Types.Scope() || !types.Identical(h.Type(), v.Type()) {
			return false
		}
	}
	return at.Package.Info.Defs[id] != nil
}

// effects reports whether evaluating an expression may have side effects.
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

func (at *errorSite) unusedRange(id *ast.Ident, r *ast.RangeStmt) []site.Option {
	switch {
	case r.Key == ast.Expr(id) && r.Value != nil:
		return []site.Option{{Weight: 0.8, Alike: 1, Title: "discard " + site.Quote(id.Name), Edits: []propose.Edit{at.Replace(id, "_")}}}
	case r.Key == ast.Expr(id):
		return []site.Option{{Weight: 0.8, Alike: 1, Title: "discard " + site.Quote(id.Name), Edits: []propose.Edit{at.replaceRange(r.Key.Pos(), r.Range, "")}}}
	case r.Value == ast.Expr(id):
		return []site.Option{{Weight: 0.8, Alike: 1, Title: "discard " + site.Quote(id.Name), Edits: []propose.Edit{at.replaceRange(r.Key.End(), r.Value.End(), "")}}}
	}
	return nil
}
