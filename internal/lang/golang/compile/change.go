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

// substitution is a name or import path that the change replaced with another, and how
// often.
type substitution struct {
	from, to string
	count    int
}

// substitutions lists the renames of the change that involve a name, old or new. It aligns
// the tokens before and after in each run of changed lines, and counts how often a name
// was replaced with another.
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
						countReplaced(before.String(), after.String(), counts)
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

// countReplaced counts the names and string literals of before that were replaced with
// one of the same sort in after.
func countReplaced(before, after string, counts map[[2]string]int) {
	if before == "" || after == "" {
		return
	}
	var deleted, inserted []lexeme
	flush := func() {
		for i := 0; i < len(deleted) && len(deleted) == len(inserted); i++ {
			if a, b := deleted[i], inserted[i]; a.tok == b.tok && (a.tok == token.IDENT || a.tok == token.STRING) {
				counts[[2]string{a.text, b.text}]++
			}
		}
		deleted, inserted = nil, nil
	}
	for _, e := range diff.Edits(lex(before), lex(after)) {
		switch e.Op {
		case diff.Delete:
			deleted = append(deleted, e.X)
		case diff.Insert:
			inserted = append(inserted, e.Y)
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

// baseDecls holds the declarations that the changed files had at the base.
type baseDecls struct {
	byDir map[string]map[string]*oldDecl // by directory, then by key: "F", "T", "T.M"
}

// oldDecl is a declaration as it was at the base.
type oldDecl struct {
	key, after string // after is the key of the previous declaration in the file
	file       string // its file, by its present name
	text       string // with its comment; "" if it cannot be declared on its own
	typ        *ast.FuncType
	params     []param
}

// param is one parameter as written.
type param struct{ name, typ string }

// baseOf returns the declarations that the changed files of a directory had at the base,
// by key.
func (c *compilation) baseOf(dir string) map[string]*oldDecl {
	if c.decls == nil {
		c.decls = &baseDecls{byDir: make(map[string]map[string]*oldDecl)}
		for _, f := range c.p.Changes {
			if !strings.HasSuffix(f.OldName, ".go") || strings.HasSuffix(f.OldName, "_test.go") {
				continue
			}
			src, err := propose.ContentBefore(c.p.Tree, f)
			if err != nil {
				continue // a kept patch changed the file, so its old content is unknown
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

// collectDecls adds the declarations of a file to into.
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

// declared is a top-level declaration of a file, or a method of an interface.
type declared struct {
	key        string
	start, end int // including its comment
	text       string
	typ        *ast.FuncType
	fn         *ast.FuncDecl
}

// declarations lists the declarations of a file in order.
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
				out = append(out, specDeclarations(f, d, spec)...)
			}
		}
	}
	return out
}

// specDeclarations lists the declarations of one spec of a general declaration.
func specDeclarations(f *source.File, d *ast.GenDecl, spec ast.Spec) []declared {
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

// params lists the parameters of a function as written.
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

// keyOf returns the key of an object in baseDecls, and the directory of its package. It
// returns false for an object that is not declared at top level in the tree.
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

// current returns the present declaration of a key in the editable files of a directory.
func (s *state) current(dir, key string) (*source.File, declared, bool) {
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
