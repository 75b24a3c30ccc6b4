package patch

import (
	"bytes"
	"strings"
)

// ending is the kind of line ending that all lines of a text have.
type ending int

const (
	none ending = iota // no line ends in a newline
	lf
	crlf
	mixed
)

func (e ending) and(line string) ending {
	if !strings.HasSuffix(line, "\n") {
		return e
	}
	this := lf
	if strings.HasSuffix(line, "\r\n") {
		this = crlf
	}
	if e == none || e == this {
		return this
	}
	return mixed
}

func endingsOf(lines []string) ending {
	e := none
	for _, l := range lines {
		e = e.and(l)
	}
	return e
}

// endingsOfHunks returns the endings of the old lines, and of the lines of both sides.
func endingsOfHunks(hunks []Hunk) (old, both ending) {
	for _, h := range hunks {
		for _, l := range h.Lines {
			both = both.and(l.Text)
			if l.Op != Insert {
				old = old.and(l.Text)
			}
		}
	}
	return old, both
}

// lenientMayHelp reports whether hunks may fit once line endings are ignored.
func lenientMayHelp(lines []string, hunks []Hunk, ends ending) bool {
	if endingsOf(lines) != ends {
		return true
	}
	unended := func(l string) bool { return !strings.HasSuffix(l, "\n") }
	if len(lines) > 0 && unended(lines[len(lines)-1]) {
		return true
	}
	for _, h := range hunks {
		for _, l := range h.Lines {
			if unended(l.Text) {
				return true
			}
		}
	}
	return false
}

// assembleKeepingEndings is assemble for hunks that were placed without regard to line
// endings. The file keeps its own, an inserted line ends like the line that it replaces or like
// the line above it, and the last newline changes only if the patch says so.
func (p *placer) assembleKeepingEndings(placed []Placement) []byte {
	fallback, kind := "\n", endingsOf(p.lines)
	if kind == none { // the file has no line endings, so take the patch's
		for _, h := range p.hunks {
			for _, l := range h.Lines {
				kind = kind.and(l.Text)
			}
		}
	}
	if kind == crlf {
		fallback = "\r\n"
	}
	own := func(i int) string {
		if i >= 0 && i < len(p.lines) {
			if end := p.lines[i][len(withoutEnding(p.lines[i])):]; end != "" && end != "\r" {
				return end
			}
		}
		return fallback
	}
	kept := *p
	kept.lines = make([]string, len(p.lines))
	for i, l := range p.lines {
		kept.lines[i] = l
		if !strings.HasSuffix(l, "\n") { // it may no longer be the last line
			kept.lines[i] = withoutEnding(l) + own(i-1)
		}
	}
	kept.hunks = make([]pattern, len(p.hunks))
	for i, h := range p.hunks {
		old := placed[i].Line - 1
		replaced := old // the next line that an inserted one replaces
		lines := make([]Line, len(h.Lines))
		for j, l := range h.Lines {
			end := own(max(old-1, 0))
			if l.Op == Insert && replaced < old {
				end = own(replaced)
				replaced++
			}
			lines[j] = Line{l.Op, withoutEnding(l.Text) + end}
			if l.Op != Insert {
				old++
			}
			if l.Op == Context {
				replaced = old
			}
		}
		h.Lines = lines
		kept.hunks[i] = h
	}
	out := kept.assemble(placed)
	if p.endsWithNewline(placed) {
		return out
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(out, []byte("\n")), []byte("\r"))
}

// endsWithNewline reports whether the patched file should end with a newline: as the file
// does now, unless the patch adds or removes the last newline.
func (p *placer) endsWithNewline(placed []Placement) bool {
	if len(p.lines) == 0 {
		return true
	}
	ends := strings.HasSuffix(p.lines[len(p.lines)-1], "\n")
	if len(p.hunks) == 0 {
		return ends
	}
	h := p.hunks[len(p.hunks)-1]
	if placed[len(placed)-1].Line-1+len(h.ids) < len(p.lines) { // the hunk ends before the file does
		return ends
	}
	oldEnds, newEnds := true, true
	for _, l := range h.Lines {
		if l.Op != Insert {
			oldEnds = strings.HasSuffix(l.Text, "\n")
		}
		if l.Op != Delete {
			newEnds = strings.HasSuffix(l.Text, "\n")
		}
	}
	if oldEnds != newEnds {
		return newEnds
	}
	return ends
}
