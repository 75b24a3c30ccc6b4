package gotest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

const reachTree = `
-- go.mod --
module m

go 1.26
-- low/low.go --
package low
-- low/low_test.go --
package low
-- mid/mid.go --
package mid

import _ "m/low"
-- mid/mid_test.go --
package mid
-- top/top.go --
package top

import _ "m/mid"
-- top/testdata/x/a.txt --
a
-- top/top_test.go --
package top_test
-- top/sub/sub_test.go --
package sub
-- alone/alone.go --
package alone
-- alone/alone_test.go --
package alone

import _ "m/low"
-- untested/untested.go --
package untested
`

// treeOf writes an archive to a temporary directory.
func treeOf(t *testing.T, archive string) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// A package that only tests import, directly or not, belongs to the tests, unless it is
// outside of internal: then other modules may import it.
func TestTestSupport(t *testing.T) {
	t.Parallel()
	s, err := Find(treeOf(t, `
-- go.mod --
module m

go 1.26
-- m.go --
package m

import _ "m/internal/used"
-- m_test.go --
package m_test

import _ "m/internal/runner"
import _ "m/public"
import _ "m/internal/used"
-- public/p.go --
package public
-- internal/used/u.go --
package used
-- internal/runner/r.go --
package runner

import _ "m/internal/deep"
-- internal/deep/d.go --
package deep
-- internal/alone/a.go --
package alone
-- internal/alone/a_test.go --
package alone_test

import _ "m/internal/alone"
`), "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.TestSupport(t.Context()); err != nil || !slices.Equal(got, []string{"internal/deep", "internal/runner"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// The packages with tests that a code file reaches are its dependents.
func TestReachedDependents(t *testing.T) {
	t.Parallel()
	s, err := Find(treeOf(t, reachTree), "")
	if err != nil {
		t.Fatal(err)
	}
	packages, err := s.Packages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		for _, name := range p.GoFiles {
			reach, err := s.Reached(t.Context(), []string{p.Dir + "/" + name})
			if err != nil {
				t.Fatal(err)
			}
			dependents, err := s.Dependents(t.Context(), []string{p.ImportPath})
			if err != nil {
				t.Fatal(err)
			}
			if reach.All || !slices.Equal(reach.Tested, dependents) {
				t.Errorf("%s/%s reaches the tests of %q, the dependents are %q", p.Dir, name, reach.Tested, dependents)
			}
		}
	}
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}

func TestReached(t *testing.T) {
	t.Parallel()
	root := treeOf(t, reachTree)
	s, err := Find(root, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		files string
		want  string // packages, or ! and the file that affects them all
	}{
		{"low/low.go", "m/alone m/low m/mid m/top"},
		{"mid/mid.go", "m/mid m/top"},
		{"alone/alone.go", "m/alone"},
		{"low/low_test.go", "m/low"},
		{"mid/mid.go alone/alone_test.go", "m/alone m/mid m/top"},
		{"top/testdata/x/a.txt", "m/top m/top/sub"},
		{"testdata/a.txt", "m/alone m/low m/mid m/top m/top/sub"},
		{"untested/untested.go", "m/untested"},
		{"", ""},
		{"go.mod", "!go.mod"},
		{"mid/mid.go low/data.json", "!low/data.json"},
		{"vendor/x/x.go", "!vendor/x/x.go"},
		{"gone/gone.go", "!gone/gone.go"},
	} {
		got, err := s.Reached(t.Context(), strings.Fields(tc.files))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(got.Packages, " ")
		if got.All {
			text = "!" + got.Why
		}
		if text != tc.want {
			t.Errorf("%q reaches %q, want %q", tc.files, text, tc.want)
		}
		if tested := without(got.Packages, "m/untested"); !slices.Equal(got.Tested, tested) {
			t.Errorf("%q reaches the tests of %q, want %q", tc.files, got.Tested, tested)
		}
	}
	for _, command := range []string{"make test", "go test ./low"} {
		s, err := Find(root, command)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Reached(t.Context(), []string{"low/low.go"}); err != nil || !got.All || slices.Contains(got.Packages, "m/low") {
			t.Errorf("%s: got %+v, %v", command, got, err)
		}
	}
}

func TestImportDepth(t *testing.T) {
	t.Parallel()
	pkgs := []Package{
		{ImportPath: "m/top", Imports: []string{"m/mid", "m/low", "fmt"}},
		{ImportPath: "m/mid", Imports: []string{"m/low", "os"}},
		{ImportPath: "m/low", Imports: []string{"fmt"}},
		{ImportPath: "m/a", Imports: []string{"m/b"}}, // a cycle, as test imports make
		{ImportPath: "m/b", Imports: []string{"m/a"}},
	}
	got := importDepth(pkgs)
	if got["m/low"] != 0 || got["m/mid"] != 1 || got["m/top"] != 2 {
		t.Errorf("got depths %v", got)
	}
	if len(got) != len(pkgs) {
		t.Errorf("%d depths of %d packages: %v", len(got), len(pkgs), got)
	}
}

// Files of other languages matter if the build reads them, or if tests can.
func TestReads(t *testing.T) {
	t.Parallel()
	s := find(t, `
-- web/web.go --
package web

import _ "embed"

//go:embed app.js
var App string
-- web/app.js --
1
-- web/other.js --
2
-- low/testdata/a.py --
3
-- low/low.go --
package low
-- low/low_test.go --
package low

import "testing"

func TestLow(t *testing.T) {}
-- tools/run.sh --
4
`, "")
	files := []string{"web/app.js", "web/other.js", "low/testdata/a.py", "tools/run.sh", "web/gone.js", "tools/gone.sh"}
	read, err := s.Reads(t.Context(), files)
	if want := []string{"web/app.js", "low/testdata/a.py", "web/gone.js"}; err != nil || !slices.Equal(read, want) {
		t.Errorf("got %q, %v, want %q", read, err, want)
	}
}
