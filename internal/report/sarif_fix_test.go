package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/patch"
)

// replaced applies a fix to a text, like a reader of SARIF.
func replaced(t *rapid.T, text string, c sarifChange) string {
	lines := strings.SplitAfter(text, "\n")
	offset := func(line int) int { return len(strings.Join(lines[:line-1], "")) }
	for i := len(c.Replacements) - 1; i >= 0; i-- { // from the end, so that earlier line numbers stay valid
		r := c.Replacements[i]
		if r.Deleted.StartColumn != 1 || r.Deleted.EndColumn != 1 || r.Deleted.EndLine > len(lines) {
			t.Fatalf("%+v", r.Deleted)
		}
		inserted := ""
		if r.Inserted != nil {
			inserted = r.Inserted.Text
		}
		text = text[:offset(r.Deleted.StartLine)] + inserted + text[offset(r.Deleted.EndLine):]
	}
	return text
}

// TestSARIFFixIsThePatch checks that a fix changes the same as its patch.
func TestSARIFFixIsThePatch(t *testing.T) {
	t.Parallel()
	fixes := 0
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "ü\r\n", "\n", "\t日本\n"})
		old := strings.Join(rapid.SliceOfN(line, 1, 30).Draw(t, "old"), "") + rapid.SampledFrom([]string{"", "end"}).Draw(t, "end")
		at := rapid.IntRange(0, strings.Count(old, "\n")).Draw(t, "at")
		lines := strings.SplitAfter(old, "\n")
		changed := strings.Join(lines[:at], "") + strings.Join(rapid.SliceOfN(line, 0, 3).Draw(t, "new"), "") +
			strings.Join(lines[min(at+rapid.IntRange(0, 3).Draw(t, "deleted"), len(lines)):], "")
		diff := patch.Format([]patch.File{patch.Diff("a.go", "a.go", []byte(old), []byte(changed))})
		fix, ok := sarifFixOf(&Patch{ID: "p", Diff: string(diff)})
		if !ok {
			return
		}
		fixes++
		if got := replaced(t, old, fix.Changes[0]); got != changed {
			t.Fatalf("%s", cmp.Diff(changed, got))
		}
	})
	if fixes == 0 {
		t.Error("no patch became a fix")
	}
}

func TestSARIFFixIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, diff := range map[string]string{
		"nothing":            "",
		"prose":              "not a patch",
		"a new file":         "--- /dev/null\n+++ b/a.go\n@@ -0,0 +1 @@\n+package a\n",
		"a deleted file":     "--- a/a.go\n+++ /dev/null\n@@ -1 +0,0 @@\n-package a\n",
		"a rename":           "diff --git a/a.go b/b.go\nsimilarity index 90%\nrename from a.go\nrename to b.go\n--- a/a.go\n+++ b/b.go\n@@ -1,2 +1,2 @@\n-a\n+b\n c\n",
		"the end of a file":  "--- a/a.go\n+++ b/a.go\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
		"invalid UTF-8":      "--- a/a.go\n+++ b/a.go\n@@ -1,3 +1,3 @@\n a\n-b\n+\xff\n c\n",
		"an executable file": "diff --git a/a.go b/a.go\nold mode 100644\nnew mode 100755\n--- a/a.go\n+++ b/a.go\n@@ -1,3 +1,3 @@\n a\n-b\n+d\n c\n",
	} {
		if fix, ok := sarifFixOf(&Patch{ID: "p", Diff: diff}); ok {
			t.Errorf("%s: %+v", name, fix)
		}
	}
	if _, ok := sarifFixOf(&Patch{ID: "p", Diff: guardPatch().Diff}); !ok {
		t.Error("the patch of the examples does not become a fix")
	}
	if _, ok := sarifFixOf(&Patch{ID: "p", Diff: guardPatch().Diff, Redacted: true}); ok {
		t.Error("a redacted patch becomes a fix")
	}
}
