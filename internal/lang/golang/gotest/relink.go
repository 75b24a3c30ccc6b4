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

// Relinker builds the test program of one package again and again, each time with
// other files laid over the tree, in about the time that the compiler and the linker
// take. It asks the go command what it would do (`go test -n`), does that itself, and
// does the same for every build whose files have the same names, imports and
// directives. What others import is compiled again only when what it imports has
// changed as the compiler sees it.
//
// The files of the tree must stay as they are. It is safe for concurrent use. Call
// [Relinker.Close] when done.
type Relinker struct {
	suite  *Suite
	pkg    *Package
	module Module
	opt    BuildOptions
	tools  toolchain
	dir    string // of the objects that are kept
	remove func()

	mu      sync.Mutex // held while the go command is asked
	primed  bool       // the packages that do not change have been built
	recipes map[[sha256.Size]byte]*recipe
	main    []byte // the source of the main package, of the test files as they are

	keeping  sync.Mutex // guards what follows, and what recipes keep
	compiled int        // packages
}

// DeclinedError says that a [Relinker] does not serve a build; [Suite.Run] and
// [Suite.Build] may.
type DeclinedError struct {
	Package string // whose tests were to be built
	Why     string
}

func (e *DeclinedError) Error() string { return e.Package + ": cannot be relinked: " + e.Why }

// recipe is a script with all that is needed to follow it.
type recipe struct {
	*script
	overlay  string // the directory that the copies of overlaid files were in
	testmain []byte // the source of the program's main package
	err      error  // why there is none

	kept map[string]object // the last one of each unit, by its object file
}

// object is a compiled package.
type object struct {
	inputs [sha256.Size]byte
	file   string
}

// Relinker prepares to build the test program of one package. What it can tell from
// the suite and the options that it does not serve gives a [*DeclinedError].
func (s *Suite) Relinker(ctx context.Context, pkg string, opt BuildOptions) (*Relinker, error) {
	if opt.Cover || opt.CoverPkg != nil {
		return nil, &DeclinedError{pkg, "coverage is asked for"}
	}
	for _, flag := range slices.Concat(s.Flags, opt.Flags) {
		// They make the go command run other programs than the ones seen here.
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

// Close deletes what is kept between builds. The binaries stay.
func (r *Relinker) Close() { r.remove() }

// Build builds the test program with files laid over the tree, and over the overlay of
// the options. Code that does not compile gives a [*BuildError], what is better left to
// the go command a [*DeclinedError].
func (r *Relinker) Build(ctx context.Context, overlay map[string][]byte) (*Binary, error) {
	files := maps.Clone(r.opt.Overlay)
	if files == nil {
		files = map[string][]byte{}
	}
	maps.Copy(files, overlay)
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
	dir, discard, err := testrun.Scratch(r.suite.Sandbox.Temp())
	if err != nil {
		return nil, err
	}
	binary := r.suite.binary(dir, r.pkg, r.module)
	b := &relinking{Relinker: r, recipe: recipe, over: over, work: work}
	if err := b.build(ctx, binary.Path); err != nil {
		discard()
		return nil, err
	}
	return binary, nil
}

func (r *Relinker) declined(why string) error { return &DeclinedError{r.pkg.ImportPath, why} }

// recipe is how to build with these files laid over the tree. What it says depends on
// their headers only, and is kept by those.
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
	learnt, err := r.learn(ctx, files)
	if err == nil && !r.primed && learnt.cold() {
		// Among what has to be compiled is what no build changes: once is enough.
		r.primed = true
		_ = r.prime(ctx) // what does not build shows in the build
		learnt, err = r.learn(ctx, files)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("build: %w", context.Cause(ctx))
	}
	if err != nil {
		learnt = &recipe{err: err}
	}
	r.recipes[key] = learnt
	return learnt, learnt.err
}

// headers is what the go command reads of files to find out how they are built, as a
// key: of a Go file its build constraints, package clause, imports and directives, of
// a test file and of what is not Go everything.
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
		return nil, fmt.Errorf("%s: imports that cannot be read", name)
	}
	header := slices.Clone(src[:at])
	for line := range bytes.Lines(src[at:]) {
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("//go:")) {
			header = append(append(header, '\n'), line...)
		}
	}
	return header, nil
}

// learn asks the go command how it would build with these files.
func (r *Relinker) learn(ctx context.Context, files map[string][]byte) (*recipe, error) {
	// What is in the cache the go command would not compile. A comment that was never
	// there before makes it say how.
	asked := maps.Clone(files)
	for name, src := range asked {
		if src != nil && strings.HasSuffix(name, ".go") {
			asked[name] = slices.Concat(src, []byte("\n// "+rand.Text()+"\n"))
		}
	}
	over, err := r.suite.layOver(asked, r.opt.System)
	if err != nil {
		return nil, err
	}
	defer over.remove()
	dir := r.suite.abs(r.module.Dir)

	args := slices.Concat([]string{"go", "test", "-n", "-count=1", "-vet=off"}, r.suite.Flags, []string{"-count=1", "-vet=off"}, r.opt.Flags, over.flags(), []string{r.pkg.ImportPath})
	var told bytes.Buffer
	status, err := r.suite.Sandbox.Run(ctx, testrun.Command{Args: args, Dir: dir, Env: r.module.env(), Stdout: &told, Stderr: &told, Build: true})
	if err != nil {
		return nil, testrun.NotStarted(err)
	}
	if status != 0 {
		return nil, r.declined("go test -n: " + testrun.FirstLine(told.String()))
	}
	s, why := parseScript(told.String(), dir)
	if why != "" {
		return nil, r.declined(why)
	}
	learnt := &recipe{script: s, kept: map[string]object{}}
	if over.file != "" {
		learnt.overlay = filepath.Dir(over.file)
	}
	learnt.testmain, err = r.testmain(ctx, files, over)
	return learnt, err
}

