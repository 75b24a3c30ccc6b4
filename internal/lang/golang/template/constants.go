package template

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// constantsLike returns alternatives to a constant expression: for a literal, those of the
// function and the file with the same kind; otherwise the named constants of its type.
func (f *function) constantsLike(e ast.Expr) []string {
	tv, ok := f.Package.Info.Types[e]
	if !ok || tv.Value == nil {
		return nil
	}
	own := f.Text(e)
	seen := map[string]bool{own: true}
	var out []string
	if lit, ok := ast.Unparen(e).(*ast.BasicLit); ok {
		collect := func(root ast.Node) {
			ast.Inspect(root, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == lit.Kind && !seen[l.Value] {
					if _, isImport := f.Parent[n].(*ast.ImportSpec); !isImport {
						seen[l.Value] = true
						out = append(out, l.Value)
					}
				}
				return true
			})
		}
		collect(f.Body)
		for _, d := range f.File.Syntax.Decls {
			if g, ok := d.(*ast.GenDecl); !ok || g.Tok != token.IMPORT {
				collect(d)
			}
		}
		if len(out) > 20 {
			out = out[:20]
		}
		return out
	}
	out = append(out, f.constants(tv.Type, own)...)
	return out
}

// constants lists the named constants of exactly this type that can be used in this file.
func (f *function) constants(t types.Type, except string) []string {
	named, ok := t.(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return nil
	}
	prefix := ""
	if p := named.Obj().Pkg(); p != f.Package.Types {
		name := f.ImportName(p.Path())
		if name == "" {
			return nil
		}
		prefix = name + "."
	}
	scope := named.Obj().Pkg().Scope()
	var consts []*types.Const
	for _, name := range scope.Names() {
		if c, ok := scope.Lookup(name).(*types.Const); ok && types.Identical(c.Type(), t) && (prefix == "" || c.Exported()) {
			consts = append(consts, c)
		}
	}
	slices.SortStableFunc(consts, func(a, b *types.Const) int { return int(a.Pos() - b.Pos()) })
	var out []string
	for _, c := range consts {
		if text := prefix + c.Name(); text != except {
			out = append(out, text)
		}
	}
	if len(out) > 30 {
		out = out[:30]
	}
	return out
}
