package propose

import (
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
)

// ContentBefore returns the content of a file before a change. It fails if a kept patch has
// changed the same lines since.
func ContentBefore(t *Tree, f patch.File) ([]byte, error) {
	if f.New {
		return nil, nil
	}
	var src []byte
	if !f.Delete {
		var err error
		if src, err = t.Read(f.NewName); err != nil {
			return nil, err
		}
	}
	old, _, err := patch.Apply(src, patch.Reverse([]patch.File{f})[0], patch.Options{})
	return old, err
}

// LineEdits returns the edits, by whole lines, that turn old into new.
func LineEdits(file string, old, new []byte) []Edit {
	var out []Edit
	starts := lineStarts(old)
	for _, h := range patch.DiffContext(file, file, old, new, 0).Hunks {
		first := h.OldStart - 1
		if h.OldLines == 0 {
			first = h.OldStart
		}
		var text strings.Builder
		for _, l := range h.Lines {
			if l.Op == patch.Insert {
				text.WriteString(l.Text)
			}
		}
		out = append(out, Edit{File: file, Start: starts[first], End: starts[first+h.OldLines], New: text.String()})
	}
	return out
}

// lineStarts returns the offset of every line, and of the end.
func lineStarts(src []byte) []int {
	starts := []int{0}
	for i, b := range src {
		if b == '\n' {
			starts = append(starts, i+1)
		}
	}
	if starts[len(starts)-1] != len(src) {
		starts = append(starts, len(src))
	}
	return starts
}
