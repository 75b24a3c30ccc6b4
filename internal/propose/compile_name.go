package propose

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"unicode"
)

// spelling is a name that may have been meant.
type spelling struct {
	text   string
	weight float64
}

const (
	maxSpellings = 10
	unlike       = 0.04 // weight of a name that only fits by its type
)

// fixName replaces an unknown name by those most like it that can be had in its
// place. A name that a test uses is taken as right: then a declaration is renamed.
func fixName(_ context.Context, cs *cause) []option {
	var out []option
	if sites := cs.editable(); len(sites) > 0 && sites[0].ident() != nil {
		id := sites[0].ident()
		for _, sp := range nearestNames(sites[0].spellings(id)) {
			out = append(out, respell(sites, sp))
		}
		out = append(out, otherOperand(sites)...)
	}
	if cs.fixed() {
		out = append(out, cs.sites[0].renameDeclared()...)
	}
	return out
}

// respell is the option to write another name at all the sites.
func respell(sites []*site, sp spelling) option {
	o := option{weight: sp.weight, title: replaceTitle(sites[0].ident().Name, sp.text), alike: 1}
	for _, at := range sites {
		if id := at.ident(); id != nil {
			o.edits = append(o.edits, at.replace(id, sp.text))
		}
	}
	return o
}

// nearestNames keeps the likeliest spellings, each once.
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

