package template

import (
	"go/ast"
	"go/token"

	"github.com/regreen-ci/regreen/internal/propose"
)

// insertions calls visit for every suspicious place where a statement can be inserted:
// before each statement of a block, and at its end if that is reachable.
func (f *function) insertions(visit func(list []ast.Stmt, i int)) {
	f.Blocks(func(owner ast.Node, list []ast.Stmt) {
		for i, stmt := range list {
			if f.Suspicious(stmt) {
				visit(list, i)
			}
		}
		if len(list) > 0 && f.Suspicious(list[len(list)-1]) && !terminates(list[len(list)-1]) {
			visit(list, len(list))
		}
	})
}

func terminates(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	}
	return false
}

// placeAt returns a function that makes the edit to insert text before list[i], or after
// the last statement.
func (f *function) placeAt(list []ast.Stmt, i int) func(string) propose.Edit {
	if i < len(list) {
		return func(text string) propose.Edit { return f.Before(list[i], text) }
	}
	return func(text string) propose.Edit { return f.After(list[len(list)-1], text) }
}

func (f *function) insertPos(list []ast.Stmt, i int) token.Pos {
	if i < len(list) {
		return list[i].Pos()
	}
	return list[len(list)-1].End()
}

func (f *function) insertSite(list []ast.Stmt, i int) ast.Node {
	return list[min(i, len(list)-1)]
}
