package align

import (
	"strings"
)

// add adds the change of some parts into others, in a range of the new text. Next is the first
// token of the new text from the range on. Of the changes with the same result, add keeps the
// last, which is of the smallest part.
func (c *comparison) add(start, end int, old string, from, to []*part, next int) {
	if c.new.src[start:end] == old {
		return // only an indentation, where blanks are already
	}
	was, is := leavesOf(from), leavesOf(to)
	if max(len(was), len(is)) > MaxTokens {
		return
	}
	ch := Change{Start: start, End: end, Old: old}
	ch.Added, ch.Removed = distance(was, is)
	if ch.Tokens() == 0 {
		return // only the layout
	}
	key := c.result(was, next, next+len(is))
	if i, ok := c.known[key]; ok {
		c.out[i] = ch
		return
	}
	c.known[key] = len(c.out)
	c.out = append(c.out, ch)
}

// result identifies what comes out if old tokens take the place of the tokens from start to end
// of the new text, whatever the layout.
type result struct {
	start, end int
	old        string
}

func (c *comparison) result(old []*part, start, end int) result {
	new := c.new.leaves
	for start < end && len(old) > 0 && new[start].hash == old[0].hash {
		start, old = start+1, old[1:]
	}
	for start < end && len(old) > 0 && new[end-1].hash == old[len(old)-1].hash {
		end, old = end-1, old[:len(old)-1]
	}
	// What was only added or only removed can slide over equal tokens.
	for start == end && start > 0 && len(old) > 0 && new[start-1].hash == old[len(old)-1].hash {
		old = append([]*part{old[len(old)-1]}, old[:len(old)-1]...)
		start, end = start-1, end-1
	}
	for len(old) == 0 && start < end && start > 0 && new[start-1].hash == new[end-1].hash {
		start, end = start-1, end-1
	}
	var text strings.Builder
	for _, leaf := range old {
		text.WriteString(c.old.src[leaf.Start:leaf.End] + "\x00")
	}
	return result{start, end, text.String()}
}

// leavesOf returns the tokens of a run of parts.
func leavesOf(run []*part) []*part {
	var out []*part
	for _, p := range run {
		out = append(out, p.leaves...)
	}
	return out
}

// extent returns where a run of parts begins and ends in its text.
func extent(run []*part) (start, end int) { return run[0].Start, run[len(run)-1].End }

// replaced adds the change of one run of parts into another.
func (c *comparison) replaced(old, new []*part) {
	was, wasEnd := extent(old)
	start, end := extent(new)
	c.add(start, end, c.old.src[was:wasEnd], old, new, new[0].first)
}

// added adds the change that added a run of parts.
func (c *comparison) added(run []*part) {
	if start, end, ok := c.new.lines(run, c.old); ok {
		c.add(start, end, "", nil, run, run[0].first)
		return
	}
	start, end := extent(run)
	before, after := c.new.around(run)
	if blanks, ok := c.blanksBetween(before, after); ok && c.new.blank(before.End, start) && c.new.blank(end, after.Start) {
		c.add(before.End, after.Start, blanks, nil, run, run[0].first)
		return
	}
	switch { // with the blanks on one side
	case before != nil && before.End < start && c.new.blank(before.End, start):
		start = before.End
	case after != nil && c.new.blank(end, after.Start):
		end = after.Start
	}
	c.add(start, end, "", nil, run, run[0].first)
}

// blanksBetween returns the blanks between two tokens of the new text where the old text has them
// one after the other.
func (c *comparison) blanksBetween(a, b *part) (blanks string, ok bool) {
	if a == nil || b == nil {
		return "", false
	}
	if c.follow == nil {
		c.follow = make(map[[2]uint64]int)
		for i := len(c.old.leaves) - 2; i >= 0; i-- {
			c.follow[[2]uint64{c.old.leaves[i].hash, c.old.leaves[i+1].hash}] = i
		}
	}
	i, ok := c.follow[[2]uint64{a.hash, b.hash}]
	if !ok {
		return "", false
	}
	start, end := c.old.leaves[i].End, c.old.leaves[i+1].Start
	return c.old.src[start:end], c.old.blank(start, end)
}

