package patch

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// Limits on placing by similarity, which is a last resort for small, near misses.
const (
	searchLines  = 100      // lines to search on either side of the likeliest place
	searchBytes  = 32 << 10 // of the lines to search
	hunkBytes    = 8 << 10  // of both sides of a hunk
	similarHunks = 10       // hunks of one file that are placed by similarity
	similarTime  = 100 * time.Millisecond
	// minSimilarity is the least similarity of a hunk's old lines to those in their place.
	// Below it, nothing separates lines that a model misremembers from other lines.
	minSimilarity = 0.6
	// minChangedSimilarity is the least similarity of the deleted and the inserted lines:
	// the function next to the intended one often has the same context.
	minChangedSimilarity = 0.9
)

// applyApproximate places by similarity those hunks that fit nowhere, if the options allow
// it; why is the error otherwise.
func applyApproximate(lines []string, f File, opt Options, why *ConflictError) ([]byte, []Placement, *ConflictError) {
	if opt.Approximate == nil {
		return nil, nil, why
	}
	file := endingsOf(lines)
	hunks := f.Hunks
	if file != mixed { // compare with LF only, and restore the file's endings below
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
			if misses++; misses > similarHunks || h.Trimmed > 0 {
				return nil, nil, why
			}
			m, ok := matchFuzzily(lines, h.Hunk, p.likeliest(h, h.first+offset), frozen)
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
	out := applyEdits(lines, changes)
	if len(lines) > 0 && !strings.HasSuffix(lines[len(lines)-1], "\n") {
		out = strings.TrimSuffix(out, "\n")
	}
	if file == crlf {
		out = strings.ReplaceAll(out, "\n", "\r\n")
	}
	if err := opt.Approximate(f.Name(), []byte(out)); err != nil {
		why.Reason += fmt.Sprintf(" (invalid result when placed by similarity: %v)", err)
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

// bareLine returns s with a CRLF replaced by LF.
func bareLine(s string) string {
	if bare, ok := strings.CutSuffix(s, "\r\n"); ok {
		return bare + "\n"
	}
	return s
}

// editsAt returns the changes of a hunk whose first line is at, from 0.
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

// applyEdits returns the lines with changes, which are in order, applied.
func applyEdits(lines []string, changes []edit) string {
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

// fuzzyMatch is the place of a hunk that almost fits.
type fuzzyMatch struct {
	line       int // in the old lines, from 1
	similarity float64
	changes    []edit // at least one
}

// matchFuzzily applies one hunk to the lines around a place with go-diff's fuzzy match
// (bitap). The library panics on invalid UTF-8 and promises nothing about its result.
// matchFuzzily recovers from the panic, and refuses a result that changes more lines than
// the hunk does, or other lines.
func matchFuzzily(lines []string, h Hunk, guess, frozen int) (m fuzzyMatch, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	old, new := h.sides()
	low := min(max(frozen, guess-1-searchLines), len(lines))
	high := max(low, min(len(lines), guess-1+h.OldLines+searchLines))
	around := strings.Join(lines[low:high], "")
	if old == "" || len(around) > searchBytes || len(old)+len(new) > hunkBytes ||
		!utf8.ValidString(around) || !utf8.ValidString(old) || !utf8.ValidString(new) {
		return fuzzyMatch{}, false
	}
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = similarTime
	patches := dmp.PatchMake(old, new)
	start := utf8.RuneCountInString(strings.Join(lines[low:min(high, max(low, guess-1))], ""))
	for i := range patches {
		patches[i].Start1 += start
		patches[i].Start2 += start
	}
	text, applied := dmp.PatchApply(patches, around)
	for _, done := range applied {
		if !done {
			return fuzzyMatch{}, false
		}
	}
	effect := DiffContext("x", "x", []byte(around), []byte(text), 0).Hunks
	if !utf8.ValidString(text) || len(effect) == 0 || h.exceededBy(effect) {
		return fuzzyMatch{}, false
	}
	m.line = max(1, low+max(1, effect[0].OldStart)-h.before())
	from := m.line - 1
	m.similarity = similarity(dmp, old, strings.Join(lines[from:min(len(lines), from+h.OldLines)], ""))
	if m.similarity < minSimilarity {
		return fuzzyMatch{}, false
	}
	for _, op := range []Op{Delete, Insert} {
		if similarity(dmp, linesOf(op, h), linesOf(op, effect...)) < minChangedSimilarity {
			return fuzzyMatch{}, false
		}
	}
	for _, e := range edits([]byte(around), []byte(text)) {
		m.changes = append(m.changes, edit{start: e.start + low, end: e.end + low, text: e.text})
	}
	return m, true
}

// linesOf returns the lines of hunks that have the given operation.
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

// sides returns the texts before and after a hunk.
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

// exceededBy reports whether effect, hunks without context, deletes or inserts more lines
// than h does.
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

// similarity returns 1 for equal texts and 0 for texts without a character in common, by
// Levenshtein distance. Indentation and trailing spaces do not count.
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
