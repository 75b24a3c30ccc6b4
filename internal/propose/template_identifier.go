package propose

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// changeIdentifier is row 3: a variable, constant or type for another of fitting
// type in scope.
func changeIdentifier(f *function, out emit) {
	ast.Inspect(f.body, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || f.cold(id) {
			return true
		}
		if sel, ok := f.parent[id].(*ast.SelectorExpr); ok && sel.Sel == id {
			return true
		}
		if kv, ok := f.parent[id].(*ast.KeyValueExpr); ok && kv.Key == id {
			return true
		}
		var options []option
		add := func(name string, weight float64) {
			options = append(options, option{weight: weight, alike: weight, title: replaceTitle(id.Name, name), edits: []Edit{f.replace(id, name)}})
		}
		switch obj := f.pkg.Info.Uses[id].(type) {
		case *types.Var:
			if obj.IsField() {
				return true
			}
			for i, v := range f.vars(id.Pos()) {
				if v != obj && exchangeable(v.Type(), obj.Type()) {
					add(v.Name(), near(v.Name(), id.Name)/(1+0.1*float64(i)))
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
				add(c, near(c, id.Name))
			}
			if obj.Parent() == f.pkg.Types.Scope() {
				for _, c := range f.likeConstants(obj) {
					add(c, near(c, id.Name))
				}
			}
			for i, v := range f.locals(id.Pos()) {
				if i < 8 && types.AssignableTo(v.Type(), obj.Type()) {
					add(v.Name(), 0.15)
				}
			}
		case *types.TypeName:
			if tv := f.pkg.Info.Types[id]; !tv.IsType() {
				return true
			}
			for _, name := range typesLike(obj.Type()) {
				if name != id.Name {
					add(name, 1)
				}
			}
		case *types.Nil:
			for i, v := range f.locals(id.Pos()) {
				if i < 12 && isError(v.Type()) {
					add(v.Name(), 1)
				}
			}
			if ret, ok := f.parent[id].(*ast.ReturnStmt); ok { // return x, nil -> another value of that type
				f.returnInstead(ret, id, add)
			}
		}
		return out(id, options)
	})
}

// returnInstead proposes variables of the result's type for one returned value.
func (f *function) returnInstead(ret *ast.ReturnStmt, e ast.Expr, add func(string, float64)) {
	sig := f.signature(ret)
	i := slices.Index(ret.Results, e)
	if sig == nil || i < 0 || sig.Results().Len() != len(ret.Results) {
		return
	}
	for k, v := range f.locals(ret.Pos()) {
		if k < 12 && !isError(v.Type()) && types.AssignableTo(v.Type(), sig.Results().At(i).Type()) {
			add(v.Name(), 0.5)
		}
	}
}

func exchangeable(a, b types.Type) bool {
	return types.Identical(a, b) || types.AssignableTo(a, b)
}

// near weighs a name by its likeness to another: people mistake what reads alike.
func near(a, b string) float64 {
	la, lb := strings.ToLower(a), strings.ToLower(b)
	common := 0
	for common < len(la) && common < len(lb) && la[common] == lb[common] {
		common++
	}
	suffix := 0
	for suffix < len(la)-common && suffix < len(lb)-common && la[len(la)-1-suffix] == lb[len(lb)-1-suffix] {
		suffix++
	}
	return 0.4 + 0.6*float64(common+suffix)/float64(max(len(la), len(lb)))
}

// likeConstants are the constants declared in the same group as c, with its type.
func (f *function) likeConstants(c *types.Const) []string {
	var out []string
	for _, file := range f.pkg.Files {
		for _, d := range file.Syntax.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST || c.Pos() < g.Pos() || c.Pos() >= g.End() {
				continue
			}
			for _, spec := range g.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if obj := f.pkg.Info.Defs[name]; obj != nil && obj != c && name.Name != "_" && types.Identical(obj.Type(), c.Type()) {
						out = append(out, name.Name)
					}
				}
			}
		}
	}
	if len(out) > 20 {
		out = out[:20]
	}
	return out
}

// typesLike are the basic types that are mistaken for one.
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

// changeCallee is row 9: another function or method of the same shape.
func changeCallee(f *function, out emit) {
	ast.Inspect(f.body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		var id *ast.Ident
		switch fun := ast.Unparen(call.Fun).(type) {
		case *ast.Ident:
			id = fun
		case *ast.SelectorExpr:
			id = fun.Sel
		default:
			return true
		}
		fn, ok := f.pkg.Info.Uses[id].(*types.Func)
		if !ok {
			return true
		}
		var options []option
		for _, other := range f.siblings(call, fn) {
			options = append(options, option{
				weight: near(other, id.Name) * near(other, id.Name), alike: 0.5,
				title: replaceTitle(id.Name, other), edits: []Edit{f.replace(id, other)},
			})
		}
		return out(call, options)
	})
}

// siblings are the functions that could be called in a function's place: methods
// of the same type, functions of the same package, with the same parameters and results.
func (f *function) siblings(call *ast.CallExpr, fn *types.Func) []string {
	want := fn.Signature()
	var out []string
	fits := func(o types.Object) {
		g, ok := o.(*types.Func)
		if !ok || g == fn || (!g.Exported() && g.Pkg() != f.pkg.Types) {
			return
		}
		got := g.Signature()
		if got.TypeParams().Len() != want.TypeParams().Len() || got.Variadic() != want.Variadic() {
			return
		}
		if want.TypeParams().Len() > 0 {
			if got.Params().Len() == want.Params().Len() && got.Results().Len() == want.Results().Len() {
				out = append(out, g.Name())
			}
			return
		}
		if fitsTuple(got.Params(), want.Params()) && fitsTuple(want.Results(), got.Results()) {
			out = append(out, g.Name())
		}
	}
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && want.Recv() != nil {
		if recv := f.typeOf(sel.X); recv != nil {
			set := types.NewMethodSet(recv)
			if _, isPtr := recv.Underlying().(*types.Pointer); !isPtr {
				if _, isIface := recv.Underlying().(*types.Interface); !isIface {
					set = types.NewMethodSet(types.NewPointer(recv))
				}
			}
			for i := range set.Len() {
				fits(set.At(i).Obj())
			}
		}
	} else if fn.Pkg() != nil {
		for _, name := range fn.Pkg().Scope().Names() {
			fits(fn.Pkg().Scope().Lookup(name))
		}
	}
	slices.SortStableFunc(out, func(a, b string) int {
		switch na, nb := near(a, fn.Name()), near(b, fn.Name()); {
		case na > nb:
			return -1
		case na < nb:
			return 1
		}
		return 0
	})
	if len(out) > 20 {
		out = out[:20]
	}
	return out
}

func fitsTuple(to, from *types.Tuple) bool {
	if to.Len() != from.Len() {
		return false
	}
	for i := range to.Len() {
		if !types.AssignableTo(from.At(i).Type(), to.At(i).Type()) {
			return false
		}
	}
	return true
}

// changeSelector is row 15: another field of the same type, or the same field of
// another variable's inner struct.
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

// fieldsLike are the fields of a struct that have a type.
func (f *function) fieldsLike(of, want types.Type, except string) []string {
	if of == nil {
		return nil
	}
	if p, ok := of.Underlying().(*types.Pointer); ok {
		of = p.Elem()
	}
	s, ok := of.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	var out []string
	for i := range s.NumFields() {
		field := s.Field(i)
		if field.Name() != except && field.Name() != "_" && types.Identical(field.Type(), want) && (field.Exported() || field.Pkg() == f.pkg.Types) {
			out = append(out, field.Name())
		}
	}
	return out
}
