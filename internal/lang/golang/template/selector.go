package template

import (
	"go/ast"
	"go/types"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var selectorStrategy = propose.Strategy{
	Name:  "template/selector",
	Title: "Select a different field, variable or constant",
	Text: `Replaces a selected field, or the key in a struct literal, with another field
of the same type. Also replaces a constant or variable of an imported package
with another of its type.`,
	Before: `type point struct{ x, y int }

func sum(p point) int {
	return p.x + p.x
}`,
	After: `type point struct{ x, y int }

func sum(p point) int {
	return p.x + p.y
}`,
	Share: 0.6, Measured: true,
	Propose: perFunction(changeSelector),
}

// changeSelector selects another field, or another constant or variable of a package, of
// the same type.
func changeSelector(f *function, out emit) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			obj := f.Package.Info.Uses[n.Sel]
			var options []site.Option
			switch obj := obj.(type) {
			case *types.Var:
				if obj.IsField() {
					for _, name := range f.fieldsLike(f.TypeOf(n.X), obj.Type(), n.Sel.Name) {
						options = append(options, site.Option{Weight: similarity(name, n.Sel.Name), Alike: 0.5, Title: site.ReplaceTitle(f.Text(n), f.Text(n.X)+"."+name), Edits: []propose.Edit{f.Replace(n.Sel, name)}})
					}
				} else { // a variable of another package
					options = f.exportedLike(n, obj)
				}
			case *types.Const:
				if obj.Pkg() != f.Package.Types {
					options = f.exportedLike(n, obj)
				}
			}
			out(n, options)
		case *ast.KeyValueExpr: // the key of a struct literal
			key, ok := n.Key.(*ast.Ident)
			lit, isLit := f.Parent[n].(*ast.CompositeLit)
			if !ok || !isLit {
				return true
			}
			field, ok := f.Package.Info.Uses[key].(*types.Var)
			if !ok || !field.IsField() {
				return true
			}
			var options []site.Option
			for _, name := range f.fieldsLike(f.TypeOf(lit), field.Type(), key.Name) {
				options = append(options, site.Option{Weight: similarity(name, key.Name), Alike: 0.5, Title: site.ReplaceTitle(key.Name+":", name+":"), Edits: []propose.Edit{f.Replace(key, name)}})
			}
			out(n, options)
		}
		return true
	})
}

func (f *function) exportedLike(sel *ast.SelectorExpr, obj types.Object) []site.Option {
	var options []site.Option
	scope := obj.Pkg().Scope()
	for _, name := range scope.Names() {
		other := scope.Lookup(name)
		_, isConst := other.(*types.Const)
		_, isVar := other.(*types.Var)
		if name == obj.Name() || !other.Exported() || !(isConst || isVar) || !types.Identical(other.Type(), obj.Type()) {
			continue
		}
		options = append(options, site.Option{Weight: similarity(name, obj.Name()), Alike: 0.3, Title: site.ReplaceTitle(obj.Name(), name), Edits: []propose.Edit{f.Replace(sel.Sel, name)}})
		if len(options) == 20 {
			break
		}
	}
	return options
}
