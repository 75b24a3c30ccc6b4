package gotest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// numbers is a package with everything that a test program can consist of: tests inside and
// outside of the package, a package between it and the latter, TestMain, generics, build
// tags, embedded files.
const numbers = `
-- num/num.go --
// Package num is about numbers.
package num

import (
	"cmp"
	"strings"
)

const Limit = 3

func Max[T cmp.Ordered](a, b T) T {
	if a < b {
		return a
	}
	return b
}

func Small() int { return Limit - 1 }

func Loud(s string) string { return strings.ToUpper(s) }
-- num/on.go --
//go:build special

package num

const Tag = "on"
-- num/off.go --
//go:build !special

package num

const Tag = "off"
-- num/text.go --
package num

import _ "embed"

//go:embed text.txt
var Text string
-- num/text.txt --
a text
-- num/num_test.go --
package num

import (
	"os"
	"testing"
)

var ready bool

func TestMain(m *testing.M) {
	ready = true
	os.Exit(m.Run())
}

func TestMax(t *testing.T) {
	if !ready {
		t.Fatal("no TestMain")
	}
	t.Run("numbers", func(t *testing.T) {
		if got := Max(3, 2); got != 3 {
			t.Errorf("Max(3, 2) = %d", got)
		}
	})
	t.Run("texts", func(t *testing.T) {
		if got := Max("a", "b"); got != "b" {
			t.Errorf("Max(a, b) = %s", got)
		}
	})
}

func TestLoud(t *testing.T) {
	if got := Loud("a"); got != "A" {
		t.Error(got)
	}
}

func TestText(t *testing.T) {
	if Text != "a text\n" || Tag != "off" {
		t.Error(Text, Tag)
	}
}
-- num/out_test.go --
package num_test

import (
	"testing"

	"example.com/m/num"
	"example.com/m/use"
)

func TestUse(t *testing.T) {
	if got := use.Two(); got != 2 {
		t.Errorf("got %d with the limit %d", got, num.Limit)
	}
}

func Example() {
	num.Print()
	// Output: 2
}
-- num/print.go --
package num

func Print() { println2(Small()) }
-- num/println.go --
package num

import "fmt"

func println2(n int) { fmt.Println(n) }
-- use/use.go --
package use

import "example.com/m/num"

// Two uses what can be compiled in from another package: inlined functions, constants.
func Two() int { return num.Max(num.Small(), num.Limit-2) }
-- other/other.go --
package other

func Other() string { return "other" }
`

