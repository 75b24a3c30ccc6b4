package compile

import (
	"context"
	"go/ast"
	"go/types"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var argumentsStrategy = propose.Strategy{
	Name:  "compile/arguments",
	Title: "Add, drop or swap arguments until their types fit",
	Text: `Applies to a call with too many or too few arguments, or with arguments of the
wrong types. What is missing is filled in from variables of the parameter's name
or type, or with the zero value.`,
	Before: `import "strings"

func bar(n int) string {
	return strings.Repeat(n, "=")
}`,
	After: `import "strings"

func bar(n int) string {
	return strings.Repeat("=", n)
}`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/arguments"),
}

var argumentsFixers = []fixer{
	{"compile/arguments", []errorCode{wrongArgCount, incompatibleAssign, invalidIfaceAssign}, fixArguments},
}

// fixArguments places the arguments of a call so that their types fit.
func fixArguments(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	call := at.call()
	if call == nil || len(cs.editable()) == 0 {
		return nil
	}
	sig := at.called(call)
	have, want := at.argTypes(call), paramTypes(sig, len(call.Args))
	var out []site.Option
	likely := 0.6
	if len(have) == len(want) {
		likely = 2 // two that do not fit and would the other way round are no chance
	}
	for k, sh := range shapes(have, want) {
		out = append(out, cs.place(sh, likely/float64(k+1), "fit the arguments of "+site.Quote(at.Text(call.Fun)))...)
	}
	return out
}

func (at *errorSite) argTypes(call *ast.CallExpr) []types.Type {
	var out []types.Type
	for _, arg := range call.Args {
		out = append(out, at.typeOf(arg))
	}
	return out
}

// paramTypes lists what a call with n arguments is to be given, one type for each.
func paramTypes(sig *types.Signature, n int) []types.Type {
	var out []types.Type
	for v := range sig.Params().Variables() {
		out = append(out, v.Type())
	}
	if sig.Variadic() {
		rest := out[len(out)-1]
		out = out[:len(out)-1]
		for slice, ok := rest.(*types.Slice); ok && len(out) < n; {
			out = append(out, slice.Elem())
		}
	}
	return out
}
