package template

import (
	"go/ast"
	"go/types"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var calleeStrategy = propose.Strategy{
	Name:  "template/callee",
	Title: "Call a different function or method with the same signature",
	Text: `Considers the methods of the same type, or the functions of the same package,
whose parameters and results fit the call. Similar names come first.`,
	Before: `import "strings"

func number(s string) string { return strings.TrimLeft(s, "no. ") }`,
	After: `import "strings"

func number(s string) string { return strings.TrimPrefix(s, "no. ") }`,
	Share: 1.0, Measured: true,
	Propose: perFunction(changeCallee),
}

// changeCallee calls another function or method with the same signature.
func changeCallee(f *function, out emit) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		var id *ast.Ident
		switch fun := ast.Unparen(call.Fun).(type) {
		case *ast.Ident:
			id = fun
		case *ast.SelectorExpr:
			id = fun.Sel
		default:
			return true
		}
		fn, ok := f.Package.Info.Uses[id].(*types.Func)
		if !ok {
			return true
		}
		var options []site.Option
		for _, other := range f.siblings(call, fn) {
			options = append(options, site.Option{
				Weight: similarity(other, id.Name) * similarity(other, id.Name), Alike: 0.5,
				Title: site.ReplaceTitle(id.Name, other), Edits: []propose.Edit{f.Replace(id, other)},
			})
		}
		return out(call, options)
	})
}
