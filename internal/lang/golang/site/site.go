// Package site describes the places in Go code that a strategy can change: a suspicious
// function with its types, scopes and statements, and the donors, which are pieces of code
// from its package that can be reused there.
//
// Goals: everything that strategies need to know about a function is computed once, here;
// code that is moved only uses names that are in scope at its new place.
//
// Non-goals: to decide which change to make, which package template does, or to judge it.
package site

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// Function is a suspicious function with all that strategies need to know about it. The
// initial value of a package-level variable also counts as a function: its Decl is nil.
type Function struct {
	Problem *propose.Problem
	Package *source.Package
	File    *source.File
	Decl    *ast.FuncDecl
	Body    ast.Node // of Decl, or the initial value
	// inherited is the suspicion of an initial value. It has no lines of its own that tests
	// run, and inherits the suspicion of those that use it.
	inherited float64
	Parent    map[ast.Node]ast.Node      // of each node of the body
	ends      map[token.Pos]*types.Scope // of clauses, by the end of their last statement
	at        place
}

// place caches what is in scope at the last position, because strategies look up many
// names in a row at the same one.
type place struct {
	pos    token.Pos
	scope  *types.Scope
	locals []*types.Var
}

// HoleCondition is the placeholder for a condition in [Option.Hole].
const HoleCondition = "regreenHole()"

// Option is one way to change a site. Weight is its likelihood relative to the site's
// other options. The other fields are those of [propose.Candidate].
type Option struct {
	Weight  float64
	Title   string
	Edits   []propose.Edit
	Removed float64
	Alike   float64
	Review  bool
	Whole   bool
	Hole    []propose.Edit // the edits with HoleCondition in place of the condition
}

// Suspicion returns the suspicion of a node's lines. For a statement, only the first line
// counts, because the statements it contains are sites of their own.
func (f *Function) Suspicion(n ast.Node) float64 {
	if f.Decl == nil {
		return f.inherited
	}
	start, end := f.File.Line(n.Pos()), f.File.Line(n.End())
	switch n.(type) {
	case *ast.FuncDecl:
	case ast.Stmt:
		end = start
	}
	return f.Problem.Suspicion(f.File.Name, start, end)
}

// Suspicious reports whether a node has any suspicion. The options of one that has none
// need not be computed.
func (f *Function) Suspicious(n ast.Node) bool { return f.Suspicion(n) > 0 }

// found holds the suspicious functions of one round of suspects.
type found struct {
	mu        sync.Mutex
	round     int
	functions []*Function
	err       error
}

// Functions returns the suspicious functions by package, the most suspicious package
// first. It leaves out packages that cannot be loaded and returns the first such error.
func Functions(ctx context.Context, p *propose.Problem) ([]*Function, error) {
	f, _ := propose.Remember(&p.Memo, func() (*found, error) { return &found{round: -1}, nil })
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.round != p.Round() {
		f.functions, f.err = findFunctions(ctx, p)
		f.round = p.Round()
	}
	return f.functions, f.err
}

func findFunctions(ctx context.Context, p *propose.Problem) ([]*Function, error) {
	var dirs []string
	for _, s := range p.Suspects {
		if dir := path.Dir(s.File); strings.HasSuffix(s.File, ".go") && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	var out []*Function
	var firstErr error
	for _, dir := range dirs {
		pkg, err := source.Of(p).Load(ctx, dir)
		if err != nil {
			if firstErr == nil {
				firstErr = err
			}
			continue
		}
		for _, file := range pkg.Files {
			if strings.HasSuffix(file.Name, "_test.go") || !p.MayEdit(file.Name) || ast.IsGenerated(file.Syntax) {
				continue
			}
			for _, d := range file.Syntax.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Body != nil && p.Suspicion(file.Name, file.Line(d.Pos()), file.Line(d.End())) > 0 {
						out = append(out, newFunction(p, pkg, file, d))
					}
				case *ast.GenDecl:
					out = append(out, valuesOf(p, pkg, file, d)...)
				}
			}
		}
	}
	return out, firstErr
}

func newFunction(p *propose.Problem, pkg *source.Package, file *source.File, decl *ast.FuncDecl) *Function {
	f := &Function{Problem: p, Package: pkg, File: file, Decl: decl, Body: decl.Body}
	f.Link(decl)
	return f
}

