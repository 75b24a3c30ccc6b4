package propose

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
)

// insertAssignment is row 11: a variable or field is not set, reset or advanced.
func insertAssignment(f *function, out emit) {
	var assigns []*donor
	for _, d := range f.pkg.donorsOf().stmts {
		switch d.node.(type) {
		case *ast.AssignStmt, *ast.IncDecStmt:
			assigns = append(assigns, d)
		}
	}
	f.insertions(func(list []ast.Stmt, i int) {
		place := f.placeAt(list, i)
		var options []option
		add := func(text string, weight, alike float64) {
			options = append(options, option{weight: weight, alike: alike, title: "insert " + quote(text), edits: []Edit{place(text)}})
		}
		pos := f.insertPos(list, i)
		for _, a := range f.nearest(assigns, pos, 30, "") {
			add(a.text, a.weight, a.alike)
		}
		for _, s := range f.assignments(list, i, pos) {
			add(s.text, s.weight*0.5, 0.3)
		}
		for _, s := range f.likeAssignments(list, i) {
			add(s, 0.8, 0.7)
		}
		out(f.insertSite(list, i), options)
	})
}

// insertions visits every place where a statement can be put: before each one of
// a block, and at its end where that can be reached.
func (f *function) insertions(visit func(list []ast.Stmt, i int)) {
	f.blocks(func(owner ast.Node, list []ast.Stmt) {
		for i, stmt := range list {
			if !f.cold(stmt) {
				visit(list, i)
			}
		}
		if len(list) > 0 && !f.cold(list[len(list)-1]) && !terminates(list[len(list)-1]) {
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

// placeAt gives the edit that inserts before list[i], or behind the last.
func (f *function) placeAt(list []ast.Stmt, i int) func(string) Edit {
	if i < len(list) {
		return func(text string) Edit { return f.before(list[i], text) }
	}
	return func(text string) Edit { return f.after(list[len(list)-1], text) }
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

// assignments makes assignments from what is around: a variable or field set to
// another value of its type, to its zero value, advanced by one.
func (f *function) assignments(list []ast.Stmt, i int, pos token.Pos) []weighted {
	var out []weighted
	add := func(text string, weight float64) {
		if len(out) < 240 {
			out = append(out, weighted{text, weight})
		}
	}
	used := f.usedIn(list[max(0, i-2):min(i+2, len(list))])
	locals := f.locals(pos)
	for k, e := range used {
		t := f.typeOf(e)
		if t == nil || (i < len(list) && f.declaredLater(e, list[i])) {
			continue
		}
		if i == len(list) && f.declaredLaterAt(e, pos) {
			continue
		}
		text := f.text(e)
		near := 1 / (1 + 0.2*float64(k))
		if b, ok := t.Underlying().(*types.Basic); ok {
			switch {
			case b.Info()&types.IsInteger != 0:
				add(text+"++", near)
				add(text+"--", 0.4*near)
				add(text+" = 0", 0.6*near)
			case b.Info()&types.IsBoolean != 0:
				add(text+" = true", near)
				add(text+" = false", 0.8*near)
			case b.Info()&types.IsString != 0:
				add(text+` = ""`, 0.5*near)
			}
		} else if z := f.zero(t); z != "" {
			add(text+" = "+z, 0.4*near)
		}
		n := 0
		for _, v := range locals {
			if n < 4 && v.Name() != text && types.AssignableTo(v.Type(), t) {
				add(text+" = "+v.Name(), 0.5*near/float64(n+1))
				n++
			}
		}
	}
	// Fields of the receiver and of locals that are set from a variable of that name.
	for k, v := range f.owners(pos) {
		if k >= 8 {
			break
		}
		for _, field := range f.fieldsOf(v.Type()) {
			for _, w := range locals {
				if w != v && types.AssignableTo(w.Type(), field.Type()) && strings.EqualFold(w.Name(), field.Name()) {
					add(v.Name()+"."+field.Name()+" = "+w.Name(), 1)
				}
			}
			if isBool(field.Type()) {
				near := 0.6 / (1 + 0.5*float64(k))
				add(v.Name()+"."+field.Name()+" = true", near)
				add(v.Name()+"."+field.Name()+" = false", near/2)
			}
		}
	}
	return out
}

// likeAssignments are the assignments next to a place, said of another field of
// the type: x.patch = 0 gives x.minor = 0.
func (f *function) likeAssignments(list []ast.Stmt, i int) []string {
	var out []string
	for _, s := range list[max(0, i-2):min(i+2, len(list))] {
		a, ok := s.(*ast.AssignStmt)
		if !ok || len(a.Lhs) != 1 || a.Tok == token.DEFINE {
			continue
		}
		sel, ok := a.Lhs[0].(*ast.SelectorExpr)
		if !ok || f.typeOf(sel) == nil {
			continue
		}
		for _, name := range f.fieldsLike(f.typeOf(sel.X), f.typeOf(sel), sel.Sel.Name) {
			out = append(out, f.text(sel.X)+"."+name+" "+a.Tok.String()+" "+f.text(a.Rhs[0]))
			if rhs, ok := a.Rhs[0].(*ast.SelectorExpr); ok && rhs.Sel.Name == sel.Sel.Name {
				out = append(out, f.text(sel.X)+"."+name+" "+a.Tok.String()+" "+f.text(rhs.X)+"."+name)
			}
		}
	}
	return out
}

func (f *function) declaredLaterAt(e ast.Expr, pos token.Pos) bool {
	later := false
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, isVar := f.pkg.Info.Uses[id].(*types.Var); isVar && !v.IsField() && f.lookup(v.Name(), pos) != v {
				later = true
			}
		}
		return !later
	})
	return later
}

// fieldsOf are the fields that can be named on a variable of a type.
func (f *function) fieldsOf(t types.Type) []*types.Var {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	var out []*types.Var
	for i := range s.NumFields() {
		if field := s.Field(i); field.Name() != "_" && (field.Exported() || field.Pkg() == f.pkg.Types) {
			out = append(out, field)
		}
	}
	return out
}

// insertCall is row 14: a call or an append that is missing.
func insertCall(f *function, out emit) {
	var calls []*donor
	for _, d := range f.pkg.donorsOf().stmts {
		switch n := d.node.(type) {
		case *ast.ExprStmt:
			if !f.locks(n.X) && !f.giveUp(n.X) {
				calls = append(calls, d)
			}
		case *ast.DeferStmt:
			calls = append(calls, d)
		case *ast.AssignStmt:
			if len(n.Rhs) == 1 {
				if call, ok := n.Rhs[0].(*ast.CallExpr); ok {
					if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "append" {
						calls = append(calls, d)
					}
				}
			}
		}
	}
	f.insertions(func(list []ast.Stmt, i int) {
		place := f.placeAt(list, i)
		pos := f.insertPos(list, i)
		var options []option
		add := func(text string, weight, alike float64) {
			options = append(options, option{weight: weight, alike: alike, title: "insert " + quote(text), edits: []Edit{place(text)}})
		}
		for _, a := range f.nearest(calls, pos, 30, "") {
			add(a.text, a.weight, a.alike)
		}
		locals := f.locals(pos)
		for k, v := range f.owners(pos) {
			if k >= 8 {
				break
			}
			for _, field := range f.fieldsOf(v.Type()) {
				s, ok := field.Type().Underlying().(*types.Slice)
				for n, w := range locals {
					if ok && n < 16 && types.AssignableTo(w.Type(), s.Elem()) {
						name := v.Name() + "." + field.Name()
						add(name+" = append("+name+", "+w.Name()+")", 0.4, 0.4)
					}
				}
			}
			for _, m := range f.commands(v.Type()) {
				add(v.Name()+"."+m+"()", 0.15, 0.3)
			}
			if s, ok := v.Type().Underlying().(*types.Slice); ok {
				n := 0
				for _, w := range locals {
					if n < 3 && w != v && types.AssignableTo(w.Type(), s.Elem()) {
						add(v.Name()+" = append("+v.Name()+", "+w.Name()+")", 0.4/float64(n+1), 0.4)
						n++
					}
				}
			}
		}
		out(f.insertSite(list, i), options)
	})
}

// locks tells whether an expression calls what waits for another goroutine or wakes
// it: half of such a pair blocks for good.
func (f *function) locks(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	fn, ok := f.pkg.Info.Uses[sel.Sel].(*types.Func)
	return ok && waits(fn)
}

func waits(fn *types.Func) bool { return fn.Pkg() != nil && fn.Pkg().Path() == "sync" }

// giveUp tells whether an expression is a call after which nothing goes on:
// inserted by itself it hides what comes after rather than mends it.
func (f *function) giveUp(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name == "panic"
	case *ast.SelectorExpr:
		fn, ok := f.pkg.Info.Uses[fun.Sel].(*types.Func)
		return ok && fn.Pkg() != nil && (fn.Pkg().Path() == "os" && fn.Name() == "Exit" ||
			fn.Pkg().Path() == "runtime" && fn.Name() == "Goexit" || fn.Pkg().Path() == "log" && strings.HasPrefix(fn.Name(), "Fatal"))
	}
	return false
}

// commands lists the methods without arguments and results.
func (f *function) commands(t types.Type) []string {
	if _, isIface := t.Underlying().(*types.Interface); !isIface {
		if _, isPtr := t.Underlying().(*types.Pointer); !isPtr {
			t = types.NewPointer(t)
		}
	}
	var out []string
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		fn, ok := set.At(i).Obj().(*types.Func)
		if ok && !waits(fn) && (fn.Exported() || fn.Pkg() == f.pkg.Types) && fn.Signature().Params().Len() == 0 && fn.Signature().Results().Len() == 0 {
			out = append(out, fn.Name())
		}
	}
	if len(out) > 8 {
		out = out[:8]
	}
	return out
}

