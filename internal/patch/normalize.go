package patch

import (
	"strings"
)

// normalizer rewrites a patch into the strict form that go-gitdiff reads: names
// quoted and with exactly one folder to strip, LF, right line counts, and nothing
// between files. It keeps the number of lines; what it drops becomes empty.
type normalizer struct {
	in, out []string
	at      int // line of in that is next
	strip   int
}

func (n *normalizer) run() error {
	for n.at < len(n.in) {
		line := n.in[n.at]
		switch {
		case strings.HasPrefix(line, "diff --git "):
			if err := n.gitFile(); err != nil {
				return err
			}
		case n.isTraditional(n.at):
			old, new, err := n.names(n.at)
			if err != nil {
				return err
			}
			crlf := strings.HasSuffix(n.in[n.at+1], "\r\n")
			n.emit("--- " + old + "\n")
			n.emit("+++ " + new + "\n")
			if err := n.hunks(false, crlf); err != nil {
				return err
			}
		case strings.HasPrefix(line, "@@@ -"), strings.HasPrefix(line, "diff --cc "), strings.HasPrefix(line, "diff --combined "):
			return n.fail("a combined diff (of a merge) cannot be applied")
		default:
			if _, ok := parseHunkHeader(line); ok {
				return n.fail("a hunk without the file's name before it (--- and +++)")
			}
			n.emit("\n")
		}
	}
	return nil
}

func (n *normalizer) fail(reason string) error { return &ParseError{Line: n.at + 1, Reason: reason} }

// emit writes the next line's replacement.
func (n *normalizer) emit(line string) {
	n.out = append(n.out, line)
	n.at++
}

func (n *normalizer) line(i int) string {
	if i < len(n.in) {
		return n.in[i]
	}
	return ""
}

// isTraditional tells whether a header without "diff --git" starts at line i.
func (n *normalizer) isTraditional(i int) bool {
	return strings.HasPrefix(n.line(i), "--- ") &&
		strings.HasPrefix(n.line(i+1), "+++ ") &&
		strings.HasPrefix(n.line(i+2), "@@ -")
}

// gitFile rewrites a file's part that begins with "diff --git".
func (n *normalizer) gitFile() error {
	start := n.at
	header := strings.TrimRight(n.in[start], "\r\n")
	crlf := strings.HasSuffix(n.in[start], "\r\n")
	if len(header) > maxHeader {
		return n.fail("the names are too long")
	}
	old, new, ok := splitGitNames(header[len("diff --git "):])
	strip := n.strip
	if strip == StripAuto {
		strip = 1
		if ok && !prefixed(old, new) {
			strip = 0
		}
	}
	if ok {
		oldName, okOld := stripName(old, strip)
		newName, okNew := stripName(new, strip)
		if !okOld || !okNew {
			return n.fail(badName)
		}
		n.emit("diff --git " + octal("a/"+oldName) + " " + octal("b/"+newName) + "\n")
	} else {
		n.emit("diff --git \n") // the lines that follow must name the file
	}
	isNew, isDelete := false, false
	for n.at < len(n.in) {
		line := strings.TrimRight(n.in[n.at], "\r\n")
		key, _, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
			name, err := n.name(line[4:], strip)
			if err != nil {
				return err
			}
			n.emit(line[:4] + gitSide(name, line[0], isNew, isDelete) + "\n")
		case strings.HasPrefix(line, "rename from "), strings.HasPrefix(line, "rename to "),
			strings.HasPrefix(line, "copy from "), strings.HasPrefix(line, "copy to "):
			verb, name, _ := strings.Cut(line[len(key)+1:], " ")
			name = unquote(name)
			if !isName(name) {
				return n.fail("this cannot be the name of a file")
			}
			n.emit(key + " " + verb + " " + octal(name) + "\n")
		case strings.HasPrefix(line, "new file mode "), strings.HasPrefix(line, "deleted file mode "),
			strings.HasPrefix(line, "old mode "), strings.HasPrefix(line, "new mode "),
			strings.HasPrefix(line, "similarity index "), strings.HasPrefix(line, "dissimilarity index "),
			strings.HasPrefix(line, "index "):
			isNew = isNew || strings.HasPrefix(line, "new file")
			isDelete = isDelete || strings.HasPrefix(line, "deleted")
			n.emit(line + "\n")
		case strings.HasPrefix(line, "Binary files "), line == "GIT binary patch":
			n.binary()
			return nil
		default:
			return n.hunks(true, crlf)
		}
	}
	return nil
}