// removed adds the change that removed a run of parts. It goes back after the sibling before
// it, or before the sibling after it.
func (c *comparison) removed(siblings []*part, versions map[*part]*part, run []*part) {
	next, follow, ok := c.place(siblings, versions, run)
	if !ok {
		return
	}
	var before, after *part // tokens of the new text
	if next > 0 {
		before = c.new.leaves[next-1]
	}
	if next < len(c.new.leaves) {
		after = c.new.leaves[next]
	}
	if start, end, ok := c.old.lines(run, c.new); ok && c.new.breaks(before, after) {
		text := c.old.src[start:end]
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		at := 0
		if before != nil {
			i := strings.IndexByte(c.new.src[before.End:], '\n')
			if at = before.End + i + 1; i < 0 {
				at, text = len(c.new.src), "\n"+strings.TrimSuffix(text, "\n")
			}
		}
		c.add(at, at, text, run, nil, next)
		return
	}
	start, end := extent(run)
	text := c.old.src[start:end]
	was, follows := c.old.around(run)
	left, right := "", "" // the blanks around it, as they were
	if was != nil && c.old.blank(was.End, start) {
		left = c.old.src[was.End:start]
	}
	if follows != nil && c.old.blank(end, follows.Start) {
		right = c.old.src[end:follows.Start]
	}
	switch {
	case before != nil && after != nil && c.new.blank(before.End, after.Start):
		c.add(before.End, after.Start, left+text+right, run, nil, next)
	case follow:
		c.add(before.End, before.End, left+text, run, nil, next)
	case after != nil:
		c.add(after.Start, after.Start, text+right, run, nil, next)
	default:
		c.add(0, 0, text, run, nil, next)
	}
}

// place returns the number of the token of the new text that a run of old parts belongs in
// front of, and whether it follows a sibling there, or else precedes one.
func (c *comparison) place(siblings []*part, versions map[*part]*part, run []*part) (next int, follow, ok bool) {
	var before, after *part // the versions of the nearest siblings
	passed := false
	for _, p := range siblings {
		switch {
		case p == run[0]:
			passed = true
		case versions[p] == nil:
		case !passed:
			before = versions[p]
		case after == nil:
			after = versions[p]
		}
	}
	switch {
	case before != nil:
		return before.first + len(before.leaves), true, true
	case after != nil:
		return after.first, false, true
	}
	return 0, false, len(c.new.leaves) == 0
}

// around returns the tokens before and after a run, or nil at the start and the end of the text.
func (t *text) around(run []*part) (before, after *part) {
	last := run[len(run)-1]
	if i := run[0].first; i > 0 {
		before = t.leaves[i-1]
	}
	if i := last.first + len(last.leaves); i < len(t.leaves) {
		after = t.leaves[i]
	}
	return before, after
}

// blank reports whether a range holds nothing but blanks within a line.
func (t *text) blank(start, end int) bool { return strings.Trim(t.src[start:end], " \t") == "" }

// emptyLine reports whether there is an empty line between two parts.
func (t *text) emptyLine(a, b *part) bool {
	_, rest, ok := strings.Cut(t.src[a.End:b.Start], "\n")
	line, _, ends := strings.Cut(rest, "\n")
	return ok && ends && strings.TrimSpace(line) == ""
}

// breaks reports whether a line ends between two tokens that follow each other. Either may be
// nil, for the start or the end of the text.
func (t *text) breaks(before, after *part) bool {
	return before == nil || after == nil || strings.Contains(t.src[before.End:after.Start], "\n")
}

// lines returns the lines of a run that has lines of its own, with the comments above it that
// the other text has not.
func (t *text) lines(run []*part, other *text) (start, end int, ok bool) {
	before, after := t.around(run)
	if !t.breaks(before, run[0]) || !t.breaks(run[len(run)-1], after) {
		return 0, 0, false
	}
	start, end = extent(run)
	start = strings.LastIndexByte(t.src[:start], '\n') + 1
	if i := strings.IndexByte(t.src[end:], '\n'); i >= 0 {
		end += i + 1
	} else {
		end = len(t.src)
	}
	floor := 0 // where the line of the token before the run ends
	if before != nil {
		floor = before.End + strings.IndexByte(t.src[before.End:], '\n') + 1
	}
	for start > floor {
		above := strings.LastIndexByte(t.src[:start-1], '\n') + 1
		comment := strings.TrimSpace(t.src[above:start])
		if comment == "" || strings.Contains(other.src, comment) {
			break
		}
		start = above
	}
	return start, end, true
}
