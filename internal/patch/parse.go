package patch

import (
	"bytes"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// StripAuto strips a/ and b/ (and git's mnemonic prefixes) where both names of a
// file have them, and nothing elsewhere.
const StripAuto = -1

// ParseOptions say how names in a patch are to be read.
type ParseOptions struct {
	// Strip is how many leading folders are taken off each name, or StripAuto.
	Strip int
}

// Reading is what Read found in a text.
type Reading struct {
	Files []File
	Parts []Part // which lines they are from, in the order of the text
}

// Part is one stretch of a text that was read as a patch of one file.
type Part struct {
	Reader      string // the form it is in, e.g. GitDiff
	File        string // the name of the file
	First, Last int    // lines of the text, from 1
	// Notes tell what was taken other than it is written: counts that were
	// wrong, hunks that change nothing.
	Notes []string
}

// The forms of patches that are read.
const (
	GitDiff     = "git diff"
	UnifiedDiff = "unified diff"
	Envelope    = "apply_patch envelope" // *** Begin Patch
	SearchBlock = "search/replace block" // <<<<<<< SEARCH
)

func (p Part) String() string {
	s := fmt.Sprintf("lines %d to %d: %s of %s", p.First, p.Last, p.Reader, p.File)
	if len(p.Notes) > 0 {
		s += " (" + strings.Join(p.Notes, "; ") + ")"
	}
	return s
}

// Parse is Read for who does not ask where each file is from.
func Parse(b []byte, opts ...ParseOptions) ([]File, error) {
	r, err := Read(b, opts...)
	return r.Files, err
}

// Read finds the patches in a text, in each of these forms, with anything around
// them: mail, prose, Markdown fences, indented or not.
//
//   - git's diffs, binary ones too, and those of any other tool, with LF or CRLF.
//     Wrong line counts in hunk headers, which language models are known for, are
//     counted again, and a header without line numbers (@@ or @@ func f() @@)
//     makes a hunk that goes wherever its old lines are (see Hunk.Anywhere).
//   - apply_patch envelopes, as OpenAI's Codex CLI documents them.
//   - search/replace blocks, as aider and Cline document them.
//
// A text that breaks off inside a patch is an error, not a shorter patch. Without
// options names are stripped as StripAuto says. The error is a *ParseError. A text
// without any patch has no files.
func Read(b []byte, opts ...ParseOptions) (Reading, error) {
	opt := ParseOptions{Strip: StripAuto}
	if len(opts) > 0 {
		opt = opts[0]
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if n := bytes.Count(b, newline); n > maxLines {
		return Reading{}, &ParseError{Reason: fmt.Sprintf("a text of %d lines is too long", n)}
	}
	r := &reader{lines: splitLines(string(b)), strip: opt.Strip}
	if err := r.run(); err != nil {
		return Reading{}, err
	}
	return r.Reading, nil
}

// Limits on what is read, far beyond honest patches.
const (
	maxLineNumber = 1 << 30
	maxName       = 4 << 10  // bytes of a name, as much as Linux allows
	maxHeader     = 64 << 10 // bytes of a line with two names, quoted
	maxLines      = 4 << 20
	maxAnchors    = 20 // lines that one hunk comes after
)

// reader goes through a text once, line by line.
type reader struct {
	Reading
	lines []string
	at    int // line that is next, from 0
	strip int
	// unclosed are indentations and marks of fences, and the line up to which nothing
	// closes them.
	unclosed map[string]int
	commit   int // of the series that the text is, from 0
}

func (r *reader) run() error {
	for r.at < len(r.lines) {
		line := r.lines[r.at]
		var err error
		switch {
		case strings.HasPrefix(line, "diff --git "):
			err = r.gitFile()
		case strings.HasPrefix(line, "From ") && isMail(line):
			r.commit++
			r.at++
		case r.isTraditional(r.at):
			err = r.traditionalFile()
		case strings.HasPrefix(line, "*** "):
			err = r.envelope()
		case isSearch(line):
			err = r.searchBlock()
		case isNumbered(line):
			err = r.fail("a hunk without the file's name before it (--- and +++)")
		case strings.HasPrefix(line, "@@@ -"), strings.HasPrefix(line, "diff --cc "), strings.HasPrefix(line, "diff --combined "):
			err = r.fail("a combined diff (of a merge) cannot be applied")
		default:
			r.prose()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isMail tells whether the line begins a mail of git format-patch.
func isMail(line string) bool {
	id, _, _ := strings.Cut(line[len("From "):], " ")
	return blobHash(id) != nil
}

func isNumbered(line string) bool {
	if !strings.HasPrefix(line, "@@ -") {
		return false
	}
	_, ok := parseHunkHeader(line)
	return ok
}

func (r *reader) fail(reason string) error { return r.failAt(r.at, reason) }

func (r *reader) failAt(line int, reason string) error {
	return &ParseError{Line: line + 1, Reason: reason}
}

// line is line i of the text, or "" behind its end.
func (r *reader) line(i int) string {
	if i < len(r.lines) {
		return r.lines[i]
	}
	return ""
}

// took records a file that was read from the lines from first up to the next one.
func (r *reader) took(reader string, first int, f File, notes []string) {
	f.Commit = r.commit
	r.Files = append(r.Files, f)
	r.Parts = append(r.Parts, Part{Reader: reader, File: f.Name(), First: first + 1, Last: r.at, Notes: notes})
}

// prose passes a line that is no part of a patch. One that opens an indented
// Markdown fence, as in a list, has the indentation of all up to its end removed.
func (r *reader) prose() {
	line := r.lines[r.at]
	r.at++
	bare := strings.TrimLeft(line, " \t")
	indent := line[:len(line)-len(bare)]
	mark := fenceMark(bare)
	if mark == "" || indent == "" || r.at <= r.unclosed[indent+mark] {
		return
	}
	closed := false
	end := r.at
	for ; end < len(r.lines); end++ {
		inner, indented := strings.CutPrefix(r.lines[end], indent)
		if closed = indented && strings.HasPrefix(inner, mark) && strings.TrimSpace(inner) == mark; closed {
			break
		}
		if !indented && strings.TrimSpace(r.lines[end]) != "" { // a line that a fence in a list cannot hold
			break
		}
	}
	if !closed { // nor is there an end for the next of its like
		if r.unclosed == nil {
			r.unclosed = make(map[string]int)
		}
		r.unclosed[indent+mark] = end
		return
	}
	for i := r.at; i <= end; i++ {
		r.lines[i] = strings.TrimPrefix(r.lines[i], indent)
	}
}

// fenceMark is the run of backticks or tildes that opens a Markdown fence, or "".
func fenceMark(line string) string {
	for _, c := range []string{"`", "~"} {
		if rest := strings.TrimLeft(line, c); len(line)-len(rest) >= 3 {
			return line[:len(line)-len(rest)]
		}
	}
	return ""
}

// isTraditional tells whether a header without "diff --git" starts at line i.
func (r *reader) isTraditional(i int) bool {
	return strings.HasPrefix(r.line(i), "--- ") &&
		strings.HasPrefix(r.line(i+1), "+++ ") &&
		(strings.HasPrefix(r.line(i+2), "@@") || i+2 == len(r.lines))
}

// traditionalFile reads a file's part with nothing but --- and +++ before the hunks.
func (r *reader) traditionalFile() error {
	first := r.at
	if len(r.lines[first])+len(r.lines[first+1]) > maxHeader {
		return r.fail("the names are too long")
	}
	old, oldStamp := cutStamp(chomp(r.lines[first][4:]))
	new, newStamp := cutStamp(chomp(r.lines[first+1][4:]))
	strip := r.strip
	if strip == StripAuto {
		strip = 0
		if prefixed(old, new) {
			strip = 1
		}
	}
	for _, name := range []*string{&old, &new} {
		var ok bool
		if *name, ok = stripName(*name, strip); !ok {
			return r.fail(badName)
		}
	}
	f := File{OldName: old, NewName: new}
	switch {
	case old == devNull && new == devNull:
		return r.fail("both names are " + devNull)
	case old == devNull || isEpoch(oldStamp):
		f.New, f.OldName = true, ""
	case new == devNull || isEpoch(newStamp):
		f.Delete, f.NewName = true, ""
	case strings.HasPrefix(new, old): // x and x.new, as people name them
		f.NewName = old
	default: // x.orig and x
		f.OldName = new
	}
	crlf := strings.HasSuffix(r.lines[first+1], "\r\n")
	r.at += 2
	notes, err := r.hunks(&f, false, crlf)
	if err != nil {
		return err
	}
	if len(f.Hunks) == 0 && len(notes) == 0 {
		return r.failAt(r.at-1, "the text breaks off before the hunks of "+f.Name())
	}
	r.took(UnifiedDiff, first, f, notes)
	return nil
}

// gitFile reads a file's part that begins with "diff --git".
func (r *reader) gitFile() error {
	first := r.at
	header := chomp(r.lines[first])
	if len(header) > maxHeader {
		return r.fail("the names are too long")
	}
	old, new, named := splitGitNames(header[len("diff --git "):])
	strip := r.strip
	if strip == StripAuto {
		if !named { // the header alone does not tell where one ends
			old, new = r.sidesBelow()
		}
		strip = 1
		if old != "" && !prefixed(old, new) {
			strip = 0
		}
	}
	var f File
	if named {
		var okOld, okNew bool
		f.OldName, okOld = stripName(old, strip)
		f.NewName, okNew = stripName(new, strip)
		if !okOld || !okNew {
			return r.fail(badName)
		}
	}
	crlf := strings.HasSuffix(r.lines[first], "\r\n")
	r.at++
	id, err := r.gitHeader(&f, strip)
	if err != nil {
		return err
	}
	promised := id.differs() || strings.HasPrefix(r.lines[r.at-1], "+++ ")
	sided(&f)
	if f.Name() == "" {
		return r.failAt(first, "nothing tells the name of the file")
	}
	var notes []string
	if line := chomp(r.line(r.at)); line == binaryPatch || strings.HasPrefix(line, "Binary files ") {
		err = r.binary(&f, id)
	} else {
		notes, err = r.hunks(&f, true, crlf)
	}
	if err != nil {
		return err
	}
	if len(f.Hunks) == 0 && !f.Binary && len(notes) == 0 {
		if promised || r.at == len(r.lines) && !strings.HasSuffix(r.lines[r.at-1], "\n") {
			return r.failAt(r.at-1, "the text breaks off before the hunks of "+f.Name())
		}
		if !f.New && !f.Delete && !f.Rename && !f.Copy && (f.OldMode == f.NewMode || f.NewMode == 0) {
			return nil // git writes such headers for files that were only touched
		}
	}
	r.took(GitDiff, first, f, notes)
	return nil
}

// sidesBelow are the names of the --- and +++ lines of the file whose header is next.
func (r *reader) sidesBelow() (old, new string) {
	for i := r.at + 1; i < len(r.lines) && i < r.at+8; i++ {
		if strings.HasPrefix(r.lines[i], "--- ") && strings.HasPrefix(r.line(i+1), "+++ ") {
			old, _ = cutStamp(chomp(r.lines[i][4:]))
			new, _ = cutStamp(chomp(r.lines[i+1][4:]))
			return old, new
		}
	}
	return "", ""
}

// sided takes away the name, and the mode, of a side that is not there. A side that is
// there but has no name has that of the other.
func sided(f *File) {
	if f.OldName == "" {
		f.OldName = f.NewName
	}
	if f.NewName == "" {
		f.NewName = f.OldName
	}
	if f.New {
		f.OldName, f.OldMode = "", 0
	}
	if f.Delete {
		f.NewName, f.NewMode = "", 0
	}
}

// gitHeader reads the lines between "diff --git" and the hunks.
func (r *reader) gitHeader(f *File, strip int) (id ids, err error) {
	for ; r.at < len(r.lines); r.at++ {
		line := chomp(r.lines[r.at])
		take := func(prefix string) (rest string, ok bool) { return strings.CutPrefix(line, prefix) }
		mode := func(into ...*fs.FileMode) {
			raw, parseErr := strconv.ParseUint(line[strings.LastIndexByte(line, ' ')+1:], 8, 32)
			if parseErr != nil {
				err = r.fail("this is no mode of a file")
			}
			for _, m := range into {
				*m = fileMode(fs.FileMode(raw))
			}
		}
		name := func(rest string, into *string) { // which lacks the a/ that the others begin with
			var ok bool
			if *into, ok = stripName(unquote(rest), max(0, strip-1)); !ok || *into == devNull {
				err = r.fail("this cannot be the name of a file")
			}
		}
		rest, ok := "", false
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
			err = r.gitSide(f, line, strip)
		case strings.HasPrefix(line, "new file mode "):
			f.New = true
			mode(&f.NewMode)
		case strings.HasPrefix(line, "deleted file mode "):
			f.Delete = true
			mode(&f.OldMode)
		case strings.HasPrefix(line, "old mode "):
			mode(&f.OldMode)
		case strings.HasPrefix(line, "new mode "):
			mode(&f.NewMode)
		case strings.HasPrefix(line, "similarity index "), strings.HasPrefix(line, "dissimilarity index "):
		default:
			if rest, ok = take("rename from "); ok {
				f.Rename = true
				name(rest, &f.OldName)
			} else if rest, ok = take("rename to "); ok {
				f.Rename = true
				name(rest, &f.NewName)
			} else if rest, ok = take("copy from "); ok {
				f.Copy = true
				name(rest, &f.OldName)
			} else if rest, ok = take("copy to "); ok {
				f.Copy = true
				name(rest, &f.NewName)
			} else if rest, ok = take("index "); ok {
				rest, raw, hasMode := strings.Cut(rest, " ")
				id.old, id.new, _ = strings.Cut(rest, "..")
				if hasMode && raw != "" {
					mode(&f.OldMode)
				}
			} else {
				return id, nil
			}
		}
		if err != nil {
			return id, err
		}
	}
	return id, nil
}

// gitSide reads a --- or +++ line. A side that the header said to be absent stays
// so, whatever the line says: models get that wrong.
func (r *reader) gitSide(f *File, line string, strip int) error {
	if len(line) > maxHeader {
		return r.fail("the name is too long")
	}
	name, _ := cutStamp(line[4:])
	name, ok := stripName(name, strip)
	if !ok {
		return r.fail(badName)
	}
	side, absent := &f.OldName, &f.New
	if line[0] == '+' {
		side, absent = &f.NewName, &f.Delete
	}
	switch {
	case *absent:
	case name == devNull:
		*absent = true
	case f.Rename || f.Copy: // the lines above are unambiguous
	default:
		*side = name
	}
	return nil
}

// ids are what an index line calls the contents before and after.
type ids struct{ old, new string }

// emptyBlobs are git's ids of no content, by SHA-1 and by SHA-256.
var emptyBlobs = [...]string{
	"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
	"473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
}

// differs tells whether the ids are those of two contents, not both empty.
func (id ids) differs() bool {
	empty := func(s string) bool {
		return strings.Trim(s, "0") == "" || strings.HasPrefix(emptyBlobs[0], s) || strings.HasPrefix(emptyBlobs[1], s)
	}
	return id.old != id.new && (!empty(id.old) || !empty(id.new))
}

// chomp takes the line ending off, and what looks like more of it.
func chomp(line string) string {
	end := len(line)
	for end > 0 && (line[end-1] == '\n' || line[end-1] == '\r') {
		end--
	}
	return line[:end]
}
