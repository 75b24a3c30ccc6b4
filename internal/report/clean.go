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

// Text from tests, repositories and models is never trusted. It passes through Visible or
// plain first.

// Visible replaces everything in s that a terminal or browser obeys or hides by something
// visible: invalid bytes, control characters (as ␛), and the invisible characters that
// reorder or hide text (as <U+202E>). Newlines and tabs stay. It drops nothing, so it is
// safe for showing code.
func Visible(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if strings.IndexFunc(s, isActive) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !isActive(r):
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

// isActive reports whether a terminal or a browser obeys or hides r.
func isActive(r rune) bool {
	switch {
	case r >= ' ' && r < 0x7f: // nearly always
		return false
	case r == '\n' || r == '\t':
		return false
	case r == '\u200c' || r == '\u200d': // joiners: scripts and emoji need them
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// ansi matches escape sequences: CSI, the string sequences (OSC, DCS, PM, APC, SOS) up to
// their end, and the short ones.
var ansi = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]`)
})

// plain returns Visible of s without the colors and other escape sequences that test
// runners print, and with Unix line endings.
func plain(s string) string {
	if strings.IndexByte(s, 0x1b) >= 0 {
		s = ansi().ReplaceAllString(s, "")
	}
	return Visible(strings.ReplaceAll(s, "\r\n", "\n"))
}

// maxLine is the longest text that is laid out as one line, in bytes.
const maxLine = 8192

// oneLine returns plain of s as a single line of at most maxLine bytes.
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

// cells returns the number of columns that s takes on a terminal. s must have passed
// through Visible and have no tabs.
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

// runeBytes is how many bytes a column can take. It limits combining marks, which take no
// column and could be stacked without end.
const runeBytes = 4

// fits reports whether s takes at most n columns.
func fits(s string, n int) bool { return len(s) <= runeBytes*n && cells(s) <= n }

// head splits s after as many runes as fit into n columns, but at least one.
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

// cut shortens s to n columns, with an ellipsis at the end.
func cut(s string, n int) string {
	if fits(s, n) {
		return s
	}
	first, _ := head(s, max(n-1, 1))
	return first + "…"
}

// cutPath shortens a path or an import path at its front, the least informative part.
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

// wrap breaks s into lines of n columns, at spaces if possible.
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

// seconds formats a duration in seconds: "0.4 s", "12 s", "2 min 5 s".
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
