package propose

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// weighted is a piece of text with its likelihood relative to its alternatives.
type weighted struct {
	text   string
	weight float64
}

// insertGuard is row 2: before a statement, leave when a value is nil, empty,
// zero or out of range.
func insertGuard(f *function, out emit) {
	guards := f.donors().guards
	f.blocks(func(owner ast.Node, list []ast.Stmt) {
		for i, stmt := range list {
			if f.cold(stmt) {
				continue
			}
			var options []option
			for _, g := range f.nearest(guards, stmt.Pos(), 40, "") {
				options = append(options, option{
					weight: 2 * g.weight, alike: g.alike,
					title: "insert " + quote(g.text), edits: []Edit{f.before(stmt, g.text)},
				})
			}
			exits := f.exits(stmt)
			tests := f.tests(stmt, f.usedIn(list[i:min(i+3, len(list))]))
			for _, t := range f.flags(stmt.Pos()) {
				tests = append(tests, weighted{t.text, t.weight * 0.5})
			}
			for _, exit := range exits {
				hole := []Edit{f.before(stmt, "if "+HoleCondition+" {\n\t"+exit.text+"\n}")}
				for _, test := range tests {
					text := "if " + test.text + " {\n\t" + exit.text + "\n}"
					options = append(options, option{
						weight: test.weight * exit.weight, alike: 0.4, hole: hole,
						title: "insert " + quote(text), edits: []Edit{f.before(stmt, text)},
					})
				}
			}
			if !out(stmt, options) {
				return
			}
		}
	})
}

// exits lists the ways to leave the block at stmt: the returns that the function
// and its likes use, zero values, continue and break in loops.
func (f *function) exits(stmt ast.Stmt) []weighted {
	var out []weighted
	add := func(text string, weight float64) {
		if !slices.ContainsFunc(out, func(w weighted) bool { return w.text == text }) {
			out = append(out, weighted{text, weight})
		}
	}
	if f.inLoop(stmt) {
		add("continue", 0.6)
		add("break", 0.4)
	}
	sig := f.signature(stmt)
	if sig == nil {
		return out
	}
	if sig.Results().Len() == 0 {
		add("return", 1)
		return out
	}
	// What the same function returns elsewhere is the likeliest.
	ast.Inspect(f.body, func(n ast.Node) bool {
		ret, ok := n.(*ast.ReturnStmt)
		if ok && f.signature(ret) == sig && len(f.text(ret)) < maxDonorText && f.resolves(ret, stmt.Pos()) {
			add(f.text(ret), 1)
		}
		return true
	})
	if sig.Results().At(0).Name() != "" {
		add("return", 0.6)
	}
	if tail := f.tail(stmt); tail != "" {
		add(tail, 0.6)
	}
	zeros := make([]string, sig.Results().Len())
	for i := range zeros {
		if zeros[i] = f.zero(sig.Results().At(i).Type()); zeros[i] == "" {
			return out
		}
	}
	add("return "+strings.Join(zeros, ", "), 0.8)
	if len(zeros) == 1 {
		t := sig.Results().At(0).Type()
		if isBool(t) {
			add("return true", 0.8)
		}
		for k, v := range f.locals(stmt.Pos()) {
			if k < 6 && types.AssignableTo(v.Type(), t) {
				add("return "+v.Name(), 0.5)
			}
		}
		if b, ok := t.Underlying().(*types.Basic); ok && b.Info()&types.IsInteger != 0 {
			add("return 1", 0.3)
			add("return -1", 0.3)
		}
	}
	for k, v := range f.locals(stmt.Pos()) { // return zero, err
		if last := len(zeros) - 1; last > 0 && k < 12 && types.Identical(v.Type(), sig.Results().At(last).Type()) {
			add("return "+strings.Join(append(slices.Clone(zeros[:last]), v.Name()), ", "), 0.6)
		}
	}
	if len(out) > 12 {
		out = out[:12]
	}
	return out
}

// tail is what the function does in the end, its last statement before the return
// and that, where it can be done at stmt too; "" otherwise.
func (f *function) tail(stmt ast.Stmt) string {
	if f.decl == nil || len(f.decl.Body.List) < 2 {
		return ""
	}
	list := f.decl.Body.List[len(f.decl.Body.List)-2:]
	ret, ok := list[1].(*ast.ReturnStmt)
	if !ok || stmt.End() > list[0].Pos() || f.signature(ret) != f.signature(stmt) || !f.resolves(list[0], stmt.Pos()) || !f.resolves(ret, stmt.Pos()) {
		return ""
	}
	switch s := list[0].(type) {
	case *ast.ExprStmt, *ast.IncDecStmt:
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			return ""
		}
	default:
		return ""
	}
	if text := f.text(list[0]); len(text) < maxDonorText {
		return text + "\n\t" + f.text(ret)
	}
	return ""
}

