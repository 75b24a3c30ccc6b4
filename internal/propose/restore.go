package propose

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/align"
	"github.com/regreen-ci/regreen/internal/patch"
)

var Restore = Strategy{
	Name:  "restore",
	Title: "Restore a part of what the change replaced, and keep the rest",
	Text: `When there is a base to compare with, what the tests ran before is known to have
worked. Compares each changed piece of code with its former version, and brings
back a token, an expression, an argument, a statement or a few lines, alone or
together with a second one, of the smallest part of the change that breaks the
tests. The rest of the change stays. The larger the part of the change
that a patch undoes, the lower its confidence; see revert for all of it.`,
	Before: `func sum(numbers []int) (total int) {
	for _, n := range numbers {
		total -= n
	}
	return total
}`,
	After: `func sum(numbers []int) (total int) {
	for _, n := range numbers {
		total += n
	}
	return total
}`,
	Share: 40, First: true,
	Propose: func(ctx context.Context, p *Problem, yield func(Candidate) bool) error {
		for _, c := range p.restorations(ctx) {
			if !yield(c) {
				break
			}
		}
		return nil
	},
}

// What is restored is small: the whole change is for revert.
const (
	maxRestored      = 200     // parts that are restored alone
	maxRestoredPairs = 200     // pairs of parts
	maxPaired        = 24      // parts that are paired, the likeliest
	maxPartTokens    = 80      // of a part
	maxPartLines     = 12      // of a part
	maxPairedTokens  = 8       // of a part in a pair
	maxRestoredFile  = 1 << 20 // bytes
	maxPairedFile    = 1 << 17 // bytes of a file whose pairs are compared with its single parts
)

// former is a part of a file with its text before the change.
type former struct {
	align.Change
	file      string
	src       []byte // of the file
	hunk      int    // it is in, a number
	suspicion float64
	prior     float64
	undoes    float64  // share of the change that it undoes, or 1 for what was added
	key       uint64   // of the candidate that restores it
	within    []uint64 // those of the parts that it contains
}

// restorations returns the candidates of Restore, the likeliest first: single parts, then pairs.
func (p *Problem) restorations(ctx context.Context) []Candidate {
	parts := p.formerParts(ctx)
	slices.SortStableFunc(parts, func(a, b former) int { return cmp.Compare(b.likelihood(), a.likelihood()) })
	parts = parts[:min(len(parts), maxRestored)]
	var out []Candidate
	for i := range parts {
		f := &parts[i]
		f.key = p.Tree.Key([]Edit{f.edit()})
		for j := range parts {
			if f.contains(&parts[j]) {
				f.within = append(f.within, p.Tree.Key([]Edit{parts[j].edit()}))
			}
		}
		c := candidateOf(f)
		c.Includes = f.within
		out = append(out, c)
	}
	pairs := p.unlike(out, pairsOf(parts))
	slices.SortStableFunc(pairs, func(a, b Candidate) int { return cmp.Compare(b.Suspicion*b.Prior, a.Suspicion*a.Prior) })
	return append(out, pairs[:min(len(pairs), maxRestoredPairs)]...)
}

// unlike returns the pairs that have another result than the single parts, apart from blanks.
func (p *Problem) unlike(singles, pairs []Candidate) []Candidate {
	known := make(map[string]bool)
	result := func(c *Candidate) string {
		files, err := c.Files(p.Tree)
		if err != nil || len(files) != 1 || len(files[c.File()]) > maxPairedFile {
			return ""
		}
		return c.File() + "\x00" + strings.Join(strings.FieldsFunc(string(files[c.File()]), func(r rune) bool { return r == ' ' || r == '\t' }), "")
	}
	for i := range singles {
		known[result(&singles[i])] = true
	}
	return slices.DeleteFunc(pairs, func(c Candidate) bool {
		text := result(&c)
		return text != "" && known[text]
	})
}

func (f *former) edit() Edit { return Edit{File: f.file, Start: f.Start, End: f.End, New: f.Old} }

// contains reports whether restoring the part restores another one as well.
func (f *former) contains(g *former) bool {
	return f.file == g.file && f.Start <= g.Start && g.End <= f.End && g.Tokens() < f.Tokens() && strings.Contains(f.Old, strings.TrimSpace(g.Old))
}

func (f *former) likelihood() float64 { return f.suspicion * f.prior }

// formerParts returns the parts that the change replaced, added or removed, in every file that
// may be edited. If the culprit is known, it returns only those in the culprit: without the
// rest of the change, the tests fail as well.
func (p *Problem) formerParts(ctx context.Context) []former {
	var out []former
	total := 0
	for _, f := range p.Changes {
		if f.Binary || f.New || f.Delete || !p.MayEdit(f.NewName) || !p.mayUndo(f.OldName) || ctx.Err() != nil {
			continue
		}
		file, err := p.Tree.changedFile(f)
		if err != nil || max(len(file.old), len(file.new)) > maxRestoredFile {
			continue
		}
		old, new := p.versions(f.NewName, file)
		total += align.Distance(old, new)
		hunks := patch.DiffContext(f.OldName, f.NewName, file.old, file.new, 0).Hunks
		for _, c := range align.Compare(old, new) {
			part := former{Change: c, file: f.NewName, src: file.new, prior: 1 / math.Sqrt(float64(c.Tokens()))}
			start, end := part.lines()
			if !p.mayBlame(f.NewName, start, end) || c.Tokens() > maxPartTokens || max(end-start+1, 1+strings.Count(strings.TrimSpace(c.Old), "\n")) > maxPartLines {
				continue
			}
			part.hunk = slices.IndexFunc(hunks, func(h patch.Hunk) bool { return start <= h.NewStart+max(h.NewLines, 1)-1 && h.NewStart <= end })
			part.suspicion = max(p.Suspicion(f.NewName, start, end), 0.01)
			if strings.TrimSpace(c.Old) == "" {
				part.prior *= 0.3 // deleting what somebody added passes tests too easily
			}
			out = append(out, part)
		}
	}
	for i := range out {
		out[i].undoes = float64(out[i].Added+out[i].Removed) / float64(max(total, 1))
		if out[i].deletesLines() {
			out[i].undoes = 1
		}
	}
	return out
}

