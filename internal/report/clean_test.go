package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPlainAndVisible(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, plain, visible string }{
		{"a\tb\nc", "a\tb\nc", "a\tb\nc"},
		{"\x1b[1;31mFAIL\x1b[0m", "FAIL", "␛[1;31mFAIL␛[0m"},
		{"\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link", "␛]8;;http://x␛\\link␛]8;;␇"},
		{"\x1b\x1b[31m[31m", "␛[31m", "␛␛[31m[31m"},
		{"\x1bP1;2q\x1b\\x", "x", "␛P1;2q␛\\x"},
		{"\u009b31m", "<U+009B>31m", "<U+009B>31m"},
		{"a\xffb", "a\ufffdb", "a\ufffdb"},
		{"if admin\u202e // ok", "if admin<U+202E> // ok", "if admin<U+202E> // ok"},
		{"a\r\nb\rc", "a\nb␍c", "a␍\nb␍c"},
		{"\x7f\x00", "␡␀", "␡␀"},
		{"👩‍💻 ü 日本", "👩‍💻 ü 日本", "👩‍💻 ü 日本"},
	} {
		if got := plain(c.in); got != c.plain {
			t.Errorf("plain(%q) = %q, want %q", c.in, got, c.plain)
		}
		if got := Visible(c.in); got != c.visible {
			t.Errorf("Visible(%q) = %q, want %q", c.in, got, c.visible)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in        string
		n         int
		cut, path string
	}{
		{"a/b/c", 5, "a/b/c", "a/b/c"},
		{"alpha/beta/gamma", 9, "alpha/be…", "…/gamma"},
		{"abcdefgh", 4, "abc…", "…fgh"},
		{"日本語", 5, "日本…", "…本語"},
		{strings.Repeat("\u0301", 40), 4, strings.Repeat("\u0301", 6) + "…", "…" + strings.Repeat("\u0301", 8)},
	} {
		if got := cut(c.in, c.n); got != c.cut {
			t.Errorf("cut(%q, %d) = %q, want %q", c.in, c.n, got, c.cut)
		}
		if got := cutPath(c.in, c.n); got != c.path {
			t.Errorf("cutPath(%q, %d) = %q, want %q", c.in, c.n, got, c.path)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := oneLine(texts().Draw(t, "text"))
		n := rapid.IntRange(8, 60).Draw(t, "width")
		lines := wrap(text, n)
		for _, l := range lines {
			if cells(l) > n {
				t.Fatalf("%q is wider than %d", l, n)
			}
		}
		if got, want := solidText(strings.Join(lines, "")), solidText(text); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
	if got, want := wrap("one two three", 8), []string{"one two", "three"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func solidText(s string) string { return strings.Join(strings.Fields(s), "") }

func TestFormatting(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		seconds(0):                            "0.0 s",
		seconds(9.94):                         "9.9 s",
		seconds(59.4):                         "59 s",
		seconds(59.6):                         "1 min 0 s",
		seconds(3725):                         "62 min 5 s",
		commit(baseReport().Environment.Head): "9b1f0c2d7a",
		commit("HEAD~1"):                      "HEAD~1",
		expand("a\tb\t"):                      "a   b   ",
		expand("日\tb"):                        "日  b",
		Span{"a", 3, 5}.String():              "a:3-5",
		Span{"a", 3, 3}.String():              "a:3",
		Span{"a", 0, 0}.String():              "a",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestReadDiff(t *testing.T) {
	t.Parallel()
	got := readDiff("diff --git a/x b/x\nindex 1..2\n--- a/x\n+++ b/x\n@@ -1,3 +1,2 @@ f\n a\n--- comment\n-b\n+++ c\n" +
		"\\ No newline at end of file\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-z\n")
	want := []diffLine{
		{diffFile, "x"},
		{diffHunk, "@@ -1,3 +1,2 @@ f"},
		{diffContext, "a"},
		{diffDelete, "-- comment"},
		{diffDelete, "b"},
		{diffInsert, "++ c"},
		{diffMeta, `\ No newline at end of file`},
		{diffFile, "gone (deleted)"},
		{diffHunk, "@@ -1 +0,0 @@"},
		{diffDelete, "z"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(diffLine{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := readDiff("@@ -1 +1 @@\r\n-a\r\n+b\r\n"); len(got) != 3 || got[1].text != "a" {
		t.Errorf("carriage returns on every line stay: %v", got)
	}
	if got := readDiff("@@ -1 +1 @@\n-a\r\n+a\n"); len(got) != 3 || got[1].text != "a␍" {
		t.Errorf("a change of line endings is hidden: %v", got)
	}
}

// TestChangesAreHighlighted has more inserted than deleted lines. Only the changed part of
// the line that stayed is highlighted.
func TestChangesAreHighlighted(t *testing.T) {
	t.Parallel()
	r := proposedReport()
	r.Patches[0].Diff = "--- a/x.go\n+++ b/x.go\n@@ -1 +1,4 @@ func mean() int {\n-\treturn sum / n\n+\tif n == 0 {\n+\t\treturn 0\n+\t}\n+\treturn sum / count\n"
	got := string(onTerminal(t, r, TerminalOptions{Color: true}))
	for _, want := range []string{
		"\x1b[31m    return sum / \x1b[0m\x1b[31;7mn\x1b[0m\n",
		"\x1b[32m    if n == 0 {\x1b[0m\n",
		"\x1b[32m    return sum / \x1b[0m\x1b[32;7mcount\x1b[0m\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}
