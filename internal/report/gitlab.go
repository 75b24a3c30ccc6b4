package report

import "strings"

// forGitLab escapes what GitLab acts on and GitHub does not: lines that start with a slash,
// which are quick actions, even in code blocks with fences that GitLab misreads; and
// references such as !1, ~label, %milestone and :emoji:, which GitLab looks for in the
// rendered text, which no longer has the backslashes. text is Markdown from this package:
// untrusted text is escaped already, and no code span crosses a line.
func forGitLab(text string) string {
	var b strings.Builder
	fence := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "/") {
			b.WriteString(zwsp)
		}
		ticks := leadingTicks(line)
		switch rest := line[len(ticks):]; {
		case fence != "":
			if len(ticks) >= len(fence) && strings.TrimSpace(rest) == "" {
				fence = ""
			}
			b.WriteString(line)
		case len(ticks) >= 3 && !strings.Contains(rest, "`"):
			fence = ticks
			b.WriteString(line)
		default:
			breakReferences(&b, line)
		}
	}
	return b.String()
}

// breakReferences writes a line outside a fence, with an invisible break after each
// character that starts a reference.
func breakReferences(b *strings.Builder, line string) {
	for i := 0; i < len(line); {
		n := 1
		switch c := line[i]; {
		case c == '`':
			ticks := leadingTicks(line[i:])
			n = len(ticks)
			if end := closingTicks(line[i+n:], n); end >= 0 {
				n += end
			}
			b.WriteString(line[i : i+n])
		case c == '\\' && i+1 < len(line) && line[i+1] != '\n':
			n = 2
			b.WriteString(line[i : i+n])
			if !strings.HasPrefix(line[i+n:], zwsp) {
				b.WriteString(zwsp)
			}
		case strings.IndexByte("!%^:+", c) >= 0 && i+1 < len(line) && line[i+1] > ' ':
			b.WriteByte(c)
			if !strings.HasPrefix(line[i+n:], zwsp) {
				b.WriteString(zwsp)
			}
		default:
			b.WriteByte(c)
		}
		i += n
	}
}

// leadingTicks returns the backticks at the start of s.
func leadingTicks(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "`"))] }

// closingTicks returns the end of the first run of exactly n backticks in s, or -1.
func closingTicks(s string, n int) int {
	for i := 0; i < len(s); {
		run := len(leadingTicks(s[i:]))
		if run == n {
			return i + n
		}
		i += max(run, 1)
	}
	return -1
}
