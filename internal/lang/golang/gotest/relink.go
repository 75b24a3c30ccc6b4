package gotest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Relinker builds the test program of one package repeatedly, each time with other files
// laid over the tree, in little more time than the compiler and the linker take. It asks the
// go command what it would do (`go test -n`), does that itself, and reuses the answer for
// every build whose files have the same names, imports and directives. It recompiles a
// package only if its own files or the export data of its imports changed.
//
// The files of the tree must not change. A Relinker is safe for concurrent use. Call
// [Relinker.Close] when done.
type Relinker struct {
	suite  *Suite
	pkg    *Package
	module Module
	opt    BuildOptions
	tools  toolchain
	dir    string // where objects are stored
	remove func()

	mu      sync.Mutex // held while the go command is asked
	primed  bool       // the packages that do not change have been built
	recipes map[[sha256.Size]byte]*recipe
	main    []byte // the source of the main package for unchanged test files

	objectsMu sync.Mutex // guards compiled and the objects of recipes
	compiled  int        // how many packages were compiled
}

// DeclinedError says that a [Relinker] cannot do a build. [Suite.Run] and [Suite.Build] may
// still be able to.
type DeclinedError struct {
	Package string // the package under test
	Why     string
}

func (e *DeclinedError) Error() string { return e.Package + ": cannot be relinked: " + e.Why }

// recipe is a script with everything needed to follow it.
type recipe struct {
	*script
	overlay  string // the directory with the copies of overlaid files when the script was made
	testmain []byte // the source of the program's main package
	err      error  // why there is no recipe

	objects map[string]object // the last object of each unit, by its object file
}

// object is a compiled package.
type object struct {
	inputs [sha256.Size]byte
	file   string
}

// Relinker prepares to build the test program of one package. If the suite or the options
// already rule that out, the error is a [*DeclinedError].
func (s *Suite) Relinker(ctx context.Context, pkg string, opt BuildOptions) (*Relinker, error) {
	if opt.Cover || opt.CoverPkg != nil {
		return nil, &DeclinedError{pkg, "coverage is requested"}
	}
	for _, flag := range slices.Concat(s.Flags, opt.Flags) {
		// These make the go command run programs that `go test -n` does not show.
		if name := flagName(flag); slices.Contains([]string{"exec", "toolexec", "compiler", "linkshared", "buildmode", "a"}, name) {
			return nil, &DeclinedError{pkg, "the flag " + flag}
		}
	}
	found, module, err := s.packageAt(ctx, pkg)
	if err != nil {
		return nil, err
	}
	r := &Relinker{suite: s, pkg: found, module: module, opt: opt, recipes: map[[sha256.Size]byte]*recipe{}}
	if r.tools, err = s.toolchain(ctx, module); err != nil {
		return nil, err
	}
	if r.dir, r.remove, err = testrun.Scratch(s.Sandbox.Temp()); err != nil {
		return nil, err
	}
	return r, nil
}

// Close deletes what is stored between builds. The binaries stay.
func (r *Relinker) Close() { r.remove() }

// Build builds the test program with files laid over the tree, and over the overlay of the
// options. If the code does not compile the error is a [*BuildError], if only the go command
// can do the build a [*DeclinedError].
func (r *Relinker) Build(ctx context.Context, overlay map[string][]byte) (*Binary, error) {
	files := maps.Clone(r.opt.Overlay)
	if files == nil {
		files = map[string][]byte{}
	}
	maps.Copy(files, overlay)
	r.suite.disk.RLock()
	defer r.suite.disk.RUnlock()
	recipe, err := r.recipe(ctx, files)
	if err != nil {
		return nil, err
	}
	over, err := r.suite.layOver(files, r.opt.System)
	if err != nil {
		return nil, err
	}
	defer over.remove()
	work, remove, err := testrun.Scratch(r.suite.Sandbox.Temp())
	if err != nil {
		return nil, err
	}
	defer remove()
	dir, removeBinary, err := testrun.Scratch(r.suite.Sandbox.Temp())
	if err != nil {
		return nil, err
	}
	binary := r.suite.binary(dir, r.pkg, r.module)
	b := &relinking{Relinker: r, recipe: recipe, over: over, work: work}
	if err := b.build(ctx, binary.Path); err != nil {
		removeBinary()
		return nil, err
	}
	return binary, nil
}

func (r *Relinker) declined(why string) error { return &DeclinedError{r.pkg.ImportPath, why} }

