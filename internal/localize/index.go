package localize

import "sort"

// Index answers how suspicious a line is. It is safe for concurrent use.
type Index struct {
	files map[string][]span
}

// span is a run of lines with one score. The spans of a file are sorted and do not overlap.
type span struct {
	start, end int
	score      float64
}

// NewIndex returns an index of suspects. If suspects overlap, the highest score counts.
func NewIndex(suspects []Suspect) *Index {
	byFile := make(map[string][]Suspect)
	for _, s := range suspects {
		if s.Start <= s.End && s.Score > 0 {
			byFile[s.File] = append(byFile[s.File], s)
		}
	}
	x := &Index{files: make(map[string][]span, len(byFile))}
	for file, list := range byFile {
		x.files[file] = flatten(list)
	}
	return x
}

// flatten cuts overlapping suspects at their bounds and keeps the highest score of each piece.
// Suspects from Localize do not overlap, so there are few cuts.
func flatten(list []Suspect) []span {
	var cuts []int
	for _, s := range list {
		cuts = append(cuts, s.Start, s.End+1)
	}
	sort.Ints(cuts)
	sort.Slice(list, func(i, j int) bool { return list[i].Start < list[j].Start })
	var spans []span
	var open []Suspect
	for i := 0; i+1 < len(cuts); i++ {
		start, end := cuts[i], cuts[i+1]-1
		if start > end {
			continue
		}
		for len(list) > 0 && list[0].Start <= start {
			open = append(open, list[0])
			list = list[1:]
		}
		var best float64
		still := open[:0]
		for _, s := range open {
			if s.End >= start {
				still = append(still, s)
				best = max(best, s.Score)
			}
		}
		open = still
		if best > 0 {
			spans = append(spans, span{start, end, best})
		}
	}
	return spans
}

// At returns the suspiciousness of a line, 0 to 1; it is 0 outside of all suspects.
func (x *Index) At(file string, line int) float64 { return x.Max(file, line, line) }

// Max returns the suspiciousness of the most suspicious line from start to end, both included.
func (x *Index) Max(file string, start, end int) float64 {
	spans := x.files[file]
	first := sort.Search(len(spans), func(i int) bool { return spans[i].end >= start })
	var best float64
	for _, s := range spans[first:] {
		if s.start > end {
			break
		}
		best = max(best, s.score)
	}
	return best
}
