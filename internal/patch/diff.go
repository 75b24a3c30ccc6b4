package patch

import (
	"bytes"
	"strings"

	"znkr.io/diff"
	"znkr.io/diff/textdiff"
)

// contextLines is how many unchanged lines Diff puts around a change.
const contextLines = 3

// Diff compares two versions of a file, with three lines of context. If oldName is empty,
// the file is new; if newName is empty, it is deleted.
//
// The diff changes as few lines as possible, unless the files are so long and so different
// that finding the minimum would take too long. If a change fits in several places, Diff
// chooses one by Michael Haggerty's indent heuristic, like git. The section of a hunk is
// the nearest line before it that begins a function, a class or the like in the file's
// language, which Diff knows by the extension of oldName.
func Diff(oldName, newName string, old, new []byte) File {
	return DiffContext(oldName, newName, old, new, contextLines)
}

// DiffContext is Diff with the given number of context lines. With none, each run of
// changed lines is a hunk of its own, as delta debugging needs it, and hunks have no
// section.
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
	// Without context, hunks must stay apart, but the indent heuristic may move a run of
	// changes next to another.
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

// The most lines to compare, of both sides together, for a minimal diff and for a nearly
// minimal one. At its limit, either takes a second or less in the worst case: long files
// with the same lines in another order, for which the time grows with the square of the
// number of lines, or with its power of 1.5. Source files are far below both limits.
const (
	minimalLines       = 10_000
	nearlyMinimalLines = 30_000
)

// effort returns how hard to look for a small diff, by the number of lines between the
// first and the last difference. Above both limits, only lines that are unique, and those
// around them, are matched.
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
	case lines <= nearlyMinimalLines:
		return nil
	default:
		return []diff.Option{diff.Fast()}
	}
}

// IsBinary reports whether b looks binary, by git's rule: a NUL near its start.
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
