package patch

import "bytes"

// asStated applies hunks that fit exactly where they say, which is most of them, and
// otherwise tells that it did not. It comes to the result that the placer comes to,
// without cutting the file into lines.
func asStated(src []byte, hunks []Hunk) (out []byte, placed []Placement, ok bool) {
	size := len(src)
	for _, h := range hunks {
		if h.Anywhere || h.AtEnd || h.OldLines == 0 || h.OldStart < 1 {
			return nil, nil, false
		}
		for _, l := range h.Lines {
			if len(l.Text) == 0 || l.Text[len(l.Text)-1] != '\n' {
				return nil, nil, false
			}
			if l.Op == Insert {
				size += len(l.Text)
			}
		}
	}
	out = make([]byte, 0, size)
	placed = make([]Placement, 0, len(hunks))
	line, at := 1, 0 // a line of src and where it begins: nothing before may change any more
	done := 0        // bytes of src that are in out, or deleted
	for i, h := range hunks {
		start := skipLines(src[at:], h.OldStart-line)
		if h.OldStart < line || start < 0 {
			return nil, nil, false
		}
		line, at = h.OldStart, at+start
		n, pos := line, at // behind the hunk's lines so far
		prefix, suffix, changed := 0, 0, false
		for _, l := range h.Lines {
			if l.Op != Insert {
				if !hasPrefix(src[pos:], l.Text) {
					return nil, nil, false
				}
				n, pos = n+1, pos+len(l.Text)
			}
			if l.Op == Context {
				if suffix++; !changed {
					prefix++
				}
				continue
			}
			if changed, suffix = true, 0; l.Op == Insert {
				out = append(append(out, src[done:pos]...), l.Text...)
			} else {
				out = append(out, src[done:pos-len(l.Text)]...)
			}
			done, line, at = pos, n, pos
		}
		if !changed || suffix < prefix && pos != len(src) { // belongs to the end of the file
			return nil, nil, false
		}
		placed = append(placed, Placement{Hunk: i + 1, Line: h.OldStart, Similarity: 1})
	}
	return append(out, src[done:]...), placed, true
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

// skipLines is how many bytes the first n lines of b take, or -1 when it has fewer.
// Counting newlines block by block is many times faster than looking for each.
func skipLines(b []byte, n int) int {
	const block = 512
	at := 0
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
			return -1
		}
		at += i + 1
	}
	return at
}

var newline = []byte("\n")
