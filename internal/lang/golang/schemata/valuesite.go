package schemata

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// Many mutants only change the value of an expression without side effects, or insert an if
// statement with such a condition. When a run reaches that place, it can compute the values of
// all these mutants. So one run shows which mutants change nothing, and which ones do the same
// as the mutant that runs (Just, Ernst, Fraser, "Efficient mutation analysis by propagating and
// partitioning infected execution states", 2014).

// valueSite is a place in a function that chooses between the original value and those of
// mutants.
type valueSite struct {
	start, end int    // of the expression; equal if a statement is inserted
	typ        string // of the values, as the file spells it
	body       string // of the inserted if statement, with its braces
	after      bool   // the expression has side effects, and mutants only add a clause to it
}

// valueSiteOf returns the site of edits that only choose another value, and the text of that
// value. ok is false for all other edits.
func valueSiteOf(pkg *source.Package, file *source.File, decl *ast.FuncDecl, blocks []block, edits []propose.Edit) (at valueSite, text string, ok bool) {
	if pkg.Info == nil {
		return at, "", false
	}
	if at, text, ok = guardSiteOf(pkg, file, blocks, edits); ok {
		return at, text, true
	}
	from, to := edits[0].Start, edits[len(edits)-1].End
	path := enclosing(file, decl.Body, from, to)
	for i := len(path) - 1; i >= 0; i-- {
		e, isExpr := path[i].(ast.Expr)
		if !isExpr || i == 0 {
			return at, "", false
		}
		tv, known := pkg.Info.Types[e]
		if !known {
			continue // a name after a dot
		}
		if !tv.IsValue() {
			return at, "", false
		}
		parent := path[i-1]
		if !pure(pkg.Info, e) {
			if !delimited(parent, e) {
				continue
			}
			return clauseSiteOf(pkg, file, path[:i], e, edits)
		}
		if within, isExpr := parent.(ast.Expr); isExpr && tv.Value != nil && pkg.Info.Types[within].Value != nil {
			continue // constant arithmetic differs from arithmetic at run time
		}
		start, end := file.Offset(e.Pos()), file.Offset(e.End())
		text = splice(file.Src, start, end, edits)
		changed, err := parser.ParseExpr(text)
		if err != nil || strings.Contains(text, "\n") || !delimited(parent, e) && !binds(e, changed) {
			continue
		}
		typ, spelled := spellType(pkg, e.Pos(), types.Default(tv.Type))
		if !spelled || !replaceable(path[:i], e) || effectAfter(pkg.Info, path[:i], e) || !hasType(pkg, e.Pos(), changed, types.Default(tv.Type)) {
			continue
		}
		return valueSite{start: start, end: end, typ: typ}, text, true
	}
	return at, "", false
}

// clauseSiteOf is valueSiteOf for edits that add a clause to a condition with side effects, like
// "&& b" after "f()".
func clauseSiteOf(pkg *source.Package, file *source.File, path []ast.Node, e ast.Expr, edits []propose.Edit) (at valueSite, text string, ok bool) {
	start, end := file.Offset(e.Pos()), file.Offset(e.End())
	if len(edits) != 1 || edits[0].Start != end || edits[0].End != end || !replaceable(path, e) || strings.Contains(edits[0].New, "\n") {
		return at, "", false
	}
	whole, err := parser.ParseExpr(string(file.Src[start:end]) + edits[0].New)
	if err != nil {
		return at, "", false
	}
	added, isBinary := whole.(*ast.BinaryExpr)
	if !isBinary || int(added.X.End()-added.X.Pos()) != end-start || added.Op != token.LAND && added.Op != token.LOR {
		return at, "", false
	}
	clause := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(edits[0].New), added.Op.String()))
	parsed, err := parser.ParseExpr(clause)
	boolean := types.Typ[types.Bool]
	if err != nil || !types.Identical(types.Default(pkg.Info.Types[e].Type), boolean) || !hasType(pkg, e.Pos(), parsed, boolean) {
		return at, "", false
	}
	if _, spelled := spellType(pkg, e.Pos(), boolean); !spelled {
		return at, "", false
	}
	return valueSite{start: start, end: end, typ: "bool", after: true}, "regreenOld " + added.Op.String() + " " + clause, true
}

