package propose

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

var compileResults = Strategy{
	Name:  "compile/results",
	Title: "Make the number of values returned or received fit",
	Text: `Receives further values of a call as blanks, passes an error on where the
function returns one, drops receivers, and fits return statements to the
declared results. Also keeps what append returns. A blank may hide an error:
check that it can be ignored.`,
	Before: `import "strconv"

func twice(s string) (int, error) {
	n := strconv.Atoi(s)
	return 2 * n, nil
}`,
	After: `import "strconv"

func twice(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, err
	}
	return 2 * n, nil
}`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/results"),
}

var resultsFixers = []fixer{
	{"compile/results", []errorCode{wrongAssignCount}, fixAssignCount},
	{"compile/results", []errorCode{wrongResultCount}, fixResultCount},
	{"compile/results", []errorCode{tooManyValues}, fixTooManyValues},
	{"compile/results", []errorCode{unusedExpr}, fixUnusedExpr},
}

// fixAssignCount makes the left side of an assignment fit the number of values on
// the right: more values are received as blanks, an error is passed on; receivers
// of what is no longer returned go.
func fixAssignCount(_ context.Context, cs *cause) []option {
	at := cs.sites[0]
	if !at.editable() {
		return nil
	}
	if spec, ok := around[*ast.ValueSpec](at); ok && len(spec.Values) == 1 {
		names := make([]ast.Expr, len(spec.Names))
		for i, n := range spec.Names {
			names[i] = n
		}
		return at.receive(names, spec.Values[0], nil)
	}
	assign, ok := around[*ast.AssignStmt](at)
	if !ok || len(assign.Rhs) != 1 {
		return nil
	}
	return at.receive(assign.Lhs, assign.Rhs[0], assign)
}

// receive is the options to receive what value returns in lhs; assign is nil when it
// is a declaration.
func (at *site) receive(lhs []ast.Expr, value ast.Expr, assign *ast.AssignStmt) []option {
	results := resultTypes(at.typeOf(value))
	if results == nil {
		return nil
	}
	have := make([]types.Type, len(lhs))
	for i, l := range lhs {
		if id, ok := l.(*ast.Ident); ok && at.pkg.Info.Defs[id] != nil {
			continue // takes whatever type it is given
		}
		have[i] = at.typeOf(l)
	}
	if len(results) < len(lhs) {
		return at.receiveLess(lhs, have, results, assign)
	}
	var out []option
	for k, sh := range shapes(have, results) {
		texts := make([]string, len(results))
		for j, i := range sh {
			texts[j] = "_"
			if i >= 0 {
				texts[j] = at.text(lhs[i])
			}
		}
		rank := 1 / float64(k+1)
		if k == 0 && len(sh) > 0 && sh[len(sh)-1] >= 0 {
			rank = 0.5 // receivers are mostly those of the first results
		}
		for j, i := range sh {
			if i >= 0 || assign == nil || !isError(results[j]) {
				continue
			}
			if o, ok := at.passOn(assign, lhs, texts, j); ok {
				o.weight *= rank
				out = append(out, o)
			}
		}
		out = append(out, option{
			weight: 0.35 * rank, alike: 0.5, title: "receive every value of " + quote(at.text(value)),
			edits: []Edit{at.cut(lhs[0].Pos(), lhs[len(lhs)-1].End(), strings.Join(texts, ", "))},
		})
	}
	return out
}

// passOn receives the error that is result j, and returns it when there is one.
func (at *site) passOn(assign *ast.AssignStmt, lhs []ast.Expr, texts []string, j int) (option, bool) {
	handle, ok := at.handleError(assign)
	if !ok || at.stmt() != assign {
		return option{}, false
	}
	texts = slices.Clone(texts)
	texts[j] = "err"
	edits := []Edit{at.cut(lhs[0].Pos(), lhs[len(lhs)-1].End(), strings.Join(texts, ", ")), at.after(assign, handle)}
	if assign.Tok == token.ASSIGN {
		if v, ok := at.lookup("err", assign.Pos()).(*types.Var); !ok || !isError(v.Type()) {
			edits = append(edits, at.before(assign, "var err error"))
		}
	}
	return option{weight: 0.7, alike: 1, title: "receive the error of " + quote(at.text(assign.Rhs[0])) + " and return it", edits: edits}, true
}

