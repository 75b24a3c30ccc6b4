// Package patch parses, applies, reverses, compares and formats text patches.
//
// It is a pure core: bytes in, bytes out. Nothing here reads a file or starts a
// process, and bad input is an error, never a panic. A File is one file's part of
// a unified diff; Parse and Diff make them, Apply puts one on a file's content,
// Reverse turns them round and Format writes them again.
//
// Hunks are placed as GNU patch places them (see Apply). Not goals: binary
// patches, merging, and deciding whether a name in a patch may be written to:
// names are returned as they stand and must be confined by whoever writes.
package patch

import (
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
	Binary           bool // its content cannot be told in lines; Hunks is empty
	Hunks            []Hunk
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

// ConflictError is a patch that does not fit the content it is applied to.
type ConflictError struct {
	File   string
	Hunk   int // from 1; 0 when the whole file does not fit
	Line   int // of the content, from 1: where the hunk was expected
	Reason string
}

func (e *ConflictError) Error() string {
	if e.Hunk == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s:%d: hunk %d: %s", e.File, e.Line, e.Hunk, e.Reason)
}

// Reverse returns the patch that undoes files, in reverse order.
func Reverse(files []File) []File {
	out := make([]File, 0, len(files))
	for _, f := range slices.Backward(files) {
		r := f
		r.OldName, r.NewName = f.NewName, f.OldName
		r.OldMode, r.NewMode = f.NewMode, f.OldMode
		r.New, r.Delete = f.Delete, f.New
		if f.Copy { // undoing a copy is deleting it
			r.Copy, r.Delete = false, true
			r.NewName, r.NewMode = "", 0
		}
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
		Section: h.Section,
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