// inheritedShare is the share of suspicion that a package-level variable inherits from
// the lines that use it.
const inheritedShare = 0.5

// valuesOf returns the initial values of the variables of a declaration that
// suspicious lines use.
func valuesOf(p *propose.Problem, pkg *source.Package, file *source.File, d *ast.GenDecl) []*Function {
	var out []*Function
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || d.Tok != token.VAR || len(v.Names) != len(v.Values) {
			continue
		}
		for i, name := range v.Names {
			if s := inheritedShare * maxSuspicion(p, pkg, pkg.Info.Defs[name]); s > 0 {
				f := &Function{Problem: p, Package: pkg, File: file, Body: v.Values[i], inherited: s}
				f.Link(v)
				out = append(out, f)
			}
		}
	}
	return out
}

// maxSuspicion returns the suspicion of the most suspicious line that uses an object.
func maxSuspicion(p *propose.Problem, pkg *source.Package, obj types.Object) float64 {
	best := 0.0
	for _, at := range usesOf(pkg)[obj] {
		best = max(best, p.Suspicion(at.file, at.line, at.line))
	}
	return best
}

// use is a line that uses a package-level object.
type use struct {
	file string
	line int
}

// uses maps the package-level objects of a package to the lines that use them.
type uses map[types.Object][]use

func usesOf(p *source.Package) uses {
	found, _ := propose.Remember(&p.Memo, func() (uses, error) {
		found := make(uses)
		files := make(map[string]string, len(p.Files))
		for _, f := range p.Files {
			files[f.Tok.Name()] = f.Name
		}
		for id, used := range p.Info.Uses {
			if used.Parent() != p.Types.Scope() {
				continue
			}
			pos := p.Fset.Position(id.Pos())
			if name, ok := files[pos.Filename]; ok {
				found[used] = append(found[used], use{name, pos.Line})
			}
		}
		return found, nil
	})
	return found
}

// Link records the parents of the nodes below root.
func (f *Function) Link(root ast.Node) {
	f.Parent = make(map[ast.Node]ast.Node)
	f.ends = make(map[token.Pos]*types.Scope)
	var stack []ast.Node
	ast.Inspect(root, func(n ast.Node) bool {
		var body []ast.Stmt
		switch n := n.(type) {
		case *ast.CaseClause:
			body = n.Body
		case *ast.CommClause:
			body = n.Body
		}
		if len(body) > 0 {
			f.ends[body[len(body)-1].End()] = f.Package.Info.Scopes[n]
		}
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if len(stack) > 0 {
			f.Parent[n] = stack[len(stack)-1]
		}
		stack = append(stack, n)
		return true
	})
}

// Replace returns the edit that replaces a node with text.
func (f *Function) Replace(n ast.Node, text string) propose.Edit {
	return propose.Edit{File: f.File.Name, Start: f.File.Offset(n.Pos()), End: f.File.Offset(n.End()), New: text}
}

// Before returns the edit that inserts a statement on lines of its own before stmt.
func (f *Function) Before(stmt ast.Stmt, text string) propose.Edit {
	at := f.File.Offset(stmt.Pos())
	indent := f.Indent(at)
	return propose.Edit{File: f.File.Name, Start: at, End: at, New: Reindent(text, indent) + "\n" + indent}
}

// After returns the edit that inserts a statement on lines of its own after stmt.
func (f *Function) After(stmt ast.Stmt, text string) propose.Edit {
	indent := f.Indent(f.File.Offset(stmt.Pos()))
	at := f.File.Offset(stmt.End())
	for at < len(f.File.Src) && f.File.Src[at] != '\n' { // keep a trailing comment with its statement
		at++
	}
	return propose.Edit{File: f.File.Name, Start: at, End: at, New: "\n" + indent + Reindent(text, indent)}
}

// Remove returns the edit that removes a statement, and its line if nothing else is on it.
func (f *Function) Remove(stmt ast.Node) propose.Edit {
	start, end := f.File.Offset(stmt.Pos()), f.File.Offset(stmt.End())
	src := f.File.Src
	for end < len(src) && (src[end] == ' ' || src[end] == '\t' || src[end] == ';') {
		end++
	}
	lineStart := start
	for lineStart > 0 && (src[lineStart-1] == ' ' || src[lineStart-1] == '\t') {
		lineStart--
	}
	if (lineStart == 0 || src[lineStart-1] == '\n') && end < len(src) && src[end] == '\n' {
		start, end = lineStart, end+1
	}
	return propose.Edit{File: f.File.Name, Start: start, End: end}
}

