package template

import (
	"go/ast"
	"go/token"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var dropClauseStrategy = propose.Strategy{
	Name:  "template/drop-clause",
	Title: "Drop a clause of a condition",
	Text: `Keeps only one side of an && or ||. This simplifies a decision: check that the
dropped clause is really not needed.`,
	Before: `func printable(c byte) bool {
	return c >= ' ' && c < 127 && c != ' '
}`,
	After: `func printable(c byte) bool {
	return c >= ' ' && c < 127
}`,
	Share: 0.6, Measured: true,
	Propose: perFunction(dropClause),
}

// dropClause drops one side of each && and ||.
func dropClause(f *function, out emit) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		b, ok := n.(*ast.BinaryExpr)
		if !ok || (b.Op != token.LAND && b.Op != token.LOR) {
			return true
		}
		return out(b, []site.Option{
			{Weight: 1, Removed: 0.4, Title: "drop the clause " + site.Quote(f.Text(b.Y)), Edits: []propose.Edit{f.Replace(b, f.Text(b.X))}},
			{Weight: 1, Removed: 0.4, Title: "drop the clause " + site.Quote(f.Text(b.X)), Edits: []propose.Edit{f.Replace(b, f.Text(b.Y))}},
		})
	})
}
