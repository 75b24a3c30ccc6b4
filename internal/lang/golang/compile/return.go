package compile

import (
	"context"
	"go/ast"
	"go/types"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var returnStrategy = propose.Strategy{
	Name:  "compile/return",
	Title: "Add a missing return at the end of a function",
	Text: `Returns the value of the last statement, the named results, variables of the
result types, or zero values. A zero value only makes the code compile: check
that it is a sensible result.`,
	Before: `func square(n int) int {
	n * n
}`,
	After: `func square(n int) int {
	return n * n
}`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/return"),
}

var returnFixers = []fixer{
	{"compile/return", []errorCode{missingReturn}, fixMissingReturn},
}

// fixMissingReturn adds a return statement at the end of a function.
func fixMissingReturn(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	var body *ast.BlockStmt
	var sig *types.Signature
	for _, n := range at.path {
		switch fn := n.(type) {
		case *ast.FuncLit:
			body, sig = fn.Body, at.Signature(fn)
		case *ast.FuncDecl:
			body, sig = fn.Body, at.Signature(fn)
		}
		if body != nil {
			break
		}
	}
	if body == nil || sig == nil || !at.editable() {
		return nil
	}
	var out []site.Option
	results := sig.Results()
	if n := len(body.List); n > 0 {
		if stmt, ok := body.List[n-1].(*ast.ExprStmt); ok && (results.Len() == 1 || isTuple(at.typeOf(stmt.X))) {
			out = append(out, site.Option{Weight: 0.9, Alike: 1, Title: "return " + site.Quote(at.Text(stmt)), Edits: []propose.Edit{at.insert(stmt.Pos(), "return ")}})
		}
	}
	end := body.Rbrace
	indent := at.Indent(at.File.Offset(end))
	add := func(weight float64, values string) {
		text := strings.TrimRight("return "+values, " ")
		edit := at.insert(end, text+" ")
		if at.File.Line(body.Lbrace) != at.File.Line(end) {
			start := at.File.Offset(end) - len(indent)
			edit = propose.Edit{File: at.File.Name, Start: start, End: start, New: indent + "\t" + text + "\n"}
		}
		out = append(out, site.Option{Weight: weight, Alike: 0.7, Title: "end with " + site.Quote(text), Edits: []propose.Edit{edit}})
	}
	if results.Len() > 0 && results.At(0).Name() != "" {
		add(0.7, "")
	}
	values := make([]string, results.Len())
	for i := range values {
		if values[i] = at.zeroText(results.At(i).Type()); values[i] == "" {
			return out
		}
	}
	add(0.4, strings.Join(values, ", "))
	for i := range values {
		zero, n := values[i], 0
		for _, v := range at.Locals(end) {
			if types.Identical(v.Type(), results.At(i).Type()) && !site.IsError(v.Type()) && n < 3 {
				n++
				values[i] = v.Name()
				add(0.5/float64(n), strings.Join(values, ", "))
			}
		}
		values[i] = zero
	}
	return out
}