// receiveLess drops receivers; what only looked at a dropped error goes with it.
func (at *site) receiveLess(lhs []ast.Expr, have, results []types.Type, assign *ast.AssignStmt) []option {
	if len(results) == 0 {
		return nil
	}
	var out []option
	for k, sh := range shapes(have, results) {
		var texts []string
		for _, i := range sh {
			texts = append(texts, at.text(lhs[i]))
		}
		o := option{
			alike: 0.5, title: "receive only what is returned",
			edits: []Edit{at.cut(lhs[0].Pos(), lhs[len(lhs)-1].End(), strings.Join(texts, ", "))},
		}
		o.weight = 0.6 / float64(k+1)
		for i, l := range lhs {
			id, ok := l.(*ast.Ident)
			if slices.Contains(sh, i) || !ok {
				continue
			}
			if id.Name == "err" || id.Name == "ok" || id.Name == "_" {
				o.weight *= 1.5
			}
			if check := at.checkAfter(assign, id.Name); check != nil {
				o.edits = append(o.edits, at.remove(check))
				o.removed = 0.3
			}
		}
		out = append(out, o)
	}
	return out
}

// checkAfter is the if statement right behind an assignment that looks at name.
func (at *site) checkAfter(assign *ast.AssignStmt, name string) ast.Stmt {
	if assign == nil || at.stmt() != assign {
		return nil
	}
	var list []ast.Stmt
	switch b := at.parent[assign].(type) {
	case *ast.BlockStmt:
		list = b.List
	case *ast.CaseClause:
		list = b.Body
	case *ast.CommClause:
		list = b.Body
	}
	i := slices.Index(list, ast.Stmt(assign))
	if i < 0 || i+1 == len(list) {
		return nil
	}
	check, ok := list[i+1].(*ast.IfStmt)
	if !ok || check.Init != nil || check.Else != nil || !mentions(check.Cond, name) {
		return nil
	}
	return check
}

func mentions(n ast.Node, name string) bool {
	found := false
	ast.Inspect(n, func(m ast.Node) bool {
		id, ok := m.(*ast.Ident)
		found = found || ok && id.Name == name
		return !found
	})
	return found
}

// resultTypes lists the values that an expression has; nil when it is in error.
func resultTypes(t types.Type) []types.Type {
	switch t := t.(type) {
	case nil:
		return nil
	case *types.Tuple:
		out := []types.Type{}
		for v := range t.Variables() {
			out = append(out, v.Type())
		}
		return out
	}
	if t == types.Typ[types.Invalid] {
		return nil
	}
	return []types.Type{t}
}

// fixResultCount makes a return statement fit the function's results, or the
// results fit what is returned.
func fixResultCount(_ context.Context, cs *cause) []option {
	at := cs.sites[0]
	ret, ok := around[*ast.ReturnStmt](at)
	sig := at.signature(ret)
	if !ok || sig == nil || !at.editable() {
		return nil
	}
	var want, have []types.Type
	for v := range sig.Results().Variables() {
		want = append(want, v.Type())
	}
	for _, r := range ret.Results {
		have = append(have, at.typeOf(r))
	}
	end := ret.Return + token.Pos(len("return"))
	if n := len(ret.Results); n > 0 {
		end = ret.Results[n-1].End()
	}
	var out []option
	if len(have) == 1 {
		if tuple, ok := have[0].(*types.Tuple); ok {
			return at.returnSome(ret, tuple, want)
		}
	}
	if len(want) == 0 {
		text := "return"
		if _, isCall := ret.Results[0].(*ast.CallExpr); isCall && len(ret.Results) == 1 {
			text = at.text(ret.Results[0]) + "\n" + at.indent(at.file.Offset(ret.Pos())) + "return"
		}
		out = append(out, option{weight: 0.5, title: "return no value", edits: []Edit{at.cut(ret.Pos(), end, text)}})
	}
	for k, sh := range shapes(have, want) {
		for variant := range 2 {
			texts := make([]string, len(sh))
			likely, complete := 0.7/float64(k+1), true
			for j, i := range sh {
				if i >= 0 {
					texts[j] = at.text(ret.Results[i])
					continue
				}
				fills := at.returned(ret, sig.Results().At(j))
				if variant >= len(fills) {
					complete = false
					break
				}
				texts[j], likely = fills[variant].text, likely*fills[variant].weight
			}
			if !complete {
				break
			}
			out = append(out, option{
				weight: likely, alike: 0.7, title: "return " + quote(strings.Join(texts, ", ")),
				edits: []Edit{at.cut(ret.Pos(), end, "return "+strings.Join(texts, ", "))},
			})
			if !slices.Contains(sh, -1) {
				break
			}
		}
	}
	return append(out, at.redeclareResults(ret, have)...)
}

