package template

import (
	"go/ast"
	"go/types"
	"slices"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var donorStrategy = propose.Strategy{
	Name:  "template/donor",
	Title: "Replace an expression with another of the same type",
	Text: `Takes the replacement from the same function, then the file, then the package,
and renames its variables to those in scope. Also tries the lengths of nearby
values, the first and last elements of slices, and subslices and substrings.`,
	Before: `type queue struct{ items []int }

func (q *queue) size() int { return len(q.items) }

func (q *queue) room(limit int) int { return limit - cap(q.items) }`,
	After: `type queue struct{ items []int }

func (q *queue) size() int { return len(q.items) }

func (q *queue) room(limit int) int { return limit - len(q.items) }`,
	Share: 4.1, Measured: true,
	Propose: perFunction(donorExpression),
}

// donorExpression replaces an expression with another of its type from nearby code.
func donorExpression(f *function, out emit) {
	d := f.Donors()
	f.Exprs(func(e ast.Expr) {
		t := f.TypeOf(e)
		if t == nil || site.IsBool(t) || len(f.Text(e)) > site.MaxDonorText {
			return
		}
		if b, ok := t.(*types.Basic); ok && b.Kind() == types.UntypedNil {
			return
		}
		var options []site.Option
		own := f.Text(e)
		for _, a := range f.Nearest(d.Exprs[site.TypeKey(t)], e.Pos(), 25, own) {
			options = append(options, site.Option{Weight: a.Weight, Alike: a.Alike, Title: site.ReplaceTitle(own, a.Text), Edits: []propose.Edit{f.Replace(e, a.Text)}})
		}
		if _, ident := e.(*ast.Ident); !ident { // names are for template/identifier
			for i, v := range f.Locals(e.Pos()) {
				if i < 15 && types.AssignableTo(v.Type(), t) && v.Name() != own {
					options = append(options, site.Option{Weight: 0.5, Removed: 0.1, Alike: 0.5, Title: site.ReplaceTitle(own, v.Name()), Edits: []propose.Edit{f.Replace(e, v.Name())}})
				}
			}
		}
		for _, s := range slices.Concat(f.lengths(e, t), f.parts(e, t), f.elements(e, t)) {
			options = append(options, site.Option{Weight: s.weight, Alike: 0.4, Title: site.ReplaceTitle(own, s.text), Edits: []propose.Edit{f.Replace(e, s.text)}})
		}
		out(e, options)
	})
}

// lengths returns len(x) and len(x)-1 of nearby values, to replace an integer.
func (f *function) lengths(e ast.Expr, t types.Type) []weighted {
	b, ok := t.Underlying().(*types.Basic)
	if !ok || b.Info()&types.IsInteger == 0 {
		return nil
	}
	var out []weighted
	for i, v := range f.Locals(e.Pos()) {
		if i < 8 && site.HasLen(v.Type()) {
			text := "len(" + v.Name() + ")"
			if text != f.Text(e) {
				out = append(out, weighted{text, 0.3}, weighted{text + "-1", 0.15})
			}
		}
	}
	return out
}

// elements returns the first and last elements of nearby slices with this element type.
func (f *function) elements(e ast.Expr, t types.Type) []weighted {
	var out []weighted
	add := func(list string, of types.Type, weight float64) {
		s, ok := of.Underlying().(*types.Slice)
		if !ok || !types.Identical(s.Elem(), t) || len(out) >= 12 {
			return
		}
		for _, text := range []string{list + "[0]", list + "[len(" + list + ")-1]"} {
			if text != f.Text(e) {
				out = append(out, weighted{text, weight})
			}
		}
	}
	for i, v := range f.Owners(e.Pos()) {
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

// parts returns subslices and substrings of e, bounded by nearby integers, and the first
// and last elements of what e indexes.
func (f *function) parts(e ast.Expr, t types.Type) []weighted {
	var out []weighted
	own := f.Text(e)
	if ix, ok := e.(*ast.IndexExpr); ok {
		if x := f.TypeOf(ix.X); x != nil && site.HasLen(x) {
			if _, isMap := x.Underlying().(*types.Map); !isMap {
				text := f.Text(ix.X)
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
	if _, isIndexed := f.Parent[e].(*ast.IndexExpr); !sliceable || isIndexed {
		return out
	}
	for i, v := range f.Locals(e.Pos()) {
		if b, ok := v.Type().Underlying().(*types.Basic); ok && i < 12 && b.Kind() == types.Int {
			near := 0.3 / (1 + 0.1*float64(i))
			out = append(out, weighted{own + "[:" + v.Name() + "]", near}, weighted{own + "[" + v.Name() + ":]", near}, weighted{own + "[" + v.Name() + "+1:]", near / 2})
		}
	}
	return append(out, weighted{own + "[1:]", 0.15}, weighted{own + "[:len(" + own + ")-1]", 0.15})
}
