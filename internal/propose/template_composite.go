package propose

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

var templateComposite = Strategy{
	Name:  "template/composite",
	Title: "Add an element to a composite literal",
	Text: `Sets a field that a struct literal leaves out, from a variable or field of the
same name or another value of its type, or appends an element to a slice
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

// extendComposite adds an element that a literal lacks.
func extendComposite(f *function, out emit) {
	ast.Inspect(f.body, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || f.typeOf(lit) == nil {
			return true
		}
		var options []option
		add := func(element string, weight float64) {
			options = append(options, option{
				weight: weight, alike: 0.4, title: "add " + quote(element) + " to " + quote(f.text(lit)),
				edits: []Edit{f.element(lit, element)},
			})
		}
		t := f.typeOf(lit).Underlying()
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem().Underlying()
		}
		switch t := t.(type) {
		case *types.Struct:
			has := make(map[string]bool)
			for _, e := range lit.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok {
					return true // positional: complete already
				}
				has[f.text(kv.Key)] = true
			}
			for i := range t.NumFields() {
				field := t.Field(i)
				if has[field.Name()] || field.Name() == "_" || (!field.Exported() && field.Pkg() != f.pkg.Types) {
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

// values returns what a field of a type could be set to, best the one of its name.
func (f *function) values(t types.Type, name string, pos token.Pos) []weighted {
	var out []weighted
	for i, v := range f.owners(pos) {
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
	if isBool(t) {
		out = append(out, weighted{"true", 0.7})
	}
	for _, a := range f.nearest(f.donors().exprs[typeKey(t)], pos, 8, "") {
		out = append(out, weighted{a.text, a.weight * 0.4})
	}
	for i, c := range f.constants(t, "") {
		if i < 8 {
			out = append(out, weighted{c, 0.3})
		}
	}
	return out
}

// element is the edit that adds an element to a literal in its own layout: a field
// where the type has it, anything else at the end.
func (f *function) element(lit *ast.CompositeLit, text string) Edit {
	at := f.file.Offset(lit.Rbrace)
	if len(lit.Elts) == 0 {
		return Edit{File: f.file.Name, Start: at, End: at, New: text}
	}
	last := lit.Elts[len(lit.Elts)-1]
	if next := f.following(lit, text); next != nil {
		at := f.file.Offset(next.Pos())
		sep := " "
		if f.file.Line(next.Pos()) != f.file.Line(lit.Lbrace) {
			sep = "\n" + f.indent(at)
		}
		return Edit{File: f.file.Name, Start: at, End: at, New: text + "," + sep}
	}
	end := f.file.Offset(last.End())
	if f.file.Line(last.End()) != f.file.Line(lit.Rbrace) {
		indent := f.indent(f.file.Offset(last.Pos()))
		return Edit{File: f.file.Name, Start: end, End: end, New: ",\n" + indent + text}
	}
	return Edit{File: f.file.Name, Start: end, End: end, New: ", " + text}
}

// following is the first element of a struct literal whose field stands behind that
// of a new element in the type, or nil.
func (f *function) following(lit *ast.CompositeLit, element string) ast.Expr {
	name, _, keyed := strings.Cut(element, ":")
	order := make(map[string]int)
	for i, field := range f.fieldsOf(f.typeOf(lit)) {
		order[field.Name()] = i + 1
	}
	if !keyed || order[name] == 0 {
		return nil
	}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && order[f.text(kv.Key)] > order[name] {
			return kv
		}
	}
	return nil
}
