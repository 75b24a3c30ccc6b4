package compile

import (
	"context"
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/tools/go/packages"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// compilation holds the packages that do not compile, with their tests. They are
// type-checked from source and can be checked again with edits. Imports from outside
// the tree are read from export data.
type compilation struct {
	p          *propose.Problem
	tree       *source.Tree
	fset       *token.FileSet
	sizes      types.Sizes
	nodes      []*node          // packages of the tree, including tests
	plain      map[string]*node // packages of the tree by import path, without test variants
	failing    []*node          // those to fix
	moduleDirs []string         // directories of the failing modules, relative to the root

	known    map[string]string // import path -> name, of every listed package outside the tree
	exports  map[string]string // import path -> file of export data
	external types.Importer

	mu       sync.Mutex // guards the fields below
	base     *state
	tried    map[string]int       // hash of a state -> number of its errors
	won      map[string]string    // kind of cause -> title of the remedy that fixed it
	bodiless map[string]*ast.File // cache of withoutBodies
	solved   map[string]*solution
	words    map[string][]substitution
	decls    *baseDecls
	std      []importable
}

// node is a package of the tree, or one of its test variants.
type node struct {
	id, path, name string
	dir            string   // relative to the root
	files          []string // relative to the root
	imports        map[string]*node
	outside        []string // imports from outside the tree
	goVer          string
	forTest        string // in a test variant: the package whose tests it is built for
	failing        bool
}

const (
	listMode = packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps |
		packages.NeedModule | packages.NeedForTest
	maxTypeErrors = 200
)

// compilationOf loads the failing packages, once for all strategies.
func compilationOf(ctx context.Context, p *propose.Problem) (*compilation, error) {
	return propose.Remember(&p.Memo, func() (*compilation, error) { return newCompilation(ctx, p) })
}

func newCompilation(ctx context.Context, p *propose.Problem) (*compilation, error) {
	c := &compilation{
		p: p, tree: source.Of(p), fset: token.NewFileSet(), sizes: types.SizesFor("gc", runtime.GOARCH),
		plain: make(map[string]*node), known: make(map[string]string), exports: make(map[string]string),
		tried: make(map[string]int), solved: make(map[string]*solution),
		won: make(map[string]string), bodiless: make(map[string]*ast.File),
	}
	c.external = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
		if file := c.exports[path]; file != "" {
			return os.Open(file)
		}
		return nil, fmt.Errorf("package %s not found", path)
	})
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	c.base = c.check(nil)
	return c, nil
}

// load lists the modules that contain a failing package, and the export data of what
// the failing packages import from outside the tree.
func (c *compilation) load(ctx context.Context) error {
	paths, dirs := make(map[string]bool), make(map[string]bool)
	for _, f := range c.p.Failures {
		if f.Package != "" {
			name, _, _ := strings.Cut(f.Package, " ") // "p [p.test]" -> "p"
			paths[strings.TrimSuffix(name, "_test")] = true
		}
		for _, at := range f.Positions {
			if at.File != "" {
				dirs[path.Dir(at.File)] = true
			}
		}
		if f.File != "" {
			dirs[path.Dir(f.File)] = true
		}
	}
	if err := c.modules(dirs); err != nil {
		return err
	}
	seen := make(map[string]*node)
	for _, dir := range c.moduleDirs {
		listed, err := c.list(ctx, dir, listMode, true, "./...")
		if err != nil {
			return err
		}
		for _, l := range listed {
			c.add(l, seen)
		}
	}
	for _, n := range c.nodes {
		if paths[n.path] || dirs[n.dir] || n.path == n.forTest+"_test" && paths[n.forTest] {
			n.failing = true
		}
	}
	c.selectFailing()
	return c.needExports(ctx)
}

// modules finds the modules of the failing directories: the nearest go.mod in or above
// each, or the root if none exists.
func (c *compilation) modules(dirs map[string]bool) error {
	has := func(dir string) bool {
		_, err := c.p.Tree.Read(path.Join(dir, "go.mod"))
		return err == nil
	}
	for dir := range dirs {
		for !has(dir) && dir != "." {
			dir = path.Dir(dir)
		}
		if has(dir) && !slices.Contains(c.moduleDirs, dir) {
			c.moduleDirs = append(c.moduleDirs, dir)
		}
	}
	if len(c.moduleDirs) == 0 {
		c.moduleDirs = []string{"."}
	}
	slices.Sort(c.moduleDirs)
	return nil
}

