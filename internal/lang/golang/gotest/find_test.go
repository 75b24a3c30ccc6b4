package gotest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/testrun"
)

func TestFind(t *testing.T) {
	t.Parallel()
	const testFile = "package p\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {}\n"
	mod := func(dir, path string) string {
		return fmt.Sprintf("-- %sgo.mod --\nmodule %s\n\ngo 1.25\n-- %sx_test.go --\n%s", dir, path, dir, testFile)
	}
	for _, test := range []struct {
		name, archive, command string
		want                   string // the modules, or the error
		tests                  string // the packages that pass; empty to run nothing
	}{
		{"one module", mod("", "m"), "", ".=m", ""},
		{"nested modules", mod("", "m") + mod("tools/", "m/tools"), "", ".=m tools=m/tools", "m m/tools"},
		{"no module in the root", mod("a/", "a") + mod("b/", "b"), "", "a=a b=b", ""},
		{"skipped directories", mod("", "m") + mod("vendor/v/", "v") + mod("testdata/t/", "t") + mod(".h/", "h") + mod("_u/", "u") + mod("node_modules/n/", "n"), "", ".=m", ""},
		{"module without packages", "-- go.mod --\nmodule m\n" + mod("a/", "a"), "", "a=a", ""},
		{"workspace", "-- go.work --\ngo 1.25\nuse (\n\t./a\n\t./b\n)\n" + mod("a/", "a") + mod("b/", "b"), "", "a=a b=b", "a b"},
		{"module that the workspace does not use", "-- go.work --\ngo 1.25\nuse ./a\n" + mod("a/", "a") + mod("b/", "b"), "", "a=a b=b", "a b"},
		{"plain go test", mod("", "m") + mod("tools/", "m/tools"), "go test ./...", ".=m", "m"},
		{"go test in a workspace", "-- go.work --\ngo 1.25\nuse (\n\t./a\n\t./b\n)\n" + mod("a/", "a") + mod("b/", "b"), "go test ./a/... ./b/...", "a=a b=b", "a b"},
		{"no module", "-- nogomod --\n", "", "no Go module", ""},
		{"no module for go test", "-- nogomod --\n", "go test ./...", "no Go module", ""},
		{"no tests", "-- go.mod --\nmodule m\n-- x.go --\npackage x\n", "", "no test files", ""},
		{"broken go.mod", "-- go.mod --\nmodule m\n\nfoo bar\n-- x_test.go --\n" + testFile, "", "go.mod:3: go.mod is broken: unknown directive: foo", ""},
		{"broken nested go.mod", mod("", "m") + "-- a/go.mod --\nmodule\n-- a/x_test.go --\n" + testFile, "", ".=m", "m"},
		{"broken go.work", "-- go.work --\ngo 1.25\nuze ./a\n" + mod("a/", "a"), "", "go.work:2: go.work is broken: unknown directive: uze", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, err := Find(write(t, test.archive), test.command)
			if err != nil {
				if e := notRun(t, err); !strings.HasPrefix(e.Error(), test.want) && !strings.HasPrefix(e.What, test.want) {
					t.Errorf("got error %q, want %q", e, test.want)
				}
				return
			}
			var modules []string
			for _, m := range s.Modules {
				modules = append(modules, m.Dir+"="+m.Path)
			}
			if got := strings.Join(modules, " "); got != test.want {
				t.Errorf("got modules %q, want %q", got, test.want)
			}
			if test.tests == "" {
				return
			}
			r := run(t, s, testrun.Request{})
			if got := strings.Join(r.Packages, " "); got != test.tests || len(r.Failures) > 0 {
				t.Errorf("ran %q with %d failures, want %q", got, len(r.Failures), test.tests)
			}
		})
	}
}

func TestFindNoDirectory(t *testing.T) {
	t.Parallel()
	_, err := Find(filepath.Join(t.TempDir(), "none"), "")
	notRun(t, err)
}

// TestFindNoGo is not parallel: it changes PATH.
func TestFindNoGo(t *testing.T) {
	root := write(t, "-- x_test.go --\npackage p\n")
	t.Setenv("PATH", t.TempDir())
	_, err := Find(root, "")
	if e := notRun(t, err); !strings.Contains(e.What, "PATH") {
		t.Errorf("got error %q", e)
	}
	s, err := Find(root, "exit 1 || exit 1")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := briefs(run(t, s, testrun.Request{})), " setup :0 `exit 1 || exit 1` exited 1\n"; got != want {
		t.Errorf("got failures %q, want %q", got, want)
	}
}

func TestGoTestCommand(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		command  string
		flags    string
		patterns string
		opaque   bool
	}{
		{command: "go test", patterns: "."},
		{command: "go test ./...", patterns: "./..."},
		{command: "go test -race -tags 'a b' --short -v -run=^TestX$ ./a ./b", flags: "-race|-tags=a b|-short|-run=^TestX$", patterns: "./a|./b", opaque: true},
		{command: "go test -race -tags 'a b' --short -v -run='^TestX$' ./a ./b", flags: "-race|-tags=a b|-short|-run=^TestX$", patterns: "./a|./b"},
		{command: `go test -timeout 30s -coverprofile c.out -count=1 "./..."`, flags: "-timeout=30s|-count=1", patterns: "./..."},
		{command: "go test ./... -v -short", flags: "-short", patterns: "./..."},
		{command: "go test ./... -short x", opaque: true},
		{command: "go test -unknown ./...", opaque: true},
		{command: "go test -args x", opaque: true},
		{command: "go test -tags", opaque: true},
		{command: "go vet ./...", opaque: true},
		{command: "make test", opaque: true},
		{command: "go test ./... | tee log", opaque: true},
		{command: "X=1 go test ./...", opaque: true},
		{command: "cd a && go test ./...", opaque: true},
		{command: "go test 'unclosed", opaque: true},
		{command: `go test "$PACKAGES"`, opaque: true},
	} {
		words, ok := testrun.SplitWords(test.command)
		var flags, patterns []string
		if ok {
			flags, patterns, ok = goTest(words)
		}
		if ok == test.opaque {
			t.Errorf("%s: is a plain go test: %t", test.command, ok)
		} else if ok && (strings.Join(flags, "|") != test.flags || strings.Join(patterns, "|") != test.patterns) {
			t.Errorf("%s: got flags %q, patterns %q", test.command, flags, patterns)
		}
	}
}

// FuzzSplitWords quotes words and splits the line again.
func FuzzSplitWords(f *testing.F) {
	f.Add("go", "test", "./...")
	f.Add("a b", "", `"'\`)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		want := []string{a, b, c}
		var quoted []string
		for _, word := range want {
			quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
		}
		got, ok := testrun.SplitWords(strings.Join(quoted, " \t"))
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%q became %q", want, got)
		}
		testrun.SplitWords(a + b + c)
	})
}

func TestFlags(t *testing.T) {
	t.Parallel()
	flags := []string{"-race", "-run=X", "-tags=a", "-vet=off", "-short", "-timeout=3s"}
	if got := strings.Join(buildFlags(flags), " "); got != "-race -tags=a" {
		t.Errorf("got build flags %q", got)
	}
	if got := strings.Join(binaryFlags(flags), " "); got != "-test.run=X -test.short -test.timeout=3s" {
		t.Errorf("got binary flags %q", got)
	}
}