// Indent returns the indentation of the line of an offset.
func (f *Function) Indent(offset int) string {
	src := f.File.Src
	start := offset
	for start > 0 && src[start-1] != '\n' {
		start--
	}
	end := start
	for end < len(src) && (src[end] == ' ' || src[end] == '\t') {
		end++
	}
	return string(src[start:end])
}

// Reindent indents every line of a statement but its first. The least indented of those
// lines gets the given indentation, and the others keep theirs relative to it.
func Reindent(text, indent string) string {
	lines := strings.Split(text, "\n")
	own := -1
	for _, l := range lines[1:] {
		if strings.TrimSpace(l) == "" {
			continue
		}
		if n := len(l) - len(strings.TrimLeft(l, "\t ")); own < 0 || n < own {
			own = n
		}
	}
	for i, l := range lines[1:] {
		if strings.TrimSpace(l) == "" {
			lines[i+1] = ""
			continue
		}
		lines[i+1] = indent + l[max(own, 0):]
	}
	return strings.Join(lines, "\n")
}

// TypeOf returns the type of an expression, or nil.
func (f *Function) TypeOf(e ast.Expr) types.Type { return f.Package.Info.TypeOf(e) }

// Text returns the source of a node.
func (f *Function) Text(n ast.Node) string { return f.File.Text(n) }

// Vars lists the variables in scope at pos, the nearest first: locals, parameters, then
// those of the package.
func (f *Function) Vars(pos token.Pos) []*types.Var {
	var out []*types.Var
	seen := make(map[string]bool)
	for s := f.Innermost(pos); s != nil && s != types.Universe; s = s.Parent() {
		var level []*types.Var
		for _, name := range s.Names() {
			if seen[name] || name == "_" {
				continue
			}
			_, obj := s.LookupParent(name, pos)
			v, ok := obj.(*types.Var)
			if !ok || (s != f.Package.Types.Scope() && obj.Parent() != s) {
				continue
			}
			seen[name] = true
			level = append(level, v)
		}
		slices.SortStableFunc(level, func(a, b *types.Var) int { return int(b.Pos() - a.Pos()) })
		out = append(out, level...)
	}
	return out
}

// Locals lists the variables in scope at pos without those of the package.
func (f *Function) Locals(pos token.Pos) []*types.Var {
	f.moveTo(pos)
	if f.at.locals == nil {
		f.at.locals = slices.DeleteFunc(f.Vars(pos), func(v *types.Var) bool { return v.Parent() == f.Package.Types.Scope() })
	}
	return f.at.locals
}

// Owners returns the locals whose fields can be used at pos, with the receiver first.
func (f *Function) Owners(pos token.Pos) []*types.Var {
	locals := f.Locals(pos)
	if f.Decl == nil || f.Decl.Recv == nil || len(f.Decl.Recv.List[0].Names) == 0 {
		return locals
	}
	recv := f.Package.Info.Defs[f.Decl.Recv.List[0].Names[0]]
	i := slices.IndexFunc(locals, func(v *types.Var) bool { return v == recv })
	if i <= 0 {
		return locals
	}
	return slices.Concat(locals[i:i+1], locals[:i], locals[i+1:])
}

// Innermost returns the innermost scope around pos.
func (f *Function) Innermost(pos token.Pos) *types.Scope {
	f.moveTo(pos)
	return f.at.scope
}

func (f *Function) moveTo(pos token.Pos) {
	if f.at.pos == pos && f.at.scope != nil {
		return
	}
	scope := f.Package.Types.Scope().Innermost(pos)
	if s := f.ends[pos]; s != nil { // the end of a clause's last statement is in its scope
		scope = s
	}
	if scope == nil {
		scope = f.Package.Types.Scope()
	}
	f.at = place{pos: pos, scope: scope}
}

// Lookup resolves a name at pos.
func (f *Function) Lookup(name string, pos token.Pos) types.Object {
	_, obj := f.Innermost(pos).LookupParent(name, pos)
	return obj
}

// TypeText returns a type as written in this file. It returns false if the file does not
// import a package that the type needs.
func (f *Function) TypeText(t types.Type) (text string, ok bool) {
	ok = true
	text = types.TypeString(t, func(p *types.Package) string {
		if p == f.Package.Types {
			return ""
		}
		name := f.ImportName(p.Path())
		if name == "" {
			ok = false
		}
		return name
	})
	return text, ok
}

