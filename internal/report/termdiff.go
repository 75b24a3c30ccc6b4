package report

import (
	"fmt"
	"strings"
)

const (
	onDelete style = "31;7" // what changed inside a changed line
	onInsert style = "32;7"
)

// diff shows a unified diff, few lines of it unless all are asked for.
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
			t.code("  ", "  ", []segment{{expand(l.text), false}}, "", "")
		case diffDelete, diffInsert:
			end := changeEnd(lines, i, n)
			t.change(lines[i:end])
			i = end - 1
		}
	}
	t.leftOut(2, len(lines)-n, "line")
}

// changeEnd is the end of the run of deleted and then inserted lines that begins at i.
func changeEnd(lines []diffLine, i, n int) int {
	for i < n && lines[i].kind == diffDelete {
		i++
	}
	for i < n && lines[i].kind == diffInsert {
		i++
	}
	return i
}

// change shows deleted lines and the ones inserted in their place. When there are
// as many of each, they are taken to be counterparts, and what differs inside of
// them stands out.
func (t *terminal) change(lines []diffLine) {
	inserted := 0
	for inserted < len(lines) && lines[inserted].kind == diffDelete {
		inserted++
	}
	segments := make([][]segment, len(lines))
	for i, l := range lines {
		segments[i] = []segment{{expand(l.text), false}}
	}
	if t.opt.Color && inserted*2 == len(lines) {
		for i := range inserted {
			if old, new, ok := intraline(segments[i][0].text, segments[inserted+i][0].text); ok {
				segments[i], segments[inserted+i] = old, new
			}
		}
	}
	for i, l := range lines {
		if l.kind == diffDelete {
			t.code("  ", "- ", segments[i], red, onDelete)
		} else {
			t.code("  ", "+ ", segments[i], green, onInsert)
		}
	}
}

// code writes one line of code after a mark, broken hard at the width so that
// nothing of it is lost; of a very long line it says how much is left out.
func (t *terminal) code(indent, mark string, segments []segment, plain, changed style) {
	room := t.width - cells(indent) - cells(mark)
	var row strings.Builder
	row.WriteString(indent + t.paint(plain, mark))
	left, rows := room, 1
	dropped := 0
	for _, s := range segments {
		paint := plain
		if s.changed {
			paint = changed
		}
		for rest := s.text; rest != ""; {
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
			if cells(part) > left && left < room { // a wide character does not fit any more
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
			t.paint(dim, fmt.Sprintf("… %s", count(dropped, "more character"))))
	}
	t.line(row.String())
}

// expand replaces tabs by spaces up to the next column that four divides.
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
