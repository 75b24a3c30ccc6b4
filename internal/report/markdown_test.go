package report

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// checkMarkdown fails if Markdown of this package is longer than size or could be read as
// anything other than what this package writes.
func checkMarkdown(t interface{ Fatalf(string, ...any) }, text string, size int) {
	if len(text) > size {
		t.Fatalf("%d bytes, more than %d", len(text), size)
	}
	if err := parse(text); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
}

var (
	headings = regexp.MustCompile(`^(## ([✓✗] regreen: |regreen: why )|### (Failures|Causes|Culprit|Alerts|Not done|Suspects)$|### Patch |### (Patch|Plausible patch, not verified): )`)
	summary  = regexp.MustCompile(`^<summary>[A-Za-z0-9, ]+</summary>$`)
	active   = regexp.MustCompile(`(^|[^\\])[<>\[*_~$&]|@[A-Za-z0-9]|#[0-9]|://|(?i)(\b|_)www\.|(\b|_)gh-[0-9]`)
	strong   = regexp.MustCompile(`\*\*(needs review|still red|repaired( by )?)\*\*`)
)

// parse reads Markdown block by block, like CommonMark and GitHub, and refuses what this
// package never writes.
func parse(text string) error {
	if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b\r") {
		return errors.New("control characters")
	}
	open, columns, depth := "", 0, 0
	for line := range strings.SplitSeq(text, "\n") {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case open != "":
			if len(ticks) >= len(open) && strings.TrimSpace(line[len(ticks):]) == "" {
				open = ""
			}
			continue
		case len(ticks) >= 3 && !strings.Contains(line[len(ticks):], "`"):
			open = ticks
			continue
		}
		row := strings.HasPrefix(line, "|")
		if !row {
			columns = 0
		}
		switch {
		case line == "<details>":
			depth++
			continue
		case line == "</details>":
			depth--
			if depth < 0 {
				return errors.New("</details> without <details>")
			}
			continue
		case summary.MatchString(line):
			continue
		case strings.HasPrefix(line, "#") && !headings.MatchString(line):
			return fmt.Errorf("heading %q", line)
		case strings.HasPrefix(strings.TrimLeft(line, " "), "~~~"), strings.HasPrefix(line, "    "), strings.HasPrefix(line, "\t"):
			return fmt.Errorf("block %q", line)
		}
		if row {
			n := pipes(line)
			if columns == 0 {
				columns = n
			}
			if n != columns {
				return fmt.Errorf("%d pipes, want %d, in %q", n, columns, line)
			}
		}
		rest, err := withoutSpans(strings.TrimLeft(line, "#"))
		if err != nil {
			return err
		}
		rest = strong.ReplaceAllString(rest, "")
		if m := active.FindString(rest); m != "" {
			return fmt.Errorf("%q has an effect in %q", m, rest)
		}
	}
	if open != "" || depth != 0 {
		return fmt.Errorf("fence %q open, %d details open", open, depth)
	}
	return nil
}

// pipes counts the pipes of a row that separate cells. A backslash escapes a pipe; a code
// span does not.
func pipes(row string) int {
	n := 0
	for i := 0; i < len(row); i++ {
		if row[i] == '|' && (i == 0 || row[i-1] != '\\') {
			n++
		}
	}
	return n
}

// withoutSpans removes the code spans from a line.
func withoutSpans(line string) (string, error) {
	var rest strings.Builder
	for i := 0; i < len(line); {
		switch {
		case line[i] == '\\' && i+1 < len(line):
			rest.WriteString(line[i : i+2])
			i += 2
		case line[i] == '`':
			n := len(line[i:]) - len(strings.TrimLeft(line[i:], "`"))
			end := closing(line[i+n:], n)
			if end < 0 {
				return "", fmt.Errorf("a code span is not closed in %q", line)
			}
			i += n + end
		default:
			rest.WriteByte(line[i])
			i++
		}
	}
	return rest.String(), nil
}

