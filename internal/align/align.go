// Package align finds what a change replaced. It compares two versions of a text as trees of
// parts, and lists the parts that differ, from a single token to a group of lines, each with
// the text that it had before.
//
// Goals: every part can go back to its former text while the rest of the change stays; the
// same texts have the same changes.
//
// Non-goals: a shortest diff; the syntax of any language. A language makes the tree of a
// text, and Lines makes one for a text in any language.
package align

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"slices"
)

// Part is a piece of a text: a token, or a construct that consists of smaller parts. Layout
// and comments belong to no part.
type Part struct {
	Kind string // only parts of the same kind are taken for versions of each other
	// Name, if set, identifies the part among its siblings wherever it moves: the name of a
	// function.
	Name       string
	Start, End int     // offsets in the text
	Parts      []*Part // in order, not overlapping; none if it is a token
}

// Text is a version of a text, with all of it as a Part.
type Text struct {
	Src  string
	Root *Part
}

// Change is a part of the new text that differs from the old text.
type Change struct {
	Start, End int    // of the new text
	Old        string // what was there in the old text
	// Added and Removed count the tokens that the new text has and the old one has not, and
	// the other way around.
	Added, Removed int
}

// Tokens returns how many tokens the change concerns.
func (c *Change) Tokens() int { return max(c.Added, c.Removed) }

// Compare returns the changes from old to new, each of them once, up to a size of MaxTokens.
// Those of parts that belong to a larger part come after it.
func Compare(old, new Text) []Change {
	c := &comparison{old: prepare(old), new: prepare(new), known: make(map[result]int)}
	c.lists(c.old.root.parts, c.new.root.parts)
	return c.out
}

// MaxTokens is how many tokens the parts of a change may have on either side.
const MaxTokens = 400

// Distance returns how many tokens one of two versions of a text has and the other has not,
// wherever they are.
func Distance(old, new Text) int {
	count := make(map[uint64]int)
	for _, leaf := range prepare(old).leaves {
		count[leaf.hash]++
	}
	for _, leaf := range prepare(new).leaves {
		count[leaf.hash]--
	}
	total := 0
	for _, n := range count {
		total += max(n, -n)
	}
	return total
}

// text is a Text whose parts have their tokens.
type text struct {
	src    string
	root   *part
	leaves []*part
}

// part is a Part with its tokens.
type part struct {
	*Part
	parts  []*part
	leaves []*part // its tokens
	first  int     // the number of its first token in the text
	hash   uint64  // of its tokens
}

func prepare(t Text) *text {
	out := &text{src: t.Src, root: &part{Part: t.Root}}
	for _, p := range t.Root.Parts {
		out.root.parts = append(out.root.parts, out.add(p))
	}
	out.root.leaves = out.leaves
	return out
}

// add returns a part with its tokens, and appends these to the tokens of the text.
func (t *text) add(p *Part) *part {
	out := &part{Part: p, first: len(t.leaves)}
	h := fnv.New64a()
	if len(p.Parts) == 0 {
		_, _ = io.WriteString(h, t.src[p.Start:p.End])
		out.hash, out.leaves = h.Sum64(), []*part{out}
		t.leaves = append(t.leaves, out)
		return out
	}
	for _, q := range p.Parts {
		out.parts = append(out.parts, t.add(q))
	}
	out.leaves = slices.Clip(t.leaves[out.first:])
	for _, leaf := range out.leaves {
		_ = binary.Write(h, binary.LittleEndian, leaf.hash)
	}
	out.hash = h.Sum64()
	return out
}

func (p *part) token() bool { return len(p.parts) == 0 }

func same(a, b *part) bool { return len(a.leaves) == len(b.leaves) && a.hash == b.hash }

// comparison collects the changes between two texts.
type comparison struct {
	old, new *text
	out      []Change
	known    map[result]int    // a change's result -> its index in out
	follow   map[[2]uint64]int // two tokens that follow one another in the old text -> where
}

// compare adds the changes of a part that has two versions.
func (c *comparison) compare(old, new *part) {
	if same(old, new) {
		return
	}
	c.replaced([]*part{old}, []*part{new})
	switch {
	case old.token() && new.token():
	case old.Kind == new.Kind && !old.token() && !new.token():
		c.lists(old.parts, new.parts)
		if !alikeInForm(old, new) && max(len(old.leaves), len(new.leaves)) <= maxUnlike {
			c.lists(old.leaves, new.leaves)
		}
	default:
		c.lists(old.leaves, new.leaves)
	}
}

