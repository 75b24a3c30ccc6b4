package patch

import (
	"fmt"
	"strings"
)

// MergeError says that two changes of a file meet.
type MergeError struct {
	Start, End   int    // the lines of the base that both change; an empty range lies before Start
	Ours, Theirs string // what each makes of them
}

func (e *MergeError) Error() string {
	if e.Start > e.End {
		return fmt.Sprintf("both sides put something else before line %d", e.Start)
	}
	return fmt.Sprintf("both sides change lines %d to %d, each in its way", e.Start, e.End)
}

// Merge carries the change from base to theirs over to ours. It is diff3's merge: a
// change that only one side made is taken, one that both made alike is taken once, and
// changes that overlap or touch are a *MergeError, with nothing merged.
//
// Source: Khanna, Kunal and Pierce, A Formal Investigation of Diff3 (2007).
func Merge(base, ours, theirs []byte) ([]byte, error) {
	lines := splitLines(string(base))
	a, b := edits(base, ours), edits(base, theirs)
	var out strings.Builder
	at := 0
	for len(a) > 0 || len(b) > 0 {
		// A group is all edits that overlap or touch, of either side.
		group := edit{start: len(lines) + 1}
		if len(a) > 0 {
			group = a[0]
		}
		if len(b) > 0 && b[0].start < group.start {
			group = b[0]
		}
		i, j := 0, 0
		for {
			switch {
			case i < len(a) && a[i].start <= group.end:
				group.end = max(group.end, a[i].end)
				i++
				continue
			case j < len(b) && b[j].start <= group.end:
				group.end = max(group.end, b[j].end)
				j++
				continue
			}
			break
		}
		mine, other := sideOf(lines, group, a[:i]), sideOf(lines, group, b[:j])
		out.WriteString(strings.Join(lines[at:group.start], ""))
		switch {
		case j == 0 || i > 0 && mine == other:
			out.WriteString(mine)
		case i == 0:
			out.WriteString(other)
		default:
			return nil, &MergeError{Start: group.start + 1, End: group.end, Ours: mine, Theirs: other}
		}
		at, a, b = group.end, a[i:], b[j:]
	}
	out.WriteString(strings.Join(lines[at:], ""))
	return []byte(out.String()), nil
}

// edit replaces the lines [start, end) of a base, counted from 0.
type edit struct {
	start, end int
	text       string
}

// edits are the runs of lines in which two versions differ.
func edits(base, other []byte) []edit {
	var out []edit
	for _, h := range DiffContext("x", "x", base, other, 0).Hunks {
		e := edit{start: h.OldStart, end: h.OldStart}
		if h.OldLines > 0 {
			e.start, e.end = h.OldStart-1, h.OldStart-1+h.OldLines
		}
		for _, l := range h.Lines {
			if l.Op == Insert {
				e.text += l.Text
			}
		}
		out = append(out, e)
	}
	return out
}

// sideOf is what a side makes of a group's lines.
func sideOf(lines []string, group edit, of []edit) string {
	var out strings.Builder
	at := group.start
	for _, e := range of {
		out.WriteString(strings.Join(lines[at:e.start], ""))
		out.WriteString(e.text)
		at = e.end
	}
	out.WriteString(strings.Join(lines[at:group.end], ""))
	return out.String()
}
