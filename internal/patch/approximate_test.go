package patch_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/patch"
)

// TestLookAlikes checks that a hunk goes to lines that only look like its own, and that the file
// keeps its characters except where the hunk changes them.
func TestLookAlikes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file, hunk string
		want             string // "" if it is refused
	}{
		{"dash in a removed line", "a\nx – y\nc\n", "@@ -1,3 +1,3 @@\n a\n-x - y\n+z\n c\n", "a\nz\nc\n"},
		{"dash in the patch", "a\nx - y\nc\n", "@@ -1,3 +1,3 @@\n a\n-x — y\n+z\n c\n", "a\nz\nc\n"},
		{"quotes in context", "say “a”\nb\nit’s c\n", "@@ -1,3 +1,3 @@\n say \"a\"\n-b\n+B\n it's c\n", "say “a”\nB\nit’s c\n"},
		{"quotes in a line that changes", "a\nsay “so”, it’s me\nc\n", "@@ -1,3 +1,3 @@\n a\n-say \"so\", it's me\n+say \"so\", it's you\n c\n", "a\nsay “so”, it’s you\nc\n"},
		{"quotes that the patch changes", "a\n\u00a0say “so”\nc\n", "@@ -1,3 +1,3 @@\n a\n- say “so”\n+ say \"so\"\n c\n", "a\n\u00a0say \"so\"\nc\n"},
		{"blanks that do not break", "a\u00a0b\nx\u2009y\n", "@@ -1,2 +1,2 @@\n a b\n-x y\n+z\n", "a\u00a0b\nz\n"},
		{"several blanks", "a   b\nx\n", "@@ -1,2 +1,2 @@\n a b\n-x\n+z\n", "a   b\nz\n"},
		{"blanks at the end", "a \t\nx  \n", "@@ -1,2 +1,2 @@\n a\n-x\n+z\n", "a \t\nz  \n"},
		{"nothing to see", "\ufeffa\nx\u200by\u00ad\n", "@@ -1,2 +1,2 @@\n a\n-xy\n+z\n", "\ufeffa\nz\n"},
		{"tabs in the file", "\tif a {\n\t\tb()\n\t}\n", "@@ -1,3 +1,4 @@\n     if a {\n-        b()\n+        c()\n+            d()\n     }\n", "\tif a {\n\t\tc()\n\t\t\td()\n\t}\n"},
		{"tabs in the patch", "  if a {\n    b()\n  }\n", "@@ -1,3 +1,4 @@\n \tif a {\n-\t\tb()\n+\t\tc()\n+\t\t\td()\n \t}\n", "  if a {\n    c()\n      d()\n  }\n"},
		{"CRLF", "a\r\nx – y\r\nc\r\n", "@@ -1,3 +1,3 @@\n a\n-x - y\n+z\n c\n", "a\r\nz\r\nc\r\n"},
		{"mixed endings", "a\r\nx – y\nc\r\n", "@@ -1,3 +1,3 @@\n a\n-x - y\n+z\n c\n", "a\r\nz\nc\r\n"},
		{"no newline at the end", "a\nx – y", "@@ -1,2 +1,2 @@\n a\n-x - y\n+z - y\n", "a\nz – y"},
		{"the nearest of two", "x – y\nx – y\n0\n0\n0\nx – y\n", "@@ -5 +5 @@\n-x - y\n+z\n", "x – y\nx – y\n0\n0\n0\nz\n"},
		{"a hunk that fits, and one that looks the same", "x - y\n0\n0\n0\n0\n0\n0\n0\nx – y\n", "@@ -1 +1 @@\n-x - y\n+z\n@@ -9 +9 @@\n-x - y\n+z\n", "z\n0\n0\n0\n0\n0\n0\n0\nz\n"},
		{"other indentation", "a\nif x:\n    b – c\n", "@@ -1,3 +1,3 @@\n a\n if x:\n-b - c\n+b + c\n", ""},
		{"other words", "a\nx – z\nc\n", "@@ -1,3 +1,3 @@\n a\n-x - y\n+z\n c\n", ""},
	} {
		files, err := patch.Parse([]byte("--- a/x\n+++ b/x\n" + tt.hunk))
		if err != nil {
			t.Fatal(err)
		}
		if out, _, err := patch.Apply([]byte(tt.file), files[0], patch.Options{}); err == nil {
			t.Errorf("%s: fits without Approximate: %q", tt.name, out)
		}
		out, placed, err := patch.Apply([]byte(tt.file), files[0], patch.Options{Approximate: acceptAny})
		if tt.want == "" && !errors.Is(err, patch.ErrConflict) || tt.want != "" && (err != nil || string(out) != tt.want || placed[len(placed)-1].Similarity >= 1) {
			t.Errorf("%s: got %q, %+v, %v, want %q", tt.name, out, placed, err, tt.want)
		}
	}
}

