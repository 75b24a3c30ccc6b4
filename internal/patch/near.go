package patch

import (
	"fmt"
	"slices"
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
	// nearFloor is the least similarity of a hunk's old lines to those in their place.
	// Below it, what a model remembers wrongly and what is another place altogether
	// are not to be told apart.
	nearFloor = 0.6
	// changeFloor is the least similarity of the lines that are changed, before and
	// after: the function beside the one that is meant has the same context, mostly.
	changeFloor = 0.9
)

// near places by likeness the hunks that fit nowhere, when the options allow it; why
// is the error otherwise.
func near(lines []string, f File, opt Options, why *ConflictError) ([]byte, []Placement, *ConflictError) {
	if opt.Near == nil {
		return nil, nil, why
	}
	file := endingsOf(lines)
	hunks := f.Hunks
	if file != mixed { // endings say nothing about likeness: all are LF, and the file's in the end
		lines, hunks = bareLines(lines), bareHunks(hunks)
	}
	p := newPlacer(lines, hunks, withoutEnding)
	var placed []Placement
	var changes []edit
	misses := 0
	offset, frozen := 0, 0
	for i, h := range p.hunks {
		fit, err := p.placeOne(i, opt.Fuzz, offset, frozen)
		if err == nil {
			changes = append(changes, h.editsAt(fit.Line-1)...)
			frozen = fit.Line - 1 + len(h.ids) - h.suffix
		} else {
			if misses++; misses > nearHunks {
				return nil, nil, why
			}
			m, ok := nearMiss(lines, h.Hunk, p.likeliest(h, h.first+offset), frozen)
			if !ok {
				return nil, nil, why
			}
			fit = Placement{Hunk: i + 1, Line: m.line, Similarity: m.similarity}
			changes = append(changes, m.changes...)
			frozen = m.changes[len(m.changes)-1].end
		}
		if offset = fit.Line - h.first; h.Anywhere {
			offset = 0
		}
		fit.Offset = offset
		placed = append(placed, fit)
	}
	out := edited(lines, changes)
	if len(lines) > 0 && !strings.HasSuffix(lines[len(lines)-1], "\n") {
		out = strings.TrimSuffix(out, "\n")
	}
	if file == crlf {
		out = strings.ReplaceAll(out, "\n", "\r\n")
	}
	if err := opt.Near(f.Name(), []byte(out)); err != nil {
		why.Reason += fmt.Sprintf(" (what comes of placing it by likeness cannot be right: %v)", err)
		return nil, nil, why
	}
	return []byte(out), placed, nil
}

func bareLines(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = bareLine(l)
	}
	return out
}

func bareHunks(hunks []Hunk) []Hunk {
	out := slices.Clone(hunks)
	for i, h := range out {
		out[i].Lines = slices.Clone(h.Lines)
		for j, l := range h.Lines {
			out[i].Lines[j].Text = bareLine(l.Text)
		}
	}
	return out
}

// bareLine has LF for CRLF.
func bareLine(s string) string {
	if bare, ok := strings.CutSuffix(s, "\r\n"); ok {
		return bare + "\n"
	}
	return s
}

// editsAt are the changes of a hunk whose first line is at, from 0.
func (h Hunk) editsAt(at int) []edit {
	var out []edit
	for _, l := range h.Lines {
		if l.Op == Context {
			at++
			continue
		}
		if n := len(out); n == 0 || out[n-1].end != at {
			out = append(out, edit{start: at, end: at})
		}
		e := &out[len(out)-1]
		if l.Op == Delete {
			at++
			e.end = at
		} else {
			e.text += strings.TrimSuffix(l.Text, "\n") + "\n"
		}
	}
	return out
}

// edited are the lines with changes made to them, which are in order.
func edited(lines []string, changes []edit) string {
	var b strings.Builder
	write := func(text string) {
		if b.Len() > 0 && text != "" && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(text)
	}
	at := 0
	for _, e := range changes {
		for ; at < e.start; at++ {
			write(lines[at])
		}
		write(e.text)
		at = max(at, e.end)
	}
	for ; at < len(lines); at++ {
		write(lines[at])
	}
	return b.String()
}

// miss is where a hunk went that almost fits.
type miss struct {
	line       int // from 1, of the lines before
	similarity float64
	changes    []edit // at least one
}

// nearMiss puts one hunk on the lines around a place by go-diff's fuzzy match
// (bitap). The library panics on invalid UTF-8 and promises nothing about its
// result, so both are guarded: a result that changes more lines than the hunk does,
// or other lines than the hunk's, is refused.
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
	start := utf8.RuneCountInString(strings.Join(lines[low:min(high, max(low, guess-1))], ""))
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
	for _, op := range []Op{Delete, Insert} {
		if similarity(dmp, linesOf(op, h), linesOf(op, effect...)) < changeFloor {
			return miss{}, false
		}
	}
	for _, e := range edits([]byte(around), []byte(text)) {
		m.changes = append(m.changes, edit{start: e.start + low, end: e.end + low, text: e.text})
	}
	return m, true
}

// linesOf are the lines of hunks that do the one thing.
func linesOf(op Op, hunks ...Hunk) string {
	var b strings.Builder
	for _, h := range hunks {
		for _, l := range h.Lines {
			if l.Op == op {
				b.WriteString(l.Text)
			}
		}
	}
	return b.String()
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
