package propose

import (
	"context"
	"go/ast"
	"go/types"
	"strings"
)

var compileReturn = Strategy{
	Name:  "compile/return",
	Title: "Add the return that a function must end with",
	Text: `Returns the value that the last statement computes, named results, variables of
the result types, or zero values. A zero value only makes the code compile:
check that it is a sensible result.`,
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

// fixMissingReturn ends a function with what it most naturally returns.
func fixMissingReturn(_ context.Context, cs *cause) []option {
	at := cs.sites[0]
	var body *ast.BlockStmt
	var sig *types.Signature
	for _, n := range at.path {
		switch fn := n.(type) {
		case *ast.FuncLit:
			body, sig = fn.Body, at.signature(fn)
		case *ast.FuncDecl:
			body, sig = fn.Body, at.signature(fn)
		}
		if body != nil {
			break
		}
	}
	if body == nil || sig == nil || !at.editable() {
		return nil
	}
	var out []option
	results := sig.Results()
	if n := len(body.List); n > 0 {
		if stmt, ok := body.List[n-1].(*ast.ExprStmt); ok && (results.Len() == 1 || isTuple(at.typeOf(stmt.X))) {
			out = append(out, option{weight: 0.9, alike: 1, title: "return " + quote(at.text(stmt)), edits: []Edit{at.insert(stmt.Pos(), "return ")}})
		}
	}
	end := body.Rbrace
	indent := at.indent(at.file.Offset(end))
	add := func(weight float64, values string) {
		text := strings.TrimRight("return "+values, " ")
		edit := at.insert(end, text+" ")
		if at.file.Line(body.Lbrace) != at.file.Line(end) {
			start := at.file.Offset(end) - len(indent)
			edit = Edit{File: at.file.Name, Start: start, End: start, New: indent + "\t" + text + "\n"}
		}
		out = append(out, option{weight: weight, alike: 0.7, title: "end with " + quote(text), edits: []Edit{edit}})
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
		for _, v := range at.locals(end) {
			if types.Identical(v.Type(), results.At(i).Type()) && !isError(v.Type()) && n < 3 {
				n++
				values[i] = v.Name()
				add(0.5/float64(n), strings.Join(values, ", "))
			}
		}
		values[i] = zero
	}
	return out
}
