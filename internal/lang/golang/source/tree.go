// Package source holds the Go code under repair: its files, its packages with their types,
// and the check whether an edit would compile.
//
// Goals: load each package once, even if it does not compile; check an edit of one function
// in a millisecond, without the bodies of the others; recognize test code by what it does,
// not only by its name.
//
// Non-goals: finding places to change, which package site does; building.
package source

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/tools/go/packages"

	"github.com/regreen-ci/regreen/internal/propose"
)

// Tree is the Go source under repair. It is safe for concurrent use.
type Tree struct {
	*propose.Tree
	Flags []string // build flags, like -tags
	Env   []string // environment of the go command; nil for that of this process

	// OutsideWorkspace lists the directories of modules that a go.work above them does not
	// use.
	OutsideWorkspace []string

	mu    sync.Mutex
	pkgs  map[string]*loading
	tests map[string]bool // results of TestCode by file
}

// Of returns the Go source of a problem. A problem without one gets one with the defaults of
// the go command.
func Of(p *propose.Problem) *Tree {
	if t, ok := p.Source.(*Tree); ok {
		return t
	}
	t := &Tree{Tree: p.Tree}
	p.Source = t
	return t
}

type loading struct {
	once sync.Once
	pkg  *Package
	err  error
}

// Put sets the package of a directory to one that the caller loaded.
func (t *Tree) Put(pkg *Package) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pkgs == nil {
		t.pkgs = make(map[string]*loading)
	}
	done := &loading{pkg: pkg}
	done.once.Do(func() {})
	t.pkgs[pkg.Dir] = done
}

// TestCode reports whether a Go file belongs to the tests although its name does not say so:
// it is in a directory of test helpers, imports package testing or a package made for tests,
// or declares an interface that testing.T implements. Editing such a file would weaken the
// tests that call it.
func (t *Tree) TestCode(file string) bool {
	if !strings.HasSuffix(file, ".go") {
		return false
	}
	t.mu.Lock()
	known, ok := t.tests[file]
	t.mu.Unlock()
	if ok {
		return known
	}
	src, err := t.Read(file)
	if err != nil {
		return false
	}
	tests := testDir.MatchString(file) || helpsTests(src)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tests == nil {
		t.tests = make(map[string]bool)
	}
	t.tests[file] = tests
	return tests
}

var testDir = regexp.MustCompile(`(?i)(^|/)(testutils?|test_?helpers?|testing|testkit|testsupport|testsuite|testlib|testdata)/`)

func helpsTests(src []byte) bool {
	syntax, _ := parser.ParseFile(token.NewFileSet(), "", src, parser.SkipObjectResolution)
	if syntax == nil {
		return false
	}
	found := false
	for _, spec := range syntax.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		found = found || slices.ContainsFunc(testPackages, func(made string) bool { return name == made || strings.HasPrefix(name, made+"/") })
	}
	ast.Inspect(syntax, func(n ast.Node) bool {
		if i, ok := n.(*ast.InterfaceType); ok {
			has := make(map[string]bool)
			for _, m := range i.Methods.List {
				for _, name := range m.Names {
					has[name.Name] = true
				}
			}
			// Loggers also have Errorf and Fatalf, but not these.
			found = found || has["Errorf"] && (has["FailNow"] || has["Helper"] || has["Skipf"])
		}
		return !found
	})
	return found
}

// Emptied returns what a patch that deletes a Go file leaves of it: the package clause.
func Emptied(file string, src []byte) []byte {
	if !strings.HasSuffix(file, ".go") {
		return []byte{}
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), file, src, parser.PackageClauseOnly)
	if err != nil {
		return []byte{}
	}
	return []byte("package " + syntax.Name.Name + "\n")
}

// testPackages are packages that only tests and their helpers import.
var testPackages = []string{
	"testing", "github.com/stretchr/testify", "github.com/onsi/gomega", "github.com/onsi/ginkgo", "gotest.tools",
	"github.com/frankban/quicktest", "github.com/matryer/is",
}

// Package is a type-checked Go package of the tree, without its tests.
type Package struct {
	Path   string
	Dir    string // relative to the root
	Fset   *token.FileSet
	Types  *types.Package
	Info   *types.Info
	Files  []*File
	Errors []packages.Error // empty when it compiles

	Imported  map[string]*types.Package
	Sizes     types.Sizes
	GoVersion string

	// Memo caches what others compute from the package.
	Memo propose.Memo

	mu        sync.Mutex           // guards the fields below
	bodiless  map[string]*ast.File // every file without function bodies, for Check
	skeletons map[skeletonKey]*skeleton
	checkSet  *token.FileSet
}