// maxUnlike is how many tokens a part may have for its tokens to be compared in addition to
// its parts, because these are of different kinds.
const maxUnlike = 60

// alikeInForm reports whether two parts consist of parts of the same kinds.
func alikeInForm(a, b *part) bool {
	return slices.EqualFunc(a.parts, b.parts, func(a, b *part) bool { return a.Kind == b.Kind })
}

// lists adds the changes of a list of parts that has two versions.
func (c *comparison) lists(old, new []*part) {
	versions := named(old, new)
	moved := make(map[*part]bool, len(versions))
	for was, is := range versions {
		moved[was], moved[is] = true, true
	}
	rest := func(list []*part) []*part {
		return slices.DeleteFunc(slices.Clone(list), func(p *part) bool { return moved[p] })
	}
	for _, p := range old {
		if is := versions[p]; is != nil {
			c.compare(p, is)
		}
	}
	gaps, matches := split(rest(old), rest(new))
	pairs := make([][]pair, len(gaps))
	for i, g := range gaps {
		pairs[i] = g.pairs()
		matches = append(matches, pairs[i]...)
	}
	for _, m := range matches {
		versions[m.old] = m.new
	}
	for i, g := range gaps {
		c.gap(old, versions, g, pairs[i])
	}
	for _, p := range crossing(gaps, pairs) {
		c.compare(p.old, p.new)
	}
}

// named pairs the parts whose name occurs once in both lists. So a function that moved is
// compared with itself.
func named(old, new []*part) map[*part]*part {
	byName := func(list []*part) map[string]*part {
		out := make(map[string]*part)
		for _, p := range list {
			key := p.Kind + " " + p.Name
			if _, twice := out[key]; twice {
				out[key] = nil
			} else if p.Name != "" {
				out[key] = p
			}
		}
		return out
	}
	out := make(map[*part]*part)
	is := byName(new)
	for key, was := range byName(old) {
		if was != nil && is[key] != nil {
			out[was] = is[key]
		}
	}
	return out
}

// gap adds the changes of a gap: as a whole, of the parts that have two versions, and of
// those that are in only one of the texts. Siblings is the list that the old parts are from.
func (c *comparison) gap(siblings []*part, versions map[*part]*part, g gap, pairs []pair) {
	for _, part := range c.paragraphs(g, pairs) {
		if len(part.old) > 0 && len(part.new) > 0 && len(part.old)+len(part.new) > 2 && adjoin(part.old) && adjoin(part.new) {
			c.replaced(part.old, part.new)
		}
	}
	paired := make(map[*part]bool, 2*len(pairs))
	for _, p := range pairs {
		c.compare(p.old, p.new)
		paired[p.old], paired[p.new] = true, true
	}
	for _, run := range runs(g.old, paired) {
		c.each(run, func(run []*part) { c.removed(siblings, versions, run) })
	}
	for _, run := range runs(g.new, paired) {
		c.each(run, c.added)
	}
}

// paragraphs splits a gap where both texts have an empty line between two pairs.
func (c *comparison) paragraphs(g gap, pairs []pair) []gap {
	var out []gap
	for _, p := range pairs {
		i, j := slices.Index(g.old, p.old), slices.Index(g.new, p.new)
		if i > 0 && j > 0 && c.old.emptyLine(g.old[i-1], p.old) && c.new.emptyLine(g.new[j-1], p.new) {
			out = append(out, gap{g.old[:i], g.new[:j]})
			g.old, g.new = g.old[i:], g.new[j:]
		}
	}
	return append(out, g)
}

// each calls do with a run, and with each of its parts unless these are tokens.
func (c *comparison) each(run []*part, do func([]*part)) {
	do(run)
	if len(run) == 1 || run[0].token() {
		return
	}
	for i := range run {
		do(run[i : i+1])
	}
}

// adjoin reports whether parts follow one another in their text.
func adjoin(list []*part) bool {
	for i := range list[1:] {
		if list[i].first+len(list[i].leaves) != list[i+1].first {
			return false
		}
	}
	return true
}

// runs returns the runs of adjoining parts of a list that are not paired.
func runs(list []*part, paired map[*part]bool) [][]*part {
	var out [][]*part
	for _, p := range list {
		if paired[p] {
			continue
		}
		if n := len(out); n > 0 && adjoin([]*part{out[n-1][len(out[n-1])-1], p}) {
			out[n-1] = append(out[n-1], p)
			continue
		}
		out = append(out, []*part{p})
	}
	return out
}