// guardSiteOf is valueSiteOf for edits that insert an if statement: its condition is the value.
func guardSiteOf(pkg *source.Package, file *source.File, blocks []block, edits []propose.Edit) (at valueSite, condition string, ok bool) {
	if len(edits) != 1 || edits[0].Start != edits[0].End {
		return at, "", false
	}
	offset, inserted := edits[0].Start, edits[0].New
	list, err := statements(inserted)
	if err != nil || len(list) != 1 {
		return at, "", false
	}
	s, isIf := list[0].(*ast.IfStmt)
	if !isIf || s.Init != nil || s.Else != nil {
		return at, "", false
	}
	between := slices.ContainsFunc(blocks, func(b block) bool {
		if offset < b.start || offset > b.end {
			return false
		}
		next := slices.IndexFunc(b.list, func(s ast.Stmt) bool { return file.Offset(s.End()) > offset })
		if next < 0 {
			return ownLines(inserted, false)
		}
		pos := file.Offset(b.list[next].Pos())
		return offset <= pos && ownLines(inserted, offset == pos)
	})
	if !between {
		return at, "", false
	}
	const before = len("package p; func _() {\n") // see statements
	text := func(n ast.Node) string { return inserted[int(n.Pos())-1-before : int(n.End())-1-before] }
	cond, pos, boolean := text(s.Cond), file.Tok.Pos(offset), types.Typ[types.Bool]
	changed, err := parser.ParseExpr(cond)
	if err != nil || strings.Contains(cond, "\n") || !hasType(pkg, pos, changed, boolean) {
		return at, "", false
	}
	if _, spelled := spellType(pkg, pos, boolean); !spelled {
		return at, "", false
	}
	return valueSite{start: offset, end: offset, typ: "bool", body: text(s.Body)}, cond, true
}

// enclosing returns the nodes below root that contain a range, outer ones first.
func enclosing(file *source.File, root ast.Node, from, to int) (path []ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil || file.Offset(n.Pos()) > from || file.Offset(n.End()) < to {
			return false
		}
		for len(path) > 0 && file.Offset(path[len(path)-1].End()) < file.Offset(n.End()) {
			path = path[:len(path)-1] // it ends where this node begins
		}
		path = append(path, n)
		return true
	})
	return path
}

// delimited reports whether an expression is between brackets, commas or keywords, so that no
// operator around it can bind to a part of it.
func delimited(parent ast.Node, e ast.Expr) bool {
	switch p := parent.(type) {
	case *ast.ParenExpr, *ast.KeyValueExpr, *ast.CompositeLit:
		return true
	case *ast.CallExpr:
		return e != p.Fun
	case *ast.IndexExpr:
		return e != p.X
	case *ast.SliceExpr:
		return e != p.X
	case ast.Expr:
		return false
	}
	return true
}

// binds reports whether changed can replace e without parentheses.
func binds(e, changed ast.Expr) bool {
	b, ok := changed.(*ast.BinaryExpr)
	if ok {
		was, ok := e.(*ast.BinaryExpr)
		return ok && was.Op.Precedence() == b.Op.Precedence()
	}
	switch changed.(type) {
	case *ast.Ident, *ast.BasicLit, *ast.SelectorExpr, *ast.IndexExpr, *ast.CallExpr, *ast.ParenExpr:
		return true
	case *ast.UnaryExpr, *ast.StarExpr:
		_, was := e.(*ast.UnaryExpr)
		return was
	}
	return false
}

// replaceable reports whether an expression, to which path leads, is only read and need not be
// constant.
func replaceable(path []ast.Node, e ast.Expr) bool {
	for len(path) > 0 {
		paren, ok := path[len(path)-1].(*ast.ParenExpr)
		if !ok {
			break
		}
		path, e = path[:len(path)-1], paren
	}
	if len(path) == 0 {
		return false
	}
	for _, n := range path {
		if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
			return false
		}
	}
	switch p := path[len(path)-1].(type) {
	case *ast.AssignStmt:
		return !slices.Contains(p.Lhs, e)
	case *ast.RangeStmt:
		return e != p.Key && e != p.Value
	case *ast.IncDecStmt, *ast.ArrayType, *ast.ExprStmt:
		return false
	case *ast.KeyValueExpr:
		return e != p.Key
	case *ast.UnaryExpr:
		return p.Op != token.AND
	case *ast.BinaryExpr:
		return p.Op != token.SHL && p.Op != token.SHR // the types of its operands follow other rules
	case *ast.SelectorExpr:
		return false // a method may need its address
	}
	return true
}

