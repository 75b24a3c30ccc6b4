package report

import "strings"

// What channels need that lay a message out by themselves.

// Title tells the report in a few words that hold no markup of others:
// "2 new failures, a verified patch is ready".
func Title(r *Report) string { return title(r) }

// Prose is text of others for the middle of a line of Markdown, where it means
// nothing but its characters.
func Prose(s string) string { return prose(s) }

// Code is text of others as a code span of Markdown, or nothing when it is empty.
func Code(s string) string { return code(s) }

// Fence is a fenced block of Markdown with exactly these lines, which cannot end
// it. It says false where what would be shown is not what the lines are: they hold
// characters that act or are invisible.
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

// OneLine is text of others on one line, of at most columns columns, with nothing
// in it that acts.
func OneLine(s string, columns int) string { return cut(oneLine(s), columns) }

// Brief returns an error's or a server's text as one line that fits into a message.
func Brief(s string) string { return OneLine(s, 600) }

// Passes tells whether the verdict lets work go on.
func (r *Report) Passes() bool { return r.passes() }

// Experience says in words how sure regreen may be of a patch, and why:
// "confidence 0.91 (12 of 14 like it were kept)".
func (p *Patch) Experience() string { return p.experience() }
