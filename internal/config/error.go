package config

import (
	"fmt"
	"strings"
	"unicode"
)

// Error is a mistake in the configuration.
type Error struct {
	File         string // or the name of the variable
	Line, Column int    // from 1; 0 if unknown
	Source       string // the line at fault; "" if it must not be shown
	Msg          string // what is wrong
	Advice       string // what to do about it
}

// Error returns the place and the mistake and, below them, the line with a mark.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, max(1, e.Column))
	}
	b.WriteString(": " + e.Msg)
	if e.Source != "" {
		fmt.Fprintf(&b, "\n%5d | %s\n      | %s^", e.Line, e.Source, strings.Repeat(" ", max(0, e.Column-1)))
	}
	return b.String()
}

// Hint returns what to do about the mistake.
func (e *Error) Hint() string { return e.Advice }

// quoted returns a line to show, cut off, or "" if the mark below would be past its end.
func quoted(line string, column int) string {
	const width = 160
	if column > width {
		return ""
	}
	runes := []rune(printable(line))
	if len(runes) > width {
		runes = append(runes[:width:width], '…')
	}
	return string(runes)
}

// printable replaces each rune that could move a terminal's cursor or disguise the rest of a
// message.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// Nearest returns the name that was probably meant, or "". It ignores case, dashes and
// underscores.
func Nearest(name string, names []string) string {
	plain := strings.NewReplacer("-", "", "_", "")
	name = plain.Replace(strings.ToLower(name))
	if len(name) > 40 {
		return ""
	}
	best, least := "", len(name)/3+1
	for _, candidate := range names {
		full := plain.Replace(strings.ToLower(candidate))
		_, last, nested := strings.Cut(full, ".")
		if nested && last == name {
			return candidate
		}
		d := distance(name, full)
		// If two names are equally near, swapped letters are more likely than a missing one.
		if d < least || d == least && (best == "" || len(full) == len(name) && len(plain.Replace(best)) != len(name)) {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: the fewest insertions,
// deletions, substitutions and swaps of neighbors that turn a into b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			substitute := last[j-1]
			if a[i-1] != b[j-1] {
				substitute++
			}
			row[j] = min(substitute, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