// resolves tells whether every name of n means the same at pos.
func (f *function) resolves(n ast.Node, pos token.Pos) bool {
	free, ok := freeNames(f.pkg, f.file, n)
	if !ok {
		return false
	}
	for _, name := range free {
		if f.lookup(name.name, pos) != name.obj {
			return false
		}
	}
	return true
}

// usedNear are the values that matter around an expression: those of its
// statement and of the two that follow.
func (f *function) usedNear(n ast.Node) []ast.Expr {
	at := n
	for at != nil {
		parent := f.parent[at]
		if list := stmtList(parent); list != nil {
			i := slices.IndexFunc(list, func(s ast.Stmt) bool { return s == at })
			return f.usedIn(list[max(i, 0):min(i+3, len(list))])
		}
		at = parent
	}
	return nil
}

func stmtList(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// maxUsed bounds how many values are tested at one place.
const maxUsed = 14

// usedIn lists the variables, fields and elements that statements use, in order.
func (f *function) usedIn(list []ast.Stmt) []ast.Expr {
	var out []ast.Expr
	seen := make(map[string]bool)
	add := func(e ast.Expr) {
		text := f.text(e)
		if !seen[text] && len(text) < 40 && len(out) < maxUsed {
			seen[text] = true
			out = append(out, e)
		}
	}
	for _, s := range list {
		ast.Inspect(s, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.SelectorExpr:
				if v, ok := f.pkg.Info.Uses[n.Sel].(*types.Var); ok && v.IsField() && isPath(n) {
					add(n)
				}
			case *ast.IndexExpr:
				if tv, ok := f.pkg.Info.Types[n]; ok && tv.IsValue() && isPath(n.X) {
					add(n)
				}
			case *ast.Ident:
				if v, ok := f.pkg.Info.Uses[n].(*types.Var); ok && !v.IsField() {
					add(n)
				}
			}
			return true
		})
	}
	return out
}

// isPath tells whether e is a name or a chain of fields of one.
func isPath(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return true
	case *ast.SelectorExpr:
		return isPath(e.X)
	}
	return false
}

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

// declaredLater tells whether e uses a name that does not exist yet before n.
func (f *function) declaredLater(e ast.Expr, n ast.Node) bool {
	later := false
	ast.Inspect(e, func(m ast.Node) bool {
		if id, ok := m.(*ast.Ident); ok {
			if v, isVar := f.pkg.Info.Uses[id].(*types.Var); isVar && !v.IsField() && f.lookup(v.Name(), n.Pos()) != v {
				later = true
			}
		}
		return !later
	})
	return later
}

// wrapIf is row 16: a statement should run only under a condition.
func wrapIf(f *function, out emit) {
	conds := f.donors().conds
	f.blocks(func(owner ast.Node, list []ast.Stmt) {
		for i, stmt := range list {
			switch s := stmt.(type) {
			case *ast.DeclStmt, *ast.LabeledStmt, *ast.EmptyStmt:
				continue
			case *ast.AssignStmt:
				if s.Tok == token.DEFINE {
					continue
				}
			}
			text := f.text(stmt)
			if len(text) > 1200 || f.cold(stmt) {
				continue
			}
			var options []option
			body := func(cond string) Edit {
				body := "if " + cond + " {\n\t" + strings.ReplaceAll(reindent(text, ""), "\n", "\n\t") + "\n}"
				return f.replace(stmt, reindent(body, f.indent(f.file.Offset(stmt.Pos()))))
			}
			hole := []Edit{body(HoleCondition)}
			wrap := func(cond string, weight, alike float64) {
				options = append(options, option{
					weight: weight, alike: alike, hole: hole, edits: []Edit{body(cond)},
					title: "run " + quote(text) + " only if " + quote(cond),
				})
			}
			for _, c := range f.nearest(conds, stmt.Pos(), 25, "") {
				wrap(c.text, c.weight, c.alike)
			}
			for _, t := range f.tests(stmt, f.usedIn(list[i:i+1])) {
				wrap(t.text, t.weight, 0.4)
			}
			if !out(stmt, options) {
				return
			}
		}
	})
}

// deleteStatement is row 18: a statement or a guard too many. Taking behaviour
// away passes tests too easily (Kali; Qi et al. 2015), so it ranks low.
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
