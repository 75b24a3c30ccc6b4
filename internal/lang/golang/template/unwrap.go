package template

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var unwrapStrategy = propose.Strategy{
	Name:  "template/unwrap",
	Title: "Unwrap an expression, or swap operands",
	Text: `Replaces a call with one of its arguments or its receiver, or a binary
expression with one of its operands, and drops or swaps the bounds of a slice
expression. Also swaps operands, the targets of an assignment, and results
returned in the wrong order.`,
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

// unwrapCall drops a call or an operand around an expression, or swaps operands.
func unwrapCall(f *function, out emit) {
	f.Exprs(func(e ast.Expr) {
		own := f.Text(e)
		var options []site.Option
		switch e := e.(type) {
		case *ast.CallExpr:
			t := f.TypeOf(e)
			for _, arg := range e.Args {
				if at := f.TypeOf(arg); t != nil && at != nil && types.AssignableTo(types.Default(at), t) {
					options = append(options, site.Option{Weight: 1, Removed: 0.3, Alike: 0.5, Title: site.ReplaceTitle(own, f.Text(arg)), Edits: []propose.Edit{f.Replace(e, f.Text(arg))}})
				}
			}
			if sel, ok := e.Fun.(*ast.SelectorExpr); ok && f.Package.Info.Types[sel.X].IsValue() {
				if xt := f.TypeOf(sel.X); t != nil && xt != nil && types.AssignableTo(xt, t) {
					options = append(options, site.Option{Weight: 1, Removed: 0.3, Alike: 0.5, Title: site.ReplaceTitle(own, f.Text(sel.X)), Edits: []propose.Edit{f.Replace(e, f.Text(sel.X))}})
				}
			}
		case *ast.BinaryExpr:
			switch e.Op {
			case token.LAND, token.LOR: // see template/drop-clause
			// Swapped comparisons are in template/operator.
			case token.SUB, token.QUO, token.REM, token.SHL, token.SHR, token.ADD:
				options = append(options, site.Option{Weight: 0.7, Alike: 0.7, Title: "swap the operands of " + site.Quote(own), Edits: []propose.Edit{f.Replace(e.X, f.Text(e.Y)), f.Replace(e.Y, f.Text(e.X))}})
				fallthrough
			default:
				if t := f.TypeOf(e); t != nil && !site.IsBool(t) {
					options = append(options,
						site.Option{Weight: 0.7, Removed: 0.3, Alike: 0.5, Title: site.ReplaceTitle(own, f.Text(e.X)), Edits: []propose.Edit{f.Replace(e, f.Text(e.X))}},
						site.Option{Weight: 0.5, Removed: 0.3, Alike: 0.5, Title: site.ReplaceTitle(own, f.Text(e.Y)), Edits: []propose.Edit{f.Replace(e, f.Text(e.Y))}})
				}
			}
		case *ast.SliceExpr:
			if e.Low != nil {
				options = append(options, site.Option{Weight: 0.6, Removed: 0.2, Alike: 0.5, Title: "drop the lower bound of " + site.Quote(own), Edits: []propose.Edit{f.Replace(e.Low, "")}})
			}
			if e.High != nil && e.Max == nil {
				options = append(options, site.Option{Weight: 0.6, Removed: 0.2, Alike: 0.5, Title: "drop the upper bound of " + site.Quote(own), Edits: []propose.Edit{f.Replace(e.High, "")}})
			}
			if e.Low != nil && e.High == nil && !e.Slice3 {
				low := f.Text(e.Low)
				options = append(options, site.Option{Weight: 0.6, Alike: 0.5, Title: "slice up to " + site.Quote(low) + " instead of from it", Edits: []propose.Edit{f.Replace(e, f.Text(e.X)+"[:"+low+"]")}})
			}
			if e.Low == nil && e.High != nil && !e.Slice3 {
				high := f.Text(e.High)
				options = append(options, site.Option{Weight: 0.6, Alike: 0.5, Title: "slice from " + site.Quote(high) + " instead of up to it", Edits: []propose.Edit{f.Replace(e, f.Text(e.X)+"["+high+":]")}})
			}
		case *ast.UnaryExpr, *ast.StarExpr:
			return
		}
		out(e, options)
	})
	ast.Inspect(f.Body, func(n ast.Node) bool { // a, b = b, a
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 2 {
			swap := []propose.Edit{f.Replace(a.Lhs[0], f.Text(a.Lhs[1])), f.Replace(a.Lhs[1], f.Text(a.Lhs[0]))}
			out(a, []site.Option{{Weight: 1, Alike: 0.6, Title: "swap the targets of " + site.Quote(f.Text(a)), Edits: swap}})
		}
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) >= 2 {
			swap := []propose.Edit{f.Replace(r.Results[0], f.Text(r.Results[1])), f.Replace(r.Results[1], f.Text(r.Results[0]))}
			out(r, []site.Option{{Weight: 1, Alike: 0.6, Title: "swap the first two results of " + site.Quote(f.Text(r)), Edits: swap}})
		}
		return true
	})
}
