package compile

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

var methodStrategy = propose.Strategy{
	Name:  "compile/method",
	Title: "Rename or add a method that an interface requires",
	Text: `Renames a method with the same signature and a similar name, or adds a method
that returns zero values. An added method is only a stub: it needs review, and
--apply auto does not apply it.`,
	Before: `type shape interface {
	area() int
	sides() int
}

type square struct{ a int }

func (s square) area() int { return s.a * s.a }

var unit shape = square{1}`,
	After: `type shape interface {
	area() int
	sides() int
}

type square struct{ a int }

func (s square) area() int { return s.a * s.a }

func (s square) sides() int {
	return 0
}

var unit shape = square{1}`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/method"),
}

var methodFixers = []fixer{
	{"compile/method", []errorCode{invalidIfaceAssign}, fixMissingMethod},
}

// fixMissingMethod adds the method that an interface requires to a type: it renames a
// similarly named one, or inserts a stub for the user to fill in.
func fixMissingMethod(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	e := at.expr()
	if e == nil {
		return nil
	}
	target, _ := at.target(e)
	if target == nil {
		return nil
	}
	iface, ok := target.Underlying().(*types.Interface)
	from := at.typeOf(e)
	if !ok {
		return nil
	}
	missing, wrong := types.MissingMethod(from, iface, true)
	named, isNamed := types.Unalias(deref(from)).(*types.Named)
	if missing == nil || wrong || !isNamed || cs.st.c.plain[pkgPath(named.Obj())] == nil {
		return nil
	}
	if obj, _, _ := types.LookupFieldOrMethod(types.NewPointer(named), true, at.Package.Types, missing.Name()); obj != nil {
		return nil // the pointer type has it: see fixAssigned
	}
	var out []site.Option
	for m := range types.NewMethodSet(types.NewPointer(named)).Methods() {
		fn, ok := m.Obj().(*types.Func)
		near := closeness(missing.Name(), m.Obj().Name())
		if !ok || near == 0 || !types.Identical(stripped(fn.Signature()), stripped(missing.Signature())) {
			continue
		}
		if edits := cs.st.rename(fn, missing.Name()); len(edits) > 0 {
			out = append(out, site.Option{Weight: near, Alike: 1, Title: fmt.Sprintf("rename %s to %s", site.Quote(fn.Name()), site.Quote(missing.Name())), Edits: edits})
		}
	}
	if o, ok := cs.st.stub(named, missing, from); ok {
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b site.Option) int { return cmp.Compare(b.Weight, a.Weight) })
	return out
}

func pkgPath(obj types.Object) string {
	if obj.Pkg() == nil {
		return ""
	}
	return obj.Pkg().Path()
}

// stripped returns a signature without its receiver.
func stripped(sig *types.Signature) *types.Signature {
	return types.NewSignatureType(nil, nil, nil, sig.Params(), sig.Results(), sig.Variadic())
}

// stub returns the option to add a method that returns zero values.
func (s *state) stub(named *types.Named, missing *types.Func, from types.Type) (site.Option, bool) {
	dir, key, ok := s.keyOf(named.Obj())
	if !ok || named.TypeParams().Len() > 0 {
		return site.Option{}, false
	}
	f, d, ok := s.current(dir, key)
	if !ok || d.end == 0 {
		return site.Option{}, false
	}
	var unit *unit
	for _, n := range s.c.nodes {
		if slices.Contains(n.files, f.Name) && (n.failing || unit == nil) {
			unit = s.unit(n)
		}
	}
	in := &site.Function{Problem: s.c.p, Package: unit.Package, File: f}
	recv, star := strings.ToLower(key[:1]), ""
	pointer := isPointer(from)
	end := d.end
	for _, file := range unit.Files {
		for _, decl := range file.Syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || source.Receiver(fn) != key {
				continue
			}
			if len(fn.Recv.List[0].Names) == 1 && fn.Recv.List[0].Names[0].Name != "_" {
				recv = fn.Recv.List[0].Names[0].Name
			}
			if file.Name == f.Name {
				end = max(end, file.Offset(fn.End()))
			}
		}
	}
	if pointer {
		star = "*"
	}
	sig, ok := in.TypeText(stripped(missing.Signature()))
	if !ok {
		return site.Option{}, false
	}
	var values []string
	for v := range missing.Signature().Results().Variables() {
		zero := in.Zero(v.Type())
		if zero == "" {
			return site.Option{}, false
		}
		values = append(values, zero)
	}
	body := "{}"
	if len(values) > 0 {
		body = "{\n\treturn " + strings.Join(values, ", ") + "\n}"
	}
	text := fmt.Sprintf("\n\nfunc (%s %s%s) %s%s %s", recv, star, key, missing.Name(), strings.TrimPrefix(sig, "func"), body)
	return site.Option{
		Weight: 0.2, Review: true, Title: fmt.Sprintf("add a stub of method %s to %s", site.Quote(missing.Name()), site.Quote(key)),
		Edits: []propose.Edit{{File: f.Name, Start: end, End: end, New: text}},
	}, true
}
