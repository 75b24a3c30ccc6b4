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
	similarPlaces        = 20 // places of a hunk without line numbers that are compared
)

// applyApproximate places those hunks that fit nowhere, if the options allow it: at the only lines
// that look the same, or else by similarity. A hunk that fits in several places stays a conflict; why
// is the error otherwise.
func applyApproximate(lines []string, f File, opt Options, why *ConflictError) ([]byte, []Placement, *ConflictError) {
	if opt.Approximate == nil || why.Ambiguous {
		return nil, nil, why
	}
	file := endingsOf(lines)
	hunks := f.Hunks
	if file != mixed { // compare with LF only, and restore the file's endings below
		lines, hunks = bareLines(lines), bareHunks(hunks)
	}
	p := approximatePlacer{
		fuzz: opt.Fuzz, lines: lines,
		same: newPlacer(lines, hunks, withoutEnding), alike: newPlacer(lines, hunks, look),
	}
	for i := range hunks {
		if miss := p.place(i); miss != nil {
			if miss.Ambiguous {
				return nil, nil, miss
			}
			return nil, nil, why
		}
	}
	out := applyEdits(lines, p.changes)
	if len(lines) > 0 && !strings.HasSuffix(lines[len(lines)-1], "\n") {
		out = strings.TrimSuffix(out, "\n")
	}
	if file == crlf {
		out = strings.ReplaceAll(out, "\n", "\r\n")
	}
	if err := opt.Approximate(f.Name(), []byte(out)); err != nil {
		why.Reason += fmt.Sprintf(" (invalid result when placed by similarity: %s)", strings.ReplaceAll(err.Error(), "\n", " "))
		return nil, nil, why
	}
	return []byte(out), p.placed, nil
}

// approximatePlacer places hunks one after the other.
type approximatePlacer struct {
	fuzz           int
	lines          []string
	same, alike    *placer // compares the lines, or how they look
	misses         int     // hunks that neither of them places
	offset, frozen int     // of the hunk before, and the lines that later ones must not change
	placed         []Placement
	changes        []edit
}

// place places hunk i, in the first of three ways that works.
func (p *approximatePlacer) place(i int) *ConflictError {
	h := p.same.hunks[i]
	fit, miss := p.same.placeOne(i, p.fuzz, p.offset, p.frozen)
	if miss == nil {
		p.add(h, fit, h.editsAt(fit.Line-1))
		return nil
	}
	if miss.Ambiguous || h.Trimmed > 0 {
		return miss
	}
	if fit, miss := p.alike.placeOne(i, 0, p.offset, p.frozen); miss == nil {
		old, _ := h.sides()
		from := fit.Line - 1
		fit.Similarity = likeness(old, strings.Join(p.lines[from:from+len(h.ids)], ""))
		p.add(h, fit, h.lookEdits(p.lines, from))
		return nil
	} else if miss.Ambiguous {
		return miss
	}
	if p.misses++; p.misses > similarHunks {
		return miss
	}
	guess, ambiguous := p.guess(i)
	if ambiguous != "" {
		miss.Reason, miss.Ambiguous = ambiguous, true
		return miss
	}
	m, ok := matchFuzzily(p.lines, h.Hunk, guess, p.frozen)
	if !ok {
		return miss
	}
	p.add(h, Placement{Hunk: i + 1, Line: m.line, Similarity: m.similarity}, m.changes)
	return nil
}

// add records the place of a hunk and its changes there.
func (p *approximatePlacer) add(h pattern, fit Placement, changes []edit) {
	p.changes = append(p.changes, changes...)
	p.frozen = fit.Line - 1 + len(h.ids) - h.suffix
	if fit.Similarity < 1 && len(changes) > 0 {
		p.frozen = changes[len(changes)-1].end
	}
	p.offset = fit.Line - h.first
	if h.Anywhere {
		p.offset = 0
	}
	fit.Offset = p.offset
	p.placed = append(p.placed, fit)
}

// guess returns the line, from 1, where hunk i fits best. For a hunk without line numbers that fits
// as well elsewhere, it returns the reason why there is no such line.
func (p *approximatePlacer) guess(i int) (line int, ambiguous string) {
	h := p.same.hunks[i]
	if !h.Anywhere {
		return p.same.likeliest(h, h.first+p.offset), ""
	}
	places := p.same.likeliestPlaces(h, p.same.afterAnchors(h, p.frozen))
	if len(places) > similarPlaces {
		return 0, ambiguousPlaces("it almost fits", places)
	}
	old, _ := h.sides()
	best, second := 0.0, 0.0
	rival := 0
	for _, at := range places {
		from := min(at-1, len(p.lines))
		alike := similarity(diffmatchpatch.New(), old, strings.Join(p.lines[from:min(len(p.lines), from+len(h.ids))], ""))
		switch {
		case alike > best:
			best, second, line, rival = alike, best, at, line
		case alike > second:
			second, rival = alike, at
		}
	}
	if len(h.After) == 0 && rival != 0 && best == second {
		both := []int{min(line, rival), max(line, rival)}
		return 0, ambiguousPlaces("it almost fits", both)
	}
	return max(line, 1), ""
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
// Levenshtein distance. Indentation, trailing spaces and look-alikes do not count.
func similarity(dmp *diffmatchpatch.DiffMatchPatch, a, b string) float64 {
	return levenshtein(dmp, trimmedLines(a), trimmedLines(b))
}

// likeness is similarity for which every character counts.
func likeness(a, b string) float64 { return levenshtein(diffmatchpatch.New(), a, b) }

func levenshtein(dmp *diffmatchpatch.DiffMatchPatch, a, b string) float64 {
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
		b.WriteString(look(strings.TrimSpace(l)) + "\n")
	}
	return b.String()
}
