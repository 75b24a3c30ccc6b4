package propose

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

// addClause is row 1: a condition lacks a clause.
func addClause(f *function, out emit) {
	f.conditions(func(cond ast.Expr) {
		var options []option
		clauses := f.newClauses(cond)
		for _, gap := range f.gaps(cond) {
			and, _ := gap.insert(f, "&&", HoleCondition)
			or, _ := gap.insert(f, "||", HoleCondition)
			holes := map[string][]Edit{"&&": and, "||": or}
			for _, c := range clauses {
				for _, op := range []string{"&&", "||"} {
					edits, weight := gap.insert(f, op, c.text)
					if edits == nil {
						continue
					}
					options = append(options, option{
						weight: c.weight * weight * kinship(f.text(gap.expr), c.text), alike: c.alike, edits: edits, hole: holes[op],
						title: fmt.Sprintf("add the clause %s to %s", quote(op+" "+c.text), quote(f.text(cond))),
					})
				}
			}
		}
		out(cond, options)
	})
}

var subword = regexp.MustCompile(`[A-Z]?[a-z]+|[A-Z]+`)

// kinship weighs a clause by the words it shares with the one it joins: what is
// said of v.Minor() belongs to c.minorDirty rather than to c.patchDirty.
func kinship(a, b string) float64 {
	have := make(map[string]bool)
	for _, w := range subword.FindAllString(a, -1) {
		have[strings.ToLower(w)] = true
	}
	shared, total := 0, 0
	for _, w := range subword.FindAllString(b, -1) {
		total++
		if have[strings.ToLower(w)] {
			shared++
		}
	}
	return 1 + 2*float64(shared)/float64(max(total, 1))
}

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

func isBool(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsBoolean != 0
}

// gap is a place in a condition where a clause can be added.
type gap struct {
	expr  ast.Expr // the clause goes behind it, or before it
	front bool
	op    token.Token // of the chain that expr is an operand of, ILLEGAL when alone
}

// gaps lists the places: before and behind every operand of the chains of && and ||.
func (f *function) gaps(cond ast.Expr) []gap {
	var out []gap
	var walk func(e ast.Expr, op token.Token, first bool)
	walk = func(e ast.Expr, op token.Token, first bool) {
		inner := ast.Unparen(e)
		if b, ok := inner.(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
			if b.Op != op || inner != e {
				out = append(out, gap{e, false, op})
				if first {
					out = append(out, gap{e, true, op})
				}
			}
			chainFirst := first && b.Op == op || b.Op != op || inner != e
			walk(b.X, b.Op, chainFirst)
			walk(b.Y, b.Op, false)
			return
		}
		if first {
			out = append(out, gap{e, true, op})
		}
		out = append(out, gap{e, false, op})
	}
	walk(cond, token.ILLEGAL, true)
	return out
}

// insert gives the edits that put a clause into the gap, with the parentheses
// that keep the meaning of the rest.
func (g gap) insert(f *function, op, clause string) ([]Edit, float64) {
	start, end := f.file.Offset(g.expr.Pos()), f.file.Offset(g.expr.End())
	name := f.file.Name
	weight := 1.0
	if g.op != token.ILLEGAL && g.op.String() != op {
		weight = 0.3 // people seldom nest
	}
	if g.front {
		weight *= 0.5
	}
	b, chain := g.expr.(*ast.BinaryExpr)
	chain = chain && (b.Op == token.LAND || b.Op == token.LOR)
	// || binds less than &&.
	open, closing := "", ""
	if chain && b.Op == token.LOR && op == "&&" {
		open, closing = "(", ")"
	}
	outerOpen, outerClose := "", ""
	if g.op == token.LAND && op == "||" {
		outerOpen, outerClose = "(", ")"
	}
	before, behind := outerOpen+open, closing+" "+op+" "+clause+outerClose
	if g.front {
		before, behind = outerOpen+clause+" "+op+" "+open, closing+outerClose
	}
	var edits []Edit
	if before != "" {
		edits = append(edits, Edit{File: name, Start: start, End: start, New: before})
	}
	if behind != "" {
		edits = append(edits, Edit{File: name, Start: end, End: end, New: behind})
	}
	return edits, weight
}