// effectAfter reports whether its statement evaluates something with side effects after an
// expression. Go may read variables of the expression after that, but a function in their place
// would run before.
func effectAfter(info *types.Info, path []ast.Node, e ast.Expr) bool {
	child := ast.Node(e)
	for _, parent := range slices.Backward(path) {
		switch p := parent.(type) {
		case *ast.BinaryExpr:
			if p.Op == token.LAND || p.Op == token.LOR {
				child = p
				continue
			}
		case *ast.AssignStmt, *ast.ReturnStmt, *ast.ExprStmt, *ast.SendStmt, *ast.IncDecStmt, *ast.GoStmt, *ast.DeferStmt, *ast.ValueSpec, ast.Expr:
		default:
			return false // its expressions are evaluated one by one
		}
		found := false
		ast.Inspect(parent, func(n ast.Node) bool {
			x, isExpr := n.(ast.Expr)
			if _, function := n.(*ast.FuncLit); function || found || n == child {
				return false
			}
			found = isExpr && x.Pos() >= child.End() && !pure(info, x)
			return !found
		})
		if found {
			return true
		}
		if _, isExpr := parent.(ast.Expr); !isExpr {
			return false
		}
		child = parent
	}
	return false
}

// spellType returns a type as it is spelled at a position. It must be a simple type, a type of
// the package with a simple underlying type, or a pointer to a type of the package.
func spellType(pkg *source.Package, at token.Pos, t types.Type) (string, bool) {
	switch t := t.(type) {
	case *types.Alias:
		return spellType(pkg, at, types.Unalias(t))
	case *types.Pointer:
		named, ok := t.Elem().(*types.Named)
		if !ok || named.TypeArgs().Len() > 0 || !visible(pkg, at, named.Obj()) {
			return "", false
		}
		return "*" + named.Obj().Name(), true
	case *types.Basic:
		return t.Name(), simple(t) && visible(pkg, at, types.Universe.Lookup(t.Name()))
	case *types.Named:
		return t.Obj().Name(), simple(t.Underlying()) && visible(pkg, at, t.Obj())
	}
	return "", false
}

// simple reports whether a type is a boolean, an integer other than uintptr, or a string.
func simple(t types.Type) bool {
	basic, ok := t.(*types.Basic)
	return ok && basic.Info()&(types.IsBoolean|types.IsInteger|types.IsString) != 0 && basic.Info()&types.IsUntyped == 0 && basic.Kind() != types.Uintptr
}

// visible reports whether an object's name refers to it at a position and in the package's other
// files.
func visible(pkg *source.Package, at token.Pos, obj types.Object) bool {
	if obj == nil {
		return false
	}
	scope := pkg.Types.Scope().Innermost(at)
	if scope == nil {
		return false
	}
	_, found := scope.LookupParent(obj.Name(), at)
	everywhere := obj.Parent() == types.Universe || obj.Parent() == pkg.Types.Scope()
	return found == obj && everywhere
}

// hasType reports whether an expression at a position is a pure value of a type, or a constant
// that can become one.
func hasType(pkg *source.Package, at token.Pos, e ast.Expr, want types.Type) bool {
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}
	if types.CheckExpr(pkg.Fset, pkg.Types, at, e, info) != nil {
		return false
	}
	tv := info.Types[e]
	if !tv.IsValue() || !pure(info, e) {
		return false
	}
	if basic, ok := tv.Type.(*types.Basic); ok && basic.Info()&types.IsUntyped != 0 {
		return tv.Value == nil && basic.Kind() == types.UntypedBool && types.Identical(want, types.Typ[types.Bool]) ||
			tv.Value != nil && simple(want.Underlying()) && representable(tv, want)
	}
	return types.Identical(tv.Type, want)
}

// representable reports whether an untyped constant can become a value of a type. If that is a
// default type of constants, it must be the constant's own default type, since the context may
// not convert it.
func representable(tv types.TypeAndValue, t types.Type) bool {
	for _, kind := range []types.BasicKind{types.Bool, types.Int, types.Int32, types.String} {
		if types.Identical(t, types.Typ[kind]) {
			return types.Identical(types.Default(tv.Type), t)
		}
	}
	info := t.Underlying().(*types.Basic).Info() // see simple
	switch tv.Value.Kind() {
	case constant.Bool:
		return info&types.IsBoolean != 0
	case constant.String:
		return info&types.IsString != 0
	case constant.Int:
		return info&types.IsInteger != 0
	}
	return false
}

// pure reports whether evaluating an expression has no side effects; it may panic.
func pure(info *types.Info, e ast.Expr) bool {
	ok := true
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			ok = ok && pureCall(info, n)
		case *ast.UnaryExpr:
			ok = ok && n.Op != token.ARROW && n.Op != token.AND
		case *ast.FuncLit, *ast.CompositeLit:
			ok = false
		}
		return ok
	})
	return ok
}

