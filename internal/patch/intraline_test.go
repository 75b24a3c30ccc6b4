package patch_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/patch"
)

// marked returns the text of spans, with the changed ones in brackets.
func marked(spans []patch.Span) string {
	var b strings.Builder
	for _, s := range spans {
		if s.Changed {
			b.WriteString("[" + s.Text + "]")
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

func TestIntraline(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a b c ", 500)
	various := "" // more tokens than the library's alphabet takes
	for i := range 200 {
		various += string(rune(0x4e00+i)) + "."
	}
	for _, tt := range []struct{ old, new, wantOld, wantNew string }{
		{"\tif n < len(xs) {", "\tif n <= len(xs) {", "\tif n < len(xs) {", "\tif n <[=] len(xs) {"},
		{"return total / count", "return total / counts", "return total / [count]", "return total / [counts]"},
		{"f(a, b)", "f(b, a)", "f([a], [b])", "f([b], [a])"},
		{"x", "  x", "x", "[  ]x"},
		{"x := 1 ", "x := 1", "x := 1[ ]", "x := 1"},
		{"  ", "", "[  ]", ""},
		{"same", "same", "same", "same"},
		{"caf\u00e9 = e\u0301 + 1", "caf\u00e9 = e + 1", "caf\u00e9 = [e\u0301] + 1", "caf\u00e9 = [e] + 1"},
		{"a b c \xff d", "a b c \xfe d", "a b c [\xff] d", "a b c [\xfe] d"},
		{long + "old " + long, long + "new " + long, long + "[old] " + long, long + "[new] " + long},
		{"same same(" + various + "1) same" + various, "same same(2" + various + ") same" + various, "same same([" + various + "1]) same" + various, "same same([2" + various + "]) same" + various},
	} {
		old, new, ok := patch.Intraline(tt.old, tt.new)
		if got, want := []string{marked(old), marked(new)}, []string{tt.wantOld, tt.wantNew}; !ok || !cmp.Equal(got, want) {
			t.Errorf("%.99q, %.99q: %v %s", tt.old, tt.new, ok, cmp.Diff(want, got))
		}
	}
	for _, tt := range [][2]string{
		{"return nil", "for range 10 { go work(ctx) }"},
		{"", "x"},
		{"a", "b"},
		{strings.Repeat("a b ", 1<<16) + "x", strings.Repeat("a b ", 1<<16) + "y"},
	} {
		if old, new, ok := patch.Intraline(tt[0], tt[1]); ok || old != nil || new != nil {
			t.Errorf("%.99q, %.99q: got %v, %v, %v", tt[0], tt[1], old, new, ok)
		}
	}
}

// checkSpans checks what must be true of the spans of any two lines.
func checkSpans(t interface{ Fatalf(string, ...any) }, old, new string) {
	oldSpans, newSpans, ok := patch.Intraline(old, new)
	if !ok {
		return
	}
	all := func(spans []patch.Span, unchangedOnly bool) string {
		var b strings.Builder
		for _, s := range spans {
			if !unchangedOnly || !s.Changed {
				b.WriteString(s.Text)
			}
		}
		return b.String()
	}
	if all(oldSpans, false) != old || all(newSpans, false) != new {
		t.Fatalf("%q, %q became %v, %v", old, new, oldSpans, newSpans)
	}
	if all(oldSpans, true) != all(newSpans, true) {
		t.Fatalf("unchanged in only one of %v, %v", oldSpans, newSpans)
	}
	for _, spans := range [][]patch.Span{oldSpans, newSpans} {
		for i, s := range spans {
			if s.Text == "" || i > 0 && s.Changed == spans[i-1].Changed {
				t.Fatalf("more spans than necessary: %v", spans)
			}
		}
	}
	again, andAgain, _ := patch.Intraline(old, new)
	if !cmp.Equal(oldSpans, again) || !cmp.Equal(newSpans, andAgain) {
		t.Fatalf("%q, %q: once %v, %v, then %v, %v", old, new, oldSpans, newSpans, again, andAgain)
	}
}

// codeLines draws lines of which many are similar.
func codeLines() *rapid.Generator[string] {
	word := rapid.SampledFrom([]string{"a", "bc", "return", "é", "e\u0301", "\u0301", " ", "  ", "\t", "(", ")", "_x1", "😀", "\xff", "\xc3", "\x00", "\r", "\u2028", "世"})
	return rapid.Map(rapid.SliceOfN(word, 0, 14), func(words []string) string { return strings.Join(words, "") })
}

func TestIntralineInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		checkSpans(t, codeLines().Draw(t, "old"), codeLines().Draw(t, "new"))
	})
}

func FuzzIntraline(f *testing.F) {
	f.Add("if a < b {", "if a <= b {")
	f.Add("\xff\xfea b c", "a \xffb c")
	f.Add("e\u0301 \u0301", "e \u200d\u0301")
	f.Add("a\r\n", "a\n")
	f.Add(strings.Repeat("a b ", 700), strings.Repeat("b a ", 700))
	f.Add("", " ")
	f.Fuzz(func(t *testing.T, old, new string) {
		checkSpans(t, old, new)
		a, b := patch.Highlight(strings.SplitAfter(old, "\n"), strings.SplitAfter(new, "\n"))
		var text strings.Builder
		for _, spans := range append(a, b...) {
			for _, s := range spans {
				text.WriteString(s.Text)
			}
		}
		if text.String() != old+new {
			t.Fatalf("%q, %q became %v, %v", old, new, a, b)
		}
	})
}

