package gotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/modfile"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Find finds out how to run the tests of the tree at root.
//
// Without a command, the suite has the tests of every Go module of the tree, including
// workspaces and nested modules. Find skips the directories that the go command ignores, and
// node_modules. If the command is a plain `go test`, Find splits it into Flags and Patterns.
// Any other command goes into Command and is run by a shell: its exit status decides whether
// the whole suite passes, and go test on the modules finds what failed.
//
// If there are no tests to run, the error is a [*testrun.NotRunError].
func Find(root, command string) (*Suite, error) {
	s, err := FindIn(root, command, testrun.NewSandbox(os.Environ()))
	if s == nil && err == nil {
		err = &testrun.NotRunError{What: "no Go module", Where: root, Advice: "run `go mod init`", NoTests: true}
	}
	return s, err
}

// FindIn is like Find, for a suite that runs in a given sandbox. If the tree has no Go module
// it returns neither a suite nor an error.
func FindIn(root, command string, sandbox *testrun.Sandbox) (*Suite, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, &testrun.NotRunError{What: err.Error(), Where: root}
	}
	s := &Suite{Root: root, Sandbox: sandbox}
	found, err := survey(root)
	if err != nil {
		return nil, err
	}
	if command = strings.TrimSpace(command); command != "" {
		if words, ok := testrun.SplitWords(command); ok {
			s.Flags, s.Patterns, ok = goTest(words)
			if !ok {
				s.Command = []string{"/bin/sh", "-c", command}
			}
		} else {
			s.Command = []string{"/bin/sh", "-c", command}
		}
	}
	opaque := s.Command != nil
	switch {
	case len(found.modules) == 0:
		return nil, nil
	case found.tests == 0 && !opaque:
		return nil, &testrun.NotRunError{What: "no test files (*_test.go)", Where: root, Advice: "write a test, or name the test command: --test 'make test', or test: in .regreen.yml", NoTests: true}
	}
	if _, err := exec.LookPath("go"); err != nil {
		if opaque {
			return s, nil // the command may not need it
		}
		return nil, &testrun.NotRunError{What: "the go command is not in PATH", Where: root, Advice: "install Go from https://go.dev/dl/ or add its bin directory to PATH"}
	}
	if err := s.load(found.modules); err != nil {
		return nil, err
	}
	if len(s.Modules) == 0 && !opaque {
		return nil, s.notRun[0]
	}
	return s, nil
}

// finding holds the modules and test files of a tree.
type finding struct {
	modules []string // slash-separated directories of modules with packages
	tests   int      // number of test files
}

// survey looks for modules and tests by the rules of the go command.
func survey(root string) (finding, error) {
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return finding{}, &testrun.NotRunError{What: "not a directory", Where: root, Advice: "give the directory of the repository with --repo DIR"}
	}
	var found finding
	modules := map[string]bool{} // directory -> has packages
	moduleOf := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		if err != nil {
			if path == root {
				return err
			}
			return fs.SkipDir // the go command cannot read it either
		}
		if entry.IsDir() {
			if path != root && skipped(name) {
				return fs.SkipDir
			}
			rel, _ := filepath.Rel(root, path)
			dir := filepath.ToSlash(rel)
			moduleOf[path] = moduleOf[filepath.Dir(path)]
			if info, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && !info.IsDir() {
				modules[dir], moduleOf[path] = false, dir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || name[0] == '.' || name[0] == '_' {
			return nil
		}
		if module := moduleOf[filepath.Dir(path)]; module != "" {
			modules[module] = true
			if strings.HasSuffix(name, "_test.go") {
				found.tests++
			}
		}
		return nil
	})
	if err != nil {
		return finding{}, &testrun.NotRunError{What: err.Error(), Where: root, Advice: "check the permissions"}
	}
	for dir, hasPackages := range modules {
		if hasPackages {
			found.modules = append(found.modules, dir)
		}
	}
	slices.Sort(found.modules)
	return found, nil
}

func skipped(dir string) bool {
	return dir[0] == '.' || dir[0] == '_' || dir == "vendor" || dir == "testdata" || dir == "node_modules"
}