// returned lists values for a result that a return statement lacks.
func (at *site) returned(ret *ast.ReturnStmt, v *types.Var) []spelling {
	if isError(v.Type()) {
		inCheck := false
		for n := at.parent[ret]; n != nil; n = at.parent[n] {
			if check, ok := n.(*ast.IfStmt); ok && mentions(check.Cond, "err") {
				inCheck = true
			}
		}
		if inCheck {
			return []spelling{{"err", 0.9}, {"nil", 0.1}}
		}
		out := []spelling{{"nil", 0.8}}
		if e, ok := at.lookup("err", ret.Pos()).(*types.Var); ok && isError(e.Type()) {
			out = append(out, spelling{"err", 0.2})
		}
		return out
	}
	out := at.fills(v, ret.Pos())
	for _, r := range ret.Results {
		if isError(at.typeOf(r)) {
			return []spelling{{at.zeroText(v.Type()), 0.9}} // nothing goes with an error
		}
	}
	if v.Name() == "" && len(out) > 1 && out[0].text == at.zeroText(v.Type()) && out[1].weight >= 0.2 {
		out[0], out[1] = out[1], out[0] // a variable of the type is more likely meant than nothing
	}
	return out
}

// returnSome returns only those values of a call that the function has results for.
func (at *site) returnSome(ret *ast.ReturnStmt, tuple *types.Tuple, want []types.Type) []option {
	have := resultTypes(tuple)
	if at.stmt() != ast.Stmt(ret) || len(want) == 0 {
		return nil
	}
	var out []option
	for k, sh := range shapes(have, want) {
		names := make([]string, len(have))
		for i := range names {
			names[i] = "_"
		}
		texts := make([]string, len(want))
		for j, i := range sh {
			if i < 0 {
				texts[j] = at.zero(want[j])
				if isError(want[j]) {
					texts[j] = "nil"
				}
				continue
			}
			names[i] = at.fresh("v", ret.Pos(), len(want))
			if len(want) > 1 {
				names[i] += fmt.Sprint(i)
			}
			texts[j] = names[i]
		}
		out = append(out, option{
			weight: 0.6 / float64(k+1), title: "return the values that are asked for of " + quote(at.text(ret.Results[0])),
			edits: []Edit{
				at.before(ret, strings.Join(names, ", ")+" := "+at.text(ret.Results[0])),
				at.replace(ret, "return "+strings.Join(texts, ", ")),
			},
		})
	}
	return append(out, at.redeclareResults(ret, have)...)
}

