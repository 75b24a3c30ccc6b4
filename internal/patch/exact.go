package patch

import "bytes"

// exactly applies hunks that fit without fuzz, which is most of them, and otherwise
// tells that they do not. It comes to the result that the placer comes to, without
// cutting the file into lines.
func exactly(src []byte, hunks []Hunk) (out []byte, placed []Placement, ok bool) {
	var oldText, inserted []byte
	parts := make([][]byte, 0, 4*len(hunks)+1)
	placed = make([]Placement, 0, len(hunks))
	size := 0
	for _, h := range hunks {
		for _, l := range h.Lines {
			if l.Op == Insert {
				size += len(l.Text)
			}
		}
	}
	inserted = make([]byte, 0, size) // whole from the start: parts point into it
	c := cursor{src: src, line: 1}
	done, offset := 0, 0 // done are the bytes of src that are in parts, or deleted
	for i, h := range hunks {
		prefix, suffix, changed := 0, 0, false
		oldText = oldText[:0]
		for _, l := range h.Lines {
			if len(l.Text) == 0 || l.Text[len(l.Text)-1] != '\n' {
				return nil, nil, false
			}
			switch {
			case l.Op != Context:
				changed, suffix = true, 0
			case changed:
				suffix++
			default:
				prefix++
			}
			if l.Op != Insert {
				oldText = append(oldText, l.Text...)
			}
		}
		if h.Anywhere || !changed || len(oldText) == 0 {
			return nil, nil, false
		}
		var found bool
		switch guess := h.OldStart + offset; {
		case suffix < prefix:
			found = c.toEnd(oldText)
		case prefix < suffix && h.OldStart <= 1:
			found = c.line == 1 && bytes.HasPrefix(src, oldText)
		default:
			found = c.toNearest(oldText, guess)
		}
		if !found {
			return nil, nil, false
		}
		offset = c.line - h.OldStart
		placed = append(placed, Placement{Hunk: i + 1, Line: c.line, Offset: offset, Similarity: 1})
		line, pos := c.line, c.at // behind the hunk's lines so far
		for _, l := range h.Lines {
			if l.Op != Insert {
				line, pos = line+1, pos+len(l.Text)
			}
			switch l.Op {
			case Context:
				continue
			case Delete:
				if start := pos - len(l.Text); start > done {
					parts = append(parts, src[done:start])
				}
			case Insert:
				if pos > done {
					parts = append(parts, src[done:pos])
				}
				inserted = append(inserted, l.Text...)
				parts = append(parts, inserted[len(inserted)-len(l.Text):])
			}
			done, c.line, c.at = pos, line, pos
		}
	}
	return bytes.Join(append(parts, src[done:]), nil), placed, true
}

// cursor is a line of src and where it begins. Nothing before it may change any more.
type cursor struct {
	src      []byte
	line, at int // from 1, and from 0
}

// toEnd goes to where text, which is whole lines, ends src.
func (c *cursor) toEnd(text []byte) bool {
	start := len(c.src) - len(text)
	return start >= c.at && bytes.HasSuffix(c.src, text) && c.to(start)
}

// to goes to a byte, if a line begins there.
func (c *cursor) to(at int) bool {
	if !c.begins(at) {
		return false
	}
	c.line += bytes.Count(c.src[c.at:at], newline)
	c.at = at
	return true
}

// begins tells whether a line begins at a byte.
func (c *cursor) begins(at int) bool { return at == 0 || c.src[at-1] == '\n' }

// toNearest goes to the lines that are text and are nearest to the line guess, the
// later of two.
func (c *cursor) toNearest(text []byte, guess int) bool {
	from, short := skipLines(c.src, c.at, guess-c.line) // src may end before the guess
	after, before := c.next(text, from), -1
	if after == from && short == 0 {
		c.line, c.at = max(guess, c.line), from
		return true
	}
	low := c.at
	if after >= 0 { // what is before has to be nearer
		lines := bytes.Count(c.src[from:after], newline)
		low = max(low, linesBack(c.src, from, lines-1))
	}
	before = c.last(text, low, from)
	if before >= 0 {
		return c.to(before)
	}
	return after >= 0 && c.to(after)
}

// next is the first place from a byte on at which lines are text, or -1.
func (c *cursor) next(text []byte, from int) int {
	for from <= len(c.src) {
		i := bytes.Index(c.src[from:], text)
		if i < 0 {
			return -1
		}
		if from += i; c.begins(from) {
			return from
		}
		from++
	}
	return -1
}

// last is the last place between two bytes at which lines are text, or -1.
func (c *cursor) last(text []byte, low, before int) int {
	for before > low {
		i := bytes.LastIndex(c.src[low:min(before-1+len(text), len(c.src))], text)
		if i < 0 {
			return -1
		}
		if before = low + i; c.begins(before) {
			return before
		}
	}
	return -1
}

var newline = []byte("\n")

// skipLines is where b goes on behind n lines, counted from a byte; and how many of
// the lines there are not. Counting newlines block by block is many times faster than
// looking for each.
func skipLines(b []byte, at, n int) (end, short int) {
	const block = 1 << 10
	for n > 0 && len(b)-at > block {
		count := bytes.Count(b[at:at+block], newline)
		if count >= n {
			break
		}
		n -= count
		at += block
	}
	for ; n > 0; n-- {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return len(b), n
		}
		at += i + 1
	}
	return at, 0
}

// linesBack is where n lines before a byte, at which a line begins, begin; or 0.
func linesBack(b []byte, at, n int) int {
	for ; n > 0 && at > 0; n-- {
		at = bytes.LastIndexByte(b[:at-1], '\n') + 1
	}
	return max(at, 0)
}
