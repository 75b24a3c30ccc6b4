package template

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// similarity weighs a name by how similar it is to another: similar names are confused
// most often.
func similarity(a, b string) float64 {
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

// confusedWith maps each operator to those it is confused with, the likeliest first.
var confusedWith = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GTR, token.GEQ, token.NEQ}, token.LEQ: {token.LSS, token.GEQ, token.GTR, token.EQL},
	token.GTR: {token.GEQ, token.LSS, token.LEQ, token.NEQ}, token.GEQ: {token.GTR, token.LEQ, token.LSS, token.EQL},
	token.EQL: {token.NEQ, token.LEQ, token.GEQ}, token.NEQ: {token.EQL, token.LSS, token.GTR},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB, token.MUL}, token.SUB: {token.ADD, token.QUO}, token.MUL: {token.QUO, token.ADD}, token.QUO: {token.MUL, token.REM},
	token.REM: {token.QUO}, token.SHL: {token.SHR}, token.SHR: {token.SHL},
	token.AND: {token.OR, token.AND_NOT, token.XOR}, token.OR: {token.AND, token.XOR}, token.XOR: {token.OR, token.AND}, token.AND_NOT: {token.AND},
	token.ADD_ASSIGN: {token.ASSIGN, token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN, token.ASSIGN}, token.MUL_ASSIGN: {token.QUO_ASSIGN},
	token.QUO_ASSIGN: {token.MUL_ASSIGN}, token.OR_ASSIGN: {token.AND_ASSIGN, token.ASSIGN, token.XOR_ASSIGN}, token.AND_ASSIGN: {token.OR_ASSIGN, token.AND_NOT_ASSIGN},
	token.SHL_ASSIGN: {token.SHR_ASSIGN}, token.SHR_ASSIGN: {token.SHL_ASSIGN}, token.ASSIGN: {token.ADD_ASSIGN, token.OR_ASSIGN, token.DEFINE},
	token.DEFINE: {token.ASSIGN}, token.INC: {token.DEC}, token.DEC: {token.INC}, token.XOR_ASSIGN: {token.OR_ASSIGN},
}

// likeConstants lists the constants declared in the same group as c, with its type.
func (f *function) likeConstants(c *types.Const) []string {
	var out []string
	for _, file := range f.Package.Files {
		for _, d := range file.Syntax.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST || c.Pos() < g.Pos() || c.Pos() >= g.End() {
				continue
			}
			for _, spec := range g.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if obj := f.Package.Info.Defs[name]; obj != nil && obj != c && name.Name != "_" && types.Identical(obj.Type(), c.Type()) {
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

// fieldsLike lists the fields of a struct with a type.
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
		if field.Name() != except && field.Name() != "_" && types.Identical(field.Type(), want) && (field.Exported() || field.Pkg() == f.Package.Types) {
			out = append(out, field.Name())
		}
	}
	return out
}

// siblings lists the functions that could be called instead of fn: methods of the same
// type, or functions of the same package, whose parameters and results fit.
func (f *function) siblings(call *ast.CallExpr, fn *types.Func) []string {
	want := fn.Signature()
	var out []string
	fits := func(o types.Object) {
		g, ok := o.(*types.Func)
		if !ok || g == fn || (!g.Exported() && g.Pkg() != f.Package.Types) {
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
		if recv := f.TypeOf(sel.X); recv != nil {
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
		switch na, nb := similarity(a, fn.Name()), similarity(b, fn.Name()); {
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
