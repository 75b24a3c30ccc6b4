package deliver

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/report"
)

// A suggestion replaces whole lines that a pull request shows. What a patch changes is
// anchored by the lines themselves, since CI tests a merge, in which they may stand
// elsewhere than in the pull request.

// suggestion is a replacement of lines of a file.
type suggestion struct {
	file       string
	line       int // of the first line that is replaced
	lines      int // how many
	body       string
	marker     string // tells it from others; not seen
	number, of int    // among those of its patch
}

// shown is a run of lines that a pull request shows of a file, as they are in it.
type shown struct {
	start int
	lines []string
}

// showing reads the patch of a file of a pull request, as GitHub gives it.
func showing(file, hunks string) []shown {
	if hunks == "" {
		return nil // binary, or too large
	}
	files, err := patch.Parse([]byte("--- a/x\n+++ b/x\n" + strings.TrimSuffix(hunks, "\n") + "\n"))
	if err != nil || len(files) != 1 {
		return nil
	}
	var out []shown
	for _, h := range files[0].Hunks {
		s := shown{start: h.NewStart}
		for _, l := range h.Lines {
			if l.Op != patch.Delete {
				s.lines = append(s.lines, strings.TrimSuffix(l.Text, "\n"))
			}
		}
		out = append(out, s)
	}
	return out
}

// locate finds the old lines of an edit among those that are shown, with those around
// them as far as they are shown: where they are expected, or at the one other place.
func locate(all []shown, e edit) (line int, ok bool) {
	var found []int
	for _, s := range all {
		for i := 0; i+len(e.old) <= len(s.lines); i++ {
			if s.holds(e, i) {
				found = append(found, s.start+i)
			}
		}
	}
	if slices.Contains(found, e.line) {
		return e.line, true
	}
	if len(found) == 1 {
		return found[0], true
	}
	return 0, false
}

// holds tells whether the edit's old lines are at i, between the lines that it knows.
func (s *shown) holds(e edit, i int) bool {
	end := i + len(e.old)
	before := e.before[max(len(e.before)-i, 0):]
	after := e.after[:min(len(e.after), len(s.lines)-end)]
	return slices.Equal(s.lines[i:end], e.old) &&
		slices.Equal(s.lines[i-len(before):i], before) && slices.Equal(s.lines[end:end+len(after)], after)
}

// edit is a run of changed lines of a hunk: old lines become new ones.
type edit struct {
	line          int // of the first old line, in the tree that was tested
	old, new      []string
	before, after []string // the old lines of the hunk around it
}

var (
	errNoEnd     = errors.New("it changes how the file ends")
	errFullLines = errors.New("it changes nothing that lines can tell")
	errElsewhere = errors.New("the pull request does not show the lines that it changes")
	errUnseen    = errors.New("it holds characters that are not seen")
	errSecret    = errors.New("it held a secret, which was taken out")
	errTooLong   = errors.New("it is longer than a comment may be")
)