// recipe returns how to build with these files laid over the tree. It depends on their
// headers only, so recipes are cached by those.
func (r *Relinker) recipe(ctx context.Context, files map[string][]byte) (*recipe, error) {
	key, err := headers(files)
	if err != nil {
		return nil, r.declined(err.Error())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.recipes[key]; known != nil {
		return known, known.err
	}
	made, err := r.newRecipe(ctx, files)
	if err == nil && !r.primed && made.compilesUnchanged() {
		// Compile once what no build changes.
		r.primed = true
		_ = r.prime(ctx) // errors appear in the build
		made, err = r.newRecipe(ctx, files)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("build: %w", context.Cause(ctx))
	}
	if err != nil {
		made = &recipe{err: err}
	}
	r.recipes[key] = made
	return made, made.err
}

// headers returns a hash of what the go command reads of files to decide how to build them:
// of a Go file its build constraints, package clause, imports and directives; of test files
// and of other files everything.
func headers(files map[string][]byte) (key [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		src := files[name]
		header := src
		if src != nil && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			if header, err = goHeader(name, src); err != nil {
				return key, err
			}
		}
		fmt.Fprintf(h, "%q %t %d\n", name, src == nil, len(header))
		h.Write(header)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

func goHeader(name string, src []byte) ([]byte, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.ImportsOnly|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	end := file.Name.End()
	for _, decl := range file.Decls {
		end = max(end, decl.End())
	}
	at := set.Position(end).Offset
	if at > len(src) {
		return nil, fmt.Errorf("%s: cannot read the imports", name)
	}
	header := slices.Clone(src[:at])
	for line := range bytes.Lines(src[at:]) {
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("//go:")) {
			header = append(append(header, '\n'), line...)
		}
	}
	return header, nil
}

// newRecipe asks the go command how it would build with these files.
func (r *Relinker) newRecipe(ctx context.Context, files map[string][]byte) (*recipe, error) {
	// The go command would not compile what it has in its cache. A unique comment prevents
	// cache hits.
	unique := maps.Clone(files)
	for name, src := range unique {
		if src != nil && strings.HasSuffix(name, ".go") {
			unique[name] = slices.Concat(src, []byte("\n// "+rand.Text()+"\n"))
		}
	}
	over, err := r.suite.layOver(unique, r.opt.System)
	if err != nil {
		return nil, err
	}
	defer over.remove()
	dir := r.suite.abs(r.module.Dir)

	args := slices.Concat([]string{"go", "test", "-n", "-count=1", "-vet=off"}, r.suite.Flags, []string{"-count=1", "-vet=off"}, r.opt.Flags, over.flags(), []string{r.pkg.ImportPath})
	var output bytes.Buffer
	status, err := r.suite.Sandbox.Run(ctx, testrun.Command{Args: args, Dir: dir, Env: r.module.env(), Stdout: &output, Stderr: &output, Build: true})
	if err != nil {
		return nil, testrun.NotStarted(err)
	}
	if status != 0 {
		return nil, r.declined("go test -n: " + testrun.FirstLine(output.String()))
	}
	s, why := parseScript(output.String(), dir)
	if why != "" {
		return nil, r.declined(why)
	}
	made := &recipe{script: s, objects: map[string]object{}}
	if over.file != "" {
		made.overlay = filepath.Dir(over.file)
	}
	made.testmain, err = r.testmain(ctx, files, over)
	return made, err
}

// testmain returns the source of the program's main package, which depends on the test files.
// The script does not contain it.
func (r *Relinker) testmain(ctx context.Context, files map[string][]byte, over overlay) ([]byte, error) {
	testsChanged := false
	for name := range files {
		testsChanged = testsChanged || strings.HasSuffix(name, "_test.go")
	}
	if !testsChanged && r.main != nil {
		return r.main, nil
	}
	args := slices.Concat([]string{"list", "-e", "-test", "-f={{.ImportPath}}\t{{join .GoFiles \"\\t\"}}"}, buildFlags(r.suite.Flags), r.opt.Flags, over.flags(), []string{r.pkg.ImportPath})
	listed, err := r.suite.output(ctx, r.suite.abs(r.module.Dir), r.module.env(), args...)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(listed)) {
		if file, ok := strings.CutPrefix(strings.TrimSpace(line), r.pkg.ImportPath+".test\t"); ok {
			source, err := os.ReadFile(file)
			if err != nil {
				return nil, r.declined("the main package: " + err.Error())
			}
			if !testsChanged {
				r.main = source
			}
			return source, nil
		}
	}
	return nil, r.declined("go list does not list its main package")
}

// compilesUnchanged reports whether the recipe compiles a package that depends on no overlaid
// file.
func (c *recipe) compilesUnchanged() bool {
	changed := map[string]bool{}
	for _, u := range c.units {
		overlaid := c.overlay != "" && slices.ContainsFunc(u.args, func(arg string) bool { return strings.HasPrefix(arg, c.overlay) })
		if !overlaid && !slices.ContainsFunc(c.imports(u), func(file string) bool { return changed[file] }) {
			return true
		}
		changed[u.out] = true
	}
	return false
}

