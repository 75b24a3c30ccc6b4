package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// TestGolden compares the output for each verdict with golden files.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			golden(t, e.name+".txt", onTerminal(t, e.make(), TerminalOptions{}))
			golden(t, e.name+".md", []byte(Markdown(e.make(), MarkdownOptions{})))
			golden(t, e.name+".line", []byte(Summary(e.make())+"\n"))
			b, err := JSON(e.make())
			if err != nil {
				t.Fatal(err)
			}
			golden(t, e.name+".json", b)
		})
	}
	t.Run("color", func(t *testing.T) {
		t.Parallel()
		golden(t, "proposed.color", onTerminal(t, proposedReport(), TerminalOptions{Color: true}))
	})
	t.Run("verbose", func(t *testing.T) {
		t.Parallel()
		golden(t, "partial.verbose", onTerminal(t, partialReport(), TerminalOptions{Verbose: true, Width: 100}))
	})
	t.Run("small", func(t *testing.T) {
		t.Parallel()
		golden(t, "proposed.explain", []byte(Explain(proposedReport(), 0)))
		golden(t, "hostile.explain", []byte(Explain(hostileReport(), 0)))
		golden(t, "partial.small", []byte(Markdown(partialReport(), MarkdownOptions{MaxBytes: 3000, Apply: "/regreen apply"})))
	})
}

func onTerminal(t testing.TB, r *Report, opt TerminalOptions) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := Terminal(&buf, r, opt); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (write it with go test -update)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
