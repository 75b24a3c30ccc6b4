package schemata

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// fixture is a module on disk with a validator of candidates for it.
type fixture struct {
	t *testing.T
	v *validate.Validator
	s *Screener // the validator's screener
}

// newFixture writes a txtar archive as the module example.com/m.
func newFixture(t *testing.T, archive string) *fixture {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range module(archive) {
		name := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	suite, err := gotest.Find(root, "")
	if err != nil {
		t.Fatal(err)
	}
	suite.Sandbox = testrun.NewSandbox(os.Environ())
	tree := &source.Tree{Tree: &propose.Tree{Root: root}, Env: suite.Sandbox.Env()}
	s := New(Options{Suite: suite, Tree: tree, Jobs: 2, Log: slog.New(slog.DiscardHandler)})
	return &fixture{t, &validate.Validator{Suite: suite, Tree: tree.Tree, Screener: s}, s}
}

// module returns the files of an archive, with a go.mod if it has none.
func module(archive string) []txtar.File {
	files := txtar.Parse([]byte(archive)).Files
	for _, f := range files {
		if f.Name == "go.mod" {
			return files
		}
	}
	return append(files, txtar.File{Name: "go.mod", Data: []byte("module example.com/m\n\ngo 1.26\n")})
}

// swap returns a candidate that replaces a text, which the file must contain once.
func (f *fixture) swap(file, old, new string) propose.Candidate {
	f.t.Helper()
	src, err := f.v.Tree.Read(file)
	if err != nil {
		f.t.Fatal(err)
	}
	return swapIn(f.t, file, string(src), old, new)
}

func swapIn(t *testing.T, file, src, old, new string) propose.Candidate {
	t.Helper()
	if n := strings.Count(src, old); n != 1 {
		t.Fatalf("%q occurs %d times in %s", old, n, file)
	}
	title := old + " -> " + new
	at := strings.Index(src, old)
	for old != "" && new != "" && old[0] == new[0] { // like strategies, replace only what changes
		at, old, new = at+1, old[1:], new[1:]
	}
	return propose.Candidate{
		Strategy: "test", Title: title, Line: 1 + strings.Count(src[:at], "\n"),
		Edits: []propose.Edit{{File: file, Start: at, End: at + len(old), New: new}},
	}
}

// target returns a target with failing tests of a package.
func target(pkg string, tests ...string) validate.Target {
	out := validate.Target{Package: pkg}
	for _, name := range tests {
		out.Failures = append(out.Failures, testrun.Failure{TestID: testrun.TestID{Package: pkg, Test: name}, Kind: testrun.Assertion})
	}
	return out
}
