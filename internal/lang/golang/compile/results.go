package compile

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var resultsStrategy = propose.Strategy{
	Name:  "compile/results",
	Title: "Match the number of values returned and received",
	Text: `Applies when an assignment or a return statement has the wrong number of
values. Assigns extra results to blanks, returns an error if the function can,
drops surplus variables, and adds or drops returned values. Also assigns the
result of an unused append. A blank may hide an error: check that it is safe to
ignore.`,
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

// fixAssignCount makes the left side of an assignment match the number of values on
// the right. Extra values are assigned to blanks, an extra error is returned, and
// variables without a value are dropped.
func fixAssignCount(_ context.Context, cs *cause) []site.Option {
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

// receive returns the options to receive the results of value in lhs. assign is nil
// for a declaration.
func (at *errorSite) receive(lhs []ast.Expr, value ast.Expr, assign *ast.AssignStmt) []site.Option {
	results := resultTypes(at.typeOf(value))
	if results == nil {
		return nil
	}
	have := make([]types.Type, len(lhs))
	for i, l := range lhs {
		if id, ok := l.(*ast.Ident); ok && at.Package.Info.Defs[id] != nil {
			continue // := declares it with any type
		}
		have[i] = at.typeOf(l)
	}
	if len(results) < len(lhs) {
		return at.receiveFewer(lhs, have, results, assign)
	}
	var out []site.Option
	for k, sh := range shapes(have, results) {
		texts := make([]string, len(results))
		for j, i := range sh {
			texts[j] = "_"
			if i >= 0 {
				texts[j] = at.Text(lhs[i])
			}
		}
		rank := 1 / float64(k+1)
		if k == 0 && len(sh) > 0 && sh[len(sh)-1] >= 0 {
			rank = 0.5 // the variables usually receive the first results
		}
		for j, i := range sh {
			if i >= 0 || assign == nil || !site.IsError(results[j]) {
				continue
			}
			if o, ok := at.returnError(assign, lhs, texts, j); ok {
				o.Weight *= rank
				out = append(out, o)
			}
		}
		out = append(out, site.Option{
			Weight: 0.35 * rank, Alike: 0.5, Title: "receive every value of " + site.Quote(at.Text(value)),
			Edits: []propose.Edit{at.replaceRange(lhs[0].Pos(), lhs[len(lhs)-1].End(), strings.Join(texts, ", "))},
		})
	}
	return out
}

// returnError receives result j, an error, and returns it if it is not nil.
func (at *errorSite) returnError(assign *ast.AssignStmt, lhs []ast.Expr, texts []string, j int) (site.Option, bool) {
	handle, ok := at.handleError(assign)
	if !ok || at.stmt() != assign {
		return site.Option{}, false
	}
	texts = slices.Clone(texts)
	texts[j] = "err"
	edits := []propose.Edit{at.replaceRange(lhs[0].Pos(), lhs[len(lhs)-1].End(), strings.Join(texts, ", ")), at.After(assign, handle)}
	if assign.Tok == token.ASSIGN {
		if v, ok := at.Lookup("err", assign.Pos()).(*types.Var); !ok || !site.IsError(v.Type()) {
			edits = append(edits, at.Before(assign, "var err error"))
		}
	}
	return site.Option{Weight: 0.7, Alike: 1, Title: "receive the error of " + site.Quote(at.Text(assign.Rhs[0])) + " and return it", Edits: edits}, true
}

// receiveFewer drops variables from lhs, together with the if statement that checked
// a dropped one.
func (at *errorSite) receiveFewer(lhs []ast.Expr, have, results []types.Type, assign *ast.AssignStmt) []site.Option {
	if len(results) == 0 {
		return nil
	}
	var out []site.Option
	for k, sh := range shapes(have, results) {
		var texts []string
		for _, i := range sh {
			texts = append(texts, at.Text(lhs[i]))
		}
		o := site.Option{
			Alike: 0.5, Title: "receive only the values that are returned",
			Edits: []propose.Edit{at.replaceRange(lhs[0].Pos(), lhs[len(lhs)-1].End(), strings.Join(texts, ", "))},
		}
		o.Weight = 0.6 / float64(k+1)
		for i, l := range lhs {
			id, ok := l.(*ast.Ident)
			if slices.Contains(sh, i) || !ok {
				continue
			}
			if id.Name == "err" || id.Name == "ok" || id.Name == "_" {
				o.Weight *= 1.5
			}
			if check := at.checkAfter(assign, id.Name); check != nil {
				o.Edits = append(o.Edits, at.Remove(check))
				o.Removed = 0.3
			}
		}
		out = append(out, o)
	}
	return out
}

// checkAfter returns the if statement right after an assignment that checks name, or
// nil.
func (at *errorSite) checkAfter(assign *ast.AssignStmt, name string) ast.Stmt {
	if assign == nil || at.stmt() != assign {
		return nil
	}
	var list []ast.Stmt
	switch b := at.Parent[assign].(type) {
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

// resultTypes lists the types of an expression's values; nil if it does not type-check.
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

// fixResultCount makes a return statement match the function's results, or the results
// match what is returned.
func fixResultCount(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	ret, ok := around[*ast.ReturnStmt](at)
	sig := at.Signature(ret)
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
	var out []site.Option
	if len(have) == 1 {
		if tuple, ok := have[0].(*types.Tuple); ok {
			return at.returnSome(ret, tuple, want)
		}
	}
	if len(want) == 0 {
		text := "return"
		if _, isCall := ret.Results[0].(*ast.CallExpr); isCall && len(ret.Results) == 1 {
			text = at.Text(ret.Results[0]) + "\n" + at.Indent(at.File.Offset(ret.Pos())) + "return"
		}
		out = append(out, site.Option{Weight: 0.5, Title: "return no value", Edits: []propose.Edit{at.replaceRange(ret.Pos(), end, text)}})
	}
	for k, sh := range shapes(have, want) {
		for variant := range 2 {
			texts := make([]string, len(sh))
			likely, complete := 0.7/float64(k+1), true
			for j, i := range sh {
				if i >= 0 {
					texts[j] = at.Text(ret.Results[i])
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
			out = append(out, site.Option{
				Weight: likely, Alike: 0.7, Title: "return " + site.Quote(strings.Join(texts, ", ")),
				Edits: []propose.Edit{at.replaceRange(ret.Pos(), end, "return "+strings.Join(texts, ", "))},
			})
			if !slices.Contains(sh, -1) {
				break
			}
		}
	}
	return append(out, at.redeclareResults(ret, have)...)
}

// returned lists values for a result that a return statement is missing.
func (at *errorSite) returned(ret *ast.ReturnStmt, v *types.Var) []spelling {
	if site.IsError(v.Type()) {
		inCheck := false
		for n := at.Parent[ret]; n != nil; n = at.Parent[n] {
			if check, ok := n.(*ast.IfStmt); ok && mentions(check.Cond, "err") {
				inCheck = true
			}
		}
		if inCheck {
			return []spelling{{"err", 0.9}, {"nil", 0.1}}
		}
		out := []spelling{{"nil", 0.8}}
		if e, ok := at.Lookup("err", ret.Pos()).(*types.Var); ok && site.IsError(e.Type()) {
			out = append(out, spelling{"err", 0.2})
		}
		return out
	}
	out := at.fills(v, ret.Pos())
	for _, r := range ret.Results {
		if site.IsError(at.typeOf(r)) {
			return []spelling{{at.zeroText(v.Type()), 0.9}} // functions return zero values with an error
		}
	}
	if v.Name() == "" && len(out) > 1 && out[0].text == at.zeroText(v.Type()) && out[1].weight >= 0.2 {
		out[0], out[1] = out[1], out[0] // a variable of the type is likelier than the zero value
	}
	return out
}

// returnSome returns only the values of a call that match the function's results.
func (at *errorSite) returnSome(ret *ast.ReturnStmt, tuple *types.Tuple, want []types.Type) []site.Option {
	have := resultTypes(tuple)
	if at.stmt() != ast.Stmt(ret) || len(want) == 0 {
		return nil
	}
	var out []site.Option
	for k, sh := range shapes(have, want) {
		names := make([]string, len(have))
		for i := range names {
			names[i] = "_"
		}
		texts := make([]string, len(want))
		for j, i := range sh {
			if i < 0 {
				texts[j] = at.Zero(want[j])
				if site.IsError(want[j]) {
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
		out = append(out, site.Option{
			Weight: 0.6 / float64(k+1), Title: "return only the needed values of " + site.Quote(at.Text(ret.Results[0])),
			Edits: []propose.Edit{
				at.Before(ret, strings.Join(names, ", ")+" := "+at.Text(ret.Results[0])),
				at.Replace(ret, "return "+strings.Join(texts, ", ")),
			},
		})
	}
	return append(out, at.redeclareResults(ret, have)...)
}

// redeclareResults changes the declared results of a function to what it returns.
func (at *errorSite) redeclareResults(ret *ast.ReturnStmt, have []types.Type) []site.Option {
	if at.Decl == nil || at.Signature(ret) != at.Signature(at.Decl) || len(have) == 0 {
		return nil
	}
	var texts []string
	for _, t := range have {
		if t == nil || t == types.Typ[types.UntypedNil] || t == types.Typ[types.Invalid] {
			return nil
		}
		text, ok := at.TypeText(types.Default(t))
		if !ok {
			return nil
		}
		texts = append(texts, text)
	}
	result := strings.Join(texts, ", ")
	if len(texts) > 1 {
		result = "(" + result + ")"
	}
	typ := at.Decl.Type
	edit := at.insert(typ.Params.End(), " "+result)
	if typ.Results != nil {
		edit = at.Replace(typ.Results, result)
	}
	return []site.Option{{Weight: 0.12, Title: fmt.Sprintf("change the results of %s to %s", site.Quote(at.Decl.Name.Name), site.Quote(result)), Edits: []propose.Edit{edit}}}
}

// fixTooManyValues assigns the results of a call with several values in a statement of
// its own, and uses one of them in its place.
func fixTooManyValues(_ context.Context, cs *cause) []site.Option {
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
	var out []site.Option
	for k := range results {
		if k > 0 && site.IsError(results[k]) {
			continue
		}
		names := make([]string, len(results))
		for i := range names {
			names[i] = "_"
		}
		names[k] = name
		weight := 0.5 / float64(k+1)
		last := len(results) - 1
		if handle, ok := at.handleError(stmt); ok && last != k && site.IsError(results[last]) {
			passing := slices.Clone(names)
			passing[last] = "err"
			out = append(out, site.Option{
				Weight: 2 * weight, Alike: 1, Title: "receive the error of " + site.Quote(at.Text(call)) + " and return it",
				Edits: []propose.Edit{at.Before(stmt, strings.Join(passing, ", ")+" := "+at.Text(call)+"\n"+handle), at.Replace(call, name)},
			})
		}
		out = append(out, site.Option{
			Weight: weight, Alike: 0.5, Title: "use one value of " + site.Quote(at.Text(call)),
			Edits: []propose.Edit{at.Before(stmt, strings.Join(names, ", ")+" := "+at.Text(call)), at.Replace(call, name)},
		})
	}
	return out
}

// fresh returns a name that is not yet declared at a position.
func (at *errorSite) fresh(name string, pos token.Pos, n int) string {
	for i := 0; ; i++ {
		try := name
		if i > 0 {
			try = fmt.Sprint(name, i+n)
		}
		if at.Lookup(try, pos) == nil {
			return try
		}
	}
}

// fixUnusedExpr uses, discards or removes an expression whose value is not used.
func fixUnusedExpr(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	stmt, ok := around[*ast.ExprStmt](at)
	if !ok || !at.editable() {
		return nil
	}
	var out []site.Option
	switch x := ast.Unparen(stmt.X).(type) {
	case *ast.CallExpr:
		if id, ok := x.Fun.(*ast.Ident); ok && id.Name == "append" && len(x.Args) > 0 {
			out = append(out, site.Option{Weight: 0.9, Alike: 1, Title: "assign the result of append", Edits: []propose.Edit{at.insert(stmt.Pos(), at.Text(x.Args[0])+" = ")}})
		}
	case *ast.BinaryExpr:
		if x.Op == token.EQL {
			out = append(out, site.Option{Weight: 0.7, Alike: 1, Title: "assign instead of compare", Edits: []propose.Edit{at.replaceRange(x.OpPos, x.OpPos+2, "=")}})
		}
	}
	if _, isFunc := at.typeOf(stmt.X).(*types.Signature); isFunc {
		out = append(out, site.Option{Weight: 0.8, Alike: 1, Title: "call " + site.Quote(at.Text(stmt.X)), Edits: []propose.Edit{at.insert(stmt.End(), "()")}})
	}
	return append(out,
		site.Option{Weight: 0.2, Removed: 1, Title: "remove " + site.Quote(at.Text(stmt)), Edits: []propose.Edit{at.Remove(stmt)}},
		site.Option{Weight: 0.1, Title: "discard the value of " + site.Quote(at.Text(stmt)), Edits: []propose.Edit{at.insert(stmt.Pos(), "_ = ")}})
}
