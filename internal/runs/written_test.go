package runs

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
)

// Patches that were applied one after the other make one change per file: from its content
// before the first patch to its content after the last.
func TestWritten(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	patches := []*report.Patch{
		{ID: "aaaaaaa-1", Diff: "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n+two\n--- /dev/null\n+++ b/g\n@@ -0,0 +1 @@\n+new\n"},
		{ID: "aaaaaaa-2", Diff: "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-two\n+three\n"},
	}
	before := []repo.Change{{Path: "f", Old: []byte("one\n"), OldExists: true}, {Path: "g"}}
	if _, ok, err := Written(state, patches); ok || err != nil {
		t.Errorf("before anything was written: %t, %v", ok, err)
	}
	if err := RecordWritten(state, before, patches, patch.Options{}); err != nil {
		t.Fatal(err)
	}
	got, ok, err := Written(state, patches)
	want := []repo.Change{
		{Path: "f", Old: []byte("one\n"), OldExists: true, New: []byte("three\n"), NewExists: true},
		{Path: "g", New: []byte("new\n"), NewExists: true},
	}
	if diff := cmp.Diff(want, got); diff != "" || !ok || err != nil {
		t.Errorf("%t, %v (-want +got):\n%s", ok, err, diff)
	}
	if err := ForgetWritten(state, "aaaaaaa-1"); err != nil {
		t.Error(err)
	}
	if err := ForgetWritten(state, "aaaaaaa-1"); err != nil {
		t.Errorf("ForgetWritten a second time: %v", err)
	}
	if _, ok, err := Written(state, patches); ok || err != nil {
		t.Errorf("after one was forgotten: %t, %v", ok, err)
	}
	if err := os.WriteFile(writtenFile(state, "aaaaaaa-2"), []byte("["), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Written(state, patches[1:]); err == nil {
		t.Error("Written returned no error for a broken file")
	}
}

// A patch that cannot be undone file by file is not recorded.
func TestWrittenRefuses(t *testing.T) {
	t.Parallel()
	for name, diff := range map[string]string{
		"a move":        "diff --git a/f b/g\nsimilarity index 100%\nrename from f\nrename to g\n",
		"missing lines": "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-other\n+two\n",
		"half a patch":  "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-one\n",
	} {
		state := t.TempDir()
		patches := []*report.Patch{{ID: "aaaaaaa-1", Diff: diff}}
		before := []repo.Change{{Path: "f", Old: []byte("one\n"), OldExists: true}}
		if err := RecordWritten(state, before, patches, patch.Options{}); err == nil {
			t.Errorf("%s was recorded", name)
		}
		if _, err := os.Stat(writtenFile(state, "aaaaaaa-1")); err == nil {
			t.Errorf("%s left a file behind", name)
		}
	}
}
