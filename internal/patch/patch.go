// Package patch parses, applies, reverses, compares and formats text patches.
//
// It is a pure core: bytes in, bytes out. Nothing here reads a file or starts a
// process, and bad input is an error, never a panic. A File is one file's part of
// a patch; Read, Parse and Diff make them, Apply puts one on a file's content,
// Reverse turns them round, Merge carries one over later edits, and Format writes
// them again.
//
// Hunks are placed as GNU patch places them (see Apply). Not a goal: deciding whether
// a name in a patch may be written to. Names are returned as they stand and must be
// confined by whoever writes (see package confine).
package patch

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// File is what a patch does to one file. Names are slash-separated and without
// the a/ and b/ of a unified diff.
type File struct {
	OldName, NewName string // "" where there is no such side: OldName of a new file, NewName of a deleted one
	OldMode, NewMode fs.FileMode
	New, Delete      bool
	Rename, Copy     bool
	// Blind says that the patch deletes the file, whatever it holds.
	Blind  bool
	Binary bool        // its content cannot be told in lines; Hunks is empty
	Data   *BinaryData // of a binary patch; nil where it only says that there is a difference
	Hunks  []Hunk
	// Commit numbers the commits of a series, as git format-patch writes it: what is
	// renamed or copied is the file as the commit before left it.
	Commit int
	// Copied is the file of which this one is a copy that is taken back; see Reverse.
	Copied string
}

// Name is the name of the file after the patch, or before it when it is deleted.
func (f File) Name() string {
	if f.NewName != "" {
		return f.NewName
	}
	return f.OldName
}

// Hunk is one run of changes with the unchanged lines around it. Line numbers
// count from 1; of a side without lines, the start is the line before it.
type Hunk struct {
	OldStart, OldLines int
	NewStart, NewLines int
	Section            string // the text behind the second @@
	Lines              []Line

	// Anywhere says that the patch states no line numbers, as models write
	// patches: the hunk goes to the one place where its old lines are.
	Anywhere bool
	After    []string // of an Anywhere hunk: lines that come before it, in this order
	AtEnd    bool     // its last line is the last of the file
}

// Line is one line of a hunk.
type Line struct {
	Op   Op
	Text string // with its newline, unless the file ends without one
}

// Op tells what a line of a hunk does.
type Op byte

// The operations, as a unified diff writes them.
const (
	Context Op = ' '
	Delete  Op = '-'
	Insert  Op = '+'
)

// ParseError is a patch that cannot be read.
type ParseError struct {
	Line   int // of the patch, from 1; 0 when no single line is to blame
	Reason string
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return "patch: " + e.Reason
	}
	return fmt.Sprintf("patch: line %d: %s", e.Line, e.Reason)
}

// ErrConflict is what every *ConflictError matches with errors.Is.
var ErrConflict = errors.New("patch conflict")

// ConflictError is a patch that does not fit the content it is applied to.
type ConflictError struct {
	File   string
	Hunk   int // from 1; 0 when the whole file does not fit
	Line   int // of the content, from 1: where the hunk was expected
	Reason string
	Part   int // of the patch, from 1: which of its files; 0 when that is not known
	// Applied says that the file looks as if the patch was put on it before.
	Applied bool
	// The old lines of the hunk, and what the file has there instead, where a
	// difference between them is why.
	Expected, Found string
}

// Is makes errors.Is find ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

func (e *ConflictError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	line, reason := e.Line, e.Reason
	if e.Hunk > 0 {
		reason = fmt.Sprintf("hunk %d: %s", e.Hunk, e.Reason)
	}
	if e.Expected != e.Found {
		var want, got string
		line, want, got = e.firstDifference()
		reason += fmt.Sprintf(": expected %s, found %s", want, got)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, line, reason)
}

// firstDifference is the line in which Found differs from Expected, and both lines
// for showing.
func (e *ConflictError) firstDifference() (line int, want, got string) {
	expected, found := splitLines(e.Expected), splitLines(e.Found)
	i := 0
	for i < len(expected) && i < len(found) && expected[i] == found[i] {
		i++
	}
	show := func(lines []string) string {
		if i >= len(lines) {
			return "nothing"
		}
		const enough = 80
		return fmt.Sprintf("%.*q", enough, lines[i])
	}
	return e.Line + i, show(expected), show(found)
}

// Reverse returns the patch that undoes files, in reverse order.
func Reverse(files []File) []File {
	out := make([]File, 0, len(files))
	for _, f := range slices.Backward(files) {
		r := f
		r.OldName, r.NewName = f.NewName, f.OldName
		r.OldMode, r.NewMode = f.NewMode, f.OldMode
		r.New, r.Delete = f.Delete, f.New
		if f.Copy { // undoing a copy is deleting it, when it still is one
			r.Copy, r.Delete, r.Copied = false, true, f.OldName
			r.NewName, r.NewMode = "", 0
		}
		r.Commit = -f.Commit
		r.Data = f.Data.reverse()
		r.Hunks = nil
		for _, h := range f.Hunks {
			r.Hunks = append(r.Hunks, h.reverse())
		}
		out = append(out, r)
	}
	return out
}

func (h Hunk) reverse() Hunk {
	r := Hunk{
		OldStart: h.NewStart, OldLines: h.NewLines,
		NewStart: h.OldStart, NewLines: h.OldLines,
		Section: h.Section, Anywhere: h.Anywhere, After: h.After, AtEnd: h.AtEnd,
	}
	r.Lines = make([]Line, 0, len(h.Lines))
	// Deletions come before insertions in each run of changes.
	var inserts []Line
	for _, l := range h.Lines {
		switch l.Op {
		case Delete:
			inserts = append(inserts, Line{Insert, l.Text})
		case Insert:
			r.Lines = append(r.Lines, Line{Delete, l.Text})
		default:
			r.Lines = append(append(r.Lines, inserts...), l)
			inserts = inserts[:0]
		}
	}
	r.Lines = append(r.Lines, inserts...)
	return r
}

// Split returns each hunk as a patch of its own. Every one of them fits the
// content that the whole patch fits; names and modes are the same in all.
func (f File) Split() []File {
	out := make([]File, len(f.Hunks))
	for i, h := range f.Hunks {
		out[i] = f
		h.NewStart = alone(h)
		out[i].Hunks = []Hunk{h}
	}
	return out
}

// alone is the new start of a hunk before which nothing changed.
func alone(h Hunk) int {
	switch {
	case h.OldLines == 0 && h.NewLines > 0:
		return h.OldStart + 1
	case h.OldLines > 0 && h.NewLines == 0:
		return h.OldStart - 1
	default:
		return h.OldStart
	}
}
