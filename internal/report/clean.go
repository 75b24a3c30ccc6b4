package report

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Text from tests, repositories and models is never trusted. It passes through
// Visible or plain before anything else is done with it.

// Visible makes everything in s that would act instead of being seen into
// something to see: invalid bytes, control characters (as ␛), and the
// invisible characters that reorder or hide text (as <U+202E>). Newlines and tabs
// stay. It hides nothing, so it is what code is shown with.
func Visible(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if strings.IndexFunc(s, acts) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !acts(r):
			b.WriteRune(r)
		case r < 0x20:
			b.WriteRune(0x2400 + r)
		case r == 0x7f:
			b.WriteRune('␡')
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
	}
	return b.String()
}

// acts tells the characters that a terminal or a browser obeys or hides.
func acts(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r == '\u200c' || r == '\u200d': // joiners: scripts and emoji need them
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// ansi matches escape sequences: CSI, the string sequences (OSC, DCS, PM, APC,
// SOS) up to their end, and the short ones.
var ansi = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]`)
})

// plain is visible without the colours and other escape sequences that a test
// runner prints, and with the line endings of Unix.
func plain(s string) string {
	s = strings.ReplaceAll(ansi().ReplaceAllString(s, ""), "\r\n", "\n")
	return Visible(s)
}

// maxLine bounds what is laid out as one line, in bytes.
const maxLine = 8192

// oneLine is plain on a single line of bounded length.
func oneLine(s string) string {
	if len(s) > maxLine {
		end := maxLine
		for end > maxLine-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	return strings.Join(strings.Fields(plain(s)), " ")
}

// cells is how many columns s takes on a terminal. s is visible and has no tabs.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// runeBytes is how many bytes a column may take. It bounds marks that take no
// column and could be stacked without end.
const runeBytes = 4

// fits tells whether s takes at most n columns.
func fits(s string, n int) bool { return len(s) <= runeBytes*n && cells(s) <= n }

// head splits s after as many runes as fit into n columns, and after at least one.
func head(s string, n int) (first, rest string) {
	used := 0
	for i, r := range s {
		used += runeCells(r)
		if i > 0 && (used > n || i+utf8.RuneLen(r) > runeBytes*n) {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// cut shortens s to n columns, and says so with an ellipsis.
func cut(s string, n int) string {
	if fits(s, n) {
		return s
	}
	first, _ := head(s, max(n-1, 1))
	return first + "…"
}

// cutPath shortens a path or an import path at its front, which tells least.
func cutPath(s string, n int) string {
	if fits(s, n) {
		return s
	}
	start, used := len(s), 1 // the ellipsis
	for start > 0 {
		r, size := utf8.DecodeLastRuneInString(s[:start])
		if used += runeCells(r); used > n || len(s)-start+size > runeBytes*n {
			break
		}
		start -= size
	}
	tail := s[start:]
	if i := strings.IndexByte(tail, '/'); i >= 0 {
		tail = tail[i:]
	}
	return "…" + tail
}

// wrap breaks s into lines of n columns, at spaces where there are any.
func wrap(s string, n int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && fits(line+" "+word, n) {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for !fits(word, n) {
			var part string
			part, word = head(word, n)
			lines = append(lines, part)
		}
		line = word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// seconds is a duration in seconds for people: "0.4 s", "12 s", "2 min 5 s".
func seconds(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case s < 59.5:
		return fmt.Sprintf("%.0f s", s)
	}
	whole := int64(s + 0.5)
	return fmt.Sprintf("%d min %d s", whole/60, whole%60)
}
