package patch

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// hunks reads the hunks of one file, if any. git says whether the file has git's header,
// and crlf whether its lines end in CRLF. The notes say what was corrected.
func (r *reader) hunks(f *File, git, crlf bool) (notes []string, err error) {
	for n := 1; strings.HasPrefix(r.line(r.at), "@@"); n++ {
		start := r.at
		h, numbered := parseHunkHeader(r.lines[start])
		if !numbered {
			if h, err = r.unnumbered(f); err != nil {
				return nil, err
			}
		}
		end, counted := r.countEnd(h, git)
		if !counted || !numbered {
			end = r.scanEnd(h, git)
			if err := r.checkEnd(end, git); err != nil {
				return nil, err
			}
		}
		stated := h
		h.read(r.lines[r.at+1:end], crlf)
		if r.at = end; h.Anywhere && strings.TrimSpace(r.line(end)) == endOfFile {
			h.AtEnd = true
			r.at++
		}
		if len(h.Lines) == 0 {
			return nil, r.failAt(start, "hunk without lines")
		}
		if numbered && (h.OldLines != stated.OldLines || h.NewLines != stated.NewLines) {
			note, err := r.miscounted(f, n, stated, &h)
			if err != nil {
				return nil, err
			}
			notes = append(notes, note)
		}
		if r.endsInside(h) {
			return nil, &ParseError{
				Line: r.at, Reason: fmt.Sprintf("the patch is cut off in hunk %d of %s: its last line has no newline", n, Quote(f.Name())),
				Advice: "get the whole patch; if nothing is missing, add a newline",
			}
		}
		switch {
		case f.New && h.OldLines > 0:
			return nil, r.failAt(start, "the patch creates the file, but the hunk has old lines")
		case f.Delete && h.NewLines > 0:
			return nil, r.failAt(start, "the patch deletes the file, but the hunk has new lines")
		}
		if !h.changes() {
			notes = append(notes, fmt.Sprintf("hunk %d changes nothing", n))
			continue
		}
		f.Hunks = append(f.Hunks, h)
	}
	if len(notes) > 0 && len(f.Hunks) == 0 && !f.New && !f.Delete && !f.Rename && !f.Copy && f.OldMode == f.NewMode {
		return nil, r.failAt(r.at-1, "no changes in any hunk of the file")
	}
	return notes, nil
}

// maxTrimmed is how many lines of context a text may lack at its end: as many as a diff has there.
// If a change were missing too, more lines would be, except at the end of a file (see
// placer.trimmed).
const maxTrimmed = contextLines

// maxMiscount is by how many lines models miscount, and more.
const maxMiscount = 1000

// miscounted decides about h, the hunk n just read, which has other counts than its header states.
// Mail clients and editors trim blank lines at the end of a text. Models cannot count, but in a
// Markdown fence that is closed, what they wrote is complete. Any other hunk that lacks lines was
// cut off. A hunk with more lines than stated lacks nothing.
func (r *reader) miscounted(f *File, n int, stated Hunk, h *Hunk) (note string, err error) {
	old, new := stated.OldLines-h.OldLines, stated.NewLines-h.NewLines
	switch {
	case old <= 0 && new <= 0, r.at <= r.fence && max(old, new) <= maxMiscount:
		return fmt.Sprintf("hunk %d: the header says %d and %d lines, but there are %d and %d", n, stated.OldLines, stated.NewLines, h.OldLines, h.NewLines), nil
	case old == new && old <= maxTrimmed && h.changes() && r.atTail(r.at) && h.lacksOnlyContext(old):
		h.Trimmed = old
		return fmt.Sprintf("hunk %d: %s of context missing at the end", n, lineCount(old)), nil
	}
	return "", &ParseError{
		Line: r.at, Reason: fmt.Sprintf("the patch is cut off in hunk %d of %s: its header says -%s +%s, but %d old and %d new lines follow",
			n, Quote(f.Name()), span(stated.OldStart, stated.OldLines), span(stated.NewStart, stated.NewLines), h.OldLines, h.NewLines),
		Advice: "get the whole patch; if only the counts are wrong, write @@ without numbers, and the hunk goes where its lines are",
	}
}

func lineCount(n int) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}

// cutOff returns the error for a text that ends, or continues with something else, before the
// line r.at, where more was to come.
func (r *reader) cutOff(reason string) error {
	return &ParseError{Line: r.at, Reason: reason, Advice: "get the whole patch"}
}

// lacksOnlyContext reports whether the lines that are missing at the end of the hunk can be context.
// A diff has as many lines of context after the last change as before the first one, except at the
// start of a file.
func (h Hunk) lacksOnlyContext(missing int) bool {
	after := 0
	for after < len(h.Lines) && h.Lines[len(h.Lines)-1-after].Op == Context {
		after++
	}
	return h.OldStart <= 1 || after+missing <= h.before()
}

