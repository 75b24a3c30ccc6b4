package propose

import (
	"bytes"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
)

// Restored is how much likelier a candidate is that gives a line back the text that it
// had before the change which broke the tests: nothing else is known to have worked.
// It takes back a part of what someone wanted, so it does not make up for everything.
const Restored = 8

// restores tells whether a candidate makes one of the lines that were changed since the
// base as it was before.
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

// linesBefore gives for each line that a change put in, by file and number, the lines
// that it took out in that place.
func linesBefore(changes []patch.File) map[string]map[int][]string {
	out := make(map[string]map[int][]string)
	for _, f := range changes {
		lines := make(map[int][]string)
		for _, h := range f.Hunks {
			number := h.NewStart
			var gone []string
			var put []int
			flush := func() {
				for _, n := range put {
					lines[n] = gone
				}
				gone, put = nil, nil
			}
			for _, l := range h.Lines {
				switch l.Op {
				case patch.Delete:
					gone = append(gone, strings.TrimSpace(l.Text))
				case patch.Insert:
					put = append(put, number)
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
