package propose

import (
	"bytes"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
)

// Restored is how much likelier a candidate is if it restores the text that a line had before
// the change that broke the tests: that text is known to have worked. But it also undoes a
// part of what someone wanted, so the factor is bounded.
const Restored = 8

// restores reports whether a candidate restores a line that was changed since the base.
func (p *Problem) restores(c *Candidate) bool {
	if len(p.Changes) == 0 || len(c.Edits) != 1 {
		return false
	}
	e := c.Edits[0]
	if p.before == nil {
		p.before = linesBefore(p.Changes)
	}
	texts := p.before[e.File][c.Line]
	src, err := p.Tree.Read(e.File)
	if len(texts) == 0 || err != nil {
		return false
	}
	start := bytes.LastIndexByte(src[:e.Start], '\n') + 1
	end := len(src)
	if i := bytes.IndexByte(src[e.End:], '\n'); i >= 0 {
		end = e.End + i
	}
	line := string(src[start:e.Start]) + e.New + string(src[e.End:end])
	return slices.Contains(texts, strings.TrimSpace(line))
}

// linesBefore returns, for each line that a change inserted, by file and number, the lines
// that it deleted in that place.
func linesBefore(changes []patch.File) map[string]map[int][]string {
	out := make(map[string]map[int][]string)
	for _, f := range changes {
		lines := make(map[int][]string)
		for _, h := range f.Hunks {
			number := h.NewStart
			var deleted []string
			var inserted []int
			flush := func() {
				for _, n := range inserted {
					lines[n] = deleted
				}
				deleted, inserted = nil, nil
			}
			for _, l := range h.Lines {
				switch l.Op {
				case patch.Delete:
					deleted = append(deleted, strings.TrimSpace(l.Text))
				case patch.Insert:
					inserted = append(inserted, number)
					number++
				default:
					flush()
					number++
				}
			}
			flush()
		}
		out[f.NewName] = lines
	}
	return out
}
