package template

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var argumentsStrategy = propose.Strategy{
	Name:  "template/arguments",
	Title: "Add, drop or swap arguments of a call",
	Text: `Swaps two arguments if their types allow it, adds or drops variadic arguments,
and switches to the variant of an imported function that takes one argument more
or fewer, as with strings.Split and strings.SplitN.`,
	Before: `import "strings"

func pair(s string) []string { return strings.Split(s, "=") }`,
	After: `import "strings"

func pair(s string) []string { return strings.SplitN(s, "=", 2) }`,
	Share: 0.9, Measured: true,
	Propose: perFunction(changeArguments),
}

// changeArguments adds, drops and swaps the arguments of calls.
func changeArguments(f *function, out emit) {
	d := f.Donors()
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		var options []site.Option
		for i := 0; i+1 < len(call.Args); i++ {
			for j := i + 1; j < len(call.Args); j++ {
				a, b := call.Args[i], call.Args[j]
				ta, tb := f.TypeOf(a), f.TypeOf(b)
				if ta == nil || tb == nil || !types.AssignableTo(types.Default(ta), types.Default(tb)) || f.Text(a) == f.Text(b) {
					continue
				}
				options = append(options, site.Option{Weight: 1, Alike: 0.8, Title: "swap " + site.Quote(f.Text(a)) + " and " + site.Quote(f.Text(b)), Edits: []propose.Edit{f.Replace(a, f.Text(b)), f.Replace(b, f.Text(a))}})
			}
		}
		sig, ok := f.TypeOf(call.Fun).(*types.Signature)
		if !ok { // builtins and conversions
			if id, isID := call.Fun.(*ast.Ident); isID && id.Name == "append" && len(call.Args) > 1 && call.Ellipsis == token.NoPos {
				options = append(options, f.variadic(call, d, 1, f.TypeOf(call.Args[1]))...)
			}
			return out(call, options)
		}
		if sig.Variadic() && call.Ellipsis == token.NoPos {
			fixed := sig.Params().Len() - 1
			elem := sig.Params().At(fixed).Type().(*types.Slice)
			options = append(options, f.variadic(call, d, fixed, elem.Elem())...)
		}
		options = append(options, f.variants(call)...)
		return out(call, options)
	})
}

// variants returns the options to call a function of the same package with a similar name
// and one argument more or fewer, as with strings.Split and strings.SplitN.
func (f *function) variants(call *ast.CallExpr) []site.Option {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	fn, ok := f.Package.Info.Uses[sel.Sel].(*types.Func)
	if !ok || fn.Pkg() == nil || fn.Pkg() == f.Package.Types || fn.Signature().Recv() != nil || len(call.Args) == 0 {
		return nil
	}
	var options []site.Option
	have := fn.Signature().Params()
	for _, name := range fn.Pkg().Scope().Names() {
		other, ok := fn.Pkg().Scope().Lookup(name).(*types.Func)
		if !ok || !other.Exported() || !(strings.HasPrefix(name, fn.Name()) || strings.HasPrefix(fn.Name(), name)) || name == fn.Name() {
			continue
		}
		params := other.Signature().Params()
		args := make([]string, len(call.Args))
		for i, a := range call.Args {
			args[i] = f.Text(a)
		}
		add := func(args []string) {
			text := f.Text(sel.X) + "." + name + "(" + strings.Join(args, ", ") + ")"
			options = append(options, site.Option{Weight: 0.8, Alike: 0.4, Title: site.ReplaceTitle(f.Text(call), text), Edits: []propose.Edit{f.Replace(call, text)}})
		}
		switch {
		case params.Len() == have.Len()+1 && have.Len() == len(args):
			last, ok := params.At(params.Len() - 1).Type().(*types.Basic)
			if ok && last.Info()&types.IsInteger != 0 {
				for _, n := range []string{"2", "1", "-1", "3"} {
					add(append(slices.Clone(args), n))
				}
			}
		case params.Len() == have.Len()-1 && have.Len() == len(args):
			add(args[:len(args)-1])
		}
	}
	return options
}

// variadic returns the options to add or drop an argument of a variadic parameter.
func (f *function) variadic(call *ast.CallExpr, d *site.Donors, fixed int, elem types.Type) []site.Option {
	var options []site.Option
	for i := fixed; i < len(call.Args); i++ {
		start, end := call.Args[i].Pos(), call.Args[i].End()
		switch {
		case i > 0:
			start = call.Args[i-1].End()
		case i+1 < len(call.Args):
			end = call.Args[i+1].Pos()
		}
		options = append(options, site.Option{
			Weight: 0.5, Removed: 0.5, Title: "drop the argument " + site.Quote(f.Text(call.Args[i])),
			Edits: []propose.Edit{{File: f.File.Name, Start: f.File.Offset(start), End: f.File.Offset(end)}},
		})
	}
	if elem == nil {
		return options
	}
	insert := func(text string, weight, alike float64) {
		at, prefix := f.File.Offset(call.Rparen), ""
		if len(call.Args) > 0 {
			at, prefix = f.File.Offset(call.Args[len(call.Args)-1].End()), ", "
		}
		options = append(options, site.Option{
			Weight: weight, Alike: alike, Title: "add the argument " + site.Quote(text) + " to " + site.Quote(f.Text(call)),
			Edits: []propose.Edit{{File: f.File.Name, Start: at, End: at, New: prefix + text}},
		})
	}
	for i, v := range f.Locals(call.Pos()) {
		if i < 12 && types.AssignableTo(v.Type(), elem) {
			insert(v.Name(), 0.6, 0.6)
		}
	}
	for _, a := range f.Nearest(d.Exprs[site.TypeKey(elem)], call.Pos(), 15, "") {
		insert(a.Text, a.Weight*0.5, a.Alike)
	}
	return options
}
