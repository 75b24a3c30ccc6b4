package propose

import (
	"go/ast"
	"go/token"
	"go/types"
)

var templateUnwrap = Strategy{
	Name:  "template/unwrap",
	Title: "Drop a call or an operand around an expression, or swap operands",
	Text: `Replaces a call by one of its arguments or by its receiver, a binary expression
by one of its operands, and drops or exchanges the bounds of a slice
expression. Also swaps operands, the two sides of an assignment and results
that are returned in the wrong order.`,
	Before: `import "strings"

func key(s string) string {
	return strings.ToLower(strings.TrimSpace(s))
}`,
	After: `import "strings"

func key(s string) string {
	return strings.TrimSpace(s)
}`,
	Share: 0.6, Measured: true,
	Propose: perFunction(unwrapCall),
}

// unwrapCall drops a call around an expression, or swaps operands in the wrong order.
func unwrapCall(f *function, out emit) {
	f.exprs(func(e ast.Expr) {
		own := f.text(e)
		var options []option
		switch e := e.(type) {
		case *ast.CallExpr:
			t := f.typeOf(e)
			for _, arg := range e.Args {
				if at := f.typeOf(arg); t != nil && at != nil && types.AssignableTo(types.Default(at), t) {
					options = append(options, option{weight: 1, removed: 0.3, alike: 0.5, title: replaceTitle(own, f.text(arg)), edits: []Edit{f.replace(e, f.text(arg))}})
				}
			}
			if sel, ok := e.Fun.(*ast.SelectorExpr); ok && f.pkg.Info.Types[sel.X].IsValue() {
				if xt := f.typeOf(sel.X); t != nil && xt != nil && types.AssignableTo(xt, t) {
					options = append(options, option{weight: 1, removed: 0.3, alike: 0.5, title: replaceTitle(own, f.text(sel.X)), edits: []Edit{f.replace(e, f.text(sel.X))}})
				}
			}
		case *ast.BinaryExpr:
			switch e.Op {
			case token.LAND, token.LOR: // for template/drop-clause
			// A comparison the other way round is for template/operator.
			case token.SUB, token.QUO, token.REM, token.SHL, token.SHR, token.ADD:
				options = append(options, option{weight: 0.7, alike: 0.7, title: "swap the operands of " + quote(own), edits: []Edit{f.replace(e.X, f.text(e.Y)), f.replace(e.Y, f.text(e.X))}})
				fallthrough
			default:
				if t := f.typeOf(e); t != nil && !isBool(t) {
					options = append(options,
						option{weight: 0.7, removed: 0.3, alike: 0.5, title: replaceTitle(own, f.text(e.X)), edits: []Edit{f.replace(e, f.text(e.X))}},
						option{weight: 0.5, removed: 0.3, alike: 0.5, title: replaceTitle(own, f.text(e.Y)), edits: []Edit{f.replace(e, f.text(e.Y))}})
				}
			}
		case *ast.SliceExpr:
			if e.Low != nil {
				options = append(options, option{weight: 0.6, removed: 0.2, alike: 0.5, title: "drop the lower bound of " + quote(own), edits: []Edit{f.replace(e.Low, "")}})
			}
			if e.High != nil && e.Max == nil {
				options = append(options, option{weight: 0.6, removed: 0.2, alike: 0.5, title: "drop the upper bound of " + quote(own), edits: []Edit{f.replace(e.High, "")}})
			}
			if e.Low != nil && e.High == nil && !e.Slice3 {
				low := f.text(e.Low)
				options = append(options, option{weight: 0.6, alike: 0.5, title: "slice up to " + quote(low) + " instead of from it", edits: []Edit{f.replace(e, f.text(e.X)+"[:"+low+"]")}})
			}
			if e.Low == nil && e.High != nil && !e.Slice3 {
				high := f.text(e.High)
				options = append(options, option{weight: 0.6, alike: 0.5, title: "slice from " + quote(high) + " instead of up to it", edits: []Edit{f.replace(e, f.text(e.X)+"["+high+":]")}})
			}
		case *ast.UnaryExpr, *ast.StarExpr:
			return
		}
		out(e, options)
	})
	ast.Inspect(f.body, func(n ast.Node) bool { // a, b = b, a
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 2 {
			swap := []Edit{f.replace(a.Lhs[0], f.text(a.Lhs[1])), f.replace(a.Lhs[1], f.text(a.Lhs[0]))}
			out(a, []option{{weight: 1, alike: 0.6, title: "swap the left sides of " + quote(f.text(a)), edits: swap}})
		}
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) >= 2 {
			swap := []Edit{f.replace(r.Results[0], f.text(r.Results[1])), f.replace(r.Results[1], f.text(r.Results[0]))}
			out(r, []option{{weight: 1, alike: 0.6, title: "swap the first two results of " + quote(f.text(r)), edits: swap}})
		}
		return true
	})
}
