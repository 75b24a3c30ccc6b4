package report

import "slices"

// Confidence returns the confidence in a patch: its share of the total likelihood of all
// plausible patches, reduced by the share of behavior that it removes (0 to 1), and at most
// 0.5 if a human must review it.
func Confidence(likelihood, total, removed float64, review bool) float64 {
	share := 1.0
	if total > 0 {
		share = likelihood / total
	}
	// Even a patch without rivals is right in perhaps nine cases out of ten, and one with
	// many rivals of similar likelihood in only a few.
	c := 0.9 * share
	c *= 1 - 0.5*removed
	if review {
		c = min(c, 0.5)
	}
	return c
}

// Agree sets SameLines of each patch of a cluster: how many others change one of the same
// lines. If most do, at least the place is likely to be right.
func Agree(patches []Patch, cluster int) {
	overlap := func(a, b Span) bool { return a.File == b.File && a.Start <= b.End && b.Start <= a.End }
	for i := range patches {
		p := &patches[i]
		if p.Cluster != cluster {
			continue
		}
		p.SameLines = 0
		for j := range patches {
			other := &patches[j]
			if i != j && other.Cluster == cluster && slices.ContainsFunc(p.Files, func(a Span) bool {
				return slices.ContainsFunc(other.Files, func(b Span) bool { return overlap(a, b) })
			}) {
				p.SameLines++
			}
		}
	}
}