// spellings lists what the unknown name may stand for.
func (at *site) spellings(id *ast.Ident) []spelling {
	var out []spelling
	switch parent := at.path[1].(type) {
	case *ast.SelectorExpr:
		if parent.Sel != id {
			break
		}
		if pkg := at.qualifier(); pkg != nil {
			for _, name := range pkg.Scope().Names() {
				if token.IsExported(name) || pkg == at.pkg.Types {
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
		if v, ok := obj.(*types.Var); ok && weight == 0 && v.Parent() != at.pkg.Types.Scope() {
			weight = unlike * at.fit(id, obj)
		}
		out = append(out, spelling{obj.Name(), weight})
	}
	return out
}

// inScope lists the objects that can be named at a position, the nearest first.
func (at *site) inScope(pos token.Pos) []types.Object {
	var out []types.Object
	seen := make(map[string]bool)
	for s := at.innermost(pos); s != nil; s = s.Parent() {
		for _, name := range s.Names() {
			obj := s.Lookup(name)
			local := s.Parent() != nil && s.Parent() != types.Universe && s != at.pkg.Types.Scope()
			if seen[name] || name == "_" || (local && obj.Pos() > pos) {
				continue
			}
			seen[name] = true
			out = append(out, obj)
		}
	}
	return out
}

// fit tells how well an object can stand where a name does: 1, or 0 when what is
// done with the name cannot be done with the object.
func (at *site) fit(id *ast.Ident, obj types.Object) float64 {
	switch parent := at.path[1].(type) {
	case *ast.SelectorExpr:
		if parent.X == id && !has(obj, parent.Sel.Name, at.pkg.Types) {
			return 0
		}
	case *ast.CallExpr:
		if parent.Fun == id && !callable(obj) {
			return 0
		}
	}
	return 1
}

// has tells whether name can be selected from an object: a package or a value.
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

// members lists the fields and methods of a type, those of its embedded fields
// included, and the fields that have the name as a member.
func (at *site) members(t types.Type, name string) []spelling {
	if t == nil {
		return nil
	}
	var out []spelling
	visible := func(obj types.Object) bool { return obj.Exported() || obj.Pkg() == at.pkg.Types }
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
				if has(f, name, at.pkg.Types) {
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

// structOf is the struct behind a type or a pointer to it, or nil.
func structOf(t types.Type) *types.Struct {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	st, _ := t.Underlying().(*types.Struct)
	return st
}

// otherOperand leaves the selected name and replaces what it is selected from: a
// variable or package that has it, or the result of a function that has it.
func otherOperand(sites []*site) []option {
	at := sites[0]
	sel, ok := at.path[1].(*ast.SelectorExpr)
	if !ok || sel.Sel != at.ident() {
		return nil
	}
	var out []option
	if sig, ok := at.typeOf(sel.X).(*types.Signature); ok && sig.Params().Len() == 0 && sig.Results().Len() == 1 {
		if has(sig.Results().At(0), sel.Sel.Name, at.pkg.Types) {
			out = append(out, option{
				weight: 0.6, alike: 1, title: replaceTitle(at.text(sel.X), at.text(sel.X)+"()"),
				edits: []Edit{at.insert(sel.X.End(), "()")},
			})
		}
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return out
	}
	for _, obj := range at.inScope(x.Pos()) {
		if obj.Name() == x.Name || !has(obj, sel.Sel.Name, at.pkg.Types) {
			continue
		}
		if _, isType := obj.(*types.TypeName); isType {
			continue
		}
		weight := max(0.5*closeness(x.Name, obj.Name()), unlike)
		if at.qualifier() != nil {
			weight = max(weight, 0.2)
		}
		o := option{weight: weight, title: replaceTitle(at.text(sel), obj.Name()+"."+sel.Sel.Name), alike: 1}
		for _, other := range sites {
			if s, ok := other.path[1].(*ast.SelectorExpr); ok {
				o.edits = append(o.edits, other.replace(s.X, obj.Name()))
			}
		}
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b option) int { return cmp.Compare(b.weight, a.weight) })
	return out[:min(len(out), maxSpellings)]
}

// renameDeclared gives a declaration the name that a test knows it by.
func (at *site) renameDeclared() []option {
	id := at.ident()
	if id == nil {
		return nil
	}
	var out []option
	for _, obj := range at.namesakes() {
		weight := 0.8 * closeness(id.Name, obj.Name())
		if weight == 0 {
			continue
		}
		if edits := at.st.rename(obj, id.Name); len(edits) > 0 {
			out = append(out, option{weight: weight, title: fmt.Sprintf("rename %s to %s", quote(obj.Name()), quote(id.Name)), edits: edits, alike: 1})
		}
	}
	slices.SortStableFunc(out, func(a, b option) int { return cmp.Compare(b.weight, a.weight) })
	return out[:min(len(out), 4)]
}

// namesakes lists the declarations of the tree that the missing name could have
// been the name of.
func (at *site) namesakes() []types.Object {
	var out []types.Object
	if t := at.receiver(); t != nil && at.qualifier() == nil {
		for m := range types.NewMethodSet(types.NewPointer(deref(t))).Methods() {
			out = append(out, m.Obj())
		}
		if st := structOf(t); st != nil {
			for f := range st.Fields() {
				out = append(out, f)
			}
		}
		return out
	}
	scope := at.pkg.Types.Scope()
	if pkg := at.qualifier(); pkg != nil {
		scope = pkg.Scope()
	}
	for _, name := range scope.Names() {
		out = append(out, scope.Lookup(name))
	}
	return out
}

func deref(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

// rename is the edits that give an object another name, where it is declared and
// where it is used, in every package of the tree that can see it. An object is
// known by its place, since a package and its variant for testing hold it twice.
func (s *state) rename(obj types.Object, to string) []Edit {
	if obj.Pkg() == nil || s.c.known[obj.Pkg().Path()] != "" {
		return nil
	}
	var edits []Edit
	seen := make(map[string]bool)
	for _, n := range s.c.nodes {
		if n.forTest != "" && !n.failing {
			continue
		}
		if n.path != obj.Pkg().Path() && !n.sees(obj.Pkg().Path()) {
			continue
		}
		u := s.whole(n)
		for _, f := range u.Files {
			if seen[f.Name] || !s.editable(f.Name) {
				continue
			}
			seen[f.Name] = true
			ast.Inspect(f.Syntax, func(m ast.Node) bool {
				id, ok := m.(*ast.Ident)
				if !ok {
					return true
				}
				o := u.Info.Defs[id]
				if o == nil {
					o = u.Info.Uses[id]
				}
				if o != nil && o.Pos() == obj.Pos() && o.Name() == obj.Name() {
					start := f.Offset(id.Pos())
					edits = append(edits, Edit{File: f.Name, Start: start, End: start + len(id.Name), New: to})
				}
				return true
			})
		}
	}
	return edits
}

// sees tells whether a package imports another directly.
func (n *node) sees(path string) bool {
	for _, dep := range n.imports {
		if dep.path == path {
			return true
		}
	}
	return false
}

// closeness of two names: 1 for the same, 0 when they have nothing in common.
// Typing errors are measured by the optimal string alignment distance (Damerau
// 1964); names that only share words come far behind.
func closeness(a, b string) float64 {
	la, lb := strings.ToLower(a), strings.ToLower(b)
	if la == lb {
		return 0.95
	}
	longest := max(len(a), len(b))
	if d := alignment(la, lb); d <= max(1, longest/3) && d < longest {
		return 0.9 * (1 - float64(d)/float64(longest))
	}
	if shortest := min(len(a), len(b)); shortest >= 2 && (strings.HasPrefix(la, lb) || strings.HasPrefix(lb, la) || strings.HasSuffix(la, lb) || strings.HasSuffix(lb, la)) {
		return 0.45
	}
	wa, wb := words(a), words(b)
	common, rest := 0, slices.Clone(wb)
	for _, w := range wa { // each word has one partner
		if i := slices.Index(rest, w); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
			common++
		}
	}
	return 0.4 * float64(common) / float64(max(len(wa), len(wb)))
}

// words splits a camel-case name, in lower case.
func words(name string) []string {
	var out []string
	start := 0
	for i, r := range name {
		if i > start && (unicode.IsUpper(r) && !unicode.IsUpper(rune(name[i-1])) || r == '_') {
			out = append(out, strings.ToLower(strings.Trim(name[start:i], "_")))
			start = i
		}
	}
	return append(out, strings.ToLower(strings.Trim(name[start:], "_")))
}

// alignment is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours.
func alignment(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
