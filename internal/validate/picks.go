package validate

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/propose"
)

// Many candidates only change the value of an expression that has no side effects, or
// put in an if statement with such a condition. Wherever the code gets to the place,
// what such a candidate would make of it can be found out without being it: so one run
// tells which candidates change nothing, and which ones come to the same as the one
// that is tried (Just, Ernst, Fraser, "Efficient mutation analysis by propagating and
// partitioning infected execution states", 2014).

// picking is a place of a function where one of several values is picked, each of them
// a candidate's or the one that is there.
type picking struct {
	start, end int    // of the expression; equal where a statement is put in
	typ        string // of the values, as the file writes it
	body       string // of the if statement that is put in, with its braces
	after      bool   // the expression has side effects, and candidates only add to its value
}

// picked gives the place where a candidate picks another value and that value's text;
// ok is false for candidates that do anything else.
func picked(pkg *propose.Package, file *propose.File, decl *ast.FuncDecl, blocks []block, edits []propose.Edit) (at picking, text string, ok bool) {
	if pkg.Info == nil {
		return at, "", false
	}
	if at, text, ok = pickedGuard(pkg, file, blocks, edits); ok {
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
			continue // a name behind a dot
		}
		if !tv.IsValue() {
			return at, "", false
		}
		parent := path[i-1]
		if !pure(pkg.Info, e) {
			if !delimited(parent, e) {
				continue
			}
			return pickedClause(pkg, file, path[:i], e, edits)
		}
		if within, isExpr := parent.(ast.Expr); isExpr && tv.Value != nil && pkg.Info.Types[within].Value != nil {
			continue // a part of a constant is reckoned otherwise than a value
		}
		start, end := file.Offset(e.Pos()), file.Offset(e.End())
		text = splice(file.Src, start, end, edits)
		changed, err := parser.ParseExpr(text)
		if err != nil || strings.Contains(text, "\n") || !delimited(parent, e) && !binds(e, changed) {
			continue
		}
		typ, spelled := spell(pkg, e.Pos(), types.Default(tv.Type))
		if !spelled || !value(path[:i], e) || callBehind(pkg.Info, path[:i], e) || !typed(pkg, e.Pos(), changed, types.Default(tv.Type)) {
			continue
		}
		return picking{start: start, end: end, typ: typ}, text, true
	}
	return at, "", false
}

// pickedClause serves candidates that add a clause to a condition that has side effects,
// as "&& b" behind "f()".
func pickedClause(pkg *propose.Package, file *propose.File, path []ast.Node, e ast.Expr, edits []propose.Edit) (at picking, text string, ok bool) {
	start, end := file.Offset(e.Pos()), file.Offset(e.End())
	if len(edits) != 1 || edits[0].Start != end || edits[0].End != end || !value(path, e) || strings.Contains(edits[0].New, "\n") {
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
	if err != nil || !types.Identical(types.Default(pkg.Info.Types[e].Type), boolean) || !typed(pkg, e.Pos(), parsed, boolean) {
		return at, "", false
	}
	if _, spelled := spell(pkg, e.Pos(), boolean); !spelled {
		return at, "", false
	}
	return picking{start: start, end: end, typ: "bool", after: true}, "regreenWas " + added.Op.String() + " " + clause, true
}

// pickedGuard serves candidates that put in an if statement: its condition is picked.
func pickedGuard(pkg *propose.Package, file *propose.File, blocks []block, edits []propose.Edit) (at picking, condition string, ok bool) {
	if len(edits) != 1 || edits[0].Start != edits[0].End {
		return at, "", false
	}
	offset, put := edits[0].Start, edits[0].New
	list, err := statements(put)
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
			return ownLines(put, false)
		}
		pos := file.Offset(b.list[next].Pos())
		return offset <= pos && ownLines(put, offset == pos)
	})
	if !between {
		return at, "", false
	}
	const before = len("package p; func _() {\n") // see statements
	text := func(n ast.Node) string { return put[int(n.Pos())-1-before : int(n.End())-1-before] }
	cond, pos, boolean := text(s.Cond), file.Tok.Pos(offset), types.Typ[types.Bool]
	changed, err := parser.ParseExpr(cond)
	if err != nil || strings.Contains(cond, "\n") || !typed(pkg, pos, changed, boolean) {
		return at, "", false
	}
	if _, spelled := spell(pkg, pos, boolean); !spelled {
		return at, "", false
	}
	return picking{start: offset, end: offset, typ: "bool", body: text(s.Body)}, cond, true
}

// enclosing lists the nodes below root that hold a range, outer ones first.
func enclosing(file *propose.File, root ast.Node, from, to int) (path []ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil || file.Offset(n.Pos()) > from || file.Offset(n.End()) < to {
			return false
		}
		for len(path) > 0 && file.Offset(path[len(path)-1].End()) < file.Offset(n.End()) {
			path = path[:len(path)-1] // ended where this one begins
		}
		path = append(path, n)
		return true
	})
	return path
}

// delimited tells whether an expression stands between brackets, commas or keywords, so
// that no operator around it can take a part of it.
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

// binds tells whether an expression may stand for another without parentheses.
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

// value tells whether an expression is only read where it stands, and need not be
// constant. The path leads to it.
func value(path []ast.Node, e ast.Expr) bool {
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
		return p.Op != token.SHL && p.Op != token.SHR // whose operands follow rules of their own
	case *ast.SelectorExpr:
		return false // a method may want its address
	}
	return true
}

