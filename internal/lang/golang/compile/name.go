package compile

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var nameStrategy = propose.Strategy{
	Name:  "compile/name",
	Title: "Replace an unknown name with the closest known name",
	Text: `Searches the names in scope, the fields and methods of the type, and the
exports of an imported package. Likely typos come first, then names that share
words. If a test uses the unknown name, renames a similar declaration instead.`,
	Before: `type user struct {
	Name  string
	Email string
}

func (u *user) label() string {
	return u.Name + " <" + u.Emial + ">"
}`,
	After: `type user struct {
	Name  string
	Email string
}

func (u *user) label() string {
	return u.Name + " <" + u.Email + ">"
}`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/name"),
}

var nameFixers = []fixer{
	{"compile/name", nameCodes, fixName},
}

// fixName replaces an unknown name with the most similar names that can be used in its
// place. If a test uses the name, the test is taken to be right and a declaration is
// renamed.
func fixName(_ context.Context, cs *cause) []site.Option {
	var out []site.Option
	if sites := cs.editable(); len(sites) > 0 && sites[0].ident() != nil {
		id := sites[0].ident()
		for _, sp := range nearestNames(sites[0].spellings(id)) {
			out = append(out, respell(sites, sp))
		}
		out = append(out, otherOperand(sites)...)
	}
	if cs.readOnly() {
		out = append(out, cs.sites[0].renameDeclared()...)
	}
	return out
}

// nearestNames returns the likeliest spellings, without duplicates.
func nearestNames(list []spelling) []spelling {
	slices.SortStableFunc(list, func(a, b spelling) int { return cmp.Compare(b.weight, a.weight) })
	seen := make(map[string]bool)
	list = slices.DeleteFunc(list, func(s spelling) bool {
		again := seen[s.text]
		seen[s.text] = true
		return again || s.weight <= 0
	})
	return list[:min(len(list), maxSpellings)]
}

const (
	maxSpellings   = 10
	typeOnlyWeight = 0.04 // of a name that fits only by its type
)

// spellings lists the names that the unknown name may be a misspelling of.
func (at *errorSite) spellings(id *ast.Ident) []spelling {
	var out []spelling
	switch parent := at.path[1].(type) {
	case *ast.SelectorExpr:
		if parent.Sel != id {
			break
		}
		if pkg := at.qualifier(); pkg != nil {
			for _, name := range pkg.Scope().Names() {
				if token.IsExported(name) || pkg == at.Package.Types {
					out = append(out, spelling{name, closeness(id.Name, name)})
				}
			}
			return out
		}
		return at.members(at.receiver(), id.Name)
	case *ast.KeyValueExpr:
		if at.err.code == missingLitField {
			return at.members(at.receiver(), id.Name)
		}
	}
	for _, obj := range at.inScope(id.Pos()) {
		weight := closeness(id.Name, obj.Name()) * at.fit(id, obj)
		if v, ok := obj.(*types.Var); ok && weight == 0 && v.Parent() != at.Package.Types.Scope() {
			weight = typeOnlyWeight * at.fit(id, obj)
		}
		out = append(out, spelling{obj.Name(), weight})
	}
	return out
}

// inScope lists the objects in scope at a position, innermost scope first.
func (at *errorSite) inScope(pos token.Pos) []types.Object {
	var out []types.Object
	seen := make(map[string]bool)
	for s := at.Innermost(pos); s != nil; s = s.Parent() {
		for _, name := range s.Names() {
			obj := s.Lookup(name)
			local := s.Parent() != nil && s.Parent() != types.Universe && s != at.Package.Types.Scope()
			if seen[name] || name == "_" || (local && obj.Pos() > pos) {
				continue
			}
			seen[name] = true
			out = append(out, obj)
		}
	}
	return out
}

// fit returns 1 if an object can be used the way the name is used, and 0 otherwise.
func (at *errorSite) fit(id *ast.Ident, obj types.Object) float64 {
	switch parent := at.path[1].(type) {
	case *ast.SelectorExpr:
		if parent.X == id && !has(obj, parent.Sel.Name, at.Package.Types) {
			return 0
		}
	case *ast.CallExpr:
		if parent.Fun == id && !callable(obj) {
			return 0
		}
	}
	return 1
}

// has reports whether an object, a package or a value, has a member called name.
func has(obj types.Object, name string, from *types.Package) bool {
	if pkg, ok := obj.(*types.PkgName); ok {
		return token.IsExported(name) && pkg.Imported().Scope().Lookup(name) != nil
	}
	if obj.Type() == nil {
		return false
	}
	found, _, _ := types.LookupFieldOrMethod(obj.Type(), true, from, name)
	return found != nil
}

