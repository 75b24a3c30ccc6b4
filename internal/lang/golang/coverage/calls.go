package coverage

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/testrun"
)

const (
	callDecay = 0.7  // what each further call multiplies the strength by
	callFloor = 0.01 // weaker calls are not followed
	plainCall = 0.6  // strength of a direct call from a test with an unrelated name
	alike     = 0.5  // the lowest affinity that is mentioned
)

// program is the part of the tree that a package's tests can reach. It resolves names
// without types: a ranking does not need them, and they would need code that compiles.
type program struct {
	src     *localize.Source
	pkgs    map[string]*declared // by import path
	order   []string             // import paths, the tests' own package first
	methods map[string][]*node
}

// declared holds what one package declares, by name, without methods.
type declared struct {
	gotest.Package
	files []*localize.File
	names map[string][]*node
}

// node is a function, variable or constant that can be called or used.
type node struct {
	pkg  string
	file *localize.File
	unit *unit
	refs []*node // computed on first use
	done bool    // refs is computed
}

// newProgram parses the package pkg and all packages of the tree that it and its tests
// import.
func newProgram(ctx context.Context, src *localize.Source, tree []gotest.Package, pkg string) (*program, error) {
	p := &program{src: src, pkgs: make(map[string]*declared), methods: make(map[string][]*node)}
	byPath := make(map[string]gotest.Package, len(tree))
	for _, t := range tree {
		byPath[t.ImportPath] = t
	}
	if _, ok := byPath[pkg]; !ok {
		return nil, fmt.Errorf("package %s is not in the tree", pkg)
	}
	p.order = []string{pkg}
	for i := 0; i < len(p.order); i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t := byPath[p.order[i]]
		files, imports := t.GoFiles, t.Imports
		if i == 0 {
			files = slices.Concat(t.GoFiles, t.TestGoFiles, t.XTestGoFiles)
			imports = slices.Concat(t.Imports, t.TestImports, t.XTestImports)
		}
		p.declare(t, files)
		for _, imp := range imports {
			if _, ok := byPath[imp]; ok && !slices.Contains(p.order, imp) {
				p.order = append(p.order, imp)
			}
		}
	}
	return p, nil
}

func (p *program) declare(t gotest.Package, files []string) {
	d := &declared{Package: t, names: make(map[string][]*node)}
	p.pkgs[t.ImportPath] = d
	for _, name := range files {
		f := p.src.File(path.Join(t.Dir, name))
		s := syntaxOf(f)
		if s == nil {
			continue
		}
		d.files = append(d.files, f)
		for i := range s.units {
			n := &node{pkg: t.ImportPath, file: f, unit: &s.units[i]}
			switch decl := n.unit.node.(type) {
			case *ast.FuncDecl:
				if decl.Recv != nil {
					p.methods[decl.Name.Name] = append(p.methods[decl.Name.Name], n)
				} else {
					d.names[decl.Name.Name] = append(d.names[decl.Name.Name], n)
				}
			case *ast.ValueSpec:
				for _, id := range decl.Names {
					d.names[id.Name] = append(d.names[id.Name], n)
				}
			}
		}
	}
}

// covered returns the import paths of the packages that have code to cover.
func (p *program) covered() []string {
	var out []string
	for _, name := range p.order {
		if len(p.pkgs[name].GoFiles) > 0 {
			out = append(out, name)
		}
	}
	return out
}

// calls marks what the failing tests call, breadth first; deeper calls count less. Methods
// that share the name that is called share its strength.
func (p *program) calls(failures []testrun.Failure) []localize.Mark {
	var marks []localize.Mark
	for _, failure := range failures {
		reached := make(map[*node]bool)
		layer := p.entries(failure.TestID)
		for n := range layer {
			reached[n] = true
		}
		for len(layer) > 0 {
			next := make(map[*node]call)
			for n, c := range layer {
				if !n.file.Hidden() {
					marks = append(marks, c.mark(n, failure.TestID))
				}
				refs := p.refs(n)
				for _, ref := range refs {
					if reached[ref] {
						continue
					}
					to := c.to(ref, namesakes(refs, ref))
					if to.strength > callFloor && to.stronger(next[ref]) {
						next[ref] = to
					}
				}
			}
			for n := range next {
				reached[n] = true
			}
			layer = next
		}
		marks = append(marks, p.namedLike(failure.TestID, reached)...)
	}
	return marks
}

// call says how a node was reached.
type call struct {
	depth    int // calls outside of test files
	strength float64
}

func (c call) to(n *node, sharers int) call {
	if !n.file.Test {
		c.depth++
		if c.depth > 1 {
			c.strength *= callDecay
		}
	}
	c.strength /= math.Sqrt(float64(sharers))
	return c
}

// stronger reports whether a call replaces another one of the same node.
func (c call) stronger(than call) bool {
	return c.strength > than.strength || c.strength == than.strength && c.depth < than.depth
}

func (c call) mark(n *node, test testrun.TestID) localize.Mark {
	like := affinity(test, n.unit.Recv, n.unit.Name)
	verb := "called"
	if _, ok := n.unit.node.(*ast.ValueSpec); ok {
		verb = "used"
	}
	text := fmt.Sprintf("%s by %s at depth %d", verb, cmp.Or(test.Test, "a test"), c.depth)
	if like >= alike {
		text += " and named like it"
	}
	return localize.Mark{File: n.file.Name, Start: n.unit.Start, End: n.unit.End, Reason: localize.Reason{
		Evidence: localize.Calls, Strength: c.strength * (plainCall + (1-plainCall)*like), Text: text,
	}}
}

