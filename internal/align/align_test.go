package align

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// show returns the changes between two texts, a line for each: the new text, and what was there.
func show(old, new string) []string {
	var out []string
	for _, c := range Compare(Text{old, Lines(old)}, Text{new, Lines(new)}) {
		out = append(out, fmt.Sprintf("%q was %q", new[c.Start:c.End], c.Old))
	}
	return out
}

// undo returns the new text with one change undone.
func undo(text string, c Change) string { return text[:c.Start] + c.Old + text[c.End:] }

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, old, new, want string }{
		{"nothing", "a = 1\n", "a = 1\n", ``},
		{"only layout", "f(a,b)\n", "f(a, b)\n", ``},
		{"number", "if n == 1 {\n", "if n == 0 {\n", `"0" was "1"`},
		{"operator", "n >= 10\n", "n > 10\n", `">" was ">="`},
		{"string", "greet('a b')\n", "greet('a c')\n", `"'a c'" was "'a b'"`},
		{"dropped negation", "if (!ready(x)) {\n", "if (ready(x)) {\n", `"" was "!"`},
		{"dropped word", "if not ready:\n", "if ready:\n", `" " was " not "`},
		{"dropped argument", "f(a, b)\n", "f(a)\n", `"" was ", b"`},
		{"added argument", "f(b)\n", "f(a, b)\n", `"a, " was ""`},
		{"two tokens of a line", "x = a + 1\n", "x = b + 2\n", `"x = b + 2" was "x = a + 1"
"b" was "a"
"2" was "1"`},
		{"dropped line", "a()\nb()\nc()\n", "a()\nc()\n", `"" was "b()\n"`},
		{"dropped last line", "a()\nb()", "a()", `"" was "\nb()"`},
		{"added line", "a()\n", "a()\nb()\n", `"b()\n" was ""`},
		{"indentation", "if a:\n    b()\n    c()\n", "if a:\n    b()\nc()\n", `"" was "    "`},
		{"a line among others", "a = 1\nb = 2\nc = 3\n", "a = 1\nnew(4)\nb = 3\nc = 3\n", `"new(4)\nb = 3" was "b = 2"
"3" was "2"
"new(4)\n" was ""`},
		{"comments are text", "// one\n", "// two\n", `"two" was "one"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(show(test.old, test.new), "\n"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// words is a text of few different tokens, so that many of them are equal.
func words() *rapid.Generator[string] {
	token := rapid.SampledFrom([]string{"a", "b", "c", "1", "2", "+", "==", "!", "(", ")", ",", "'s'", " ", "\n", "\n\n", "    ", "é", "\r\n", "'"})
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(token, 0, 40).Draw(t, "tokens"), "") })
}

func tokensOf(text string) []string {
	var out []string
	for _, leaf := range prepare(Text{text, Lines(text)}).leaves {
		out = append(out, text[leaf.Start:leaf.End])
	}
	return out
}

// A change is within the text, says what was there, and is listed once.
func TestChangesFit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, new := words().Draw(t, "old"), words().Draw(t, "new")
		results := make(map[string]Change)
		for _, c := range Compare(Text{old, Lines(old)}, Text{new, Lines(new)}) {
			if c.Start < 0 || c.End < c.Start || c.End > len(new) || c.Tokens() == 0 {
				t.Fatalf("%+v", c)
			}
			if was := strings.TrimSpace(c.Old); !strings.Contains(old, was) {
				t.Fatalf("%q is not from the old text", was)
			}
			result := undo(new, c)
			if result == new {
				t.Fatalf("%+v changes nothing", c)
			}
			if first, twice := results[result]; twice && first.Start == c.Start && first.End == c.End {
				t.Fatalf("%+v and %+v have the same result", first, c)
			}
			results[result] = c
		}
	})
}

// If one token was replaced, one of the changes brings the old text back.
func TestOneTokenComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old := words().Draw(t, "old")
		leaves := prepare(Text{old, Lines(old)}).leaves
		leaves = slices.DeleteFunc(leaves, func(p *part) bool { return p.Kind == indentKind })
		if len(leaves) == 0 {
			t.Skip("no tokens")
		}
		at := rapid.SampledFrom(leaves).Draw(t, "token")
		instead := []string{"x", "9", "<=", "'t'", ""}
		if line := old[strings.LastIndexByte(old[:at.Start], '\n')+1 : at.Start]; strings.TrimSpace(line) == "" {
			instead = instead[:4] // without it, the blanks behind it would be indentation
		}
		new := old[:at.Start] + rapid.SampledFrom(instead).Draw(t, "instead") + old[at.End:]
		was := tokensOf(old)
		if slices.Equal(tokensOf(new), was) {
			t.Skip("nothing changed")
		}
		for _, c := range Compare(Text{old, Lines(old)}, Text{new, Lines(new)}) {
			if slices.Equal(tokensOf(undo(new, c)), was) {
				return
			}
		}
		t.Fatalf("nothing brings back\n%s\nfrom\n%s\nonly\n%s", old, new, strings.Join(show(old, new), "\n"))
	})
}
