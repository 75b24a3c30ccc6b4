package excerpt

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestExcerpts(t *testing.T) {
	t.Parallel()
	const (
		accent = "e\u0301"                                          // é of two characters
		family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"       // an emoji of five
		thumb  = "\U0001f44d\U0001f3fd"                             // with a color
		flags  = "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7"         // two
		red    = "\x1b[31;1m"                                       // a color
		link   = "\x1b]8;;https://example.com\x1b\\x\x1b]8;;\x1b\\" // a link of a terminal
	)
	for _, tt := range []struct {
		text       string
		n          int
		head, tail string
	}{
		{"abc", 3, "abc", "abc"},
		{"abc", 2, "ab", "bc"},
		{"abc", 0, "", ""},
		{"abc", -1, "", ""},
		{"", 0, "", ""},
		{"äöü", 3, "ä", "ü"},
		{"äöü", 1, "", ""},
		{"日本語", 5, "日", "語"},
		{"a" + accent + "b", 2, "a", "b"},
		{"a" + accent + "b", 3, "a", "b"},
		{"a" + accent + "b", 4, "a" + accent, accent + "b"},
		{"a" + family + "b", 17, "a", "b"},
		{"a" + thumb + "b", 5, "a", "b"},
		{flags, 4, "", ""},
		{flags, 8, flags[:8], flags[8:]},
		{flags, 12, flags[:8], flags[8:]},
		{"a\r\nb", 2, "a", "b"},
		{"a" + red + "b", 4, "a", "b"},
		{"a" + red + "b", 8, "a" + red, red + "b"},
		{"a" + red + "b", 3, "a", "b"},
		{"a" + link + "b", 7, "a", "b"},
		{"a\xff\xffb", 2, "a\xff", "\xffb"}, // broken before
		{strings.Repeat("\u0301", 300), 301, strings.Repeat("\u0301", 150), strings.Repeat("\u0301", 150)}, // too long for a character
	} {
		if got := Head(tt.text, tt.n); got != tt.head {
			t.Errorf("Head(%q, %d): got %q, want %q", tt.text, tt.n, got, tt.head)
		}
		if got := Tail(tt.text, tt.n); got != tt.tail {
			t.Errorf("Tail(%q, %d): got %q, want %q", tt.text, tt.n, got, tt.tail)
		}
	}
}

// TestProperties checks that what is left of valid text is valid, without half an escape
// sequence, and as long as it can be.
func TestProperties(t *testing.T) {
	t.Parallel()
	half := regexp.MustCompile(`\x1b(\[[0-9;]*|\][^\x1b\a]*|)$`)
	piece := rapid.SampledFrom([]string{
		"a", " ", "\n", "\r\n", "ä", "日", "🙂", "e\u0301", "\u0301", "👨\u200d👩\u200d👧", "👍🏽", "🇩🇪", "🇫🇷", "☂\ufe0f", "\x1b[31m", "\x1b[0m", "\x1b]0;title\a", "\x1b(B",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(piece).Draw(t, "text"), "")
		n := rapid.IntRange(-1, len(text)+1).Draw(t, "n")
		head, tail := Head(text, n), Tail(text, n)
		if !strings.HasPrefix(text, head) || !strings.HasSuffix(text, tail) || len(head) > max(n, 0) || len(tail) > max(n, 0) {
			t.Fatalf("%q is not the beginning, or %q not the end of %q", head, tail, text)
		}
		if !utf8.ValidString(head) || !utf8.ValidString(tail) || half.MatchString(head) || strings.HasPrefix(tail, "31m") {
			t.Fatalf("%q or %q is cut in the middle", head, tail)
		}
		if least := min(max(n, 0), len(text)) - longest - utf8.UTFMax; len(head) < least || len(tail) < least {
			t.Fatalf("%q or %q is shorter than need be", head, tail)
		}
		if whole := Whole(text[:len(head)]); !strings.HasPrefix(head, whole) || !utf8.ValidString(whole) {
			t.Fatalf("%q is not whole", whole)
		}
		if whole := Whole(text[:min(max(n, 0), len(text))]); !utf8.ValidString(whole) || half.MatchString(whole) {
			t.Fatalf("%q is not whole", whole)
		}
	})
}
