package propose

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// donors are the pieces of code of a package that can be put elsewhere: most of
// what a fix needs stands somewhere near already (the plastic surgery hypothesis,
// Barr et al. 2014).
type donors struct {
	exprs  map[string][]*donor // by type
	conds  []*donor            // conditions and their clauses
	guards []*donor            // whole if statements that leave the block
	stmts  []*donor            // simple statements: calls, assignments, defers, increments
	calls  []*donor            // calls by callee, for wrapping and arguments
}

// donor is a piece of code with the names it depends on.
type donor struct {
	node  ast.Node
	text  string
	file  *File
	decl  *ast.FuncDecl
	typ   types.Type // of an expression
	free  []freeName
	count int // how often the very text stands in the package
}

// freeName is a use of a name inside a donor.
type freeName struct {
	name       string
	start, end int // in the donor's text
	obj        types.Object
}

const (
	maxDonorText = 160
	maxGuardText = 400
)

// donors returns the donors of the function's package.
func (f *Function) donors() *donors {
	d, _ := Remember(&f.pkg.Memo, func() (*donors, error) { return donorsOf(f.pkg), nil })
	return d
}

func donorsOf(p *Package) *donors {
	d := &donors{exprs: make(map[string][]*donor)}
	for _, file := range p.Files {
		if ast.IsGenerated(file.Syntax) {
			continue
		}
		for _, decl := range file.Syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				d.collect(p, file, fn)
			}
		}
	}
	return d
}

func (d *donors) collect(p *Package, file *File, decl *ast.FuncDecl) {
	take := func(n ast.Node, limit int) *donor {
		text := file.Text(n)
		if len(text) > limit {
			return nil
		}
		free, ok := freeNames(p, file, n)
		if !ok {
			return nil
		}
		return &donor{node: n, text: text, file: file, decl: decl, free: free, count: 1}
	}
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			if n.Else == nil && leaves(n.Body) {
				if g := take(n, maxGuardText); g != nil {
					d.guards = append(d.guards, g)
				}
			}
			d.clauses(n.Cond, take)
		case *ast.ForStmt:
			if n.Cond != nil {
				d.clauses(n.Cond, take)
			}
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				if s := take(n, maxDonorText); s != nil {
					d.stmts = append(d.stmts, s)
				}
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt:
			if s := take(n, maxDonorText); s != nil {
				d.stmts = append(d.stmts, s)
			}
		}
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		tv, ok := p.Info.Types[e]
		if !ok || !tv.IsValue() || tv.Type == nil {
			return true
		}
		switch e := e.(type) {
		case *ast.Ident, *ast.ParenExpr, *ast.FuncLit, *ast.BasicLit: // literals have rows of their own
			return true
		case *ast.BinaryExpr:
			if e.Op == token.LAND || e.Op == token.LOR {
				d.clauses(e, take)
			}
		}
		if x := take(e, maxDonorText); x != nil {
			x.typ = tv.Type
			d.exprs[typeKey(tv.Type)] = append(d.exprs[typeKey(tv.Type)], x)
			if _, ok := e.(*ast.CallExpr); ok {
				d.calls = append(d.calls, x)
			}
		}
		return true
	})
}

// clauses adds a condition, and what it is made of, to the donors.
func (d *donors) clauses(cond ast.Expr, take func(ast.Node, int) *donor) {
	cond = ast.Unparen(cond)
	if c := take(cond, maxDonorText); c != nil {
		d.conds = append(d.conds, c)
	}
	if b, ok := cond.(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
		d.clauses(b.X, take)
		d.clauses(b.Y, take)
	}
}

func typeKey(t types.Type) string { return types.TypeString(types.Default(t), nil) }

// leaves reports whether a block ends by leaving its surroundings.
func leaves(b *ast.BlockStmt) bool {
	if len(b.List) == 0 || len(b.List) > 3 {
		return false
	}
	switch s := b.List[len(b.List)-1].(type) {
	case *ast.ReturnStmt:
		return true
	case *ast.BranchStmt:
		return s.Label == nil
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok {
			return false
		}
		id, ok := call.Fun.(*ast.Ident)
		return ok && id.Name == "panic"
	}
	return false
}

