package compile

import (
	"context"
	"errors"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

func TestFixImports(t *testing.T) {
	t.Parallel()
	p := module(t, txtar.Parse([]byte(`
-- text/text.go --
package text

func Quote(s string) string { return strconv.Quote(s) }
-- app/app.go --
package app

import (
	"os"

	"example.com/m/old/text"
)

func Show(s string) { fmt.Println(text.Quote(s)) }
`)))
	cands, err := fixImports(context.Background(), p)
	if err != nil || len(cands) != 1 {
		t.Fatalf("%v %v", cands, err)
	}
	want := `-- app/app.go --
package app

import (
	"fmt"

	"example.com/m/text"
)

func Show(s string) { fmt.Println(text.Quote(s)) }
-- text/text.go --
package text

import "strconv"

func Quote(s string) string { return strconv.Quote(s) }
`
	if diff := gocmp.Diff(want, result(t, p, &cands[0])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if cands[0].Strategy != "imports" || cands[0].Line == 0 {
		t.Errorf("%+v", cands[0])
	}
}

// fixImports returns nothing if other errors remain or there is no error at all.
func TestFixImportsOnly(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"another error":   "package p\n\nimport \"os\"\n\nfunc f() int { return undefined }\n",
		"nothing to fix":  "package p\n\nfunc f() int { return 1 }\n",
		"unknown package": "package p\n\nfunc f() { nowhere.Do() }\n",
		"syntax error":    "package p\n\nimport \"os\"\n\nfunc f( {\n",
		"imports itself":  "package p\n\nfunc f() { p.Do() }\n\nfunc Do() {}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := module(t, &txtar.Archive{Files: []txtar.File{{Name: "p/p.go", Data: []byte(src)}}})
			if cands, err := fixImports(context.Background(), p); err != nil || len(cands) != 0 {
				t.Errorf("%v %v", cands, err)
			}
		})
	}
}

// Test files are never edited, even if they do not compile.
func TestCompileKeepsTests(t *testing.T) {
	t.Parallel()
	p := module(t, txtar.Parse([]byte(`
-- p.go --
package p

func Value() int { return 1 }
-- p_test.go --
package p

import (
	"os"
	"testing"
)

func TestValue(t *testing.T) {
	var s string = Value()
	unused := 1
	if missing != 2 {
		t.Error(fmt.Sprint(s))
	}
}
`)))
	for _, c := range ranked(t, p) {
		for _, e := range c.Edits {
			if e.File != "p.go" {
				t.Errorf("%s edits %s", c.Title, e.File)
			}
		}
	}
}

