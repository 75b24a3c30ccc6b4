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

// A suggestion replaces whole lines that a pull request shows. The place of a change is found by
// the lines themselves, not by their numbers: CI tests a merge, in which the numbers may differ
// from those in the pull request.

// suggestion is a replacement of lines of a file.
type suggestion struct {
	file       string
	line       int // the first line that is replaced
	lines      int // how many lines are replaced
	body       string
	marker     string // distinguishes it from others; invisible
	number, of int    // among the suggestions of its patch
}

// shown is a run of lines of a file that a pull request shows, in its own version.
type shown struct {
	start int
	lines []string
}

// showing parses the patch of a file of a pull request, in the form that GitHub returns.
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

// locate finds the old lines of an edit, with as much context as is shown, among the lines that
// are shown: at the expected line, or at the only other place.
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

// holds reports whether the edit's old lines are at i, with its context around them.
func (s *shown) holds(e edit, i int) bool {
	end := i + len(e.old)
	before := e.before[max(len(e.before)-i, 0):]
	after := e.after[:min(len(e.after), len(s.lines)-end)]
	return slices.Equal(s.lines[i:end], e.old) &&
		slices.Equal(s.lines[i-len(before):i], before) && slices.Equal(s.lines[end:end+len(after)], after)
}

// edit is a run of changed lines of a hunk: old lines become new ones.
type edit struct {
	line          int // the first old line, in the tree that was tested
	old, new      []string
	before, after []string // the old lines of the hunk around it
}

var (
	errNoEnd     = errors.New("change to the newline at the end of the file")
	errFullLines = errors.New("not a change of lines in an existing file")
	errElsewhere = errors.New("changed lines that the pull request does not show")
	errUnseen    = errors.New("invisible characters in the new lines")
	errSecret    = errors.New("secret in the diff")
	errTooLong   = errors.New("longer than a comment can be")
)

// edits returns the edits of one file of a patch. Each edit replaces at least one line: an
// insertion includes the line next to it.
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
		if from == to { // an insertion includes a line next to it
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
		// Two insertions around one line would both include it: they are one edit.
		if n := len(out) - 1; n >= 0 && out[n].line+len(out[n].old) > h.OldStart+from {
			out[n].new = append(out[n].new, now[1:]...)
			continue
		}
		out = append(out, edit{h.OldStart + from, old[from:to], now, old[:from], old[to:]})
	}
	return out, nil
}

// suggest returns the suggestions of one patch, all of them or none: a part of a patch was
// never tested. Visible returns the lines of a file that the pull request shows, and head is
// the commit that was tested.
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

// about returns what a suggestion does, and that the parts of a patch belong together. It says
// so if only a fork's run claims that the patch was verified.
func about(p *report.Patch, s suggestion, l Landing, command string) string {
	verified := "verified"
	if l.Fork {
		verified += " according to the fork's run"
	}
	text := fmt.Sprintf("**%s**, %s, %s, by %s.", cmp.Or(report.Prose(p.Title), "A patch"), verified, p.Experience(), report.Code(p.Strategy))
	if s.of > 1 {
		text += fmt.Sprintf(" Part %d of %d: they were only tested together, so add all of them to one batch", s.number, s.of)
		if command != "" {
			text += " or comment " + report.Code(command)
		}
		text += "."
	}
	return text
}

// candidates returns the patches to suggest: for each cause the kept one, or otherwise the
// best verified one.
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
