package gotest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// write writes a txtar archive to a temporary directory, as module example.com/m unless the
// archive has a go.mod of its own.
func write(t *testing.T, archive string) string {
	t.Helper()
	root := t.TempDir()
	a := txtar.Parse([]byte(archive))
	if !slices.ContainsFunc(a.Files, func(f txtar.File) bool { return strings.HasSuffix(f.Name, "go.mod") || f.Name == "nogomod" }) {
		a.Files = append(a.Files, txtar.File{Name: "go.mod", Data: []byte("module example.com/m\n\ngo 1.25\n")})
	}
	for _, f := range a.Files {
		name := filepath.Join(root, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func find(t *testing.T, archive, command string) *Suite {
	t.Helper()
	s, err := Find(write(t, archive), command)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, s *Suite, req testrun.Request) *testrun.Result {
	t.Helper()
	r, err := s.Run(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// brief returns a failure in one line.
func brief(f testrun.Failure) string {
	return fmt.Sprintf("%s %s %s:%d %s", f.TestID, f.Kind, f.File, f.Line, f.Message)
}

func briefs(r *testrun.Result) string {
	var b strings.Builder
	for _, f := range r.Failures {
		fmt.Fprintln(&b, brief(f))
	}
	return b.String()
}

func notRun(t *testing.T, err error) *testrun.NotRunError {
	t.Helper()
	var e *testrun.NotRunError
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want a *NotRunError", err)
	}
	if e.What == "" || e.Advice == "" {
		t.Errorf("%+v lacks What or Hint", e)
	}
	return e
}

// small is a module with a bit of everything.
const small = `
-- calc/calc.go --
package calc

func Add(a, b int) int { return a - b }

func Half(n int) int { return n / 2 }
-- calc/calc_test.go --
package calc

import "testing"

func TestAdd(t *testing.T) {
	t.Run("one and two", func(t *testing.T) {
		if got := Add(1, 2); got != 3 {
			t.Errorf("got %d, want 3", got)
		}
	})
	t.Run("zero", func(t *testing.T) {
		if got := Add(0, 0); got != 0 {
			t.Errorf("got %d, want 0", got)
		}
	})
}

func TestAddress(t *testing.T) { t.Error("not asked for") }

func TestHalf(t *testing.T) {
	if Half(4) != 2 {
		t.Error("wrong")
	}
}

func TestSkip(t *testing.T) { t.Skip() }
-- use/use.go --
package use

import "example.com/m/calc"

func Three() int { return calc.Add(1, 2) }
-- use/use_test.go --
package use_test

import (
	"testing"

	"example.com/m/use"
)

func TestThree(t *testing.T) {
	if got := use.Three(); got != 3 {
		t.Errorf("got %d, want 3", got)
	}
}
-- far/far.go --
package far
-- far/far_test.go --
package far

import (
	"testing"

	"example.com/m/use"
)

func TestFar(t *testing.T) { use.Three() }
-- alone/alone.go --
package alone

import _ "example.com/m/far"
-- other/other_test.go --
package other

import "testing"

func TestOther(t *testing.T) {}
`

const fixed = "package calc\n\nfunc Add(a, b int) int { return a + b }\n\nfunc Half(n int) int { return n / 2 }\n"

func TestRun(t *testing.T) {
	t.Parallel()
	s := find(t, small, "")
	const addFails = "example.com/m/calc.TestAdd/one_and_two assertion calc/calc_test.go:8 got -1, want 3\n"
	const addressFails = "example.com/m/calc.TestAddress assertion calc/calc_test.go:18 not asked for\n"
	const threeFails = "example.com/m/use.TestThree assertion use/use_test.go:11 got -1, want 3\n"
	calc := func(test string) testrun.TestID { return testrun.TestID{Package: "example.com/m/calc", Test: test} }
	for _, test := range []struct {
		name     string
		req      testrun.Request
		failures string
		packages int
		passed   int
		skipped  int
		missing  int
	}{
		{"everything", testrun.Request{}, addFails + addressFails + threeFails, 4, 4, 1, 0},
		{"one package", testrun.Request{Packages: []string{"example.com/m/use"}}, threeFails, 1, 0, 0, 0},
		{"no package", testrun.Request{Packages: []string{}}, "", 0, 0, 0, 0},
		{"a test whose name begins another", testrun.Request{Tests: []testrun.TestID{calc("TestAdd")}}, addFails, 1, 1, 0, 0},
		{"a subtest", testrun.Request{Tests: []testrun.TestID{calc("TestAdd/zero")}}, "", 1, 2, 0, 0},
		{"a subtest with blanks", testrun.Request{Tests: []testrun.TestID{calc("TestAdd/one and two")}}, addFails, 1, 0, 0, 0},
		{"tests and subtests", testrun.Request{Tests: []testrun.TestID{calc("TestAdd/one_and_two"), calc("TestHalf"), calc("TestSkip")}}, addFails, 1, 1, 1, 0},
		{"tests of two packages", testrun.Request{Tests: []testrun.TestID{calc("TestHalf"), {Package: "example.com/m/use", Test: "TestThree"}}}, threeFails, 2, 1, 0, 0},
		{"a package as a whole", testrun.Request{Tests: []testrun.TestID{{Package: "example.com/m/other", Test: ""}, calc("TestHalf")}}, "", 2, 2, 0, 0},
		{"a test that is gone", testrun.Request{Tests: []testrun.TestID{calc("TestGone"), {Package: "example.com/m/other", Test: "TestOther"}}}, "", 1, 1, 0, 1},
		{
			"an overlay",
			testrun.Request{Tests: []testrun.TestID{calc("TestAdd"), {Package: "example.com/m/use", Test: "TestThree"}}, NoVet: true, Count: 1, Overlay: map[string][]byte{"calc/calc.go": []byte(fixed)}},
			"", 2, 4, 0, 0,
		},
		{
			"an overlay that does not compile",
			testrun.Request{Packages: []string{"example.com/m/calc", "example.com/m/use"}, Overlay: map[string][]byte{"calc/calc.go": []byte("package calc\n\nfunc Add(a, b int) int { return a ++ b }\n")}},
			"example.com/m/calc compile calc/calc.go:3 syntax error: unexpected ++ at end of statement\n", 0, 0, 0, 0,
		},
		{
			"an overlay that removes a file and adds one",
			testrun.Request{Packages: []string{"example.com/m/other"}, Overlay: map[string][]byte{
				"other/other_test.go": nil, "other/new_test.go": []byte("package other\n\nimport \"testing\"\n\nfunc TestNew(t *testing.T) { t.Fatal(\"new\") }\n"),
			}},
			"example.com/m/other.TestNew assertion other/new_test.go:5 new\n", 1, 0, 0, 0,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := run(t, s, test.req)
			if got := briefs(r); got != test.failures {
				t.Errorf("got failures:\n%s\nwant:\n%s", got, test.failures)
			}
			got := fmt.Sprint(len(r.Packages), len(r.Passed), len(r.Skipped), len(r.Missing))
			if want := fmt.Sprint(test.packages, test.passed, test.skipped, test.missing); got != want {
				t.Errorf("packages, passed, skipped, missing: got %s, want %s\n%+v", got, want, r)
			}
		})
	}
}

func TestPackages(t *testing.T) {
	t.Parallel()
	s := find(t, small+"-- broken/b.go --\npackage broken\n\nfunc {\n", "")
	all, err := s.Packages(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, p := range all {
		if p.ImportPath != "example.com/m/"+p.Dir || p.Module != "example.com/m" {
			t.Errorf("%+v", p)
		}
		dirs = append(dirs, p.Dir)
	}
	if want := []string{"alone", "broken", "calc", "far", "other", "use"}; !slices.Equal(dirs, want) {
		t.Errorf("got packages %q, want %q", dirs, want)
	}
	for _, test := range []struct{ of, want string }{
		{"calc", "calc far use"}, // far only tests use, so alone does not depend on calc
		{"use", "far use"},
		{"far", "far"},
		{"other", "other"},
		{"nothing", ""},
	} {
		got, err := s.Dependents(context.Background(), []string{"example.com/m/" + test.of})
		if err != nil {
			t.Fatal(err)
		}
		if short := strings.ReplaceAll(strings.Join(got, " "), "example.com/m/", ""); short != test.want {
			t.Errorf("dependents of %s: got %q, want %q", test.of, short, test.want)
		}
	}
}

// A package that the tree does not have is missing, and the others run.
func TestUnknownPackage(t *testing.T) {
	t.Parallel()
	s := find(t, "-- a_test.go --\npackage a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n", "")
	none := testrun.TestID{Package: "example.com/m/none"}
	r := run(t, s, testrun.Request{Packages: []string{none.Package, "example.com/m"}})
	if len(r.Passed) != 1 || !slices.Equal(r.Missing, []testrun.TestID{none}) {
		t.Errorf("passed %v, missing %v", r.Passed, r.Missing)
	}
	r = run(t, s, testrun.Request{Tests: []testrun.TestID{{Package: none.Package, Test: "TestB"}}})
	if !slices.Equal(r.Missing, []testrun.TestID{none}) {
		t.Errorf("missing %v", r.Missing)
	}
}

func TestNotRun(t *testing.T) {
	t.Parallel()
	const passing = "-- a_test.go --\npackage a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n"
	for _, test := range []struct {
		name, archive, command string
		req                    testrun.Request
		what                   string
	}{
		{"pattern that matches nothing", passing, "go test ./none/...", testrun.Request{}, "no packages match"},
		{"missing directory", passing, "go test ./none", testrun.Request{}, "no packages match"},
		{"run pattern that matches nothing", passing, "go test -run XYZ ./...", testrun.Request{}, "no tests were run"},
		{"unknown test", passing, "", testrun.Request{Tests: []testrun.TestID{{Package: "example.com/m", Test: "TestB"}}}, "no tests were run"},
		{
			"dependency that cannot be downloaded",
			"-- go.mod --\nmodule example.com/m\n\ngo 1.25\n\nrequire example.com/none v1.0.0\n-- a_test.go --\npackage a\n\nimport (\n\t\"testing\"\n\n\t\"example.com/none\"\n)\n\nfunc TestA(t *testing.T) { none.X() }\n",
			"",
			testrun.Request{},
			"depend",
		},
		{"toolchain too old", "-- go.mod --\nmodule example.com/m\n\ngo 1.999\n" + passing, "", testrun.Request{}, "go"},
		{"no tests in test files", "-- a.go --\npackage a\n-- a_test.go --\npackage a\n", "", testrun.Request{}, "no tests were run"},
		{"missing command", passing, "no-such-command --flag", testrun.Request{}, "cannot run the test command"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, err := Find(write(t, test.archive), test.command)
			var r *testrun.Result
			if err == nil {
				s.Sandbox = testrun.NewSandbox(append(os.Environ(), "GOPROXY=off", "GOTOOLCHAIN=local"))
				r, err = s.Run(context.Background(), test.req)
			}
			if err == nil {
				t.Fatalf("it ran: %+v", r)
			}
			if e := notRun(t, err); !strings.Contains(e.What, test.what) {
				t.Errorf("got %q, want %q in it", e, test.what)
			}
		})
	}
}

// A module that cannot run is set aside, and the others run. An overlay does not excuse a module
// that ran without it.
func TestNotRunPart(t *testing.T) {
	t.Parallel()
	const (
		test   = "package p\n\nimport \"testing\"\n\nfunc TestP(t *testing.T) {}\n"
		none   = "package p\n\nimport _ \"example.com/none\"\n"
		needed = "\nrequire example.com/none v1.0.0\n"
	)
	mod := func(name, more string) string {
		return "-- " + name + "/go.mod --\nmodule example.com/" + name + "\n\ngo 1.25\n" + more + "-- " + name + "/p_test.go --\n" + test
	}
	for _, tt := range []struct {
		name, archive string
		overlay       map[string][]byte
		passed        int
		parts         []string // what did not run, and the beginning of the advice
		fails         bool     // the run as a whole
	}{
		{name: "all run", archive: mod("a", "") + mod("b", ""), passed: 2},
		{name: "broken go.mod", archive: mod("a", "") + mod("b", "nonsense\n"), passed: 1, parts: []string{"b: correct the line"}},
		{name: "two of a kind", archive: mod("a", "") + mod("b", "nonsense\n") + mod("c", "nonsense\n"), passed: 1, parts: []string{"b: correct the line", "c: correct the line"}},
		{
			name: "a package of a module", archive: mod("a", "") + mod("b", needed) + "-- b/x/x_test.go --\n" + none, passed: 2,
			parts: []string{"example.com/b/x: run `go -C b mod"},
		},
		{
			name: "a module as a whole", archive: mod("a", "") + mod("b", needed) + "-- b/x_test.go --\n" + none, passed: 1,
			parts: []string{"b: run `go -C b mod"},
		},
		{
			name: "because of the overlay", archive: mod("a", "") + mod("b", needed), passed: 2,
			overlay: map[string][]byte{"b/x_test.go": []byte(none)}, fails: true,
		},
		{
			name: "overlay elsewhere", archive: mod("a", "") + mod("b", needed) + "-- b/x_test.go --\n" + none, passed: 1,
			overlay: map[string][]byte{"a/y.go": []byte("package p\n")}, parts: []string{"b: run `go -C b mod"},
		},
		{name: "nothing for this platform", archive: mod("a", "") + "-- b/go.mod --\nmodule b\n-- b/b.go --\n//go:build none\n\npackage b\n", passed: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := FindIn(write(t, tt.archive), "", testrun.NewSandbox(append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "GOTOOLCHAIN=local")))
			if err != nil {
				t.Fatal(err)
			}
			r := run(t, s, testrun.Request{})
			if len(r.Passed) != tt.passed {
				t.Errorf("passed %v, want %d", r.Passed, tt.passed)
			}
			if tt.overlay != nil {
				r, err = s.Run(t.Context(), testrun.Request{Overlay: tt.overlay})
			}
			if tt.fails {
				notRun(t, err)
				return
			}
			if err != nil || len(r.NotRun) != len(tt.parts) {
				t.Fatalf("not run: %v, error %v, want %q", r.NotRun, err, tt.parts)
			}
			for i, want := range tt.parts {
				if got := r.NotRun[i].Part + ": " + r.NotRun[i].Advice; !strings.HasPrefix(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	const passing = "-- a_test.go --\npackage a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n"
	const failing = "-- a_test.go --\npackage a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) { t.Error(\"wrong\") }\n"
	for _, test := range []struct{ name, archive, command, failures string }{
		{"green", passing, "true && true", ""},
		{"green although go test is red", failing, "true || true", ""},
		{"red", failing, "echo oops; exit 2", "example.com/m.TestA assertion a_test.go:5 wrong\n"},
		{"red although go test is green", passing, "echo oops; exit 2", " setup :0 `echo oops; exit 2` exited 2 although go test ./... passes\n"},
		{"hanging", passing, "sleep 100 | cat", " timeout :0 `sleep 100 | cat` did not end within 500ms although go test ./... passes\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := testrun.Request{}
			if test.name == "hanging" {
				req.Timeout = 500 * 1e6
			}
			if got := briefs(run(t, find(t, test.archive, test.command), req)); got != test.failures {
				t.Errorf("got failures:\n%s\nwant:\n%s", got, test.failures)
			}
		})
	}
}

// TestCommandOverlay checks that a command sees a fix in an overlay.
func TestCommandOverlay(t *testing.T) {
	t.Parallel()
	s := find(t, small, "go test -run '^TestThree$' ./... && true")
	r := run(t, s, testrun.Request{Overlay: map[string][]byte{"calc/calc.go": []byte(fixed)}})
	if len(r.Failures) > 0 {
		t.Errorf("failures:\n%s", briefs(r))
	}
}

func TestOverlayStaysInside(t *testing.T) {
	t.Parallel()
	s := find(t, small, "")
	for _, name := range []string{"../x.go", "/etc/x.go", "a/../../x.go", ""} {
		if _, err := s.Run(context.Background(), testrun.Request{Overlay: map[string][]byte{name: {}}}); err == nil {
			t.Errorf("overlay of %q was accepted", name)
		}
	}
}

// At the time limit of a run, tests that have ended are reported and the others left out.
func TestWithin(t *testing.T) {
	t.Parallel()
	s := find(t, `-- go.mod --
module example.com/m

go 1.26
-- quick/quick_test.go --
package quick

import "testing"

func TestQuick(*testing.T) {}
-- slow/slow_test.go --
package slow

import (
	"testing"
	"time"
)

func TestFirst(*testing.T) {}

func TestSlow(*testing.T) { time.Sleep(time.Hour) }
-- broken/broken_test.go --
package broken

import (
	"testing"
	"time"
)

func TestBroken(t *testing.T) { t.Error("broken") }

func TestSlow(*testing.T) { time.Sleep(time.Hour) }
`, "")
	run(t, s, testrun.Request{Packages: []string{"example.com/m/quick"}})                                                           // puts it into go's cache
	run(t, s, testrun.Request{Tests: []testrun.TestID{{Package: "example.com/m/broken", Test: "TestBroken"}}, Within: time.Minute}) // builds it
	r := run(t, s, testrun.Request{Within: 8 * time.Second})
	if r.Late == 0 {
		t.Error("not late")
	}
	if want := []testrun.TestID{{Package: "example.com/m/quick", Test: "TestQuick"}}; !slices.Equal(r.Passed, want) {
		t.Errorf("passed %v, want %v", r.Passed, want)
	}
	if len(r.Failures) != 1 || r.Failures[0].Test != "TestBroken" {
		t.Errorf("got failures %v", r.Failures)
	}
	if r := run(t, s, testrun.Request{Packages: []string{"example.com/m/quick"}, Within: time.Minute}); r.Late > 0 {
		t.Error("a run that ends in time is late")
	}
	s.Command = []string{"/bin/sh", "-c", "sleep 3600"}
	if r := run(t, s, testrun.Request{Within: 200 * time.Millisecond}); r.Late == 0 || len(r.Failures) > 0 {
		t.Errorf("a command that takes longer: %+v", r)
	}
}