// load reads the module files and fills Modules. A module that cannot be loaded goes to notRun.
func (s *Suite) load(dirs []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	used, err := s.workspace(ctx)
	if err != nil {
		return err
	}
	var modules []Module
	for _, dir := range dirs {
		modules = append(modules, Module{Dir: dir, OutsideWorkspace: used != nil && !used[s.abs(dir)]})
	}
	if s.Patterns != nil {
		// A plain go test in the root does not reach other modules.
		reached := slices.DeleteFunc(slices.Clone(modules), func(m Module) bool {
			return m.Dir != "." && (used == nil || m.OutsideWorkspace)
		})
		if len(reached) > 0 {
			modules = reached
		}
	}
	for _, m := range modules {
		m.Path, err = s.modulePath(ctx, m.Dir)
		var notRun *testrun.NotRunError
		switch {
		case errors.As(err, &notRun) && !notRun.Whole:
			about(notRun, m)
			s.notRun = addPart(s.notRun, notRun)
		case err != nil:
			return err
		default:
			s.Modules = append(s.Modules, m)
		}
	}
	return nil
}

// workspace returns the directories that the tree's go.work uses, or nil if it has none.
func (s *Suite) workspace(ctx context.Context) (map[string]bool, error) {
	if s.Sandbox.Getenv("GOWORK") == "" && !goWorkAbove(s.Root) {
		return nil, nil // as the go command would say, a little later
	}
	out, err := s.output(ctx, s.Root, nil, "env", "GOWORK")
	if err != nil {
		return nil, err
	}
	file := strings.TrimSpace(string(out))
	if file == "" || file == "off" {
		return nil, nil
	}
	var work struct{ Use []struct{ DiskPath string } }
	if err := s.parseMod(ctx, file, &work, "work"); err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, use := range work.Use {
		dir := filepath.FromSlash(use.DiskPath)
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(file), dir)
		}
		used[filepath.Clean(dir)] = true
	}
	return used, nil
}

// goWorkAbove reports whether a directory or one above it has a go.work.
func goWorkAbove(dir string) bool {
	for {
		if exists(filepath.Join(dir, "go.work")) {
			return true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return false
		}
		dir = up
	}
}

// modulePath returns the path of the module in a directory. If this program does not understand
// go.mod, the go command says what is wrong with it, or knows better.
func (s *Suite) modulePath(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(s.abs(dir), "go.mod")
	if text, err := os.ReadFile(file); err == nil {
		if mod, err := modfile.Parse(file, text, nil); err == nil && mod.Module != nil {
			return mod.Module.Mod.Path, nil
		}
	}
	var mod struct{ Module struct{ Path string } }
	err := s.parseMod(ctx, file, &mod, "mod")
	return mod.Module.Path, err
}

// syntaxError matches the report of the go command about a broken go.mod or go.work.
var syntaxError = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:.*[/\\])?(go\.(?:mod|work)):(\d+)(?::\d+)?: (.*)$`)
})

// parseMod reads a go.mod or go.work into v with go mod edit or go work edit.
func (s *Suite) parseMod(ctx context.Context, file string, v any, kind string) error {
	out, err := s.output(ctx, filepath.Dir(file), []string{"GOWORK=off"}, kind, "edit", "-json", file)
	if err == nil {
		return json.Unmarshal(out, v)
	}
	name := filepath.ToSlash(file)
	if rel, err := filepath.Rel(s.Root, file); err == nil && filepath.IsLocal(rel) {
		name = filepath.ToSlash(rel)
	}
	var notRun *testrun.NotRunError
	if errors.As(err, &notRun) {
		if m := syntaxError().FindStringSubmatch(notRun.Output); m != nil {
			return &testrun.NotRunError{What: filepath.Base(file) + " is broken: " + m[3], Where: name + ":" + m[2], Advice: "correct the line", Output: notRun.Output}
		}
		notRun.Where = name
	}
	return err
}

// output runs a go command and returns its standard output.
func (s *Suite) output(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	var stdout bytes.Buffer
	var stderr testrun.Capped
	status, err := s.Sandbox.Run(ctx, testrun.Command{Args: append([]string{"go"}, args...), Dir: dir, Env: env, Stdout: &stdout, Stderr: &stderr, Build: true})
	if err != nil {
		return nil, testrun.NotStarted(err)
	}
	if status != 0 {
		text, _ := stderr.Text()
		return nil, refused("go "+args[0], text)
	}
	return stdout.Bytes(), nil
}

// refused returns the error for a go command that failed before it compiled any code.
func refused(what, stderr string) *testrun.NotRunError {
	if e := environmentError(stderr); e != nil {
		return e
	}
	line := testrun.FirstLine(stderr)
	if line == "" {
		line = "failed without a message"
	}
	return &testrun.NotRunError{What: line, Where: what, Advice: "run the command by hand for details", Output: stderr}
}
