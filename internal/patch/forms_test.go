package patch_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/patch"
)

const sumFile = `package sum

// Sum adds.
func Sum(values []int) int {
	total := 0
	for _, v := range values {
		total -= v
	}
	return total
}

// Product multiplies.
func Product(values []int) int {
	total := 0
	for _, v := range values {
		total -= v
	}
	return total
}
`

// TestForms applies the same change, += instead of -= in the first function, in the forms
// that people, tools and models write.
func TestForms(t *testing.T) {
	t.Parallel()
	fixed := strings.Replace(sumFile, "-=", "+=", 1)
	for _, tt := range []struct {
		name, text string
		reader     string
		note       string
	}{
		{"numbered", "--- a/sum.go\n+++ b/sum.go\n@@ -4,6 +4,6 @@\n func Sum(values []int) int {\n \ttotal := 0\n \tfor _, v := range values {\n-\t\ttotal -= v\n+\t\ttotal += v\n \t}\n \treturn total\n", patch.UnifiedDiff, ""},
		{"no numbers", "--- a/sum.go\n+++ b/sum.go\n@@ ... @@\n func Sum(values []int) int {\n \ttotal := 0\n \tfor _, v := range values {\n-\t\ttotal -= v\n+\t\ttotal += v\n", patch.UnifiedDiff, ""},
		{"no numbers, the function", "--- a/sum.go\n+++ b/sum.go\n@@ func Sum(values []int) int { @@\n \tfor _, v := range values {\n-\t\ttotal -= v\n+\t\ttotal += v\n \t}\n", patch.UnifiedDiff, ""},
		{"no numbers, git header", "diff --git a/sum.go b/sum.go\n--- a/sum.go\n+++ b/sum.go\n@@\n func Sum(values []int) int {\n \ttotal := 0\n \tfor _, v := range values {\n-\t\ttotal -= v\n+\t\ttotal += v\n", patch.GitDiff, ""},
		{"indented fence", "1. The sign is wrong:\n\n   ```diff\n   --- a/sum.go\n   +++ b/sum.go\n   @@ -7,1 +7,1 @@\n   -\t\ttotal -= v\n   +\t\ttotal += v\n   ```\n\n2. Done.\n", patch.UnifiedDiff, ""},
		{"wrong counts in a fence", "```diff\n--- a/sum.go\n+++ b/sum.go\n@@ -6,9 +6,2 @@\n \tfor _, v := range values {\n-\t\ttotal -= v\n+\t\ttotal += v\n```\n", patch.UnifiedDiff, "hunk 1: the header says 9 and 2 lines, but there are 2 and 2"},
		{"a hunk that changes nothing", "--- a/sum.go\n+++ b/sum.go\n@@ -7 +7 @@\n-\t\ttotal -= v\n+\t\ttotal += v\n@@ -12 +12 @@\n // Product multiplies.\n", patch.UnifiedDiff, "hunk 2 changes nothing"},
		{"envelope", "*** Begin Patch\n*** Update File: sum.go\n@@ func Sum(values []int) int {\n \tfor _, v := range values {\n-\t\ttotal -= v\n+\t\ttotal += v\n \t}\n*** End Patch\n", patch.Envelope, ""},
		{"envelope, two anchors", "*** Begin Patch\n*** Update File: ./sum.go\n@@ package sum\n@@ func Sum(values []int) int {\n-\t\ttotal -= v\n+\t\ttotal += v\n*** End Patch\n", patch.Envelope, ""},
		{"envelope in a fence, CRLF", strings.ReplaceAll("```\n*** Begin Patch\n*** Update File: sum.go\n@@ func Sum\n-\t\ttotal -= v\n+\t\ttotal += v\n*** End Patch\n```\n", "\n", "\r\n"), patch.Envelope, ""},
		{"envelope without its first and last line", "*** Update File: sum.go\n@@\n func Sum(values []int) int {\n \ttotal := 0\n \tfor _, v := range values {\n-\t\ttotal -= v\n+\t\ttotal += v\n", patch.Envelope, ""},
		{"block", "sum.go\n```go\n<<<<<<< SEARCH\nfunc Sum(values []int) int {\n\ttotal := 0\n\tfor _, v := range values {\n\t\ttotal -= v\n=======\nfunc Sum(values []int) int {\n\ttotal := 0\n\tfor _, v := range values {\n\t\ttotal += v\n>>>>>>> REPLACE\n```\n", patch.SearchBlock, ""},
		{"block, decorated name", "In **`sum.go`**, fix it:\n\n### `sum.go`:\n```\n<<<<<<< SEARCH\nfunc Sum(values []int) int {\n\ttotal := 0\n\tfor _, v := range values {\n\t\ttotal -= v\n=======\nfunc Sum(values []int) int {\n\ttotal := 0\n\tfor _, v := range values {\n\t\ttotal += v\n>>>>>>> REPLACE\n```\n", patch.SearchBlock, ""},
		{"block as Cline writes it", "<replace_in_file>\n<path>sum.go</path>\n<diff>\n------- SEARCH\nfunc Sum(values []int) int {\n\ttotal := 0\n\tfor _, v := range values {\n\t\ttotal -= v\n=======\nfunc Sum(values []int) int {\n\ttotal := 0\n\tfor _, v := range values {\n\t\ttotal += v\n+++++++ REPLACE\n</diff>\n", patch.SearchBlock, ""},
		{"byte order mark", "\ufeff--- a/sum.go\n+++ b/sum.go\n@@ -7 +7 @@\n-\t\ttotal -= v\n+\t\ttotal += v\n", patch.UnifiedDiff, ""},
		{"block, name in the fence", "```go sum.go\n------- SEARCH\nfunc Sum(values []int) int {\n\ttotal := 0\n\tfor _, v := range values {\n\t\ttotal -= v\n=======\nfunc Sum(values []int) int {\n\ttotal := 0\n\tfor _, v := range values {\n\t\ttotal += v\n+++++++ REPLACE\n```\n", patch.SearchBlock, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := patch.Read([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Files) != 1 || r.Files[0].Name() != "sum.go" {
				t.Fatalf("got %+v", r.Files)
			}
			part := r.Parts[0]
			if lines := strings.Split(tt.text, "\n"); part.Reader != tt.reader || part.File != "sum.go" || part.First < 1 || part.Last > len(lines) || !strings.Contains(part.String(), tt.note) || tt.note == "" && len(part.Notes) > 0 {
				t.Errorf("got %v", part)
			}
			got, placed, err := patch.Apply([]byte(sumFile), r.Files[0], patch.Options{Fuzz: patch.DefaultFuzz})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(fixed, string(got)); d != "" {
				t.Errorf("%v: %s", placed, d)
			}
			// Format and Parse preserve the patch, and Reverse undoes it.
			again, err := patch.Parse(patch.Format(r.Files))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(r.Files, again); d != "" {
				t.Error(d)
			}
			back, _, err := patch.Apply(got, patch.Reverse(r.Files)[0], patch.Options{Fuzz: patch.DefaultFuzz})
			if err != nil || string(back) != sumFile {
				t.Errorf("%v: %s", err, cmp.Diff(sumFile, string(back)))
			}
		})
	}
}

