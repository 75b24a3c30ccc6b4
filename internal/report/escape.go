package report

import (
	"regexp"
	"strings"
	"sync"
)

// Untrusted text inside Markdown is in one of three forms: prose, a code span or
// a fenced block. The first breaks what GitHub would act on, the other two are
// delimited so that their content cannot end them.

// maxSpan bounds a piece of text on a line of its own, in columns.
const maxSpan = 240

// zwsp is an invisible break. GitHub looks for mentions, references and links in
// the rendered text, where a backslash is long gone.
const zwsp = "\u200b"

var (
	markup = strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "{", `\{`, "}", `\}`, "[", `\[`, "]", `\]`,
		"<", `\<`, ">", `\>`, "|", `\|`, "~", `\~`, "$", `\$`, "&", `\&`,
		"@", "@"+zwsp, "#", `\#`+zwsp, "://", ":"+zwsp+"//",
	)
	// A link of GitHub's may follow an underscore, which is part of a word elsewhere.
	references = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)(\b|_)(www|gh-|mailto|xmpp)`) })
)

// prose is s for the middle of a line of Markdown. It means nothing there but
// its characters.
func prose(s string) string {
	s = markup.Replace(cut(oneLine(s), maxSpan))
	return references().ReplaceAllString(s, "$1$2"+zwsp)
}

var marker = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\d*)([-+.)])`) })

// item is s as an item of a list. At its beginning, dashes would be a rule, and a number a
// list of its own.
func item(s string) string { return "- " + marker().ReplaceAllString(prose(s), `$1\$2`) + "\n" }

// code is s as a code span, or nothing when s is empty.
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

// cell is code for a cell of a table, where a pipe counts even inside of a code
// span. A backslash before a pipe leaves no way to write the two, so the
// pipe is replaced by a broken bar there.
func cell(s string) string {
	s = strings.ReplaceAll(code(s), `\|`, `\¦`)
	return strings.ReplaceAll(s, "|", `\|`)
}

// fence is a fenced code block of lines, with a fence that none of them holds.
func fence(language string, lines []string) string {
	text := strings.Join(lines, "\n")
	ticks := strings.Repeat("`", max(ticksIn(text)+1, 3))
	return ticks + language + "\n" + text + "\n" + ticks + "\n"
}

// ticksIn is the length of the longest run of backticks in s.
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

// blockLines splits text for a fence: cleaned, each line bounded. A lone carriage return
// would end a line in Markdown; visible has replaced it.
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