// testmain is the source of the program's main package, which depends on the test
// files. It is not in the script.
func (r *Relinker) testmain(ctx context.Context, files map[string][]byte, over overlay) ([]byte, error) {
	own := false
	for name := range files {
		own = own || strings.HasSuffix(name, "_test.go")
	}
	if !own && r.main != nil {
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
			if !own {
				r.main = source
			}
			return source, nil
		}
	}
	return nil, r.declined("go list does not tell of its main package")
}

// cold tells whether there are packages to compile that no overlaid file leads to.
func (c *recipe) cold() bool {
	warm := map[string]bool{}
	for _, u := range c.units {
		own := c.overlay != "" && slices.ContainsFunc(u.args, func(arg string) bool { return strings.HasPrefix(arg, c.overlay) })
		if !own && !slices.ContainsFunc(c.imports(u), func(file string) bool { return warm[file] }) {
			return true
		}
		warm[u.out] = true
	}
	return false
}

// imports are the object files of a unit's imports.
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

// prime has the go command build what the test program imports, as far as it builds.
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

// place puts this build's directories in place of the script's.
func (b *relinking) place(text string) string {
	if b.recipe.overlay != "" {
		text = strings.ReplaceAll(text, b.recipe.overlay, filepath.Dir(b.over.file))
	}
	return strings.ReplaceAll(text, workDir, b.work)
}

func (b *relinking) build(ctx context.Context, program string) error {
	for name, content := range b.recipe.files {
		if err := b.write(name, []byte(b.place(content))); err != nil {
			return err
		}
	}
	var failed bytes.Buffer // what the compiler said
	missing := map[string]bool{}
	exports := map[string][sha256.Size]byte{} // of the units, by object file
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
		if !b.fetch(u, inputs) {
			text, err := b.compile(ctx, u)
			if err != nil {
				return err
			}
			if text != "" {
				fmt.Fprintf(&failed, "# %s [%s.test]\n%s", u.path, b.pkg.ImportPath, text)
				missing[u.out] = true
				continue
			}
			b.keep(u, inputs)
		}
		if exports[u.out], err = exportData(b.place(u.out)); err != nil {
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
	return os.Rename(b.place(b.recipe.out), program)
}

func (b *relinking) write(name string, content []byte) error {
	file := b.place(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// inputs is all of what a unit is compiled from that can differ from one build by the
// recipe to the next, as a key: the compiler sees of an import its export data only.
func (b *relinking) inputs(u unit, imports []string, exports map[string][sha256.Size]byte) (key [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, arg := range u.args {
		if b.recipe.overlay == "" || filepath.Dir(arg) != b.recipe.overlay {
			continue
		}
		src, err := os.ReadFile(b.place(arg))
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

// compile compiles a unit. Text is what the compiler has to complain of in the code.
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
		// Killed, or the go command's cache was emptied meanwhile.
		return "", b.declined(fmt.Sprintf("the compiler: exit status %d: %s", status, testrun.FirstLine(text)))
	}
	return strings.TrimSuffix(text, "\n") + "\n", nil
}

func (b *relinking) run(ctx context.Context, s step, output *testrun.Capped) (int, error) {
	args := make([]string, 0, len(s.args))
	for _, arg := range s.args {
		args = append(args, b.place(arg))
	}
	env := slices.Concat(b.tools.env, s.env, []string{"TMPDIR=" + b.work, "PWD=" + b.place(s.dir)})
	status, err := b.suite.Sandbox.Run(ctx, testrun.Command{Args: args, Dir: b.place(s.dir), Env: env, Stdout: output, Stderr: output})
	if ctx.Err() != nil {
		return -1, fmt.Errorf("build: %w", context.Cause(ctx))
	}
	if err != nil {
		return -1, b.declined(err.Error())
	}
	return status, nil
}

// fetch puts the object file of a unit in place, if the last one was made of the same.
func (b *relinking) fetch(u unit, inputs [sha256.Size]byte) bool {
	b.keeping.Lock()
	defer b.keeping.Unlock()
	o, ok := b.recipe.kept[u.out]
	return ok && o.inputs == inputs && os.MkdirAll(filepath.Dir(b.place(u.out)), 0o700) == nil && os.Link(o.file, b.place(u.out)) == nil
}

// keep keeps the object file of a unit. Where there are no links nothing is kept.
func (b *relinking) keep(u unit, inputs [sha256.Size]byte) {
	b.keeping.Lock()
	defer b.keeping.Unlock()
	b.compiled++
	o := object{inputs, filepath.Join(b.dir, strconv.Itoa(b.compiled)+".a")}
	if os.Link(b.place(u.out), o.file) != nil {
		return
	}
	if last, ok := b.recipe.kept[u.out]; ok {
		_ = os.Remove(last.file)
	}
	b.recipe.kept[u.out] = o
}

// exportData is a hash of what the compiler reads of an object file: the first member
// of the archive.
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

// toolchain is what is needed to do a part of the go command's work.
type toolchain struct {
	env       []string // the go command's own variables, as it passes them on
	bin       string   // where it is itself
	test2json string   // the program
}

// toolchain finds out once about the toolchain that works on a module.
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
