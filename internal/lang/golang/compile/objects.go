package compile

import (
	"go/ast"
	"go/types"

	"github.com/regreen-ci/regreen/internal/propose"
)

// scopeObjects lists the objects that the missing name was looked up among: the members
// of the receiver's type, or the scope of the package.
func (at *errorSite) scopeObjects() []types.Object {
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
	scope := at.Package.Types.Scope()
	if pkg := at.qualifier(); pkg != nil {
		scope = pkg.Scope()
	}
	for _, name := range scope.Names() {
		out = append(out, scope.Lookup(name))
	}
	return out
}

// rename returns the edits that rename an object at its declaration and its uses, in
// every package of the tree that can use it. Objects are compared by position, because
// a package and its test variant each have their own.
func (s *state) rename(obj types.Object, to string) []propose.Edit {
	if obj.Pkg() == nil || s.c.known[obj.Pkg().Path()] != "" {
		return nil
	}
	var edits []propose.Edit
	seen := make(map[string]bool)
	for _, n := range s.c.nodes {
		if n.forTest != "" && !n.failing {
			continue
		}
		if n.path != obj.Pkg().Path() && !n.importsPath(obj.Pkg().Path()) {
			continue
		}
		u := s.completeUnit(n)
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
					edits = append(edits, propose.Edit{File: f.Name, Start: start, End: start + len(id.Name), New: to})
				}
				return true
			})
		}
	}
	return edits
}

// importsPath reports whether a package imports another directly.
func (n *node) importsPath(path string) bool {
	for _, dep := range n.imports {
		if dep.path == path {
			return true
		}
	}
	return false
}

// structOf returns the struct under a type or a pointer type, or nil.
func structOf(t types.Type) *types.Struct {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	st, _ := t.Underlying().(*types.Struct)
	return st
}

func deref(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

func isPointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

func isTuple(t types.Type) bool {
	_, ok := t.(*types.Tuple)
	return ok
}
