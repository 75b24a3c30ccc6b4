package report

import (
	"fmt"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/plural"
)

const (
	onDelete style = "31;7" // the changed part of a changed line
	onInsert style = "32;7"
)

// diff shows a unified diff, or its first few lines unless verbose.
func (t *terminal) diff(diff string, few int) {
	lines := readDiff(diff)
	n := t.some(len(lines), few)
	for i := 0; i < n; i++ {
		l := lines[i]
		switch l.kind {
		case diffFile:
			t.line("  ", t.paint(bold, cutPath(expand(l.text), t.width-2)))
		case diffMeta:
			t.line("  ", t.paint(dim, cut(expand(l.text), t.width-2)))
		case diffHunk:
			t.line("  ", t.paint(cyan, cut(expand(l.text), t.width-2)))
		case diffContext:
			t.code("  ", "  ", []patch.Span{{Text: expand(l.text)}}, "", "")
		case diffDelete, diffInsert:
			end := changeEnd(lines, i, n)
			t.change(lines[i:end])
			i = end - 1
		}
	}
	t.leftOut(2, len(lines)-n, "line")
}

// changeEnd returns the end of the run of deleted and then inserted lines that starts at i.
func changeEnd(lines []diffLine, i, n int) int {
	for i < n && lines[i].kind == diffDelete {
		i++
	}
	for i < n && lines[i].kind == diffInsert {
		i++
	}
	return i
}

// change shows deleted lines and their replacements. With color, the differences between
// them are highlighted.
func (t *terminal) change(lines []diffLine) {
	var deleted, inserted []string
	for _, l := range lines {
		if l.kind == diffDelete {
			deleted = append(deleted, expand(l.text))
		} else {
			inserted = append(inserted, expand(l.text))
		}
	}
	old, new := patch.Highlight(deleted, inserted)
	for _, spans := range old {
		t.code("  ", "- ", spans, red, onDelete)
	}
	for _, spans := range new {
		t.code("  ", "+ ", spans, green, onInsert)
	}
}

// code writes one line of code after a mark, broken at the width. It leaves out the end of a
// very long line, and says how much.
func (t *terminal) code(indent, mark string, spans []patch.Span, plain, changed style) {
	room := t.width - cells(indent) - cells(mark)
	var row strings.Builder
	row.WriteString(indent + t.paint(plain, mark))
	left, rows := room, 1
	dropped := 0
	for _, s := range spans {
		paint := plain
		if s.Changed {
			paint = changed
		}
		for rest := s.Text; rest != ""; {
			if left <= 0 {
				if rows == codeRows && !t.opt.Verbose {
					dropped += len([]rune(rest))
					break
				}
				rows++
				t.line(row.String())
				row.Reset()
				row.WriteString(indent + strings.Repeat(" ", cells(mark)))
				left = room
			}
			part, tail := head(rest, left)
			if cells(part) > left && left < room { // no space for a wide character
				left = 0
				continue
			}
			row.WriteString(t.paint(paint, part))
			left -= cells(part)
			if rest = tail; rest != "" {
				left = 0
			}
		}
	}
	if dropped > 0 {
		t.cut = true
		row.WriteString("\n" + indent + strings.Repeat(" ", cells(mark)) +
			t.paint(dim, fmt.Sprintf("… %s", plural.Count(dropped, "more character"))))
	}
	t.line(row.String())
}

// expand replaces tabs by spaces, with a tab stop every four columns.
func expand(s string) string {
	if !strings.Contains(s, "\t") {
		return s
	}
	var b strings.Builder
	column := 0
	for _, r := range s {
		if r == '\t' {
			n := 4 - column%4
			b.WriteString(strings.Repeat(" ", n))
			column += n
			continue
		}
		b.WriteRune(r)
		column += runeCells(r)
	}
	return b.String()
}
