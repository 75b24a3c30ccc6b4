package deliver_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/report"
)

var failing = deliver.Rendering{Name: "html", File: "report.html", Write: func(w io.Writer, _ *report.Report) error {
	_, _ = io.WriteString(w, "<html>half")
	return errors.New("no template")
}}

// names returns the names of the files below dir, with slashes.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(dir, name)
			all = append(all, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A file that cannot be written leaves the previous one as it was, and no temporary file.
func TestFileIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "report.html"), "the previous one")
	got := deliverTo(t, deliver.File("file", dir, "report.html", failing, ""), proposed())
	if got.State != report.ReceiptFailed || !strings.Contains(got.Reason, "no template") {
		t.Errorf("got receipt %+v", got)
	}
	b, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || string(b) != "the previous one" {
		t.Errorf("got %q, %v", b, err)
	}
	write(t, filepath.Join(dir, "taken", "x"), "")
	if got := deliverTo(t, deliver.File("file", dir, "taken", markdown, ""), proposed()); got.State != report.ReceiptFailed {
		t.Errorf("a directory was replaced: %+v", got)
	}
	if diff := cmp.Diff([]string{"report.html", "taken/x"}, names(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A reader of the file that is being replaced sees one report or the other.
func TestFileIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "report.md"), "the previous one")
	reader, err := os.Open(filepath.Join(dir, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if got := deliverTo(t, deliver.File("file", dir, "report.md", markdown, ""), proposed()); got.State != report.ReceiptSent {
		t.Errorf("got receipt %+v", got)
	}
	if b, err := io.ReadAll(reader); err != nil || string(b) != "the previous one" {
		t.Errorf("got %q, %v", b, err)
	}
}

// A link in the repository does not lead a report out of it.
func TestFileStaysInside(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "build")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []deliver.Channel{
		deliver.File("file", dir, "build/authorized_keys", markdown, ""),
		deliver.File("file", dir, "../above.md", markdown, ""),
		deliver.Artifact(dir, "build/regreen", []deliver.Rendering{markdown}),
	} {
		if got := deliverTo(t, c, proposed()); got.State != report.ReceiptFailed {
			t.Errorf("got receipt %+v", got)
		}
	}
	if all := names(t, outside); len(all) > 0 {
		t.Errorf("written outside: %v", all)
	}
}

func TestArtifact(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := proposed()
	for _, id := range []string{"a/b", "a:b", "A-B", "Q", "q", "../../etc", "", "p-empty"} {
		p := r.Patches[0]
		p.ID = id
		if id == "p-empty" {
			p.Diff = ""
		}
		r.Patches = append(r.Patches, p)
	}
	c := deliver.Artifact(dir, "out", []deliver.Rendering{markdown, failing})
	for range 2 {
		got := deliverTo(t, c, r)
		if got.State != report.ReceiptSent || got.Where != filepath.Join(dir, "out") || !slices.Equal(got.Degraded, []string{"report.html is missing: no template"}) {
			t.Errorf("got receipt %+v", got)
		}
	}
	want := []string{
		"out/patches/------etc.patch", "out/patches/A-B-3.patch", "out/patches/Q.patch", "out/patches/a-b-2.patch", "out/patches/a-b.patch",
		"out/patches/p-3f2a.patch", "out/patches/patch.patch", "out/patches/q-2.patch", "out/report.md",
	}
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b, err := os.ReadFile(filepath.Join(dir, "out", "patches", "p-3f2a.patch"))
	if err != nil || string(b) != r.Patches[0].Diff {
		t.Errorf("got %q, %v", b, err)
	}
	if got := deliverTo(t, deliver.Artifact(dir, "out", []deliver.Rendering{failing}), r); got.State != report.ReceiptFailed {
		t.Errorf("no form can be rendered: got receipt %+v", got)
	}
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Errorf("after a failure (-want +got):\n%s", diff)
	}
}

