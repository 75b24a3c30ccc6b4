package testrun

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// lastLine is the last line that is not empty: what a program says before it ends.
func lastLine(text string) string {
	last := ""
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			last = line
		}
	}
	return oneLine(last)
}

// firstLine is the first line that is not empty.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			return oneLine(line)
		}
	}
	return ""
}

// maxMessage bounds a message for people, in runes.
const maxMessage = 300

var escapes = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]") })

// oneLine makes text fit for a line: no control characters, no runs of blanks, not
// too long.
func oneLine(text string) string {
	text = escapes().ReplaceAllString(text, "")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	text = strings.ToValidUTF8(text, "\uFFFD")
	if runes := []rune(text); len(runes) > maxMessage {
		text = string(runes[:maxMessage-1]) + "…"
	}
	return text
}