// TestFilesOfEnvelopes checks that envelopes and blocks create, delete and move files like
// the other forms.
func TestFilesOfEnvelopes(t *testing.T) {
	t.Parallel()
	text := "*** Begin Patch\n*** Add File: new/a.go\n+package a\n+\n*** Delete File: gone.go\n*** Update File: from.go\n*** Move to: to.go\n@@\n-b\n+B\n c\n*** End of File\n*** End Patch\n\nempty.go\n<<<<<<< SEARCH\n=======\npackage empty\n>>>>>>> REPLACE\n<<<<<<< SEARCH\npackage empty\n=======\n>>>>>>> REPLACE\n"
	got, err := patch.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	insert := func(text string) patch.Line { return patch.Line{Op: patch.Insert, Text: text} }
	want := []patch.File{
		{NewName: "new/a.go", New: true, Hunks: []patch.Hunk{{NewStart: 1, NewLines: 2, Lines: []patch.Line{insert("package a\n"), insert("\n")}}}},
		{OldName: "gone.go", Delete: true, Blind: true},
		{OldName: "from.go", NewName: "to.go", Rename: true, Hunks: []patch.Hunk{{OldLines: 2, NewLines: 2, Anywhere: true, AtEnd: true, Lines: []patch.Line{{Op: patch.Delete, Text: "b\n"}, insert("B\n"), {Op: patch.Context, Text: "c\n"}}}}},
		{NewName: "empty.go", New: true, Hunks: []patch.Hunk{{NewStart: 1, NewLines: 1, Lines: []patch.Line{insert("package empty\n")}}}},
		{OldName: "empty.go", NewName: "empty.go", Hunks: []patch.Hunk{{OldLines: 1, Anywhere: true, Lines: []patch.Line{{Op: patch.Delete, Text: "package empty\n"}}}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if out, _, err := patch.Apply([]byte("whatever\n"), got[1], patch.Options{}); err != nil || len(out) > 0 {
		t.Errorf("deletion: %q, %v", out, err)
	}
	if _, _, err := patch.Apply(nil, patch.Reverse(got)[3], patch.Options{}); !errors.Is(err, patch.ErrConflict) {
		t.Errorf("reversed a deletion without the content: %v", err)
	}
	// The hunk changes the last lines of the file, not the first that match.
	if out, _, err := patch.Apply([]byte("b\nc\nb\nc\n"), got[2], patch.Options{}); err != nil || string(out) != "b\nc\nB\nc\n" {
		t.Errorf("end of file: %q, %v", out, err)
	}
}

// TestEncodedMails checks that a header of an encoding matters only if something is encoded.
func TestEncodedMails(t *testing.T) {
	t.Parallel()
	const text = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a = b\n+b\n"
	for _, mail := range []string{
		"Content-Transfer-Encoding: 8bit\n\n" + text,
		"Content-Transfer-Encoding: quoted-printable\n\n" + text,
		"--b\nContent-Transfer-Encoding: base64\n\nAAAA\n--b\n\n" + text,
	} {
		if files, err := patch.Parse([]byte(mail)); err != nil || len(files) != 1 {
			t.Errorf("%q: %d files, %v", mail, len(files), err)
		}
	}
}

// TestBlockDividers checks that the length of the divider distinguishes it from a line
// of the file that looks like one.
func TestBlockDividers(t *testing.T) {
	t.Parallel()
	files, err := patch.Parse([]byte("my `x`:\n\n`my file.rst`\n<<<<<<< SEARCH\nTitle\n=====\n=======\nHeading\n======\n>>>>>>> REPLACE\n"))
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := patch.Apply([]byte("Title\n=====\ntext\n"), files[0], patch.Options{})
	if err != nil || string(out) != "Heading\n======\ntext\n" || files[0].Name() != "my file.rst" {
		t.Errorf("%s: got %q, %v", files[0].Name(), out, err)
	}
}

// TestStripOfRenames checks that --strip removes one directory less from names that lack the
// a/ prefix.
func TestStripOfRenames(t *testing.T) {
	t.Parallel()
	const renamed = "diff --git a/sub/sp ace.txt b/sub/sp b.txt\nsimilarity index 100%\nrename from sub/sp ace.txt\nrename to sub/sp b.txt\n"
	for _, tt := range []struct {
		text     string
		strip    int
		from, to string
	}{
		{renamed, patch.StripAuto, "sub/sp ace.txt", "sub/sp b.txt"},
		{renamed, 2, "sp ace.txt", "sp b.txt"},
		{"diff --git sp ace.txt sp b.txt\nsimilarity index 50%\nrename from sp ace.txt\nrename to sp b.txt\n--- sp ace.txt\n+++ sp b.txt\n@@ -1 +1 @@\n-a\n+b\n", patch.StripAuto, "sp ace.txt", "sp b.txt"},
	} {
		files, err := patch.Parse([]byte(tt.text), patch.ParseOptions{Strip: tt.strip})
		if err != nil || len(files) != 1 || files[0].OldName != tt.from || files[0].NewName != tt.to || !files[0].Rename {
			t.Errorf("got %+v, %v", files, err)
		}
	}
}

// TestSQLComments checks that the counts distinguish two lines of a hunk from the header of
// a file.
func TestSQLComments(t *testing.T) {
	t.Parallel()
	files, err := patch.Parse([]byte("--- x.sql\n+++ x.sql\n@@ -1 +1 @@\n--- a\n+++ b\n@@ -5 +5 @@\n-c\n+d\n"))
	if err != nil || len(files) != 1 || len(files[0].Hunks) != 2 {
		t.Fatalf("got %+v, %v", files, err)
	}
}

// TestTruncated has texts that end too early. Each must be an error with a line, not a
// shorter patch.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		line int
	}{
		"in a hunk's line":                {"--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B", 6},
		"before git's hunks":              {"diff --git a/x b/x\nindex 1234567..89abcde 100644\n", 2},
		"after git's names":               {"diff --git a/x b/x\nindex 1234567..89abcde 100644\n--- a/x\n+++ b/x\n", 4},
		"in git's header":                 {"diff --git a/x b/x", 1},
		"before a hunk's lines":           {"--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n", 3},
		"in binary data":                  {"diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 100\nIcmZPo000310RR91\n", 5},
		"before binary data":              {"diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\n", 3},
		"in a line that completes a hunk": {"--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+B", 6},
		"after inserted lines":            {"--- a/x\n+++ b/x\n@@ -1,7 +1,7 @@\n a\n-b\n+B\n c\n", 7},
		"before another hunk":             {"--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n a\n-b\n+B\n@@ -9 +9 @@\n-i\n+I\n", 6},
		"before another file":             {"--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n a\n-b\n+B\n c\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-b\n+B\n", 7},
		"before another file of git":      {"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n a\n-b\n+B\n c\ndiff --git a/y b/y\nold mode 100644\nnew mode 100755\n", 8},
		"before prose":                    {"--- a/x\n+++ b/x\n@@ -1,5 +1,5 @@\n a\n-b\n+B\n c\n\nThat is\n all.\n", 8},
		"with absurd counts":              {"--- a/x\n+++ b/x\n@@ -1,100000000 +1,100000000 @@\n a\n-b\n+B\n c\n", 7},
		"with one side short":             {"--- a/x\n+++ b/x\n@@ -1,3 +1,4 @@\n a\n-b\n+B\n c\n", 7},
		"with absurd counts in a fence":   {"```\n--- a/x\n+++ b/x\n@@ -1,100000000 +1,100000000 @@\n a\n-b\n+B\n c\n```\n", 8},
		"in a fence that is not closed":   {"```diff\n--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n a\n-b\n+B\n c\n", 8},
		"before a new mode":               {"diff --git a/x b/x\nold mode 100644\n", 2},
		"before the second name":          {"diff --git a/x b/y\nsimilarity index 100%\nrename from x\n", 3},
		"in the header of another file":   {"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-b\n+B\n--- a/y\n++", 7},
		"after the name of another file":  {"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-b\n+B\ndiff -u a/y b/y\n--- a/y\n", 7},
		"in the header of another hunk":   {"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-b\n+B\n@@ -9,2 +9", 6},
		"after deleted lines":             {"--- a/x\n+++ b/x\n@@ -1,5 +1,5 @@\n a\n-b\n-c\n", 6},
		"before any hunk":                 {"--- a/x\n+++ b/x\n", 2},
		"before the next hunks":           {"--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-b\n+c\n a\n--- a/y\n+++ b/y\n", 8},
		"before git's hunks, without ids": {"diff --git a/x b/x\n--- a/x\n+++ b/x\n", 3},
		"in an envelope":                  {"*** Begin Patch\n*** Update File: x\n@@\n-a\n+b\n", 5},
		"in a block's search":             {"x.go\n<<<<<<< SEARCH\na\n", 3},
		"in a block's replace":            {"x.go\n<<<<<<< SEARCH\na\n=======\nb\n", 5},
	} {
		files, err := patch.Parse([]byte(tt.text))
		var got *patch.ParseError
		if !errors.As(err, &got) || got.Line != tt.line || len(files) > 0 {
			t.Errorf("%s: got %v, %v, want an error in line %d", name, files, err, tt.line)
		}
	}
}

// TestRefusedForms has malformed patches, mainly of the newer forms.
func TestRefusedForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n":                                                           "without a file name",
		"This is it.\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n":                                              "without a file name",
		"x.go\n<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n\n>>>>>>> REPLACE\n":                                              "needs a line =======",
		"x.go\n<<<<<<< SEARCH\na\n=======\nb\n<<<<<<< SEARCH\n=======\n>>>>>>> REPLACE\n":                            "needs a line =======",
		"x.go\n<<<<<<< SEARCH\na\n=======\na\n>>>>>>> REPLACE\n":                                                     "no changes",
		"*** Begin Patch\n*** Update File: x\n*** End Patch\n":                                                       "no changes",
		"*** Begin Patch\n*** Update File: \n-a\n*** End Patch\n":                                                    "invalid file name",
		"*** Begin Patch\n*** Update File: x\n@@ f\n*** End Patch\n":                                                 "without lines",
		"*** Begin Patch\n*** Rename File: x\n*** End Patch\n":                                                       "unexpected line",
		"Subject: x\nContent-Transfer-Encoding: quoted-printable\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a =3D b\n+b\n":   "encoded as quoted-printable",
		"Content-transfer-encoding: Quoted-Printable\r\n\r\n--- a/x\r\n+++ b/x\r\n@@ -1 +1 @@\r\n-a=\r\nb\r\n+b\r\n": "encoded as quoted-printable",
		"Content-Transfer-Encoding: base64\n\nLS0tIGEveAorKysgYi94CkBAIC0xICsxIEBACi1hCitiCg==\n":                    "encoded in base64",
		"--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n-a\n":                                                                   "combined diff",
		"--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n":                                                        "both names",
		"diff --git a/x b/x\nnew file mode 10x644\n":                                                                 "invalid file mode",
		"diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral 1\nZZZ\n\n":                                       "corrupt data",
		"x.go\n<<<<<<< SEARCH\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n=======\nab\n>>>>>>> REPLACE\n":               "ambiguous",
		"x.go\n<<<<<<< SEARCH\n\x00\n=======\nb\n>>>>>>> REPLACE\n":                                                  "binary",
		"Then:\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n":                                                    "without a file name",
		"--- a/x\n+++ b/x\n@@ ... @@\n-\tx()\n+\tX()\n}\n\nfunc b() {\n-\ty()\n+\tY()\n":                             "does not begin with",
		"--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n-a\n+A\nb\n c\n-d\n+D\n":                                                 "does not begin with",
		"*** Begin Patch\n*** Update File: x\n" + strings.Repeat("@@ a\n", 1000) + "-a\n+b\n*** End Patch\n":         "too many @@ lines",
		"diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral -1\nIcmZPo000310\n\n":                             "invalid size",
	} {
		_, err := patch.Parse([]byte(text))
		var got *patch.ParseError
		if !errors.As(err, &got) || !strings.Contains(got.Reason, want) || got.Line < 1 {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestAnywhere checks that a hunk without line numbers goes to the only place that it fits.
func TestAnywhere(t *testing.T) {
	t.Parallel()
	hunk := func(after ...string) patch.File {
		return patch.File{OldName: "x", NewName: "x", Hunks: []patch.Hunk{{Anywhere: true, After: after, OldLines: 1, NewLines: 1, Lines: []patch.Line{{Op: patch.Delete, Text: "b\n"}, {Op: patch.Insert, Text: "B\n"}}}}}
	}
	insert := hunk("f")
	insert.Hunks[0].Lines = insert.Hunks[0].Lines[1:]
	nowhere := hunk()
	nowhere.Hunks[0].Lines = nowhere.Hunks[0].Lines[1:]
	for _, tt := range []struct {
		name, src string
		f         patch.File
		want      string // or the reason
	}{
		{"once", "a\nb\nc\n", hunk(), "a\nB\nc\n"},
		{"CRLF", "a\r\nb\r\nc\r\n", hunk(), "a\r\nB\r\nc\r\n"},
		{"at the end without a newline", "a\nb", hunk(), "a\nB"},
		{"the only line, without a newline", "b", hunk(), "B"},
		{"twice", "b\nb\n", hunk(), "it fits in 2 places, first at lines 1 and 2; it needs more context"},
		{"twice, the second after the line", "b\nf\nb\nb\n", hunk("f"), "b\nf\nB\nb\n"},
		{"indented and longer line", "b\n  def f(x):\nb\n", hunk("def f"), "b\n  def f(x):\nB\n"},
		{"only before the line", "b\nf\n", hunk("f"), "its old line is not in the file"},
		{"the line is in the hunk", "a\nb\n", hunk("b"), "a\nB\n"},
		{"a line that begins with it", "# see def f\nb\ndef f(x):\nb\n", hunk("def f"), "# see def f\nb\ndef f(x):\nB\n"},
		{"part of several lines", "# f\nb\n// f\nb\n", hunk("f"), "the line \"f\", named after @@, is part of several lines, first of line 1"},
		{"no such line", "b\n", hunk("f"), "the line \"f\", named after @@, is not in the file"},
		{"missing", "a\n", hunk(), "its old line is not in the file"},
		{"insertion", "f\ng\n", insert, "f\nB\ng\n"},
		{"insertion nowhere", "f\ng\n", nowhere, "nothing says where to insert its lines"},
		{"insertion into nothing", "", nowhere, "B\n"},
	} {
		out, placed, err := patch.Apply([]byte(tt.src), tt.f, patch.Options{})
		var conflict *patch.ConflictError
		if errors.As(err, &conflict) && conflict.Reason == tt.want && conflict.Hunk == 1 && conflict.Line >= 1 {
			continue
		}
		if err != nil || string(out) != tt.want || len(placed) != 1 {
			t.Errorf("%s: got %q, %v, %v", tt.name, out, placed, err)
		}
	}
}

// TestBinary applies git's patches of binary files, forward and back.
func TestBinary(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 3))
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	noise[0] = 0
	edited := slices.Insert(slices.Clone(noise), 2500, 1, 2, 3)
	for name, tt := range map[string]struct{ old, new []byte }{
		"delta":    {noise, edited},
		"literal":  {[]byte("\x00a"), []byte("\x00bcdef")},
		"new":      {nil, noise},
		"deleted":  {noise, nil},
		"emptied":  {noise, []byte{}},
		"to text":  {noise, []byte("text\n")},
		"repeated": {bytes.Repeat([]byte{0, 1}, 100_000), bytes.Repeat([]byte{0, 1}, 100_001)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := []string{"git", "diff", "--no-index", "--binary", "--full-index", "old", "new"}
			for i, content := range [][]byte{tt.old, tt.new} {
				file := []string{"old", "new"}[i]
				if content == nil {
					args[5+i] = os.DevNull
				} else if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text := output(t, dir, args...)
			files, err := patch.Parse(text)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			roundTrip(t, files[0], tt.old, tt.new)
			again, err := patch.Parse(patch.Format(files))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(files, again); d != "" {
				t.Error(d)
			}
			// Git reads our own patch.
			oldName, newName := "x", "x"
			if tt.old == nil {
				oldName = ""
			}
			if tt.new == nil {
				newName = ""
			}
			own := patch.Diff(oldName, newName, tt.old, tt.new)
			roundTrip(t, own, tt.old, tt.new)
			if tt.old != nil {
				if err := os.WriteFile(filepath.Join(dir, "x"), tt.old, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "own.diff"), patch.Format([]patch.File{own}), 0o644); err != nil {
				t.Fatal(err)
			}
			output(t, dir, "git", "-c", "core.autocrlf=false", "apply", "own.diff")
			got, err := os.ReadFile(filepath.Join(dir, "x"))
			if errors.Is(err, fs.ErrNotExist) && tt.new == nil {
				return
			}
			if err != nil || !bytes.Equal(got, tt.new) {
				t.Errorf("git apply has another result: %v", err)
			}
			// Apply refuses other content, and damaged data.
			for _, other := range [][]byte{[]byte("\x00"), append(slices.Clone(tt.old), 0)} {
				if _, _, err := patch.Apply(other, own, patch.Options{}); !errors.Is(err, patch.ErrConflict) {
					t.Errorf("applied to other content: %v", err)
				}
			}
			damaged := own
			data := *own.Data
			data.NewID = strings.Repeat("1", len(data.NewID))
			damaged.Data = &data
			if _, _, err := patch.Apply(tt.old, damaged, patch.Options{}); !own.Delete && !errors.Is(err, patch.ErrConflict) {
				t.Errorf("accepted a result with the wrong ID: %v", err)
			}
		})
	}
}

