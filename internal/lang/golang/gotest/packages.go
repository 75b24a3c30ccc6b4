package gotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Package is a package of the tree, as go list describes it. Files are names inside Dir,
// without those that build constraints exclude.
type Package struct {
	ImportPath   string
	Dir          string // slash-separated and relative to the root
	Module       string // path of its module
	Name         string // the name in its package clause; empty if that does not parse
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	OtherFiles   []string // other inputs of the build: embedded files, files of cgo and the assembler
}

// HasTests reports whether the package has test files in this build.
func (p *Package) HasTests() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

// Packages returns the packages of all modules by import path, including those that do not
// compile. The list is made once and shared: callers must not change it.
func (s *Suite) Packages(ctx context.Context) ([]Package, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.packages != nil {
		return s.packages, nil
	}
	var all []Package
	var broken error
	for _, m := range s.Modules {
		args := append([]string{"list", "-e", "-json=ImportPath,Dir,Name,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports,EmbedFiles,TestEmbedFiles,XTestEmbedFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles"}, buildFlags(s.Flags)...)
		out, err := s.output(ctx, s.abs(m.Dir), m.env(), append(args, "./...")...)
		var notRun *testrun.NotRunError
		if errors.As(err, &notRun) && !notRun.Whole { // a run says so
			broken = err
			continue
		}
		if err != nil {
			return nil, err
		}
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var listed struct {
				Package
				CgoFiles                                                    []string
				EmbedFiles, TestEmbedFiles, XTestEmbedFiles                 []string
				CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles, SysoFiles []string
				SwigFiles, SwigCXXFiles                                     []string
			}
			if err := dec.Decode(&listed); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, &testrun.NotRunError{What: "go list: " + err.Error(), Where: m.Dir}
			}
			p := listed.Package
			dir, ok := s.rel(p.Dir)
			if !ok {
				continue
			}
			p.Dir, p.Module = dir, m.Path
			p.GoFiles = append(p.GoFiles, listed.CgoFiles...)
			p.OtherFiles = slices.Concat(
				listed.EmbedFiles, listed.TestEmbedFiles, listed.XTestEmbedFiles, listed.CFiles, listed.CXXFiles, listed.MFiles,
				listed.HFiles, listed.FFiles, listed.SFiles, listed.SysoFiles, listed.SwigFiles, listed.SwigCXXFiles,
			)
			all = append(all, p)
		}
	}
	if all == nil && broken != nil {
		return nil, broken
	}
	slices.SortFunc(all, func(a, b Package) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	s.packages = all
	return all, nil
}

// Dependents returns the packages with tests whose code or tests depend on any of pkgs,
// directly or indirectly, including pkgs themselves. A change of pkgs can break their tests.
func (s *Suite) Dependents(ctx context.Context, pkgs []string) ([]string, error) {
	all, err := s.Packages(ctx)
	if err != nil {
		return nil, err
	}
	var dependents []string
	for _, p := range dependingOn(all, pkgs) {
		if p.HasTests() {
			dependents = append(dependents, p.ImportPath)
		}
	}
	return dependents, nil
}

// DependentsOf returns the packages with tests that depend on any of the Go files, whatever
// the suite's command runs.
func (s *Suite) DependentsOf(ctx context.Context, files []string) ([]string, error) {
	all, err := s.Packages(ctx)
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, file := range files {
		for _, p := range all {
			if p.Dir == path.Dir(file) && !slices.Contains(changed, p.ImportPath) {
				changed = append(changed, p.ImportPath)
			}
		}
	}
	return s.Dependents(ctx, changed)
}