// ImportName returns the name under which the file imports a package, or "" if it does not.
func (f *Function) ImportName(importPath string) string {
	for _, spec := range f.File.Syntax.Imports {
		if strings.Trim(spec.Path.Value, `"`) != importPath {
			continue
		}
		if spec.Name != nil {
			if spec.Name.Name == "_" || spec.Name.Name == "." {
				return ""
			}
			return spec.Name.Name
		}
		if imp, ok := f.Package.Imported[importPath]; ok {
			return imp.Name()
		}
		return path.Base(importPath)
	}
	return ""
}

// Zero returns the zero value of a type as text, or "" if it cannot be written here.
func (f *Function) Zero(t types.Type) string {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsString != 0:
			return `""`
		case u.Info()&types.IsBoolean != 0:
			return "false"
		case u.Info()&types.IsNumeric != 0:
			return "0"
		case u.Kind() == types.UnsafePointer:
			return "nil"
		}
	case *types.Struct, *types.Array:
		if text, ok := f.TypeText(t); ok {
			return text + "{}"
		}
	case *types.Interface:
		if _, param := t.(*types.TypeParam); param {
			return ""
		}
		return "nil"
	case *types.Pointer, *types.Slice, *types.Map, *types.Chan, *types.Signature:
		return "nil"
	}
	return ""
}

// Signature returns the signature of the innermost function declaration or literal around
// n, or nil.
func (f *Function) Signature(n ast.Node) *types.Signature {
	for at := n; at != nil; at = f.Parent[at] {
		switch fn := at.(type) {
		case *ast.FuncLit:
			sig, _ := f.TypeOf(fn).(*types.Signature)
			return sig
		case *ast.FuncDecl:
			if obj, ok := f.Package.Info.Defs[fn.Name].(*types.Func); ok {
				return obj.Signature()
			}
		}
	}
	return nil
}

// InLoop reports whether n is in a loop of its function, so that continue is allowed.
func (f *Function) InLoop(n ast.Node) bool {
	for at := f.Parent[n]; at != nil; at = f.Parent[at] {
		switch at.(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			return true
		case *ast.FuncLit, *ast.FuncDecl:
			return false
		}
	}
	return false
}

// Blocks calls visit for every list of statements in the function.
func (f *Function) Blocks(visit func(owner ast.Node, list []ast.Stmt)) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch b := n.(type) {
		case *ast.BlockStmt:
			switch f.Parent[b].(type) {
			case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt: // holds clauses only
			default:
				visit(b, b.List)
			}
		case *ast.CaseClause:
			visit(b, b.Body)
		case *ast.CommClause:
			visit(b, b.Body)
		}
		return true
	})
}

// Exprs calls visit for the suspicious expressions of the body whose value is used. Names
// that are declared, selected, or keys of a struct literal are not values.
func (f *Function) Exprs(visit func(e ast.Expr)) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		if tv, ok := f.Package.Info.Types[e]; ok && tv.IsValue() && !tv.IsBuiltin() && !f.assigned(e) && f.Suspicious(e) {
			visit(e)
		}
		return true
	})
}

// assigned reports whether an expression is the target of an assignment, the operand of &
// or the key of a struct literal.
func (f *Function) assigned(e ast.Expr) bool {
	switch s := f.Parent[e].(type) {
	case *ast.AssignStmt:
		return slices.Contains(s.Lhs, e)
	case *ast.IncDecStmt:
		return true
	case *ast.RangeStmt:
		return s.Key == e || s.Value == e
	case *ast.UnaryExpr:
		return s.Op == token.AND
	case *ast.KeyValueExpr:
		if lit, ok := f.Parent[s].(*ast.CompositeLit); ok && s.Key == e {
			_, isStruct := f.TypeOf(lit).Underlying().(*types.Struct)
			return isStruct
		}
	}
	return false
}

// Quote shortens source code and puts it in backquotes, for a title.
func Quote(text string) string { return propose.Quote(text) }

// ReplaceTitle returns the title of a candidate that replaces one text with another.
func ReplaceTitle(from, to string) string {
	return fmt.Sprintf("replace %s with %s", Quote(from), Quote(to))
}
