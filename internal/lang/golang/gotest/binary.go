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

// Binary is the test program of one package, for runs in quick succession. It is in a
// temporary directory: call [Binary.Remove] when done.
type Binary struct {
	Path    string // of the program, absolute
	Dir     string // of the package, absolute: where the tests run
	Package string // import path

	suite   *Suite
	module  Module
	sandbox *testrun.Sandbox
	flags   []string // the suite's flags, in the spelling of a test program
}

// BuildOptions say how to build a [Binary].
type BuildOptions struct {
	Overlay  map[string][]byte // like in testrun.Request
	System   map[string][]byte // new content of files outside the tree, by absolute path; for the standard library
	Cover    bool              // measure coverage
	CoverPkg []string          // of these packages (import paths or patterns); nil means the package itself
	NoVet    bool
	Flags    []string // further flags of the build, for instance -gcflags=-l
}

// BuildError says that a test program does not build because of the code.
type BuildError struct {
	Package   string // the package that does not compile
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

// Failure returns the failure that [Suite.Run] reports for such a build.
func (e *BuildError) Failure() testrun.Failure {
	o := buildOutput{pkg: e.Package, text: e.Output, positions: e.Positions}
	return o.failure(tree{})
}

// Build builds the test program of one package. If the code does not compile the error is a
// [*BuildError], if the package has no tests a [*testrun.NotRunError].
func (s *Suite) Build(ctx context.Context, pkg string, opt BuildOptions) (*Binary, error) {
	found, module, err := s.packageAt(ctx, pkg)
	if err != nil {
		return nil, err
	}
	s.disk.RLock()
	defer s.disk.RUnlock()
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
		err = &testrun.NotRunError{What: "no test files", Where: pkg, Advice: "choose a package with tests"}
	}
	if err != nil {
		remove()
		return nil, err
	}
	return b, nil
}

// packageAt returns the package with an import path, and its module.
func (s *Suite) packageAt(ctx context.Context, path string) (*Package, Module, error) {
	all, err := s.Packages(ctx)
	if err != nil {
		return nil, Module{}, err
	}
	i := slices.IndexFunc(all, func(p Package) bool { return p.ImportPath == path })
	if i < 0 {
		return nil, Module{}, &testrun.NotRunError{What: "no such package in the tree", Where: path, Advice: "`go list ./...` lists the packages"}
	}
	m := slices.IndexFunc(s.Modules, func(m Module) bool { return m.Path == all[i].Module })
	return &all[i], s.Modules[m], nil
}

// binary returns the test program of a package, which the caller has yet to build in dir.
func (s *Suite) binary(dir string, p *Package, module Module) *Binary {
	return &Binary{
		Path: filepath.Join(dir, "tests.test"), Dir: s.abs(p.Dir), Package: p.ImportPath,
		suite: s, module: module, sandbox: s.Sandbox, flags: binaryFlags(s.Flags),
	}
}

// buildError returns the error of a failed build from its output.
func (t tree) buildError(pkg, text, dir string) error {
	unloaded := strings.Contains(text, " [setup failed]")
	e := &BuildError{Package: pkg, Output: testrun.Clip(t.shorten(text))}
	for _, o := range t.parseBuild(text, dir) {
		if len(o.positions) == 0 || unloaded {
			if outer := environmentError(o.text); outer != nil {
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

// BinaryRun says which tests of a test program to run, and how.
type BinaryRun struct {
	Tests        []testrun.TestID // nil means all
	Env          []string         // added to the sandbox's
	Timeout      time.Duration    // 0 means DefaultTimeout
	CoverProfile string           // file to write, if the program was built with Cover
	TestLog      string           // file to write, with what the tests read; see [Binary.Reads]
	FailFast     bool
	Verbose      bool
}

// BinaryResult is the result of one run of a test program.
type BinaryResult struct {
	Passed   bool
	TimedOut bool
	ExitCode int    // -1 if a signal killed it
	Output   []byte // at most 32 KiB, head and tail
	Seconds  float64
}

const (
	maxBinaryOutput = 32 << 10
	// binarySlack is how much longer than its own timeout a test program may run.
	binarySlack = 250 * time.Millisecond
)

// Run runs the program in the package's directory. A red run is a result. An error means
// that the program could not start, or that the context ended.
//
// Run is made for thousands of runs. It kills what tests leave behind in the process group,
// but does not search outside of it.
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
	if run.TestLog != "" {
		args = append(args, "-test.testlogfile="+run.TestLog)
	}
	if run.FailFast {
		args = append(args, "-test.failfast")
	}
	if run.Verbose {
		args = append(args, "-test.v")
	}
	b.suite.disk.RLock()
	defer b.suite.disk.RUnlock()
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

// reportExit runs a program and prints its exit status like the go command. Without that,
// test2json takes what a crash prints for output of the test.
const reportExit = `"$@"; status=$?; test $status = 0 || printf 'exit status %d\n\026FAIL\t%s\t0s\n' $status "$0"; exit $status`

// Test runs tests of the program and returns the same result as [Suite.Run]. It uses the
// tests, count and timeout of the request. It is slower than Run, because it reads the
// output of each test.
func (b *Binary) Test(ctx context.Context, req testrun.Request) (*testrun.Result, error) {
	began := time.Now()
	tools, err := b.suite.toolchain(ctx, b.module)
	if err != nil {
		return nil, err
	}
	timeout := b.suite.timeout(req)
	args := []string{tools.test2json, "-p", b.Package, "/bin/sh", "-c", reportExit, b.Package, b.Path, "-test.paniconexit0", "-test.v=test2json", "-test.fullpath=true"}
	args = append(append(args, b.flags...), "-test.timeout="+timeout.String(), fmt.Sprintf("-test.count=%d", max(req.Count, b.suite.count())))
	if len(req.Tests) > 0 && !slices.ContainsFunc(req.Tests, func(id testrun.TestID) bool { return id.Test == "" }) {
		args = append(args, "-test.run="+pattern(req.Tests))
	}
	// Like the go command, put its own directory first, so that tests that run go run this one.
	env := []string{"PATH=" + tools.bin + string(filepath.ListSeparator) + b.sandbox.Getenv("PATH")}
	c := newCollector(b.suite.tree(overlay{}))
	b.suite.disk.RLock()
	defer b.suite.disk.RUnlock()
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

// List returns the names of the top-level tests, examples and fuzz targets, in the order of
// the program.
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
		return nil, fmt.Errorf("%s: cannot list the tests: exit status %d: %s", b.Package, status, testrun.FirstLine(stdout.String()+text))
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

// testName matches the names that the go command considers tests.
var testName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(Test|Example|Fuzz)(\P{Ll}\S*)?$`) })