// dependingOn returns the packages whose code or tests depend on any of pkgs, including pkgs
// themselves.
func dependingOn(all []Package, pkgs []string) []*Package {
	importers := map[string][]string{}
	for i := range all {
		for _, path := range all[i].Imports {
			importers[path] = append(importers[path], all[i].ImportPath)
		}
	}
	reached := map[string]bool{}
	for queue := slices.Clone(pkgs); len(queue) > 0; queue = queue[1:] {
		if !reached[queue[0]] {
			reached[queue[0]] = true
			queue = append(queue, importers[queue[0]]...)
		}
	}
	// Imports of a test affect that test alone: nothing can import it.
	var out []*Package
	tested := func(path string) bool { return reached[path] }
	for i := range all {
		p := &all[i]
		if reached[p.ImportPath] || slices.ContainsFunc(p.TestImports, tested) || slices.ContainsFunc(p.XTestImports, tested) {
			out = append(out, p)
		}
	}
	return out
}

// TestSupport returns the directories of the internal packages that only tests import,
// directly or through other such packages. They belong to the tests.
func (s *Suite) TestSupport(ctx context.Context) ([]string, error) {
	all, err := s.Packages(ctx)
	if err != nil {
		return nil, err
	}
	support := make(map[string]bool)
	for again := true; again; {
		again = false
		for _, p := range all {
			if support[p.ImportPath] || p.Name == "main" || !slices.Contains(strings.Split(p.ImportPath, "/"), "internal") {
				continue
			}
			tested, used := false, false
			for _, q := range all {
				tested = tested || slices.Contains(q.TestImports, p.ImportPath) && q.ImportPath != p.ImportPath || slices.Contains(q.XTestImports, p.ImportPath) && q.ImportPath != p.ImportPath
				if slices.Contains(q.Imports, p.ImportPath) {
					tested, used = tested || support[q.ImportPath], used || !support[q.ImportPath]
				}
			}
			if tested && !used {
				support[p.ImportPath], again = true, true
			}
		}
	}
	var dirs []string
	for _, p := range all {
		if support[p.ImportPath] {
			dirs = append(dirs, p.Dir)
		}
	}
	return dirs, nil
}

// Depth returns how many layers of the tree's own packages are below each package.
func (s *Suite) Depth(ctx context.Context) (map[string]int, error) {
	all, err := s.Packages(ctx)
	if err != nil {
		return nil, err
	}
	return importDepth(all), nil
}

func importDepth(pkgs []Package) map[string]int {
	byPath := make(map[string]*Package, len(pkgs))
	for i := range pkgs {
		byPath[pkgs[i].ImportPath] = &pkgs[i]
	}
	depth := make(map[string]int)
	var visit func(importPath string) int
	visit = func(importPath string) int {
		p := byPath[importPath]
		if p == nil {
			return -1
		}
		if d, ok := depth[importPath]; ok {
			return d
		}
		depth[importPath] = 0 // guards against cycles of test imports
		d := 0
		for _, imp := range p.Imports {
			d = max(d, visit(imp)+1)
		}
		depth[importPath] = d
		return d
	}
	for _, p := range pkgs {
		visit(p.ImportPath)
	}
	return depth
}

// Toolchain returns the version of Go that the tests run with, like "go1.26.1", or "" if it
// is unknown.
func (s *Suite) Toolchain(ctx context.Context) string {
	goroot, err := s.Goroot(ctx)
	if err != nil {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(goroot, "VERSION"))
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(line)
}

// Goroot returns the directory of the Go toolchain that the tests run with.
func (s *Suite) Goroot(ctx context.Context) (string, error) {
	dir, env := s.Root, []string(nil)
	if len(s.Modules) > 0 {
		dir, env = s.abs(s.Modules[0].Dir), s.Modules[0].env()
	}
	out, err := s.output(ctx, dir, env, "env", "GOROOT")
	return strings.TrimSpace(string(out)), err
}

// env returns the variables that a go command needs to work on the module.
func (m Module) env() []string {
	if m.OutsideWorkspace {
		return []string{"GOWORK=off"}
	}
	return nil
}

// abs returns the absolute path of a slash-separated path relative to the root.
func (s *Suite) abs(rel string) string { return filepath.Join(s.Root, filepath.FromSlash(rel)) }

// rel is the inverse of abs; ok is false for paths outside of the tree.
func (s *Suite) rel(path string) (rel string, ok bool) {
	file := s.tree(overlay{}).file(path, "")
	return file, file != ""
}