// callBehind tells whether something with side effects is computed behind an expression
// in its statement: what is only read there may be read after it, what is called before.
func callBehind(info *types.Info, path []ast.Node, e ast.Expr) bool {
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
			return false // each of its expressions is computed by itself
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

// spell gives a type as it is written at a position: a boolean, an integer, a string,
// or one of the package's own that is such, or a pointer to one of the package's own.
func spell(pkg *propose.Package, at token.Pos, t types.Type) (string, bool) {
	switch t := t.(type) {
	case *types.Alias:
		return spell(pkg, at, types.Unalias(t))
	case *types.Pointer:
		named, ok := t.Elem().(*types.Named)
		if !ok || named.TypeArgs().Len() > 0 || !visible(pkg, at, named.Obj()) {
			return "", false
		}
		return "*" + named.Obj().Name(), true
	case *types.Basic:
		return t.Name(), plain(t) && visible(pkg, at, types.Universe.Lookup(t.Name()))
	case *types.Named:
		return t.Obj().Name(), plain(t.Underlying()) && visible(pkg, at, t.Obj())
	}
	return "", false
}

// plain tells whether a type is a boolean, an integer that is no address, or a string.
func plain(t types.Type) bool {
	basic, ok := t.(*types.Basic)
	return ok && basic.Info()&(types.IsBoolean|types.IsInteger|types.IsString) != 0 && basic.Info()&types.IsUntyped == 0 && basic.Kind() != types.Uintptr
}

// visible tells whether a name means an object at a position, and in the package's
// other files.
func visible(pkg *propose.Package, at token.Pos, obj types.Object) bool {
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

// typed tells whether an expression at a position is a pure value that can be used as
// one of a type without being converted to it.
func typed(pkg *propose.Package, at token.Pos, e ast.Expr, want types.Type) bool {
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
			tv.Value != nil && plain(want.Underlying()) && representable(tv, want)
	}
	return types.Identical(tv.Type, want)
}

// representable tells whether an untyped constant becomes a value of a type. Where that
// is the type of such constants by themselves, nothing around may have made it so.
func representable(tv types.TypeAndValue, t types.Type) bool {
	for _, kind := range []types.BasicKind{types.Bool, types.Int, types.Int32, types.String} {
		if types.Identical(t, types.Typ[kind]) {
			return types.Identical(types.Default(tv.Type), t)
		}
	}
	info := t.Underlying().(*types.Basic).Info() // see plain
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

// pure tells whether to compute an expression has no effect but its value: it may panic.
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

// purePackages are packages of the standard library whose functions with one result of a
// basic type only compute, but for those that write into what they are given, or may
// make something huge.
var (
	purePackages = []string{"strings", "bytes", "unicode", "unicode/utf8", "math", "math/bits", "path"}
	impure       = []string{"EncodeRune", "Repeat"}
)

// pureCall tells whether a call only computes: a conversion, a builtin function that
// does, or a function of the standard library that does.
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

// pickSite is a picking with the values that candidates pick there.
type pickSite struct {
	picking
	number int    // in the binary
	picker string // the function that picks
	of     []choice
}

// mostPicked bounds the text of the values that one carrier lets pick.
const mostPicked = 200_000

func (c *carrier) pick(w *weaver, at picking, p pick, text string) {
	c.picks = append(c.picks, p)
	c.size += len(text) + 20
	i := slices.IndexFunc(c.pickSites, func(s *pickSite) bool { return s.picking == at })
	if i < 0 {
		i = len(c.pickSites)
		c.pickSites = append(c.pickSites, &pickSite{picking: at, number: w.pickings, picker: w.picker(at.typ)})
		w.pickings++
	}
	c.pickSites[i].of = append(c.pickSites[i].of, choice{p.number, text})
	w.picks[p.number] = c.pickSites[i].number
}

// inserts give the text around the expression, or in place of the statement:
//
//	regreenPick0(3, func(regreenCandidate int) bool {
//	switch regreenCandidate {
//	case 7:
//	return a <= b
//	}
//	return a < b
//	})
func (s *pickSite) inserts() []insertion {
	var cases []choice
	numbers := make([]int, 0, len(s.of))
	for _, ch := range s.of {
		cases = append(cases, choice{0, fmt.Sprintf("case %d:\n", ch.number)}, choice{ch.number, "return " + ch.text}, choice{0, "\n"})
		numbers = append(numbers, ch.number)
	}
	choose := func(before, after string) []choice {
		return slices.Concat([]choice{{0, before + "switch regreenCandidate {\n"}}, cases, []choice{{0, "}\n" + after}})
	}
	opening := insertion{at: s.start, rank: 3, nested: s.start - s.end, of: numbers}
	closing := insertion{at: s.end, nested: s.end - s.start, of: numbers}
	switch {
	case s.start == s.end:
		opening.rank = 2 // before an expression that begins there
		opening.pieces = choose(fmt.Sprintf("\nif %s(%d, func(regreenCandidate int) bool {\n", s.picker, s.number), "return false\n}) ")
		opening.pieces = append(opening.pieces, choice{0, s.body + "\n"})
		return []insertion{opening}
	case s.after:
		opening.pieces = []choice{{0, "func(regreenWas bool) bool {\n"}}
		opening.pieces = append(opening.pieces, choose(fmt.Sprintf("return %s(%d, func(regreenCandidate int) bool {\n", s.picker, s.number), "return regreenWas\n})\n}(")...)
		closing.pieces = []choice{{0, ")"}}
	default:
		opening.pieces = choose(fmt.Sprintf("%s(%d, func(regreenCandidate int) %s {\n", s.picker, s.number, s.typ), "return ")
		closing.pieces = []choice{{0, "\n})"}}
	}
	return []insertion{opening, closing}
}
