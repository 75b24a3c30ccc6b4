package patch

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// Bounds of placing by likeness: it is a last resort for small, near misses.
const (
	nearLines = 100      // lines on either side of the stated place that are searched
	nearBytes = 64 << 10 // the most text that is compared
	nearTime  = 500 * time.Millisecond
)

// approximate places by likeness the hunks that fit nowhere, when the options
// allow; why is the error otherwise.
func approximate(lines []string, hunks []Hunk, opt Options, why *ConflictError) (string, []Placement, *ConflictError) {
	if !opt.Approximate {
		return "", nil, why
	}
	var placed []Placement
	offset, frozen := 0, 0 // in the lines as patched so far
	for i, h := range hunks {
		p := newPlacer(lines, []Hunk{h}, asIs)
		fit, err := p.placeOne(opt.Fuzz, offset, frozen)
		if err == nil {
			lines = splitLines(p.assemble([]Placement{fit}))
			pat := p.hunks[0]
			frozen = fit.Line - 1 + h.NewLines - pat.suffix
			offset = fit.Line - pat.first + h.NewLines - h.OldLines
		} else {
			at, result, ok := nearMiss(lines, h, p.hunks[0].first+offset, frozen)
			if !ok {
				return "", nil, why
			}
			fit = Placement{Line: at, Approximate: true}
			offset += len(result) - len(lines)
			lines, frozen = result, at-1
		}
		fit.Hunk = i + 1
		placed = append(placed, fit)
	}
	return strings.Join(lines, ""), placed, nil
}

// placeOne places the only hunk of p.
func (p *placer) placeOne(maxFuzz, offset, frozen int) (Placement, *ConflictError) {
	h := p.hunks[0]
	for fuzz := 0; fuzz <= min(maxFuzz, max(h.prefix, h.suffix)); fuzz++ {
		if at := p.locate(h, offset, frozen, fuzz); at != 0 {
			return Placement{Hunk: 1, Line: at, Offset: at - h.first, Fuzz: fuzz}, nil
		}
	}
	return Placement{}, p.conflict(0, h, offset, frozen)
}

// nearMiss puts one hunk on the lines around the stated place by go-diff's fuzzy
// match. The library panics on invalid UTF-8 and promises nothing about its
// result, so both are guarded: a result that changes more lines than the hunk
// does is refused.
func nearMiss(lines []string, h Hunk, guess, frozen int) (at int, result []string, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	var old, new strings.Builder
	deleted, inserted := 0, 0
	for _, l := range h.Lines {
		switch l.Op {
		case Delete:
			deleted++
			old.WriteString(l.Text)
		case Insert:
			inserted++
			new.WriteString(l.Text)
		default:
			old.WriteString(l.Text)
			new.WriteString(l.Text)
		}
	}
	low := min(max(frozen, guess-1-nearLines), len(lines))
	high := max(low, min(len(lines), guess-1+h.OldLines+nearLines))
	near := strings.Join(lines[low:high], "")
	if old.Len() == 0 || len(near)+old.Len()+new.Len() > nearBytes ||
		!utf8.ValidString(near) || !utf8.ValidString(old.String()) || !utf8.ValidString(new.String()) {
		return 0, nil, false
	}
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = nearTime
	patches := dmp.PatchMake(old.String(), new.String())
	start := len([]rune(strings.Join(lines[low:min(high, max(low, guess-1))], "")))
	for i := range patches {
		patches[i].Start1 += start
		patches[i].Start2 += start
	}
	text, applied := dmp.PatchApply(patches, near)
	for _, done := range applied {
		if !done {
			return 0, nil, false
		}
	}
	if !utf8.ValidString(text) {
		return 0, nil, false
	}
	effect := DiffContext("x", "x", []byte(near), []byte(text), 0)
	if len(effect.Hunks) == 0 {
		return 0, nil, false
	}
	for _, e := range effect.Hunks {
		deleted -= e.OldLines
		inserted -= e.NewLines
	}
	if deleted < 0 || inserted < 0 {
		return 0, nil, false
	}
	result = append(append(append(result, lines[:low]...), splitLines(text)...), lines[high:]...)
	return low + max(1, effect.Hunks[0].OldStart), result, true
}