// TestApproximateIsNoGuess checks that Approximate is for hunks that fit nowhere: one that fits in
// several places, or nearly does, stays a conflict.
func TestApproximateIsNoGuess(t *testing.T) {
	t.Parallel()
	const first = "func a() {\n\tlog(\"start of the work\")\n\tcount(1)\n\treturn\n}\n"
	const both = first + "\nfunc b() {\n\tlog(\"start of the work\")\n\tcount(1)\n\treturn\n}\n"
	block := func(search, replace string) string {
		return "x.go\n<<<<<<< SEARCH\n" + search + "=======\n" + replace + ">>>>>>> REPLACE\n"
	}
	for _, tt := range []struct {
		name, file, text string
		want             string // the reason, or the result
	}{
		{"two places", both, block("\tcount(1)\n", "\tcount(2)\n"), "x.go:3: hunk 1: it fits in 2 places, first at lines 3 and 9; it needs more context"},
		{"two places that look the same", strings.ReplaceAll(both, `"`, "”"), block("\tlog(\"start of the work\")\n\tcount(1)\n", "\tcount(2)\n"), "it fits in 2 places, first at lines 2 and 8; it needs more context"},
		{"two places that are similar", both, block("\tlog(\"start of work\")\n\tcount(1)\n\treturn\n", "\tlog(\"start of work\")\n\tcount(2)\n\treturn\n"), "it almost fits in 2 places, first at lines 2 and 8; it needs more context"},
		{"one that is more similar", both, block("func b(){\n\tlog(\"start of work\")\n\tcount(1)\n\treturn\n", "func b(){\n\tlog(\"start of work\")\n\tcount(2)\n\treturn\n"), strings.Replace(both, "func b() {\n\tlog(\"start of the work\")\n\tcount(1)", "func b() {\n\tlog(\"start of the work\")\n\tcount(2)", 1)},
		{"after a line that it names", both, "--- a/x.go\n+++ b/x.go\n@@ func b() { @@\n \tlog(\"start of work\")\n-\tcount(1)\n+\tcount(2)\n \treturn\n", strings.Replace(both, "func b() {\n\tlog(\"start of the work\")\n\tcount(1)", "func b() {\n\tlog(\"start of the work\")\n\tcount(2)", 1)},
		{"after a line that is in several", both, "--- a/x.go\n+++ b/x.go\n@@ start @@\n-\tcount(1)\n+\tcount(2)\n", "part of several lines, first of line 2"},
		{"only one", first, block("\tlog(\"start of work\")\n\tcount(1)\n\treturn\n", "\tlog(\"start of work\")\n\tcount(2)\n\treturn\n"), strings.Replace(first, "count(1)", "count(2)", 1)},
	} {
		files, err := patch.Parse([]byte(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		out, placed, err := patch.Apply([]byte(tt.file), files[0], patch.Options{Approximate: acceptAny})
		var conflict *patch.ConflictError
		if errors.As(err, &conflict) && conflict.Ambiguous && strings.Contains(err.Error(), tt.want) {
			continue
		}
		if err != nil || string(out) != tt.want {
			t.Errorf("%s: got %+v, %v\n%s", tt.name, placed, err, out)
		}
	}
}
