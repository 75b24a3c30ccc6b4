package compile

import (
	"cmp"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// addImport returns the edit that imports a package, in alphabetical order within the
// group of the most similar imports.
func addImport(f *source.File, importPath string) propose.Edit {
	text := strconv.Quote(importPath)
	at := func(offset int, text string) propose.Edit {
		return propose.Edit{File: f.Name, Start: offset, End: offset, New: text}
	}
	var decl *ast.GenDecl
	for _, d := range f.Syntax.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.IMPORT {
			break
		}
		if decl == nil && len(g.Specs) > 0 && g.Specs[0].(*ast.ImportSpec).Path.Value != `"C"` {
			decl = g
		}
	}
	if decl == nil {
		return at(f.Offset(f.Syntax.Name.End()), "\n\nimport "+text)
	}
	if !decl.Lparen.IsValid() {
		both := []string{f.Text(decl.Specs[0]), text}
		slices.SortFunc(both, func(a, b string) int { return cmp.Compare(pathOf(a), pathOf(b)) })
		sep := "\n\t"
		if isStandard(importPath) != isStandard(pathOf(f.Text(decl.Specs[0]))) {
			sep = "\n\n\t"
			if !isStandard(pathOf(both[0])) {
				both[0], both[1] = both[1], both[0]
			}
		}
		return propose.Edit{File: f.Name, Start: f.Offset(decl.Pos()), End: f.Offset(decl.End()), New: "import (\n\t" + both[0] + sep + both[1] + "\n)"}
	}
	// Choose the group with the import of the same sort (standard library or not) that
	// shares most path elements. Within the group, keep alphabetical order.
	var group []*ast.ImportSpec
	best := -1
	var run []*ast.ImportSpec
	flush := func() {
		score := -1
		for _, s := range run {
			p := strings.Trim(s.Path.Value, `"`)
			if isStandard(p) == isStandard(importPath) {
				score = max(score, sharedElements(p, importPath))
			}
		}
		if score > best {
			best, group = score, run
		}
		run = nil
	}
	for i, s := range decl.Specs {
		if i > 0 && f.Line(s.Pos()) > f.Line(decl.Specs[i-1].End())+1 {
			flush()
		}
		run = append(run, s.(*ast.ImportSpec))
	}
	flush()
	if group == nil {
		if isStandard(importPath) {
			return at(f.Offset(decl.Specs[0].Pos()), text+"\n\n\t")
		}
		return at(lineEnd(f, decl.Specs[len(decl.Specs)-1].End()), "\n\n\t"+text)
	}
	for _, s := range group {
		if strings.Trim(s.Path.Value, `"`) > importPath {
			return at(f.Offset(withDoc(s.Doc, s.Pos())), text+"\n\t")
		}
	}
	return at(lineEnd(f, group[len(group)-1].End()), "\n\t"+text)
}

// lineEnd returns the offset of the end of a position's line.
func lineEnd(f *source.File, pos token.Pos) int {
	offset := f.Offset(pos)
	if i := strings.IndexByte(string(f.Src[offset:]), '\n'); i >= 0 {
		return offset + i
	}
	return len(f.Src)
}

// pathOf returns the path of an import as written, which may begin with a name.
func pathOf(spec string) string {
	_, quoted, _ := strings.Cut(spec, `"`)
	return strings.Trim(quoted, `"`)
}

// isStandard reports whether a path is in the standard library. Like goimports, it checks
// that the first element has no dot.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func sharedElements(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return n
}
