package gotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Binary is the test program of one package, for runs in quick succession. The
// program is in a temporary directory: call [Binary.Remove] when done.
type Binary struct {
	Path    string // of the program, absolute
	Dir     string // of the package, absolute: where the tests run
	Package string // import path

	suite   *Suite
	module  Module
	sandbox *testrun.Sandbox
	flags   []string // of the suite, as a test program takes them
}

// BuildOptions say how a [Binary] is built.
type BuildOptions struct {
	Overlay  map[string][]byte // as in Request
	System   map[string][]byte // files outside of the tree, by absolute path, to lay others over: the standard library's
	Cover    bool              // measure coverage
	CoverPkg []string          // of these packages (import paths or patterns); nil for the package itself
	NoVet    bool
	Flags    []string // further flags of the build, for instance -gcflags=-l
}

// BuildError says that a test program could not be built because of the code.
type BuildError struct {
	Package   string // that does not compile
	Positions []testrun.Position
	Output    string // capped
}

func (e *BuildError) Error() string {
	if len(e.Positions) == 0 {
		return fmt.Sprintf("%s does not build: %s", e.Package, testrun.FirstLine(e.Output))
	}
	p := e.Positions[0]
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, testrun.FirstLine(p.Message))
}

// Failure is the failure that [Suite.Run] reports of such a build.
func (e *BuildError) Failure() testrun.Failure {
	o := buildOutput{pkg: e.Package, text: e.Output, positions: e.Positions}
	return o.failure(tree{})
}

// Build builds the test program of one package. Code that does not compile gives
// a [*BuildError], a package without tests a [*testrun.NotRunError].
func (s *Suite) Build(ctx context.Context, pkg string, opt BuildOptions) (*Binary, error) {
	found, module, err := s.packageAt(ctx, pkg)
	if err != nil {
		return nil, err
	}
	over, err := s.layOver(opt.Overlay, opt.System)
	if err != nil {
		return nil, err
	}
	defer over.remove()
	dir, remove, err := testrun.Scratch(s.Sandbox.Temp())
	if err != nil {
		return nil, err
	}
	b := s.binary(dir, found, module)
	args := append([]string{"go", "test", "-c", "-o", b.Path}, s.Flags...)
	args = append(append(args, opt.Flags...), over.flags()...)
	if opt.NoVet {
		args = append(args, "-vet=off")
	}
	if opt.Cover {
		args = append(args, "-cover")
	}
	if opt.CoverPkg != nil {
		args = append(args, "-coverpkg="+strings.Join(opt.CoverPkg, ","))
	}
	output := testrun.Capped{Limit: maxBuilds}
	status, err := s.Sandbox.Run(ctx, testrun.Command{
		Args: append(args, pkg), Dir: s.abs(module.Dir), Env: module.env(), Stdout: &output, Stderr: &output, Grace: testrun.Grace, Build: true,
	})
	text, _ := output.Text()
	switch {
	case err != nil:
		err = testrun.NotStarted(err)
	case status != 0:
		err = s.tree(over).buildError(pkg, text, s.abs(module.Dir))
	case !exists(b.Path):
		err = &testrun.NotRunError{What: "no test files", Where: pkg, Hint: "choose a package with tests"}
	}
	if err != nil {
		remove()
		return nil, err
	}
	return b, nil
}

// packageAt finds a package by its import path, and its module.
func (s *Suite) packageAt(ctx context.Context, path string) (*Package, Module, error) {
	all, err := s.Packages(ctx)
	if err != nil {
		return nil, Module{}, err
	}
	i := slices.IndexFunc(all, func(p Package) bool { return p.ImportPath == path })
	if i < 0 {
		return nil, Module{}, &testrun.NotRunError{What: "no such package in the tree", Where: path, Hint: "`go list ./...` lists the packages"}
	}
	m := slices.IndexFunc(s.Modules, func(m Module) bool { return m.Path == all[i].Module })
	return &all[i], s.Modules[m], nil
}

// binary is the test program of a package, to be built in a directory of its own.
func (s *Suite) binary(dir string, p *Package, module Module) *Binary {
	return &Binary{
		Path: filepath.Join(dir, "tests.test"), Dir: s.abs(p.Dir), Package: p.ImportPath,
		suite: s, module: module, sandbox: s.Sandbox, flags: binaryFlags(s.Flags),
	}
}

// buildError reads what a failed build has printed.
func (t tree) buildError(pkg, text, dir string) error {
	unloaded := strings.Contains(text, " [setup failed]")
	e := &BuildError{Package: pkg, Output: testrun.Clip(t.shorten(text))}
	for _, o := range t.parseBuild(text, dir) {
		if len(o.positions) == 0 || unloaded {
			if outer := outside(o.text); outer != nil {
				return outer
			}
		}
		if len(e.Positions) == 0 && len(o.positions) > 0 && o.pkg != "" {
			e.Package = o.pkg
		}
		e.Positions = append(e.Positions, o.positions...)
	}
	return e
}

// Remove deletes the program.
func (b *Binary) Remove() error { return os.RemoveAll(filepath.Dir(b.Path)) }

// BinaryRun says what to run of a test program.
type BinaryRun struct {
	Tests        []testrun.TestID // nil for all
	Env          []string         // added to the sandbox's
	Timeout      time.Duration    // 0 means DefaultTimeout
	CoverProfile string           // file to write, when the program was built with Cover
	FailFast     bool
	Verbose      bool
}

