package template

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var siblingsStrategy = propose.Strategy{
	Name:  "template/siblings",
	Title: "Make the same small edit throughout a function",
	Text: `Applies to a name, a literal or an operator that occurs two to six times in a
function, because copied code repeats its mistakes. Replaces all occurrences, or
swaps the operands of every subtraction, division, shift or string
concatenation.`,
	Before: `func inside(x, y, width, height int) bool {
	return x >= 0 && y >= 0 && x <= width && y <= height
}`,
	After: `func inside(x, y, width, height int) bool {
	return x >= 0 && y >= 0 && x < width && y < height
}`,
	Share: 1.0, Measured: true,
	Propose: perFunction(siblingEdits),
}

// siblingEdits fixes a small mistake that copying has repeated in a function: a wrong
// name, operator or literal, or swapped operands.
func siblingEdits(f *function, out emit) {
	sites := make(map[string][]ast.Node)
	var order []string
	note := func(key string, n ast.Node) {
		if len(sites[key]) == 0 {
			order = append(order, key)
		}
		sites[key] = append(sites[key], n)
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			switch obj := f.Package.Info.Uses[n].(type) {
			case *types.Var, *types.Const, *types.Func:
				if obj.Parent() != types.Universe {
					note("n"+n.Name, n)
				}
			}
		case *ast.BasicLit:
			if n.Kind == token.INT || n.Kind == token.CHAR {
				note("l"+n.Value, n)
			}
		case *ast.BinaryExpr:
			note("o"+n.Op.String(), n)
			note("x"+n.Op.String()+f.Text(n.X), n) // operations with an operand in common
			note("y"+n.Op.String()+f.Text(n.Y), n)
		}
		return true
	})
	for _, key := range order {
		nodes := sites[key]
		if len(nodes) < 2 || len(nodes) > 6 {
			continue
		}
		var options []site.Option
		for _, to := range f.exchanges(nodes[0]) {
			o := site.Option{Weight: to.weight, Alike: 0.5}
			for _, n := range nodes {
				if b, ok := n.(*ast.BinaryExpr); ok {
					start := f.File.Offset(b.OpPos)
					o.Edits = append(o.Edits, propose.Edit{File: f.File.Name, Start: start, End: start + len(b.Op.String()), New: to.text})
					o.Title = "replace every " + site.Quote(b.Op.String()) + " in the function with " + site.Quote(to.text)
				} else {
					o.Edits = append(o.Edits, f.Replace(n, to.text))
					o.Title = "replace every " + site.Quote(f.Text(n)) + " in the function with " + site.Quote(to.text)
				}
			}
			options = append(options, o)
		}
		if o, ok := f.swapAll(nodes); ok {
			options = append(options, o)
		}
		if !out(nodes[0], options) {
			return
		}
	}
}

// swapAll swaps the operands of every operation in nodes. It returns false if an operation
// is nested in another, or if the order of its operands does not matter: for +, it matters
// only with strings.
func (f *function) swapAll(nodes []ast.Node) (site.Option, bool) {
	o := site.Option{Weight: 1, Alike: 0.6}
	last := token.NoPos
	for _, n := range nodes {
		b, ok := n.(*ast.BinaryExpr)
		if !ok || n.Pos() < last { // nested in the previous one
			return o, false
		}
		last = n.End()
		t := f.TypeOf(b)
		switch b.Op {
		case token.SUB, token.QUO, token.REM, token.SHL, token.SHR:
		case token.ADD:
			basic, ok := types.Default(t).Underlying().(*types.Basic)
			if !ok || basic.Info()&types.IsString == 0 {
				return o, false
			}
		default:
			return o, false
		}
		o.Edits = append(o.Edits, f.Replace(b.X, f.Text(b.Y)), f.Replace(b.Y, f.Text(b.X)))
		o.Title = "swap the operands of every " + site.Quote(b.Op.String()) + " in the function"
	}
	return o, true
}

// exchanges lists the likeliest replacements of a name, operator or literal.
func (f *function) exchanges(n ast.Node) []weighted {
	var out []weighted
	switch n := n.(type) {
	case *ast.BinaryExpr:
		for _, op := range confusedWith[n.Op] {
			out = append(out, weighted{op.String(), 1})
		}
	case *ast.BasicLit:
		for i, v := range f.constantsLike(n) {
			if i < 6 {
				out = append(out, weighted{v, 1})
			}
		}
	case *ast.Ident:
		switch obj := f.Package.Info.Uses[n].(type) {
		case *types.Var:
			if obj.IsField() {
				if sel, ok := f.Parent[n].(*ast.SelectorExpr); ok {
					for _, name := range f.fieldsLike(f.TypeOf(sel.X), obj.Type(), n.Name) {
						out = append(out, weighted{name, similarity(name, n.Name)})
					}
				}
				break
			}
			for _, v := range f.Locals(n.Pos()) {
				if v != obj && types.Identical(v.Type(), obj.Type()) && len(out) < 6 {
					out = append(out, weighted{v.Name(), similarity(v.Name(), n.Name)})
				}
			}
		case *types.Const:
			for _, c := range f.likeConstants(obj) {
				if len(out) < 6 {
					out = append(out, weighted{c, similarity(c, n.Name)})
				}
			}
		case *types.Func:
			if call, ok := f.callOf(n); ok {
				for _, name := range f.siblings(call, obj) {
					if len(out) < 6 {
						out = append(out, weighted{name, similarity(name, n.Name)})
					}
				}
			}
		}
	}
	return out
}

// callOf returns the call of the function that an identifier names.
func (f *function) callOf(id *ast.Ident) (*ast.CallExpr, bool) {
	at := f.Parent[id]
	if sel, ok := at.(*ast.SelectorExpr); ok {
		at = f.Parent[sel]
	}
	call, ok := at.(*ast.CallExpr)
	return call, ok
}
