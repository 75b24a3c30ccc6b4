package source

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/align"
)

func TestParts(t *testing.T) {
	t.Parallel()
	const frame = "package p\n\nfunc f(a, b int) int {\n%s\n}\n"
	for _, test := range []struct{ name, old, new, want string }{
		{"comments and layout", "\t// one\n\treturn a+b", "\t// two\n\n\treturn a + b", ``},
		{"constant", "\tif a == 1 {\n\t\treturn 0\n\t}\n\treturn b", "\tif a == 0 {\n\t\treturn 0\n\t}\n\treturn b", `0 was 1`},
		{"dropped negation", "\tif !ok(a) {\n\t\tb++\n\t}", "\tif ok(a) {\n\t\tb++\n\t}", `"" was !`},
		{"an operand of a rewritten condition", "\tif a > 0 && b == 1 {\n\t}", "\tif b == 0 && a > 0 {\n\t}", `
b == 0 && a > 0 was a > 0 && b == 1
b == 0 && was ""
b == 0 was ""
&& was ""
"" was && b == 1
0 was 1`},
		{"an argument", "\tg(a, b)", "\tg(b, 2)", `
g(b, 2) was g(a, b)
b was a
2 was b`},
		{"dropped argument", "\tg(a, b)", "\tg(a)", `"" was , b`},
		{"a callee", "\tx := min(a, b)\n\treturn x", "\tx := max(a, b)\n\treturn x", `max was min`},
		{"dropped statement", "\ta++\n\t// Twice.\n\ta *= 2\n\treturn a", "\ta++\n\treturn a", `"" was // Twice.⏎a *= 2⏎`},
		{"added statement", "\ta++\n\treturn a", "\ta++\n\t// Once.\n\ta--\n\treturn a", `// Once.⏎a--⏎ was ""`},
		{"dropped guard", "\tif a == 0 {\n\t\treturn 0\n\t}\n\treturn b / a", "\treturn b / a", `"" was if a == 0 {⏎return 0⏎}⏎`},
		{"dropped clause", "\tif a > 0 && b > 0 {\n\t}", "\tif a > 0 {\n\t}", `
"" was && b > 0
> was &&
"" was a > 0
"" was b > 0
a was ""
0 was ""`},
		{"a wrapped statement", "\tif a > 0 {\n\t\tb = 1\n\t}", "\tfor a > 0 {\n\t\tb = 2\n\t}", `
for a > 0 {⏎b = 2⏎} was if a > 0 {⏎b = 1⏎}
for was if
2 was 1`},
		{"a call for a method", "\treturn g(a)", "\treturn s.g(b)", `
s.g(b) was g(a)
s. was ""
b was a`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			old, new := fmt.Sprintf(frame, test.old), fmt.Sprintf(frame, test.new)
			got := changes(old, new)
			if want := strings.TrimPrefix(test.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// changes returns the changes between two files, a line for each.
func changes(old, new string) string {
	var out []string
	show := func(text string) string {
		text = strings.ReplaceAll(strings.ReplaceAll(strings.Trim(text, " \t"), "\t", ""), "\n", "⏎")
		if text == "" {
			return `""`
		}
		return text
	}
	was, is := align.Text{Src: old, Root: Parts("p.go", []byte(old))}, align.Text{Src: new, Root: Parts("p.go", []byte(new))}
	for _, c := range align.Compare(was, is) {
		out = append(out, show(new[c.Start:c.End])+" was "+show(c.Old))
	}
	return strings.Join(out, "\n")
}

// A function that moved is compared with itself, and one that was renamed with its former self.
func TestPartsMoved(t *testing.T) {
	t.Parallel()
	old := "package p\n\nfunc f() int { return 1 }\n\nfunc (t *T) g() int { return 2 }\n\nfunc h() int { return 3 }\n"
	new := "package p\n\nfunc (t *T) g() int { return 5 }\n\nfunc f() int { return 1 }\n\nfunc hello() int { return 4 }\n"
	want := `5 was 2
func hello() int { return 4 } was func h() int { return 3 }
hello was h
4 was 3`
	if got := changes(old, new); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The parts of any file hold all its tokens, each once and in order.
func TestPartsComplete(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		root := Parts(name, src)
		if root == nil {
			t.Fatalf("%s does not parse", name)
		}
		var leaves []string
		var walk func(p *align.Part)
		walk = func(p *align.Part) {
			at := p.Start
			for _, q := range p.Parts {
				if q.Start < at || q.End > p.End {
					t.Fatalf("%s: %s [%d,%d) in %s [%d,%d) after %d", name, q.Kind, q.Start, q.End, p.Kind, p.Start, p.End, at)
				}
				at = q.End
				walk(q)
			}
			if len(p.Parts) == 0 {
				leaves = append(leaves, string(src[p.Start:p.End]))
			}
		}
		walk(root)
		var want []string
		for _, p := range tokens(src) {
			want = append(want, string(src[p.Start:p.End]))
		}
		if strings.Join(leaves, " ") != strings.Join(want, " ") {
			t.Errorf("%s: parts lack tokens", name)
		}
	}
}