// edits takes a file of a patch apart. Each edit replaces at least one line: what is
// only inserted comes with the line beside it.
func edits(f patch.File) ([]edit, error) {
	if f.New || f.Delete || f.Rename || f.Copy || f.Binary || f.OldMode != f.NewMode || len(f.Hunks) == 0 {
		return nil, errFullLines
	}
	var out []edit
	for _, h := range f.Hunks {
		some, err := hunkEdits(h)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

func hunkEdits(h patch.Hunk) ([]edit, error) {
	var out []edit
	var old []string // the old side
	text := make([]string, len(h.Lines))
	for i, l := range h.Lines {
		whole := false
		if text[i], whole = strings.CutSuffix(l.Text, "\n"); !whole && l.Op != patch.Context {
			return nil, errNoEnd
		}
		if l.Op != patch.Insert {
			old = append(old, text[i])
		}
	}
	at := 0 // in the old side
	for i := 0; i < len(h.Lines); {
		if h.Lines[i].Op == patch.Context {
			at++
			i++
			continue
		}
		from := at
		var now []string
		for ; i < len(h.Lines) && h.Lines[i].Op != patch.Context; i++ {
			if h.Lines[i].Op == patch.Delete {
				at++
			} else {
				now = append(now, text[i])
			}
		}
		to := at
		if from == to { // an insertion: it comes with a line beside it
			switch {
			case from > 0:
				from--
				now = append([]string{old[from]}, now...)
			case to < len(old):
				now = append(now, old[to])
				to++
			default:
				return nil, errElsewhere
			}
		}
		// Two insertions around one line both come with it: they are one edit.
		if n := len(out) - 1; n >= 0 && out[n].line+len(out[n].old) > h.OldStart+from {
			out[n].new = append(out[n].new, now[1:]...)
			continue
		}
		out = append(out, edit{h.OldStart + from, old[from:to], now, old[:from], old[to:]})
	}
	return out, nil
}

// suggest makes the suggestions of one patch, all of them or none: a part of a patch
// was never tested. visible gives what the pull request shows of a file, and head is the
// commit that was tested.
func suggest(p *report.Patch, visible func(file string) []shown, l Landing, head string) ([]suggestion, error) {
	command := l.command(head, p)
	if p.Redacted {
		return nil, errSecret
	}
	files, err := patch.Parse([]byte(p.Diff))
	if err != nil || len(files) == 0 {
		return nil, errFullLines
	}
	var out []suggestion
	for _, f := range files {
		changes, err := edits(f)
		if err != nil {
			return nil, err
		}
		lines, end := visible(f.Name()), 0
		for _, e := range changes {
			line, ok := locate(lines, e)
			if !ok || line < end {
				return nil, errElsewhere
			}
			end = line + len(e.old)
			block, ok := report.Fence("suggestion", e.new)
			if !ok {
				return nil, errUnseen
			}
			sum := sha256.Sum256([]byte(f.Name() + "\x00" + strings.Join(e.old, "\n") + "\x00" + strings.Join(e.new, "\n")))
			out = append(out, suggestion{
				file: f.Name(), line: line, lines: len(e.old), body: block, marker: fmt.Sprintf("<!-- regreen:suggestion %x -->", sum[:8]),
			})
		}
	}
	for i := range out {
		out[i].number, out[i].of = i+1, len(out)
		out[i].body = out[i].marker + "\n" + about(p, out[i], l, command) + "\n\n" + out[i].body
		if len(out[i].body) > forge.CommentSize {
			return nil, errTooLong
		}
	}
	return out, nil
}

// about says what a suggestion does, and that the parts of one belong together. What a
// fork's run says is its word.
func about(p *report.Patch, s suggestion, l Landing, command string) string {
	verified := "verified"
	if l.Fork {
		verified += " as the fork's run says"
	}
	text := fmt.Sprintf("**%s**, %s, %s, by %s.", cmp.Or(report.Prose(p.Title), "A patch"), verified, p.Experience(), report.Code(p.Strategy))
	if s.of > 1 {
		text += fmt.Sprintf(" Part %d of %d: only together they were tested, so add all to one batch", s.number, s.of)
		if command != "" {
			text += " or comment " + report.Code(command)
		}
		text += "."
	}
	return text
}

// candidates are the patches to suggest: of each cause the one that was kept, else the
// best that is verified.
func candidates(r *report.Report) []*report.Patch {
	best := map[int]*report.Patch{}
	for i := range r.Patches {
		p := &r.Patches[i]
		if p.State != report.PatchVerified || p.Applied {
			continue
		}
		kept := func(p *report.Patch) bool {
			return p.Cluster >= 1 && p.Cluster <= len(r.Clusters) && r.Clusters[p.Cluster-1].Patch == p.ID
		}
		if b := best[p.Cluster]; b == nil || kept(p) || !kept(b) && p.Rank < b.Rank {
			best[p.Cluster] = p
		}
	}
	var out []*report.Patch
	for i := range r.Patches {
		if best[r.Patches[i].Cluster] == &r.Patches[i] {
			out = append(out, &r.Patches[i])
		}
	}
	return out
}
