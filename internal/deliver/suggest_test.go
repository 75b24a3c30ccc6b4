package deliver

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/report"
)

// Committing all suggestions of a patch has the effect of the patch, wherever its lines are now.
// Suggestions do not overlap.
func TestSuggestionsMakeThePatch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.StringMatching(`[a-z{}]{0,3}`), 1, 30)
		old := lines.Draw(t, "old")
		changed := lines.Draw(t, "new")
		if rapid.Bool().Draw(t, "similar") {
			changed = append([]string{}, old...)
			for range rapid.IntRange(1, 4).Draw(t, "edits") {
				i := rapid.IntRange(0, len(changed)-1).Draw(t, "at")
				some := rapid.SliceOfN(rapid.StringMatching(`[A-Z]{1,2}`), 0, 2).Draw(t, "instead")
				changed = append(changed[:i:i], append(some, changed[min(i+rapid.IntRange(0, 2).Draw(t, "of"), len(changed)):]...)...)
				if len(changed) == 0 {
					changed = []string{"x"}
				}
			}
		}
		before, after := strings.Join(old, "\n")+"\n", strings.Join(changed, "\n")+"\n"
		if before == after {
			return
		}
		diff := string(patch.Format([]patch.File{patch.Diff("a.go", "a.go", []byte(before), []byte(after))}))
		moved := rapid.IntRange(0, 5).Draw(t, "moved")
		shows := []shown{{start: 1 + moved, lines: old}}
		all, err := suggest(&report.Patch{ID: "p", Diff: diff, State: report.PatchVerified}, func(string) []shown { return shows }, Landing{}, "")
		if err == errElsewhere && moved > 0 {
			return // the lines are in several places
		}
		if err != nil {
			t.Fatalf("%v for\n%s", err, diff)
		}
		got := append([]string{}, old...)
		for i := len(all) - 1; i >= 0; i-- {
			s := all[i]
			if i > 0 && all[i-1].line+all[i-1].lines > s.line {
				t.Fatalf("%d overlaps the previous one for\n%s", s.line, diff)
			}
			_, block, _ := strings.Cut(s.body, "```suggestion\n")
			block = strings.TrimSuffix(block, "```\n")
			var instead []string
			if block != "" {
				instead = strings.Split(strings.TrimSuffix(block, "\n"), "\n")
			}
			at := s.line - 1 - moved
			got = append(got[:at:at], append(instead, got[at+s.lines:]...)...)
		}
		if moved == 0 && strings.Join(got, "\n")+"\n" != after {
			t.Fatalf("got\n%s\nfrom\n%s\nwith\n%s", strings.Join(got, "\n"), before, diff)
		}
	})
}

// Anything that GitHub may show of a file can be read.
func FuzzShowing(f *testing.F) {
	f.Add("@@ -1,2 +1,2 @@\n one\n-two\n+2")
	f.Add("@@ -1 +1 @@ x\n-a\n+b\n\\ No newline at end of file")
	f.Add("")
	f.Fuzz(func(t *testing.T, hunks string) {
		for _, s := range showing("a.go", hunks) {
			if _, ok := locate([]shown{s}, edit{line: s.start, old: s.lines}); !ok {
				t.Errorf("%v is not found at its own place", s)
			}
		}
	})
}
