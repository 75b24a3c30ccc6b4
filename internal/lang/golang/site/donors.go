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

// Donors holds the pieces of code of a package that can be reused elsewhere. Most of what
// a fix needs already exists nearby (the plastic surgery hypothesis, Barr et al. 2014).
type Donors struct {
	Exprs  map[string][]*Donor // by TypeKey
	Conds  []*Donor            // conditions and their clauses
	Guards []*Donor            // whole if statements that exit the block
	Stmts  []*Donor            // simple statements: calls, assignments, defers, increments
	Calls  []*Donor            // calls, to wrap expressions in
}

// Donor is a piece of code and the names it depends on.
type Donor struct {
	Node ast.Node
	Text string
	file *source.File
	decl *ast.FuncDecl
	Type types.Type // of an expression
	Free []freeName
}

// freeName is a use, inside a donor, of a name that is declared outside.
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
		return &Donor{Node: n, Text: text, file: file, decl: decl, Free: free}
	}
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			if n.Else == nil && IsExit(n.Body) {
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
		case *ast.Ident, *ast.ParenExpr, *ast.FuncLit, *ast.BasicLit: // other strategies change names and literals
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

// clauses adds a condition and its clauses to the donors.
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

// TypeKey returns the key of a type in [Donors.Exprs]. An untyped constant has the key of
// its default type.
func TypeKey(t types.Type) string { return types.TypeString(types.Default(t), nil) }

// IsExit reports whether a block is at most three statements that end in a return, an
// unlabelled branch or a panic.
func IsExit(b *ast.BlockStmt) bool {
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

// FreeNames lists the names in n that must be in scope where n is reused. It returns false
// if n contains a function literal or a label, which cannot be reused.
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
				return ok // declared in n itself
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

// Adapted is a donor's text with its names adapted to a place.
type Adapted struct {
	Text   string
	Weight float64 // 1 for a donor of the same function that needs no renaming
	Alike  float64
}

// Adapt returns the texts of a donor at a place. Names with the same meaning there stay;
// other local names become variables of the same type in scope.
func (f *Function) Adapt(d *Donor, pos token.Pos) []Adapted {
	alike := f.nearness(d)
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
		return []Adapted{{d.Text, alike, alike}}
	}
	if len(order) > 2 {
		return nil
	}
	var out []Adapted
	chosen := make(map[types.Object]string)
	var choose func(i int, weight float64)
	choose = func(i int, weight float64) {
		if i == len(order) {
			out = append(out, Adapted{d.with(chosen), alike * weight, alike * weight})
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

// resolve returns the names that can replace n at pos, or nil.
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

// nearness returns a donor's weight: 1 if it is from the same function, less if it is only
// from the same file or package.
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

// Nearest adapts donors to a place and returns the best results without duplicates. It
// skips the text that is already at that place.
func (f *Function) Nearest(list []*Donor, pos token.Pos, limit int, current string) []Adapted {
	byText := make(map[string]int)
	var out []Adapted
	for _, d := range list {
		for _, a := range f.Adapt(d, pos) {
			if a.Text == current {
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
