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
func Diff(oldName, newName string, old, new []byte) File {
	return DiffContext(oldName, newName, old, new, contextLines)
}

// DiffContext is Diff with a chosen number of context lines. With none, each
// run of changed lines is a hunk of its own, as delta debugging wants it.
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
	// Without the indent heuristic when there is no context: it may move a run
	// of changes next to another, but hunks must stay apart.
	opts := []diff.Option{diff.Context(context)}
	if context > 0 {
		opts = append(opts, textdiff.IndentHeuristic())
	}
	for _, h := range textdiff.Hunks(string(old), string(new), opts...) {
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
