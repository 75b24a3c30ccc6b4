package propose

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// donorExpression is row 6: an expression for another of its type from nearby.
func donorExpression(f *function, out emit) {
	d := f.pkg.donorsOf()
	f.exprs(func(e ast.Expr) {
		t := f.typeOf(e)
		if t == nil || isBool(t) || len(f.text(e)) > maxDonorText {
			return
		}
		if b, ok := t.(*types.Basic); ok && b.Kind() == types.UntypedNil {
			return
		}
		var options []option
		own := f.text(e)
		for _, a := range f.nearest(d.exprs[typeKey(t)], e.Pos(), 25, own) {
			options = append(options, option{weight: a.weight, alike: a.alike, title: replaceTitle(own, a.text), edits: []Edit{f.replace(e, a.text)}})
		}
		if _, ident := e.(*ast.Ident); !ident { // for names this is row 3
			for i, v := range f.locals(e.Pos()) {
				if i < 15 && types.AssignableTo(v.Type(), t) && v.Name() != own {
					options = append(options, option{weight: 0.5, removed: 0.1, alike: 0.5, title: replaceTitle(own, v.Name()), edits: []Edit{f.replace(e, v.Name())}})
				}
			}
		}
		for _, s := range slices.Concat(f.lengths(e, t), f.parts(e, t), f.elements(e, t)) {
			options = append(options, option{weight: s.weight, alike: 0.4, title: replaceTitle(own, s.text), edits: []Edit{f.replace(e, s.text)}})
		}
		out(e, options)
	})
}

// lengths gives len(x) of the values around for an integer, and the bounds of
// slicing.
func (f *function) lengths(e ast.Expr, t types.Type) []weighted {
	b, ok := t.Underlying().(*types.Basic)
	if !ok || b.Info()&types.IsInteger == 0 {
		return nil
	}
	var out []weighted
	for i, v := range f.locals(e.Pos()) {
		if i < 8 && hasLen(v.Type()) {
			text := "len(" + v.Name() + ")"
			if text != f.text(e) {
				out = append(out, weighted{text, 0.3}, weighted{text + "-1", 0.15})
			}
		}
	}
	return out
}

// elements gives the first and the last of the slices around that hold such values.
func (f *function) elements(e ast.Expr, t types.Type) []weighted {
	var out []weighted
	add := func(list string, of types.Type, weight float64) {
		s, ok := of.Underlying().(*types.Slice)
		if !ok || !types.Identical(s.Elem(), t) || len(out) >= 12 {
			return
		}
		for _, text := range []string{list + "[0]", list + "[len(" + list + ")-1]"} {
			if text != f.text(e) {
				out = append(out, weighted{text, weight})
			}
		}
	}
	for i, v := range f.owners(e.Pos()) {
		if i >= 8 {
			break
		}
		near := 0.3 / (1 + 0.2*float64(i))
		add(v.Name(), v.Type(), near)
		for _, field := range f.fieldsOf(v.Type()) {
			add(v.Name()+"."+field.Name(), field.Type(), near)
		}
	}
	return out
}

// parts gives parts of a string or slice: up to and from the integers around, and
// the other end of what is indexed.
func (f *function) parts(e ast.Expr, t types.Type) []weighted {
	var out []weighted
	own := f.text(e)
	if ix, ok := e.(*ast.IndexExpr); ok {
		if x := f.typeOf(ix.X); x != nil && hasLen(x) {
			if _, isMap := x.Underlying().(*types.Map); !isMap {
				text := f.text(ix.X)
				out = append(out, weighted{text + "[0]", 0.5}, weighted{text + "[len(" + text + ")-1]", 0.5})
			}
		}
	}
	sliceable := isPath(e)
	switch u := t.Underlying().(type) {
	case *types.Slice:
	case *types.Basic:
		sliceable = sliceable && u.Info()&types.IsString != 0
	default:
		sliceable = false
	}
	if _, isIndexed := f.parent[e].(*ast.IndexExpr); !sliceable || isIndexed {
		return out
	}
	for i, v := range f.locals(e.Pos()) {
		if b, ok := v.Type().Underlying().(*types.Basic); ok && i < 12 && b.Kind() == types.Int {
			near := 0.3 / (1 + 0.1*float64(i))
			out = append(out, weighted{own + "[:" + v.Name() + "]", near}, weighted{own + "[" + v.Name() + ":]", near}, weighted{own + "[" + v.Name() + "+1:]", near / 2})
		}
	}
	return append(out, weighted{own + "[1:]", 0.15}, weighted{own + "[:len(" + own + ")-1]", 0.15})
}

