package patch

import "bytes"

// applyExact applies hunks that fit without fuzz, as most do; ok is false if they do not.
// The result is the same as the placer's, but the file is not cut into lines.
func applyExact(src []byte, hunks []Hunk) (out []byte, placed []Placement, ok bool) {
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
	inserted = make([]byte, 0, size) // must not be reallocated: parts point into it
	c := cursor{src: src, line: 1}
	done, offset := 0, 0 // src[:done] is in parts or deleted
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
		if h.Anywhere || h.Trimmed > 0 || !changed || len(oldText) == 0 {
			return nil, nil, false
		}
		var found bool
		switch guess := h.OldStart + offset; {
		case suffix < prefix:
			found = c.moveToEnd(oldText)
		case prefix < suffix && h.OldStart <= 1:
			found = c.line == 1 && bytes.HasPrefix(src, oldText)
		default:
			found = c.moveToNearest(oldText, guess)
		}
		if !found {
			return nil, nil, false
		}
		offset = c.line - h.OldStart
		placed = append(placed, Placement{Hunk: i + 1, Line: c.line, Offset: offset, Similarity: 1})
		line, pos := c.line, c.at // after the hunk's lines so far
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

// cursor is a line of src and where it begins. Later hunks may not change what is before it.
type cursor struct {
	src      []byte
	line, at int // from 1, and from 0
}

// moveToEnd moves to text, which is whole lines, if src ends with it.
func (c *cursor) moveToEnd(text []byte) bool {
	start := len(c.src) - len(text)
	return start >= c.at && bytes.HasSuffix(c.src, text) && c.moveTo(start)
}

// moveTo moves to a byte, if a line begins there.
func (c *cursor) moveTo(at int) bool {
	if !c.begins(at) {
		return false
	}
	c.line += bytes.Count(c.src[c.at:at], newline)
	c.at = at
	return true
}

// begins reports whether a line begins at a byte.
func (c *cursor) begins(at int) bool { return at == 0 || c.src[at-1] == '\n' }

// moveToNearest moves to the occurrence of text, as whole lines, that is nearest to the
// line guess, the later one of two.
func (c *cursor) moveToNearest(text []byte, guess int) bool {
	from, short := skipLines(c.src, c.at, guess-c.line) // src may end before the guess
	after, before := c.next(text, from), -1
	if after == from && short == 0 {
		c.line, c.at = max(guess, c.line), from
		return true
	}
	low := c.at
	if after >= 0 { // an earlier one must be nearer
		lines := bytes.Count(c.src[from:after], newline)
		low = max(low, linesBack(c.src, from, lines-1))
	}
	before = c.last(text, low, from)
	if before >= 0 {
		return c.moveTo(before)
	}
	return after >= 0 && c.moveTo(after)
}

// next returns the first occurrence of text at or after a byte where a line begins, or -1.
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

// last returns the last occurrence of text in [low, before) where a line begins, or -1.
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

// skipLines returns the end of the n lines of b that start at a byte, and by how many
// lines b is too short. Counting newlines block by block is many times faster than
// searching for each.
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

// linesBack returns the start of the line that is n lines before the one at a byte, or 0.
func linesBack(b []byte, at, n int) int {
	for ; n > 0 && at > 0; n-- {
		at = bytes.LastIndexByte(b[:at-1], '\n') + 1
	}
	return max(at, 0)
}