func callable(obj types.Object) bool {
	switch obj := obj.(type) {
	case *types.Func, *types.TypeName, *types.Builtin:
		return true
	case *types.Var:
		_, ok := obj.Type().Underlying().(*types.Signature)
		return ok
	}
	return false
}

// members lists the fields and methods of a type, including those of embedded fields,
// and the paths of fields that themselves have a member called name.
func (at *errorSite) members(t types.Type, name string) []spelling {
	if t == nil {
		return nil
	}
	var out []spelling
	visible := func(obj types.Object) bool { return obj.Exported() || obj.Pkg() == at.Package.Types }
	methods := types.NewMethodSet(t)
	if _, isInterface := t.Underlying().(*types.Interface); !isInterface {
		if _, isPointer := t.Underlying().(*types.Pointer); !isPointer {
			methods = types.NewMethodSet(types.NewPointer(t))
		}
	}
	for m := range methods.Methods() {
		if visible(m.Obj()) {
			out = append(out, spelling{m.Obj().Name(), closeness(name, m.Obj().Name())})
		}
	}
	seen := make(map[types.Type]bool)
	var fields func(t types.Type)
	fields = func(t types.Type) {
		st := structOf(t)
		if st == nil || seen[t] {
			return
		}
		seen[t] = true
		for f := range st.Fields() {
			if visible(f) {
				out = append(out, spelling{f.Name(), closeness(name, f.Name())})
				if has(f, name, at.Package.Types) {
					out = append(out, spelling{f.Name() + "." + name, 0.3})
				}
			}
			if f.Embedded() {
				fields(f.Type())
			}
		}
	}
	fields(t)
	return out
}

// otherOperand keeps the selected name and replaces what it is selected from, with a
// variable or package that has it, or with the result of calling the function.
func otherOperand(sites []*errorSite) []site.Option {
	at := sites[0]
	sel, ok := at.path[1].(*ast.SelectorExpr)
	if !ok || sel.Sel != at.ident() {
		return nil
	}
	var out []site.Option
	if sig, ok := at.typeOf(sel.X).(*types.Signature); ok && sig.Params().Len() == 0 && sig.Results().Len() == 1 {
		if has(sig.Results().At(0), sel.Sel.Name, at.Package.Types) {
			out = append(out, site.Option{
				Weight: 0.6, Alike: 1, Title: site.ReplaceTitle(at.Text(sel.X), at.Text(sel.X)+"()"),
				Edits: []propose.Edit{at.insert(sel.X.End(), "()")},
			})
		}
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return out
	}
	for _, obj := range at.inScope(x.Pos()) {
		if obj.Name() == x.Name || !has(obj, sel.Sel.Name, at.Package.Types) {
			continue
		}
		if _, isType := obj.(*types.TypeName); isType {
			continue
		}
		weight := max(0.5*closeness(x.Name, obj.Name()), typeOnlyWeight)
		if at.qualifier() != nil {
			weight = max(weight, 0.2)
		}
		o := site.Option{Weight: weight, Title: site.ReplaceTitle(at.Text(sel), obj.Name()+"."+sel.Sel.Name), Alike: 1}
		for _, other := range sites {
			if s, ok := other.path[1].(*ast.SelectorExpr); ok {
				o.Edits = append(o.Edits, other.Replace(s.X, obj.Name()))
			}
		}
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b site.Option) int { return cmp.Compare(b.Weight, a.Weight) })
	return out[:min(len(out), maxSpellings)]
}

// renameDeclared renames a declaration to the name that a test uses.
func (at *errorSite) renameDeclared() []site.Option {
	id := at.ident()
	if id == nil {
		return nil
	}
	var out []site.Option
	for _, obj := range at.scopeObjects() {
		weight := 0.8 * closeness(id.Name, obj.Name())
		if weight == 0 {
			continue
		}
		if edits := at.st.rename(obj, id.Name); len(edits) > 0 {
			out = append(out, site.Option{Weight: weight, Title: fmt.Sprintf("rename %s to %s", site.Quote(obj.Name()), site.Quote(id.Name)), Edits: edits, Alike: 1})
		}
	}
	slices.SortStableFunc(out, func(a, b site.Option) int { return cmp.Compare(b.Weight, a.Weight) })
	return out[:min(len(out), 4)]
}
