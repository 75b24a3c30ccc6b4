package template

import (
	"go/ast"
	"go/token"

	"github.com/regreen-ci/regreen/internal/propose"
)

// insertions visits every place where a statement can be put: before each one of
// a block, and at its end where that can be reached.
func (f *function) insertions(visit func(list []ast.Stmt, i int)) {
	f.Blocks(func(owner ast.Node, list []ast.Stmt) {
		for i, stmt := range list {
			if !f.Cold(stmt) {
				visit(list, i)
			}
		}
		if len(list) > 0 && !f.Cold(list[len(list)-1]) && !terminates(list[len(list)-1]) {
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

// placeAt returns the edit that inserts before list[i], or behind the last.
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
