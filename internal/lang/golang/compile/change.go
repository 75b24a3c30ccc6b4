package compile

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"

	"znkr.io/diff"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/propose"
)

// substitution is a name or import path that the change replaced by another, and
// how often it did.
type substitution struct {
	from, to string
	count    int
}

// substitutions lists what the change renamed: in each run of changed lines, the
// tokens before and after are aligned, and a name that gave way to a name counts.
// Names are found under the old and under the new one.
func (c *compilation) substitutions(name string) []substitution {
	if c.words == nil {
		counts := make(map[[2]string]int)
		for _, f := range c.p.Changes {
			for _, h := range f.Hunks {
				var before, after strings.Builder
				for _, l := range append(slices.Clone(h.Lines), patch.Line{Op: patch.Context}) {
					switch l.Op {
					case patch.Delete:
						before.WriteString(l.Text)
					case patch.Insert:
						after.WriteString(l.Text)
					default:
						replaced(before.String(), after.String(), counts)
						before.Reset()
						after.Reset()
					}
				}
			}
		}
		c.words = make(map[string][]substitution)
		pairs := slices.SortedFunc(maps.Keys(counts), func(a, b [2]string) int {
			if d := counts[b] - counts[a]; d != 0 {
				return d
			}
			return strings.Compare(a[0]+" "+a[1], b[0]+" "+b[1])
		})
		for _, p := range pairs {
			s := substitution{p[0], p[1], counts[p]}
			c.words[s.from] = append(c.words[s.from], s)
			c.words[s.to] = append(c.words[s.to], s)
		}
	}
	return c.words[name]
}

// replaced counts the names and string literals of before that gave way to one of
// the same sort in after.
func replaced(before, after string, counts map[[2]string]int) {
	if before == "" || after == "" {
		return
	}
	var gone, come []lexeme
	flush := func() {
		for i := 0; i < len(gone) && len(gone) == len(come); i++ {
			if a, b := gone[i], come[i]; a.tok == b.tok && (a.tok == token.IDENT || a.tok == token.STRING) {
				counts[[2]string{a.text, b.text}]++
			}
		}
		gone, come = nil, nil
	}
	for _, e := range diff.Edits(lex(before), lex(after)) {
		switch e.Op {
		case diff.Delete:
			gone = append(gone, e.X)
		case diff.Insert:
			come = append(come, e.Y)
		default:
			flush()
		}
	}
	flush()
}

type lexeme struct {
	tok  token.Token
	text string
}

func lex(src string) []lexeme {
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(src)), []byte(src), func(token.Position, string) {}, 0)
	var out []lexeme
	for {
		_, tok, text := s.Scan()
		switch {
		case tok == token.EOF:
			return out
		case tok == token.SEMICOLON && text == "\n":
		default:
			out = append(out, lexeme{tok, text})
		}
	}
}

// baseDecls is what the files that changed declared before.
type baseDecls struct {
	byDir map[string]map[string]*oldDecl // by directory, then by "F", "T", "T.M"
}

// oldDecl is a declaration as it was at the base.
type oldDecl struct {
	key, after string // after is the key of the declaration that it followed
	file       string // where it stood; by the file's present name
	text       string // with its comment; "" when it cannot stand alone
	typ        *ast.FuncType
	params     []param
}

// param is one parameter as it is written.
type param struct{ name, typ string }

// base returns the declarations of the changed files as they were.
func (c *compilation) baseOf(dir string) map[string]*oldDecl {
	if c.decls == nil {
		c.decls = &baseDecls{byDir: make(map[string]map[string]*oldDecl)}
		for _, f := range c.p.Changes {
			if !strings.HasSuffix(f.OldName, ".go") || strings.HasSuffix(f.OldName, "_test.go") {
				continue
			}
			src, err := propose.Before(c.p.Tree, f)
			if err != nil {
				continue // kept patches changed the file since: what it was is not known
			}
			at := path.Dir(f.OldName)
			if c.decls.byDir[at] == nil {
				c.decls.byDir[at] = make(map[string]*oldDecl)
			}
			collectDecls(f.Name(), src, c.decls.byDir[at])
		}
	}
	return c.decls.byDir[dir]
}

// collectDecls adds the declarations of a file.
func collectDecls(name string, src []byte, into map[string]*oldDecl) {
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return
	}
	f := &source.File{Name: name, Src: src, Syntax: syntax, Tok: fset.File(syntax.FileStart)}
	last := ""
	for _, d := range declarations(f) {
		into[d.key] = &oldDecl{key: d.key, after: last, file: name, text: d.text, typ: d.typ, params: params(f, d.typ)}
		last = d.key
	}
}

