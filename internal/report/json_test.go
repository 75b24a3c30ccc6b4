package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestReadWhatJSONWrote(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		b, err := JSON(r)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(b) {
			t.Fatal("not UTF-8")
		}
		back, err := Read(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := JSON(back)
		if err != nil {
			t.Fatal(err)
		}
		first, second := value(t, b), value(t, again)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("written twice (-first +second):\n%s", diff)
		}
		if hasNull(first) {
			t.Fatalf("a list is null: %s", b)
		}
	})
}

func value(t *rapid.T, b []byte) (v any) {
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func hasNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		for _, e := range v {
			if hasNull(e) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if hasNull(e) {
				return true
			}
		}
	}
	return false
}

func TestReadKeepsEverything(t *testing.T) {
	t.Parallel()
	for _, e := range examples {
		if e.name == "hostile" {
			continue
		}
		b, err := JSON(e.make())
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e.make(), got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e.name, diff)
		}
	}
}

func TestJSONDoesNotChangeTheReport(t *testing.T) {
	t.Parallel()
	r := &Report{ID: "r", Culprit: &Culprit{}, Patches: []Patch{{}}}
	if _, err := JSON(r); err != nil {
		t.Fatal(err)
	}
	want := &Report{ID: "r", Culprit: &Culprit{}, Patches: []Patch{{}}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("JSON changed its argument (-want +got):\n%s", diff)
	}
}

func TestJSONReplacesInvalidBytes(t *testing.T) {
	t.Parallel()
	r := baseReport()
	r.Notes = []string{"caf\xe9 \x1b[31m"}
	b, err := JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if want := "caf\ufffd \x1b[31m"; got.Notes[0] != want {
		t.Errorf("got %q, want %q", got.Notes[0], want)
	}
}

func TestJSONDropsOutputBeforeItIsTooLarge(t *testing.T) {
	t.Parallel()
	r := proposedReport()
	r.Failures[0].Output = strings.Repeat("x", MaxSize)
	b, err := JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if f := got.Failures[0]; f.Output != "" || f.Truncated != MaxSize {
		t.Errorf("%d bytes of output, %d truncated; want 0 and %d", len(f.Output), f.Truncated, MaxSize)
	}
	if len(r.Failures[0].Output) != MaxSize {
		t.Error("JSON changed its argument")
	}
}

// broken are changes to a report that both Read and the schema refuse.
var broken = []struct {
	name     string
	old, new string // in the JSON of proposedReport
	want     string // in the error of Read
}{
	{"verdict", `"verdict": "proposed"`, `"verdict": "great"`, "verdict"},
	{"not run without a problem", `"verdict": "proposed"`, `"verdict": "not-run"`, "problem"},
	{"other version", "report/v1", "report/v2", "v2"},
	{"wrong type", `"minimal": true`, `"minimal": "yes"`, "minimal"},
	{"mode", `"mode": "development"`, `"mode": "god"`, "environment.mode"},
	{"policy", `"policy": "auto"`, `"policy": ""`, "environment.policy"},
	{"run ID with a command", `"id": "20260302-091512-k7"`, `"id": "$(reboot)"`, "id"},
	{"patch ID like a flag", `"id": "p-77c0"`, `"id": "--force"`, "patches[1].id"},
	{"patch ID with a newline", `"id": "p-77c0"`, `"id": "p\n"`, "patches[1].id"},
	{"confidence", `"confidence": 0.54`, `"confidence": 1.5`, "patches[1].confidence"},
	{"negative", `"passed": 1199`, `"passed": -1`, "tests"},
	{"stage", `"stage": "type-check"`, `"stage": "lunch"`, "attempts[0].stage"},
	{"attempt", `"verdict": "ill_typed"`, `"verdict": "ill-typed"`, "attempts[0].verdict"},
	{"status", `"status": "known"`, `"status": "old"`, "failures[2].status"},
	{"cluster status", `"status": "repaired"`, `"status": "green"`, "clusters[0].status"},
	{"patch state", `"state": "refused"`, `"state": "correct"`, "patches[2].state"},
	{"step", `"step": "suite"`, `"step": "all"`, "patches[0].evidence"},
	{"unknown stage", `"confirm": 1.3`, `"coffee": 1.3`, "stats.seconds"},
	{"cut short", "\n}\n", "", "unexpected end"},
}

