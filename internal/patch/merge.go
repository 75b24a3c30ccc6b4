package patch

import (
	"bytes"
	"fmt"
	"strings"
)

// MergeError reports that two changes of a file overlap or touch.
type MergeError struct {
	Start, End   int    // the lines of the base that both change; both insert if Start > End
	Ours, Theirs string // each side's version of these lines
}

func (e *MergeError) Error() string {
	if e.Start > e.End {
		return fmt.Sprintf("both sides insert different lines before line %d", e.Start)
	}
	return fmt.Sprintf("both sides change lines %d to %d differently", e.Start, e.End)
}

// Merge applies the change from base to theirs to ours. It merges like diff3: it takes a
// change that only one side made, and takes once a change that both sides made. If other
// changes overlap or touch, it returns a *MergeError.
//
// Source: Khanna, Kunal and Pierce, A Formal Investigation of Diff3 (2007).
func Merge(base, ours, theirs []byte) ([]byte, error) {
	lines := splitLines(string(base))
	a, b := edits(base, ours), edits(base, theirs)
	var out strings.Builder
	at := 0
	for len(a) > 0 || len(b) > 0 {
		// A group is a run of edits, of either side, that overlap or touch.
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
		mine, other := group.applied(lines, a[:i]), group.applied(lines, b[:j])
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

// MergeKeepingEndings is Merge for versions that may have different line endings, as when git converts
// them on the way to the disk: ours keeps its own.
func MergeKeepingEndings(base, ours, theirs []byte) ([]byte, error) {
	merged, err := Merge(base, ours, theirs)
	if err == nil {
		return merged, nil
	}
	bare := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }
	mine := bare(ours)
	merged, err = Merge(bare(base), mine, bare(theirs))
	if err != nil {
		return nil, err
	}
	p := newPlacer(splitLines(string(ours)), DiffContext("x", "x", mine, merged, 0).Hunks, withoutEnding)
	placed := make([]Placement, len(p.hunks))
	for i, h := range p.hunks {
		placed[i].Line = h.first
	}
	return p.assembleKeepingEndings(placed), nil
}

// edit replaces the lines [start, end) of a base, counted from 0.
type edit struct {
	start, end int
	text       string
}

// edits returns the runs of lines in which two versions differ.
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

// applied returns the group's lines with one side's edits applied.
func (group edit) applied(lines []string, edits []edit) string {
	var out strings.Builder
	at := group.start
	for _, e := range edits {
		out.WriteString(strings.Join(lines[at:e.start], ""))
		out.WriteString(e.text)
		at = e.end
	}
	out.WriteString(strings.Join(lines[at:group.end], ""))
	return out.String()
}
