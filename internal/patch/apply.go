package patch

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// DefaultFuzz is how many context lines GNU patch allows to differ.
const DefaultFuzz = 2

// Options control how freely Apply may place hunks. The zero value allows offsets
// only.
type Options struct {
	// Fuzz is how many lines at either end of a hunk's context may differ.
	Fuzz int
	// Approximate, if not nil, allows Apply to place a hunk that fits nowhere at the most
	// similar lines, provided that Approximate accepts the result.
	Approximate Check
}

// A Check returns an error if content, which a patch produced for the named file, cannot
// be right: for example, because it does not parse.
type Check func(name string, content []byte) error

// Placement describes where a hunk went.
type Placement struct {
	Hunk   int // from 1
	Line   int // in the old content, from 1: where the hunk's first line was found
	Offset int // lines from where the patch says
	Fuzz   int // the most context lines ignored at either end
	// Similarity compares the hunk's old lines with those in their place, from 0 to 1.
	// It is 1 unless the hunk was placed by similarity.
	Similarity float64
}

// Apply applies f to src, and returns the result and where each hunk went. It applies
// all hunks or none: the error, if any, is a *ConflictError for the first hunk that does
// not fit.
//
// Apply places a hunk like GNU patch (locate_hunk in its patch.c): at its stated line
// plus the offset of the previous hunk, or else at the nearest place where all lines
// match, the later one of two. If none exists, it tries again with one line of
// context less at either end, up to the fuzz. A hunk with less context before its
// changes than after them must be at the start of the file, and one with less after
// than before must be at the end, until fuzz evens that out. Changes keep their order
// and never overlap. A hunk without line numbers must fit in only one place, or goes to
// the first place after the lines that it names.
//
// Unlike GNU patch, Apply accepts a patch with LF line endings for a CRLF file, or the
// reverse, and one that differs from the file only in the newline at the end. The file
// keeps its own line endings. A hunk that only inserts lines matches none of the file's,
// so its lines keep their endings.
//
// A binary patch applies only to the content that it was made for, which it identifies
// by hash. Undoing a copy returns the content of the copied file; the caller must compare
// it with the actual file.
func Apply(src []byte, f File, opt Options) ([]byte, []Placement, error) {
	conflict := func(reason string) error { return &ConflictError{File: f.source(), Reason: reason} }
	switch {
	case f.New && len(src) > 0:
		return nil, nil, conflict("the patch creates this file, but it already exists")
	case f.Blind && f.Delete:
		return []byte{}, []Placement{}, nil
	case f.Blind:
		return nil, nil, conflict("the patch does not say what the file contained")
	case f.Binary:
		out, err := applyBinary(src, f)
		if err == nil && f.Delete && len(out) > 0 {
			err = conflict("the patch deletes this file, but the result is not empty")
		}
		if err != nil {
			return nil, nil, err
		}
		return out, []Placement{}, nil
	}
	out, placed, ok := applyExact(src, f.Hunks)
	if !ok {
		var err *ConflictError
		if out, placed, err = applyLines(splitLines(string(src)), f, opt); err != nil {
			err.File = f.source()
			return nil, nil, err
		}
	}
	if f.Delete && len(out) > 0 && f.Copied == "" {
		return nil, nil, conflict("the patch deletes this file, but it has other content")
	}
	return out, placed, nil
}

const alreadyThere = "the change is already in the file"

// applyLines compares whole lines first, then lines without their endings, and places
// by similarity last.
func applyLines(lines []string, f File, opt Options) ([]byte, []Placement, *ConflictError) {
	strict := newPlacer(lines, f.Hunks, asIs)
	old, ends := endingsOfHunks(f.Hunks)
	file := endingsOf(lines)
	otherEndings := ends != mixed && (file == crlf && old == lf || file == lf && old == crlf)
	if !otherEndings {
		placed, err := strict.place(opt.Fuzz)
		if err == nil {
			return strict.assemble(placed), placed, nil
		}
		if reversed(lines, f, asIs) {
			err.Reason, err.Applied = alreadyThere, true
		}
		if ends == mixed || !lenientMayHelp(lines, f.Hunks, ends) {
			return applyApproximate(lines, f, opt, err)
		}
	}
	lenient := newPlacer(lines, f.Hunks, withoutEnding)
	placed, err := lenient.place(opt.Fuzz)
	if err == nil {
		return lenient.assembleKeepingEndings(placed), placed, nil
	}
	if reversed(lines, f, withoutEnding) {
		err.Reason, err.Applied = alreadyThere, true
	}
	return applyApproximate(lines, f, opt, err)
}

// reversed reports whether the file looks as if the patch has already been applied.
func reversed(lines []string, f File, key func(string) string) bool {
	if len(f.Hunks) == 0 {
		return false
	}
	undo := Reverse([]File{f})[0]
	for _, h := range undo.Hunks {
		if h.OldLines == 0 || h.Anywhere { // proves nothing: it can fit in other places
			return false
		}
	}
	_, err := newPlacer(lines, undo.Hunks, key).place(0)
	return err == nil
}

