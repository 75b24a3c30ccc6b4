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
	Title: "Add, drop or swap arguments until the types fit",
	Text: `Applies to calls with too many or too few arguments, or with arguments of the
wrong type. Fills in a missing argument with a variable of the parameter's name
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

// fixArguments adds, drops or swaps the arguments of a call so that their types fit.
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
		likely = 2 // if two arguments fit only when swapped, that is hardly chance
	}
	for k, sh := range shapes(have, want) {
		out = append(out, cs.place(sh, likely/float64(k+1), "correct the arguments of "+site.Quote(at.Text(call.Fun)))...)
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

// paramTypes lists the types that a signature expects of a call with n arguments.
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
