package compile

import (
	"context"
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var restoreStrategy = propose.Strategy{
	Name:  "compile/restore",
	Title: "Restore a declaration that the change removed or altered",
	Text: `Applies when code still uses a declaration as it was at the base. Puts a
removed declaration back in its place, and restores the old text of an altered
one, or only the old signature of a function. This undoes part of the change:
check that the change was not intended.`,
	Before: `const limit = 10

func clip(n int) int {
	return min(n, bound())
}`,
	After: `const limit = 10

func clip(n int) int {
	return min(n, bound())
}

// bound is the most that is allowed.
func bound() int { return limit }`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/restore"),
}

var restoreFixers = []fixer{
	{"compile/restore", nameCodes, fixRemoved},
	{"compile/restore", []errorCode{wrongArgCount, incompatibleAssign, invalidIfaceAssign, wrongAssignCount, tooManyValues, mismatchedTypes}, fixAltered},
}

// fixRemoved restores a declaration that the change removed. For a removed field it
// restores the old declaration of the type.
func fixRemoved(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	id := at.ident()
	if id == nil {
		return nil
	}
	weight := 0.3
	if cs.readOnly() {
		weight = 0.6
	}
	dir, key := at.Package.Dir, id.Name
	if pkg := at.qualifier(); pkg != nil {
		n := cs.st.c.plain[pkg.Path()]
		if n == nil {
			return nil
		}
		dir = n.dir
	} else if t := at.receiver(); t != nil {
		named, ok := types.Unalias(deref(t)).(*types.Named)
		if !ok {
			return nil
		}
		of, name, ok := cs.st.keyOf(named.Obj())
		if !ok {
			return nil
		}
		if old := cs.st.c.baseOf(of)[name]; old != nil && strings.Contains(old.text, id.Name) {
			if o, ok := cs.st.restoreDecl(of, old, weight); ok {
				return []site.Option{o}
			}
		}
		dir, key = of, name+"."+id.Name
	}
	old := cs.st.c.baseOf(dir)[key]
	if old == nil || old.text == "" {
		return nil
	}
	if _, _, still := cs.st.current(dir, key); still {
		return nil
	}
	edit, ok := cs.st.reinsert(dir, old)
	if !ok {
		return nil
	}
	return []site.Option{{Weight: weight, Title: fmt.Sprintf("restore %s, which the change removed", site.Quote(key)), Edits: []propose.Edit{edit}, Alike: 1}}
}

// reinsert puts an old declaration back after the one that it followed. If that one no
// longer exists, it appends the declaration to its old file, or else to another file of
// the package.
func (s *state) reinsert(dir string, old *oldDecl) (propose.Edit, bool) {
	if f, d, ok := s.current(dir, old.after); ok && old.after != "" && d.end > 0 {
		return propose.Edit{File: f.Name, Start: d.end, End: d.end, New: "\n\n" + old.text}, true
	}
	var files []string
	for _, n := range s.c.nodes {
		if n.dir == dir {
			files = append(files, n.files...)
		}
	}
	if i := slices.Index(files, old.file); i > 0 {
		files[0], files[i] = files[i], files[0]
	}
	for _, name := range files {
		if f, err := s.parse(name); err == nil && s.editable(name) && !ast.IsGenerated(f.Syntax) {
			end := len(strings.TrimRight(string(f.Src), "\n"))
			return propose.Edit{File: name, Start: end, End: end, New: "\n\n" + old.text}, true
		}
	}
	return propose.Edit{}, false
}

// restoreDecl returns the option to restore the old text of a declaration.
func (s *state) restoreDecl(dir string, old *oldDecl, weight float64) (site.Option, bool) {
	f, d, ok := s.current(dir, old.key)
	if !ok || old.text == "" || d.text == "" || d.text == old.text {
		return site.Option{}, false
	}
	return site.Option{
		Weight: weight, Alike: 1, Removed: 0.5, Title: fmt.Sprintf("restore %s as it was before the change", site.Quote(old.key)),
		Edits: []propose.Edit{{File: f.Name, Start: d.start, End: d.end, New: old.text}},
	}, true
}

// fixAltered restores a declaration that no longer fits its use: all of it, or only
// the signature of a function.
func fixAltered(_ context.Context, cs *cause) []site.Option {
	weight := 0.15
	if cs.readOnly() {
		weight = 0.6
	}
	var out []site.Option
	for _, obj := range cs.sites[0].involved() {
		dir, key, ok := cs.st.keyOf(obj)
		if !ok {
			continue
		}
		old := cs.st.c.baseOf(dir)[key]
		if old == nil {
			continue
		}
		if o, ok := cs.st.restoreDecl(dir, old, weight); ok {
			out = append(out, o)
		}
		if o, ok := cs.st.restoreSignature(dir, old, weight*0.8); ok {
			out = append(out, o)
		}
	}
	return out
}

// restoreSignature returns the option to restore the old parameters and results of a
// function, and to keep its body.
func (s *state) restoreSignature(dir string, old *oldDecl, weight float64) (site.Option, bool) {
	f, d, ok := s.current(dir, old.key)
	if !ok || d.fn == nil || old.typ == nil || d.fn.Body == nil {
		return site.Option{}, false
	}
	i := strings.Index(old.text, "func ")
	head, _, ok := strings.Cut(old.text[max(i, 0):], "{\n")
	if !ok || i < 0 {
		return site.Option{}, false
	}
	head = strings.TrimSpace(head)
	start, end := f.Offset(d.fn.Pos()), f.Offset(d.fn.Body.Pos())
	if head == strings.TrimSpace(string(f.Src[start:end])) {
		return site.Option{}, false
	}
	return site.Option{
		Weight: weight, Alike: 1, Title: fmt.Sprintf("restore the signature of %s", site.Quote(old.key)),
		Edits: []propose.Edit{{File: f.Name, Start: start, End: end, New: head + " "}},
	}, true
}

// involved lists the objects that an error may be about: those that the enclosing
// statement uses, and the enclosing function.
func (at *errorSite) involved() []types.Object {
	var out []types.Object
	var within ast.Node
	for _, n := range at.path {
		switch n.(type) {
		case ast.Stmt, ast.Decl:
			within = n
		}
		if within != nil {
			break
		}
	}
	if within == nil {
		return nil
	}
	add := func(obj types.Object) {
		if obj != nil && !slices.Contains(out, obj) {
			out = append(out, obj)
		}
	}
	ast.Inspect(within, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			return n == within
		case *ast.Ident:
			obj := at.Package.Info.Uses[n]
			add(obj)
			if v, ok := obj.(*types.Var); ok {
				if named, ok := types.Unalias(deref(v.Type())).(*types.Named); ok {
					add(named.Obj())
				}
			}
		}
		return true
	})
	if at.Decl != nil {
		add(at.Package.Info.Defs[at.Decl.Name])
	}
	// If a type should implement an interface, its methods may have changed.
	for _, obj := range slices.Clone(out) {
		if name, ok := obj.(*types.TypeName); ok && at.err.code == invalidIfaceAssign {
			if named, ok := types.Unalias(name.Type()).(*types.Named); ok {
				for m := range named.Methods() {
					add(m)
				}
			}
		}
	}
	return out
}