// maxClauses bounds how many clauses are tried at one gap.
const maxClauses = 60

// newClauses gives what could be added to a condition: variations of its own
// clauses, conditions from nearby, and plain tests of the values around.
func (f *function) newClauses(cond ast.Expr) []adapted {
	pos := cond.Pos()
	out := f.nearest(f.pkg.donorsOf().conds, pos, maxClauses/2, f.text(cond))
	for i := range out {
		out[i].weight *= 1.2
	}
	add := func(text string, weight float64) {
		if !slices.ContainsFunc(out, func(a adapted) bool { return a.text == text }) {
			out = append(out, adapted{text, weight, 0.4})
		}
	}
	for _, c := range f.nearest(f.pkg.donorsOf().conds, pos, 20, "") {
		add(negated(c.text), c.weight*0.6)
	}
	for _, v := range f.likeClauses(cond) {
		add(v, 1)
	}
	for _, v := range f.variations(cond) {
		add(v, 0.8)
	}
	for _, t := range f.flags(pos) {
		add(t.text, t.weight*0.7)
	}
	for _, t := range f.tests(cond, f.usedNear(cond)) {
		add(t.text, t.weight*0.7)
	}
	slices.SortStableFunc(out, func(a, b adapted) int { return cmp.Compare(b.weight, a.weight) })
	if len(out) > 4*maxClauses {
		out = out[:4*maxClauses]
	}
	return slices.DeleteFunc(out, func(a adapted) bool { return hasLogic(a.text) && len(a.text) > 80 })
}

// negated is the opposite of a condition, as people write it.
func negated(text string) string {
	e, err := parser.ParseExpr(text)
	if err != nil {
		return text
	}
	switch e := e.(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return text[e.X.Pos()-1:]
		}
	case *ast.BinaryExpr:
		opposite, ok := map[token.Token]string{token.EQL: "!=", token.NEQ: "==", token.LSS: ">=", token.GEQ: "<", token.GTR: "<=", token.LEQ: ">"}[e.Op]
		if ok {
			return text[:e.OpPos-1] + opposite + text[int(e.OpPos)-1+len(e.Op.String()):]
		}
		return "!(" + text + ")"
	}
	return "!" + text
}

// likeClauses are the clauses of a condition said of another variable of the type:
// !math.IsInf(x, 0) gives !math.IsInf(y, 0).
func (f *function) likeClauses(cond ast.Expr) []string {
	var out []string
	var leaves []ast.Expr
	var split func(e ast.Expr)
	split = func(e ast.Expr) {
		e = ast.Unparen(e)
		if b, ok := e.(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
			split(b.X)
			split(b.Y)
			return
		}
		leaves = append(leaves, e)
	}
	split(cond)
	for _, leaf := range leaves {
		text, base := f.text(leaf), leaf.Pos()
		ast.Inspect(leaf, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok || len(out) >= 24 {
				return len(out) < 24
			}
			v, ok := f.pkg.Info.Uses[id].(*types.Var)
			if !ok {
				return true
			}
			var others []string
			if v.IsField() {
				if sel, ok := f.parent[id].(*ast.SelectorExpr); ok {
					others = f.fieldsLike(f.typeOf(sel.X), v.Type(), id.Name)
				}
			} else {
				for _, w := range f.locals(cond.Pos()) {
					if w != v && types.Identical(w.Type(), v.Type()) {
						others = append(others, w.Name())
					}
				}
			}
			for i, name := range others {
				if i < 4 {
					out = append(out, text[:id.Pos()-base]+name+text[id.End()-base:])
				}
			}
			return true
		})
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

func hasLogic(text string) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i:i+2] == "&&" || text[i:i+2] == "||" {
			return true
		}
	}
	return false
}