func TestCompileStops(t *testing.T) {
	t.Parallel()
	p := module(t, txtar.Parse([]byte("-- p.go --\npackage p\n\nfunc f() int { return g }\n")))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, s := range append(slices.Clone(Strategies), Imports) {
		err := s.Propose(ctx, p, func(c propose.Candidate) bool {
			t.Errorf("%s: %s", s.Name, c.Title)
			return true
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

// The positions of a failure determine its module.
func TestCompileNestedModule(t *testing.T) {
	t.Parallel()
	p := module(t, txtar.Parse([]byte(`
-- tools/go.mod --
module example.com/tools

go 1.26
-- tools/a/a.go --
package a

func F(value int) int { return vlaue }
`)))
	p.Failures = []testrun.Failure{{
		TestID: testrun.TestID{Package: "example.com/tools/a"}, Kind: testrun.Compile,
		Positions: []testrun.Position{{Location: testrun.Location{File: "tools/a/a.go", Line: 3, Column: 32}}},
	}}
	cands := ranked(t, p)
	if len(cands) == 0 || cands[0].Title != "replace `vlaue` with `value`" || cands[0].Line != 3 {
		t.Errorf("%+v", cands)
	}
}

// One candidate fixes all errors of a package.
func TestCompileSeveralErrors(t *testing.T) {
	t.Parallel()
	p := module(t, txtar.Parse([]byte(`
-- p.go --
package p

import (
	"os"
)

type pair struct{ left, right int }

func (q pair) sum() int64 {
	return q.left + q.rigth
}

func label(n int) string {
	if n > 9 {
		return strings.Repeat("x", nn)
	}
}
`)))
	cands := ranked(t, p)
	if len(cands) == 0 {
		t.Fatal("no candidate")
	}
	want := `-- p.go --
package p

import (
	"strings"
)

type pair struct{ left, right int }

func (q pair) sum() int64 {
	return int64(q.left + q.right)
}

func label(n int) string {
	if n > 9 {
		return strings.Repeat("x", n)
	}
	return ""
}
`
	if diff := gocmp.Diff(want, result(t, p, &cands[0])); diff != "" {
		t.Errorf("%s (-want +got):\n%s", cands[0].Title, diff)
	}
}

func TestCloseness(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, near, far string }{
		{"prcie", "price", "prices"},
		{"Retires", "Retries", "Returns"},
		{"split", "Split", "SplitN"},
		{"usr", "user", "us"},
		{"cfg", "cfgs", "config"},
		{"nextUser", "UserNext", "other"},
	} {
		near, far := closeness(c.name, c.near), closeness(c.name, c.far)
		if near <= far {
			t.Errorf("closeness of %s is %.2f to %s and %.2f to %s", c.name, near, c.near, far, c.far)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.StringMatching(`[a-zA-Z_]{1,12}`).Draw(t, "a")
		b := rapid.StringMatching(`[a-zA-Z_]{1,12}`).Draw(t, "b")
		ab, ba := closeness(a, b), closeness(b, a)
		if ab != ba || ab < 0 || ab > 1 || closeness(a, a) < ab {
			t.Fatalf("%v %v %v", ab, ba, closeness(a, a))
		}
		if d := alignment(a, b); d != alignment(b, a) || d > max(len(a), len(b)) || (d == 0) != (a == b) {
			t.Fatalf("got distance %d", d)
		}
	})
}

// Shapes fit, use no value twice, and keep the order unless they swap values.
func TestShapes(t *testing.T) {
	t.Parallel()
	kinds := []types.Type{types.Typ[types.Int], types.Typ[types.String], types.Typ[types.Bool]}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []types.Type {
			return rapid.SliceOfN(rapid.SampledFrom(kinds), 0, 6).Draw(t, name)
		}
		have, want := draw("have"), draw("want")
		for _, sh := range shapes(have, want) {
			if len(sh) != len(want) || !sh.fits(have, want) {
				t.Fatalf("%v does not fit %v into %v", sh, have, want)
			}
			placed := slices.DeleteFunc(slices.Clone(sh), func(i int) bool { return i < 0 })
			if len(placed) != min(len(have), len(want)) {
				t.Fatalf("%v places %d of %d", sh, len(placed), len(have))
			}
			if len(have) != len(want) && !slices.IsSorted(placed) {
				t.Fatalf("%v changes the order", sh)
			}
			slices.Sort(placed)
			if len(slices.Compact(placed)) != min(len(have), len(want)) {
				t.Fatalf("%v places a value twice", sh)
			}
		}
	})
}

func TestAddImport(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, path, src, want string }{
		{"first import", "os", "package p\n\nvar x = 1\n", "package p\n\nimport \"os\"\n\nvar x = 1\n"},
		{"second import", "os", "package p\n\nimport \"fmt\"\n", "package p\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n"},
		{"standard library before another import", "os", "package p\n\nimport \"a.b/c\"\n", "package p\n\nimport (\n\t\"os\"\n\n\t\"a.b/c\"\n)\n"},
		{"another import after the standard library", "a.b/c", "package p\n\nimport \"os\"\n", "package p\n\nimport (\n\t\"os\"\n\n\t\"a.b/c\"\n)\n"},
		{"alphabetical order", "io", "package p\n\nimport (\n\t\"fmt\" // why\n\t\"os\"\n)\n", "package p\n\nimport (\n\t\"fmt\" // why\n\t\"io\"\n\t\"os\"\n)\n"},
		{"at the end", "os", "package p\n\nimport (\n\t\"fmt\" // why\n)\n", "package p\n\nimport (\n\t\"fmt\" // why\n\t\"os\"\n)\n"},
		{"most similar group", "m.x/a/b", "package p\n\nimport (\n\t\"os\"\n\n\t\"a.b/c\"\n\n\t\"m.x/a/c\"\n)\n", "package p\n\nimport (\n\t\"os\"\n\n\t\"a.b/c\"\n\n\t\"m.x/a/b\"\n\t\"m.x/a/c\"\n)\n"},
		{"new group before another", "os", "package p\n\nimport (\n\t\"a.b/c\"\n)\n", "package p\n\nimport (\n\t\"os\"\n\n\t\"a.b/c\"\n)\n"},
		{"not in the cgo import", "os", "package p\n\n// #include <x.h>\nimport \"C\"\n", "package p\n\nimport \"os\"\n\n// #include <x.h>\nimport \"C\"\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fset := token.NewFileSet()
			syntax, err := parser.ParseFile(fset, "p.go", c.src, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			f := &source.File{Name: "p.go", Src: []byte(c.src), Syntax: syntax, Tok: fset.File(syntax.FileStart)}
			got, err := propose.Splice(f.Src, []propose.Edit{addImport(f, c.path)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if b, err := format.Source(got); err != nil || string(b) != string(got) {
				t.Errorf("gofmt would change it: %v", err)
			}
		})
	}
}

func TestVisibleFrom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, from string
		want       bool
	}{
		{"a/b", "x", true},
		{"a/internal/b", "a", true},
		{"a/internal/b", "a/c/d", true},
		{"a/internal/b", "ab/c", false},
		{"internal/abi", "a", false},
		{"a/internal", "b", false},
		{"vendor/x/y", "a", false},
	} {
		if got := visibleFrom(c.path, c.from); got != c.want {
			t.Errorf("%s from %s: %v", c.path, c.from, got)
		}
	}
}
