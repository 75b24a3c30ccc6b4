package report

import "strings"

// Helpers for channels that lay out a message themselves.

// Title returns the report in a few words without untrusted markup: "2 new failures, a
// verified patch is ready".
func Title(r *Report) string { return title(r) }

// Prose escapes untrusted text for the middle of a line of Markdown.
func Prose(s string) string { return prose(s) }

// Code returns untrusted text as a Markdown code span, or "" if it is empty.
func Code(s string) string { return code(s) }

// Fence returns a fenced Markdown block of exactly these lines, which cannot close it. It
// returns false if the block would not show the lines as they are, because they contain
// control characters or invisible ones.
func Fence(language string, lines []string) (string, bool) {
	text := strings.Join(lines, "\n")
	if Visible(text) != text || strings.Contains(text, "\r") {
		return "", false
	}
	if len(lines) == 0 {
		return "```" + language + "\n```\n", true
	}
	return fence(language, lines), true
}

// OneLine returns untrusted text as one clean line of at most columns columns.
func OneLine(s string, columns int) string { return cut(oneLine(s), columns) }

// Brief returns an error's or a server's text as one line that fits into a message.
func Brief(s string) string { return OneLine(s, 600) }

// Passes reports whether the verdict does not block.
func (r *Report) Passes() bool { return r.passes() }

// Experience describes the confidence in a patch and the reason for it: "confidence 0.91
// (12 of 14 similar kept)".
func (p *Patch) Experience() string { return p.experience() }
