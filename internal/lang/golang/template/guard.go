package template

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var guardStrategy = propose.Strategy{
	Name:  "template/guard",
	Title: "Exit early when a value is nil, empty, zero or out of range",
	Text: `Inserts an if statement that returns, continues or breaks. The condition checks
a value that the next statements use. The exit copies one from elsewhere in the
function, or returns zero values. Also tries whole guards from the package, with
their names adapted. The returned value is a guess: check that it is what
callers should get.`,
	Before: `func first(names []string) string {
	return names[0]
}`,
	After: `func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}`,
	Share: 9.3, Measured: true,
	Propose: perFunction(insertGuard),
}

// insertGuard exits the block before a statement if a value is nil, empty, zero or out of
// range.
func insertGuard(f *function, out emit) {
	guards := f.Donors().Guards
	f.Blocks(func(owner ast.Node, list []ast.Stmt) {
		for i, stmt := range list {
			if !f.Suspicious(stmt) {
				continue
			}
			var options []site.Option
			for _, g := range f.Nearest(guards, stmt.Pos(), 40, "") {
				options = append(options, site.Option{
					Weight: 2 * g.Weight, Alike: g.Alike,
					Title: "insert " + site.Quote(g.Text), Edits: []propose.Edit{f.Before(stmt, g.Text)},
				})
			}
			exits := f.exits(stmt)
			conditions := f.conditionsOn(f.usedIn(list[i:min(i+3, len(list))]), stmt)
			for _, t := range f.flags(stmt.Pos()) {
				conditions = append(conditions, weighted{t.text, t.weight * 0.5})
			}
			for _, exit := range exits {
				hole := []propose.Edit{f.Before(stmt, "if "+site.HoleCondition+" {\n\t"+exit.text+"\n}")}
				for _, cond := range conditions {
					text := "if " + cond.text + " {\n\t" + exit.text + "\n}"
					options = append(options, site.Option{
						Weight: cond.weight * exit.weight, Alike: 0.4, Hole: hole,
						Title: "insert " + site.Quote(text), Edits: []propose.Edit{f.Before(stmt, text)},
					})
				}
			}
			if !out(stmt, options) {
				return
			}
		}
	})
}

// exits lists the ways to exit the block at stmt: the returns of the function, zero values
// and other values of the result types, and in loops continue and break.
func (f *function) exits(stmt ast.Stmt) []weighted {
	var out []weighted
	add := func(text string, weight float64) {
		if !slices.ContainsFunc(out, func(w weighted) bool { return w.text == text }) {
			out = append(out, weighted{text, weight})
		}
	}
	if f.InLoop(stmt) {
		add("continue", 0.6)
		add("break", 0.4)
	}
	sig := f.Signature(stmt)
	if sig == nil {
		return out
	}
	if sig.Results().Len() == 0 {
		add("return", 1)
		return out
	}
	// The function's other returns are the likeliest.
	ast.Inspect(f.Body, func(n ast.Node) bool {
		ret, ok := n.(*ast.ReturnStmt)
		if ok && f.Signature(ret) == sig && len(f.Text(ret)) < site.MaxDonorText && f.resolves(ret, stmt.Pos()) {
			add(f.Text(ret), 1)
		}
		return true
	})
	if sig.Results().At(0).Name() != "" {
		add("return", 0.6)
	}
	if tail := f.tail(stmt); tail != "" {
		add(tail, 0.6)
	}
	zeros := make([]string, sig.Results().Len())
	for i := range zeros {
		if zeros[i] = f.Zero(sig.Results().At(i).Type()); zeros[i] == "" {
			return out
		}
	}
	add("return "+strings.Join(zeros, ", "), 0.8)
	if len(zeros) == 1 {
		t := sig.Results().At(0).Type()
		if site.IsBool(t) {
			add("return true", 0.8)
		}
		for k, v := range f.Locals(stmt.Pos()) {
			if k < 6 && types.AssignableTo(v.Type(), t) {
				add("return "+v.Name(), 0.5)
			}
		}
		if b, ok := t.Underlying().(*types.Basic); ok && b.Info()&types.IsInteger != 0 {
			add("return 1", 0.3)
			add("return -1", 0.3)
		}
	}
	for k, v := range f.Locals(stmt.Pos()) { // return zero, err
		if last := len(zeros) - 1; last > 0 && k < 12 && types.Identical(v.Type(), sig.Results().At(last).Type()) {
			add("return "+strings.Join(append(slices.Clone(zeros[:last]), v.Name()), ", "), 0.6)
		}
	}
	if len(out) > 12 {
		out = out[:12]
	}
	return out
}

// tail returns the last two statements of the function if the second is a return and both
// can be copied to stmt, and "" otherwise.
func (f *function) tail(stmt ast.Stmt) string {
	if f.Decl == nil || len(f.Decl.Body.List) < 2 {
		return ""
	}
	list := f.Decl.Body.List[len(f.Decl.Body.List)-2:]
	ret, ok := list[1].(*ast.ReturnStmt)
	if !ok || stmt.End() > list[0].Pos() || f.Signature(ret) != f.Signature(stmt) || !f.resolves(list[0], stmt.Pos()) || !f.resolves(ret, stmt.Pos()) {
		return ""
	}
	switch s := list[0].(type) {
	case *ast.ExprStmt, *ast.IncDecStmt:
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			return ""
		}
	default:
		return ""
	}
	if text := f.Text(list[0]); len(text) < site.MaxDonorText {
		return text + "\n\t" + f.Text(ret)
	}
	return ""
}

// resolves reports whether every name in n has the same meaning at pos.
func (f *function) resolves(n ast.Node, pos token.Pos) bool {
	free, ok := site.FreeNames(f.Package, f.File, n)
	if !ok {
		return false
	}
	for _, name := range free {
		if f.Lookup(name.Name, pos) != name.Object {
			return false
		}
	}
	return true
}