func roundTrip(t *testing.T, f patch.File, old, new []byte) {
	t.Helper()
	out, _, err := patch.Apply(old, f, patch.Options{})
	if err != nil || !bytes.Equal(out, new) {
		t.Fatalf("got %d bytes, want %d: %v", len(out), len(new), err)
	}
	back, _, err := patch.Apply(new, patch.Reverse([]patch.File{f})[0], patch.Options{})
	if err != nil || !bytes.Equal(back, old) {
		t.Fatalf("back: got %d bytes, want %d: %v", len(back), len(old), err)
	}
}

// TestApplyOfAnyBytes checks, for any two contents, that their diff turns the old into the
// new, even after Format and Parse, and that its reverse turns the new into the old.
func TestApplyOfAnyBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 0, 200),
			rapid.SliceOfN(rapid.SampledFrom([]byte("ab\n\r \x00\xff")), 0, 60),
		)
		old, new := content.Draw(t, "old"), content.Draw(t, "new")
		f := patch.Diff("x", "x", old, new)
		if !bytes.Equal(old, new) {
			files, err := patch.Parse(patch.Format([]patch.File{f}))
			if err != nil || len(files) != 1 {
				t.Fatalf("got %d files, %v", len(files), err)
			}
			f = files[0]
		}
		out, _, err := patch.Apply(old, f, patch.Options{})
		if err != nil || !bytes.Equal(out, new) {
			t.Fatalf("got %q, %v", out, err)
		}
		back, _, err := patch.Apply(new, patch.Reverse([]patch.File{f})[0], patch.Options{})
		if err != nil || !bytes.Equal(back, old) {
			t.Fatalf("back: got %q, %v", back, err)
		}
	})
}