// Applied reports, for each hunk, whether the file looks as if it has already been applied, whatever
// the file's line endings.
func Applied(src []byte, f File) []bool {
	lines := splitLines(string(src))
	out := make([]bool, len(f.Hunks))
	for i, one := range f.Split() {
		if reversed(lines, one, withoutEnding) {
			_, err := newPlacer(lines, one.Hunks, withoutEnding).place(0)
			out[i] = err != nil
		}
	}
	return out
}

// placer finds a place for each hunk. Lines are interned, so that two of them compare
// as numbers.
type placer struct {
	lines []string
	ids   []int
	hunks []pattern
}

// pattern is the old side of a hunk.
type pattern struct {
	Hunk
	ids            []int
	first          int // where its first line is expected, from 1
	prefix, suffix int // lines of context before and after the changes
}

func newPlacer(lines []string, hunks []Hunk, key func(string) string) *placer {
	intern := make(map[string]int, len(lines))
	id := func(s string) int {
		k := key(s)
		n, ok := intern[k]
		if !ok {
			n = len(intern)
			intern[k] = n
		}
		return n
	}
	p := &placer{lines: lines, ids: make([]int, len(lines))}
	for i, l := range lines {
		p.ids[i] = id(l)
	}
	for _, h := range hunks {
		pat := pattern{Hunk: h, first: h.OldStart}
		changed := false
		for _, l := range h.Lines {
			if l.Op != Insert {
				pat.ids = append(pat.ids, id(l.Text))
			}
			switch {
			case l.Op != Context:
				changed, pat.suffix = true, 0
			case changed:
				pat.suffix++
			default:
				pat.prefix++
			}
		}
		if len(pat.ids) == 0 { // lines go after the stated one
			pat.first++
		}
		p.hunks = append(p.hunks, pat)
	}
	return p
}

func asIs(s string) string { return s }

func withoutEnding(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}

// place returns a place for every hunk, or a conflict for the first that has none.
func (p *placer) place(maxFuzz int) ([]Placement, *ConflictError) {
	placed := make([]Placement, 0, len(p.hunks))
	offset, frozen := 0, 0 // later hunks must not change lines up to frozen
	for i, h := range p.hunks {
		fit, err := p.placeOne(i, maxFuzz, offset, frozen)
		if err != nil {
			return nil, err
		}
		if reason := p.trimmed(h, fit.Line); reason != "" {
			return nil, p.conflict(i, fit.Line, reason)
		}
		placed = append(placed, fit)
		offset = fit.Offset
		frozen = fit.Line - 1 + len(h.ids) - h.suffix
	}
	return placed, nil
}

// placeOne finds a place for hunk i after the frozen lines.
func (p *placer) placeOne(i, maxFuzz, offset, frozen int) (Placement, *ConflictError) {
	h := p.hunks[i]
	fit := Placement{Hunk: i + 1, Similarity: 1}
	fuzziest := min(maxFuzz, max(h.prefix, h.suffix+h.Trimmed))
	if h.Anywhere {
		at, fuzz, reason, ambiguous := p.locateAnywhere(h, frozen, fuzziest)
		if reason == "" {
			fit.Line, fit.Fuzz = at, fuzz
			return fit, nil
		}
		err := p.conflict(i, p.likeliest(h, 1), reason)
		err.Ambiguous = ambiguous
		return fit, err
	}
	for ; fit.Fuzz <= fuzziest; fit.Fuzz++ {
		if fit.Line = p.locate(h, offset, frozen, fit.Fuzz); fit.Line != 0 {
			fit.Offset = fit.Line - h.first
			return fit, nil
		}
	}
	guess := max(1, h.first+offset)
	switch {
	case len(h.ids) == 0:
		return fit, p.conflict(i, guess, "out of order")
	case frozen > 0 && p.locate(h, offset, 0, 0) != 0:
		return fit, p.conflict(i, guess, "overlaps the previous hunk")
	}
	return fit, p.conflict(i, guess, notInFile(len(h.ids)))
}

// trimmed returns why the lines that a hunk lacks at its end cannot be context, or "". If a change
// were missing too, with so few lines, the hunk would reach the end of the file. There, only blank
// lines are known to be context that was trimmed.
func (p *placer) trimmed(h pattern, at int) string {
	from := at - 1 + len(h.ids)
	switch end := from + h.Trimmed; {
	case h.Trimmed == 0, end < len(p.lines):
		return ""
	case end == len(p.lines) && strings.TrimSpace(strings.Join(p.lines[from:], "")) == "":
		return ""
	}
	return fmt.Sprintf("the patch is cut off: %s missing, which can have changes", lineCount(h.Trimmed))
}

func notInFile(lines int) string {
	if lines == 1 {
		return "its old line is not in the file"
	}
	return fmt.Sprintf("its %d old lines are not in the file", lines)
}

