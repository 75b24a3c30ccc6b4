package template

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var compositeStrategy = propose.Strategy{
	Name:  "template/composite",
	Title: "Add an element to a composite literal",
	Text: `Sets a field that is missing from a struct literal, to a variable or field of
the same name or another value of its type, or appends an element to a slice
literal.`,
	Before: `type user struct{ name, mail string }

func newUser(name, mail string) *user {
	return &user{name: name}
}`,
	After: `type user struct{ name, mail string }

func newUser(name, mail string) *user {
	return &user{name: name, mail: mail}
}`,
	Share: 1.3, Measured: true,
	Propose: perFunction(extendComposite),
}

// extendComposite adds an element to a composite literal.
func extendComposite(f *function, out emit) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || f.TypeOf(lit) == nil {
			return true
		}
		var options []site.Option
		add := func(element string, weight float64) {
			options = append(options, site.Option{
				Weight: weight, Alike: 0.4, Title: "add " + site.Quote(element) + " to " + site.Quote(f.Text(lit)),
				Edits: []propose.Edit{f.element(lit, element)},
			})
		}
		t := f.TypeOf(lit).Underlying()
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem().Underlying()
		}
		switch t := t.(type) {
		case *types.Struct:
			has := make(map[string]bool)
			for _, e := range lit.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok {
					return true // elements without keys set every field
				}
				has[f.Text(kv.Key)] = true
			}
			for i := range t.NumFields() {
				field := t.Field(i)
				if has[field.Name()] || field.Name() == "_" || (!field.Exported() && field.Pkg() != f.Package.Types) {
					continue
				}
				for _, v := range f.values(field.Type(), field.Name(), lit.Pos()) {
					add(field.Name()+": "+v.text, v.weight)
				}
			}
		case *types.Slice:
			for _, v := range f.values(t.Elem(), "", lit.Pos()) {
				add(v.text, v.weight*0.5)
			}
		}
		return out(lit, options)
	})
}

// values returns values for a field of a type. One with the field's name weighs most.
func (f *function) values(t types.Type, name string, pos token.Pos) []weighted {
	var out []weighted
	for i, v := range f.Owners(pos) {
		if i >= 20 {
			break
		}
		if types.AssignableTo(v.Type(), t) {
			w := 0.5
			if strings.EqualFold(v.Name(), name) {
				w = 2
			}
			out = append(out, weighted{v.Name(), w})
		}
		for _, field := range f.fieldsOf(v.Type()) {
			if types.AssignableTo(field.Type(), t) && strings.EqualFold(field.Name(), name) {
				out = append(out, weighted{v.Name() + "." + field.Name(), 1.5})
			}
		}
	}
	if site.IsBool(t) {
		out = append(out, weighted{"true", 0.7})
	}
	for _, a := range f.Nearest(f.Donors().Exprs[site.TypeKey(t)], pos, 8, "") {
		out = append(out, weighted{a.Text, a.Weight * 0.4})
	}
	for i, c := range f.constants(t, "") {
		if i < 8 {
			out = append(out, weighted{c, 0.3})
		}
	}
	return out
}

// element returns the edit that adds an element to a literal and keeps its layout. A
// field goes where the type declares it, any other element at the end.
func (f *function) element(lit *ast.CompositeLit, text string) propose.Edit {
	at := f.File.Offset(lit.Rbrace)
	if len(lit.Elts) == 0 {
		return propose.Edit{File: f.File.Name, Start: at, End: at, New: text}
	}
	last := lit.Elts[len(lit.Elts)-1]
	if next := f.following(lit, text); next != nil {
		at := f.File.Offset(next.Pos())
		sep := " "
		if f.File.Line(next.Pos()) != f.File.Line(lit.Lbrace) {
			sep = "\n" + f.Indent(at)
		}
		return propose.Edit{File: f.File.Name, Start: at, End: at, New: text + "," + sep}
	}
	end := f.File.Offset(last.End())
	if f.File.Line(last.End()) != f.File.Line(lit.Rbrace) {
		indent := f.Indent(f.File.Offset(last.Pos()))
		return propose.Edit{File: f.File.Name, Start: end, End: end, New: ",\n" + indent + text}
	}
	return propose.Edit{File: f.File.Name, Start: end, End: end, New: ", " + text}
}

// following returns the first element of a struct literal whose field the type declares
// after the field of a new element, or nil.
func (f *function) following(lit *ast.CompositeLit, element string) ast.Expr {
	name, _, keyed := strings.Cut(element, ":")
	order := make(map[string]int)
	for i, field := range f.fieldsOf(f.TypeOf(lit)) {
		order[field.Name()] = i + 1
	}
	if !keyed || order[name] == 0 {
		return nil
	}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && order[f.Text(kv.Key)] > order[name] {
			return kv
		}
	}
	return nil
}
