package report

import "strings"

// forGitLab breaks what GitLab would act on and GitHub would not: lines that begin with
// a slash, which are commands there, in blocks of code, too, where it misreads their
// fences; and references such as !1, ~label, %milestone and :emoji:, which it looks for
// in the rendered text, where a backslash is long gone. text is Markdown of this package:
// what others wrote has its backslashes, and no code span goes over a line.
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

// breakReferences writes a line outside of a fence, with an invisible break behind each
// character that begins a reference.
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

// leadingTicks are the backticks that s begins with.
func leadingTicks(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "`"))] }

// closingTicks is where the first run of just n backticks in s ends, or -1.
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
