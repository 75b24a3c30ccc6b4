package propose

import (
	"go/ast"
	"go/types"
)

var templateSelector = Strategy{
	Name:  "template/selector",
	Title: "Select another field, variable or constant",
	Text: `Replaces the selected field by another of the same type in the struct, the key
of a struct literal likewise, and a constant or variable of an imported package
by another of its type.`,
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

// changeSelector selects another field of the same type, or another constant or variable
// of a package.
func changeSelector(f *function, out emit) {
	ast.Inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			obj := f.pkg.Info.Uses[n.Sel]
			var options []option
			switch obj := obj.(type) {
			case *types.Var:
				if obj.IsField() {
					for _, name := range f.fieldsLike(f.typeOf(n.X), obj.Type(), n.Sel.Name) {
						options = append(options, option{weight: near(name, n.Sel.Name), alike: 0.5, title: replaceTitle(f.text(n), f.text(n.X)+"."+name), edits: []Edit{f.replace(n.Sel, name)}})
					}
				} else { // a variable of another package
					options = f.exportedLike(n, obj)
				}
			case *types.Const:
				if obj.Pkg() != f.pkg.Types {
					options = f.exportedLike(n, obj)
				}
			}
			out(n, options)
		case *ast.KeyValueExpr: // the key of a struct literal
			key, ok := n.Key.(*ast.Ident)
			lit, isLit := f.parent[n].(*ast.CompositeLit)
			if !ok || !isLit {
				return true
			}
			field, ok := f.pkg.Info.Uses[key].(*types.Var)
			if !ok || !field.IsField() {
				return true
			}
			var options []option
			for _, name := range f.fieldsLike(f.typeOf(lit), field.Type(), key.Name) {
				options = append(options, option{weight: near(name, key.Name), alike: 0.5, title: replaceTitle(key.Name+":", name+":"), edits: []Edit{f.replace(key, name)}})
			}
			out(n, options)
		}
		return true
	})
}

func (f *function) exportedLike(sel *ast.SelectorExpr, obj types.Object) []option {
	var options []option
	scope := obj.Pkg().Scope()
	for _, name := range scope.Names() {
		other := scope.Lookup(name)
		_, isConst := other.(*types.Const)
		_, isVar := other.(*types.Var)
		if name == obj.Name() || !other.Exported() || !(isConst || isVar) || !types.Identical(other.Type(), obj.Type()) {
			continue
		}
		options = append(options, option{weight: near(name, obj.Name()), alike: 0.3, title: replaceTitle(obj.Name(), name), edits: []Edit{f.replace(sel.Sel, name)}})
		if len(options) == 20 {
			break
		}
	}
	return options
}
