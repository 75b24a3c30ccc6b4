package propose

import (
	"go/ast"
	"go/token"
)

var templateDelete = Strategy{
	Name:  "template/delete",
	Title: "Delete a statement or a guard",
	Text: `Removes a call, an assignment, a bare return or an if, or keeps the body of the
if and drops its condition. Taking behaviour away passes tests too easily
(Qi et al., 2015), so these patches rank low and need a close look.`,
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

// deleteStatement deletes a statement or a guard. Taking behaviour away passes tests too easily (Kali; Qi et al. 2015), so it ranks low.
func deleteStatement(f *function, out emit) {
	f.blocks(func(owner ast.Node, list []ast.Stmt) {
		for _, stmt := range list {
			var options []option
			switch s := stmt.(type) {
			case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.BranchStmt:
				options = append(options, option{weight: 1, removed: 1, title: "delete " + quote(f.text(s)), edits: []Edit{f.remove(s)}})
			case *ast.AssignStmt:
				if s.Tok != token.DEFINE {
					options = append(options, option{weight: 1, removed: 1, title: "delete " + quote(f.text(s)), edits: []Edit{f.remove(s)}})
				}
			case *ast.ReturnStmt:
				if len(s.Results) == 0 {
					options = append(options, option{weight: 1, removed: 1, title: "delete " + quote(f.text(s)), edits: []Edit{f.remove(s)}})
				}
			case *ast.IfStmt:
				weight := 0.5
				if s.Else == nil && leaves(s.Body) {
					weight = 1
				}
				options = append(options, option{weight: weight, removed: 1, title: "delete " + quote(f.text(s)), edits: []Edit{f.remove(s)}})
				if s.Else == nil && s.Init == nil && len(s.Body.List) > 0 {
					inner := string(f.file.Src[f.file.Offset(s.Body.List[0].Pos()):f.file.Offset(s.Body.List[len(s.Body.List)-1].End())])
					options = append(options, option{
						weight: 0.4, removed: 0.6, title: "run the body of " + quote(f.text(s)) + " always",
						edits: []Edit{f.replace(s, reindent(inner, f.indent(f.file.Offset(s.Pos()))))},
					})
				}
			}
			if !out(stmt, options) {
				return
			}
		}
	})
}
