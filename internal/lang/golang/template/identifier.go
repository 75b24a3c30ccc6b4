package template

import (
	"go/ast"
	"go/types"
	"slices"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var identifierStrategy = propose.Strategy{
	Name:  "template/identifier",
	Title: "Use a different variable, constant or basic type",
	Text: `Replaces a name with another in scope whose type fits; similar names come
first. Covers copy and paste mistakes: the same variable used twice, the wrong
constant of a group, a conversion to a type that is too narrow, and nil returned
instead of an error that is in scope.`,
	Before: `func area(width, height int) int {
	return width * width
}`,
	After: `func area(width, height int) int {
	return width * height
}`,
	Share: 3.0, Measured: true,
	Propose: perFunction(changeIdentifier),
}

// changeIdentifier replaces a variable, constant or basic type with another that fits.
func changeIdentifier(f *function, out emit) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || !f.Suspicious(id) {
			return true
		}
		if sel, ok := f.Parent[id].(*ast.SelectorExpr); ok && sel.Sel == id {
			return true
		}
		if kv, ok := f.Parent[id].(*ast.KeyValueExpr); ok && kv.Key == id {
			return true
		}
		var options []site.Option
		add := func(name string, weight float64) {
			options = append(options, site.Option{Weight: weight, Alike: weight, Title: site.ReplaceTitle(id.Name, name), Edits: []propose.Edit{f.Replace(id, name)}})
		}
		switch obj := f.Package.Info.Uses[id].(type) {
		case *types.Var:
			if obj.IsField() {
				return true
			}
			for i, v := range f.Vars(id.Pos()) {
				if v != obj && exchangeable(v.Type(), obj.Type()) {
					add(v.Name(), similarity(v.Name(), id.Name)/(1+0.1*float64(i)))
				}
			}
			for _, c := range f.constants(obj.Type(), id.Name) {
				add(c, 0.1)
			}
		case *types.Const:
			if obj.Parent() == types.Universe {
				return true
			}
			for _, c := range f.constants(obj.Type(), id.Name) {
				add(c, similarity(c, id.Name))
			}
			if obj.Parent() == f.Package.Types.Scope() {
				for _, c := range f.likeConstants(obj) {
					add(c, similarity(c, id.Name))
				}
			}
			for i, v := range f.Locals(id.Pos()) {
				if i < 8 && types.AssignableTo(v.Type(), obj.Type()) {
					add(v.Name(), 0.15)
				}
			}
		case *types.TypeName:
			if tv := f.Package.Info.Types[id]; !tv.IsType() {
				return true
			}
			for _, name := range typesLike(obj.Type()) {
				if name != id.Name {
					add(name, 1)
				}
			}
		case *types.Nil:
			for i, v := range f.Locals(id.Pos()) {
				if i < 12 && site.IsError(v.Type()) {
					add(v.Name(), 1)
				}
			}
			if ret, ok := f.Parent[id].(*ast.ReturnStmt); ok { // return nil -> another value of that type
				f.returnInstead(ret, id, add)
			}
		}
		return out(id, options)
	})
}

// returnInstead adds the variables whose type fits the result that e is returned for.
func (f *function) returnInstead(ret *ast.ReturnStmt, e ast.Expr, add func(string, float64)) {
	sig := f.Signature(ret)
	i := slices.Index(ret.Results, e)
	if sig == nil || i < 0 || sig.Results().Len() != len(ret.Results) {
		return
	}
	for k, v := range f.Locals(ret.Pos()) {
		if k < 12 && !site.IsError(v.Type()) && types.AssignableTo(v.Type(), sig.Results().At(i).Type()) {
			add(v.Name(), 0.5)
		}
	}
}

func exchangeable(a, b types.Type) bool {
	return types.Identical(a, b) || types.AssignableTo(a, b)
}

// typesLike lists the basic types that are often confused with t.
func typesLike(t types.Type) []string {
	b, ok := t.(*types.Basic)
	if !ok {
		return nil
	}
	switch b.Kind() {
	case types.Int, types.Int64, types.Int32, types.Int16, types.Int8, types.Uint, types.Uint64, types.Uint32, types.Uint16, types.Uint8:
		return []string{"int", "int64", "uint64", "int32", "uint32", "uint", "int16", "uint16", "int8", "uint8", "byte", "rune"}
	case types.Float64:
		return []string{"float32"}
	case types.Float32:
		return []string{"float64"}
	}
	return nil
}