// redeclareResults declares the results that a function returns already.
func (at *site) redeclareResults(ret *ast.ReturnStmt, have []types.Type) []option {
	if at.decl == nil || at.signature(ret) != at.signature(at.decl) || len(have) == 0 {
		return nil
	}
	var texts []string
	for _, t := range have {
		if t == nil || t == types.Typ[types.UntypedNil] || t == types.Typ[types.Invalid] {
			return nil
		}
		text, ok := at.typeText(types.Default(t))
		if !ok {
			return nil
		}
		texts = append(texts, text)
	}
	result := strings.Join(texts, ", ")
	if len(texts) > 1 {
		result = "(" + result + ")"
	}
	typ := at.decl.Type
	edit := at.insert(typ.Params.End(), " "+result)
	if typ.Results != nil {
		edit = at.replace(typ.Results, result)
	}
	return []option{{weight: 0.12, title: fmt.Sprintf("let %s return %s", quote(at.decl.Name.Name), quote(result)), edits: []Edit{edit}}}
}

// fixTooManyValues takes the one value that is wanted of a call that returns more,
// in a statement of its own.
func fixTooManyValues(_ context.Context, cs *cause) []option {
	at := cs.sites[0]
	call, ok := at.expr().(*ast.CallExpr)
	stmt := at.stmt()
	if !ok || stmt == nil || !at.editable() {
		return nil
	}
	if _, loop := stmt.(*ast.ForStmt); loop {
		return nil
	}
	results := resultTypes(at.typeOf(call))
	name := at.fresh("value", stmt.Pos(), 1)
	var out []option
	for k := range results {
		if k > 0 && isError(results[k]) {
			continue
		}
		names := make([]string, len(results))
		for i := range names {
			names[i] = "_"
		}
		names[k] = name
		weight := 0.5 / float64(k+1)
		last := len(results) - 1
		if handle, ok := at.handleError(stmt); ok && last != k && isError(results[last]) {
			passing := slices.Clone(names)
			passing[last] = "err"
			out = append(out, option{
				weight: 2 * weight, alike: 1, title: "receive the error of " + quote(at.text(call)) + " and return it",
				edits: []Edit{at.before(stmt, strings.Join(passing, ", ")+" := "+at.text(call)+"\n"+handle), at.replace(call, name)},
			})
		}
		out = append(out, option{
			weight: weight, alike: 0.5, title: "take one value of " + quote(at.text(call)),
			edits: []Edit{at.before(stmt, strings.Join(names, ", ")+" := "+at.text(call)), at.replace(call, name)},
		})
	}
	return out
}

// fresh is a name that means nothing yet at a position.
func (at *site) fresh(name string, pos token.Pos, n int) string {
	for i := 0; ; i++ {
		try := name
		if i > 0 {
			try = fmt.Sprint(name, i+n)
		}
		if at.lookup(try, pos) == nil {
			return try
		}
	}
}

// fixUnusedExpr does something with a value that is computed and dropped.
func fixUnusedExpr(_ context.Context, cs *cause) []option {
	at := cs.sites[0]
	stmt, ok := around[*ast.ExprStmt](at)
	if !ok || !at.editable() {
		return nil
	}
	var out []option
	switch x := ast.Unparen(stmt.X).(type) {
	case *ast.CallExpr:
		if id, ok := x.Fun.(*ast.Ident); ok && id.Name == "append" && len(x.Args) > 0 {
			out = append(out, option{weight: 0.9, alike: 1, title: "keep what append returns", edits: []Edit{at.insert(stmt.Pos(), at.text(x.Args[0])+" = ")}})
		}
	case *ast.BinaryExpr:
		if x.Op == token.EQL {
			out = append(out, option{weight: 0.7, alike: 1, title: "assign instead of compare", edits: []Edit{at.cut(x.OpPos, x.OpPos+2, "=")}})
		}
	}
	if _, isFunc := at.typeOf(stmt.X).(*types.Signature); isFunc {
		out = append(out, option{weight: 0.8, alike: 1, title: "call " + quote(at.text(stmt.X)), edits: []Edit{at.insert(stmt.End(), "()")}})
	}
	return append(out,
		option{weight: 0.2, removed: 1, title: "remove " + quote(at.text(stmt)), edits: []Edit{at.remove(stmt)}},
		option{weight: 0.1, title: "drop the value of " + quote(at.text(stmt)), edits: []Edit{at.insert(stmt.Pos(), "_ = ")}})
}
