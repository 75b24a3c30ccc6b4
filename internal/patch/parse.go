package patch

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// StripAuto strips a/ and b/ (or git's mnemonic prefixes) if both names of a file have
// them, and nothing otherwise.
const StripAuto = -1

// ParseOptions control how names in a patch are read.
type ParseOptions struct {
	// Strip is how many leading directories to remove from each name, or StripAuto.
	Strip int
}

// Reading is the result of Read.
type Reading struct {
	Files []File
	Parts []Part // the lines that each file was read from, in the same order
}

// Part is one stretch of a text that was read as a patch of one file.
type Part struct {
	Reader      string // the form of the patch, such as GitDiff
	File        string // the name of the file
	First, Last int    // lines of the text, from 1
	// Names are the names that the header of a diff gives, stripped: old, new, and from a line
	// "Index:". Without git's header, each can be the name of the file; see repo.Tree.Choose.
	Names []string
	// Notes say what was corrected or ignored: wrong line counts, hunks that change
	// nothing.
	Notes []string
}

// The forms of patches that Read understands.
const (
	GitDiff     = "git diff"
	UnifiedDiff = "unified diff"
	Envelope    = "apply_patch envelope" // *** Begin Patch
	SearchBlock = "search/replace block" // <<<<<<< SEARCH
)

func (p Part) String() string {
	s := fmt.Sprintf("lines %d to %d: %s of %s", p.First, p.Last, p.Reader, Quote(p.File))
	if len(p.Notes) > 0 {
		s += " (" + strings.Join(p.Notes, "; ") + ")"
	}
	return s
}

// Parse is Read without the lines that each file was read from.
func Parse(b []byte, opts ...ParseOptions) ([]File, error) {
	r, err := Read(b, opts...)
	return r.Files, err
}

// Read finds the patches in a text. It understands the forms below, and ignores what is
// around them: mail, prose, Markdown fences, indented or not.
//
//   - Diffs, including git's binary ones, with LF or CRLF. Read corrects line counts that are too
//     small, and in a Markdown fence, where language models write, any. A header without line
//     numbers (@@ or @@ func f() @@) starts a hunk that goes wherever its old lines are (see
//     Hunk.Anywhere).
//   - apply_patch envelopes, as OpenAI's Codex CLI documents them.
//   - search/replace blocks, as aider and Cline document them.
//
// A text that ends inside a patch is an error, not a shorter patch; only a few lines of context may
// be missing at its end (see Hunk.Trimmed). Without options, names are stripped by StripAuto. The error is a *ParseError. If the text has no patch, the
// Reading has no files.
func Read(b []byte, opts ...ParseOptions) (Reading, error) {
	opt := ParseOptions{Strip: StripAuto}
	if len(opts) > 0 {
		opt = opts[0]
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if n := bytes.Count(b, newline); n > maxLines {
		return Reading{}, &ParseError{Reason: fmt.Sprintf("the text is too long: %d lines", n)}
	}
	r := &reader{lines: splitLines(string(b)), strip: opt.Strip}
	if err := r.run(); err != nil {
		return Reading{}, err
	}
	return r.Reading, nil
}

// Limits on what is read, far above what real patches need.
const (
	maxLineNumber = 1 << 30
	maxName       = 4 << 10  // bytes of a name, as much as Linux allows
	maxHeader     = 64 << 10 // bytes of a line with two names, quoted
	maxLines      = 4 << 20
	maxAnchors    = 20 // lines that one hunk names after @@
)

// reader goes through a text once, line by line.
type reader struct {
	Reading
	lines []string
	at    int // the next line, from 0
	strip int
	fence int // the line, from 0, that closes the last Markdown fence that is closed
	// unclosed maps the indentation and mark of a fence to the line up to which no line
	// closes it.
	unclosed map[string]int
	indexed  bool // a file had a line with object IDs, so all do
	commit   int  // number of the commit in a series by git format-patch; 0 before the first
	mail     mail
	base64   int // line of the last header, from 1, that announces base64; 0 for none
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
			r.mail = mail{first: len(r.Files)}
		case r.isTraditional(r.at):
			err = r.traditionalFile()
		case strings.HasPrefix(line, "*** "):
			err = r.envelope()
		case isSearch(line):
			err = r.searchBlock()
		case isNumbered(line):
			err = r.indexedFile()
		case strings.HasPrefix(line, "@@@ -"), strings.HasPrefix(line, "diff --cc "), strings.HasPrefix(line, "diff --combined "):
			err = r.fail("cannot apply a combined diff (of a merge)")
		case r.afterFile() && r.isCutHeader(r.at):
			r.at = len(r.lines)
			err = r.cutOff("the patch is cut off in the header of a file or a hunk")
		case isEncoded(line):
			err = r.encoded()
		default:
			r.mail.read(line)
			r.skipLine()
		}
		if err != nil {
			return err
		}
	}
	if n := len(r.Files) - r.mail.first; r.commit > 0 && n < r.mail.files && !r.mail.signed {
		return r.cutOff(fmt.Sprintf("the patch is cut off: the mail says that %d files changed, but it has the changes of %d", r.mail.files, n))
	}
	if len(r.Files) == 0 && r.base64 > 0 {
		return &ParseError{Line: r.base64, Reason: "the mail is encoded in base64", Advice: decodeAdvice}
	}
	return nil
}