// extendCase is row 10: a case lacks a value, a switch lacks a case.
func extendCase(f *function, out emit) {
	ast.Inspect(f.body, func(n ast.Node) bool {
		sw, ok := n.(*ast.SwitchStmt)
		if !ok || sw.Tag == nil {
			return true
		}
		taken := make(map[string]bool)
		var sample ast.Expr
		for _, s := range sw.Body.List {
			for _, e := range s.(*ast.CaseClause).List {
				taken[f.text(e)] = true
				sample = e
			}
		}
		if sample == nil {
			return true
		}
		var values []string
		for _, v := range f.constantsLike(sample) {
			if !taken[v] {
				values = append(values, v)
			}
		}
		values = append(values, f.expected(sample, taken)...)
		values = slices.Concat(otherCase(taken), values)
		for _, s := range sw.Body.List {
			clause := s.(*ast.CaseClause)
			if len(clause.List) == 0 {
				continue
			}
			var options []option
			at := f.file.Offset(clause.List[len(clause.List)-1].End())
			for i, v := range values {
				options = append(options, option{
					weight: 1 / (1 + 0.1*float64(i)), alike: 0.6, title: "add " + quote(v) + " to " + quote("case "+f.text(clause.List[0])),
					edits: []Edit{{File: f.file.Name, Start: at, End: at, New: ", " + v}},
				})
			}
			f.newCases(clause, values, func(o option) { options = append(options, o) })
			out(clause, options)
		}
		return true
	})
}