// Files of others in the directory are not deleted.
func TestArtifactLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"notes.txt", "report.md/x", "src/main.go", "patches/mine.patch", "patches/notes.txt", "patches/more/x.patch"} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "out", file), "work of days")
		got := deliverTo(t, deliver.Artifact(dir, "out", []deliver.Rendering{markdown}), proposed())
		if got.State != report.ReceiptFailed || !strings.Contains(got.Reason, "is not regreen's") {
			t.Errorf("%s: got receipt %+v", file, got)
		}
		if all := names(t, dir); !slices.Equal(all, []string{"out/" + file}) {
			t.Errorf("the files are %v", all)
		}
	}
}

// The report fits next to what the step summary already has. A full summary is not touched.
func TestSummary(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	for _, tt := range []struct {
		size     int
		state    report.ReceiptState
		degraded int
	}{
		{0, report.ReceiptSent, 0},
		{limit / 2, report.ReceiptSent, 0},
		{limit - 20_000, report.ReceiptSent, 1},
		{limit - 1000, report.ReceiptSkipped, 0},
		{limit + 1000, report.ReceiptSkipped, 0},
	} {
		file := filepath.Join(t.TempDir(), "summary")
		before := strings.Repeat("x", tt.size)
		write(t, file, before)
		r := proposed()
		r.Failures[0].Output = strings.Repeat(strings.Repeat("y", 999)+"\n", 60)
		got := deliverTo(t, deliver.Summary(file, report.MarkdownOptions{}), r)
		if got.State != tt.state || len(got.Degraded) != tt.degraded {
			t.Errorf("%d bytes before: receipt %+v", tt.size, got)
		}
		b, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(b), before) || len(b) > max(limit, tt.size) {
			t.Errorf("%d bytes before: %d after, %v", tt.size, len(b), err)
		}
		if posted := strings.Contains(string(b), "\n## ✗ regreen: "); posted != (tt.state == report.ReceiptSent) {
			t.Errorf("%d bytes before: posted %v", tt.size, posted)
		}
	}
}

// A stream gets its text in one write: two that share a file do not mix lines.
func TestStream(t *testing.T) {
	t.Parallel()
	var writes counting
	form := deliver.Rendering{Name: "x", Write: func(w io.Writer, _ *report.Report) error {
		for range 100 {
			if _, err := io.WriteString(w, "line\n"); err != nil {
				return err
			}
		}
		return nil
	}}
	deliverTo(t, deliver.Stream("annotations", &writes, form), proposed())
	if writes.n != 1 || writes.Len() != 500 {
		t.Errorf("%d writes of %d bytes", writes.n, writes.Len())
	}
	if got := deliverTo(t, deliver.Stream("x", &writes, failing), proposed()); got.State != report.ReceiptFailed || writes.n != 1 {
		t.Errorf("a part was written: %+v", got)
	}
}

type counting struct {
	bytes.Buffer
	n int
}

func (c *counting) Write(b []byte) (int, error) {
	c.n++
	return c.Buffer.Write(b)
}

// A user's file is not replaced, one that regreen made is.
func TestFileOfTheUser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := filepath.Join(t.TempDir(), "files")
	mine := filepath.Join(dir, "main.go")
	if err := os.WriteFile(mine, []byte("package main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := deliverTo(t, deliver.File("file", dir, "main.go", markdown, list), proposed())
	if got.State != report.ReceiptFailed || !strings.Contains(got.Reason, "not made by regreen") {
		t.Errorf("got receipt %+v", got)
	}
	if b, err := os.ReadFile(mine); err != nil || string(b) != "package main\n" {
		t.Errorf("the file is %q, %v", b, err)
	}
	for range 2 {
		if got := deliverTo(t, deliver.File("file", dir, "build/r.md", markdown, list), proposed()); got.State != report.ReceiptSent {
			t.Errorf("got receipt %+v", got)
		}
	}
}