// TestExactMatchesPlacer checks that the shortcut for hunks that fit without fuzz has the
// same result as the placer. A last hunk without line numbers forces Apply to use the
// placer.
func TestExactMatchesPlacer(t *testing.T) {
	t.Parallel()
	short := 0
	rapid.Check(t, func(t *rapid.T) {
		old, new := texts(t)
		f := patch.DiffContext("x", "x", old, new, rapid.IntRange(0, 3).Draw(t, "context"))
		now := old
		if rapid.Bool().Draw(t, "drifted") {
			now, _ = texts(t)
		}
		const mark = "the last line\n"
		if len(now) > 0 && now[len(now)-1] != '\n' || bytes.Contains(append(now, new...), []byte("\r")) {
			return
		}
		forced := f
		forced.Hunks = append(slices.Clone(f.Hunks), patch.Hunk{Anywhere: true, AtEnd: true, NewLines: 1, Lines: []patch.Line{{Op: patch.Insert, Text: mark}}})
		out, placed, err := patch.Apply(now, f, patch.Options{})
		want, wantPlaced, wantErr := patch.Apply(now, forced, patch.Options{})
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, but the placer: %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if len(new) > 0 && new[len(new)-1] != '\n' {
			return // the mark would follow a line without a newline
		}
		if string(out)+mark != string(want) || !slices.Equal(placed, wantPlaced[:len(placed)]) {
			t.Fatalf("%q %v, but the placer: %q %v", out, placed, want, wantPlaced)
		}
		short++
	})
	if short < 3 {
		t.Errorf("only %d cases fit", short)
	}
}

