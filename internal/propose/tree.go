package propose

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/tools/go/packages"
)

// Tree is the source under repair: the files of an exported tree with the patches
// kept so far laid over them. It is safe for concurrent use.
type Tree struct {
	Root    string            // absolute
	Overlay map[string][]byte // file relative to the root -> content that replaces it
	Flags   []string          // build flags, as -tags
	Env     []string          // of the go command

	mu    sync.Mutex
	files map[string][]byte
	pkgs  map[string]*loading

	compiled map[string]*compilation // the packages that do not compile, by failures
	searches map[string]*search      // for the culprit, by failures
}

type loading struct {
	once sync.Once
	pkg  *Package
	err  error
}

// Read gives the content of a file; the path is relative to the root.
func (t *Tree) Read(file string) ([]byte, error) {
	if b, ok := t.Overlay[file]; ok {
		return b, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if b, ok := t.files[file]; ok {
		return b, nil
	}
	b, err := os.ReadFile(filepath.Join(t.Root, filepath.FromSlash(file)))
	if err != nil {
		return nil, err
	}
	if t.files == nil {
		t.files = make(map[string][]byte)
	}
	t.files[file] = b
	return b, nil
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

	imported map[string]*types.Package
	sizes    types.Sizes
	goVer    string

	mu        sync.Mutex // guards what follows
	donors    *donors
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

// Offset turns a position into a byte offset of the file.
func (f *File) Offset(p token.Pos) int { return f.Tok.Offset(p) }

// Line turns a position into a line.
func (f *File) Line(p token.Pos) int { return f.Tok.Line(p) }

// Text is the source of a node.
func (f *File) Text(n ast.Node) string {
	return string(f.Src[f.Offset(n.Pos()):f.Offset(n.End())])
}

// File gives the package's file with this name, or nil.
func (p *Package) File(name string) *File {
	for _, f := range p.Files {
		if f.Name == name {
			return f
		}
	}
	return nil
}

const loadMode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
	packages.NeedExportFile | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo |
	packages.NeedTypesSizes | packages.NeedModule

// Load type-checks the package in a directory (relative to the root). What it
// imports comes from export data, so that the cost is that of the one package. A
// package that does not compile is loaded as far as it goes, with its Errors.
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

func (t *Tree) load(ctx context.Context, dir string) (*Package, error) {
	abs := filepath.Join(t.Root, filepath.FromSlash(dir))
	overlay := make(map[string][]byte, len(t.Overlay))
	for name, b := range t.Overlay {
		overlay[filepath.Join(t.Root, filepath.FromSlash(name))] = b
	}
	loaded, err := packages.Load(&packages.Config{
		Context: ctx, Mode: loadMode, Dir: abs, Env: t.Env, BuildFlags: t.Flags, Overlay: overlay,
		ParseFile: func(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
			return parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		},
	}, ".")
	if err != nil {
		return nil, fmt.Errorf("load package in %s: %w", dir, err)
	}
	if len(loaded) != 1 || loaded[0].Types == nil {
		return nil, fmt.Errorf("load package in %s: no Go package there", dir)
	}
	l := loaded[0]
	p := &Package{
		Path: l.PkgPath, Dir: dir, Fset: l.Fset, Types: l.Types, Info: l.TypesInfo, Errors: l.Errors,
		imported: make(map[string]*types.Package), sizes: l.TypesSizes,
	}
	if l.Module != nil && l.Module.GoVersion != "" {
		p.goVer = "go" + l.Module.GoVersion
	}
	for _, dep := range l.Types.Imports() {
		p.imported[dep.Path()] = dep
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

// ErrIllTyped is the verdict of Check on a candidate that would not compile.
var ErrIllTyped = errors.New("does not type-check")