// BinaryResult is what one run of a test program showed.
type BinaryResult struct {
	Passed   bool
	TimedOut bool
	ExitCode int    // -1 when a signal ended it
	Output   []byte // at most 32 KiB, head and tail
	Seconds  float64
}

const (
	maxBinaryOutput = 32 << 10
	// binarySlack is how much longer than its own timeout a test program may run.
	binarySlack = 250 * time.Millisecond
)

// Run runs the program in the package's directory. A red run is a result; an error
// means that the program could not be started, or is the context's.
//
// It is made for thousands of runs: what a test leaves behind is ended with the
// process group, but not looked for outside of it.
func (b *Binary) Run(ctx context.Context, run BinaryRun) (BinaryResult, error) {
	timeout := run.Timeout
	if timeout <= 0 {
		timeout = testrun.DefaultTimeout
	}
	args := append([]string{b.Path, "-test.paniconexit0"}, b.flags...)
	args = append(args, "-test.timeout="+timeout.String())
	if run.Tests != nil {
		args = append(args, "-test.run="+pattern(run.Tests))
	}
	if run.CoverProfile != "" {
		args = append(args, "-test.coverprofile="+run.CoverProfile)
	}
	if run.FailFast {
		args = append(args, "-test.failfast")
	}
	if run.Verbose {
		args = append(args, "-test.v")
	}
	limited, cancel := context.WithTimeout(ctx, timeout+binarySlack)
	defer cancel()
	output := testrun.Capped{Limit: maxBinaryOutput}
	began := time.Now()
	status, err := b.sandbox.Run(limited, testrun.Command{Args: args, Dir: b.Dir, Env: run.Env, Stdout: &output, Stderr: &output})
	text, _ := output.Text()
	result := BinaryResult{ExitCode: status, Output: []byte(text), Seconds: time.Since(began).Seconds()}
	switch {
	case ctx.Err() != nil:
		return result, fmt.Errorf("tests: %w", context.Cause(ctx))
	case errors.Is(err, context.DeadlineExceeded):
		result.TimedOut = true
		return result, nil
	case err != nil:
		return result, testrun.NotStarted(err)
	}
	result.Passed = status == 0
	result.TimedOut = !result.Passed && timedOut().Match(result.Output)
	return result, nil
}

// failing runs a program and says at its end what the go command says there: after a
// crash, test2json takes what comes before that for a part of the test.
const failing = `"$@"; status=$?; test $status = 0 || printf 'exit status %d\n\026FAIL\t%s\t0s\n' $status "$0"; exit $status`

// Test runs tests of the program as [Suite.Run] would, and gives the same result; of
// the request it takes the tests, count and timeout. It is slower than Run by the
// reading of what each test tells.
func (b *Binary) Test(ctx context.Context, req testrun.Request) (*testrun.Result, error) {
	began := time.Now()
	tools, err := b.suite.toolchain(ctx, b.module)
	if err != nil {
		return nil, err
	}
	timeout := b.suite.timeout(req)
	args := []string{tools.test2json, "-p", b.Package, "/bin/sh", "-c", failing, b.Package, b.Path, "-test.paniconexit0", "-test.v=test2json", "-test.fullpath=true"}
	args = append(append(args, b.flags...), "-test.timeout="+timeout.String(), fmt.Sprintf("-test.count=%d", max(req.Count, 1)))
	if len(req.Tests) > 0 && !slices.ContainsFunc(req.Tests, func(id testrun.TestID) bool { return id.Test == "" }) {
		args = append(args, "-test.run="+pattern(req.Tests))
	}
	// The go command makes sure that a test which runs it gets itself.
	env := []string{"PATH=" + tools.bin + string(filepath.ListSeparator) + b.sandbox.Getenv("PATH")}
	c := newCollector(b.suite.tree(overlay{}))
	if err := b.suite.listen(ctx, c, invocation{dir: b.Dir, env: env, args: args}, timeout); err != nil {
		return nil, err
	}
	result, err := c.finish(req)
	if err != nil {
		return nil, err
	}
	result.Seconds = time.Since(began).Seconds()
	return result, nil
}

// List gives the names of the top-level tests, examples and fuzz targets, in the
// order of the program.
func (b *Binary) List(ctx context.Context) ([]string, error) {
	var stdout bytes.Buffer
	var stderr testrun.Capped
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	status, err := b.sandbox.Run(limited, testrun.Command{
		Args: []string{b.Path, "-test.paniconexit0", "-test.list=^(Test|Example|Fuzz)"}, Dir: b.Dir, Stdout: &stdout, Stderr: &stderr,
	})
	if err != nil {
		return nil, testrun.NotStarted(err)
	}
	if status != 0 {
		text, _ := stderr.Text()
		return nil, fmt.Errorf("%s: listing the tests: exit status %d: %s", b.Package, status, testrun.FirstLine(stdout.String()+text))
	}
	var names []string
	for line := range strings.Lines(stdout.String()) {
		name := strings.TrimSpace(line)
		if testName().MatchString(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// testName is what the go command takes for the name of a test.
var testName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(Test|Example|Fuzz)(\P{Ll}\S*)?$`) })
