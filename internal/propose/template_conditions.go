package propose

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// conditions visits the outermost boolean expressions that decide something: the
// conditions of if and for, and boolean values that are returned or assigned.
func (f *function) conditions(look func(cond ast.Expr)) {
	visit := func(cond ast.Expr) {
		if !f.cold(cond) {
			look(cond)
		}
	}
	ast.Inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			visit(n.Cond)
		case *ast.ForStmt:
			if n.Cond != nil {
				visit(n.Cond)
			}
		case *ast.CaseClause:
			if sw, ok := f.parent[f.parent[n]].(*ast.SwitchStmt); ok && sw.Tag == nil {
				for _, e := range n.List {
					visit(e)
				}
			}
		case *ast.ReturnStmt:
			f.booleans(n.Results, visit)
		case *ast.AssignStmt:
			f.booleans(n.Rhs, visit)
		}
		return true
	})
}

func (f *function) booleans(list []ast.Expr, visit func(ast.Expr)) {
	for _, e := range list {
		if t := f.typeOf(e); t != nil && isBool(t) {
			if id, ok := e.(*ast.Ident); ok && (id.Name == "true" || id.Name == "false") {
				continue
			}
			visit(e)
		}
	}
}

// maxClauses bounds how many clauses are tried at one gap.
const maxClauses = 60

// tests gives the plain tests of values that may go wrong at n: nil, empty, zero,
// sign, bounds.
func (f *function) tests(n ast.Node, used []ast.Expr) []weighted {
	var out []weighted
	add := func(text string, weight float64) { out = append(out, weighted{text, weight}) }
	for i, e := range used {
		if f.declaredLater(e, n) {
			continue
		}
		text := f.text(e)
		near := 1 / (1 + 0.15*float64(i))
		t := f.typeOf(e)
		if t == nil {
			continue
		}
		switch u := t.Underlying().(type) {
		case *types.Pointer, *types.Chan, *types.Signature, *types.Interface:
			if isError(t) {
				add(text+" != nil", near)
				add(text+" == nil", 0.5*near)
				for k, sentinel := range f.sentinels() {
					if k < 6 {
						add(text+" == "+sentinel, 0.4*near)
					}
				}
			} else {
				add(text+" == nil", near)
				add(text+" != nil", 0.6*near)
			}
		case *types.Slice, *types.Map:
			add("len("+text+") == 0", near)
			add("len("+text+") > 0", 0.5*near)
			add(text+" == nil", 0.5*near)
			add(text+" != nil", 0.3*near)
			add("len("+text+") == 1", 0.2*near)
			add("len("+text+") > 1", 0.2*near)
		case *types.Basic:
			switch {
			case u.Info()&types.IsString != 0:
				add(text+` == ""`, near)
				add(text+` != ""`, 0.6*near)
				add("len("+text+") == 0", 0.4*near)
				add("len("+text+") > 0", 0.3*near)
			case u.Info()&types.IsBoolean != 0:
				add(text, 0.8*near)
				add("!"+text, 0.8*near)
			case u.Info()&types.IsInteger != 0:
				add(text+" == 0", 0.8*near)
				add(text+" > 0", 0.5*near)
				add(text+" != 0", 0.4*near)
				if u.Info()&types.IsUnsigned == 0 {
					add(text+" < 0", 0.6*near)
					add(text+" <= 0", 0.3*near)
					add(text+" >= 0", 0.3*near)
				}
				for _, s := range used {
					if st := f.typeOf(s); st != nil && hasLen(st) && !f.declaredLater(s, n) {
						add(text+" >= len("+f.text(s)+")", 0.5*near)
						add(text+" < len("+f.text(s)+")", 0.5*near)
						add(text+" == len("+f.text(s)+")", 0.3*near)
						add(text+" > len("+f.text(s)+")", 0.3*near)
						add(text+" > len("+f.text(s)+")-1", 0.05*near)
					}
				}
			case u.Info()&types.IsFloat != 0:
				add(text+" == 0", 0.8*near)
				add(text+" < 0", 0.5*near)
				add(text+" > 0", 0.3*near)
			}
		}
		for j, o := range used { // two of a kind
			if j <= i || j > i+4 || f.declaredLater(o, n) {
				continue
			}
			ot := f.typeOf(o)
			if ot == nil || !types.Identical(t, ot) || !types.Comparable(t) {
				continue
			}
			if z := map[string]string{`""`: ` == ""`, "nil": " == nil", "0": " == 0"}[f.zero(t)]; z != "" && z != " == 0" {
				add(text+z+" && "+f.text(o)+z, 0.35*near)
				add(text+z+" || "+f.text(o)+z, 0.3*near)
			}
			add(text+" == "+f.text(o), 0.3*near)
			add(text+" != "+f.text(o), 0.25*near)
			if b, ok := t.Underlying().(*types.Basic); ok && b.Info()&types.IsOrdered != 0 {
				add(text+" > "+f.text(o), 0.25*near)
				add(text+" < "+f.text(o), 0.25*near)
				add(text+" >= "+f.text(o), 0.2*near)
				add(text+" <= "+f.text(o), 0.2*near)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b weighted) int { return cmp.Compare(b.weight, a.weight) })
	if len(out) > 60 {
		out = out[:60]
	}
	return out
}

// flags are the truths that lie around: boolean variables, boolean fields of the
// variables in scope, and fields of an enumerated type against its constants.
func (f *function) flags(pos token.Pos) []weighted {
	var out []weighted
	add := func(text string, weight float64) { out = append(out, weighted{text, weight}) }
	for i, v := range f.owners(pos) {
		if i >= 12 {
			break
		}
		near := 1 / (1 + 0.1*float64(i))
		if isBool(v.Type()) {
			add(v.Name(), near)
			add("!"+v.Name(), near)
		}
		for _, field := range f.fieldsOf(v.Type()) {
			if isBool(field.Type()) {
				add(v.Name()+"."+field.Name(), 0.6*near)
				add("!"+v.Name()+"."+field.Name(), 0.6*near)
				continue
			}
			if i < 4 {
				for k, c := range f.constants(field.Type(), "") {
					if k < 8 {
						add(v.Name()+"."+field.Name()+" == "+c, 0.5*near)
						add(v.Name()+"."+field.Name()+" != "+c, 0.5*near)
					}
				}
			}
		}
	}
	return out
}

// sentinels are the error values of the package.
func (f *function) sentinels() []string {
	var out []string
	scope := f.pkg.Types.Scope()
	for _, name := range scope.Names() {
		if v, ok := scope.Lookup(name).(*types.Var); ok && isError(v.Type()) {
			out = append(out, name)
		}
	}
	return out
}
