package gotest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// reading is a module with a test that reads a source: it fails when the source says red.
const reading = `
-- a.go --
package a

const Color = "red"
-- a_test.go --
package a

import (
	"os"
	"strings"
	"testing"
)

func TestSource(t *testing.T) {
	b, err := os.ReadFile("a.go")
	if err != nil || strings.Contains(string(b), "red") {
		t.Fatalf("%s %v", b, err)
	}
}

func TestColor(t *testing.T) {
	if Color == "red" {
		t.Fatal("red")
	}
}
`

// A request on disk is seen by whatever reads the tree; after it, everything is as it was.
func TestOnDisk(t *testing.T) {
	t.Parallel()
	s := find(t, reading, "")
	file := filepath.Join(s.Root, "a.go")
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	green := map[string][]byte{"a.go": []byte("package a\n\nconst Color = \"green\"\n"), "b.go": []byte("package a\n")}
	failing := func(req testrun.Request) string {
		var names []string
		for _, f := range run(t, s, req).Failures {
			names = append(names, f.Test)
		}
		return strings.Join(names, " ")
	}
	// Concurrent runs see what each of them asks for.
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			if got := failing(testrun.Request{Overlay: green, OnDisk: true, Count: 1}); got != "" {
				t.Errorf("on disk: %s fails", got)
			}
		})
		wait.Go(func() {
			if got := failing(testrun.Request{Overlay: green, Count: 1}); got != "TestSource" {
				t.Errorf("with an overlay: %s fails", got)
			}
		})
	}
	wait.Wait()
	if got := failing(testrun.Request{}); got != "TestSource TestColor" {
		t.Errorf("afterwards: %s fails", got)
	}

	// A run that is canceled leaves nothing either.
	ctx, cancel := context.WithCancel(t.Context())
	began := filepath.Join(s.Root, "began")
	slow := map[string][]byte{"a_test.go": []byte("package a\n\nimport (\n\t\"os\"\n\t\"testing\"\n\t\"time\"\n)\n\nfunc TestSlow(t *testing.T) {\n\tos.WriteFile(\"began\", nil, 0o600)\n\ttime.Sleep(time.Hour)\n}\n")}
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(began); err == nil {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if _, err := s.Run(ctx, testrun.Request{Overlay: slow, OnDisk: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := failing(testrun.Request{}); got != "TestSource TestColor" {
		t.Errorf("after a cancellation: %s fails", got)
	}
	if info, err := os.Stat(file); err != nil || !info.ModTime().Equal(old) {
		t.Errorf("got %v, %v, want a.go with its time", info.ModTime(), err)
	}
	if _, err := os.Stat(filepath.Join(s.Root, "b.go")); err == nil {
		t.Error("b.go is still there")
	}
}

// A test program records what it reads.
func TestLogOfReads(t *testing.T) {
	t.Parallel()
	s := find(t, reading+`
-- b/b_test.go --
package b

import (
	"os"
	"os/exec"
	"testing"
)

func TestBuilds(t *testing.T) { exec.LookPath("go") }

func TestScript(t *testing.T) { exec.LookPath("../run.sh") }

func TestElsewhere(t *testing.T) {
	os.Chdir("..")
	os.ReadFile("run.sh")
	os.ReadFile("/etc/hostname")
	os.Stat("a.go")
}
-- run.sh --
`, "")
	if err := os.Chmod(filepath.Join(s.Root, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	for test, want := range map[string]Reads{
		"TestSource": {Files: map[string]bool{"a.go": true}}, "TestColor": {}, "TestBuilds": {Builds: true}, "TestScript": {Builds: true},
		"TestElsewhere": {Files: map[string]bool{"run.sh": true}},
	} {
		pkg := "example.com/m"
		if test != "TestSource" && test != "TestColor" {
			pkg += "/b"
		}
		b, err := s.Build(t.Context(), pkg, BuildOptions{NoVet: true})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Remove()
		log := filepath.Join(t.TempDir(), "log")
		if _, err := b.Run(t.Context(), BinaryRun{Tests: []testrun.TestID{{Package: pkg, Test: test}}, TestLog: log}); err != nil {
			t.Fatal(err)
		}
		got, err := b.Reads(log)
		if err != nil || got.Builds != want.Builds || len(got.Files) != len(want.Files) {
			t.Errorf("%s: got %+v, %v, want %+v", test, got, err, want)
		}
		for file := range want.Files {
			if !got.Files[file] {
				t.Errorf("%s: does not read %s", test, file)
			}
		}
	}
}