// purePackages are packages of the standard library whose functions with one result of a basic
// type have no side effects. impure lists the exceptions: functions that write to an argument,
// or whose result may be huge.
var (
	purePackages = []string{"strings", "bytes", "unicode", "unicode/utf8", "math", "math/bits", "path"}
	impure       = []string{"EncodeRune", "Repeat"}
)

// pureCall reports whether a call has no side effects: a conversion, a pure builtin function, or
// a pure function of the standard library.
func pureCall(info *types.Info, call *ast.CallExpr) bool {
	fun := ast.Unparen(call.Fun)
	tv := info.Types[fun]
	if tv.IsType() {
		_, basic := tv.Type.Underlying().(*types.Basic)
		return basic
	}
	if id, ok := fun.(*ast.Ident); ok && tv.IsBuiltin() {
		return slices.Contains([]string{"len", "cap", "min", "max"}, id.Name)
	}
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	fn, ok := info.Uses[sel.Sel].(*types.Func)
	if !ok || fn.Pkg() == nil || !slices.Contains(purePackages, fn.Pkg().Path()) || slices.Contains(impure, fn.Name()) {
		return false
	}
	sig := fn.Signature()
	if sig.Recv() != nil || sig.Results().Len() != 1 {
		return false
	}
	for v := range sig.Params().Variables() {
		if _, function := v.Type().Underlying().(*types.Signature); function {
			return false
		}
	}
	_, basic := sig.Results().At(0).Type().Underlying().(*types.Basic)
	return basic
}

// valueSwitch is a valueSite with the values of mutants.
type valueSwitch struct {
	valueSite
	id     int    // in the program
	choose string // the name of the function that it calls
	values []piece
}

// mostValueText bounds the text of the values in one copy.
const mostValueText = 200_000

func (c *funcCopy) addValue(w *writer, at valueSite, m mutant, text string) {
	c.mutants = append(c.mutants, m)
	c.size += len(text) + 20
	i := slices.IndexFunc(c.switches, func(s *valueSwitch) bool { return s.valueSite == at })
	if i < 0 {
		i = len(c.switches)
		c.switches = append(c.switches, &valueSwitch{valueSite: at, id: w.nextSite, choose: w.valueFunc(at.typ)})
		w.nextSite++
	}
	c.switches[i].values = append(c.switches[i].values, piece{m.ID, text})
	w.valueSites[m.ID] = c.switches[i].id
}

// inserts returns the text around the expression, or in place of the inserted statement:
//
//	regreenValue0(3, func(regreenMutant int) bool {
//	switch regreenMutant {
//	case 7:
//	return a <= b
//	}
//	return a < b
//	})
func (s *valueSwitch) inserts() []insertion {
	var cases []piece
	ids := make([]int, 0, len(s.values))
	for _, v := range s.values {
		cases = append(cases, piece{0, fmt.Sprintf("case %d:\n", v.id)}, piece{v.id, "return " + v.text}, piece{0, "\n"})
		ids = append(ids, v.id)
	}
	choice := func(before, after string) []piece {
		return slices.Concat([]piece{{0, before + "switch regreenMutant {\n"}}, cases, []piece{{0, "}\n" + after}})
	}
	opening := insertion{at: s.start, rank: 3, nested: s.start - s.end, mutants: ids}
	closing := insertion{at: s.end, nested: s.end - s.start, mutants: ids}
	switch {
	case s.start == s.end:
		opening.rank = 2 // before an expression that begins there
		opening.pieces = choice(fmt.Sprintf("\nif %s(%d, func(regreenMutant int) bool {\n", s.choose, s.id), "return false\n}) ")
		opening.pieces = append(opening.pieces, piece{0, s.body + "\n"})
		return []insertion{opening}
	case s.after:
		opening.pieces = []piece{{0, "func(regreenOld bool) bool {\n"}}
		opening.pieces = append(opening.pieces, choice(fmt.Sprintf("return %s(%d, func(regreenMutant int) bool {\n", s.choose, s.id), "return regreenOld\n})\n}(")...)
		closing.pieces = []piece{{0, ")"}}
	default:
		opening.pieces = choice(fmt.Sprintf("%s(%d, func(regreenMutant int) %s {\n", s.choose, s.id, s.typ), "return ")
		closing.pieces = []piece{{0, "\n})"}}
	}
	return []insertion{opening, closing}
}