func (p *placer) conflict(i, line int, reason string) *ConflictError {
	err := &ConflictError{Hunk: i + 1, Line: line, Reason: reason}
	err.Expected, _ = p.hunks[i].sides()
	from := min(line-1, len(p.lines))
	err.Found = strings.Join(p.lines[from:min(from+len(p.hunks[i].ids), len(p.lines))], "")
	return err
}

// locate is GNU patch's locate_hunk. It returns the line, from 1, at which the hunk's old
// lines match with the given fuzz, or 0.
func (p *placer) locate(h pattern, lastOffset, frozen, fuzz int) int {
	guess := h.first + lastOffset
	if len(h.ids) == 0 { // no old lines: the hunk fits anywhere
		guess = min(guess, len(p.lines)+1)
		if guess <= frozen || guess < 1 {
			return 0
		}
		return guess
	}
	suffix := h.suffix + h.Trimmed
	context := max(h.prefix, suffix)
	prefixFuzz := fuzz + h.prefix - context
	suffixFuzz := fuzz + suffix - context
	atEnd := len(p.ids) - len(h.ids) - h.Trimmed + 1

	if prefixFuzz < 0 && h.first <= 1 { // must be at the start
		if frozen <= h.prefix && p.matches(h, 1, 0, max(0, suffixFuzz)) {
			return 1
		}
		return 0
	}
	prefixFuzz = max(0, prefixFuzz)
	if suffixFuzz < 0 { // must be at the end
		if atEnd > frozen && p.matches(h, atEnd, prefixFuzz, 0) {
			return atEnd
		}
		return 0
	}
	low, high := frozen+1, atEnd+suffixFuzz
	suffixFuzz = max(0, suffixFuzz-h.Trimmed) // nothing is known about the lines that are missing
	if low <= guess && guess <= high && p.matches(h, guess, prefixFuzz, suffixFuzz) {
		return guess
	}
	return p.nearest(h, guess, low, high, prefixFuzz, suffixFuzz)
}

// matches reports whether the hunk's old lines, without the fuzz at either end, match the
// file at a line, from 1.
func (p *placer) matches(h pattern, at, prefixFuzz, suffixFuzz int) bool {
	want := h.ids[prefixFuzz : len(h.ids)-suffixFuzz]
	from := at - 1 + prefixFuzz
	return from >= 0 && from+len(want) <= len(p.ids) && slices.Equal(p.ids[from:from+len(want)], want)
}

// nearest returns the match in [low, high] nearest to guess, the later one of two, or 0.
func (p *placer) nearest(h pattern, guess, low, high, prefixFuzz, suffixFuzz int) int {
	want := h.ids[prefixFuzz : len(h.ids)-suffixFuzz]
	if low > high {
		return 0
	}
	if len(want) == 0 { // fuzz left nothing to compare: take the nearest place allowed
		return min(max(guess, low), high)
	}
	best := 0
	for at := range p.occurrences(want, low-1+prefixFuzz, high-1+prefixFuzz+len(want)) {
		if at += 1 - prefixFuzz; best == 0 || abs(at-guess) <= abs(best-guess) {
			best = at
		}
	}
	return best
}

// occurrences yields where want begins in the lines [first, last), from 0. It finds all
// occurrences in one pass (Knuth, Morris and Pratt), so that the time is linear even if
// all lines are the same.
func (p *placer) occurrences(want []int, first, last int) iter.Seq[int] {
	return func(yield func(int) bool) {
		border := make([]int, len(want)+1)
		border[0] = -1
		for i, k := 0, -1; i < len(want); {
			for k >= 0 && want[i] != want[k] {
				k = border[k]
			}
			i, k = i+1, k+1
			border[i] = k
		}
		for i, k := max(0, first), 0; i < min(len(p.ids), last); i++ {
			for k >= 0 && p.ids[i] != want[k] {
				k = border[k]
			}
			if k++; k < len(want) {
				continue
			}
			if !yield(i + 1 - len(want)) {
				return
			}
			k = border[k]
		}
	}
}

func abs(n int) int { return max(n, -n) }

// assemble returns the file with the hunks applied at their places. A line without a
// newline gets one if it is no longer the last.
func (p *placer) assemble(placed []Placement) []byte {
	var b bytes.Buffer
	ended := true
	write := func(line string) {
		if !ended {
			b.WriteByte('\n')
		}
		b.WriteString(line)
		ended = strings.HasSuffix(line, "\n")
	}
	at := 0
	for i, h := range p.hunks {
		next := placed[i].Line - 1
		for _, l := range h.Lines {
			if l.Op == Context {
				next++
				continue
			}
			for ; at < next; at++ {
				write(p.lines[at])
			}
			if l.Op == Delete {
				at, next = at+1, next+1
			} else {
				write(l.Text)
			}
		}
	}
	for ; at < len(p.lines); at++ {
		write(p.lines[at])
	}
	return b.Bytes()
}
