package gotest

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/testrun"
)

var update = flag.Bool("update", false, "record the streams and expectations in testdata again")

// recordedRoot replaces the root of the recorded trees.
const recordedRoot = "/src/m"

// parse collects a recorded stream.
func parse(stream []byte) (*testrun.Result, error) {
	c := newCollector(tree{roots: []string{recordedRoot}, modules: []Module{{Dir: ".", Path: "example.com/m"}}})
	var other testrun.Capped
	settled := newOutcomes(c.add)
	r := &eventReader{emit: settled.add, other: func(line []byte) { other.Write(append(line, '\n')) }}
	r.Write(stream)
	r.close()
	settled.close()
	printed, _ := other.Text()
	if err := c.endCall(recordedRoot, printed, 1); err != nil {
		return nil, err
	}
	return c.finish(testrun.Request{})
}

// record runs go test on an archive and returns its stream.
func record(t *testing.T, archive *txtar.Archive, flags ...string) []byte {
	t.Helper()
	root := write(t, string(txtar.Format(archive)))
	cmd := exec.Command("go", append([]string{"test", "-json", "-fullpath", "-count=1"}, append(flags, "./...")...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	stream, err := cmd.Output()
	if err == nil {
		t.Fatal("no test fails")
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	stream = bytes.ReplaceAll(stream, bytes.TrimSpace(goroot), []byte("/goroot"))
	return bytes.ReplaceAll(stream, []byte(root), []byte(recordedRoot))
}

// TestStreams reads recorded streams of modules that fail in every possible way:
// testdata/x.txtar is a module with the failures as its comment, x.jsonl is the output of go
// test -json for it.
func TestStreams(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"tests":  {"-timeout=2s"},
		"builds": nil,
		"race":   {"-race"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := filepath.Join("testdata", name)
			archive, err := txtar.ParseFile(base + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(base+".jsonl", record(t, archive, flags...), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			stream, err := os.ReadFile(base + ".jsonl")
			if err != nil {
				t.Fatal(err)
			}
			r, err := parse(stream)
			if err != nil {
				t.Fatal(err)
			}
			got := briefs(r)
			if *update {
				archive.Comment = []byte(got)
				if err := os.WriteFile(base+".txtar", txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(archive.Comment); got != want {
				t.Errorf("got failures:\n%s\nwant:\n%s", got, want)
			}
			for _, f := range r.Failures {
				if strings.Contains(f.Output+f.Message, recordedRoot) {
					t.Errorf("%s contains the root of the tree:\n%s", f.TestID, f.Output)
				}
			}
		})
	}
}

// TestReaderPieces feeds a stream in pieces of all sizes.
func TestReaderPieces(t *testing.T) {
	t.Parallel()
	stream := []byte(`{"Action":"run","Package":"p","Test":"A"}` + "\n" + "go: no event\n\n" +
		strings.Repeat("x", maxLine+1) + "\n" + `{"Action":"pass","Package":"p","Test":"A"}`)
	for _, size := range []int{1, 2, 3, 64, 4096, len(stream)} {
		var events []Event
		var other []string
		r := &eventReader{emit: func(e Event) { events = append(events, e) }, other: func(line []byte) { other = append(other, string(line)) }}
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			r.Write(rest[:n])
			rest = rest[n:]
		}
		r.close()
		r.Write([]byte(`{"Action":"fail","Package":"p","Test":"late"}` + "\n"))
		if len(events) != 2 || events[0].Action != "run" || events[1].Action != "pass" || len(other) != 1 || other[0] != "go: no event" {
			t.Errorf("in pieces of %d: events %v, other lines %q", size, events, other)
		}
	}
}

// TestBounds checks the bounds when one test prints a lot and many tests fail.
func TestBounds(t *testing.T) {
	t.Parallel()
	c := newCollector(tree{})
	c.add(Event{Action: "run", Package: "p", Test: "TestLoud"})
	line := strings.Repeat("x", 1023) + "\n"
	for range 2_000 {
		c.add(Event{Action: "output", Package: "p", Test: "TestLoud", Output: line})
	}
	c.add(Event{Action: "output", Package: "p", Test: "TestLoud", Output: "    /x_test.go:3: wrong at last\n"})
	c.add(Event{Action: "fail", Package: "p", Test: "TestLoud"})
	for i := range 1000 {
		name := "TestMany/" + string(rune('a'+i%26)) + strings.Repeat("b", i)
		for range 34 {
			c.add(Event{Action: "output", Package: "p", Test: name, Output: line})
		}
		c.add(Event{Action: "fail", Package: "p", Test: name})
	}
	c.add(Event{Action: "fail", Package: "p"})
	r, err := c.finish(testrun.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Failures); n != 1001 {
		t.Fatalf("got %d failures, want 1001", n)
	}
	loud := r.Failures[0]
	if len(loud.Output) > testrun.MaxOutput+100 || loud.Truncated < 1900<<10 || !strings.HasSuffix(loud.Output, "wrong at last\n") {
		t.Errorf("kept %d bytes, left out %d", len(loud.Output), loud.Truncated)
	}
	total := 0
	for _, f := range r.Failures {
		total += len(f.Output)
	}
	if total > maxKept+1001*(testrun.MinOutput+100)+testrun.MaxOutput {
		t.Errorf("kept %d bytes in all", total)
	}
}

func TestCapped(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 7, 8, 9, 15, 16, 17, 40, 1000} {
		for _, piece := range []int{1, 3, 8, 1000} {
			text := strings.Repeat("0123456789", 100)[:size]
			c := testrun.Capped{Limit: 16}
			for rest := text; rest != ""; {
				n := min(piece, len(rest))
				c.Write([]byte(rest[:n]))
				rest = rest[n:]
			}
			got, left := c.Text()
			switch {
			case size <= 16:
				if got != text || left != 0 {
					t.Errorf("%d bytes in pieces of %d: %q, %d left out", size, piece, got, left)
				}
			case left != size-16 || !strings.HasPrefix(got, text[:8]) || !strings.HasSuffix(got, text[size-8:]):
				t.Errorf("%d bytes in pieces of %d: %q, %d left out", size, piece, got, left)
			}
			c.Shrink(4)
			if got, left := c.Text(); size > 4 && (left != size-4 || !strings.HasPrefix(got, text[:2]) || !strings.HasSuffix(got, text[size-2:])) {
				t.Errorf("shrunk %d bytes in pieces of %d: %q, %d left out", size, piece, got, left)
			}
		}
	}
}

// FuzzStream looks for streams that break the reader: it must not panic, and messages must be
// bounded and fit on a line.
func FuzzStream(f *testing.F) {
	for _, name := range []string{"tests", "builds", "race"} {
		stream, err := os.ReadFile(filepath.Join("testdata", name+".jsonl"))
		if err != nil || len(stream) == 0 {
			f.Fatal("no seed", err)
		}
		f.Add(stream[:min(len(stream), 8<<10)])
		f.Add(stream[max(0, len(stream)-8<<10):])
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		r, err := parse(stream)
		if err != nil {
			return
		}
		for _, failure := range r.Failures {
			if strings.ContainsAny(failure.Message, "\n\r\x1b") || len([]rune(failure.Message)) > testrun.MaxMessage {
				t.Errorf("got message %q", failure.Message)
			}
			if len(failure.Output) > 4*testrun.MaxOutput {
				t.Errorf("%d bytes of output", len(failure.Output))
			}
			if strings.HasPrefix(failure.File, "/") || strings.HasPrefix(failure.File, "..") {
				t.Errorf("file %q is outside of the tree", failure.File)
			}
		}
	})
}

// TestEndlessOutput runs a test that prints without end.
func TestEndlessOutput(t *testing.T) {
	t.Parallel()
	s := find(t, `
-- g_test.go --
package m

import (
	"os"
	"testing"
)

func TestEndlessOutput(t *testing.T) {
	line := make([]byte, 4000)
	for i := range line {
		line[i] = 'x'
	}
	line[len(line)-1] = '\n'
	for {
		os.Stdout.Write(line)
	}
}
`, "")
	s.flood = 8 << 20
	r, err := s.Run(context.Background(), testrun.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := briefs(r), "example.com/m.TestEndlessOutput timeout :0 printed more than 8 MiB and was killed\n"; got != want {
		t.Errorf("got failures %q, want %q", got, want)
	}
	if len(r.Failures[0].Output) > 2*testrun.MaxOutput || r.Failures[0].Truncated == 0 {
		t.Errorf("kept %d bytes, left out %d", len(r.Failures[0].Output), r.Failures[0].Truncated)
	}
}
