package propose

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

var templateArguments = Strategy{
	Name:  "template/arguments",
	Title: "Add, drop or swap arguments of a call",
	Text: `Swaps two arguments whose types allow it, adds values to or drops values from
the variable part of a call, and calls the variant of an imported function that
takes one argument more or less.`,
	Before: `import "strings"

func pair(s string) []string { return strings.Split(s, "=") }`,
	After: `import "strings"

func pair(s string) []string { return strings.SplitN(s, "=", 2) }`,
	Share: 0.9, Measured: true,
	Propose: perFunction(changeArguments),
}

// changeArguments adds, drops and swaps the arguments of calls.
func changeArguments(f *function, out emit) {
	d := f.donors()
	ast.Inspect(f.body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		var options []option
		for i := 0; i+1 < len(call.Args); i++ {
			for j := i + 1; j < len(call.Args); j++ {
				a, b := call.Args[i], call.Args[j]
				ta, tb := f.typeOf(a), f.typeOf(b)
				if ta == nil || tb == nil || !types.AssignableTo(types.Default(ta), types.Default(tb)) || f.text(a) == f.text(b) {
					continue
				}
				options = append(options, option{weight: 1, alike: 0.8, title: "swap " + quote(f.text(a)) + " and " + quote(f.text(b)), edits: []Edit{f.replace(a, f.text(b)), f.replace(b, f.text(a))}})
			}
		}
		sig, ok := f.typeOf(call.Fun).(*types.Signature)
		if !ok { // builtins and conversions
			if id, isID := call.Fun.(*ast.Ident); isID && id.Name == "append" && len(call.Args) > 1 && call.Ellipsis == token.NoPos {
				options = append(options, f.variadic(call, d, 1, f.typeOf(call.Args[1]))...)
			}
			return out(call, options)
		}
		if sig.Variadic() && call.Ellipsis == token.NoPos {
			fixed := sig.Params().Len() - 1
			elem := sig.Params().At(fixed).Type().(*types.Slice)
			options = append(options, f.variadic(call, d, fixed, elem.Elem())...)
		}
		options = append(options, f.limited(call)...)
		return out(call, options)
	})
}

// limited calls the function's sibling that takes one argument more, or less:
// strings.Split and strings.SplitN.
func (f *function) limited(call *ast.CallExpr) []option {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	fn, ok := f.pkg.Info.Uses[sel.Sel].(*types.Func)
	if !ok || fn.Pkg() == nil || fn.Pkg() == f.pkg.Types || fn.Signature().Recv() != nil || len(call.Args) == 0 {
		return nil
	}
	var options []option
	have := fn.Signature().Params()
	for _, name := range fn.Pkg().Scope().Names() {
		other, ok := fn.Pkg().Scope().Lookup(name).(*types.Func)
		if !ok || !other.Exported() || !(strings.HasPrefix(name, fn.Name()) || strings.HasPrefix(fn.Name(), name)) || name == fn.Name() {
			continue
		}
		params := other.Signature().Params()
		args := make([]string, len(call.Args))
		for i, a := range call.Args {
			args[i] = f.text(a)
		}
		add := func(args []string) {
			text := f.text(sel.X) + "." + name + "(" + strings.Join(args, ", ") + ")"
			options = append(options, option{weight: 0.8, alike: 0.4, title: replaceTitle(f.text(call), text), edits: []Edit{f.replace(call, text)}})
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

// variadic adds an argument to, or drops one from, the variable part of a call.
func (f *function) variadic(call *ast.CallExpr, d *donors, fixed int, elem types.Type) []option {
	var options []option
	for i := fixed; i < len(call.Args); i++ {
		start, end := call.Args[i].Pos(), call.Args[i].End()
		switch {
		case i > 0:
			start = call.Args[i-1].End()
		case i+1 < len(call.Args):
			end = call.Args[i+1].Pos()
		}
		options = append(options, option{
			weight: 0.5, removed: 0.5, title: "drop the argument " + quote(f.text(call.Args[i])),
			edits: []Edit{{File: f.file.Name, Start: f.file.Offset(start), End: f.file.Offset(end)}},
		})
	}
	if elem == nil {
		return options
	}
	insert := func(text string, weight, alike float64) {
		at, prefix := f.file.Offset(call.Rparen), ""
		if len(call.Args) > 0 {
			at, prefix = f.file.Offset(call.Args[len(call.Args)-1].End()), ", "
		}
		options = append(options, option{
			weight: weight, alike: alike, title: "add the argument " + quote(text) + " to " + quote(f.text(call)),
			edits: []Edit{{File: f.file.Name, Start: at, End: at, New: prefix + text}},
		})
	}
	for i, v := range f.locals(call.Pos()) {
		if i < 12 && types.AssignableTo(v.Type(), elem) {
			insert(v.Name(), 0.6, 0.6)
		}
	}
	for _, a := range f.nearest(d.exprs[typeKey(elem)], call.Pos(), 15, "") {
		insert(a.text, a.weight*0.5, a.alike)
	}
	return options
}