// freeNames lists the names of n that must mean something where it is put. It is
// not ok when n holds a function literal or a label, which do not travel.
func freeNames(p *Package, file *File, n ast.Node) ([]freeName, bool) {
	var out []freeName
	ok := true
	base := file.Offset(n.Pos())
	ast.Inspect(n, func(m ast.Node) bool {
		switch m := m.(type) {
		case *ast.FuncLit, *ast.LabeledStmt:
			ok = false
		case *ast.Ident:
			obj := p.Info.Uses[m]
			if obj == nil || (obj.Pos() >= n.Pos() && obj.Pos() < n.End()) {
				return ok // a name that the donor brings along
			}
			if v, isVar := obj.(*types.Var); isVar && v.IsField() {
				return ok
			}
			if fn, isFunc := obj.(*types.Func); isFunc && fn.Signature().Recv() != nil {
				return ok
			}
			if obj.Parent() == types.Universe {
				return ok
			}
			if obj.Pkg() != nil && obj.Pkg() != p.Types {
				if _, isPkg := obj.(*types.PkgName); !isPkg {
					return ok // the Sel of a qualified name
				}
			}
			start := file.Offset(m.Pos()) - base
			out = append(out, freeName{name: m.Name, start: start, end: start + len(m.Name), obj: obj})
		}
		return ok
	})
	return out, ok
}

// adapted is a donor's text as it can stand at a place.
type adapted struct {
	text   string
	weight float64 // 1 for a donor of the same function that needs no renaming
	alike  float64
}

// adapt returns the texts a donor can have at a place: names that mean the same
// there stay, other local names become variables of the same type in scope.
func (f *Function) adapt(d *donor, pos token.Pos) []adapted {
	alike := f.nearness(d)
	base := alike * (1 + min(float64(d.count-1), 4)*0.1)
	rename := make(map[types.Object][]string)
	var order []types.Object
	for _, n := range d.free {
		if _, done := rename[n.obj]; done {
			continue
		}
		names := f.resolve(n, pos)
		if len(names) == 0 {
			return nil
		}
		rename[n.obj] = names
		if len(names) > 1 || names[0] != n.name {
			order = append(order, n.obj)
		}
	}
	if len(order) == 0 {
		return []adapted{{d.text, base, alike}}
	}
	if len(order) > 2 {
		return nil
	}
	var out []adapted
	chosen := make(map[types.Object]string)
	var choose func(i int, weight float64)
	choose = func(i int, weight float64) {
		if i == len(order) {
			out = append(out, adapted{d.with(chosen), base * weight, alike * weight})
			return
		}
		for k, name := range rename[order[i]] {
			chosen[order[i]] = name
			choose(i+1, weight*0.5/float64(k+1))
		}
	}
	choose(0, 1)
	return out
}

// resolve returns the names under which something like n can be had at pos.
func (f *Function) resolve(n freeName, pos token.Pos) []string {
	here := f.lookup(n.name, pos)
	switch obj := n.obj.(type) {
	case *types.PkgName:
		if name := f.importName(obj.Imported().Path()); name != "" {
			return []string{name}
		}
		return nil
	case *types.Var:
		if obj.Parent() == f.pkg.Types.Scope() {
			if here == n.obj {
				return []string{n.name}
			}
			return nil
		}
		if v, ok := here.(*types.Var); ok && types.Identical(v.Type(), obj.Type()) {
			return []string{n.name}
		}
		var names []string
		for _, v := range f.locals(pos) {
			if types.Identical(v.Type(), obj.Type()) {
				names = append(names, v.Name())
				if len(names) == 3 {
					break
				}
			}
		}
		return names
	default:
		if here == n.obj {
			return []string{n.name}
		}
		return nil
	}
}

// with returns the donor's text with names replaced.
func (d *donor) with(names map[types.Object]string) string {
	var b strings.Builder
	at := 0
	for _, n := range d.free {
		b.WriteString(d.text[at:n.start])
		if name, ok := names[n.obj]; ok {
			b.WriteString(name)
		} else {
			b.WriteString(n.name)
		}
		at = n.end
	}
	b.WriteString(d.text[at:])
	return b.String()
}

// nearness of a donor: the same function, the same file, the same package.
func (f *Function) nearness(d *donor) float64 {
	switch {
	case d.decl == f.decl && f.decl != nil:
		return 1
	case d.file == f.file:
		return 0.5
	default:
		return 0.25
	}
}

// nearest adapts donors to a place and returns the best of the results, without
// repeats. except is text that is there already.
func (f *Function) nearest(list []*donor, pos token.Pos, limit int, except string) []adapted {
	byText := make(map[string]int)
	var out []adapted
	for _, d := range list {
		for _, a := range f.adapt(d, pos) {
			if a.text == except {
				continue
			}
			if i, ok := byText[a.text]; ok {
				out[i].weight = max(out[i].weight, a.weight) + 0.05*min(out[i].weight, a.weight)
				out[i].alike = max(out[i].alike, a.alike)
				continue
			}
			byText[a.text] = len(out)
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b adapted) int { return cmp.Compare(b.weight, a.weight) })
	if len(out) > limit {
		out = out[:limit]
	}
	return out
}
