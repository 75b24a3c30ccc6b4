package template

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var operatorStrategy = propose.Strategy{
	Name:  "template/operator",
	Title: "Change an operator, a boolean or a negation",
	Text: `Replaces comparison, logical, arithmetic and assignment operators with others
they are often confused with, the likeliest first. Also swaps true and false,
break and continue, and adds or drops a negation.`,
	Before: `func adult(age int) bool {
	return age > 18
}`,
	After: `func adult(age int) bool {
	return age >= 18
}`,
	Share: 1.5, Measured: true,
	Propose: perFunction(changeOperator),
}

// changeOperator changes operators, booleans, negations, break and continue.
func changeOperator(f *function, out emit) {
	swap := func(at ast.Node, pos token.Pos, op token.Token) {
		var options []site.Option
		start := f.File.Offset(pos)
		for i, other := range confusedWith[op] {
			options = append(options, site.Option{
				Weight: 1 / float64(i+1),
				Title:  fmt.Sprintf("replace the operator %s with %s in %s", op, other, site.Quote(f.Text(at))),
				Edits:  []propose.Edit{{File: f.File.Name, Start: start, End: start + len(op.String()), New: other.String()}},
			})
		}
		out(at, options)
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			swap(n, n.OpPos, n.Op)
		case *ast.AssignStmt:
			swap(n, n.TokPos, n.Tok)
		case *ast.IncDecStmt:
			swap(n, n.TokPos, n.Tok)
		case *ast.UnaryExpr:
			if n.Op == token.NOT || n.Op == token.SUB {
				out(n, []site.Option{{Weight: 1, Title: "drop the " + n.Op.String() + " of " + site.Quote(f.Text(n)), Edits: []propose.Edit{f.Replace(n, f.Text(n.X))}}})
			}
		case *ast.Ident:
			other := map[string]string{"true": "false", "false": "true"}[n.Name]
			if obj := f.Package.Info.Uses[n]; other != "" && obj != nil && obj.Parent() == types.Universe {
				out(n, []site.Option{{Weight: 1, Title: site.ReplaceTitle(n.Name, other), Edits: []propose.Edit{f.Replace(n, other)}}})
			}
		case *ast.BranchStmt:
			other := map[token.Token]string{token.BREAK: "continue", token.CONTINUE: "break"}[n.Tok]
			if other != "" && n.Label == nil {
				out(n, []site.Option{{Weight: 1, Title: site.ReplaceTitle(n.Tok.String(), other), Edits: []propose.Edit{f.Replace(n, other)}}})
			}
		}
		return true
	})
	f.Exprs(func(e ast.Expr) {
		t := f.TypeOf(e)
		if t == nil || !site.IsBool(t) {
			return
		}
		switch e := e.(type) {
		case *ast.CallExpr, *ast.SelectorExpr, *ast.IndexExpr:
			out(e, []site.Option{{Weight: 1, Title: "negate " + site.Quote(f.Text(e)), Edits: []propose.Edit{f.Replace(e, "!"+f.Text(e))}}})
		case *ast.Ident:
			if _, isVar := f.Package.Info.Uses[e].(*types.Var); isVar {
				out(e, []site.Option{{Weight: 1, Title: "negate " + site.Quote(e.Name), Edits: []propose.Edit{f.Replace(e, "!"+e.Name)}}})
			}
		case *ast.ParenExpr:
			if _, negated := f.Parent[e].(*ast.UnaryExpr); !negated {
				out(e, []site.Option{{Weight: 1, Title: "negate " + site.Quote(f.Text(e)), Edits: []propose.Edit{f.Replace(e, "!"+f.Text(e))}}})
			}
		}
	})
}
