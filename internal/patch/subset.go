package patch

import (
	"fmt"
	"slices"
)

// Subset applies to old only the hunks of f whose indexes, from 0, are in keep.
// Each must match exactly at its stated line, so f must be a diff made for this content,
// by Diff or by git. With all indexes Subset returns the new content, with none the old.
func Subset(old []byte, f File, keep []int) ([]byte, error) {
	if f.Binary {
		return nil, &ConflictError{File: f.Name(), Reason: "binary patches are not supported"}
	}
	keep = slices.Compact(slices.Sorted(slices.Values(keep)))
	hunks := make([]Hunk, 0, len(keep))
	for _, i := range keep {
		if i < 0 || i >= len(f.Hunks) {
			return nil, fmt.Errorf("patch: %s has no hunk %d", f.Name(), i)
		}
		hunks = append(hunks, f.Hunks[i])
	}
	p := newPlacer(splitLines(string(old)), hunks, asIs)
	placed := make([]Placement, len(hunks))
	frozen := 0
	for i, h := range p.hunks {
		if h.first <= frozen || h.first > len(p.lines)+1 || !p.matches(h, h.first, 0, 0) {
			return nil, &ConflictError{File: f.Name(), Hunk: keep[i] + 1, Line: h.first, Reason: "does not fit exactly"}
		}
		placed[i] = Placement{Hunk: i + 1, Line: h.first}
		frozen = h.first - 1 + len(h.ids) - h.suffix
	}
	return p.assemble(placed), nil
}