// imports returns the object files of a unit's imports.
func (c *recipe) imports(u unit) []string {
	var all []string
	for line := range strings.Lines(c.files[u.after("-importcfg")]) {
		if imported, ok := strings.CutPrefix(strings.TrimSpace(line), "packagefile "); ok {
			_, file, _ := strings.Cut(imported, "=")
			all = append(all, file)
		}
	}
	return all
}

// prime makes the go command build what the test program imports, as far as that builds.
func (r *Relinker) prime(ctx context.Context) error {
	over, err := r.suite.layOver(r.opt.Overlay, r.opt.System)
	if err != nil {
		return err
	}
	defer over.remove()
	args := slices.Concat([]string{"list", "-e", "-export", "-test", "-deps", "-f="}, buildFlags(r.suite.Flags), r.opt.Flags, over.flags(), []string{r.pkg.ImportPath})
	_, err = r.suite.output(ctx, r.suite.abs(r.module.Dir), r.module.env(), args...)
	return err
}

// relinking is one build.
type relinking struct {
	*Relinker
	recipe *recipe
	over   overlay
	work   string
}

// expand replaces the script's directories in a text by those of this build.
func (b *relinking) expand(text string) string {
	if b.recipe.overlay != "" {
		text = strings.ReplaceAll(text, b.recipe.overlay, filepath.Dir(b.over.file))
	}
	return strings.ReplaceAll(text, workDir, b.work)
}

func (b *relinking) build(ctx context.Context, program string) error {
	for name, content := range b.recipe.files {
		if err := b.write(name, []byte(b.expand(content))); err != nil {
			return err
		}
	}
	var failed bytes.Buffer // output of the compiler
	missing := map[string]bool{}
	exports := map[string][sha256.Size]byte{} // hashes of the units' export data, by object file
	for _, u := range b.recipe.units {
		imports := b.recipe.imports(u)
		if slices.ContainsFunc(imports, func(file string) bool { return missing[file] }) {
			missing[u.out] = true
			continue
		}
		inputs, err := b.inputs(u, imports, exports)
		if err != nil {
			return err
		}
		if !b.reuse(u, inputs) {
			text, err := b.compile(ctx, u)
			if err != nil {
				return err
			}
			if text != "" {
				fmt.Fprintf(&failed, "# %s [%s.test]\n%s", u.path, b.pkg.ImportPath, text)
				missing[u.out] = true
				continue
			}
			b.store(u, inputs)
		}
		if exports[u.out], err = exportData(b.expand(u.out)); err != nil {
			return b.declined("an object file: " + err.Error())
		}
	}
	if failed.Len() > 0 {
		err := b.suite.tree(b.over).buildError(b.pkg.ImportPath, failed.String(), b.suite.abs(b.module.Dir))
		var build *BuildError
		if !errors.As(err, &build) || len(build.Positions) == 0 {
			return b.declined("the compiler failed: " + testrun.FirstLine(err.Error()))
		}
		return err
	}
	var output testrun.Capped
	status, err := b.run(ctx, b.recipe.link, &output)
	if err != nil {
		return err
	}
	if status != 0 {
		text, _ := output.Text()
		return b.declined("the linker: " + testrun.FirstLine(text))
	}
	return os.Rename(b.expand(b.recipe.out), program)
}