// A mail can be encoded, so that its lines are not those of the patch.
const (
	encodingHeader = "content-transfer-encoding:"
	decodeAdvice   = "decode the mail first: git mailinfo message patch.diff <MAIL"
)

// isEncoded reports whether a line is the header of a mail, or a part of one, that is encoded.
func isEncoded(line string) bool {
	return len(line) > len(encodingHeader) && strings.EqualFold(line[:len(encodingHeader)], encodingHeader)
}

// encoded reads such a header. Lines that are quoted-printable can look like those of a patch, so
// their patch is refused if any character is encoded. Base64 cannot; it may be a picture.
func (r *reader) encoded() error {
	switch strings.ToLower(strings.TrimSpace(r.lines[r.at][len(encodingHeader):])) {
	case "base64":
		r.base64 = r.at + 1
	case "quoted-printable":
		if slices.ContainsFunc(r.lines[r.at+1:], quotedPrintable().MatchString) {
			return &ParseError{Line: r.at + 1, Reason: "the mail is encoded as quoted-printable", Advice: decodeAdvice}
		}
	}
	r.at++
	return nil
}

var quotedPrintable = lazily(`=(?:[0-9A-F]{2}|\r?\n$)`)

// mail is the last mail by git format-patch. Its summary says how many files changed, and it ends in
// a signature.
type mail struct {
	first  int // how many files were read before it
	files  int // in its summary; 0 if it has none
	signed bool
}

// read takes from a line what it says about the mail.
func (m *mail) read(line string) {
	if isSignature(line) {
		m.signed = true
		return
	}
	if m.files > 0 || line[0] != ' ' {
		return
	}
	if words := strings.Fields(line); len(words) > 2 && strings.HasPrefix(words[1], "file") && strings.HasPrefix(words[2], "changed") {
		m.files, _ = strconv.Atoi(words[0]) // 0 if it is not a number
	}
}

// isMail reports whether the line begins a mail written by git format-patch.
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

// line returns line i of the text, or "" after its end.
func (r *reader) line(i int) string {
	if i < len(r.lines) {
		return r.lines[i]
	}
	return ""
}

// add records a file that was read from the lines from first up to the next one.
func (r *reader) add(reader string, first int, f File, notes []string) {
	f.Commit = r.commit
	r.Files = append(r.Files, f)
	r.Parts = append(r.Parts, Part{Reader: reader, File: f.Name(), First: first + 1, Last: r.at, Notes: notes})
}

// isCutHeader reports whether the text ends in the header of a file or a hunk that begins at line
// i, right after a hunk.
func (r *reader) isCutHeader(i int) bool {
	const most = 4 // lines
	rest := r.lines[i:]
	if len(rest) == 0 || len(rest) > most {
		return false
	}
	for n, line := range rest {
		heads := []string{"diff -", "Index: ", "--- ", "@@ -", "======", "+++ "}
		if n == 0 {
			heads = heads[:4] // those that can come first
		}
		if !slices.ContainsFunc(heads, func(head string) bool {
			return strings.HasPrefix(line, head) || !strings.HasSuffix(line, "\n") && strings.HasPrefix(head, line)
		}) {
			return false
		}
	}
	return true
}

// afterFile reports whether the part of a file ends just before the next line.
func (r *reader) afterFile() bool {
	n := len(r.Parts)
	return n > 0 && r.Parts[n-1].Last == r.at
}