// otherCase gives the values of cases in capitals, or without, where they are words or
// characters of one case.
func otherCase(taken map[string]bool) []string {
	var out []string
	for _, v := range slices.Sorted(maps.Keys(taken)) {
		if v == "" || v[0] != '"' && v[0] != '\'' || strings.Contains(v, "\\") {
			continue
		}
		for _, w := range []string{strings.ToUpper(v), strings.ToLower(v)} {
			if !taken[w] && !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// newCases puts a case behind one, with a like body: its own value in the place
// of the other where the body speaks of it.
func (f *function) newCases(clause *ast.CaseClause, values []string, add func(option)) {
	if len(clause.Body) == 0 || len(clause.Body) > 2 {
		return
	}
	body := string(f.file.Src[f.file.Offset(clause.Colon)+1 : f.file.Offset(clause.Body[len(clause.Body)-1].End())])
	indent := f.indent(f.file.Offset(clause.Pos()))
	at := f.file.Offset(clause.Body[len(clause.Body)-1].End())
	if len(body) > maxDonorText {
		return
	}
	for i, v := range values {
		if i == 8 {
			break
		}
		text := "\n" + indent + "case " + v + ":" + body
		add(option{
			weight: 0.2 / (1 + 0.2*float64(i)), alike: 0.5, title: "insert " + quote("case "+v+":"+body),
			edits: []Edit{{File: f.file.Name, Start: at, End: at, New: text}},
		})
	}
}

// extendComposite is row 17: an element that a literal lacks.
func extendComposite(f *function, out emit) {
	ast.Inspect(f.body, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || f.typeOf(lit) == nil {
			return true
		}
		var options []option
		add := func(element string, weight float64) {
			options = append(options, option{
				weight: weight, alike: 0.4, title: "add " + quote(element) + " to " + quote(f.text(lit)),
				edits: []Edit{f.element(lit, element)},
			})
		}
		t := f.typeOf(lit).Underlying()
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem().Underlying()
		}
		switch t := t.(type) {
		case *types.Struct:
			has := make(map[string]bool)
			for _, e := range lit.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok {
					return true // positional: complete already
				}
				has[f.text(kv.Key)] = true
			}
			for i := range t.NumFields() {
				field := t.Field(i)
				if has[field.Name()] || field.Name() == "_" || (!field.Exported() && field.Pkg() != f.pkg.Types) {
					continue
				}
				for _, v := range f.values(field.Type(), field.Name(), lit.Pos()) {
					add(field.Name()+": "+v.text, v.weight)
				}
			}
		case *types.Slice:
			for _, v := range f.values(t.Elem(), "", lit.Pos()) {
				add(v.text, v.weight*0.5)
			}
		}
		return out(lit, options)
	})
}

