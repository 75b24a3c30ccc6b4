package report

import (
	"regexp"
	"strings"
	"sync"
)

// Untrusted text in Markdown takes one of three forms: prose, a code span or a fenced
// block. Prose escapes what GitHub acts on; the other two have delimiters that their
// content cannot close.

// maxSpan is the longest piece of text on a line, in columns.
const maxSpan = 240

// zwsp is an invisible break. GitHub looks for mentions, references and links in the
// rendered text, which no longer has the backslashes.
const zwsp = "\u200b"

var (
	markup = strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "{", `\{`, "}", `\}`, "[", `\[`, "]", `\]`,
		"<", `\<`, ">", `\>`, "|", `\|`, "~", `\~`, "$", `\$`, "&", `\&`,
		"@", "@"+zwsp, "#", `\#`+zwsp, "://", ":"+zwsp+"//",
	)
	// references matches the starts of links. GitHub starts a link after an underscore, which \b
	// takes for part of a word.
	references = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)(\b|_)(www|gh-|mailto|xmpp)`) })
)

// prose escapes s for the middle of a line of Markdown, where none of its characters has a
// special meaning.
func prose(s string) string {
	s = markup.Replace(cut(oneLine(s), maxSpan))
	return references().ReplaceAllString(s, "$1$2"+zwsp)
}

var marker = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\d*)([-+.)])`) })

// item returns s as an item of a list. Dashes at its start would be a rule, and a number
// would start another list.
func item(s string) string { return "- " + marker().ReplaceAllString(prose(s), `$1\$2`) + "\n" }

// code returns s as a code span, or "" if s is empty.
func code(s string) string {
	s = cut(oneLine(s), maxSpan)
	if s == "" {
		return ""
	}
	if s[0] == '`' || s[len(s)-1] == '`' {
		s = " " + s + " "
	}
	ticks := strings.Repeat("`", ticksIn(s)+1)
	return ticks + s + ticks
}

// cell returns s as a code span for a cell of a table, where a pipe ends the cell even
// inside a code span. A backslash before a pipe cannot be written, so that pipe becomes a
// broken bar.
func cell(s string) string {
	s = strings.ReplaceAll(code(s), `\|`, `\¦`)
	return strings.ReplaceAll(s, "|", `\|`)
}

// fence returns lines as a fenced code block, with a fence that none of them contains.
func fence(language string, lines []string) string {
	text := strings.Join(lines, "\n")
	ticks := strings.Repeat("`", max(ticksIn(text)+1, 3))
	return ticks + language + "\n" + text + "\n" + ticks + "\n"
}

// ticksIn returns the length of the longest run of backticks in s.
func ticksIn(s string) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// blockLines splits text into clean lines of limited length for a fence. A lone carriage
// return would end a line in Markdown; Visible replaces it.
func blockLines(text string) []string {
	const widest = 1000
	text = strings.Trim(Visible(strings.ReplaceAll(text, "\r\n", "\n")), "\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = cut(l, widest)
	}
	return lines
}
