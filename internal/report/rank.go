package report

import "slices"

// Confidence is how sure one may be of a patch that is worth so much of the total that
// everything plausible is worth: its share, tempered by how much behaviour it takes away
// (0 to 1) and by what only a person can judge.
func Confidence(worth, total, removed float64, review bool) float64 {
	share := 1.0
	if total > 0 {
		share = worth / total
	}
	// Even alone in the field, a patch that passes is right in perhaps nine of ten
	// cases; among many rivals of like worth, in few.
	c := 0.9 * share
	c *= 1 - 0.5*removed
	if review {
		c = min(c, 0.5)
	}
	return c
}

// Agree counts for each patch of a cluster how many others change a line that it changes:
// where most do, the place at least is likely to be right.
func Agree(patches []Patch, cluster int) {
	meets := func(a, b Span) bool { return a.File == b.File && a.Start <= b.End && b.Start <= a.End }
	for i := range patches {
		p := &patches[i]
		if p.Cluster != cluster {
			continue
		}
		p.SameLines = 0
		for j := range patches {
			other := &patches[j]
			if i != j && other.Cluster == cluster && slices.ContainsFunc(p.Files, func(a Span) bool {
				return slices.ContainsFunc(other.Files, func(b Span) bool { return meets(a, b) })
			}) {
				p.SameLines++
			}
		}
	}
}
