package compile

import (
	"context"
	"go/ast"
	"go/token"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var qualifyStrategy = propose.Strategy{
	Name:  "compile/qualify",
	Title: "Qualify a name that another package declares",
	Text: `Applies to an unknown exported name. Searches the packages that the file
imports and those of the tree that it can import without a cycle, and adds the
import if it is missing.`,
	Before: `func start() [2]int {
	return Origin
}`,
	After: `import "example.com/m/geo"

func start() [2]int {
	return geo.Origin
}`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/qualify"),
}

var qualifyFixers = []fixer{
	{"compile/qualify", []errorCode{undeclaredName}, fixQualify},
}

// fixQualify qualifies a name that another package declares, and imports the package
// if necessary. It considers the packages that the file imports and those of the tree.
func fixQualify(_ context.Context, cs *cause) []site.Option {
	sites := cs.editable()
	if len(sites) == 0 || sites[0].ident() == nil || !token.IsExported(sites[0].ident().Name) {
		return nil
	}
	at := sites[0]
	name := at.ident().Name
	if sel, ok := at.path[1].(*ast.SelectorExpr); ok && sel.Sel == at.ident() {
		return nil
	}
	var out []site.Option
	add := func(pkg, importPath string, weight float64) {
		o := site.Option{Weight: weight, Alike: 0.7, Title: site.ReplaceTitle(name, pkg+"."+name)}
		done := make(map[string]bool)
		for _, s := range sites {
			if s.ImportName(importPath) == "" && !done[s.File.Name] {
				done[s.File.Name] = true
				o.Edits = append(o.Edits, addImport(s.File, importPath))
			}
			o.Edits = append(o.Edits, s.Replace(s.ident(), pkg+"."+name))
		}
		out = append(out, o)
	}
	for _, spec := range at.File.Syntax.Imports {
		importPath, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if pkg := at.Package.Imported[importPath]; pkg != nil && pkg.Scope().Lookup(name) != nil && at.ImportName(importPath) != "" {
			add(at.ImportName(importPath), importPath, 0.6)
		}
	}
	from := at.err.unit.node
	for _, n := range cs.st.c.nodes {
		if n.forTest != "" || n.path == from.path || n.name == "main" || at.ImportName(n.path) != "" || !visibleFrom(n.path, from.path) {
			continue
		}
		if cs.st.declares(n, name) && !dependsOn(n, from.path, make(map[*node]bool)) {
			add(n.name, n.path, 0.5)
		}
	}
	return out[:min(len(out), maxImportable)]
}

// declares reports whether a package declares name at top level.
func (s *state) declares(n *node, name string) bool {
	for _, file := range n.files {
		src, err := s.read(file)
		if err != nil || !strings.Contains(string(src), name) {
			continue
		}
		if f, err := s.parse(file); err == nil {
			for _, d := range declarations(f) {
				if d.key == name {
					return true
				}
			}
		}
	}
	return false
}