// wrapCall is row 7: an expression lacks a call or conversion around it. The call
// is one that the package makes already, or a function of what the file imports.
func wrapCall(f *function, out emit) {
	calls := f.pkg.donorsOf().calls
	f.exprs(func(e ast.Expr) {
		t := f.typeOf(e)
		own := f.text(e)
		if t == nil || len(own) > maxDonorText {
			return
		}
		byText := make(map[string]bool)
		var options []option
		add := func(text string, weight, alike float64) {
			if !byText[text] {
				byText[text] = true
				options = append(options, option{weight: weight, alike: alike, title: replaceTitle(own, text), edits: []Edit{f.replace(e, text)}})
			}
		}
		for _, d := range calls {
			call := d.node.(*ast.CallExpr)
			if !types.AssignableTo(d.typ, types.Default(t)) && !types.Identical(d.typ.Underlying(), types.Default(t).Underlying()) {
				continue
			}
			for i, arg := range call.Args {
				at := f.pkg.Info.TypeOf(arg)
				if at == nil || !types.AssignableTo(types.Default(t), at) {
					continue
				}
				for _, text := range f.holed(d, arg, own, e.Pos()) {
					add(text.text, text.weight/float64(i+1), text.alike)
				}
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && len(call.Args) <= 1 {
				if xt := f.pkg.Info.TypeOf(sel.X); xt != nil && f.pkg.Info.Types[sel.X].IsValue() && types.Identical(xt, types.Default(t)) && isOperand(e) {
					for _, text := range f.holed(d, sel.X, own, e.Pos()) {
						add(text.text, text.weight, text.alike)
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

// holed is a donor with one of its parts replaced by other text.
func (f *function) holed(d *donor, part ast.Expr, text string, pos token.Pos) []adapted {
	start := int(part.Pos() - d.node.Pos())
	end := start + int(part.End()-part.Pos())
	h := *d
	h.free = nil
	h.text = d.text[:start] + "\x00" + d.text[end:]
	shift := 1 - (end - start)
	for _, n := range d.free {
		switch {
		case n.end <= start:
			h.free = append(h.free, n)
		case n.start >= end:
			n.start, n.end = n.start+shift, n.end+shift
			h.free = append(h.free, n)
		}
	}
	out := f.adapt(&h, pos)
	for i := range out {
		out[i].text = strings.Replace(out[i].text, "\x00", text, 1)
	}
	return out
}

// unary lists the functions of one argument that give back a type: those of the
// package, of the packages that the file imports, and conversions.
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
	for _, name := range f.pkg.Types.Scope().Names() {
		fits("", f.pkg.Types.Scope().Lookup(name), 0.4)
	}
	for _, spec := range f.file.Syntax.Imports {
		imp := f.pkg.imported[strings.Trim(spec.Path.Value, `"`)]
		name := ""
		if imp != nil {
			name = f.importName(imp.Path())
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

// nullary lists the methods without arguments that give back their own type.
func (f *function) nullary(t types.Type) []string {
	var out []string
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		fn, ok := set.At(i).Obj().(*types.Func)
		if !ok || (!fn.Exported() && fn.Pkg() != f.pkg.Types) {
			continue
		}
		sig := fn.Signature()
		if sig.Params().Len() == 0 && sig.Results().Len() == 1 && types.Identical(sig.Results().At(0).Type(), t) {
			out = append(out, fn.Name())
		}
	}
	return out
}

// changeArguments is row 8 and the swaps of row 20.
func changeArguments(f *function, out emit) {
	d := f.pkg.donorsOf()
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

// changeNumber is row 13: a number or a bound off by one, or another number of
// the function.
func changeNumber(f *function, out emit) {
	numbers := f.numbers()
	f.exprs(func(e ast.Expr) {
		t := f.typeOf(e)
		if t == nil {
			return
		}
		b, ok := t.Underlying().(*types.Basic)
		if !ok || b.Info()&types.IsNumeric == 0 {
			return
		}
		own := f.text(e)
		var options []option
		add := func(text string, weight float64) {
			if text != own && !slices.ContainsFunc(options, func(o option) bool { return o.edits[0].New == text }) {
				options = append(options, option{weight: weight, alike: 0.5, title: replaceTitle(own, text), edits: []Edit{f.replace(e, text)}})
			}
		}
		if lit, ok := e.(*ast.BasicLit); ok {
			if lit.Kind == token.CHAR {
				for i, other := range f.constantsLike(lit) {
					add(other, 1/(1+0.2*float64(i)))
				}
				out(e, options)
				return
			}
			if lit.Kind == token.INT {
				if v, err := strconv.ParseInt(lit.Value, 0, 64); err == nil {
					for _, n := range []int64{v + 1, v - 1} {
						if n >= 0 {
							add(sameBase(lit.Value, n), 1)
						}
					}
					for _, n := range []int64{0, 1, 2} {
						add(strconv.FormatInt(n, 10), 0.5)
					}
					if _, negated := f.parent[e].(*ast.UnaryExpr); !negated {
						add("-1", 0.2)
					}
					add(sameBase(lit.Value, v*2), 0.15)
					add(sameBase(lit.Value, v/2), 0.15)
					add(sameBase(lit.Value, v*10), 0.1)
					add(sameBase(lit.Value, v/10), 0.1)
				}
			}
			for i, n := range numbers {
				if i < 12 && (lit.Kind == token.FLOAT) == strings.ContainsAny(n, ".e") {
					add(n, 0.3/(1+0.2*float64(i)))
				}
			}
			out(e, options)
			return
		}
		if b.Info()&types.IsInteger == 0 {
			return
		}
		// A bound: x becomes x+1 or x-1, and x±1 becomes x.
		if bin, ok := e.(*ast.BinaryExpr); ok && (bin.Op == token.ADD || bin.Op == token.SUB) {
			if tv := f.pkg.Info.Types[bin.Y]; tv.Value != nil && constant.Compare(tv.Value, token.EQL, constant.MakeInt64(1)) {
				options = append(options, option{weight: 1.5, removed: 0.1, alike: 0.6, title: replaceTitle(own, f.text(bin.X)), edits: []Edit{f.replace(e, f.text(bin.X))}})
			}
		}
		weight := 0.35
		if isBound(f.parent[e], e) {
			weight = 0.7
		}
		if id, isLen := e.(*ast.CallExpr); isLen && f.text(id.Fun) != "len" {
			weight = 0.05 // results of calls are seldom off by one
		}
		space := " "
		if _, inside := f.parent[e].(*ast.BinaryExpr); inside || isBound(f.parent[e], e) {
			space = ""
		}
		add(own+space+"+"+space+"1", weight)
		add(own+space+"-"+space+"1", weight)
		out(e, options)
	})
}

// isBound tells whether e bounds or indexes something.
func isBound(parent ast.Node, e ast.Expr) bool {
	switch p := parent.(type) {
	case *ast.SliceExpr:
		return p.X != e
	case *ast.IndexExpr:
		return p.Index == e
	}
	return false
}

// sameBase writes a number in the base that another is written in.
func sameBase(like string, n int64) string {
	switch l := strings.ToLower(like); {
	case n < 0:
		return strconv.FormatInt(n, 10)
	case strings.HasPrefix(l, "0x"):
		return fmt.Sprintf("0x%x", n)
	case strings.HasPrefix(l, "0b"):
		return fmt.Sprintf("0b%b", n)
	}
	return strconv.FormatInt(n, 10)
}

// numbers are the number literals of the function, then of the file.
func (f *function) numbers() []string {
	var out []string
	collect := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && (lit.Kind == token.INT || lit.Kind == token.FLOAT) && !slices.Contains(out, lit.Value) {
				out = append(out, lit.Value)
			}
			return true
		})
	}
	collect(f.body)
	collect(f.file.Syntax)
	return out
}

// unwrapCall is row 20: a call around an expression too many, operands in the
// wrong order.
func unwrapCall(f *function, out emit) {
	f.exprs(func(e ast.Expr) {
		own := f.text(e)
		var options []option
		switch e := e.(type) {
		case *ast.CallExpr:
			t := f.typeOf(e)
			for _, arg := range e.Args {
				if at := f.typeOf(arg); t != nil && at != nil && types.AssignableTo(types.Default(at), t) {
					options = append(options, option{weight: 1, removed: 0.3, alike: 0.5, title: replaceTitle(own, f.text(arg)), edits: []Edit{f.replace(e, f.text(arg))}})
				}
			}
			if sel, ok := e.Fun.(*ast.SelectorExpr); ok && f.pkg.Info.Types[sel.X].IsValue() {
				if xt := f.typeOf(sel.X); t != nil && xt != nil && types.AssignableTo(xt, t) {
					options = append(options, option{weight: 1, removed: 0.3, alike: 0.5, title: replaceTitle(own, f.text(sel.X)), edits: []Edit{f.replace(e, f.text(sel.X))}})
				}
			}
		case *ast.BinaryExpr:
			switch e.Op {
			case token.LAND, token.LOR: // row 20's dropped clause is a strategy of its own
			// A comparison the other way round is row 19's.
			case token.SUB, token.QUO, token.REM, token.SHL, token.SHR, token.ADD:
				options = append(options, option{weight: 0.7, alike: 0.7, title: "swap the operands of " + quote(own), edits: []Edit{f.replace(e.X, f.text(e.Y)), f.replace(e.Y, f.text(e.X))}})
				fallthrough
			default:
				if t := f.typeOf(e); t != nil && !isBool(t) {
					options = append(options,
						option{weight: 0.7, removed: 0.3, alike: 0.5, title: replaceTitle(own, f.text(e.X)), edits: []Edit{f.replace(e, f.text(e.X))}},
						option{weight: 0.5, removed: 0.3, alike: 0.5, title: replaceTitle(own, f.text(e.Y)), edits: []Edit{f.replace(e, f.text(e.Y))}})
				}
			}
		case *ast.SliceExpr:
			if e.Low != nil {
				options = append(options, option{weight: 0.6, removed: 0.2, alike: 0.5, title: "drop the lower bound of " + quote(own), edits: []Edit{f.replace(e.Low, "")}})
			}
			if e.High != nil && e.Max == nil {
				options = append(options, option{weight: 0.6, removed: 0.2, alike: 0.5, title: "drop the upper bound of " + quote(own), edits: []Edit{f.replace(e.High, "")}})
			}
			if e.Low != nil && e.High == nil && !e.Slice3 {
				low := f.text(e.Low)
				options = append(options, option{weight: 0.6, alike: 0.5, title: "slice up to " + quote(low) + " instead of from it", edits: []Edit{f.replace(e, f.text(e.X)+"[:"+low+"]")}})
			}
			if e.Low == nil && e.High != nil && !e.Slice3 {
				high := f.text(e.High)
				options = append(options, option{weight: 0.6, alike: 0.5, title: "slice from " + quote(high) + " instead of up to it", edits: []Edit{f.replace(e, f.text(e.X)+"["+high+":]")}})
			}
		case *ast.UnaryExpr, *ast.StarExpr:
			return
		}
		out(e, options)
	})
	ast.Inspect(f.body, func(n ast.Node) bool { // a, b = b, a
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 2 {
			swap := []Edit{f.replace(a.Lhs[0], f.text(a.Lhs[1])), f.replace(a.Lhs[1], f.text(a.Lhs[0]))}
			out(a, []option{{weight: 1, alike: 0.6, title: "swap the left sides of " + quote(f.text(a)), edits: swap}})
		}
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) >= 2 {
			swap := []Edit{f.replace(r.Results[0], f.text(r.Results[1])), f.replace(r.Results[1], f.text(r.Results[0]))}
			out(r, []option{{weight: 1, alike: 0.6, title: "swap the first two results of " + quote(f.text(r)), edits: swap}})
		}
		return true
	})
}
