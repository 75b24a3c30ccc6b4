package propose

import (
	"go/ast"
	"go/token"
)

var templateDropClause = Strategy{
	Name:  "template/drop-clause",
	Title: "Drop a clause of a condition",
	Text: `Applies to every && and ||: one of the two sides goes. Since a decision gets
simpler, check that the dropped test is really not needed.`,
	Before: `func printable(c byte) bool {
	return c >= ' ' && c < 127 && c != ' '
}`,
	After: `func printable(c byte) bool {
	return c >= ' ' && c < 127
}`,
	Share: 0.6, Measured: true,
	Propose: perFunction(dropClause),
}

// dropClause drops one clause of a chain.
func dropClause(f *function, out emit) {
	ast.Inspect(f.body, func(n ast.Node) bool {
		b, ok := n.(*ast.BinaryExpr)
		if !ok || (b.Op != token.LAND && b.Op != token.LOR) {
			return true
		}
		return out(b, []option{
			{weight: 1, removed: 0.4, title: "drop the clause " + quote(f.text(b.Y)), edits: []Edit{f.replace(b, f.text(b.X))}},
			{weight: 1, removed: 0.4, title: "drop the clause " + quote(f.text(b.X)), edits: []Edit{f.replace(b, f.text(b.Y))}},
		})
	})
}
