package site

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// Donors are the pieces of code of a package that can be put elsewhere: most of
// what a fix needs stands somewhere near already (the plastic surgery hypothesis,
// Barr et al. 2014).
type Donors struct {
	Exprs  map[string][]*Donor // by type
	Conds  []*Donor            // conditions and their clauses
	Guards []*Donor            // whole if statements that leave the block
	Stmts  []*Donor            // simple statements: calls, assignments, defers, increments
	Calls  []*Donor            // calls by callee, for wrapping and arguments
}

// Donor is a piece of code with the names it depends on.
type Donor struct {
	Node  ast.Node
	Text  string
	file  *source.File
	decl  *ast.FuncDecl
	Type  types.Type // of an expression
	Free  []freeName
	count int // how often the very text stands in the package
}

// freeName is a use of a name inside a donor.
type freeName struct {
	Name       string
	Start, End int // in the donor's text
	Object     types.Object
}

const (
	MaxDonorText = 160
	maxGuardText = 400
)

// Donors returns the donors of the function's package.
func (f *Function) Donors() *Donors {
	d, _ := propose.Remember(&f.Package.Memo, func() (*Donors, error) { return donorsOf(f.Package), nil })
	return d
}

func donorsOf(p *source.Package) *Donors {
	d := &Donors{Exprs: make(map[string][]*Donor)}
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

func (d *Donors) collect(p *source.Package, file *source.File, decl *ast.FuncDecl) {
	take := func(n ast.Node, limit int) *Donor {
		text := file.Text(n)
		if len(text) > limit {
			return nil
		}
		free, ok := FreeNames(p, file, n)
		if !ok {
			return nil
		}
		return &Donor{Node: n, Text: text, file: file, decl: decl, Free: free, count: 1}
	}
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			if n.Else == nil && Leaves(n.Body) {
				if g := take(n, maxGuardText); g != nil {
					d.Guards = append(d.Guards, g)
				}
			}
			d.clauses(n.Cond, take)
		case *ast.ForStmt:
			if n.Cond != nil {
				d.clauses(n.Cond, take)
			}
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				if s := take(n, MaxDonorText); s != nil {
					d.Stmts = append(d.Stmts, s)
				}
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt:
			if s := take(n, MaxDonorText); s != nil {
				d.Stmts = append(d.Stmts, s)
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
		if x := take(e, MaxDonorText); x != nil {
			x.Type = tv.Type
			d.Exprs[TypeKey(tv.Type)] = append(d.Exprs[TypeKey(tv.Type)], x)
			if _, ok := e.(*ast.CallExpr); ok {
				d.Calls = append(d.Calls, x)
			}
		}
		return true
	})
}

// clauses adds a condition, and what it is made of, to the donors.
func (d *Donors) clauses(cond ast.Expr, take func(ast.Node, int) *Donor) {
	cond = ast.Unparen(cond)
	if c := take(cond, MaxDonorText); c != nil {
		d.Conds = append(d.Conds, c)
	}
	if b, ok := cond.(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
		d.clauses(b.X, take)
		d.clauses(b.Y, take)
	}
}

// TypeKey is a type as a key of [Donors.Exprs]: untyped constants count as their default.
func TypeKey(t types.Type) string { return types.TypeString(types.Default(t), nil) }

// Leaves reports whether a block ends by leaving its surroundings.
func Leaves(b *ast.BlockStmt) bool {
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

// FreeNames lists the names of n that must mean something where it is put. It is
// not ok when n holds a function literal or a label, which do not travel.
func FreeNames(p *source.Package, file *source.File, n ast.Node) ([]freeName, bool) {
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
			out = append(out, freeName{Name: m.Name, Start: start, End: start + len(m.Name), Object: obj})
		}
		return ok
	})
	return out, ok
}

// Adapted is a donor's text as it can stand at a place.
type Adapted struct {
	Text   string
	Weight float64 // 1 for a donor of the same function that needs no renaming
	Alike  float64
}

// Adapt returns the texts a donor can have at a place: names that mean the same
// there stay, other local names become variables of the same type in scope.
func (f *Function) Adapt(d *Donor, pos token.Pos) []Adapted {
	alike := f.nearness(d)
	base := alike * (1 + min(float64(d.count-1), 4)*0.1)
	rename := make(map[types.Object][]string)
	var order []types.Object
	for _, n := range d.Free {
		if _, done := rename[n.Object]; done {
			continue
		}
		names := f.resolve(n, pos)
		if len(names) == 0 {
			return nil
		}
		rename[n.Object] = names
		if len(names) > 1 || names[0] != n.Name {
			order = append(order, n.Object)
		}
	}
	if len(order) == 0 {
		return []Adapted{{d.Text, base, alike}}
	}
	if len(order) > 2 {
		return nil
	}
	var out []Adapted
	chosen := make(map[types.Object]string)
	var choose func(i int, weight float64)
	choose = func(i int, weight float64) {
		if i == len(order) {
			out = append(out, Adapted{d.with(chosen), base * weight, alike * weight})
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
	here := f.Lookup(n.Name, pos)
	switch obj := n.Object.(type) {
	case *types.PkgName:
		if name := f.ImportName(obj.Imported().Path()); name != "" {
			return []string{name}
		}
		return nil
	case *types.Var:
		if obj.Parent() == f.Package.Types.Scope() {
			if here == n.Object {
				return []string{n.Name}
			}
			return nil
		}
		if v, ok := here.(*types.Var); ok && types.Identical(v.Type(), obj.Type()) {
			return []string{n.Name}
		}
		var names []string
		for _, v := range f.Locals(pos) {
			if types.Identical(v.Type(), obj.Type()) {
				names = append(names, v.Name())
				if len(names) == 3 {
					break
				}
			}
		}
		return names
	default:
		if here == n.Object {
			return []string{n.Name}
		}
		return nil
	}
}

// with returns the donor's text with names replaced.
func (d *Donor) with(names map[types.Object]string) string {
	var b strings.Builder
	at := 0
	for _, n := range d.Free {
		b.WriteString(d.Text[at:n.Start])
		if name, ok := names[n.Object]; ok {
			b.WriteString(name)
		} else {
			b.WriteString(n.Name)
		}
		at = n.End
	}
	b.WriteString(d.Text[at:])
	return b.String()
}

// nearness of a donor: the same function, the same file, the same package.
func (f *Function) nearness(d *Donor) float64 {
	switch {
	case d.decl == f.Decl && f.Decl != nil:
		return 1
	case d.file == f.File:
		return 0.5
	default:
		return 0.25
	}
}

// Nearest adapts donors to a place and returns the best of the results, without
// repeats. except is text that is there already.
func (f *Function) Nearest(list []*Donor, pos token.Pos, limit int, except string) []Adapted {
	byText := make(map[string]int)
	var out []Adapted
	for _, d := range list {
		for _, a := range f.Adapt(d, pos) {
			if a.Text == except {
				continue
			}
			if i, ok := byText[a.Text]; ok {
				out[i].Weight = max(out[i].Weight, a.Weight) + 0.05*min(out[i].Weight, a.Weight)
				out[i].Alike = max(out[i].Alike, a.Alike)
				continue
			}
			byText[a.Text] = len(out)
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b Adapted) int { return cmp.Compare(b.Weight, a.Weight) })
	if len(out) > limit {
		out = out[:limit]
	}
	return out
}
