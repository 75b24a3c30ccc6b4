package patch

import (
	"fmt"
	"strings"
)

// seek finds the place of a hunk that states none: the line, from 1, and the fuzz
// that it took, or the reason why there is none, or more than one.
func (p *placer) seek(h pattern, frozen, maxFuzz int) (at, fuzz int, reason string) {
	low := frozen + 1
	for _, line := range h.After {
		found := p.lineLike(line, low)
		if found == 0 {
			return 0, 0, fmt.Sprintf("the line %.80q, which it comes after, is not in the file", line)
		}
		low = found + 1
	}
	if len(h.ids) == 0 {
		switch {
		case h.AtEnd || len(p.lines) == 0:
			return len(p.lines) + 1, 0, ""
		case len(h.After) > 0:
			return low, 0, ""
		}
		return 0, 0, "nothing tells where its lines go"
	}
	for ; fuzz <= maxFuzz; fuzz++ {
		places := p.places(h, low, fuzz)
		if len(places) > 0 && (len(places) == 1 || len(h.After) > 0) {
			return places[0], fuzz, ""
		}
		if len(places) == 0 && len(h.After) > 0 {
			// The line may be one of the hunk's own, or a later one.
			if places = p.places(h, frozen+1, fuzz); len(places) == 1 {
				return places[0], fuzz, ""
			}
		}
		if len(places) > 1 {
			return 0, 0, fmt.Sprintf("it fits in %d places, at line %d and at line %d: more context would tell which", len(places), places[0], places[1])
		}
	}
	return 0, 0, fmt.Sprintf("its %d old lines are not in the file", len(h.ids))
}

// places are the lines, from low on, at which a hunk fits with so much fuzz.
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

// lineLike is the first line from low on, from 1, that is the given one but for
// spaces around it, or else contains it.
func (p *placer) lineLike(line string, low int) int {
	line = strings.TrimSpace(line)
	contains := 0
	for i := low - 1; i < len(p.lines); i++ {
		if strings.TrimSpace(p.lines[i]) == line {
			return i + 1
		}
		if contains == 0 && strings.Contains(p.lines[i], line) {
			contains = i + 1
		}
	}
	return contains
}

// likeliest is the line, from 1, at which most lines of a hunk are where they
// should be, the nearest to guess of several. Lines that occur often do not count.
func (p *placer) likeliest(h pattern, guess int) int {
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
