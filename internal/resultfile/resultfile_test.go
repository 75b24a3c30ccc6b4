package resultfile

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/report"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// options describe the tree that the files in testdata come from.
var options = Options{Root: "/src/m", Modules: []gotest.Module{{Dir: "go", Path: "example.com/m"}}}

// recorded returns the result files in testdata.
func recorded(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.jsonl", "*.xml", "*.tap", "*.json"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, files...)
	}
	if len(all) < 15 {
		t.Fatalf("only %d recorded files", len(all))
	}
	return all
}

func readFile(t testing.TB, name string) *File {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(filepath.Base(name), bytes.NewReader(b), options)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// brief returns the lines of a golden file.
func brief(r *report.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d packages, %d passed, %d failed, %d skipped\n", r.Verdict, r.Tests.Packages, r.Tests.Passed, r.Tests.Failed, r.Tests.Skipped)
	for _, note := range r.Notes {
		fmt.Fprintln(&b, note)
	}
	for _, res := range r.Results {
		fmt.Fprintf(&b, "%-7s %s | %s", res.Status, res.Package, res.Test)
		if res.Tries > 0 {
			fmt.Fprintf(&b, " (%d tries)", res.Tries)
		}
		if res.File != "" {
			fmt.Fprintf(&b, " %s:%d", res.File, res.Line)
		}
		fmt.Fprintln(&b)
	}
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "\n%s %s %s %s:%d\n\t%s\n", f.Status, f.Kind, f.ID, cmp.Or(f.File, "?"), f.Line, f.Message)
	}
	return b.String()
}

// TestRecorded compares the results in files of real tools with golden files.
func TestRecorded(t *testing.T) {
	t.Parallel()
	for _, name := range recorded(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			r := Merge([]*File{readFile(t, name)})
			if err := r.Check(); err != nil {
				t.Error(err)
			}
			got := brief(r)
			if *update {
				if err := os.WriteFile(name+".golden", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name + ".golden")
			if err != nil {
				t.Fatalf("%v (go test -update writes it)", err)
			}
			if d := diff.Diff(string(want), got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestMergeOrder merges all recorded files in several orders.
func TestMergeOrder(t *testing.T) {
	t.Parallel()
	var files []*File
	for _, name := range recorded(t) {
		files = append(files, readFile(t, name))
	}
	want, err := report.JSON(Merge(files))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		other := slices.Concat(files[i:], files[:i])
		if i%2 == 1 {
			slices.Reverse(other)
		}
		got, err := report.JSON(Merge(other))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("the order of the files matters: %s", diff.Diff(string(want), string(got)))
		}
	}
}

func suite(cases string) string {
	return `<testsuites><testsuite name="s">` + cases + `</testsuite></testsuites>`
}

const (
	good    = `<testcase classname="p" name="a" time="1"/>`
	bad     = `<testcase classname="p" name="a" time="2"><failure message="bad"/></testcase>`
	skip    = `<testcase classname="p" name="a" time="0"><skipped/></testcase>`
	retried = `<testcase classname="p" name="a" time="3"><flakyFailure message="bad"/></testcase>`
)

// TestMergeFiles checks the status of a test that several files have.
func TestMergeFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		files []string
		want  report.ResultStatus
		tries int
	}{
		{"once", []string{good}, report.ResultPassed, 0},
		{"marked as flaky", []string{retried}, report.ResultFlaky, 2},
		{"failed in one of two places", []string{good, bad}, report.ResultFailed, 2},
		{"flaky in one of two places", []string{good, retried}, report.ResultFlaky, 3},
		{"skipped in one of two places", []string{skip, good}, report.ResultPassed, 2},
		{"skipped everywhere", []string{skip, skip}, report.ResultSkipped, 2},
		{"skipped, and failed elsewhere", []string{skip, bad}, report.ResultFailed, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var files []*File
			for i, content := range tt.files {
				f, err := Read(fmt.Sprint(i), strings.NewReader(suite(content)), options)
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, f)
			}
			r := Merge(files)
			if len(r.Results) != 1 || r.Results[0].Status != tt.want || r.Results[0].Tries != tt.tries {
				t.Errorf("got %+v, want %s in %d tries", r.Results, tt.want, tt.tries)
			}
		})
	}
}

