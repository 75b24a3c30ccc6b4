package patch

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// locateAnywhere finds the place of a hunk without line numbers. It returns the line, from
// 1, and the fuzz used, or the reason why no place fits, or why more than one does.
func (p *placer) locateAnywhere(h pattern, frozen, maxFuzz int) (at, fuzz int, reason string, ambiguous bool) {
	low, anchor := frozen+1, 0
	for _, line := range h.After {
		if anchor, reason, ambiguous = p.findAnchor(line, low); reason != "" {
			return 0, 0, fmt.Sprintf("the line %.80q, named after @@, is %s", line, reason), ambiguous
		}
		low = anchor + 1
	}
	if len(h.ids) == 0 {
		switch {
		case h.AtEnd || len(p.lines) == 0:
			return len(p.lines) + 1, 0, "", false
		case len(h.After) > 0:
			return low, 0, "", false
		}
		return 0, 0, "nothing says where to insert its lines", false
	}
	for ; fuzz <= maxFuzz; fuzz++ {
		places := p.places(h, low, fuzz)
		if len(places) > 0 && (len(places) == 1 || len(h.After) > 0) {
			return places[0], fuzz, "", false
		}
		if len(places) == 0 && len(h.After) > 0 {
			// The anchor may be one of the hunk's own lines.
			for _, at := range p.places(h, frozen+1, fuzz) {
				if at <= anchor && anchor < at+len(h.ids) {
					return at, fuzz, "", false
				}
			}
		}
		if len(places) > 1 {
			return 0, 0, ambiguousPlaces("it fits", places), true
		}
	}
	return 0, 0, notInFile(len(h.ids)), false
}

func ambiguousPlaces(fits string, places []int) string {
	return fmt.Sprintf("%s in %d places, first at lines %d and %d; it needs more context", fits, len(places), places[0], places[1])
}

// places returns the lines, from low on, at which a hunk fits with the given fuzz.
func (p *placer) places(h pattern, low, fuzz int) []int {
	prefixFuzz, suffixFuzz := min(fuzz, h.prefix), min(fuzz, h.suffix)
	want := h.ids[prefixFuzz : len(h.ids)-suffixFuzz]
	if len(want) == 0 {
		return nil
	}
	var places []int
	for at := range p.occurrences(want, low-1+prefixFuzz, len(p.ids)) {
		if h.AtEnd && at+len(want) != len(p.ids) {
			continue
		}
		if at -= prefixFuzz; at >= low-1 {
			places = append(places, at+1)
		}
	}
	return places
}

// findAnchor returns the line, from 1, that a hunk names after @@, at or after low. Spaces
// around lines do not count. It is the first line equal to the given one; otherwise the
// first that begins with it, since a hunk may leave out a line's last words or its colon;
// otherwise the only line that contains it. If none exists, reason completes "the line is
// ...".
func (p *placer) findAnchor(line string, low int) (at int, reason string, ambiguous bool) {
	line = strings.TrimSpace(line)
	begins, contains, more := 0, 0, false
	for i := low - 1; i < len(p.lines); i++ {
		at := strings.Index(p.lines[i], line)
		if at < 0 {
			continue
		}
		text := strings.TrimSpace(p.lines[i])
		rest, starts := strings.CutPrefix(text, line)
		switch {
		case text == line:
			return i + 1, "", false
		case starts && begins == 0 && !continuesWord(rest):
			begins = i + 1
		case contains == 0:
			contains = i + 1
		default:
			more = true
		}
	}
	switch {
	case begins > 0:
		return begins, "", false
	case contains > 0 && more:
		return 0, fmt.Sprintf("part of several lines, first of line %d", contains), true
	case contains > 0:
		return contains, "", false
	}
	return 0, "not in the file", false
}

// continuesWord reports whether s begins with a character that continues a word.
func continuesWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// afterAnchors returns the number of lines before the first place of a hunk: after the last line that
// it names after @@, or on it, as far as these lines are in the file.
func (p *placer) afterAnchors(h pattern, frozen int) int {
	low := frozen + 1
	for _, line := range h.After {
		at, reason, _ := p.findAnchor(line, low)
		if reason != "" {
			return frozen
		}
		low = at
	}
	return low - 1
}

// likeliest returns the line, from 1, at which most lines of a hunk would match, the one
// nearest to guess of several. Lines that occur often do not count.
func (p *placer) likeliest(h pattern, guess int) int {
	votes := p.votes(h)
	best := max(1, guess)
	for at, n := range votes {
		if at < 1 {
			continue
		}
		if m := votes[best]; n > m || n == m && (abs(at-guess) < abs(best-guess) || abs(at-guess) == abs(best-guess) && at > best) {
			best = at
		}
	}
	return best
}

// likeliestPlaces returns all such lines after some first ones, in order.
func (p *placer) likeliestPlaces(h pattern, after int) []int {
	var places []int
	most := 0
	for at, n := range p.votes(h) {
		switch {
		case at <= after || n < most:
		case n > most:
			most, places = n, append(places[:0], at)
		default:
			places = append(places, at)
		}
	}
	slices.Sort(places)
	return places
}

// votes counts, for each line of the file, how many lines of a hunk would match if it began there.
func (p *placer) votes(h pattern) map[int]int {
	const often = 20
	lines := make(map[string][]int)
	for i, l := range p.lines {
		l = strings.TrimSpace(l)
		lines[l] = append(lines[l], i)
	}
	votes := make(map[int]int)
	i := 0
	for _, l := range h.Lines {
		if l.Op == Insert {
			continue
		}
		if at := lines[strings.TrimSpace(l.Text)]; len(at) <= often {
			for _, n := range at {
				votes[n-i+1]++
			}
		}
		i++
	}
	return votes
}