func TestApproximateIsChecked(t *testing.T) {
	t.Parallel()
	files, err := patch.Parse([]byte("--- a/x.go\n+++ b/x.go\n@@ -4,4 +4,4 @@\n func Sum(vals []int) int {\n \ttotal := 0\n \tfor _, v := range vals {\n-\t\ttotal -= v\n+\t\ttotal += v\n"))
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	_, _, err = patch.Apply([]byte(sumFile), files[0], patch.Options{Approximate: func(name string, content []byte) error {
		calls++
		if name != "x.go" || !bytes.Contains(content, []byte("+=")) {
			t.Errorf("Approximate was called for %s:\n%s", name, content)
		}
		return fmt.Errorf("no")
	}})
	if !errors.Is(err, patch.ErrConflict) || !strings.Contains(err.Error(), "invalid result when placed by similarity: no") || calls != 1 {
		t.Errorf("%d calls, got %v", calls, err)
	}
	out, placed, err := patch.Apply([]byte(sumFile), files[0], patch.Options{Approximate: acceptAny})
	if err != nil || placed[0].Similarity >= 1 || placed[0].Similarity < 0.8 || string(out) != strings.Replace(sumFile, "-=", "+=", 1) {
		t.Errorf("got %v, %v\n%s", placed, err, out)
	}
}

