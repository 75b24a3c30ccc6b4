package align

import (
	"slices"

	"znkr.io/diff"
)

// gap is a run of parts of one list that are not in the other list, and the parts that the
// other list has in their place.
type gap struct{ old, new []*part }

// split returns the gaps between the parts that both lists have in the same order, and
// these parts.
func split(old, new []*part) (gaps []gap, matches []pair) {
	var open gap
	flush := func() {
		if len(open.old)+len(open.new) > 0 {
			gaps = append(gaps, open)
		}
		open = gap{}
	}
	for _, e := range diff.EditsFunc(old, new, same) {
		switch e.Op {
		case diff.Delete:
			open.old = append(open.old, e.X)
		case diff.Insert:
			open.new = append(open.new, e.Y)
		default:
			flush()
			matches = append(matches, pair{e.X, e.Y})
		}
	}
	flush()
	return gaps, matches
}

// distance returns how many tokens of one list the other has not, in order.
func distance(old, new []*part) (added, removed int) {
	gaps, _ := split(old, new)
	for _, g := range gaps {
		added += len(g.new)
		removed += len(g.old)
	}
	return added, removed
}

// pair is a part with its former version.
type pair struct{ old, new *part }

// maxPairs bounds the work of pairing the parts of a gap.
const maxPairs = 64 * 64

// pairs finds versions of the same part in a gap, in order: the pairs with the greatest total
// similarity.
func (g gap) pairs() []pair {
	if len(g.old) == 1 && len(g.new) == 1 && (g.old[0].Kind == indentKind) == (g.new[0].Kind == indentKind) {
		return []pair{{g.old[0], g.new[0]}}
	}
	if len(g.old) == 0 || len(g.new) == 0 || len(g.old)*len(g.new) > maxPairs {
		return nil
	}
	// best[i][j] is the greatest total for old[i:] and new[j:].
	best := make([][]float64, len(g.old)+1)
	alike := make([][]float64, len(g.old))
	for i := range best {
		best[i] = make([]float64, len(g.new)+1)
	}
	for i := len(g.old) - 1; i >= 0; i-- {
		alike[i] = make([]float64, len(g.new))
		for j := len(g.new) - 1; j >= 0; j-- {
			alike[i][j] = similarity(g.old[i], g.new[j])
			best[i][j] = max(best[i+1][j], best[i][j+1], best[i+1][j+1]+alike[i][j])
		}
	}
	var out []pair
	for i, j := 0, 0; i < len(g.old) && j < len(g.new); {
		switch {
		case alike[i][j] > 0 && best[i][j] == best[i+1][j+1]+alike[i][j]:
			out = append(out, pair{g.old[i], g.new[j]})
			i, j = i+1, j+1
		case best[i][j] == best[i+1][j]:
			i++
		default:
			j++
		}
	}
	return out
}

// similarity returns how alike two parts are: 0 if they cannot be versions of the same part,
// 1 if they are equal.
func similarity(a, b *part) float64 {
	if a.Kind != b.Kind {
		return 0
	}
	if a.token() || b.token() {
		return 0.1 // two tokens in the same place
	}
	count := make(map[uint64]int, len(a.leaves))
	for _, leaf := range a.leaves {
		count[leaf.hash]++
	}
	common := 0
	for _, leaf := range b.leaves {
		if count[leaf.hash] > 0 {
			count[leaf.hash]--
			common++
		}
	}
	return 0.1 + 0.9*2*float64(common)/float64(len(a.leaves)+len(b.leaves))
}

// crossing pairs the parts of different gaps that look like versions of the same part, which
// moved.
func crossing(gaps []gap, known [][]pair) []pair {
	paired := make(map[*part]bool)
	for _, list := range known {
		for _, p := range list {
			paired[p.old], paired[p.new] = true, true
		}
	}
	var old, new []*part
	open := func(list []*part) []*part {
		return slices.DeleteFunc(slices.Clone(list), func(p *part) bool { return p.token() || paired[p] })
	}
	for _, g := range gaps {
		old, new = append(old, open(g.old)...), append(new, open(g.new)...)
	}
	if len(old)*len(new) > maxPairs {
		return nil
	}
	var out []pair
	for _, n := range new {
		best, alike := -1, leastMoved
		for i, o := range old {
			if s := similarity(o, n); s >= alike && !paired[o] {
				best, alike = i, s
			}
		}
		if best >= 0 {
			out = append(out, pair{old[best], n})
			paired[old[best]] = true
		}
	}
	return out
}

// leastMoved is how similar two parts in different places must be to be versions of each other.
const leastMoved = 0.5
