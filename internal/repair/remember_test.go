package repair

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// stored writes a report as a run of its own would have.
func stored(t *testing.T, state, id string, started time.Time) *report.Report {
	t.Helper()
	rep := &report.Report{
		Schema: report.Schema, ID: id, Started: started, Verdict: report.Green,
		Environment: report.Environment{Mode: "development", Policy: "auto"},
	}
	if err := Restore(state, rep); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(state, "runs", id+".json")
	if err := os.Chtimes(name, started, started); err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestStored(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if _, err := Stored(state, ""); !errors.Is(err, ErrNoRun) {
		t.Errorf("without any run: %v", err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	stored(t, state, "aaaaaaa", now)
	stored(t, state, "bbbbbbb", now.Add(time.Hour))
	stored(t, state, "ccccccc", now.Add(-time.Hour))
	for id, want := range map[string]string{"": "bbbbbbb", "aaaaaaa": "aaaaaaa", "ccccccc-3": "ccccccc"} {
		rep, err := Stored(state, id)
		if err != nil || rep.ID != want {
			t.Errorf("%q: %v, %v", id, rep, err)
		}
	}
	if err := os.WriteFile(filepath.Join(state, "secret.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{
		"ddddddd", "aaaaaaa-", "aaaaaaa-99999", "AAAAAAA", "aaaaaa", "aaaaaaaa", "../secret", "../../x", "a/../aaa", "aaaaaaa\x00", "aaaaaaa\n", "-aaaaaa", ".", "aaaaaa1", "äaaaaaa",
	} {
		if rep, err := Stored(state, id); !errors.Is(err, ErrNoRun) {
			t.Errorf("%q: %v, %v", id, rep, err)
		}
	}
	broken := map[string]string{"eeeeeee": "", "fffffff": "{", "ggggggg": `{"schema":"other/v1"}`, "hhhhhhh": "\x00\xff"}
	for id, text := range broken {
		if err := os.WriteFile(filepath.Join(state, "runs", id+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if rep, err := Stored(state, id); err == nil || errors.Is(err, ErrNoRun) {
			t.Errorf("%s holds %q: %v, %v", id, text, rep, err)
		}
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if runs, err := Runs(state, 5); err != nil || len(runs) != 0 {
		t.Errorf("without any run: %v, %v", runs, err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i, id := range []string{"bbbbbbb", "aaaaaaa", "ddddddd", "ccccccc"} {
		stored(t, state, id, now.Add(time.Duration(i)*time.Minute))
	}
	for name, text := range map[string]string{"eeeeeee.json": "{", ".new-123": "{}", "notes.txt": "x"} {
		if err := os.WriteFile(filepath.Join(state, "runs", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(state, "runs", "folder.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	runs, err := Runs(state, 3)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range runs {
		got += r.ID[:1]
	}
	if got != "cda" {
		t.Errorf("runs %s, want the 3 newest: c, d, a", got)
	}
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "a", "b")
	for _, text := range []string{"one", "two"} {
		if err := writeFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	// A write that fails leaves no half file.
	if err := writeFile(filepath.Join(dir, "a"), []byte("x")); err == nil {
		t.Error("a folder was overwritten")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestPatchFingerprint(t *testing.T) {
	t.Parallel()
	edits := [][]propose.Edit{
		{{File: "a.go", Start: 1, End: 2, New: "x"}},
		{{File: "b.go", Start: 1, End: 2, New: "x"}},
		{{File: "a.go", Start: 1, End: 3, New: "x"}},
		{{File: "a.go", Start: 0, End: 2, New: "x"}},
		{{File: "a.go", Start: 1, End: 2, New: "y"}},
		{{File: "a.go", Start: 1, End: 2, New: "x"}, {File: "a.go", Start: 5, End: 5, New: "z"}},
	}
	seen := make(map[string]int)
	for i, e := range edits {
		a, b := patchFingerprint(&propose.Candidate{Edits: e}), patchFingerprint(&propose.Candidate{Edits: e, Strategy: "x", Title: "y"})
		if a != b {
			t.Errorf("%d: the same patch has two names", i)
		}
		if j, ok := seen[a]; ok {
			t.Errorf("%d and %d have one name", i, j)
		}
		seen[a] = i
	}
}

// A failure has the same name on the same tree, and another on any other.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	failure := func(test string, kind testrun.Kind) []testrun.Failure {
		return []testrun.Failure{{TestID: testrun.TestID{Package: "m", Test: test}, Kind: kind}}
	}
	name := func(files map[string]string, command string, failures []testrun.Failure) string {
		p := newProject(t, files)
		r := newRun(p.options())
		r.report.Command = command
		return r.fingerprint(t.Context(), failures)
	}
	first := name(map[string]string{"a.go": "package a\n"}, "go test", failure("TestA", testrun.Assertion))
	if first == "" || first != name(map[string]string{"a.go": "package a\n"}, "go test", failure("TestA", testrun.Assertion)) {
		t.Errorf("%q is not what the same tree gives again", first)
	}
	for what, other := range map[string]string{
		"tree":    name(map[string]string{"a.go": "package a \n"}, "go test", failure("TestA", testrun.Assertion)),
		"command": name(map[string]string{"a.go": "package a\n"}, "go test -race", failure("TestA", testrun.Assertion)),
		"test":    name(map[string]string{"a.go": "package a\n"}, "go test", failure("TestB", testrun.Assertion)),
		"kind":    name(map[string]string{"a.go": "package a\n"}, "go test", failure("TestA", testrun.Panic)),
	} {
		if other == first {
			t.Errorf("another %s has the same fingerprint", what)
		}
	}
}

func TestAftermath(t *testing.T) {
	t.Parallel()
	rep := &report.Report{ID: "aaaaaaa", Failures: []report.Failure{{Kind: "panic", Cluster: 2}, {Kind: "assertion", Cluster: 1}}}
	patch := &report.Patch{ID: "aaaaaaa-1", Attempt: "a7", Strategy: "s", Cluster: 2}
	now := time.Unix(1, 0)
	for event, reward := range map[learn.Event]float64{learn.Kept: 1, learn.RolledBack: 0} {
		b := Aftermath(rep, []*report.Patch{patch}, event, now)
		if len(b.Outcomes) != 1 {
			t.Fatalf("%d outcomes", len(b.Outcomes))
		}
		o := b.Outcomes[0]
		if o.Reward != reward || o.Context.Kind != "panic" || o.Strategy != "s" || o.Run != rep.ID || o.Weight <= 1 || o.ID == "" {
			t.Errorf("%s: %+v", event, o)
		}
	}
}
