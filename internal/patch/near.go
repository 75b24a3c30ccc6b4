package patch

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// Bounds of placing by likeness: it is a last resort for small, near misses.
const (
	nearLines = 100      // lines on either side of the likeliest place that are searched
	nearBytes = 32 << 10 // the most text that is searched
	hunkBytes = 8 << 10  // the most of both sides of a hunk
	nearHunks = 10       // the most hunks of a file that are so placed
	nearTime  = 100 * time.Millisecond
	// nearFloor is the least similarity that is taken. Below it, what a model
	// remembers wrongly and what is another place altogether are not to be told
	// apart.
	nearFloor = 0.6
)

// near places by likeness the hunks that fit nowhere, when the options allow it; why
// is the error otherwise.
func near(lines []string, f File, opt Options, why *ConflictError) ([]byte, []Placement, *ConflictError) {
	if opt.Near == nil {
		return nil, nil, why
	}
	var placed []Placement
	misses := 0
	offset, frozen := 0, 0 // in the lines as patched so far
	for i, h := range f.Hunks {
		p := newPlacer(lines, []Hunk{h}, asIs)
		pat := p.hunks[0]
		fit, err := p.placeOne(0, opt.Fuzz, offset, frozen)
		if err == nil {
			lines = splitLines(string(p.assemble([]Placement{fit})))
			frozen = fit.Line - 1 + h.NewLines - pat.suffix
			offset = fit.Line - pat.first + h.NewLines - h.OldLines
		} else {
			if misses++; misses > nearHunks {
				return nil, nil, why
			}
			guess := pat.first + offset
			miss, ok := nearMiss(lines, h, p.likeliest(pat, guess), frozen)
			if !ok {
				return nil, nil, why
			}
			fit = Placement{Line: miss.line, Similarity: miss.similarity}
			offset += len(miss.result) - len(lines)
			lines, frozen = miss.result, miss.line-1
		}
		if fit.Hunk = i + 1; h.Anywhere {
			fit.Offset, offset = 0, 0
		}
		placed = append(placed, fit)
	}
	out := []byte(strings.Join(lines, ""))
	if err := opt.Near(f.Name(), out); err != nil {
		why.Reason += fmt.Sprintf(" (what comes of placing it by likeness cannot be right: %v)", err)
		return nil, nil, why
	}
	return out, placed, nil
}

// miss is where a hunk went that almost fits.
type miss struct {
	line       int // from 1, of the lines before
	similarity float64
	result     []string // all lines afterwards
}

// nearMiss puts one hunk on the lines around a place by go-diff's fuzzy match
// (bitap). The library panics on invalid UTF-8 and promises nothing about its
// result, so both are guarded: a result that changes more lines than the hunk does,
// or that changes lines unlike the hunk's, is refused.
func nearMiss(lines []string, h Hunk, guess, frozen int) (m miss, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	old, new := h.sides()
	low := min(max(frozen, guess-1-nearLines), len(lines))
	high := max(low, min(len(lines), guess-1+h.OldLines+nearLines))
	around := strings.Join(lines[low:high], "")
	if old == "" || len(around) > nearBytes || len(old)+len(new) > hunkBytes ||
		!utf8.ValidString(around) || !utf8.ValidString(old) || !utf8.ValidString(new) {
		return miss{}, false
	}
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = nearTime
	patches := dmp.PatchMake(old, new)
	start := len([]rune(strings.Join(lines[low:min(high, max(low, guess-1))], "")))
	for i := range patches {
		patches[i].Start1 += start
		patches[i].Start2 += start
	}
	text, applied := dmp.PatchApply(patches, around)
	for _, done := range applied {
		if !done {
			return miss{}, false
		}
	}
	effect := DiffContext("x", "x", []byte(around), []byte(text), 0).Hunks
	if !utf8.ValidString(text) || len(effect) == 0 || h.exceededBy(effect) {
		return miss{}, false
	}
	m.line = max(1, low+max(1, effect[0].OldStart)-h.before())
	from := m.line - 1
	m.similarity = similarity(dmp, old, strings.Join(lines[from:min(len(lines), from+h.OldLines)], ""))
	if m.similarity < nearFloor {
		return miss{}, false
	}
	m.result = append(append(append(m.result, lines[:low]...), splitLines(text)...), lines[high:]...)
	return m, true
}

// sides are the texts before and after a hunk.
func (h Hunk) sides() (old, new string) {
	var before, after strings.Builder
	for _, l := range h.Lines {
		if l.Op != Insert {
			before.WriteString(l.Text)
		}
		if l.Op != Delete {
			after.WriteString(l.Text)
		}
	}
	return before.String(), after.String()
}

// before counts the lines of context before the first change.
func (h Hunk) before() int {
	n := 0
	for n < len(h.Lines) && h.Lines[n].Op == Context {
		n++
	}
	return n
}

// exceededBy tells whether hunks without context delete or insert more lines.
func (h Hunk) exceededBy(effect []Hunk) bool {
	deleted, inserted := 0, 0
	for _, l := range h.Lines {
		switch l.Op {
		case Delete:
			deleted++
		case Insert:
			inserted++
		}
	}
	for _, e := range effect {
		deleted -= e.OldLines
		inserted -= e.NewLines
	}
	return deleted < 0 || inserted < 0
}

// similarity is 1 for equal texts and 0 for texts without a character in common, by
// Levenshtein's distance. Indentation and spaces at the ends of lines do not count.
func similarity(dmp *diffmatchpatch.DiffMatchPatch, a, b string) float64 {
	a, b = trimmedLines(a), trimmedLines(b)
	longest := max(utf8.RuneCountInString(a), utf8.RuneCountInString(b))
	if longest == 0 {
		return 1
	}
	distance := dmp.DiffLevenshtein(dmp.DiffMain(a, b, false))
	return 1 - float64(distance)/float64(longest)
}

func trimmedLines(s string) string {
	var b strings.Builder
	for _, l := range splitLines(s) {
		b.WriteString(strings.TrimSpace(l) + "\n")
	}
	return b.String()
}
