package gotest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
)

const program = small + `
-- env/env.go --
package env
-- env/env_test.go --
package env

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestEnv(t *testing.T) {
	if os.Getenv("ADDED") != "yes" {
		t.Error("not added")
	}
	if _, err := os.Stat("env.go"); err != nil {
		t.Error("wrong directory")
	}
}

func TestLoud(t *testing.T) { fmt.Println(strings.Repeat("x", 1<<20)) }

func TestHang(t *testing.T) { select {} }

func TestExit(t *testing.T) { os.Exit(0) }

func Example() {
	// Output:
}

func FuzzIt(f *testing.F) { f.Fuzz(func(t *testing.T, s string) {}) }
`

func build(t *testing.T, s *Suite, pkg string, opt BuildOptions) *Binary {
	t.Helper()
	b, err := s.Build(context.Background(), pkg, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Remove(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestBinary(t *testing.T) {
	t.Parallel()
	s := find(t, program, "")
	b := build(t, s, "example.com/m/env", BuildOptions{NoVet: true})
	names, err := b.List(t.Context())
	if want := []string{"TestEnv", "TestLoud", "TestHang", "TestExit", "FuzzIt", "Example"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got list %q, %v, want %q", names, err, want)
	}
	for _, test := range []struct {
		test     string
		run      BinaryRun
		passed   bool
		timedOut bool
	}{
		{"TestEnv", BinaryRun{Env: []string{"ADDED=yes"}}, true, false},
		{"TestEnv", BinaryRun{FailFast: true, Verbose: true}, false, false},
		{"TestLoud", BinaryRun{}, true, false},
		{"TestHang", BinaryRun{Timeout: 100 * time.Millisecond}, false, true},
		{"TestExit", BinaryRun{}, false, false}, // go test does not let it pass either
	} {
		test.run.Tests = []testrun.TestID{{Package: "example.com/m/env", Test: test.test}}
		r, err := b.Run(t.Context(), test.run)
		if err != nil || r.Passed != test.passed || r.TimedOut != test.timedOut || r.Passed != (r.ExitCode == 0) {
			t.Errorf("%s: got %+v, %v", test.test, r, err)
		}
		if len(r.Output) > maxBinaryOutput+100 {
			t.Errorf("%s: %d bytes of output", test.test, len(r.Output))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := b.Run(ctx, BinaryRun{Tests: []testrun.TestID{{Package: "example.com/m/env", Test: "TestHang"}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
}

func TestBuildErrors(t *testing.T) {
	t.Parallel()
	s := find(t, program, "")
	over := func(content string) BuildOptions {
		return BuildOptions{NoVet: true, Overlay: map[string][]byte{"calc/calc.go": []byte(content)}}
	}
	for _, pkg := range []string{"calc", "use"} {
		_, err := s.Build(t.Context(), "example.com/m/"+pkg, over("package calc\n\nfunc Add(a, b int) int { return a + c }\n"))
		var e *BuildError
		if !errors.As(err, &e) {
			t.Fatalf("%s: got error %v, want a *BuildError", pkg, err)
		}
		if e.Package != "example.com/m/calc" || len(e.Positions) == 0 || e.Error() != "calc/calc.go:3:37: undefined: c" {
			t.Errorf("%s: %+v", pkg, e)
		}
	}
	for _, pkg := range []string{"example.com/m/alone", "example.com/m/none"} {
		_, err := s.Build(t.Context(), pkg, BuildOptions{})
		notRun(t, err)
	}
	if left, err := filepath.Glob(filepath.Join(s.Root, "*.test")); err != nil || len(left) > 0 {
		t.Errorf("left in the tree: %q", left)
	}
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	s := find(t, small, "")
	b := build(t, s, "example.com/m/calc", BuildOptions{NoVet: true, Cover: true, CoverPkg: []string{"./..."}, Overlay: map[string][]byte{"calc/calc.go": []byte(fixed)}})
	profile := filepath.Join(t.TempDir(), "cover.out")
	r, err := b.Run(t.Context(), BinaryRun{Tests: []testrun.TestID{{Package: "example.com/m/calc", Test: "TestAdd/zero"}}, CoverProfile: profile})
	if err != nil || !r.Passed {
		t.Fatalf("%+v, %v\n%s", r, err, r.Output)
	}
	blocks, err := s.Coverage(t.Context(), profile)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[int]int{}
	for _, block := range blocks {
		if block.File == "calc/calc.go" {
			counts[block.StartLine] = block.Count
		} else if block.Count > 0 {
			t.Errorf("%+v was not run", block)
		}
	}
	if len(counts) != 2 || counts[3] != 1 || counts[5] != 0 {
		t.Errorf("counts by line: %v", counts)
	}
	if _, err := ReadProfile([]byte("no profile")); err == nil {
		t.Error("no error for a file that is not a profile")
	}
	if _, err := s.Coverage(t.Context(), profile+".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}

func TestPattern(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ tests, want string }{
		{"TestA", "^(TestA)$"},
		{"TestB TestA TestA", "^(TestA|TestB)$"},
		{"TestA/x", "^TestA$/^x$"},
		{"TestA/a.b/c|d TestB", `^(TestB)$|^TestA$/^a\.b$/^c\|d$`},
	} {
		var ids []testrun.TestID
		for name := range strings.FieldsSeq(test.tests) {
			ids = append(ids, testrun.TestID{Package: "p", Test: name})
		}
		if got := pattern(ids); got != test.want {
			t.Errorf("%s: got %s, want %s", test.tests, got, test.want)
		}
	}
}

func BenchmarkBinaryRun(b *testing.B) {
	root := b.TempDir()
	for name, content := range map[string]string{"go.mod": "module m\n\ngo 1.25\n", "a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	s, err := Find(root, "")
	if err != nil {
		b.Fatal(err)
	}
	program, err := s.Build(b.Context(), "m", BuildOptions{NoVet: true})
	if err != nil {
		b.Fatal(err)
	}
	defer program.Remove()
	for b.Loop() {
		if r, err := program.Run(b.Context(), BinaryRun{}); err != nil || !r.Passed {
			b.Fatal(r, err)
		}
	}
}
