package patch

import (
	"slices"
	"strings"
	"unicode"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// Span is a part of a line, changed from the line's counterpart or not.
type Span struct {
	Text    string
	Changed bool
}

// Highlight finds what changed inside the lines of a run of changes: the deleted
// ones and those inserted in their place. Each line comes back as its spans. A
// line that has no counterpart among the others is a single span that is not
// changed: it is deleted or inserted as a whole, so that nothing in it stands out.
func Highlight(deleted, inserted []string) (old, new [][]Span) {
	whole := func(lines []string) [][]Span {
		spans := make([][]Span, len(lines))
		for i, line := range lines {
			spans[i] = []Span{{Text: line}}
		}
		return spans
	}
	old, new = whole(deleted), whole(inserted)
	for _, p := range counterparts(deleted, inserted) {
		if a, b, ok := Intraline(deleted[p.old], inserted[p.new]); ok {
			old[p.old], new[p.new] = a, b
		}
	}
	return old, new
}

// Bounds on what is compared, so that no input takes long. An alphabet of ASCII
// keeps go-diff, which slices some strings by byte and some by rune, clear of code
// points that it could cut in two.
const (
	maxLineBytes = 8 << 10 // of a line with spans
	maxTokens    = 600     // of either line, where they differ
	maxAlphabet  = 126
	maxPairs     = 64 * 64 // lines deleted times lines inserted, for pairing by likeness
)

// Intraline finds what changed between two lines, token by token: a name, a
// number, a run of spaces, or one other character. The texts of a line's spans
// add up to the line, byte for byte, and the unchanged ones are the same in both
// lines. ok is false when the lines have too little in common for that to help
// the eye, or are too long.
func Intraline(old, new string) (oldSpans, newSpans []Span, ok bool) {
	// The library promises nothing about panics, and a highlight is not worth one.
	defer func() {
		if recover() != nil {
			oldSpans, newSpans, ok = nil, nil, false
		}
	}()
	if len(old) > maxLineBytes || len(new) > maxLineBytes {
		return nil, nil, false
	}
	common := 0
	add := func(op diffmatchpatch.Operation, text string) {
		if op != diffmatchpatch.DiffInsert {
			oldSpans = extend(oldSpans, Span{text, op == diffmatchpatch.DiffDelete})
		}
		if op != diffmatchpatch.DiffDelete {
			newSpans = extend(newSpans, Span{text, op == diffmatchpatch.DiffInsert})
		}
		if op == diffmatchpatch.DiffEqual {
			common += solid(text)
		}
	}
	a, b := tokens(old), tokens(new)
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && a[endA-1] == b[endB-1] {
		endA--
		endB--
	}
	add(diffmatchpatch.DiffEqual, strings.Join(a[:start], ""))
	compareTokens(a[start:endA], b[start:endB], add)
	add(diffmatchpatch.DiffEqual, strings.Join(a[endA:], ""))
	if !alike(common, solid(old), solid(new)) {
		return nil, nil, false
	}
	return oldSpans, newSpans, true
}

// alike is the least that two lines have in common for one to have become the
// other: two fifths of the longer one's bytes.
func alike(common, old, new int) bool { return common*5 >= max(old, new)*2 }

// extend appends a span, or adds it to the last one of its kind.
func extend(spans []Span, s Span) []Span {
	switch last := len(spans) - 1; {
	case s.Text == "":
	case last >= 0 && spans[last].Changed == s.Changed:
		spans[last].Text += s.Text
	default:
		spans = append(spans, s)
	}
	return spans
}

// compareTokens adds the differences of two runs of tokens. All of them are different
// when there are too many to compare.
func compareTokens(a, b []string, add func(diffmatchpatch.Operation, string)) {
	letters := map[string]rune{}
	alphabet := []string{""}
	spell := func(tokens []string) []rune {
		word := make([]rune, len(tokens))
		for i, t := range tokens {
			if _, seen := letters[t]; !seen {
				letters[t] = rune(len(alphabet))
				alphabet = append(alphabet, t)
			}
			word[i] = letters[t]
		}
		return word
	}
	wordA, wordB := spell(a), spell(b)
	if len(a) > maxTokens || len(b) > maxTokens || len(alphabet) > maxAlphabet {
		add(diffmatchpatch.DiffDelete, strings.Join(a, ""))
		add(diffmatchpatch.DiffInsert, strings.Join(b, ""))
		return
	}
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0 // the bounds above are what ends it, the same way each time
	for _, d := range dmp.DiffMainRunes(wordA, wordB, false) {
		var text strings.Builder
		for _, letter := range d.Text {
			text.WriteString(alphabet[letter])
		}
		add(d.Type, text.String())
	}
}

// pair is a deleted line and the inserted one that it became, by number.
type pair struct{ old, new int }

// counterparts pairs deleted lines with inserted ones that are alike, in order.
// It is an alignment as of Needleman and Wunsch where only pairs score: the square
// of their likeness, so that a pair of near twins is worth more than two pairs of
// distant cousins.
func counterparts(deleted, inserted []string) []pair {
	if len(deleted)*len(inserted) > maxPairs {
		if len(deleted) != len(inserted) {
			return nil
		}
		pairs := make([]pair, len(deleted))
		for i := range pairs {
			pairs[i] = pair{i, i}
		}
		return pairs
	}
	b := bagger{}
	olds, news := b.bags(deleted), b.bags(inserted)
	// best[i][j] is the highest score of the lines from i and from j on.
	best := make([][]int, len(olds)+1)
	for i := range best {
		best[i] = make([]int, len(news)+1)
	}
	score := func(i, j int) int {
		likeness := olds[i].likeness(news[j])
		return likeness * likeness
	}
	for i := len(olds) - 1; i >= 0; i-- {
		for j := len(news) - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1], best[i+1][j+1]+score(i, j))
		}
	}
	var pairs []pair
	for i, j := 0, 0; i < len(olds) && j < len(news); {
		switch s := score(i, j); {
		case s > 0 && best[i][j] == best[i+1][j+1]+s:
			pairs = append(pairs, pair{i, j})
			i, j = i+1, j+1
		case best[i][j] == best[i+1][j]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// bag is the tokens of a line without order and without spaces, the first ones of a
// long line: enough to tell how much two lines can have in common, and quick to
// compare.
type bag struct {
	tokens []token // in the order of their ids
	size   int     // in bytes
}

type token struct{ id, size int }

// bagger numbers tokens by when they are first seen.
type bagger map[string]int

func (b bagger) bags(lines []string) []bag {
	bags := make([]bag, len(lines))
	for i, line := range lines {
		if len(line) > maxLineBytes {
			continue
		}
		all := tokens(line)
		for _, text := range all[:min(len(all), maxTokens)] {
			if strings.TrimSpace(text) == "" {
				continue
			}
			if _, seen := b[text]; !seen {
				b[text] = len(b)
			}
			bags[i].tokens = append(bags[i].tokens, token{b[text], len(text)})
			bags[i].size += len(text)
		}
		slices.SortFunc(bags[i].tokens, func(x, y token) int { return x.id - y.id })
	}
	return bags
}

// likeness is how much of the larger bag both have, in thousandths and one more, or
// 0 when the lines cannot be counterparts.
func (b bag) likeness(o bag) int {
	common := 0
	for x, y := b.tokens, o.tokens; len(x) > 0 && len(y) > 0; {
		switch {
		case x[0].id < y[0].id:
			x = x[1:]
		case x[0].id > y[0].id:
			y = y[1:]
		default:
			common += x[0].size
			x, y = x[1:], y[1:]
		}
	}
	if !alike(common, b.size, o.size) {
		return 0
	}
	return 1 + common*1000/max(b.size, o.size, 1) // two blank lines are alike, too
}

// solid counts the bytes of s that are not spaces.
func solid(s string) int {
	n := 0
	for f := range strings.FieldsSeq(s) {
		n += len(f)
	}
	return n
}

// tokens cuts s into names and numbers, runs of spaces, and single other
// characters, each with the marks that combine with it. A byte that is not UTF-8 is
// a token.
func tokens(s string) []string {
	var out []string
	class := func(r rune) int {
		switch {
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return 1
		case unicode.IsSpace(r):
			return 2
		}
		return 0
	}
	start, last := 0, -1
	for i, r := range s {
		if i > 0 && unicode.IsMark(r) {
			continue
		}
		c := class(r)
		if i > 0 && (c != last || c == 0) {
			out = append(out, s[start:i])
			start = i
		}
		last = c
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}