func TestHighlight(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name              string
		deleted, inserted []string
		wantOld, wantNew  []string
	}{
		{"nothing", nil, nil, []string{}, []string{}},
		{"only deleted", []string{"a", ""}, nil, []string{"a", ""}, []string{}},
		{"one each", []string{"x := a"}, []string{"x := b"}, []string{"x := [a]"}, []string{"x := [b]"}},
		{"one each, not similar", []string{"x := a"}, []string{"for {"}, []string{"x := a"}, []string{"for {"}},
		{
			"one more in front",
			[]string{"\treturn total / n"},
			[]string{"\tif n == 0 {", "\t\treturn 0", "\t}", "\treturn total / len"},
			[]string{"\treturn total / [n]"},
			[]string{"\tif n == 0 {", "\t\treturn 0", "\t}", "\treturn total / [len]"},
		},
		{
			"as many, but shifted by one",
			[]string{"first := one(1)", "second := two(2)", "third := three(3)"},
			[]string{"second := two(22)", "third := three(33)", "fourth()"},
			[]string{"first := one(1)", "second := two([2])", "third := three([3])"},
			[]string{"second := two([22])", "third := three([33])", "fourth()"},
		},
		{
			"nearly equal before vaguely similar",
			[]string{"alpha beta gamma delta epsilon zeta"},
			[]string{"alpha beta gamma x y z u v", "alpha beta gamma delta epsilon eta"},
			[]string{"alpha beta gamma delta epsilon [zeta]"},
			[]string{"alpha beta gamma x y z u v", "alpha beta gamma delta epsilon [eta]"},
		},
		{
			"in order",
			[]string{"one := f(1)", "two := g(2)"},
			[]string{"two := g(3)", "one := f(3)"},
			[]string{"one := f(1)", "two := g([2])"},
			[]string{"two := g([3])", "one := f(3)"},
		},
	} {
		old, new := patch.Highlight(tt.deleted, tt.inserted)
		got := [][]string{{}, {}}
		for i, lines := range [][][]patch.Span{old, new} {
			for _, spans := range lines {
				got[i] = append(got[i], marked(spans))
			}
		}
		if d := cmp.Diff([][]string{tt.wantOld, tt.wantNew}, got); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

// TestHighlightIsBounded checks that lines are paired by index if there are too many to try
// all pairs, and only if both sides have the same number of lines.
func TestHighlightIsBounded(t *testing.T) {
	t.Parallel()
	run := func(n int, lines ...string) []string {
		return strings.Split(strings.TrimSuffix(strings.Repeat(strings.Join(lines, "\n")+"\n", n), "\n"), "\n")
	}
	for _, tt := range []struct {
		name              string
		deleted, inserted []string
		want              string // of the first line
	}{
		{"few", run(64, "x = 1"), run(64, "x = 2"), "x = [1]"},
		{"few, shifted", run(1, "x = 1", "yyyyy"), run(1, "zzzzz", "x = 2", "z"), "x = [1]"},
		{"many", run(500, "x = 1"), run(500, "x = 2"), "x = [1]"},
		{"many, shifted", run(500, "x = 1", "yyyyy"), run(500, "zzzzz", "x = 2"), "x = 1"},
		{"many, more deleted", run(5000, "x = 1"), run(4000, "x = 2"), "x = 1"},
		{"long lines", run(20, strings.Repeat("a b ", 2000)+"1"), run(19, strings.Repeat("a b ", 2000)+"2"), strings.Repeat("a b ", 2000) + "[1]"},
		{"longer lines", run(20, strings.Repeat("a b ", 2200)+"1"), run(19, strings.Repeat("a b ", 2200)+"2"), strings.Repeat("a b ", 2200) + "1"},
	} {
		old, new := patch.Highlight(tt.deleted, tt.inserted)
		if len(old) != len(tt.deleted) || len(new) != len(tt.inserted) {
			t.Fatalf("%s: %d, %d lines became %d, %d", tt.name, len(tt.deleted), len(tt.inserted), len(old), len(new))
		}
		if got := marked(old[0]); got != tt.want {
			t.Errorf("%s: got %.99q, want %.99q", tt.name, got, tt.want)
		}
	}
}

func BenchmarkHighlight(b *testing.B) {
	for _, bb := range []struct {
		name              string
		lines             int
		deleted, inserted string
	}{
		{"one", 1, "\tif n < len(xs) {\n", "\tif n <= len(xs) {\n"},
		{"many", 64, "\tif n < len(xs) {\n", "\tif n <= len(xs) {\n"},
		{"long", 64, strings.Repeat("a b ", 2000), strings.Repeat("b c ", 2000)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var deleted, inserted []string
			for range bb.lines {
				deleted, inserted = append(deleted, bb.deleted), append(inserted, bb.inserted)
			}
			for b.Loop() {
				patch.Highlight(deleted, inserted)
			}
		})
	}
}