// namesakes counts the methods among refs that have the name of n, n included.
func namesakes(refs []*node, n *node) int {
	if n.unit.Recv == "" {
		return 1
	}
	count := 0
	for _, ref := range refs {
		if ref.unit.Recv != "" && ref.unit.Name == n.unit.Name {
			count++
		}
	}
	return max(count, 1)
}

// entries returns the test's function and, for suites that run methods as subtests, those
// methods. If the package fails as a whole, it returns all functions of its tests.
func (p *program) entries(test testrun.TestID) map[*node]call {
	entries := make(map[*node]call)
	own := p.pkgs[p.order[0]]
	for name, nodes := range own.names {
		for _, n := range nodes {
			if n.file.Test && (name == test.Top() || test.Test == "") {
				entries[n] = call{strength: 1}
			}
		}
	}
	_, sub, _ := strings.Cut(test.Test, "/")
	for part := range strings.SplitSeq(sub, "/") {
		for _, n := range p.methods[part] {
			if n.file.Test && n.pkg == own.ImportPath {
				entries[n] = call{strength: 1}
			}
		}
	}
	return entries
}

// namedLike marks functions of the test's own package that the test is named after but
// does not visibly call. It may call them through an interface, reflection or a table.
func (p *program) namedLike(test testrun.TestID, reached map[*node]bool) []localize.Mark {
	var marks []localize.Mark
	mention := func(n *node) {
		if reached[n] || n.file.Hidden() || n.pkg != p.order[0] {
			return
		}
		if _, ok := n.unit.node.(*ast.FuncDecl); !ok {
			return
		}
		if like := affinity(test, n.unit.Recv, n.unit.Name); like >= alike {
			marks = append(marks, localize.Mark{File: n.file.Name, Start: n.unit.Start, End: n.unit.End, Reason: localize.Reason{
				Evidence: localize.Calls, Strength: like * (1 - plainCall), Text: "named like " + test.Test,
			}})
		}
	}
	for _, nodes := range p.pkgs[p.order[0]].names {
		for _, n := range nodes {
			mention(n)
		}
	}
	for _, nodes := range p.methods {
		for _, n := range nodes {
			mention(n)
		}
	}
	return marks
}

// refs returns the nodes that a node's body names, each once.
func (p *program) refs(n *node) []*node {
	if n.done {
		return n.refs
	}
	n.done = true
	imports, dots := p.imports(n.file)
	local := localNames(n.unit.node)
	seen := map[*node]bool{n: true}
	add := func(nodes []*node) {
		for _, ref := range nodes {
			if !seen[ref] {
				seen[ref] = true
				n.refs = append(n.refs, ref)
			}
		}
	}
	var visit func(ast.Node) bool
	visit = func(x ast.Node) bool {
		switch x := x.(type) {
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); ok && imports[id.Name] != "" {
				if d := p.pkgs[imports[id.Name]]; d != nil {
					add(d.names[x.Sel.Name])
				}
				if !local[id.Name] { // else a variable may hide the import, as in url, err := url.Parse(s)
					return false
				}
			}
			add(p.methods[x.Sel.Name])
			ast.Inspect(x.X, visit)
			return false
		case *ast.KeyValueExpr:
			if _, ok := x.Key.(*ast.Ident); !ok { // else most likely a field
				ast.Inspect(x.Key, visit)
			}
			ast.Inspect(x.Value, visit)
			return false
		case *ast.Ident:
			if !local[x.Name] {
				add(p.pkgs[n.pkg].names[x.Name])
				for _, imp := range dots {
					add(p.pkgs[imp].names[x.Name])
				}
			}
		}
		return true
	}
	ast.Inspect(n.unit.node, visit)
	return n.refs
}

// imports returns the import paths of a file by their names in it, and, as dots, the tree's
// packages that it imports without a name.
func (p *program) imports(f *localize.File) (names map[string]string, dots []string) {
	names = make(map[string]string)
	for _, spec := range syntaxOf(f).file.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(imp)
		if d := p.pkgs[imp]; d != nil && d.Name != "" {
			name = d.Name
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "." {
			if p.pkgs[imp] != nil {
				dots = append(dots, imp)
			}
			continue
		}
		names[name] = imp
	}
	return names, dots
}

// localNames returns the names that are declared anywhere inside a declaration. That is
// close enough to scopes to distinguish a variable from a function.
func localNames(n ast.Node) map[string]bool {
	local := make(map[string]bool)
	fields := func(list *ast.FieldList) {
		if list == nil {
			return
		}
		for _, f := range list.List {
			for _, id := range f.Names {
				local[id.Name] = true
			}
		}
	}
	idents := func(exprs ...ast.Expr) {
		for _, e := range exprs {
			if id, ok := e.(*ast.Ident); ok {
				local[id.Name] = true
			}
		}
	}
	ast.Inspect(n, func(x ast.Node) bool {
		switch x := x.(type) {
		case *ast.FuncDecl:
			fields(x.Recv)
		case *ast.FuncType:
			fields(x.Params)
			fields(x.Results)
		case *ast.AssignStmt:
			if x.Tok.String() == ":=" {
				idents(x.Lhs...)
			}
		case *ast.RangeStmt:
			if x.Tok.String() == ":=" {
				idents(x.Key, x.Value)
			}
		case *ast.DeclStmt:
			if gen, ok := x.Decl.(*ast.GenDecl); ok {
				for _, spec := range gen.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok {
						for _, id := range v.Names {
							local[id.Name] = true
						}
					}
				}
			}
		}
		return true
	})
	return local
}
