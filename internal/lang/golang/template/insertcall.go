package template

import (
	"go/ast"
	"go/types"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var insertCallStrategy = propose.Strategy{
	Name:  "template/insert-call",
	Title: "Insert a call or an append that similar code makes",
	Text: `Repeats calls, deferred calls and appends from the package whose names are in
scope, appends variables to slices of their type, and calls methods without
parameters and results. Leaves out calls that exit the program, and calls that
lock or unlock, because half of a pair can block forever.`,
	Before: `import "sync"

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *counter) sub() {
	c.mu.Lock()
	c.n--
}`,
	After: `import "sync"

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *counter) sub() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
}`,
	Share: 1.6, Measured: true,
	Propose: perFunction(insertCall),
}

// insertCall inserts a call, a deferred call or an append.
func insertCall(f *function, out emit) {
	var calls []*site.Donor
	for _, d := range f.Donors().Stmts {
		switch n := d.Node.(type) {
		case *ast.ExprStmt:
			if !f.synchronizes(n.X) && !f.exitsProgram(n.X) {
				calls = append(calls, d)
			}
		case *ast.DeferStmt:
			calls = append(calls, d)
		case *ast.AssignStmt:
			if len(n.Rhs) == 1 {
				if call, ok := n.Rhs[0].(*ast.CallExpr); ok {
					if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "append" {
						calls = append(calls, d)
					}
				}
			}
		}
	}
	f.insertions(func(list []ast.Stmt, i int) {
		place := f.placeAt(list, i)
		pos := f.insertPos(list, i)
		var options []site.Option
		add := func(text string, weight, alike float64) {
			options = append(options, site.Option{Weight: weight, Alike: alike, Title: "insert " + site.Quote(text), Edits: []propose.Edit{place(text)}})
		}
		for _, a := range f.Nearest(calls, pos, 30, "") {
			add(a.Text, a.Weight, a.Alike)
		}
		locals := f.Locals(pos)
		for k, v := range f.Owners(pos) {
			if k >= 8 {
				break
			}
			for _, field := range f.fieldsOf(v.Type()) {
				s, ok := field.Type().Underlying().(*types.Slice)
				for n, w := range locals {
					if ok && n < 16 && types.AssignableTo(w.Type(), s.Elem()) {
						name := v.Name() + "." + field.Name()
						add(name+" = append("+name+", "+w.Name()+")", 0.4, 0.4)
					}
				}
			}
			for _, m := range f.plainMethods(v.Type()) {
				add(v.Name()+"."+m+"()", 0.15, 0.3)
			}
			if s, ok := v.Type().Underlying().(*types.Slice); ok {
				n := 0
				for _, w := range locals {
					if n < 3 && w != v && types.AssignableTo(w.Type(), s.Elem()) {
						add(v.Name()+" = append("+v.Name()+", "+w.Name()+")", 0.4/float64(n+1), 0.4)
						n++
					}
				}
			}
		}
		out(f.insertSite(list, i), options)
	})
}

// synchronizes reports whether an expression calls a method of package sync. Half of a
// pair like Lock and Unlock can block forever.
func (f *function) synchronizes(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	fn, ok := f.Package.Info.Uses[sel.Sel].(*types.Func)
	return ok && fromSync(fn)
}

func fromSync(fn *types.Func) bool { return fn.Pkg() != nil && fn.Pkg().Path() == "sync" }

// exitsProgram reports whether an expression is a call that panics or ends the goroutine or
// the program. Inserted without a condition, it hides the code after it and fixes nothing.
func (f *function) exitsProgram(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name == "panic"
	case *ast.SelectorExpr:
		fn, ok := f.Package.Info.Uses[fun.Sel].(*types.Func)
		return ok && fn.Pkg() != nil && (fn.Pkg().Path() == "os" && fn.Name() == "Exit" ||
			fn.Pkg().Path() == "runtime" && fn.Name() == "Goexit" || fn.Pkg().Path() == "log" && strings.HasPrefix(fn.Name(), "Fatal"))
	}
	return false
}

// plainMethods lists the methods of a type without parameters and results.
func (f *function) plainMethods(t types.Type) []string {
	if _, isIface := t.Underlying().(*types.Interface); !isIface {
		if _, isPtr := t.Underlying().(*types.Pointer); !isPtr {
			t = types.NewPointer(t)
		}
	}
	var out []string
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		fn, ok := set.At(i).Obj().(*types.Func)
		if ok && !fromSync(fn) && (fn.Exported() || fn.Pkg() == f.Package.Types) && fn.Signature().Params().Len() == 0 && fn.Signature().Results().Len() == 0 {
			out = append(out, fn.Name())
		}
	}
	if len(out) > 8 {
		out = out[:8]
	}
	return out
}
