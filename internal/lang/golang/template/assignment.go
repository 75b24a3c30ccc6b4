package template

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var assignmentStrategy = propose.Strategy{
	Name:  "template/assignment",
	Title: "Insert an assignment, an increment or a reset",
	Text: `Sets a variable or field used nearby to its zero value or to another value of
its type, or increments or decrements it. Also sets fields from variables of the
same name, and repeats assignments from the package whose names are in scope.`,
	Before: `type version struct{ major, minor, patch int }

func (v *version) bump() {
	v.major++
	v.patch = 0
}`,
	After: `type version struct{ major, minor, patch int }

func (v *version) bump() {
	v.major++
	v.minor = 0
	v.patch = 0
}`,
	Share: 2.8, Measured: true,
	Propose: perFunction(insertAssignment),
}

// insertAssignment sets, resets, increments or decrements a variable or field.
func insertAssignment(f *function, out emit) {
	var assigns []*site.Donor
	for _, d := range f.Donors().Stmts {
		switch d.Node.(type) {
		case *ast.AssignStmt, *ast.IncDecStmt:
			assigns = append(assigns, d)
		}
	}
	f.insertions(func(list []ast.Stmt, i int) {
		place := f.placeAt(list, i)
		var options []site.Option
		add := func(text string, weight, alike float64) {
			options = append(options, site.Option{Weight: weight, Alike: alike, Title: "insert " + site.Quote(text), Edits: []propose.Edit{place(text)}})
		}
		pos := f.insertPos(list, i)
		for _, a := range f.Nearest(assigns, pos, 30, "") {
			add(a.Text, a.Weight, a.Alike)
		}
		for _, s := range f.assignments(list, i, pos) {
			add(s.text, s.weight*0.5, 0.3)
		}
		for _, s := range f.withOtherFields(list, i) {
			add(s, 0.8, 0.7)
		}
		out(f.insertSite(list, i), options)
	})
}

// The assignments to a variable or field, by its kind.
var (
	integerUpdates = []form{{"x++", 1}, {"x--", 0.4}, {"x = 0", 0.6}}
	boolUpdates    = []form{{"x = true", 1}, {"x = false", 0.8}}
	stringUpdates  = []form{{`x = ""`, 0.5}}
	zeroUpdates    = []form{{"x = y", 0.4}} // y is the zero value
)

// updatesFor returns the assignments to a variable or field of a type.
func updatesFor(t types.Type) []form {
	b, ok := t.Underlying().(*types.Basic)
	switch {
	case !ok:
		return zeroUpdates
	case b.Info()&types.IsInteger != 0:
		return integerUpdates
	case b.Info()&types.IsBoolean != 0:
		return boolUpdates
	case b.Info()&types.IsString != 0:
		return stringUpdates
	}
	return nil
}

// assignments returns assignments to the variables and fields used near a place: their
// usual updates, and other values of their type.
func (f *function) assignments(list []ast.Stmt, i int, pos token.Pos) []weighted {
	var out []weighted
	add := func(text string, weight float64) {
		if len(out) < 240 {
			out = append(out, weighted{text, weight})
		}
	}
	used := f.usedIn(list[max(0, i-2):min(i+2, len(list))])
	locals := f.Locals(pos)
	for k, e := range used {
		t := f.TypeOf(e)
		if t == nil || f.declaredLater(e, pos) {
			continue
		}
		text := f.Text(e)
		near := 1 / (1 + 0.2*float64(k))
		if zero := f.Zero(t); zero != "" {
			for _, u := range updatesFor(t) {
				add(u.on(text, zero), u.weight*near)
			}
		}
		n := 0
		for _, v := range locals {
			if n < 4 && v.Name() != text && types.AssignableTo(v.Type(), t) {
				add(text+" = "+v.Name(), 0.5*near/float64(n+1))
				n++
			}
		}
	}
	// Set fields of the receiver and of locals from variables of the same name.
	for k, v := range f.Owners(pos) {
		if k >= 8 {
			break
		}
		for _, field := range f.fieldsOf(v.Type()) {
			for _, w := range locals {
				if w != v && types.AssignableTo(w.Type(), field.Type()) && strings.EqualFold(w.Name(), field.Name()) {
					add(v.Name()+"."+field.Name()+" = "+w.Name(), 1)
				}
			}
			if site.IsBool(field.Type()) {
				near := 0.6 / (1 + 0.5*float64(k))
				add(v.Name()+"."+field.Name()+" = true", near)
				add(v.Name()+"."+field.Name()+" = false", near/2)
			}
		}
	}
	return out
}

// withOtherFields returns the assignments near a place with the field replaced by another
// of its type: for x.patch = 0 it returns x.minor = 0.
func (f *function) withOtherFields(list []ast.Stmt, i int) []string {
	var out []string
	for _, s := range list[max(0, i-2):min(i+2, len(list))] {
		a, ok := s.(*ast.AssignStmt)
		if !ok || len(a.Lhs) != 1 || a.Tok == token.DEFINE {
			continue
		}
		sel, ok := a.Lhs[0].(*ast.SelectorExpr)
		if !ok || f.TypeOf(sel) == nil {
			continue
		}
		for _, name := range f.fieldsLike(f.TypeOf(sel.X), f.TypeOf(sel), sel.Sel.Name) {
			out = append(out, f.Text(sel.X)+"."+name+" "+a.Tok.String()+" "+f.Text(a.Rhs[0]))
			if rhs, ok := a.Rhs[0].(*ast.SelectorExpr); ok && rhs.Sel.Name == sel.Sel.Name {
				out = append(out, f.Text(sel.X)+"."+name+" "+a.Tok.String()+" "+f.Text(rhs.X)+"."+name)
			}
		}
	}
	return out
}