// values gives what a field of a type could be set to, best the one of its name.
func (f *function) values(t types.Type, name string, pos token.Pos) []weighted {
	var out []weighted
	for i, v := range f.owners(pos) {
		if i >= 20 {
			break
		}
		if types.AssignableTo(v.Type(), t) {
			w := 0.5
			if strings.EqualFold(v.Name(), name) {
				w = 2
			}
			out = append(out, weighted{v.Name(), w})
		}
		for _, field := range f.fieldsOf(v.Type()) {
			if types.AssignableTo(field.Type(), t) && strings.EqualFold(field.Name(), name) {
				out = append(out, weighted{v.Name() + "." + field.Name(), 1.5})
			}
		}
	}
	if isBool(t) {
		out = append(out, weighted{"true", 0.7})
	}
	for _, a := range f.nearest(f.pkg.donorsOf().exprs[typeKey(t)], pos, 8, "") {
		out = append(out, weighted{a.text, a.weight * 0.4})
	}
	for i, c := range f.constants(t, "") {
		if i < 8 {
			out = append(out, weighted{c, 0.3})
		}
	}
	return out
}

// element is the edit that adds an element to a literal in its own layout: a field
// where the type has it, anything else at the end.
func (f *function) element(lit *ast.CompositeLit, text string) Edit {
	at := f.file.Offset(lit.Rbrace)
	if len(lit.Elts) == 0 {
		return Edit{File: f.file.Name, Start: at, End: at, New: text}
	}
	last := lit.Elts[len(lit.Elts)-1]
	if next := f.following(lit, text); next != nil {
		at := f.file.Offset(next.Pos())
		sep := " "
		if f.file.Line(next.Pos()) != f.file.Line(lit.Lbrace) {
			sep = "\n" + f.indent(at)
		}
		return Edit{File: f.file.Name, Start: at, End: at, New: text + "," + sep}
	}
	end := f.file.Offset(last.End())
	if f.file.Line(last.End()) != f.file.Line(lit.Rbrace) {
		indent := f.indent(f.file.Offset(last.Pos()))
		return Edit{File: f.file.Name, Start: end, End: end, New: ",\n" + indent + text}
	}
	return Edit{File: f.file.Name, Start: end, End: end, New: ", " + text}
}

// following is the first element of a struct literal whose field stands behind that
// of a new element in the type, or nil.
func (f *function) following(lit *ast.CompositeLit, element string) ast.Expr {
	name, _, keyed := strings.Cut(element, ":")
	order := make(map[string]int)
	for i, field := range f.fieldsOf(f.typeOf(lit)) {
		order[field.Name()] = i + 1
	}
	if !keyed || order[name] == 0 {
		return nil
	}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && order[f.text(kv.Key)] > order[name] {
			return kv
		}
	}
	return nil
}
