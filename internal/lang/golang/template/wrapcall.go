package template

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var wrapCallStrategy = propose.Strategy{
	Name:  "template/wrap-call",
	Title: "Wrap an expression in a call or conversion",
	Text: `Tries calls that the package makes elsewhere, then functions of the package and
the file's imports that take and return one value of the expression's type, then
methods without parameters. A typical mistake is a value that is normalized in
one place but not in another.`,
	Before: `import "strings"

func normal(s string) string { return strings.ToLower(s) }

func same(a, b string) bool { return normal(a) == b }`,
	After: `import "strings"

func normal(s string) string { return strings.ToLower(s) }

func same(a, b string) bool { return normal(a) == normal(b) }`,
	Share: 2.8, Measured: true,
	Propose: perFunction(wrapCall),
}

// wrapCall wraps an expression in a call or conversion like one elsewhere in the package,
// or in a call of a function or method with a matching signature.
func wrapCall(f *function, out emit) {
	calls := f.Donors().Calls
	f.Exprs(func(e ast.Expr) {
		t := f.TypeOf(e)
		own := f.Text(e)
		if t == nil || len(own) > site.MaxDonorText {
			return
		}
		byText := make(map[string]bool)
		var options []site.Option
		add := func(text string, weight, alike float64) {
			if !byText[text] {
				byText[text] = true
				options = append(options, site.Option{Weight: weight, Alike: alike, Title: site.ReplaceTitle(own, text), Edits: []propose.Edit{f.Replace(e, text)}})
			}
		}
		for _, d := range calls {
			call := d.Node.(*ast.CallExpr)
			if !types.AssignableTo(d.Type, types.Default(t)) && !types.Identical(d.Type.Underlying(), types.Default(t).Underlying()) {
				continue
			}
			for i, arg := range call.Args {
				at := f.Package.Info.TypeOf(arg)
				if at == nil || !types.AssignableTo(types.Default(t), at) {
					continue
				}
				for _, text := range f.adaptWith(d, arg, own, e.Pos()) {
					add(text.Text, text.Weight/float64(i+1), text.Alike)
				}
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && len(call.Args) <= 1 {
				if xt := f.Package.Info.TypeOf(sel.X); xt != nil && f.Package.Info.Types[sel.X].IsValue() && types.Identical(xt, types.Default(t)) && isOperand(e) {
					for _, text := range f.adaptWith(d, sel.X, own, e.Pos()) {
						add(text.Text, text.Weight, text.Alike)
					}
				}
			}
		}
		for _, name := range f.unary(t) {
			add(name.text+"("+own+")", name.weight, 0.3)
		}
		if isOperand(e) {
			for _, m := range f.nullary(t) {
				add(own+"."+m+"()", 0.15, 0.3)
			}
		}
		if len(options) > 60 {
			options = options[:60]
		}
		out(e, options)
	})
}

func isOperand(e ast.Expr) bool {
	switch e.(type) {
	case *ast.Ident, *ast.SelectorExpr, *ast.CallExpr, *ast.IndexExpr, *ast.ParenExpr:
		return true
	}
	return false
}

// adaptWith returns the texts of a donor at pos with one of its parts replaced by text.
func (f *function) adaptWith(d *site.Donor, part ast.Expr, text string, pos token.Pos) []site.Adapted {
	start := int(part.Pos() - d.Node.Pos())
	end := start + int(part.End()-part.Pos())
	h := *d
	h.Free = nil
	h.Text = d.Text[:start] + "\x00" + d.Text[end:]
	shift := 1 - (end - start)
	for _, n := range d.Free {
		switch {
		case n.End <= start:
			h.Free = append(h.Free, n)
		case n.Start >= end:
			n.Start, n.End = n.Start+shift, n.End+shift
			h.Free = append(h.Free, n)
		}
	}
	out := f.Adapt(&h, pos)
	for i := range out {
		out[i].Text = strings.Replace(out[i].Text, "\x00", text, 1)
	}
	return out
}

// unary lists the functions that take and return one value of a type, in the package and
// in the packages that the file imports.
func (f *function) unary(t types.Type) []weighted {
	want := types.Default(t)
	var out []weighted
	fits := func(prefix string, o types.Object, weight float64) {
		g, ok := o.(*types.Func)
		if !ok || g.Signature().Params().Len() != 1 || g.Signature().Results().Len() != 1 || g.Signature().Variadic() || g.Signature().TypeParams().Len() > 0 {
			return
		}
		if types.Identical(g.Signature().Params().At(0).Type(), want) && types.Identical(g.Signature().Results().At(0).Type(), want) {
			out = append(out, weighted{prefix + g.Name(), weight})
		}
	}
	for _, name := range f.Package.Types.Scope().Names() {
		fits("", f.Package.Types.Scope().Lookup(name), 0.4)
	}
	for _, spec := range f.File.Syntax.Imports {
		imp := f.Package.Imported[strings.Trim(spec.Path.Value, `"`)]
		name := ""
		if imp != nil {
			name = f.ImportName(imp.Path())
		}
		if name == "" {
			continue
		}
		for _, fn := range imp.Scope().Names() {
			if token.IsExported(fn) {
				fits(name+".", imp.Scope().Lookup(fn), 0.2)
			}
		}
	}
	return out
}

// nullary lists the methods without parameters that return their receiver's type.
func (f *function) nullary(t types.Type) []string {
	var out []string
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		fn, ok := set.At(i).Obj().(*types.Func)
		if !ok || (!fn.Exported() && fn.Pkg() != f.Package.Types) {
			continue
		}
		sig := fn.Signature()
		if sig.Params().Len() == 0 && sig.Results().Len() == 1 && types.Identical(sig.Results().At(0).Type(), t) {
			out = append(out, fn.Name())
		}
	}
	return out
}
