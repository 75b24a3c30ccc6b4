package patch

import (
	"slices"
	"strings"
	"unicode"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// Span is a part of a line. Changed says whether it differs from the line's counterpart.
type Span struct {
	Text    string
	Changed bool
}

// Highlight finds what changed within the lines of a run of changes: the deleted lines and
// those inserted in their place. It returns the spans of each line. A line without a
// counterpart on the other side is a single span that is not Changed: the whole line is
// deleted or inserted, so no part of it should stand out.
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

// Limits on what is compared, so that no input takes long. The alphabet must fit in ASCII,
// because go-diff slices some strings by byte and some by rune, and could cut a longer
// code point in two.
const (
	maxLineBytes = 8 << 10 // of a line with spans
	maxTokens    = 600     // of either line, from its first difference to its last
	maxAlphabet  = 126     // different tokens in both lines
	maxPairs     = 64 * 64 // deleted lines times inserted lines, to pair by similarity
)

// Intraline finds what changed between two lines, token by token. A token is a name, a
// number, a run of spaces, or one other character. The spans of a line add up to the
// line, byte for byte, and the unchanged spans are the same in both lines. ok is false if
// the lines are too long, or have too little in common for highlights to help a reader.
func Intraline(old, new string) (oldSpans, newSpans []Span, ok bool) {
	// The library may panic, and a highlight is not worth a crash.
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

// alike reports whether two lines have enough in common to be versions of the same line:
// two fifths of the longer one's bytes.
func alike(common, old, new int) bool { return common*5 >= max(old, new)*2 }

// extend appends a span, or joins it with the last one if both are changed or neither is.
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

// compareTokens adds the differences between two runs of tokens. If there are too many to
// compare, all of them differ.
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
	dmp.DiffTimeout = 0 // the limits above bound the time, and the result does not depend on the clock
	for _, d := range dmp.DiffMainRunes(wordA, wordB, false) {
		var text strings.Builder
		for _, letter := range d.Text {
			text.WriteString(alphabet[letter])
		}
		add(d.Type, text.String())
	}
}

// pair holds the indexes of a deleted line and of the inserted line that replaced it.
type pair struct{ old, new int }

// counterparts pairs deleted lines with similar inserted ones, in order. It is a
// Needleman-Wunsch alignment in which only pairs score. The score is the square of their
// similarity, so that one pair of nearly equal lines beats two pairs of vaguely similar
// ones.
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
	b := numbering{}
	olds, news := b.bags(deleted), b.bags(inserted)
	// best[i][j] is the highest score of the lines olds[i:] and news[j:].
	best := make([][]int, len(olds)+1)
	for i := range best {
		best[i] = make([]int, len(news)+1)
	}
	score := func(i, j int) int {
		s := olds[i].similarity(news[j])
		return s * s
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

// bag is the tokens of a line without order or spaces, limited to the first maxTokens.
// It is quick to compare, and bounds how much two lines can have in common.
type bag struct {
	tokens []token // in the order of their ids
	size   int     // in bytes
}

type token struct{ id, size int }

// numbering numbers tokens in the order in which they are first seen.
type numbering map[string]int

func (b numbering) bags(lines []string) []bag {
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

// similarity returns how much of the larger bag both have in common, in thousandths plus
// one, or 0 if the lines cannot be counterparts.
func (b bag) similarity(o bag) int {
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
	return 1 + common*1000/max(b.size, o.size, 1) // two blank lines are also alike
}

// solid counts the bytes of s that are not spaces.
func solid(s string) int {
	n := 0
	for f := range strings.FieldsSeq(s) {
		n += len(f)
	}
	return n
}

// tokens cuts s into names and numbers, runs of spaces, and single other characters, each
// with its combining marks. A byte that is not UTF-8 is a token.
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
