package patch

import (
	"bytes"
	"strings"

	"znkr.io/diff"
	"znkr.io/diff/textdiff"
)

// contextLines is how many unchanged lines Diff puts around a change.
const contextLines = 3

// Diff compares two versions of a file, with three lines of context. An empty
// name says that there is no such side: the file is new, or deleted.
//
// As few lines are changed as can be, unless the files are so long and so
// different that finding the fewest would take too long. Where a change could
// stand in several places it stands where Michael Haggerty's indent heuristic,
// which is git's too, puts it. The section of a hunk is the nearest line before it
// that begins a function, a class or the like in the language that the name's
// extension tells, as git's is.
func Diff(oldName, newName string, old, new []byte) File {
	return DiffContext(oldName, newName, old, new, contextLines)
}

// DiffContext is Diff with a chosen number of context lines. With none, each
// run of changed lines is a hunk of its own, as delta debugging wants it, and
// hunks have no section.
func DiffContext(oldName, newName string, old, new []byte, context int) File {
	f := File{
		OldName: oldName, NewName: newName,
		New: oldName == "", Delete: newName == "",
	}
	f.Rename = !f.New && !f.Delete && oldName != newName
	if IsBinary(old) || IsBinary(new) {
		if f.Binary = !bytes.Equal(old, new); f.Binary {
			f.Data = binaryDiff(f, old, new)
		}
		return f
	}
	before, after := string(old), string(new)
	opts := append(effort(before, after), diff.Context(context))
	// Without the indent heuristic when there is no context: it may move a run
	// of changes next to another, but hunks must stay apart.
	if context > 0 {
		opts = append(opts, textdiff.IndentHeuristic())
	}
	sections := newSections(oldName, before)
	for _, h := range textdiff.Hunks(before, after, opts...) {
		hunk := Hunk{
			OldStart: h.LineNoX, OldLines: h.EndLineNoX - h.LineNoX,
			NewStart: h.LineNoY, NewLines: h.EndLineNoY - h.LineNoY,
		}
		if hunk.OldLines > 0 {
			hunk.OldStart++
		}
		if hunk.NewLines > 0 {
			hunk.NewStart++
		}
		if context > 0 {
			hunk.Section = sections.before(h.LineNoX)
		}
		for _, e := range h.Edits {
			op := Context
			switch e.Op {
			case diff.Delete:
				op = Delete
			case diff.Insert:
				op = Insert
			}
			hunk.Lines = append(hunk.Lines, Line{op, e.Line})
		}
		f.Hunks = append(f.Hunks, hunk)
	}
	return f
}

// The most lines to compare, of both sides together, for the fewest changes and
// for nearly the fewest. At its bound either takes a second or less for the worst
// there is, long files of the same lines in another order, where the time grows
// with the square of the lines, or with their power of 1.5. Sources are far from
// both bounds.
const (
	minimalLines = 10_000
	nearlyLines  = 30_000
)

// effort says how hard to look for few changes, by what there is to compare: the
// lines between the first and the last that differ. Beyond both bounds only lines
// that are alone of their kind are brought together, and what stands around them.
func effort(old, new string) []diff.Option {
	for len(old) > 0 && len(new) > 0 && old[len(old)-1] == new[len(new)-1] {
		old, new = old[:len(old)-1], new[:len(new)-1]
	}
	same := 0
	for same < min(len(old), len(new)) && old[same] == new[same] {
		same++
	}
	switch lines := strings.Count(old[same:], "\n") + strings.Count(new[same:], "\n"); {
	case lines <= minimalLines:
		return []diff.Option{diff.Minimal()}
	case lines <= nearlyLines:
		return nil
	default:
		return []diff.Option{diff.Fast()}
	}
}

// IsBinary tells whether b looks binary, by git's rule: a NUL early on.
func IsBinary(b []byte) bool {
	const early = 8000
	return bytes.IndexByte(b[:min(len(b), early)], 0) >= 0
}

// splitLines cuts s after each newline.
func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	lines := strings.SplitAfter(s, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
