// Package patch parses, applies, reverses, compares and formats text patches.
//
// It is a pure core: bytes in, bytes out. Nothing here reads a file or starts a
// process, and bad input is an error, never a panic. A File is the part of a patch
// that changes one file. Read, Parse and Diff return Files, Apply applies one to a
// file's content, Reverse inverts them, and Format writes them as text. Merge carries
// a change over to a file that has been edited since.
//
// Placement follows GNU patch (see Apply). Non-goal: deciding whether a patch may write to
// the files it names. Names are returned unchecked; the caller must confine them before it
// writes (see package confine).
package patch

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// File is the part of a patch for one file. Names are slash-separated and lack the a/ and
// b/ of a unified diff.
type File struct {
	OldName, NewName string // OldName is "" for a new file, NewName is "" for a deleted one
	OldMode, NewMode fs.FileMode
	New, Delete      bool
	Rename, Copy     bool
	// Blind says that the patch deletes the file, whatever its content.
	Blind  bool
	Binary bool        // the content has no lines to compare; Hunks is empty
	Data   *BinaryData // of a binary patch; nil if it only says that the files differ
	Hunks  []Hunk
	// Commit numbers the commits of a series by git format-patch. A rename or a copy
	// starts from the file as the previous commit left it.
	Commit int
	// Copied is set by Reverse when it undoes a copy: the file that was copied.
	Copied string
}

// Name returns the file's name after the patch, or the old name if the file is deleted.
func (f File) Name() string {
	if f.NewName != "" {
		return f.NewName
	}
	return f.OldName
}

// source returns the name of the file whose lines the patch changes: for a copy or a rename, the one
// that it starts from.
func (f File) source() string {
	if f.OldName != "" {
		return f.OldName
	}
	return f.NewName
}

// Hunk is one run of changes with the unchanged lines around it. Line numbers
// count from 1. If a side has no lines, its start is the line before.
type Hunk struct {
	OldStart, OldLines int
	NewStart, NewLines int
	Section            string // the text after the second @@
	Lines              []Line

	// Anywhere says that the hunk has no line numbers, as in many patches written by
	// models. It goes to the only place that has its old lines.
	Anywhere bool
	After    []string // for an Anywhere hunk: lines that come before it, in this order
	AtEnd    bool     // the hunk's last line is the last line of the file

	// Trimmed is how many more lines of context the patch had after Lines, before somebody trimmed
	// the end of its text. Apply checks that nothing else can be missing.
	Trimmed int
}

// Line is one line of a hunk.
type Line struct {
	Op   Op
	Text string // with its newline, unless the file ends without one
}

// Op is the operation of a line of a hunk.
type Op byte

// The operations, as a unified diff writes them.
const (
	Context Op = ' '
	Delete  Op = '-'
	Insert  Op = '+'
)

// ParseError is a patch that cannot be read.
type ParseError struct {
	Line   int // in the patch, from 1; 0 if no single line is at fault
	Reason string
	Advice string // what to do about it; "" if nothing is known
}

// Hint returns what to do about it.
func (e *ParseError) Hint() string { return e.Advice }

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return "patch: " + e.Reason
	}
	return fmt.Sprintf("patch: line %d: %s", e.Line, e.Reason)
}

// ErrConflict matches every *ConflictError with errors.Is.
var ErrConflict = errors.New("patch conflict")

// ConflictError is a patch that does not fit the content it is applied to.
type ConflictError struct {
	File    string
	Hunk    int // from 1; 0 if the conflict is not about one hunk
	Line    int // in the content, from 1: where the hunk was expected
	Reason  string
	Part    int  // which file of the patch, from 1; 0 if unknown
	Missing bool // the file does not exist
	// Applied says that the file looks as if the patch has already been applied, and Whole that
	// all files of the patch do.
	Applied, Whole bool
	// Ambiguous says that the hunk fits in several places, or comes after a line that does.
	Ambiguous bool
	// Expected and Found are the old lines of the hunk and what the file has in their
	// place. They are equal if the conflict has another cause.
	Expected, Found string
}

// Is reports whether target is ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

func (e *ConflictError) Error() string {
	name := Quote(e.File)
	if e.Whole {
		return e.Reason
	}
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", name, e.Reason)
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
	return fmt.Sprintf("%s:%d: %s", name, line, reason)
}

// firstDifference returns the first line in which Found differs from Expected, and
// both versions of it, quoted.
func (e *ConflictError) firstDifference() (line int, want, got string) {
	expected, found := splitLines(e.Expected), splitLines(e.Found)
	same := func(equal func(a, b string) bool) int {
		i := 0
		for i < len(expected) && i < len(found) && equal(expected[i], found[i]) {
			i++
		}
		return i
	}
	// Line endings are the difference only if there is no other.
	i := same(func(a, b string) bool { return withoutEnding(a) == withoutEnding(b) })
	if i == len(expected) && i == len(found) {
		i = same(func(a, b string) bool { return a == b })
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
		if f.Copy { // undo a copy by deleting it, if it still is one
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
		Section: h.Section, Anywhere: h.Anywhere, After: h.After, AtEnd: h.AtEnd, Trimmed: h.Trimmed,
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

// Split returns each hunk as a patch of its own. Each of them applies to the content
// that the whole patch applies to, and keeps its names and modes.
func (f File) Split() []File {
	out := make([]File, len(f.Hunks))
	for i, h := range f.Hunks {
		out[i] = f
		h.NewStart = newStart(h)
		out[i].Hunks = []Hunk{h}
	}
	return out
}

// newStart returns the NewStart of a hunk that is the first of its patch.
func newStart(h Hunk) int {
	switch {
	case h.OldLines == 0 && h.NewLines > 0:
		return h.OldStart + 1
	case h.OldLines > 0 && h.NewLines == 0:
		return h.OldStart - 1
	default:
		return h.OldStart
	}
}