// variations are the clauses of a condition with one literal or constant put in
// the place of another: c == ' ' gives c == '\t' where '\t' stands in the function.
func (f *function) variations(cond ast.Expr) []string {
	var out []string
	ast.Inspect(cond, func(n ast.Node) bool {
		b, ok := n.(*ast.BinaryExpr)
		if !ok || b.Op == token.LAND || b.Op == token.LOR {
			return true
		}
		for _, other := range f.constantsLike(b.Y) {
			out = append(out, f.text(b.X)+" "+b.Op.String()+" "+other)
		}
		// x >= lo is the half of a range that ends at x <= hi.
		if flip, ok := map[token.Token]string{token.GEQ: "<=", token.GTR: "<", token.LEQ: ">=", token.LSS: ">"}[b.Op]; ok {
			for _, other := range f.constantsLike(b.Y) {
				out = append(out, f.text(b.X)+" "+flip+" "+other)
			}
		}
		return true
	})
	if len(out) > 40 {
		out = out[:40]
	}
	return out
}

// constantsLike gives literals of the file and constants of the package that have
// the type of a constant expression, the nearest first.
func (f *function) constantsLike(e ast.Expr) []string {
	tv, ok := f.pkg.Info.Types[e]
	if !ok || tv.Value == nil {
		return nil
	}
	own := f.text(e)
	seen := map[string]bool{own: true}
	var out []string
	if lit, ok := ast.Unparen(e).(*ast.BasicLit); ok {
		collect := func(root ast.Node) {
			ast.Inspect(root, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == lit.Kind && !seen[l.Value] {
					if _, isImport := f.parent[n].(*ast.ImportSpec); !isImport {
						seen[l.Value] = true
						out = append(out, l.Value)
					}
				}
				return true
			})
		}
		collect(f.body)
		for _, d := range f.file.Syntax.Decls {
			if g, ok := d.(*ast.GenDecl); !ok || g.Tok != token.IMPORT {
				collect(d)
			}
		}
		if len(out) > 20 {
			out = out[:20]
		}
		return out
	}
	out = append(out, f.constants(tv.Type, own)...)
	return out
}

// constants are the named constants of exactly this type that can be written here.
func (f *function) constants(t types.Type, except string) []string {
	named, ok := t.(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return nil
	}
	prefix := ""
	if p := named.Obj().Pkg(); p != f.pkg.Types {
		name := f.importName(p.Path())
		if name == "" {
			return nil
		}
		prefix = name + "."
	}
	scope := named.Obj().Pkg().Scope()
	var consts []*types.Const
	for _, name := range scope.Names() {
		if c, ok := scope.Lookup(name).(*types.Const); ok && types.Identical(c.Type(), t) && (prefix == "" || c.Exported()) {
			consts = append(consts, c)
		}
	}
	slices.SortStableFunc(consts, func(a, b *types.Const) int { return int(a.Pos() - b.Pos()) })
	var out []string
	for _, c := range consts {
		if text := prefix + c.Name(); text != except {
			out = append(out, text)
		}
	}
	if len(out) > 30 {
		out = out[:30]
	}
	return out
}

// changeCondition is row 12 and the conditions of row 20: another condition in
// its place, a clause less, or always.
func changeCondition(f *function, out emit) {
	f.conditions(func(cond ast.Expr) {
		var options []option
		hole := []Edit{f.replace(cond, HoleCondition)}
		for _, c := range f.nearest(f.pkg.donorsOf().conds, cond.Pos(), maxClauses, f.text(cond)) {
			options = append(options, option{
				weight: c.weight, alike: c.alike, hole: hole, edits: []Edit{f.replace(cond, c.text)},
				title: "replace the condition " + quote(f.text(cond)) + " by " + quote(c.text),
			})
		}
		for _, t := range f.tests(cond, f.usedNear(cond)) {
			options = append(options, option{
				weight: t.weight * 0.5, alike: 0.4, hole: hole, edits: []Edit{f.replace(cond, t.text)},
				title: "replace the condition " + quote(f.text(cond)) + " by " + quote(t.text),
			})
		}
		for _, constant := range []string{"true", "false"} {
			options = append(options, option{
				weight: 0.05, removed: 0.8, edits: []Edit{f.replace(cond, constant)},
				title: "make the condition " + quote(f.text(cond)) + " always " + constant,
			})
		}
		out(cond, options)
	})
}

