package propose

import (
	"go/ast"
	"go/types"
	"slices"
)

var templateDonor = Strategy{
	Name:  "template/donor",
	Title: "Replace an expression by another one of its type",
	Text: `Takes the replacement from the same function, the file or the package, nearest
first, and renames its variables to those in scope. Also tries the length of
values around, the first and last element of slices, and parts of slices and
strings.`,
	Before: `type queue struct{ items []int }

func (q *queue) size() int { return len(q.items) }

func (q *queue) room(limit int) int { return limit - cap(q.items) }`,
	After: `type queue struct{ items []int }

func (q *queue) size() int { return len(q.items) }

func (q *queue) room(limit int) int { return limit - len(q.items) }`,
	Share: 4.1, Measured: true,
	Propose: perFunction(donorExpression),
}

// donorExpression replaces an expression by another of its type from nearby.
func donorExpression(f *function, out emit) {
	d := f.donors()
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
		if _, ident := e.(*ast.Ident); !ident { // names are for template/identifier
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

// lengths returns len(x) of the values around for an integer, and the bounds of
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

// elements returns the first and the last of the slices around that hold such values.
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

// parts returns parts of a string or slice: up to and from the integers around, and
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
