package template

import (
	"go/ast"
	"go/token"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var deleteStrategy = propose.Strategy{
	Name:  "template/delete",
	Title: "Delete a statement or a guard",
	Text: `Removes a call, an assignment, a bare return or an if statement, or keeps the
body of the if and drops its condition. Removing behavior passes tests too
easily (Qi et al., 2015), so these patches rank low and need a close look.`,
	Before: `func first(names []string) string {
	if len(names) == 1 {
		return ""
	}
	return names[0]
}`,
	After: `func first(names []string) string {
	return names[0]
}`,
	Share: 0.8, Measured: true,
	Propose: perFunction(deleteStatement),
}

// deleteStatement deletes a statement or a guard. Removing behavior passes tests too easily
// (Kali; Qi et al. 2015), so it ranks low.
func deleteStatement(f *function, out emit) {
	f.Blocks(func(owner ast.Node, list []ast.Stmt) {
		for _, stmt := range list {
			var options []site.Option
			switch s := stmt.(type) {
			case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.BranchStmt:
				options = append(options, site.Option{Weight: 1, Removed: 1, Title: "delete " + site.Quote(f.Text(s)), Edits: []propose.Edit{f.Remove(s)}})
			case *ast.AssignStmt:
				if s.Tok != token.DEFINE {
					options = append(options, site.Option{Weight: 1, Removed: 1, Title: "delete " + site.Quote(f.Text(s)), Edits: []propose.Edit{f.Remove(s)}})
				}
			case *ast.ReturnStmt:
				if len(s.Results) == 0 {
					options = append(options, site.Option{Weight: 1, Removed: 1, Title: "delete " + site.Quote(f.Text(s)), Edits: []propose.Edit{f.Remove(s)}})
				}
			case *ast.IfStmt:
				weight := 0.5
				if s.Else == nil && site.IsExit(s.Body) { // a guard
					weight = 1
				}
				options = append(options, site.Option{Weight: weight, Removed: 1, Title: "delete " + site.Quote(f.Text(s)), Edits: []propose.Edit{f.Remove(s)}})
				if s.Else == nil && s.Init == nil && len(s.Body.List) > 0 {
					inner := string(f.File.Src[f.File.Offset(s.Body.List[0].Pos()):f.File.Offset(s.Body.List[len(s.Body.List)-1].End())])
					options = append(options, site.Option{
						Weight: 0.4, Removed: 0.6, Title: "always run the body of " + site.Quote(f.Text(s)),
						Edits: []propose.Edit{f.Replace(s, site.Reindent(inner, f.Indent(f.File.Offset(s.Pos()))))},
					})
				}
			}
			if !out(stmt, options) {
				return
			}
		}
	})
}