func relinker(t *testing.T, s *Suite, pkg string, opt BuildOptions) *Relinker {
	t.Helper()
	r, err := s.Relinker(t.Context(), pkg, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// relinked returns the outcome of tests with an overlay in a relinked program.
func relinked(ctx context.Context, r *Relinker, overlay map[string][]byte, tests []testrun.TestID) (string, error) {
	b, err := r.Build(ctx, overlay)
	var build *BuildError
	if errors.As(err, &build) {
		return fmt.Sprintln(build.Package, build.Positions), nil
	}
	if err != nil {
		return "", err
	}
	defer b.Remove()
	return outcome(b.Test(ctx, testrun.Request{Tests: tests, Count: 1}))
}

// overlaid returns the outcome of the same tests with the go command.
func overlaid(ctx context.Context, r *Relinker, overlay map[string][]byte, tests []testrun.TestID) (string, error) {
	return outcome(r.suite.Run(ctx, testrun.Request{Packages: []string{r.pkg.ImportPath}, Tests: tests, Overlay: overlay, Count: 1, NoVet: true}))
}

func outcome(res *testrun.Result, err error) (string, error) {
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range res.Failures {
		if f.Kind == testrun.Compile {
			return fmt.Sprintln(f.Package, f.Positions), nil
		}
		fmt.Fprintln(&b, f.TestID, f.Kind, f.Message, f.Location, f.Frames)
	}
	fmt.Fprintln(&b, "passed", res.Passed, "skipped", res.Skipped, "missing", res.Missing)
	return b.String(), nil
}

// edits makes an overlay of lines: "file:old => new" replaces text, "file: => new" adds a
// file, and "file:" removes one.
func edits(t *testing.T, s *Suite, lines ...string) map[string][]byte {
	t.Helper()
	overlay := map[string][]byte{}
	for _, line := range lines {
		file, change, _ := strings.Cut(line, ":")
		if to, ok := strings.CutPrefix(change, " => "); ok {
			overlay[file] = []byte(to)
			continue
		}
		if change == "" {
			overlay[file] = nil
			continue
		}
		from, to, _ := strings.Cut(strings.TrimSpace(change), " => ")
		src, ok := overlay[file]
		if !ok {
			var err error
			if src, err = os.ReadFile(filepath.Join(s.Root, file)); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(string(src), from); n != 1 {
			t.Fatalf("%q occurs %d times in %s", from, n, file)
		}
		overlay[file] = []byte(strings.Replace(string(src), from, to, 1))
	}
	return overlay
}

// TestRelink compares relinked programs with the go command for the same overlays.
func TestRelink(t *testing.T) {
	t.Parallel()
	s := find(t, numbers, "")
	const num = "example.com/m/num"
	r := relinker(t, s, num, BuildOptions{})
	for _, test := range []struct {
		name   string
		edits  []string
		want   string // a part of the outcome, or of the reason to decline
		served bool
	}{
		{"no change", nil, "TestMax/numbers assertion Max(3, 2) = 2 {num/num_test.go 21", true},
		{"generic", []string{"num/num.go:a < b => a > b"}, "passed [example.com/m/num.TestMax/numbers", true},
		{"position", []string{"num/num.go:\tif a < b => \tif a == b {\n\t\tpanic(a)\n\t}\n\tif a > b", "num/num_test.go:got := Max(3, 2) => got := Max(3, 3)"}, "{num/num.go 13 0}", true},
		{"constant", []string{"num/num.go:Limit = 3 => Limit = 2"}, "got 0 with the limit 2", true},
		{"inlined", []string{"num/num.go:Limit - 1 => Limit - 2"}, "TestUse assertion got 1", true},
		{"several packages", []string{"num/num.go:a < b => a > b", "use/use.go:num.Limit-2 => num.Limit-1+0*len(num.Tag)"}, "passed", true},
		{"type error", []string{"num/num.go:a < b => a < c"}, num + " [{{num/num.go 12 9} undefined: c}]", true},
		{"syntax error", []string{"num/num.go:a < b => a < "}, "{num/num.go 12 9} syntax error", true},
		{"many errors", []string{"num/num.go:a < b => c < d", "use/use.go:num.Small => num.Smaller"}, "undefined: d", true},
		{"error in an importing package", []string{"num/num.go:func Small => func Smaller", "num/print.go:Small => Smaller"}, "example.com/m/use [{{use/use.go", true},
		{"errors in the tests", []string{"num/num.go:Loud(s string) => Loud(s []byte)", "num/num.go:strings.ToUpper(s) => strings.ToUpper(string(s))"}, "num/num_test.go", true},
		{"unused import", []string{"num/num.go:strings.ToUpper(s) => s"}, `"strings" imported and not used`, true},
		{"import that others use", []string{"num/num.go:\"strings\" => \"fmt\"", "num/num.go:strings.ToUpper(s) => fmt.Sprint(s)"}, "TestLoud assertion a", true},
		{"import that no other package uses", []string{"num/num.go:\"strings\" => \"expvar\"", "num/num.go:strings.ToUpper(s) => expvar.NewString(s).Value()"}, "TestLoud assertion", true},
		{"import of another package of the module", []string{"num/num.go:\"strings\" => \"example.com/m/other\"", "num/num.go:strings.ToUpper(s) => other.Other()"}, "TestLoud assertion other", true},
		{"missing import", []string{"num/num.go:\"strings\" => \"example.com/m/none\"", "num/num.go:strings.ToUpper(s) => none.None()"}, "go test -n", false},
		{"import cycle", []string{"num/num.go:\"strings\" => \"example.com/m/use\"", "num/num.go:strings.ToUpper(s) => fmt.Sprint(use.Two())"}, "go test -n", false},
		{"build tag", []string{"num/on.go:special => !special", "num/off.go:!special => special"}, "a text", true},
		{"added file", []string{"num/more.go: => package num\n\nfunc init() { panic(1) }\n"}, "setup panic", true},
		{"removed file", []string{"num/println.go:", "num/print.go:println2 => println"}, "num.Example", true},
		{"embedded file", []string{"num/text.txt:a text => another"}, "another", true},
		{"embed directive", []string{"num/text.go:text.txt => text.go"}, "package num", true},
		{"other tests", []string{"num/num_test.go:func TestLoud => func TestSilent"}, "TestSilent", true},
		{"assembly", []string{"num/num_amd64.s: => \n", "num/num_arm64.s: => \n"}, "asm is part", false},
		{"cgo", []string{"num/num.go:\"strings\" => \"C\"", "num/num.go:strings.ToUpper(s) => s"}, "is part", false},
		{"linker", []string{"num/print.go:package num => package num\n\nimport _ \"unsafe\"\n\n//go:linkname gone example.com/m/none.None\nfunc gone()\n\nfunc init() { gone() }\n"}, "", false},
		{"not Go", []string{"num/num.go:package num => packages num"}, "expected 'package'", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			overlay := edits(t, s, test.edits...)
			got, err := relinked(t.Context(), r, overlay, nil)
			if !test.served {
				var declined *DeclinedError
				if !errors.As(err, &declined) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %s, %v, want a DeclinedError with %s", got, err, test.want)
				}
				return
			}
			want, wantErr := overlaid(t.Context(), r, overlay, nil)
			if err != nil || wantErr != nil || got != want || !strings.Contains(got, test.want) {
				t.Errorf("relinked %v:\n%s\noverlaid %v:\n%s\nwant %q in it", err, got, wantErr, want, test.want)
			}
		})
	}
}

// TestRelinkFlags checks suites with flags, workspaces and other variations.
func TestRelinkFlags(t *testing.T) {
	t.Parallel()
	const num = "example.com/m/num"
	for _, test := range []struct {
		name, archive, command string
		want                   string
	}{
		{"tags", numbers, "go test -tags=special -trimpath -short ./...", "a text on"},
		{"compiler flags", numbers, `go test -gcflags=-l -ldflags="-X 'example.com/m/num.Text=b c'" ./...`, "b c off"},
		{"workspace", strings.ReplaceAll(numbers, "-- ", "-- m/") + "-- go.work --\ngo 1.25\n\nuse ./m\n-- m/go.mod --\nmodule example.com/m\n\ngo 1.25\n", "", "passed"},
		{"path with a blank", strings.ReplaceAll(numbers, "-- ", "-- a b/") + "-- a b/go.mod --\nmodule example.com/m\n\ngo 1.25\n", "", "passed"},
		{"broken without the overlay", strings.ReplaceAll(numbers, "Limit - 1", "Limit - undefined"), "", "passed"},
		{"vendored", numbers + "-- go.mod --\nmodule example.com/m\n\ngo 1.25\n\nrequire example.com/v v1.0.0\n-- num/v.go --\npackage num\n\nimport _ \"example.com/v\"\n" +
			"-- vendor/modules.txt --\n# example.com/v v1.0.0\n## explicit\nexample.com/v\n-- vendor/example.com/v/v.go --\npackage v\n", "", "passed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := find(t, test.archive, test.command)
			file := "num/num.go"
			for _, m := range s.Modules {
				if m.Dir != "." {
					file = m.Dir + "/" + file
				}
			}
			from := "Limit - 1"
			if strings.Contains(test.archive, "undefined") {
				from = "Limit - undefined"
			}
			overlay := edits(t, s, file+":a < b => a > b", file+":"+from+" => Limit - 1 ")
			r := relinker(t, s, num, BuildOptions{})
			got, err := relinked(t.Context(), r, overlay, nil)
			want, wantErr := overlaid(t.Context(), r, overlay, nil)
			if err != nil || wantErr != nil || got != want || !strings.Contains(got, test.want) {
				t.Errorf("relinked %v:\n%s\noverlaid %v:\n%s\nwant %q in it", err, got, wantErr, want, test.want)
			}
		})
	}
}

