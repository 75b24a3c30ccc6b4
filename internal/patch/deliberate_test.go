package patch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const abc = " a\n-b\n+B\n c\n"

// deliberate are the cases in which Apply differs from GNU patch or git apply on purpose,
// or in which those two disagree.
var deliberate = []struct {
	name           string // the first cell of the row in docs/patch.md
	file           string
	hunks          string // after "create " or "delete " if a side is /dev/null
	zero           bool   // no hunk has context, for which git apply needs an option
	fuzz           int
	gnu, git, ours string // the file after the patch, or whether the patch was refused
}{
	{
		name: "LF patch, CRLF file", file: "a\r\nb\r\nc\r\n", hunks: "@@ -1,3 +1,3 @@\n" + abc,
		gnu: "refused", git: "refused", ours: "a\r\nB\r\nc\r\n",
	},
	{
		name: "CRLF lines, LF file", file: "a\nb\nc\n", hunks: "@@ -1,3 +1,3 @@\n" + crlf(abc),
		gnu: "refused", git: "refused", ours: "a\nB\nc\n",
	},
	{
		name: "CRLF patch, LF file", file: "a\nb\nc\n", hunks: "@@ -1,3 +1,3 @@\r\n" + crlf(abc),
		gnu: "a\nB\nc\n", git: "refused", ours: "a\nB\nc\n",
	},
	{
		name: "CRLF patch, CRLF file", file: "a\r\nb\r\nc\r\n", hunks: "@@ -1,3 +1,3 @@\r\n" + crlf(abc),
		gnu: "refused", git: "a\r\nB\r\nc\r\n", ours: "a\r\nB\r\nc\r\n",
	},
	{
		name: "mixed endings", file: "a\r\nb\nc\r\nd\n", hunks: "@@ -1,4 +1,6 @@\n+z\n a\n+A\n b\n-c\n+C\n d\n",
		gnu: "refused", git: "refused", ours: "z\r\na\r\nA\r\nb\nC\r\nd\n",
	},
	{
		name: "newline missing in the file", file: "a\nb", hunks: "@@ -1,2 +1,2 @@\n a\n-b\n+B\n",
		gnu: "refused", git: "refused", ours: "a\nB",
	},
	{
		name: "newline missing in the patch", file: "a\nb\n", hunks: "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+B\n\\ No newline at end of file\n",
		gnu: "refused", git: "refused", ours: "a\nB\n",
	},
	{
		name: "lines after one without a newline", file: "a\nb", fuzz: 1, hunks: "@@ -2,2 +2,3 @@\n b\n+n\n c\n",
		gnu: "a\nbn\n", git: "refused", ours: "a\nb\nn\n",
	},
	{
		name: "a line without a newline put elsewhere", file: "a\nb\nc\n", zero: true, hunks: "@@ -2 +2 @@\n-a\n+A\n\\ No newline at end of file\n",
		gnu: "A\nb\nc\n", git: "Ab\nc\n", ours: "A\nb\nc\n",
	},
	{
		name: "back to lines already passed", file: "e\na\nf\nc\nd\nh\nb\nf\nh\n", fuzz: 1, hunks: "@@ -4,2 +4,3 @@\n f\n+f\n h\n@@ -4,2 +5,2 @@\n f\n-h\n+d\n",
		gnu: "e\na\nf\nc\nd\nh\nb\nf\nf\nd\n", git: "refused: e\na\nf\nc\nd\nh\nb\nf\nf\nh\n", ours: "refused",
	},
	{
		name: "a place before lines already passed", file: "b\na\nx\nb\n", hunks: "@@ -2 +2 @@\n-a\n+A\n@@ -2 +2 @@\n-b\n+B\n", zero: true,
		gnu: "refused: b\nA\nx\nb\n", git: "B\nA\nx\nb\n", ours: "b\nA\nx\nB\n",
	},
	{
		name: "some hunks fit", file: "a\nb\nc\nd\ne\nf\n", hunks: "@@ -1,3 +1,3 @@\n" + abc + "@@ -4,3 +4,3 @@\n d\n-x\n+X\n f\n",
		gnu: "refused: a\nB\nc\nd\ne\nf\n", git: "refused: a\nB\nc\nd\ne\nf\n", ours: "refused",
	},
	{
		name: "deletion that leaves lines", file: "a\nb\n", hunks: "delete @@ -1 +0,0 @@\n-a\n",
		gnu: "refused: b\n", git: "refused", ours: "refused",
	},
	{
		name: "creation of an empty file that exists", file: "", hunks: "create @@ -0,0 +1 @@\n+a\n",
		gnu: "a\n", git: "refused", ours: "a\n",
	},
	{
		name: "hunk without trailing context", file: "a\nb\nc\n", hunks: "@@ -1 +1 @@\n-a\n+A\n",
		gnu: "A\nb\nc\n", git: "refused", ours: "A\nb\nc\n",
	},
	{
		name: "several places after an offset", file: "s\ns\nq\nx\nq\nn\np\na\np\nq\nx\nq\n", hunks: "@@ -3,3 +3,3 @@\n p\n-a\n+A\n p\n@@ -6,3 +6,3 @@\n q\n-x\n+X\n q\n",
		gnu: "s\ns\nq\nx\nq\nn\np\nA\np\nq\nX\nq\n", git: "s\ns\nq\nX\nq\nn\np\nA\np\nq\nx\nq\n", ours: "s\ns\nq\nx\nq\nn\np\nA\np\nq\nX\nq\n",
	},
}

