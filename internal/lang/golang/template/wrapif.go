package template

import (
	"go/ast"
	"go/token"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var wrapIfStrategy = propose.Strategy{
	Name:  "template/wrap-if",
	Title: "Run a statement only under a condition",
	Text: `Puts an if around one statement. The condition comes from elsewhere in the
package, if its names are in scope, or is a basic check on a value that the
statement uses.`,
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
	conds := f.Donors().Conds
	f.Blocks(func(owner ast.Node, list []ast.Stmt) {
		for i, stmt := range list {
			switch s := stmt.(type) {
			case *ast.DeclStmt, *ast.LabeledStmt, *ast.EmptyStmt:
				continue
			case *ast.AssignStmt:
				if s.Tok == token.DEFINE {
					continue
				}
			}
			text := f.Text(stmt)
			if len(text) > 1200 || !f.Suspicious(stmt) {
				continue
			}
			var options []site.Option
			body := func(cond string) propose.Edit {
				body := "if " + cond + " {\n\t" + strings.ReplaceAll(site.Reindent(text, ""), "\n", "\n\t") + "\n}"
				return f.Replace(stmt, site.Reindent(body, f.Indent(f.File.Offset(stmt.Pos()))))
			}
			hole := []propose.Edit{body(site.HoleCondition)}
			wrap := func(cond string, weight, alike float64) {
				options = append(options, site.Option{
					Weight: weight, Alike: alike, Hole: hole, Edits: []propose.Edit{body(cond)},
					Title: "run " + site.Quote(text) + " only if " + site.Quote(cond),
				})
			}
			for _, c := range f.Nearest(conds, stmt.Pos(), 25, "") {
				wrap(c.Text, c.Weight, c.Alike)
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