// declared is a top-level declaration, or a method of an interface, of a file.
type declared struct {
	key        string
	start, end int // with its comment
	text       string
	typ        *ast.FuncType
	fn         *ast.FuncDecl
}

// declarations lists what a file declares, in order.
func declarations(f *source.File) []declared {
	var out []declared
	for _, d := range f.Syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			key := d.Name.Name
			if recv := source.Receiver(d); recv != "" {
				key = recv + "." + key
			}
			start, end := f.Offset(withDoc(d.Doc, d.Pos())), f.Offset(d.End())
			out = append(out, declared{key, start, end, string(f.Src[start:end]), d.Type, d})
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				continue
			}
			for _, spec := range d.Specs {
				out = append(out, specified(f, d, spec)...)
			}
		}
	}
	return out
}

// specified lists what one specification of a declaration declares.
func specified(f *source.File, d *ast.GenDecl, spec ast.Spec) []declared {
	doc, pos := d.Doc, d.Pos()
	var out []declared
	add := func(name string, doc *ast.CommentGroup, alone bool) {
		start, end := f.Offset(withDoc(doc, pos)), f.Offset(spec.End())
		text := string(f.Src[start:end])
		if d.Lparen.IsValid() {
			text = d.Tok.String() + " " + string(f.Src[f.Offset(spec.Pos()):end])
			if doc != nil {
				text = f.Text(doc) + "\n" + text
			}
		} else {
			end = f.Offset(d.End())
		}
		if !alone {
			text = ""
		}
		out = append(out, declared{key: name, start: start, end: end, text: text})
	}
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if d.Lparen.IsValid() {
			doc, pos = spec.Doc, spec.Pos()
		}
		add(spec.Name.Name, doc, true)
		if iface, ok := spec.Type.(*ast.InterfaceType); ok {
			for _, m := range iface.Methods.List {
				if typ, ok := m.Type.(*ast.FuncType); ok && len(m.Names) == 1 {
					out = append(out, declared{key: spec.Name.Name + "." + m.Names[0].Name, typ: typ})
				}
			}
		}
	case *ast.ValueSpec:
		if d.Lparen.IsValid() {
			doc, pos = spec.Doc, spec.Pos()
		}
		iota := false
		for _, v := range spec.Values {
			ast.Inspect(v, func(n ast.Node) bool {
				id, ok := n.(*ast.Ident)
				iota = iota || ok && id.Name == "iota"
				return true
			})
		}
		for _, name := range spec.Names {
			add(name.Name, doc, len(spec.Names) == 1 && !iota && (d.Tok == token.VAR || len(spec.Values) > 0))
		}
	}
	return out
}

func withDoc(doc *ast.CommentGroup, pos token.Pos) token.Pos {
	if doc != nil {
		return doc.Pos()
	}
	return pos
}

// params lists the parameters of a function as they are written.
func params(f *source.File, typ *ast.FuncType) []param {
	if typ == nil {
		return nil
	}
	var out []param
	for _, field := range typ.Params.List {
		text := f.Text(field.Type)
		if len(field.Names) == 0 {
			out = append(out, param{"", text})
		}
		for _, name := range field.Names {
			out = append(out, param{name.Name, text})
		}
	}
	return out
}

// keyOf is the name of an object as baseDecls has it, and the directory of its
// package; ok is false for what is not declared at the top level of the tree.
func (s *state) keyOf(obj types.Object) (dir, key string, ok bool) {
	if obj == nil || obj.Pkg() == nil {
		return "", "", false
	}
	n := s.c.plain[strings.TrimSuffix(obj.Pkg().Path(), "_test")]
	if n == nil {
		return "", "", false
	}
	if fn, isFunc := obj.(*types.Func); isFunc && fn.Signature().Recv() != nil {
		named, isNamed := types.Unalias(deref(fn.Signature().Recv().Type())).(*types.Named)
		if !isNamed {
			return "", "", false
		}
		return n.dir, named.Obj().Name() + "." + obj.Name(), true
	}
	return n.dir, obj.Name(), obj.Parent() == obj.Pkg().Scope()
}

// now finds the present declaration of a key among the files of a directory that
// may be edited.
func (s *state) now(dir, key string) (*source.File, declared, bool) {
	for _, n := range s.c.nodes {
		if n.dir != dir {
			continue
		}
		for _, name := range n.files {
			f, _ := s.parse(name)
			if f == nil || !s.editable(name) {
				continue
			}
			for _, d := range declarations(f) {
				if d.key == key {
					return f, d, true
				}
			}
		}
	}
	return nil, declared{}, false
}
