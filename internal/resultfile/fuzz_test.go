package resultfile

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/regreen-ci/regreen/internal/report"
)

// seeds adds the recorded files of a format, and fails without any.
func seeds(f *testing.F, of *format, more ...string) {
	n := 0
	for _, name := range recorded(f) {
		if readFile(f, name).Format != of.name {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		n++
	}
	if n == 0 {
		f.Fatal("no recorded file")
	}
	for _, s := range more {
		f.Add([]byte(s))
	}
}

// fuzz checks that any input is either an *Error or becomes a report that can be written in
// every format.
func fuzz(t *testing.T, b []byte) {
	f, err := Read("f", bytes.NewReader(b), options)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) || e.What == "" {
			t.Fatalf("%#v", err)
		}
		return
	}
	r := Merge([]*File{f})
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	for _, format := range report.Formats() {
		if err := format.Write(&bytes.Buffer{}, r, report.Options{}); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzGoTest(f *testing.F) {
	seeds(f, goTest, "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n{\"Action\":\"fail\",\"Package\":\"p\"}\n")
	f.Fuzz(fuzz)
}

func FuzzJUnit(f *testing.F) {
	seeds(f, junit, "<testsuite><testcase name='&#27;\x1b\xff'><failure>&#x1F600;&#xD800;</failure></testcase></testsuite>")
	f.Fuzz(fuzz)
}

func FuzzTAP(f *testing.F) {
	seeds(f, tap, "1..1\n        ok\n    }\nok {\n    not ok\n}\n", "ok\n  ---\n  at: x\n")
	f.Fuzz(fuzz)
}

func FuzzCTRF(f *testing.F) {
	seeds(f, ctrf, `{"results":{"tests":[{"name":"","status":"passed","flaky":true,"retries":1e300,"line":-1}]}}`)
	f.Fuzz(fuzz)
}
