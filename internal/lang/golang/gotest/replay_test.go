package gotest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// replay returns the outcomes of a stream, one per line.
func replay(t *testing.T, stream string) string {
	t.Helper()
	r := NewReplay(recordedRoot, []Module{{Dir: "sub", Path: "example.com/m"}}, nil)
	in := &eventReader{emit: func(e Event) {
		r.Add(Event{Action: e.Action, Package: e.Package, ImportPath: e.ImportPath, Test: e.Test, Output: e.Output, FailedBuild: e.FailedBuild})
	}, other: r.Other}
	in.Write([]byte(stream))
	in.close()
	all, err := r.Outcomes()
	var b strings.Builder
	for _, o := range all {
		fmt.Fprintf(&b, "%s %s", o.Action, o.TestID)
		if f := o.Failure; f != nil {
			fmt.Fprintf(&b, " %s %s:%d %s", f.Kind, f.File, f.Line, f.Message)
		}
		b.WriteString("\n")
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

// TestReplayAttempts checks that the attempts of a test are kept apart.
func TestReplayAttempts(t *testing.T) {
	t.Parallel()
	const p = `"Package":"example.com/m/p"`
	run := func(test, action, output string) string {
		s := `{"Action":"run",` + p + `,"Test":"` + test + `"}` + "\n"
		if output != "" {
			s += `{"Action":"output",` + p + `,"Test":"` + test + `","Output":"    a_test.go:7: ` + output + `\n"}` + "\n"
		}
		return s + `{"Action":"` + action + `",` + p + `,"Test":"` + test + `"}` + "\n"
	}
	end := func(action string) string { return `{"Action":"` + action + `",` + p + `}` + "\n" }
	begin := `{"Action":"start",` + p + `}` + "\n"
	for _, tt := range []struct{ name, stream, want string }{
		{
			"once", begin + run("TestA", "pass", "") + run("TestB", "fail", "got 1, want 2") + run("TestC", "skip", "") + end("fail"),
			"pass example.com/m/p.TestA\nfail example.com/m/p.TestB assertion sub/p/a_test.go:7 got 1, want 2\nskip example.com/m/p.TestC\n",
		},
		{
			"the package again", begin + run("TestB", "fail", "got 1, want 2") + end("fail") + begin + run("TestB", "pass", "") + end("pass"),
			"fail example.com/m/p.TestB assertion sub/p/a_test.go:7 got 1, want 2\npass example.com/m/p.TestB\n",
		},
		{
			"-count=2", begin + run("TestB", "fail", "got 1, want 2") + run("TestB", "pass", "") + end("fail"),
			"fail example.com/m/p.TestB assertion sub/p/a_test.go:7 got 1, want 2\npass example.com/m/p.TestB\n",
		},
		{
			"cut off", begin + run("TestA", "pass", "") + `{"Action":"run",` + p + `,"Test":"TestB"}` + "\n",
			"pass example.com/m/p.TestA\nfail example.com/m/p.TestB timeout :0 the results end before the test does\n",
		},
		{"empty", "", ""},
		{"without tests", begin + end("skip"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := replay(t, tt.stream); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestReplayMatchesRun checks with recorded streams that a replay finds the same failures as a
// run.
func TestReplayMatchesRun(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tests", "builds", "race"} {
		stream, err := os.ReadFile(filepath.Join("testdata", name+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		want, err := parse(stream)
		if err != nil {
			t.Fatal(err)
		}
		got := replay(t, string(stream))
		for _, f := range want.Failures {
			if !strings.Contains(got, fmt.Sprintf("fail %s %s ", f.TestID, f.Kind)) {
				t.Errorf("%s: no failure of %s:\n%s", name, f.TestID, got)
			}
		}
	}
}