// dropClause is row 20 for conditions: one clause of a chain too many.
func dropClause(f *function, out emit) {
	ast.Inspect(f.body, func(n ast.Node) bool {
		b, ok := n.(*ast.BinaryExpr)
		if !ok || (b.Op != token.LAND && b.Op != token.LOR) {
			return true
		}
		return out(b, []option{
			{weight: 1, removed: 0.4, title: "drop the clause " + quote(f.text(b.Y)), edits: []Edit{f.replace(b, f.text(b.X))}},
			{weight: 1, removed: 0.4, title: "drop the clause " + quote(f.text(b.X)), edits: []Edit{f.replace(b, f.text(b.Y))}},
		})
	})
}

// operators that are mistaken for each other, the likeliest first.
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

// changeOperator is row 19: comparison, arithmetic, assignment operators, negation.
func changeOperator(f *function, out emit) {
	swap := func(at ast.Node, pos token.Pos, op token.Token) {
		var options []option
		start := f.file.Offset(pos)
		for i, other := range confusedWith[op] {
			options = append(options, option{
				weight: 1 / float64(i+1),
				title:  fmt.Sprintf("replace the operator %s by %s in %s", op, other, quote(f.text(at))),
				edits:  []Edit{{File: f.file.Name, Start: start, End: start + len(op.String()), New: other.String()}},
			})
		}
		out(at, options)
	}
	ast.Inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			swap(n, n.OpPos, n.Op)
		case *ast.AssignStmt:
			swap(n, n.TokPos, n.Tok)
		case *ast.IncDecStmt:
			swap(n, n.TokPos, n.Tok)
		case *ast.UnaryExpr:
			if n.Op == token.NOT || n.Op == token.SUB {
				out(n, []option{{weight: 1, title: "drop the " + n.Op.String() + " of " + quote(f.text(n)), edits: []Edit{f.replace(n, f.text(n.X))}}})
			}
		case *ast.Ident:
			other := map[string]string{"true": "false", "false": "true"}[n.Name]
			if obj := f.pkg.Info.Uses[n]; other != "" && obj != nil && obj.Parent() == types.Universe {
				out(n, []option{{weight: 1, title: replaceTitle(n.Name, other), edits: []Edit{f.replace(n, other)}}})
			}
		case *ast.BranchStmt:
			other := map[token.Token]string{token.BREAK: "continue", token.CONTINUE: "break"}[n.Tok]
			if other != "" && n.Label == nil {
				out(n, []option{{weight: 1, title: replaceTitle(n.Tok.String(), other), edits: []Edit{f.replace(n, other)}}})
			}
		}
		return true
	})
	f.exprs(func(e ast.Expr) {
		t := f.typeOf(e)
		if t == nil || !isBool(t) {
			return
		}
		switch e := e.(type) {
		case *ast.CallExpr, *ast.SelectorExpr, *ast.IndexExpr:
			out(e, []option{{weight: 1, title: "negate " + quote(f.text(e)), edits: []Edit{f.replace(e, "!"+f.text(e))}}})
		case *ast.Ident:
			if _, isVar := f.pkg.Info.Uses[e].(*types.Var); isVar {
				out(e, []option{{weight: 1, title: "negate " + quote(e.Name), edits: []Edit{f.replace(e, "!"+e.Name)}}})
			}
		case *ast.ParenExpr:
			if _, negated := f.parent[e].(*ast.UnaryExpr); !negated {
				out(e, []option{{weight: 1, title: "negate " + quote(f.text(e)), edits: []Edit{f.replace(e, "!"+f.text(e))}}})
			}
		}
	})
}
