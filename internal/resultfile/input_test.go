package resultfile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding/unicode"
)

// small has the same failing test in each format.
var small = map[string]struct{ text, format string }{
	"go": {lines(
		`{"Time":"2026-01-02T03:04:05Z","Action":"start","Package":"p"}`, `{"Action":"run","Package":"p","Test":"TestÄ"}`,
		`{"Action":"output","Package":"p","Test":"TestÄ","Output":"    x_test.go:3: no\n"}`, `{"Action":"fail","Package":"p","Test":"TestÄ"}`,
		`{"Action":"output","Package":"p","Output":"FAIL\n"}`, `{"Action":"fail","Package":"p"}`,
	), "go test -json"},
	"junit":          {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name='s'><testcase classname='p' name='TestÄ'><failure message='no'/></testcase></testsuite>\n</testsuites>\n", "JUnit XML"},
	"junit, bare":    {"<testsuite\n name='s'><testcase classname='p' name='TestÄ'><failure message='no'/></testcase></testsuite>\n", "JUnit XML"},
	"tap":            {"TAP version 13\n1..1\nnot ok 1 - TestÄ\n", "TAP"},
	"tap, plan":      {"1..1\nnot ok 1 - TestÄ\n", "TAP"},
	"tap, bare":      {"not ok - TestÄ\n1..1\n", "TAP"},
	"ctrf":           {"{\n\"reportFormat\": \"CTRF\",\n\"results\": {\"tests\": [{\"name\": \"TestÄ\", \"status\": \"failed\"}]}}\n", "CTRF"},
	"ctrf, one line": {"{\"results\": {\"tests\": [{\"name\": \"TestÄ\", \"status\": \"failed\"}]}}\n", "CTRF"},
}

// preambles are what programs print before the results.
var preambles = map[string]string{
	"none":      "",
	"downloads": strings.Repeat("go: downloading golang.org/x/text v0.40.0\n", 3000),
	"megabytes": strings.Repeat("npm warn deprecated glob@7.2.3: Glob versions prior to v9 are no longer supported\n", 20_000),
	"trace":     strings.Repeat("+ export PATH=/usr/bin\n+ set -x\n", 2000),
	"logs":      strings.Repeat(`{"level":"info","msg":"building","Action":"build"}`+"\n", 2000),
	"objects":   strings.Repeat("{\n  \"level\": \"info\"\n}\n", 2000),
	"one line":  strings.Repeat("x", 200<<10) + "\n",
	"progress":  strings.Repeat("\x1b[2K\r 50% |=====     |", 5000) + "\n",
	"colors":    "\x1b[32mready\x1b[0m\n",
	"health":    "ok\n",
	"markup":    "<stdin>:3: warning: <b>old</b>\n",
	"chatter":   "1.. 2.. 3..\nok then\nnot okay\nTAP is on\n",
}

// TestPreambles checks that the results are found behind whatever was printed before them.
func TestPreambles(t *testing.T) {
	t.Parallel()
	for what, preamble := range preambles {
		for name, tt := range small {
			if tt.format == "TAP" && name != "tap" && (what == "health" || what == "chatter") {
				continue // an "ok" before a plan is a test
			}
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				f, err := Read("f", strings.NewReader(preamble+tt.text), options)
				if err != nil {
					t.Fatal(err)
				}
				checkSmall(t, f, tt.format)
			})
		}
	}
}

func checkSmall(t *testing.T, f *File, format string) {
	t.Helper()
	r := Merge([]*File{f})
	if f.Format != format || r.Verdict != "red" || len(r.Results) == 0 {
		t.Fatalf("got %s, %s, %+v", f.Format, r.Verdict, r.Results)
	}
	if last := r.Results[len(r.Results)-1]; last.Test != "TestÄ" || last.Status != "failed" {
		t.Errorf("got %+v", r.Results)
	}
}

// TestEncodings checks that results are read in the encodings that shells and CIs make of them.
func TestEncodings(t *testing.T) {
	t.Parallel()
	utf16 := func(order unicode.Endianness, bom unicode.BOMPolicy) func(string) string {
		return func(text string) string {
			encoded, err := unicode.UTF16(order, bom).NewEncoder().String(text)
			if err != nil {
				t.Error(err)
			}
			return encoded
		}
	}
	for what, encode := range map[string]func(string) string{
		"byte order mark": func(text string) string { return "\ufeff" + text },
		"Windows":         func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") },
		"PowerShell": func(text string) string {
			return utf16(unicode.LittleEndian, unicode.UseBOM)(strings.ReplaceAll(text, "\n", "\r\n"))
		},
		"UTF-16, big endian":  utf16(unicode.BigEndian, unicode.UseBOM),
		"UTF-16, without BOM": utf16(unicode.LittleEndian, unicode.IgnoreBOM),
		"gzip":                zipped,
		"gzip of UTF-16":      func(text string) string { return zipped(utf16(unicode.LittleEndian, unicode.UseBOM)(text)) },
	} {
		for name, tt := range small {
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				f, err := Read("f", iotest.OneByteReader(strings.NewReader(encode(tt.text))), options)
				if err != nil {
					t.Fatal(err)
				}
				checkSmall(t, f, tt.format)
			})
		}
	}
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

// TestDamagedGzip checks that a file that ends early is not read as a shorter one, and that a
// small file may not unpack to any size.
func TestDamagedGzip(t *testing.T) {
	t.Parallel()
	for name, tt := range small {
		packed := zipped(tt.text + strings.Repeat("\n", 100_000))
		_, err := Read("f", strings.NewReader(packed[:len(packed)-6]), options)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.What, "damaged or incomplete") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := read("f", strings.NewReader(packed), options, 50_000); !errors.As(err, &e) || e.What != "more than 256 MiB" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLineNumbers checks that an error has the line in the file, not the one in the results.
func TestLineNumbers(t *testing.T) {
	t.Parallel()
	preamble := strings.Repeat("go: downloading x\n", 60_000)
	for name, content := range map[string]string{
		"junit": "<testsuites>\n<testsuite></testsuites>",
		"ctrf":  "{\"results\": {\n\"tests\": [}\n",
	} {
		_, err := Read("f", strings.NewReader(preamble+content), options)
		if err == nil || !strings.HasPrefix(err.Error(), "f:60002: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBuildErrors checks that what a build printed long before the events explains them.
func TestBuildErrors(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("go: downloading x\n", 60_000) + lines(
		"# example.com/m/p", "p/p.go:3:5: undefined: y",
		`{"Action":"start","Package":"example.com/m/p"}`,
		`{"Action":"output","Package":"example.com/m/p","Output":"FAIL\texample.com/m/p [build failed]\n"}`,
		`{"Action":"fail","Package":"example.com/m/p"}`,
	)
	got := summary(readText(t, content))
	if want := lines("red", "example.com/m/p: undefined: y"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestForeignOutput checks that output without results is not taken for some.
func TestForeignOutput(t *testing.T) {
	t.Parallel()
	for what, preamble := range preambles {
		if what == "none" || what == "health" {
			continue
		}
		_, err := Read("f", strings.NewReader(preamble), options)
		var e *Error
		if !errors.As(err, &e) || !e.Foreign && what != "markup" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range 40 {
		_, err := Read("f", strings.NewReader(fmt.Sprint(strings.Repeat("é", n*4000), "\nok  \tp\t0.1s\n")), options)
		if err == nil || !strings.Contains(err.Error(), "without -json") {
			t.Errorf("%d: %v", n, err)
		}
	}
}