// gitSide writes a name of a --- or +++ line. A side that the header said to be
// absent is /dev/null, whatever the line says: that is the rule that go-gitdiff
// insists on and that models break.
func gitSide(name string, sign byte, isNew, isDelete bool) string {
	if name == devNull || isNew && sign == '-' || isDelete && sign == '+' {
		return devNull
	}
	if sign == '-' {
		return octal("a/" + name)
	}
	return octal("b/" + name)
}

// binary rewrites a binary part to the one line that says so, and drops its data.
func (n *normalizer) binary() {
	n.emit("Binary files differ\n")
	for n.at < len(n.in) && !strings.HasPrefix(n.in[n.at], "diff --git ") && !n.isTraditional(n.at) {
		n.emit("\n")
	}
}

// hunks rewrites the hunks of one file, if any.
func (n *normalizer) hunks(git, crlf bool) error {
	for n.at < len(n.in) && strings.HasPrefix(n.in[n.at], "@@ -") {
		h, ok := parseHunkHeader(n.in[n.at])
		if !ok {
			return n.fail("bad hunk header (it should read like @@ -1,2 +3,4 @@)")
		}
		end, old, new := n.body(h, git)
		if old+new == 0 {
			return n.fail("a hunk without lines")
		}
		h.OldLines, h.NewLines = old, new
		n.emit(h.header())
		for n.at < end {
			n.emit(bodyLine(n.in[n.at], crlf))
		}
	}
	return nil
}

// bodyLine rewrites one line of a hunk.
func bodyLine(line string, crlf bool) string {
	text := strings.TrimSuffix(line, "\n")
	if crlf {
		text = strings.TrimSuffix(text, "\r")
	}
	if text == "" || text == "\r" { // an empty context line whose space was trimmed
		text = " " + text
	}
	return text + "\n"
}

// body finds the end of the hunk's lines, which start behind its header, and
// counts them. The header's own counts are believed when they lead to an end.
func (n *normalizer) body(h Hunk, git bool) (end, old, new int) {
	if end, ok := n.counted(h, git); ok {
		return end, h.OldLines, h.NewLines
	}
	type count struct{ end, old, new int }
	var at count
	real := count{end: n.at + 1}
	for at.end = n.at + 1; at.end < len(n.in) && !n.boundary(at.end, git); {
		line := n.in[at.end]
		empty := strings.TrimRight(line, "\r\n") == ""
		if !empty && strings.IndexByte(" +-\\", line[0]) < 0 {
			break
		}
		if isSignature(line) && n.isTail(at.end) {
			break
		}
		switch {
		case line[0] == '-':
			at.old++
		case line[0] == '+':
			at.new++
		case line[0] != '\\':
			at.old, at.new = at.old+1, at.new+1
		}
		at.end++
		// Empty lines at the end are context only as far as the header
		// counts on them; else they separate the hunk from what follows.
		if !empty || at.old <= h.OldLines && at.new <= h.NewLines {
			real = at
		}
	}
	return real.end, real.old, real.new
}

// counted follows the header's counts and tells whether they end the hunk at a
// line that may follow one.
func (n *normalizer) counted(h Hunk, git bool) (end int, ok bool) {
	old, new := h.OldLines, h.NewLines
	i := n.at + 1
	for ; old > 0 || new > 0; i++ {
		if i >= len(n.in) || n.boundary(i, git) {
			return 0, false
		}
		switch line := n.in[i]; line[0] {
		case '-':
			old--
		case '+':
			new--
		case ' ', '\n', '\r':
			old, new = old-1, new-1
		case '\\':
		default:
			return 0, false
		}
		if old < 0 || new < 0 {
			return 0, false
		}
	}
	if strings.HasPrefix(n.line(i), `\`) {
		i++
	}
	next := n.line(i)
	ends := next == "" || strings.IndexByte(" +-\\", next[0]) < 0 || n.boundary(i, git) || isSignature(next)
	return i, ends && i > n.at+1
}

// boundary tells whether another hunk or file begins at line i. Inside a file
// with git's header only the like of it begins another, so that a deleted line
// "-- x" before an inserted "++ y" is not taken for a header.
func (n *normalizer) boundary(i int, git bool) bool {
	return !git && n.isTraditional(i) || strings.HasPrefix(n.in[i], "@@ -") || strings.HasPrefix(n.in[i], "diff --git ")
}

// isSignature tells whether the line is the one before the version in the mails
// of git format-patch.
func isSignature(line string) bool {
	return strings.TrimRight(line, "\r\n") == "-- "
}

// isTail tells whether at most a version and empty lines follow line i.
func (n *normalizer) isTail(i int) bool {
	rest := 0
	for _, line := range n.in[i+1:] {
		if strings.TrimSpace(line) != "" {
			if rest++; rest > 1 {
				return false
			}
		}
	}
	return true
}