// endsInside reports whether the text ends in a changed line of h, the hunk just read, so that the
// rest of the line may be missing. The rest of a line of context changes nothing.
func (r *reader) endsInside(h Hunk) bool {
	return r.at == len(r.lines) && h.Lines[len(h.Lines)-1].Op != Context && !strings.HasSuffix(r.lines[r.at-1], "\n")
}

// checkEnd returns an error if the line after a hunk seems to belong to it but lacks the
// leading space, as in some patches by models: more hunk lines follow it.
func (r *reader) checkEnd(end int, git bool) error {
	stray := r.line(end)
	if end == r.at+1 || chomp(stray) == "" || chomp(r.lines[end-1]) == "" || r.boundary(end, git) || fenceMark(stray) != "" || endsHunk(stray) {
		return nil
	}
	for i := end + 1; i < len(r.lines) && !r.boundary(i, git) && fenceMark(r.lines[i]) == ""; i++ {
		if line := r.lines[i]; line[0] == '+' || line[0] == '-' && !isSignature(line) {
			return r.failAt(end, "this line of the hunk does not begin with a space, + or -")
		}
	}
	return nil
}

// endsHunk reports whether a line is one that follows the hunks of a file.
func endsHunk(line string) bool {
	for _, head := range []string{"diff ", "Index: ", "Only in ", "Binary files ", "From ", "*** ", "-- ", "===", "\\"} {
		if strings.HasPrefix(line, head) {
			return true
		}
	}
	return isSearch(line)
}

// unnumbered reads a hunk header without line numbers, or several in a row. It leaves
// r.at on the last.
func (r *reader) unnumbered(f *File) (h Hunk, err error) {
	for ; ; r.at++ {
		after, err := r.anchor()
		if err != nil {
			return h, err
		}
		if h.After = append(h.After, after...); len(h.After) > maxAnchors {
			return h, r.fail("too many @@ lines before a hunk")
		}
		if next := r.line(r.at + 1); !strings.HasPrefix(next, "@@") || isNumbered(next) {
			break
		}
	}
	if f.New { // there is only one place
		return Hunk{NewStart: 1}, nil
	}
	h.Anywhere = true
	return h, nil
}

// anchor reads the text after the @@ of a header without line numbers: a line that the
// hunk comes after, or a placeholder for the numbers, which it ignores.
func (r *reader) anchor() (after []string, err error) {
	text := strings.TrimPrefix(chomp(r.lines[r.at]), "@@")
	if strings.HasPrefix(text, "@") {
		return nil, r.fail("cannot apply a combined diff (of a merge)")
	}
	text = strings.TrimSpace(strings.TrimRight(text, "@ \t"))
	if len(text) > 1 && text[0] == '-' && '0' <= text[1] && text[1] <= '9' {
		return nil, r.fail("bad hunk header: expected a form like @@ -1,2 +3,4 @@")
	}
	if strings.Trim(text, ".…-+, ?xXyYnNmM") == "" {
		return nil, nil
	}
	return []string{text}, nil
}

// read sets the hunk's lines and counts.
func (h *Hunk) read(lines []string, crlf bool) {
	h.OldLines, h.NewLines = 0, 0
	h.Lines = make([]Line, 0, len(lines))
	for i, line := range lines {
		if line[0] == '\\' { // "\ No newline at end of file"
			if i > 0 {
				last := &h.Lines[len(h.Lines)-1]
				last.Text = strings.TrimSuffix(last.Text, "\n")
			}
			continue
		}
		text, ended := strings.CutSuffix(line, "\n")
		if crlf {
			text = strings.TrimSuffix(text, "\r")
		}
		if text == "" || text[0] == '\r' { // an empty context line whose space was trimmed
			text = " " + text
		}
		op := Op(text[0])
		if ended && len(text)+1 == len(line) {
			text = line // avoids a copy
		} else {
			text += "\n"
		}
		h.Lines = append(h.Lines, Line{op, text[1:]})
		if op != Insert {
			h.OldLines++
		}
		if op != Delete {
			h.NewLines++
		}
	}
}

func (h *Hunk) changes() bool {
	for _, l := range h.Lines {
		if l.Op != Context {
			return true
		}
	}
	return false
}

