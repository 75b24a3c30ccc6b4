package coverage

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"sort"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/localize"
)

// syntax is a Go file's syntax tree, which its outline is made from.
type syntax struct {
	file  *ast.File
	pos   *token.File
	units []unit // the units of the outline, with their nodes
}

// unit is a top-level function, or one specification of another declaration.
type unit struct {
	localize.Unit
	node ast.Node
}

// syntaxOf returns the syntax of a Go file, or nil for any other file.
func syntaxOf(f *localize.File) *syntax {
	if f == nil {
		return nil
	}
	s, _ := f.Syntax.(*syntax)
	return s
}

// Outline returns what a file's syntax says about its lines. A Go file that does not parse
// is outlined as far as it parses.
func Outline(name string, src []byte) localize.Outline {
	out := localize.Outline{Test: strings.HasSuffix(name, "_test.go"), Foreign: true}
	if path.Ext(name) != ".go" {
		return out
	}
	fset := token.NewFileSet()
	file, _ := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if file == nil || !file.Package.IsValid() {
		return out
	}
	s := &syntax{file: file, pos: fset.File(file.Package)}
	for _, d := range file.Decls {
		s.declare(d)
	}
	sort.Slice(s.units, func(i, j int) bool { return s.units[i].Start < s.units[j].Start })
	out.Syntax, out.Foreign, out.Generated = s, false, ast.IsGenerated(file)
	out.Code, out.Checks, out.Statement = codeLines(src), s.panicLines(), s.statement
	for _, u := range s.units {
		out.Units = append(out.Units, u.Unit)
	}
	return out
}

func (s *syntax) declare(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		s.add(unit{Unit: localize.Unit{Name: d.Name.Name, Recv: source.Receiver(d), Function: true}, node: d})
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			u := unit{node: spec}
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				u.Name = spec.Names[0].Name
			case *ast.TypeSpec:
				u.Name = spec.Name.Name
			}
			s.add(u)
		}
	}
}

// add adds a unit. Units share no line: one that begins where the last one ends is counted
// from the next line, or left out if it has none.
func (s *syntax) add(u unit) {
	u.Start, u.End = s.line(u.node.Pos()), s.line(u.node.End())
	if n := len(s.units); n > 0 {
		u.Start = max(u.Start, s.units[n-1].End+1)
	}
	if u.Start <= u.End {
		s.units = append(s.units, u)
	}
}

func (s *syntax) line(p token.Pos) int { return s.pos.PositionFor(p, false).Line }

// unitAt returns the unit that holds a line, or nil.
func (s *syntax) unitAt(line int) *unit {
	i := sort.Search(len(s.units), func(i int) bool { return s.units[i].End >= line })
	if i < len(s.units) && s.units[i].Start <= line {
		return &s.units[i]
	}
	return nil
}

// statement returns the lines of the innermost statement, specification or case that has
// code on a line, without nested blocks: of an if, its header.
func (s *syntax) statement(line int) (start, end int) {
	u := s.unitAt(line)
	if u == nil {
		return line, line
	}
	start, end = u.Start, u.End
	if fn, ok := u.node.(*ast.FuncDecl); ok {
		end = s.line(fn.Type.End())
	}
	ast.Inspect(u.node, func(n ast.Node) bool {
		if n == nil {
			return false
		}
		from, to := s.line(n.Pos()), s.line(n.End())
		if line < from || line > to {
			return false
		}
		switch n := n.(type) {
		case *ast.BlockStmt:
			return true
		case *ast.IfStmt:
			to = s.line(n.Body.Lbrace)
		case *ast.ForStmt:
			to = s.line(n.Body.Lbrace)
		case *ast.RangeStmt:
			to = s.line(n.Body.Lbrace)
		case *ast.SwitchStmt:
			to = s.line(n.Body.Lbrace)
		case *ast.TypeSwitchStmt:
			to = s.line(n.Body.Lbrace)
		case *ast.SelectStmt:
			to = s.line(n.Body.Lbrace)
		case *ast.CaseClause:
			to = s.line(n.Colon)
		case *ast.CommClause:
			to = s.line(n.Colon)
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

// panicLines returns the lines on which a call of panic begins.
func (s *syntax) panicLines() map[int]bool {
	lines := make(map[int]bool)
	ast.Inspect(s.file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
				lines[s.line(call.Pos())] = true
			}
		}
		return true
	})
	return lines
}

// codeLines returns the lines that hold more than space and comments.
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
			continue // inserted by the scanner
		}
		line := f.PositionFor(pos, false).Line
		for range 1 + strings.Count(lit, "\n") {
			code[line] = true
			line++
		}
	}
}
