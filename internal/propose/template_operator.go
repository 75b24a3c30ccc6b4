package propose

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

var templateOperator = Strategy{
	Name:  "template/operator",
	Title: "Change an operator, a boolean or a negation",
	Text: `Exchanges comparison, logical, arithmetic and assignment operators that are
mistaken for each other, likeliest first. Also turns true into false, break into
continue, and adds or drops a negation.`,
	Before: `func adult(age int) bool {
	return age > 18
}`,
	After: `func adult(age int) bool {
	return age >= 18
}`,
	Share: 1.5, Measured: true,
	Propose: perFunction(changeOperator),
}

// changeOperator changes comparison, arithmetic and assignment operators, and negations.
func changeOperator(f *function, out emit) {
	swap := func(at ast.Node, pos token.Pos, op token.Token) {
		var options []option
		start := f.file.Offset(pos)
		for i, other := range confusedWith[op] {
			options = append(options, option{
				weight: 1 / float64(i+1),
				title:  fmt.Sprintf("replace the operator %s by %s in %s", op, other, quote(f.text(at))),
				edits:  []Edit{{File: f.file.Name, Start: start, End: start + len(op.String()), New: other.String()}},
			})
		}
		out(at, options)
	}
	ast.Inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			swap(n, n.OpPos, n.Op)
		case *ast.AssignStmt:
			swap(n, n.TokPos, n.Tok)
		case *ast.IncDecStmt:
			swap(n, n.TokPos, n.Tok)
		case *ast.UnaryExpr:
			if n.Op == token.NOT || n.Op == token.SUB {
				out(n, []option{{weight: 1, title: "drop the " + n.Op.String() + " of " + quote(f.text(n)), edits: []Edit{f.replace(n, f.text(n.X))}}})
			}
		case *ast.Ident:
			other := map[string]string{"true": "false", "false": "true"}[n.Name]
			if obj := f.pkg.Info.Uses[n]; other != "" && obj != nil && obj.Parent() == types.Universe {
				out(n, []option{{weight: 1, title: replaceTitle(n.Name, other), edits: []Edit{f.replace(n, other)}}})
			}
		case *ast.BranchStmt:
			other := map[token.Token]string{token.BREAK: "continue", token.CONTINUE: "break"}[n.Tok]
			if other != "" && n.Label == nil {
				out(n, []option{{weight: 1, title: replaceTitle(n.Tok.String(), other), edits: []Edit{f.replace(n, other)}}})
			}
		}
		return true
	})
	f.exprs(func(e ast.Expr) {
		t := f.typeOf(e)
		if t == nil || !isBool(t) {
			return
		}
		switch e := e.(type) {
		case *ast.CallExpr, *ast.SelectorExpr, *ast.IndexExpr:
			out(e, []option{{weight: 1, title: "negate " + quote(f.text(e)), edits: []Edit{f.replace(e, "!"+f.text(e))}}})
		case *ast.Ident:
			if _, isVar := f.pkg.Info.Uses[e].(*types.Var); isVar {
				out(e, []option{{weight: 1, title: "negate " + quote(e.Name), edits: []Edit{f.replace(e, "!"+e.Name)}}})
			}
		case *ast.ParenExpr:
			if _, negated := f.parent[e].(*ast.UnaryExpr); !negated {
				out(e, []option{{weight: 1, title: "negate " + quote(f.text(e)), edits: []Edit{f.replace(e, "!"+f.text(e))}}})
			}
		}
	})
}
