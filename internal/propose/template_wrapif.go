package propose

import (
	"go/ast"
	"go/token"
	"strings"
)

var templateWrapIf = Strategy{
	Name:  "template/wrap-if",
	Title: "Run a statement only under a condition",
	Text: `Puts an if around one statement. The condition is one of the package whose names
exist there, or a plain test of a value that the statement uses.`,
	Before: `func finish(done func()) {
	done()
}`,
	After: `func finish(done func()) {
	if done != nil {
		done()
	}
}`,
	Share: 1.3, Measured: true,
	Propose: perFunction(wrapIf),
}

// wrapIf runs a statement only under a condition.
func wrapIf(f *function, out emit) {
	conds := f.donors().conds
	f.blocks(func(owner ast.Node, list []ast.Stmt) {
		for i, stmt := range list {
			switch s := stmt.(type) {
			case *ast.DeclStmt, *ast.LabeledStmt, *ast.EmptyStmt:
				continue
			case *ast.AssignStmt:
				if s.Tok == token.DEFINE {
					continue
				}
			}
			text := f.text(stmt)
			if len(text) > 1200 || f.cold(stmt) {
				continue
			}
			var options []option
			body := func(cond string) Edit {
				body := "if " + cond + " {\n\t" + strings.ReplaceAll(reindent(text, ""), "\n", "\n\t") + "\n}"
				return f.replace(stmt, reindent(body, f.indent(f.file.Offset(stmt.Pos()))))
			}
			hole := []Edit{body(HoleCondition)}
			wrap := func(cond string, weight, alike float64) {
				options = append(options, option{
					weight: weight, alike: alike, hole: hole, edits: []Edit{body(cond)},
					title: "run " + quote(text) + " only if " + quote(cond),
				})
			}
			for _, c := range f.nearest(conds, stmt.Pos(), 25, "") {
				wrap(c.text, c.weight, c.alike)
			}
			for _, t := range f.conditionsOn(f.usedIn(list[i:i+1]), stmt) {
				wrap(t.text, t.weight, 0.4)
			}
			if !out(stmt, options) {
				return
			}
		}
	})
}