// TestApproximateRefusesOther checks that Apply does not change the function next to the
// intended one, however similar the rest is.
func TestApproximateRefusesOther(t *testing.T) {
	t.Parallel()
	const src = "func addUser(id int) error {\n\tlog(\"user\")\n\tdb.Insert(\"user\", id)\n\treturn nil\n}\n\nfunc delUser(id int) error {\n\tlog(\"user\")\n\tdb.Delete(\"user\", id)\n\treturn nil\n}\n"
	files, err := patch.Parse([]byte("--- a/x\n+++ b/x\n@@ -7,5 +7,5 @@\n func getUser(id int) error {\n \tlog(\"user\")\n-\tdb.Select(\"user\", id)\n+\tdb.SelectOne(\"user\", id)\n \treturn nil\n }\n"))
	if err != nil {
		t.Fatal(err)
	}
	if out, placed, err := patch.Apply([]byte(src), files[0], patch.Options{Fuzz: patch.DefaultFuzz, Approximate: acceptAny}); !errors.Is(err, patch.ErrConflict) {
		t.Errorf("%v, %v:\n%s", placed, err, out)
	}
}

// TestApproximateKeepsEndings checks that all lines of a CRLF file stay CRLF, including those
// of hunks that fit.
func TestApproximateKeepsEndings(t *testing.T) {
	t.Parallel()
	const src = "one()\ntwo()\nthree()\nfour()\ndoThings(3)\nfive()\nsix()\nseven()\neight()\nnine()\nten()\neleven()"
	files, err := patch.Parse([]byte("--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n one()\n-two()\n+deux()\n three()\n four()\n@@ -4,3 +4,4 @@\n four() // and more\n-doThings(3)\n+doOther(3)\n+more(3)\n five\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(strings.Replace(src, "two()", "deux()", 1), "doThings(3)", "doOther(3)\nmore(3)", 1)
	for _, ending := range []string{"\n", "\r\n"} {
		out, placed, err := patch.Apply([]byte(strings.ReplaceAll(src, "\n", ending)), files[0], patch.Options{Approximate: acceptAny})
		if err != nil || string(out) != strings.ReplaceAll(want, "\n", ending) || len(placed) != 2 || placed[0].Similarity != 1 || placed[1].Similarity >= 1 {
			t.Errorf("%q: got %v, %v: %q", ending, placed, err, out)
		}
	}
}
