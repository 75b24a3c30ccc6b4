package testrun

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// LastLine returns the last line that is not empty: what a program says before it ends.
func LastLine(text string) string {
	last := ""
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			last = line
		}
	}
	return OneLine(last)
}

// FirstLine returns the first line that is not empty.
func FirstLine(text string) string {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			return OneLine(line)
		}
	}
	return ""
}

// MaxMessage bounds a message, in runes.
const MaxMessage = 300

// maxText is how much of a text OneLine reads, in bytes.
const maxText = 64 << 10

// escapes matches terminal escapes, also those whose first character a tool could not write.
var escapes = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("[\x1b\ufffd]\\[[0-9;?]*[A-Za-z]") })

// OneLine makes text fit on a line: no escape sequences, no control characters, no runs of
// blanks, at most MaxMessage runes.
func OneLine(text string) string {
	text = escapes().ReplaceAllString(text[:min(len(text), maxText)], "")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	text = strings.ToValidUTF8(text, "\uFFFD")
	if runes := []rune(text); len(runes) > MaxMessage {
		text = string(runes[:MaxMessage-1]) + "…"
	}
	return text
}