// versions returns both versions of a changed file as the language sees them, or else as lines.
func (p *Problem) versions(name string, file *changedFile) (old, new align.Text) {
	old, new = align.Text{Src: string(file.old)}, align.Text{Src: string(file.new)}
	if p.Parts != nil {
		old.Root, new.Root = p.Parts(name, file.old), p.Parts(name, file.new)
	}
	if old.Root == nil || new.Root == nil {
		old.Root, new.Root = align.Lines(old.Src), align.Lines(new.Src)
	}
	return old, new
}

// lines returns the lines of the part. For something that was removed, these are the lines
// around its place.
func (f *former) lines() (start, end int) {
	start = 1 + bytes.Count(f.src[:f.Start], []byte("\n"))
	text := f.src[f.Start:f.End]
	end = start + bytes.Count(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if len(text) == 0 && f.Start > 0 && f.src[f.Start-1] == '\n' {
		start = max(start-1, 1)
	}
	return start, end
}

// deletesLines reports whether restoring the part only deletes whole lines.
func (f *former) deletesLines() bool {
	return f.Old == "" && (f.Start == 0 || f.src[f.Start-1] == '\n') && f.End > f.Start && f.src[f.End-1] == '\n'
}

// mayBlame reports whether lines are in the culprit, or whether the culprit is not known.
func (p *Problem) mayBlame(file string, start, end int) bool {
	if p.culprit == nil || len(p.culprit.set) == 0 {
		return true
	}
	return slices.ContainsFunc(p.culprit.set, func(i int) bool {
		x := p.culprit.pieces[i]
		if x.change.NewName != file {
			return false
		}
		if x.hunk < 0 {
			return true
		}
		h := x.change.diff.Hunks[x.hunk]
		return start <= max(h.NewStart, h.NewStart+h.NewLines-1) && h.NewStart <= end
	})
}

// undoing is how much a candidate removes by undoing all of the change. So one that undoes more than
// a third of it is not confident enough to be applied.
const undoing = 2

// candidateOf returns the candidate that restores parts.
func candidateOf(parts ...*former) Candidate {
	c := Candidate{Suspicion: 1, Prior: 1, Alike: 1}
	var titles []string
	for _, f := range parts {
		c.Edits = append(c.Edits, f.edit())
		c.Suspicion = min(c.Suspicion, f.suspicion)
		c.Prior *= f.prior
		c.Removed = min(1, c.Removed+undoing*f.undoes)
		titles = append(titles, f.title())
	}
	slices.SortFunc(c.Edits, byPlace)
	c.Title = strings.Join(titles, " and ")
	if f := parts[0]; len(parts) == 1 && f.End-f.Start+len(f.Old) <= briefly && f.line() != "" {
		c.Title += " in " + Quote(f.line())
	}
	return c
}

// briefly is how many bytes the old and the new text of a part may have for a title that quotes their line.
const briefly = 30

// line returns the line that the part is a fraction of, "" if it is more.
func (f *former) line() string {
	start, end := f.Start, f.End
	if start = bytes.LastIndexByte(f.src[:start], '\n') + 1; bytes.IndexByte(f.src[f.Start:f.End], '\n') >= 0 {
		return ""
	}
	if i := bytes.IndexByte(f.src[end:], '\n'); i >= 0 {
		end += i
	} else {
		end = len(f.src)
	}
	line := string(bytes.TrimSpace(f.src[start:end]))
	if strings.Contains(f.Old, "\n") || line == string(bytes.TrimSpace(f.src[f.Start:f.End])) {
		return ""
	}
	return line
}

// title says what restoring the part does.
func (f *former) title() string {
	is, was := Quote(string(f.src[f.Start:f.End])), Quote(f.Old)
	switch {
	case strings.TrimSpace(f.Old) == "":
		return "remove the added " + is
	case len(bytes.TrimSpace(f.src[f.Start:f.End])) == 0:
		return "put back " + was
	}
	return "change " + is + " back to " + was
}

// How likely two parts of the same hunk are restored together, or of two hunks, if each of them
// is as likely alone.
const (
	together = 0.5
	apart    = 0.2
)

// pairsOf returns candidates that restore two of the likeliest parts.
func pairsOf(parts []former) []Candidate {
	var small []*former
	for i := range parts {
		if parts[i].Tokens() <= maxPairedTokens && len(small) < maxPaired {
			small = append(small, &parts[i])
		}
	}
	var out []Candidate
	for i, a := range small {
		for _, b := range small[:i] {
			if a.file == b.file && a.Start <= b.End && b.Start <= a.End {
				continue // one is part of the other
			}
			c := candidateOf(b, a)
			c.Includes = slices.Concat([]uint64{a.key, b.key}, a.within, b.within)
			if a.file == b.file && a.hunk == b.hunk {
				c.Prior *= together
			} else {
				c.Prior *= apart
			}
			out = append(out, c)
		}
	}
	return out
}