// scanEnd finds the end of the hunk's lines, which start after its header, when the
// header's counts are wrong.
func (r *reader) scanEnd(h Hunk, git bool) (end int) {
	real := r.at + 1
	old, new := 0, 0
	for i := real; i < len(r.lines) && !r.boundary(i, git); {
		line := r.lines[i]
		empty := chomp(line) == ""
		if !empty && strings.IndexByte(" +-\\", line[0]) < 0 || i == r.at+1 && line[0] == '\\' {
			break
		}
		if isSignature(line) && !h.Anywhere && r.isTail(i) { // only git signs, and it numbers hunks
			break
		}
		switch {
		case line[0] == '-':
			old++
		case line[0] == '+':
			new++
		case line[0] != '\\':
			old, new = old+1, new+1
		}
		i++
		// Empty lines at the end are context only if the header counts them.
		// Otherwise they separate the hunk from what follows.
		if !empty || old <= h.OldLines && new <= h.NewLines {
			real = i
		}
	}
	return real
}

// countEnd finds the end of the hunk's lines by the header's counts. It reports whether
// the line there can follow a hunk.
func (r *reader) countEnd(h Hunk, git bool) (end int, ok bool) {
	old, new := h.OldLines, h.NewLines
	i := r.at + 1
	for ; old > 0 || new > 0; i++ {
		if i >= len(r.lines) || r.boundary(i, git) && !r.maybeChange(i) {
			return 0, false
		}
		switch line := r.lines[i]; {
		case line[0] == '-':
			old--
		case line[0] == '+':
			new--
		case line[0] == ' ' || chomp(line) == "":
			old, new = old-1, new-1
		case line[0] != '\\' || i == r.at+1:
			return 0, false
		}
		if old < 0 || new < 0 {
			return 0, false
		}
	}
	if i > r.at+1 && strings.HasPrefix(r.line(i), `\`) {
		i++
	}
	next := r.line(i)
	ends := next == "" || strings.IndexByte(" +-\\", next[0]) < 0 || r.boundary(i, git) || isSignature(next) || r.isCutHeader(i)
	return i, ends && i > r.at+1
}

// boundary reports whether another hunk or file begins at line i. After a file with git's
// header only another git header starts a file, so that a deleted line "-- x" before an
// inserted "++ y" is not taken for a header.
func (r *reader) boundary(i int, git bool) bool {
	switch line := r.lines[i]; line[0] {
	case '@':
		return strings.HasPrefix(line, "@@")
	case 'd':
		return strings.HasPrefix(line, "diff --git ")
	case '-':
		return !git && r.isTraditional(i)
	}
	return false
}

// maybeChange reports whether the apparent file header at line i may be two lines of the
// hunk instead, a deleted "-- x" and an inserted "++ y": they do not name the same file.
func (r *reader) maybeChange(i int) bool {
	if r.line(i)[0] != '-' {
		return false
	}
	old, _ := cutStamp(chomp(r.line(i)[4:]))
	new, _ := cutStamp(chomp(r.line(i + 1)[4:]))
	return !prefixed(old, new) && path.Base(old) != path.Base(new) && old != devNull && new != devNull
}

// isSignature reports whether the line is the one before git's version at the end of a
// mail by git format-patch.
func isSignature(line string) bool { return chomp(line) == "-- " }

// atTail reports whether nothing follows from line i on but empty lines and the signature of a mail.
func (r *reader) atTail(i int) bool {
	for i < len(r.lines) && strings.TrimSpace(r.lines[i]) == "" {
		i++
	}
	return i == len(r.lines) || isSignature(r.lines[i]) && r.isTail(i)
}

// isTail reports whether at most one line, git's version, and empty lines follow line i.
func (r *reader) isTail(i int) bool {
	rest := 0
	for _, line := range r.lines[i+1:] {
		if strings.TrimSpace(line) != "" {
			if rest++; rest > 1 || strings.IndexByte("+- ", line[0]) >= 0 {
				return false
			}
		}
	}
	return true
}

// parseHunkHeader reads "@@ -1,2 +3,4 @@ section".
func parseHunkHeader(line string) (h Hunk, ok bool) {
	rest, ok := strings.CutPrefix(chomp(line), "@@ -")
	if !ok {
		return Hunk{}, false
	}
	take := func(after string, start, lines *int) bool {
		var ok bool
		if *start, rest, ok = cutNumber(rest); !ok {
			return false
		}
		*lines = 1
		if counted, has := strings.CutPrefix(rest, ","); has {
			if *lines, rest, ok = cutNumber(counted); !ok {
				return false
			}
		}
		rest, ok = strings.CutPrefix(rest, after)
		return ok
	}
	if !take(" +", &h.OldStart, &h.OldLines) || !take(" @@", &h.NewStart, &h.NewLines) {
		return Hunk{}, false
	}
	h.Section = strings.TrimSpace(rest)
	return h, true
}

func cutNumber(s string) (n int, rest string, ok bool) {
	digits := 0
	for digits < len(s) && '0' <= s[digits] && s[digits] <= '9' {
		digits++
	}
	n, err := strconv.Atoi(s[:digits])
	return n, s[digits:], err == nil && n <= maxLineNumber
}