// withHeader returns an instance whose patch has a header with the same line endings as
// its hunks.
func withHeader(name, file, hunks string) instance {
	name = strings.ReplaceAll(name, " ", "-")
	old, new := "a/"+name, "b/"+name
	if rest, ok := strings.CutPrefix(hunks, "delete "); ok {
		hunks, new = rest, "/dev/null"
	}
	if rest, ok := strings.CutPrefix(hunks, "create "); ok {
		hunks, old = rest, "/dev/null"
	}
	header := "--- " + old + "\n+++ " + new + "\n"
	if strings.HasSuffix(before(hunks, "\n"), "\r") {
		header = crlf(header)
	}
	return instance{name: name, now: file, text: header + hunks}
}

// documented returns the first cells of the rows of the table in docs/patch.md.
func documented(t *testing.T) map[string]bool {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "patch.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]*?) +\|`).FindAllStringSubmatch(string(doc), -1) {
		rows[row[1]] = true
	}
	return rows
}

func TestDeliberateDifferences(t *testing.T) {
	t.Parallel()
	describe := func(c instance, o outcome) string {
		switch {
		case o.refused && o.now != c.now && o.now != "":
			return "refused: " + o.now
		case o.refused:
			return "refused"
		default:
			return o.now
		}
	}
	rows := documented(t)
	for _, d := range deliberate {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			c := withHeader(d.name, d.file, d.hunks)
			c.zero = d.zero
			got := map[string]string{
				"GNU patch": describe(c, gnu(t, []instance{c}, d.fuzz)[0]),
				"git apply": describe(c, git(t, []instance{c})[0]),
				"Apply":     describe(c, ours(t, c, d.fuzz)),
			}
			if diff := cmp.Diff(map[string]string{"GNU patch": d.gnu, "git apply": d.git, "Apply": d.ours}, got); diff != "" {
				t.Error(diff)
			}
			if !rows[d.name] {
				t.Errorf("docs/patch.md has no row %q", d.name)
			}
			if d.gnu == d.ours && d.git == d.ours {
				t.Error("GNU patch, git apply and Apply agree, so this is not a difference")
			}
		})
	}
}

func TestPlacementsAreInTheFile(t *testing.T) {
	t.Parallel()
	if name := "lines after the end"; !documented(t)[name] {
		t.Errorf("docs/patch.md has no row %q", name)
	}
	c := withHeader("x", "a\nb\n", "@@ -9,0 +10 @@\n+n\n")
	want := expectation{outcome: outcome{now: "a\nb\nn\n", placed: []place{{line: 3}}}}
	if got := ours(t, c, 0); !want.accepts(c, got) {
		t.Errorf("Apply: got %v, want %v", got, want)
	}
	want.placed[0].line = 10
	if got := gnu(t, []instance{c}, 0)[0]; !want.accepts(c, got) {
		t.Errorf("GNU patch: got %v, want %v", got, want)
	}
}