// skipLine skips a line that is not part of a patch. If it opens a Markdown fence, skipLine finds
// the fence's end, and removes the indentation of the lines up to there, as in a list.
func (r *reader) skipLine() {
	line := r.lines[r.at]
	r.at++
	bare := strings.TrimLeft(line, " \t")
	indent := line[:len(line)-len(bare)]
	mark := fenceMark(bare)
	if mark == "" || r.at <= r.fence || r.at <= r.unclosed[indent+mark] {
		return
	}
	closed := false
	end := r.at
	for ; end < len(r.lines); end++ {
		inner, indented := strings.CutPrefix(r.lines[end], indent)
		if closed = indented && strings.HasPrefix(inner, mark) && strings.TrimSpace(inner) == mark; closed {
			break
		}
		if !indented && strings.TrimSpace(r.lines[end]) != "" { // not part of an indented fence
			break
		}
	}
	if !closed { // nor do later fences of this kind close before end
		if r.unclosed == nil {
			r.unclosed = make(map[string]int)
		}
		r.unclosed[indent+mark] = end
		return
	}
	r.fence = end
	if indent == "" {
		return
	}
	for i := r.at; i <= end; i++ {
		r.lines[i] = strings.TrimPrefix(r.lines[i], indent)
	}
}

// fenceMark returns the run of backticks or tildes that opens a Markdown fence, or "".
func fenceMark(line string) string {
	for _, c := range []string{"`", "~"} {
		if rest := strings.TrimLeft(line, c); len(line)-len(rest) >= 3 {
			return line[:len(line)-len(rest)]
		}
	}
	return ""
}

// isTraditional reports whether a header without "diff --git" starts at line i.
func (r *reader) isTraditional(i int) bool {
	return strings.HasPrefix(r.line(i), "--- ") &&
		strings.HasPrefix(r.line(i+1), "+++ ") &&
		(strings.HasPrefix(r.line(i+2), "@@") || i+2 == len(r.lines))
}

// traditionalFile reads the part of a file with only --- and +++ lines before the hunks.
func (r *reader) traditionalFile() error {
	first := r.at
	if len(r.lines[first])+len(r.lines[first+1]) > maxHeader {
		return r.fail("the file names are too long")
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
	old, okOld := stripName(old, strip)
	new, okNew := stripName(new, strip)
	switch {
	case okOld && okNew:
	case okOld && old != devNull:
		new = old
	case okNew && new != devNull:
		old = new
	default:
		return r.fail(badName)
	}
	names := []string{old, new}
	if name, ok := stripName(r.indexName(first), max(0, r.strip)); ok {
		names = append(names, name)
	}
	f := File{OldName: old, NewName: new}
	switch {
	case old == devNull && new == devNull:
		return r.fail("both names are " + devNull)
	case old == devNull || isEpoch(oldStamp):
		f.New, f.OldName = true, ""
	case new == devNull || isEpoch(newStamp):
		f.Delete, f.NewName = true, ""
	case strings.HasPrefix(new, old): // such as x and x.new
		f.NewName = old
	default: // such as x.orig and x
		f.OldName = new
	}
	crlf := strings.HasSuffix(r.lines[first+1], "\r\n")
	r.at += 2
	notes, err := r.hunks(&f, false, crlf)
	if err != nil {
		return err
	}
	if len(f.Hunks) == 0 && len(notes) == 0 {
		return r.cutOff("unexpected end of patch before the hunks of " + Quote(f.Name()) + ": it is cut off")
	}
	r.add(UnifiedDiff, first, f, notes)
	r.Parts[len(r.Parts)-1].Names = slices.DeleteFunc(names, func(name string) bool { return name == devNull })
	return nil
}

// indexedFile reads the hunks of a file whose name is only in a line "Index:".
func (r *reader) indexedFile() error {
	first := r.at
	name, ok := stripName(r.indexName(first), max(0, r.strip))
	if !ok {
		return r.fail("hunk without a file name before it (--- and +++ lines)")
	}
	f := File{OldName: name, NewName: name}
	notes, err := r.hunks(&f, false, strings.HasSuffix(r.lines[first], "\r\n"))
	if err != nil {
		return err
	}
	r.add(UnifiedDiff, first, f, notes)
	return nil
}

// indexName returns the name in a line "Index:" close before line i, as svn and CVS write it, or "".
func (r *reader) indexName(i int) string {
	const most = 6 // lines between the two
	for at := i - 1; at >= max(0, i-most) && !r.isPart(at); at-- {
		if name, ok := strings.CutPrefix(r.lines[at], "Index: "); ok {
			name, _ = cutStamp(chomp(name))
			return name
		}
	}
	return ""
}

// isPart reports whether line i belongs to the last file that was read, or to one before it.
func (r *reader) isPart(i int) bool { return len(r.Parts) > 0 && i < r.Parts[len(r.Parts)-1].Last }

// chomp returns line without the CRs and LFs at its end.
func chomp(line string) string {
	end := len(line)
	for end > 0 && (line[end-1] == '\n' || line[end-1] == '\r') {
		end--
	}
	return line[:end]
}