// TestReadSkipsUnknownFields checks that a reader accepts fields that are added later.
func TestReadSkipsUnknownFields(t *testing.T) {
	t.Parallel()
	good, err := JSON(proposedReport())
	if err != nil {
		t.Fatal(err)
	}
	more := strings.NewReplacer(`"command":`, `"extra": {"deep": [1]}, "command":`, `"minimal": true`, `"minimal": true, "extra": 1`).Replace(string(good))
	r, err := Read([]byte(more))
	if err != nil {
		t.Fatal(err)
	}
	again, err := JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(good) {
		t.Errorf("%s", cmp.Diff(string(good), string(again)))
	}
	if err := validate(compiled(t), []byte(more)); err != nil {
		t.Error(err)
	}
}

// TestReadEarlierNames reads a report in which fields have the names from before version 1 was
// published. Read skips these fields.
func TestReadEarlierNames(t *testing.T) {
	t.Parallel()
	want := partialReport()
	b, err := JSON(want)
	if err != nil {
		t.Fatal(err)
	}
	earlier := strings.NewReplacer(`"mode_reasons"`, `"reasons"`, `"track_record"`, `"history"`, `"applied": 14`, `"of": 14`,
		`"same_lines"`, `"agrees"`, `"subsets_tested"`, `"tests"`).Replace(string(b))
	got, err := Read([]byte(earlier))
	if err != nil {
		t.Fatal(err)
	}
	want.Environment.ModeReasons, want.Culprit.SubsetsTested = nil, 0
	for i := range want.Patches {
		want.Patches[i].TrackRecord, want.Patches[i].SameLines = nil, 0
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	onTerminal(t, got, TerminalOptions{Verbose: true})
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	good, err := JSON(proposedReport())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range broken {
		bad := strings.Replace(string(good), c.old, c.new, 1)
		if bad == string(good) {
			t.Fatalf("%s: %q is not in the report", c.name, c.old)
		}
		if _, err := Read([]byte(bad)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one about %q", c.name, err, c.want)
		}
	}
	if _, err := Read([]byte(`{"schema":"regreen.report/v9"}`)); !errors.Is(err, ErrVersion) {
		t.Errorf("got %v, want ErrVersion", err)
	}
	for name, bad := range map[string]string{
		"outside the tree": strings.Replace(string(good), `"file": "stats/mean.go"`, `"file": "../../etc/passwd"`, 1),
		"absolute":         strings.Replace(string(good), `"file": "stats/mean.go"`, `"file": "/etc/passwd"`, 1),
		"no such cluster":  strings.Replace(string(good), `"cluster": 1`, `"cluster": 2`, 1),
		"two reports":      string(good) + string(good),
		"many objects":     `{"schema":"` + Schema + `","failures":[` + strings.Repeat("{},", readable.objects+1) + `{}]}`,
		"many values":      `{"schema":"` + Schema + `","notes":[` + strings.Repeat(`"",`, readable.commas+1) + `""]}`,
		"too large":        strings.Repeat(" ", MaxSize+1),
		"deep":             strings.Repeat("[", 1_000_000),
	} {
		if _, err := Read([]byte(bad)); err == nil {
			t.Errorf("%s: read without an error", name)
		}
	}
}

// TestBoundsIgnoreStrings checks that braces inside strings do not count.
func TestBoundsIgnoreStrings(t *testing.T) {
	t.Parallel()
	r := baseReport()
	r.Notes = []string{strings.Repeat(`{"a",`, readable.objects+1)}
	b, err := JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(b); err != nil {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	for _, e := range examples {
		b, err := JSON(e.make())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Read(b)
		if err != nil {
			return
		}
		first, err := JSON(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Read(first)
		if err != nil {
			t.Fatalf("cannot read its own output: %v", err)
		}
		second, err := JSON(back)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("written twice, differs (%v)", err)
		}
		checkMarkdown(t, Markdown(r, MarkdownOptions{MaxBytes: 4096}), 4096)
		checkInert(t, onTerminal(t, r, TerminalOptions{}))
	})
}