// TestBadFiles checks the errors and hints for files that cannot be read.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ content, want, hint string }{
		"empty":           {"", "f: empty file", "killed before"},
		"blank":           {" \n\n", "f: empty file", "killed before"},
		"prose":           {"all is well\n", "f: unknown format", "go test -json, JUnit XML"},
		"go test":         {"ok  \texample.com/m\t0.1s\n", "f: the output of go test without -json", "go test -json"},
		"gzip":            {"\x1f\x8b\x08\x00", "f: compressed by gzip, but damaged or incomplete", "killed while"},
		"zip":             {"PK\x03\x04", "f: a ZIP archive", "unpack"},
		"html":            {"<!DOCTYPE html><html>", "f: an HTML page", "supported"},
		"other xml":       {"<?xml version='1.0'?>\n<coverage/>", "f:2: not JUnit XML: the root is <coverage>", "testsuites"},
		"cut off xml":     {"<testsuites>\n<testsuite>\n<testcase name='a'>", "f:3: unexpected end of file", "killed while"},
		"broken xml":      {"<testsuites>\n<testsuite></testsuites>", "f:2: not well-formed XML", ""},
		"entity":          {"<!DOCTYPE t [<!ENTITY x 'y'>]>\n<testsuites>&x;</testsuites>", "f:2: not well-formed XML: invalid character entity &x;", ""},
		"encoding":        {"<?xml version='1.0' encoding='EBCDIC-US'?><testsuites/>", "f:1: unknown encoding \"EBCDIC-US\"", "UTF-8"},
		"deep xml":        {strings.Repeat("<testsuite>", 200), "f:1: suites are nested more than 100 deep", ""},
		"other json":      {"{\"name\": \"x\"}\n", "f: not CTRF: JSON without results.tests", "supported"},
		"cut off json":    {"{\n\"results\": {\n\"tests\": [", "f:3: unexpected end of file", "killed while"},
		"broken json":     {"{\n\"results\": {\n\"tests\": [}\n", "f:3: not JSON", ""},
		"status":          {"{\"results\": {\n\"tests\": [\n{\"name\": \"a\", \"status\": \"grand\"}]}}", "f:3: not CTRF: unknown test status \"grand\"", "ctrf.io"},
		"type":            {"{\"results\": {\n\"tests\": {}}}", "f:2: not CTRF: expected [, got {", "ctrf.io"},
		"type of a field": {"{\"results\": {\n\"tests\": [{\"name\": 3}]}}", "f:2: not CTRF: name is a number", "ctrf.io"},
		"a report":        {`{"schema": "regreen.report/v1"}`, "f: a report of regreen, not test results", "regreen report"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read("f", strings.NewReader(tt.content), options)
			var e *Error
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), tt.want) || !strings.Contains(e.Advice, tt.hint) {
				t.Errorf("got %v, %+v, want %s and %q", err, e, tt.want, tt.hint)
			}
		})
	}
}

// TestReadErrors checks that a disk error is not mistaken for the end of the file.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("input/output error")
	for _, name := range recorded(t) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(name, &brokenReader{b[:len(b)/2], broken}, options); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type brokenReader struct {
	rest []byte
	err  error
}

func (r *brokenReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// TestTooLarge checks that reading an endless file stops with an error.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{
		"xml": "<testsuites><testsuite name='", "json": "{\"results\": {}, \"a\": [", "tap": "TAP version 14\n", "go": "{\"Action\":\"start\"}\n",
	} {
		_, err := read(name, &endless{begin}, options, 8<<20)
		var e *Error
		if !errors.As(err, &e) || e.What != "more than 256 MiB" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// endless is a beginning followed by endless blanks.
type endless struct{ rest string }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	for i := n; i < len(p); i++ {
		p[i] = ' '
	}
	return len(p), nil
}
