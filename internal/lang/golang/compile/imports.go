package compile

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/tools/go/packages"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

// Imports fixes imports. It lists packages with golang.org/x/tools/go/packages instead of
// calling goimports, which would read the files on disk rather than the tree with the
// patches kept so far, and would scan the whole module cache.
var Imports = propose.Strategy{
	Name:  importsName,
	Title: "Add, remove or correct imports",
	Text: `Imports a package for an unknown name if it exports what the code selects from
it, removes unused imports, and corrects the path of a package that was renamed
or moved within the module. Searches the tree, the standard library and the
module's requirements, without network access.`,
	Before: `func up(s string) string { return strings.ToUpper(s) }`,
	After: `import "strings"

func up(s string) string { return strings.ToUpper(s) }`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf(importsName),
	Sole:    fixImports,
}

var importFixers = []fixer{
	{importsName, []errorCode{unusedImport}, fixUnusedImport},
	{importsName, []errorCode{undeclaredName}, fixMissingImport},
	{importsName, []errorCode{brokenImport}, fixBrokenImport},
}

const importsName = "imports"

// fixImports fixes failures whose only cause is missing, unused or moved imports. It
// returns one candidate if fixing imports makes the code compile, and none otherwise.
func fixImports(ctx context.Context, p *propose.Problem) ([]propose.Candidate, error) {
	c, err := compilationOf(ctx, p)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.base.errs) == 0 {
		return nil, nil
	}
	done := c.base.solve(ctx, func(strategy string) bool { return strategy == importsName })
	if done.left > 0 {
		return nil, ctx.Err()
	}
	cand := propose.Candidate{
		Strategy: importsName, Title: strings.Join(done.titles, "; "), Edits: c.edits(done.files),
		Suspicion: 1, Prior: done.prior, Alike: 1, Whole: true,
	}
	if len(cand.Edits) == 0 {
		return nil, nil
	}
	src, err := p.Tree.Read(cand.File())
	if err != nil {
		return nil, err
	}
	cand.Key = p.Tree.Key(cand.Edits)
	cand.Line = 1 + bytes.Count(src[:cand.Edits[0].Start], []byte("\n"))
	return []propose.Candidate{cand}, nil
}

// importable is a package that could be imported.
type importable struct {
	path, name string
	weight     float64
}

const maxImportable = 6

// fixUnusedImport removes an import, and its declaration if that would be empty.
func fixUnusedImport(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	spec, decl := at.importSpec()
	if spec == nil || !at.editable() {
		return nil
	}
	var n ast.Node = spec
	if len(decl.Specs) == 1 {
		n = decl
	}
	return []site.Option{{Weight: 0.9, Title: "remove the unused import " + spec.Path.Value, Edits: []propose.Edit{at.Remove(n)}}}
}

// importSpec returns the import that the error is about.
func (at *errorSite) importSpec() (*ast.ImportSpec, *ast.GenDecl) {
	for _, d := range at.File.Syntax.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.IMPORT {
			continue
		}
		for _, s := range decl.Specs {
			spec := s.(*ast.ImportSpec)
			if spec.Pos() <= at.err.start && at.err.start <= spec.End() {
				return spec, decl
			}
		}
	}
	return nil, nil
}

// fixMissingImport imports the package that an unknown qualifier names.
func fixMissingImport(ctx context.Context, cs *cause) []site.Option {
	sites := cs.editable()
	if len(sites) == 0 || sites[0].ident() == nil {
		return nil
	}
	name := sites[0].ident().Name
	var wanted []string
	for _, at := range sites {
		sel, ok := at.path[1].(*ast.SelectorExpr)
		if !ok || sel.X != ast.Expr(at.ident()) || !token.IsExported(sel.Sel.Name) {
			return nil
		}
		wanted = append(wanted, sel.Sel.Name)
	}
	var out []site.Option
	for _, im := range cs.st.c.importables(ctx, sites[0], name) {
		exported := cs.st.exported(im.path)
		if exported == nil {
			continue
		}
		found := 0
		for _, w := range wanted {
			if exported(w) {
				found++
			}
		}
		if found == 0 {
			continue
		}
		o := site.Option{Weight: im.weight * float64(found) / float64(len(wanted)), Title: "import " + strconv.Quote(im.path), Alike: 1}
		done := make(map[string]bool)
		for _, at := range sites {
			if !done[at.File.Name] {
				done[at.File.Name] = true
				o.Edits = append(o.Edits, addImport(at.File, im.path))
			}
		}
		out = append(out, o)
	}
	return out[:min(len(out), maxImportable)]
}