func TestRelinkDeclines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		command string
		opt     BuildOptions
	}{
		{"", BuildOptions{Cover: true}},
		{"", BuildOptions{Flags: []string{"-toolexec=time"}}},
		{"go test -exec=time ./...", BuildOptions{}},
		{"go test -buildmode=pie ./...", BuildOptions{}},
	} {
		var declined *DeclinedError
		if _, err := find(t, small, test.command).Relinker(t.Context(), "example.com/m/calc", test.opt); !errors.As(err, &declined) {
			t.Errorf("%s %+v: %v", test.command, test.opt, err)
		}
	}
	s := find(t, program, "")
	_, err := s.Relinker(t.Context(), "example.com/m/none", BuildOptions{})
	notRun(t, err)
	var declined *DeclinedError
	if _, err := relinker(t, s, "example.com/m/alone", BuildOptions{}).Build(t.Context(), nil); !errors.As(err, &declined) {
		t.Errorf("a package without tests: %v", err)
	}
}

// TestRelinkReuses checks that a package is compiled again only if its importers see a
// difference, and that builds leave only the program.
func TestRelinkReuses(t *testing.T) {
	t.Parallel()
	s := find(t, numbers, "")
	temp := t.TempDir()
	s.Sandbox = testrun.NewSandbox(append(os.Environ(), "GOTMPDIR="+temp))
	r := relinker(t, s, "example.com/m/num", BuildOptions{Overlay: edits(t, s, "use/use.go:num.Limit-2 => num.Limit-1")})
	body := func(text string) map[string][]byte {
		return edits(t, s, "num/println.go:{ fmt.Println(n) } => { fmt.Println(n); fmt.Print("+text+") }")
	}
	for i, test := range []struct {
		overlay  map[string][]byte
		compiled int
	}{
		{body("1"), 4}, // num, use, num_test, main
		{body("1, 2"), 5},
		{body("1, 3"), 6},
		{body("1, 3"), 6},
		{edits(t, s, "num/println.go:package num => package num\n"), 10},                                      // importers see the moved lines
		{edits(t, s, "num/println.go:package num => package num\n", "num/print.go:Small() => Small()+1"), 14}, // inlined
	} {
		b, err := r.Build(t.Context(), test.overlay)
		if err != nil {
			t.Fatal(err)
		}
		if r.compiled != test.compiled {
			t.Errorf("%d: compiled %d packages, want %d", i, r.compiled, test.compiled)
		}
		if err := b.Remove(); err != nil {
			t.Error(err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Build(canceled, body("1, 4")); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	r.Close()
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
