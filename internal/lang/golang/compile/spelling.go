package compile

import (
	"slices"
	"strings"
	"unicode"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
)

// spelling is a name that the author may have meant.
type spelling struct {
	text   string
	weight float64
}

// respell returns the option to replace the name at all sites.
func respell(sites []*errorSite, sp spelling) site.Option {
	o := site.Option{Weight: sp.weight, Title: site.ReplaceTitle(sites[0].ident().Name, sp.text), Alike: 1}
	for _, at := range sites {
		if id := at.ident(); id != nil {
			o.Edits = append(o.Edits, at.Replace(id, sp.text))
		}
	}
	return o
}

// closeness returns how similar two names are: 0.95 if they differ at most in case, 0 if
// they have nothing in common. Typos are measured by the optimal string alignment
// distance (Damerau 1964). Names that only share words score much lower.
func closeness(a, b string) float64 {
	la, lb := strings.ToLower(a), strings.ToLower(b)
	if la == lb {
		return 0.95
	}
	longest := max(len(a), len(b))
	if d := alignment(la, lb); d <= max(1, longest/3) && d < longest {
		return 0.9 * (1 - float64(d)/float64(longest))
	}
	if shortest := min(len(a), len(b)); shortest >= 2 && (strings.HasPrefix(la, lb) || strings.HasPrefix(lb, la) || strings.HasSuffix(la, lb) || strings.HasSuffix(lb, la)) {
		return 0.45
	}
	wa, wb := words(a), words(b)
	common, rest := 0, slices.Clone(wb)
	for _, w := range wa { // each word matches at most one of the other name
		if i := slices.Index(rest, w); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
			common++
		}
	}
	return 0.4 * float64(common) / float64(max(len(wa), len(wb)))
}

// words splits a camel-case name into lower-case words.
func words(name string) []string {
	var out []string
	start := 0
	for i, r := range name {
		if i > start && (unicode.IsUpper(r) && !unicode.IsUpper(rune(name[i-1])) || r == '_') {
			out = append(out, strings.ToLower(strings.Trim(name[start:i], "_")))
			start = i
		}
	}
	return append(out, strings.ToLower(strings.Trim(name[start:], "_")))
}

// alignment returns the optimal string alignment distance: the number of insertions,
// deletions, substitutions and swaps of neighbors.
func alignment(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