// importables lists the packages with a name, the likeliest first: those that the package
// already imports, the standard library's, those of the tree, those of its requirements.
func (c *compilation) importables(ctx context.Context, at *errorSite, name string) []importable {
	var out []importable
	seen := map[string]bool{at.err.unit.node.path: true}
	add := func(path, pkg string, weight float64) {
		if pkg == name && !seen[path] && visibleFrom(path, at.err.unit.node.path) && !strings.HasSuffix(path, "_test") {
			seen[path] = true
			out = append(out, importable{path, pkg, weight})
		}
	}
	for _, path := range at.err.unit.node.outside {
		add(path, c.known[path], 1)
	}
	for _, n := range c.nodes {
		if n.name != "main" {
			add(n.path, n.name, 0.8)
		}
	}
	if c.std == nil {
		listed, _ := c.list(ctx, c.moduleDirs[0], packages.NeedName, false, "std") // on an error there is just less to choose from
		for _, l := range listed {
			c.std = append(c.std, importable{l.PkgPath, l.Name, 0.9})
		}
	}
	for _, im := range c.std {
		add(im.path, im.name, im.weight)
	}
	for _, path := range slices.Sorted(maps.Keys(c.known)) {
		add(path, c.known[path], 0.5)
	}
	if len(out) == 0 {
		for _, im := range c.required(ctx, name) {
			add(im.path, im.name, im.weight)
		}
	}
	slices.SortStableFunc(out, func(a, b importable) int { return cmp.Compare(b.weight, a.weight) })
	out = out[:min(len(out), maxImportable)]
	var need []string
	for _, im := range out {
		if c.plain[im.path] == nil {
			need = append(need, im.path)
		} else {
			need = append(need, c.plain[im.path].outside...)
		}
	}
	if err := c.addExports(ctx, need); err != nil {
		return nil
	}
	return out
}

// visibleFrom reports whether package from may import package path.
func visibleFrom(path, from string) bool {
	if strings.HasPrefix(path, "vendor/") || strings.Contains(path, "/vendor/") {
		return false
	}
	i := strings.LastIndex("/"+path+"/", "/internal/")
	if i < 0 {
		return true
	}
	parent := strings.Trim(("/" + path)[:i], "/")
	return parent != "" && (from == parent || strings.HasPrefix(from, parent+"/"))
}

// required lists the packages with a name in the module's direct requirements, if they
// are in the module cache.
func (c *compilation) required(ctx context.Context, name string) []importable {
	src, err := c.p.Tree.Read(path.Join(c.moduleDirs[0], "go.mod"))
	if err != nil {
		return nil
	}
	mod, err := modfile.ParseLax("go.mod", src, nil)
	if err != nil {
		return nil
	}
	var patterns []string
	for _, r := range mod.Require {
		if !r.Indirect {
			patterns = append(patterns, r.Mod.Path+"/...")
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	listed, err := c.list(ctx, c.moduleDirs[0], packages.NeedName, false, patterns...)
	if err != nil {
		return nil
	}
	var out []importable
	for _, l := range listed {
		if l.Name == name && len(l.Errors) == 0 {
			out = append(out, importable{l.PkgPath, l.Name, 0.6})
		}
	}
	return out
}

// exported returns a function that reports whether a package declares a name, or nil if
// the package cannot be loaded.
func (s *state) exported(path string) func(name string) bool {
	var pkg *types.Package
	if n := s.c.plain[path]; n != nil {
		pkg = s.unit(n).Types
	} else if s.c.exports[path] != "" {
		pkg, _ = s.c.external.Import(path)
	}
	if pkg == nil {
		return nil
	}
	return func(name string) bool { return pkg.Scope().Lookup(name) != nil }
}

// fixBrokenImport corrects the path of an import that does not exist: to the path that
// the change moved it to, or to a package of the same or a similar name.
func fixBrokenImport(ctx context.Context, cs *cause) []site.Option {
	sites := cs.editable()
	if len(sites) == 0 {
		return nil
	}
	at := sites[0]
	spec, _ := at.importSpec()
	if spec == nil {
		return nil
	}
	old, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return nil
	}
	var out []site.Option
	move := func(to, name string, weight float64) {
		if to == old || !visibleFrom(to, at.err.unit.node.path) {
			return
		}
		o := site.Option{Weight: weight, Alike: 1, Title: fmt.Sprintf("import %s instead of %q", strconv.Quote(to), old)}
		for _, s := range sites {
			spec, _ := s.importSpec()
			if spec == nil {
				continue
			}
			text := strconv.Quote(to)
			if spec.Name == nil && name != "" && name != path.Base(old) {
				text = path.Base(old) + " " + text // the file keeps its name for it
			}
			o.Edits = append(o.Edits, s.Replace(spec.Path, text))
		}
		out = append(out, o)
	}
	for _, sub := range cs.st.c.substitutions(spec.Path.Value) {
		if to, err := strconv.Unquote(sub.to); err == nil && sub.from == spec.Path.Value {
			name := ""
			if n := cs.st.c.plain[to]; n != nil {
				name = n.name
			}
			move(to, name, 1)
		}
	}
	for _, f := range cs.st.c.p.Changes {
		if f.Rename && strings.HasSuffix(old, "/"+path.Dir(f.OldName)) {
			if n := cs.st.c.inDir(path.Dir(f.NewName)); n != nil {
				move(n.path, n.name, 1)
			}
		}
	}
	for _, n := range cs.st.c.nodes {
		if n.forTest == "" && n.name != "main" {
			switch near := closeness(path.Base(old), path.Base(n.path)); {
			case n.name == path.Base(old):
				move(n.path, n.name, 0.8)
			case near > 0.5:
				move(n.path, n.name, 0.4*near)
			}
		}
	}
	for _, im := range cs.st.c.importables(ctx, at, path.Base(old)) {
		move(im.path, im.name, 0.3*im.weight)
	}
	seen := make(map[string]bool)
	return slices.DeleteFunc(out, func(o site.Option) bool {
		again := seen[o.Title]
		seen[o.Title] = true
		return again
	})
}

// inDir returns the package in a directory of the tree, or nil.
func (c *compilation) inDir(dir string) *node {
	for _, n := range c.nodes {
		if n.dir == dir && n.forTest == "" {
			return n
		}
	}
	return nil
}
