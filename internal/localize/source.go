package localize

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

// source is the Go source of a tree with its overlay, parsed as far as it is
// asked for. It is not safe for concurrent use.
type source struct {
	root    string
	overlay map[string][]byte
	fset    *token.FileSet
	files   map[string]*file
}

func newSource(root string, overlay map[string][]byte) *source {
	return &source{root: root, overlay: overlay, fset: token.NewFileSet(), files: make(map[string]*file)}
}

// file is one source file.
type file struct {
	name      string // relative to the root
	src       []byte
	syntax    *ast.File // nil when it is not Go
	pos       *token.File
	code      map[int]bool // lines with more than space and comments; nil when it is not Go
	panics    map[int]bool // lines on which a call of panic begins
	units     []unit       // sorted, not overlapping
	test      bool
	generated bool
}

// unit is a top-level function, or one specification of another declaration:
// suspects do not reach across units.
type unit struct {
	name, recv string
	start, end int // lines
	node       ast.Node
}

// hidden tells whether a file cannot be suspected for what runs: tests are what
// is believed, and generated files are not where a fault would be mended.
func (f *file) hidden() bool { return f.test || f.generated || f.syntax == nil }

// file reads and parses a file; nil when there is none. A file that does not
// parse is kept as far as it goes.
func (s *source) file(name string) *file {
	if f, ok := s.files[name]; ok {
		return f
	}
	s.files[name] = nil
	src, ok := s.overlay[name]
	if !ok {
		var err error
		if src, err = os.ReadFile(filepath.Join(s.root, filepath.FromSlash(name))); err != nil {
			return nil
		}
	}
	if src == nil {
		return nil // the overlay removes it
	}
	f := &file{name: name, src: src, test: strings.HasSuffix(name, "_test.go")}
	s.files[name] = f
	if path.Ext(name) != ".go" {
		return f
	}
	syntax, _ := parser.ParseFile(s.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if syntax == nil || !syntax.Package.IsValid() {
		return f
	}
	f.syntax, f.pos = syntax, s.fset.File(syntax.Package)
	f.generated = ast.IsGenerated(syntax)
	f.code, f.panics = codeLines(src), f.panicLines()
	for _, d := range syntax.Decls {
		f.declare(d)
	}
	sort.Slice(f.units, func(i, j int) bool { return f.units[i].start < f.units[j].start })
	return f
}

func (f *file) declare(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		u := unit{name: d.Name.Name, node: d}
		if d.Recv != nil && len(d.Recv.List) == 1 {
			u.recv = receiver(d.Recv.List[0].Type)
		}
		f.add(u)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			u := unit{node: spec}
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				u.name = spec.Names[0].Name
			case *ast.TypeSpec:
				u.name = spec.Name.Name
			}
			f.add(u)
		}
	}
}

// add adds a unit; one that begins on the line where the last one ends begins
// behind it, or is left out.
func (f *file) add(u unit) {
	u.start, u.end = f.line(u.node.Pos()), f.line(u.node.End())
	if n := len(f.units); n > 0 {
		u.start = max(u.start, f.units[n-1].end+1)
	}
	if u.start <= u.end {
		f.units = append(f.units, u)
	}
}

func (f *file) line(p token.Pos) int { return f.pos.PositionFor(p, false).Line }

// receiver is the name of a receiver's type.
func receiver(e ast.Expr) string {
	for {
		switch t := e.(type) {
		case *ast.StarExpr:
			e = t.X
		case *ast.ParenExpr:
			e = t.X
		case *ast.IndexExpr:
			e = t.X
		case *ast.IndexListExpr:
			e = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}

// unitAt gives the unit that holds a line, or nil.
func (f *file) unitAt(line int) *unit {
	i := sort.Search(len(f.units), func(i int) bool { return f.units[i].end >= line })
	if i < len(f.units) && f.units[i].start <= line {
		return &f.units[i]
	}
	return nil
}

// statement gives the lines of the innermost statement, specification or case
// that has code on a line, without the blocks beneath it: of an if, its header.
func (f *file) statement(line int) (start, end int) {
	u := f.unitAt(line)
	if u == nil {
		return line, line
	}
	start, end = u.start, u.end
	if fn, ok := u.node.(*ast.FuncDecl); ok {
		end = f.line(fn.Type.End())
	}
	ast.Inspect(u.node, func(n ast.Node) bool {
		if n == nil {
			return false
		}
		from, to := f.line(n.Pos()), f.line(n.End())
		if line < from || line > to {
			return false
		}
		switch n := n.(type) {
		case *ast.BlockStmt:
			return true
		case *ast.IfStmt:
			to = f.line(n.Body.Lbrace)
		case *ast.ForStmt:
			to = f.line(n.Body.Lbrace)
		case *ast.RangeStmt:
			to = f.line(n.Body.Lbrace)
		case *ast.SwitchStmt:
			to = f.line(n.Body.Lbrace)
		case *ast.TypeSwitchStmt:
			to = f.line(n.Body.Lbrace)
		case *ast.SelectStmt:
			to = f.line(n.Body.Lbrace)
		case *ast.CaseClause:
			to = f.line(n.Colon)
		case *ast.CommClause:
			to = f.line(n.Colon)
		case ast.Stmt, *ast.KeyValueExpr:
		default:
			return true
		}
		if from <= line && line <= to {
			start, end = from, to
		}
		return true
	})
	if line < start || line > end {
		return line, line
	}
	return start, end
}

// panicLines gives the lines on which a call of panic begins.
func (f *file) panicLines() map[int]bool {
	lines := make(map[int]bool)
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
				lines[f.line(call.Pos())] = true
			}
		}
		return true
	})
	return lines
}

// codeLines gives the lines on which there is more than space and comments.
func codeLines(src []byte) map[int]bool {
	code := make(map[int]bool)
	fset := token.NewFileSet()
	f := fset.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(f, src, nil, 0)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return code
		}
		if tok == token.SEMICOLON && lit == "\n" {
			continue // put in by the scanner
		}
		line := f.PositionFor(pos, false).Line
		for range 1 + strings.Count(lit, "\n") {
			code[line] = true
			line++
		}
	}
}

// blank tells whether a line cannot matter: there is no code on it.
func (f *file) blank(line int) bool {
	if f.code != nil {
		return !f.code[line]
	}
	lines := bytes.Split(f.src, []byte("\n"))
	return line < 1 || line > len(lines) || len(bytes.TrimSpace(lines[line-1])) == 0
}
