package source

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"reflect"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/align"
)

// Parts returns the syntax of a file, down to its tokens. It returns nil if the file is not in Go
// or does not parse.
func Parts(name string, src []byte) *align.Part {
	if !strings.HasSuffix(name, ".go") {
		return nil
	}
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, "", src, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	file := fset.File(syntax.FileStart)
	var all []*align.Part
	ast.Inspect(syntax, func(n ast.Node) bool {
		if n == nil || n == syntax || !n.Pos().IsValid() || !n.End().IsValid() {
			return true
		}
		if _, ok := n.(*ast.EmptyStmt); ok {
			return false
		}
		p := &align.Part{Kind: reflect.TypeOf(n).Elem().Name(), Name: partName(n), Start: file.Offset(n.Pos()), End: file.Offset(n.End())}
		if p.Start < p.End {
			all = append(all, p)
		}
		return true
	})
	all = append(all, tokens(src)...)
	// Larger parts come before the parts that they hold. Of parts with the same range, the
	// syntax comes before its token.
	slices.SortStableFunc(all, func(a, b *align.Part) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	root := &align.Part{Kind: "File", End: len(src)}
	open := []*align.Part{root}
	for _, p := range all {
		for open[len(open)-1].End <= p.Start && len(open) > 1 {
			open = open[:len(open)-1]
		}
		within := open[len(open)-1]
		if p.End > within.End || p.Kind == tokenKind && p.Start == within.Start && p.End == within.End {
			continue
		}
		within.Parts = append(within.Parts, p)
		open = append(open, p)
	}
	return root
}

const tokenKind = "token"

// tokens returns the tokens of a file, without comments and the semicolons that the scanner
// adds at the end of lines.
func tokens(src []byte) []*align.Part {
	var out []*align.Part
	var s scanner.Scanner
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(src))
	s.Init(file, src, func(token.Position, string) {}, 0)
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return out
		}
		if tok == token.SEMICOLON && text == "\n" {
			continue
		}
		if text == "" {
			text = tok.String()
		}
		start := file.Offset(pos)
		out = append(out, &align.Part{Kind: tokenKind, Start: start, End: min(start+len(text), len(src))})
	}
}

// partName returns the name of a declaration, "" for other syntax.
func partName(n ast.Node) string {
	switch n := n.(type) {
	case *ast.FuncDecl:
		if n.Recv == nil || len(n.Recv.List) == 0 {
			return n.Name.Name
		}
		return receiverName(n.Recv.List[0].Type) + "." + n.Name.Name
	case *ast.GenDecl:
		var names []string
		for _, spec := range n.Specs {
			names = append(names, partName(spec))
		}
		return strings.Join(names, ",")
	case *ast.TypeSpec:
		return n.Name.Name
	case *ast.ImportSpec:
		return n.Path.Value
	case *ast.ValueSpec:
		var names []string
		for _, id := range n.Names {
			names = append(names, id.Name)
		}
		return strings.Join(names, ",")
	}
	return ""
}

// receiverName returns the name of a receiver's type.
func receiverName(t ast.Expr) string {
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