func (b *relinking) write(name string, content []byte) error {
	file := b.expand(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// inputs returns a hash of everything that can change the object of a unit from one build
// with the recipe to the next: its overlaid files, and the export data of its imports, which
// is all that the compiler reads of them.
func (b *relinking) inputs(u unit, imports []string, exports map[string][sha256.Size]byte) (key [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, arg := range u.args {
		if b.recipe.overlay == "" || filepath.Dir(arg) != b.recipe.overlay {
			continue
		}
		src, err := os.ReadFile(b.expand(arg))
		if err != nil {
			return key, err
		}
		fmt.Fprintf(h, "%d\n", len(src))
		h.Write(src)
	}
	for _, file := range imports {
		if export, ok := exports[file]; ok {
			h.Write(export[:])
		}
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// compile compiles a unit. text holds the compile errors.
func (b *relinking) compile(ctx context.Context, u unit) (text string, err error) {
	for _, arg := range u.args {
		if strings.HasPrefix(arg, workDir) && strings.HasSuffix(arg, "_testmain.go") {
			if err := b.write(arg, b.recipe.testmain); err != nil {
				return "", err
			}
		}
	}
	output := testrun.Capped{Limit: maxBuilds}
	status, err := b.run(ctx, u.step, &output)
	if err != nil || status == 0 {
		return "", err
	}
	text, _ = output.Text()
	if text == "" || status < 0 || strings.Contains(text, "could not import") {
		// The compiler was killed, or the go command's cache was emptied.
		return "", b.declined(fmt.Sprintf("the compiler: exit status %d: %s", status, testrun.FirstLine(text)))
	}
	return strings.TrimSuffix(text, "\n") + "\n", nil
}

func (b *relinking) run(ctx context.Context, s step, output *testrun.Capped) (int, error) {
	args := make([]string, 0, len(s.args))
	for _, arg := range s.args {
		args = append(args, b.expand(arg))
	}
	env := slices.Concat(b.tools.env, s.env, []string{"TMPDIR=" + b.work, "PWD=" + b.expand(s.dir)})
	status, err := b.suite.Sandbox.Run(ctx, testrun.Command{Args: args, Dir: b.expand(s.dir), Env: env, Stdout: output, Stderr: output})
	if ctx.Err() != nil {
		return -1, fmt.Errorf("build: %w", context.Cause(ctx))
	}
	if err != nil {
		return -1, b.declined(err.Error())
	}
	return status, nil
}

// reuse links the stored object file of a unit into this build if its inputs are the same. It
// reports whether it did.
func (b *relinking) reuse(u unit, inputs [sha256.Size]byte) bool {
	b.objectsMu.Lock()
	defer b.objectsMu.Unlock()
	o, ok := b.recipe.objects[u.out]
	return ok && o.inputs == inputs && os.MkdirAll(filepath.Dir(b.expand(u.out)), 0o700) == nil && os.Link(o.file, b.expand(u.out)) == nil
}

// store stores the object file of a unit for later builds, if the file system has hard links.
func (b *relinking) store(u unit, inputs [sha256.Size]byte) {
	b.objectsMu.Lock()
	defer b.objectsMu.Unlock()
	b.compiled++
	o := object{inputs, filepath.Join(b.dir, strconv.Itoa(b.compiled)+".a")}
	if os.Link(b.expand(u.out), o.file) != nil {
		return
	}
	if last, ok := b.recipe.objects[u.out]; ok {
		_ = os.Remove(last.file)
	}
	b.recipe.objects[u.out] = o
}

// exportData returns a hash of what the compiler reads of an object file: the first member of
// the archive.
func exportData(file string) (hash [sha256.Size]byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return hash, err
	}
	defer f.Close()
	const magic, header = "!<arch>\n", 60
	head := make([]byte, len(magic)+header)
	if _, err := f.ReadAt(head, 0); err != nil {
		return hash, err
	}
	name, size := string(head[len(magic):len(magic)+16]), strings.TrimSpace(string(head[len(magic)+48:len(magic)+58]))
	n, err := strconv.Atoi(size)
	if err != nil || !strings.HasPrefix(string(head), magic) || strings.TrimSpace(name) != "__.PKGDEF" {
		return hash, fmt.Errorf("%s does not begin with export data", filepath.Base(file))
	}
	data := make([]byte, n)
	if _, err := f.ReadAt(data, int64(len(head))); err != nil {
		return hash, err
	}
	return sha256.Sum256(data), nil
}

// toolchain holds what is needed to do a part of the go command's work.
type toolchain struct {
	env       []string // the variables that the go command passes to its tools
	bin       string   // the directory of the go command
	test2json string   // the path of the program
}

// toolchain returns the toolchain of a module. It asks the go command once per module.
func (s *Suite) toolchain(ctx context.Context, m Module) (toolchain, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.toolchains[m.Dir]; ok {
		return t, nil
	}
	out, err := s.output(ctx, s.abs(m.Dir), m.env(), "env", "-json")
	if err != nil {
		return toolchain{}, err
	}
	var vars map[string]string
	if err := json.Unmarshal(out, &vars); err != nil {
		return toolchain{}, &testrun.NotRunError{What: "go env: " + err.Error(), Where: m.Dir}
	}
	t := toolchain{bin: filepath.Join(vars["GOROOT"], "bin")}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		t.env = append(t.env, name+"="+vars[name])
	}
	out, err = s.output(ctx, s.abs(m.Dir), m.env(), "tool", "-n", "test2json")
	if err != nil {
		return toolchain{}, err
	}
	t.test2json = strings.TrimSpace(string(out))
	if s.toolchains == nil {
		s.toolchains = map[string]toolchain{}
	}
	s.toolchains[m.Dir] = t
	return t, nil
}
