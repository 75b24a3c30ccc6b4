package patch

import (
	"bytes"
	"fmt"
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

// chomp takes the line ending off, and what looks like more of it.
func chomp(line string) string {
	end := len(line)
	for end > 0 && (line[end-1] == '\n' || line[end-1] == '\r') {
		end--
	}
	return line[:end]
}