// list loads packages with the go command, without network access.
func (c *compilation) list(ctx context.Context, dir string, mode packages.LoadMode, tests bool, patterns ...string) ([]*packages.Package, error) {
	t := c.tree
	overlay := make(map[string][]byte, len(t.Overlay))
	for name, b := range t.Overlay {
		overlay[filepath.Join(t.Root, filepath.FromSlash(name))] = b
	}
	listed, err := packages.Load(&packages.Config{
		Context: ctx, Mode: mode, Dir: filepath.Join(t.Root, filepath.FromSlash(dir)), Tests: tests,
		Env: append(slices.Clip(t.EnvOf(dir)), "GOPROXY=off"), BuildFlags: t.Flags, Overlay: overlay,
	}, patterns...)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("list packages in %s: %w", dir, err)
	}
	return listed, nil
}

// add turns a listed package and its imports into nodes. It returns nil for a package
// outside the tree.
func (c *compilation) add(l *packages.Package, seen map[string]*node) *node {
	if n, ok := seen[l.ID]; ok {
		return n
	}
	seen[l.ID] = nil
	files, ok := c.relative(l.GoFiles)
	if !ok || strings.HasSuffix(l.ID, ".test") {
		if l.Name != "" && !strings.HasSuffix(l.ID, ".test") {
			c.known[l.PkgPath] = l.Name
		}
		return nil
	}
	n := &node{
		id: l.ID, path: l.PkgPath, name: l.Name, files: files, dir: path.Dir(files[0]),
		imports: make(map[string]*node), forTest: l.ForTest,
	}
	if l.Module != nil && l.Module.GoVersion != "" {
		n.goVer = "go" + l.Module.GoVersion
	}
	seen[l.ID] = n
	for _, name := range slices.Sorted(maps.Keys(l.Imports)) {
		if dep := c.add(l.Imports[name], seen); dep != nil {
			n.imports[name] = dep
		} else {
			n.outside = append(n.outside, name)
		}
	}
	c.nodes = append(c.nodes, n)
	if l.ForTest == "" {
		c.plain[n.path] = n
	}
	return n
}

// relative returns files relative to the tree's root. It returns false if one is outside
// the tree or vendored.
func (c *compilation) relative(files []string) (out []string, ok bool) {
	for _, f := range files {
		name, err := filepath.Rel(c.p.Tree.Root, f)
		if err != nil || !filepath.IsLocal(name) {
			return nil, false
		}
		name = filepath.ToSlash(name)
		if strings.HasPrefix(name, "vendor/") || strings.Contains(name, "/vendor/") {
			return nil, false
		}
		out = append(out, name)
	}
	return out, len(out) > 0
}

// selectFailing prefers the test variant of a package to the package itself, because it
// has the files of both. It leaves out variants built only for another package's tests.
func (c *compilation) selectFailing() {
	variant := make(map[string]bool)
	for _, n := range c.nodes {
		if n.failing && n.forTest == n.path {
			variant[n.path] = true
		}
	}
	for _, n := range c.nodes {
		own := n.forTest == "" && !variant[n.path] || n.forTest != "" && (n.path == n.forTest || n.path == n.forTest+"_test")
		n.failing = n.failing && own
		if n.failing {
			c.failing = append(c.failing, n)
		}
	}
	slices.SortFunc(c.failing, func(a, b *node) int { return strings.Compare(a.id, b.id) })
}

// needExports finds the export data of every package outside the tree that the failing
// packages import, directly or indirectly.
func (c *compilation) needExports(ctx context.Context) error {
	need := make(map[string]bool)
	seen := make(map[*node]bool)
	var visit func(n *node)
	visit = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, name := range n.outside {
			need[name] = true
		}
		for _, dep := range n.imports {
			visit(dep)
		}
	}
	for _, n := range c.failing {
		visit(n)
	}
	return c.addExports(ctx, slices.Sorted(maps.Keys(need)))
}

// addExports has the go command build the packages whose export data is missing. It
// leaves out a package that cannot be built: importing it is then a type error.
func (c *compilation) addExports(ctx context.Context, paths []string) error {
	paths = slices.DeleteFunc(paths, func(path string) bool {
		return path == "unsafe" || path == "C" || c.exports[path] != ""
	})
	if len(paths) == 0 {
		return nil
	}
	listed, err := c.list(ctx, c.moduleDirs[0], packages.NeedName|packages.NeedExportFile, false, paths...)
	if err != nil {
		return err
	}
	for _, l := range listed {
		if l.ExportFile != "" {
			c.exports[l.PkgPath], c.known[l.PkgPath] = l.ExportFile, l.Name
		}
	}
	return nil
}
