package gotest

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Reached follows imports. A test can also depend on the Go code of packages that it does not
// import: it may parse files, walk the tree, or run a command that builds them. Whether it does so
// shows in what its code imports and names.

// SelfContained returns those of the packages whose tests depend on no Go code but that which they
// import, as far as their code and the packages of the tree that they import show. In doubt, a
// package is not among them.
func (s *Suite) SelfContained(ctx context.Context, packages []string) ([]string, error) {
	all, err := s.Packages(ctx)
	if err != nil {
		return nil, err
	}
	byPath := make(map[string]*Package, len(all))
	for i := range all {
		byPath[all[i].ImportPath] = &all[i]
	}
	reads := make(map[string]bool) // by package, without its tests
	var out []string
	for _, name := range packages {
		p := byPath[name]
		if p == nil || slices.Contains(out, name) || s.filesReadCode(p, slices.Concat(p.TestGoFiles, p.XTestGoFiles)) {
			continue
		}
		if !slices.ContainsFunc(imported(byPath, slices.Concat([]string{name}, p.TestImports, p.XTestImports)), func(q *Package) bool {
			does, known := reads[q.ImportPath]
			if !known {
				does = s.filesReadCode(q, q.GoFiles)
				reads[q.ImportPath] = does
			}
			return does
		}) {
			out = append(out, name)
		}
	}
	return out, nil
}

// imported returns packages of the tree with all that they import.
func imported(byPath map[string]*Package, names []string) []*Package {
	var out []*Package
	for queue := names; len(queue) > 0; queue = queue[1:] {
		if p := byPath[queue[0]]; p != nil && !slices.Contains(out, p) {
			out = append(out, p)
			queue = append(queue, p.Imports...)
		}
	}
	return out
}

// codeReaders are packages that read Go code or run programs. A name that ends in /... means
// everything below.
var codeReaders = []string{
	"os/exec", "plugin", "go/build", "go/parser", "go/importer", "golang.org/x/tools/...", "golang.org/x/mod/...", "github.com/rogpeppe/go-internal/...",
}

// fileFinders are functions that find files by other means than their names, or run programs.
var fileFinders = []string{
	"Walk", "WalkDir", "Glob", "DirFS", "OpenRoot", "ReadDir", "CopyFS", "Getwd", "Abs", "Caller", "Callers", "StartProcess", "ForkExec", "Exec",
}

// filesReadCode reports whether Go files of a package, or what they embed, may read other code.
func (s *Suite) filesReadCode(p *Package, files []string) bool {
	if slices.ContainsFunc(p.OtherFiles, func(name string) bool { return path.Ext(name) == ".go" }) {
		return true // embedded
	}
	return slices.ContainsFunc(files, func(name string) bool { return readsCode(filepath.Join(s.abs(p.Dir), name)) })
}

// readsCode reports whether a Go file may read other code.
func readsCode(name string) bool {
	src, err := os.ReadFile(name)
	if err != nil {
		return true
	}
	if strings.HasSuffix(name, "_test.go") && bytes.Contains(src, []byte("//go:embed")) {
		return true // go list does not say what
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		return true
	}
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil || slices.ContainsFunc(codeReaders, func(pattern string) bool { return matches(pattern, name) }) {
			return true
		}
	}
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.SelectorExpr:
			found = found || slices.Contains(fileFinders, n.Sel.Name)
		case *ast.BasicLit:
			found = found || n.Kind == token.STRING && namesCode(n.Value)
		}
		return !found
	})
	return found
}

func matches(pattern, name string) bool {
	dir, below := strings.CutSuffix(pattern, "/...")
	return name == dir || below && strings.HasPrefix(name, dir+"/")
}

// namesCode reports whether the text of a string may be the name of a Go file, or a way out of the
// directory of the test.
func namesCode(literal string) bool {
	return strings.Contains(literal, "..") || strings.Contains(literal, ".go")
}
