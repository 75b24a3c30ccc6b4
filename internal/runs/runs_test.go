package runs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/report"
)

// saveStarted stores the report of a run that started at a given time.
func saveStarted(t *testing.T, state, id string, started time.Time) {
	t.Helper()
	rep := &report.Report{
		Schema: report.Schema, ID: id, Started: started, Verdict: report.Green,
		Environment: report.Environment{Mode: "development", Policy: "auto"},
	}
	if err := Save(state, rep); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(state, "runs", id+".json")
	if err := os.Chtimes(name, started, started); err != nil {
		t.Fatal(err)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if _, err := Load(state, ""); !errors.Is(err, ErrNoRun) {
		t.Errorf("without any run: %v", err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	saveStarted(t, state, "aaaaaaa", now)
	saveStarted(t, state, "bbbbbbb", now.Add(time.Hour))
	saveStarted(t, state, "ccccccc", now.Add(-time.Hour))
	for id, want := range map[string]string{"": "bbbbbbb", "aaaaaaa": "aaaaaaa", "ccccccc-3": "ccccccc"} {
		rep, err := Load(state, id)
		if err != nil || rep.ID != want {
			t.Errorf("%q: got %v, %v", id, rep, err)
		}
	}
	if err := os.WriteFile(filepath.Join(state, "secret.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{
		"ddddddd", "aaaaaaa-", "aaaaaaa-99999", "AAAAAAA", "aaaaaa", "aaaaaaaa", "../secret", "../../x", "a/../aaa", "aaaaaaa\x00", "aaaaaaa\n", "-aaaaaa", ".", "aaaaaa1", "äaaaaaa",
	} {
		if rep, err := Load(state, id); !errors.Is(err, ErrNoRun) {
			t.Errorf("%q: got %v, %v", id, rep, err)
		}
	}
	broken := map[string]string{"eeeeeee": "", "fffffff": "{", "ggggggg": `{"schema":"other/v1"}`, "hhhhhhh": "\x00\xff"}
	for id, text := range broken {
		if err := os.WriteFile(filepath.Join(state, "runs", id+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if rep, err := Load(state, id); err == nil || errors.Is(err, ErrNoRun) {
			t.Errorf("%s with content %q: %v, %v", id, text, rep, err)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if runs, err := List(state, 5); err != nil || len(runs) != 0 {
		t.Errorf("without any run: %v, %v", runs, err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i, id := range []string{"bbbbbbb", "aaaaaaa", "ddddddd", "ccccccc"} {
		saveStarted(t, state, id, now.Add(time.Duration(i)*time.Minute))
	}
	for name, text := range map[string]string{"eeeeeee.json": "{", ".new-123": "{}", "notes.txt": "x"} {
		if err := os.WriteFile(filepath.Join(state, "runs", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(state, "runs", "directory.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	runs, err := List(state, 3)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range runs {
		got += r.ID[:1]
	}
	if got != "cda" {
		t.Errorf("got runs %s, want the 3 newest: c, d, a", got)
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
			t.Errorf("got %q, %v", got, err)
		}
	}
	// A failed write leaves no partial file.
	if err := writeFile(filepath.Join(dir, "a"), []byte("x")); err == nil {
		t.Error("writeFile overwrote a directory")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 100 {
		id := NewID()
		if !idText.MatchString(id) || !idText.MatchString(id+"-12") || seen[id] {
			t.Errorf("ID %q", id)
		}
		seen[id] = true
	}
}

// Patches that a user may want to apply are stored byte for byte. For the others, LoadPatch
// uses the text in the report.
func TestPatches(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	diff := func(text string) string { return "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+" + text + "\n" }
	rep := &report.Report{Patches: []report.Patch{
		{ID: "aaaaaaa-1", State: report.PatchVerified, Rank: 1, Diff: diff("\xff")},
		{ID: "aaaaaaa-2", State: report.PatchPlausible, Rank: 10, Diff: diff("b")},
		{ID: "aaaaaaa-3", State: report.PatchVerified, Rank: 11, Diff: diff("c")},
		{ID: "aaaaaaa-4", State: report.PatchPlausible, Rank: 11, Diff: diff("d")},
	}}
	if err := SavePatches(state, rep); err != nil {
		t.Fatal(err)
	}
	for i := range rep.Patches {
		p := &rep.Patches[i]
		_, err := os.Stat(patchFile(state, p.ID))
		if stored := err == nil; stored != (i < 3) {
			t.Errorf("%s stored: %t", p.ID, stored)
		}
		want := p.Diff
		if i < 3 {
			p.Diff, p.Redacted = "***", true
		}
		files, err := LoadPatch(state, p)
		if got := string(patch.Format(files)); err != nil || !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %q, %v", p.ID, got, err)
		}
	}
	lost := map[string]*report.Patch{
		"redacted":  {ID: "bbbbbbb-1", Diff: diff("b"), Redacted: true},
		"not UTF-8": {ID: "bbbbbbb-1", Diff: diff("\uFFFD")},
	}
	for name, p := range lost {
		if files, err := LoadPatch(state, p); err == nil {
			t.Errorf("%s: %v", name, files)
		}
	}
}