// closing returns the end of the first run of exactly n backticks in s, or -1.
func closing(s string, n int) int {
	for i := 0; i < len(s); {
		run := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
		if run == n {
			return i + n
		}
		i += max(run, 1)
	}
	return -1
}

// TestParse checks the helper.
func TestParse(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"```diff\n+a\n", "<details>\n", "</details>\n", "# Approved", "a <b>", "a @team", "see #1", "https://x", "*a*", "a `b", "[a](b)",
		"| a | b |\n| c |", "| `a|b` |\n| - |", "~~~\n", "    code", "a\x1b[2J", "www.x.y", "a_www.x.y", "```\n```` \n```\n", "gh-1", "&lt;",
	} {
		if parse(bad) == nil {
			t.Errorf("parse accepts %q", bad)
		}
	}
	for _, good := range []string{"````\n```\n````\n", "a \\<b\\>", "`<b> @team #1`", "| a |\n| - |\n| `b\\|c` |", "`` a`b ``"} {
		if err := parse(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		size := rapid.IntRange(smallestSize, 20_000).Draw(t, "size")
		checkMarkdown(t, Markdown(r, MarkdownOptions{MaxBytes: size}), size)
		checkMarkdown(t, Explain(r, size), size)
	})
}

func FuzzMarkdown(f *testing.F) {
	for _, text := range []string{evil, "`", "``` ```", "|\\|", "@a #1 gh-2 www.x ://", "\r# h\n", strings.Repeat("`", 3000), strings.Repeat("\u0301#", 3000)} {
		f.Add(text, 65_536)
		f.Add(text, 2048)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		size = min(max(size, smallestSize), 1<<20)
		for _, v := range []Verdict{Proposed, NotRun, Flaky} {
			r := reportWith(text)
			r.Verdict = v
			checkMarkdown(t, Markdown(r, MarkdownOptions{MaxBytes: size}), size)
			checkMarkdown(t, Explain(r, size), size)
		}
	})
}

// TestMarkdownSaysWhatIsLeftOut checks that parts are left out by priority, the patch last.
func TestMarkdownSaysWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	r := proposedReport()
	for range 600 {
		r.Failures = append(r.Failures, r.Failures[0])
	}
	whole := Markdown(r, MarkdownOptions{MaxBytes: 1 << 20})
	if strings.Contains(whole, "Left out") {
		t.Error("something is left out of 1 MiB")
	}
	for size := 60_000; size >= 4_000; size /= 2 {
		text := Markdown(r, MarkdownOptions{MaxBytes: size})
		checkMarkdown(t, text, size)
		for _, want := range []string{"s.Weight)", "whole suite", "regreen apply p-3f2a", "Left out to fit: ", "of 602 failures", "`regreen report 20260302-091512-k7` shows everything."} {
			if !strings.Contains(text, want) {
				t.Errorf("%d bytes without %q:\n%s", size, want, text)
			}
		}
		if len(text) < size/2 {
			t.Errorf("%d bytes of %d used", len(text), size)
		}
	}
}

func TestWithinShowsAsMuchAsFits(t *testing.T) {
	t.Parallel()
	s := rows("row", 0, make([]struct{}, 100), "head\n", "", func(struct{}) string { return "a row\n" })
	for size := range 700 {
		text, n := s.within(size)
		if len(text) > size {
			t.Fatalf("%d bytes, more than %d", len(text), size)
		}
		if n < s.items {
			next := s.render(n + 1)
			if len(next) <= size {
				t.Fatalf("%d bytes hold %d rows, but only %d are shown", size, n+1, n)
			}
		}
	}
}

// TestApplyCommand checks that a comment shows how to apply a patch by a comment.
func TestApplyCommand(t *testing.T) {
	t.Parallel()
	if text := Markdown(proposedReport(), MarkdownOptions{Apply: "/regreen apply"}); !strings.Contains(text, "`/regreen apply p-3f2a`") {
		t.Error(text)
	}
}