// File is one file of a Package.
type File struct {
	Name   string // relative to the tree's root
	Src    []byte
	Syntax *ast.File
	Tok    *token.File
}

// Offset returns the byte offset of a position in the file.
func (f *File) Offset(p token.Pos) int { return f.Tok.Offset(p) }

// Line returns the line of a position.
func (f *File) Line(p token.Pos) int { return f.Tok.Line(p) }

// Text returns the source of a node.
func (f *File) Text(n ast.Node) string {
	return string(f.Src[f.Offset(n.Pos()):f.Offset(n.End())])
}

// File returns the package's file with this name, or nil.
func (p *Package) File(name string) *File {
	for _, f := range p.Files {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Receiver returns the name of the type that a method belongs to, "" for a function.
func Receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) != 1 {
		return ""
	}
	t := d.Recv.List[0].Type
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

const loadMode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
	packages.NeedExportFile | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo |
	packages.NeedTypesSizes | packages.NeedModule

// Load type-checks the package in a directory, relative to the root. It reads imports from
// export data, so that it costs one package only. A package that does not compile is loaded
// as far as possible, with its Errors.
func (t *Tree) Load(ctx context.Context, dir string) (*Package, error) {
	t.mu.Lock()
	if t.pkgs == nil {
		t.pkgs = make(map[string]*loading)
	}
	l := t.pkgs[dir]
	if l == nil {
		l = new(loading)
		t.pkgs[dir] = l
	}
	t.mu.Unlock()
	l.once.Do(func() { l.pkg, l.err = t.load(ctx, dir) })
	return l.pkg, l.err
}

// EnvOf returns the environment for go commands on a directory.
func (t *Tree) EnvOf(dir string) []string {
	env := t.Env
	if env == nil {
		env = os.Environ()
	}
	for at := dir; ; at = path.Dir(at) {
		if slices.Contains(t.OutsideWorkspace, at) {
			return append(slices.Clip(env), "GOWORK=off")
		}
		if _, err := t.Read(path.Join(at, "go.mod")); err == nil || at == "." {
			return env
		}
	}
}

func (t *Tree) load(ctx context.Context, dir string) (*Package, error) {
	abs := filepath.Join(t.Root, filepath.FromSlash(dir))
	overlay := make(map[string][]byte, len(t.Overlay))
	for name, b := range t.Overlay {
		overlay[filepath.Join(t.Root, filepath.FromSlash(name))] = b
	}
	loaded, err := packages.Load(&packages.Config{
		Context: ctx, Mode: loadMode, Dir: abs, Env: t.EnvOf(dir), BuildFlags: t.Flags, Overlay: overlay,
		ParseFile: func(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
			return parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		},
	}, ".")
	if err != nil {
		return nil, fmt.Errorf("load package in %s: %w", dir, err)
	}
	if len(loaded) != 1 || loaded[0].Types == nil {
		return nil, fmt.Errorf("load package in %s: no Go package", dir)
	}
	l := loaded[0]
	p := &Package{
		Path: l.PkgPath, Dir: dir, Fset: l.Fset, Types: l.Types, Info: l.TypesInfo, Errors: l.Errors,
		Imported: make(map[string]*types.Package), Sizes: l.TypesSizes,
	}
	if l.Module != nil && l.Module.GoVersion != "" {
		p.GoVersion = "go" + l.Module.GoVersion
	}
	for _, dep := range l.Types.Imports() {
		p.Imported[dep.Path()] = dep
	}
	for _, syntax := range l.Syntax {
		tok := l.Fset.File(syntax.FileStart)
		name, err := filepath.Rel(t.Root, tok.Name())
		if err != nil || strings.HasPrefix(name, "..") {
			continue // cgo and generated files live in the build cache
		}
		name = filepath.ToSlash(name)
		src, err := t.Read(name)
		if err != nil {
			return nil, err
		}
		if len(src) != tok.Size() {
			return nil, fmt.Errorf("%s changed while it was read", name)
		}
		p.Files = append(p.Files, &File{Name: name, Src: src, Syntax: syntax, Tok: tok})
	}
	if len(p.Files) == 0 {
		return nil, fmt.Errorf("load package in %s: no Go files", dir)
	}
	return p, nil
}

// ErrIllTyped is the error of Check for a candidate that would not compile.
var ErrIllTyped = errors.New("ill-typed code")
