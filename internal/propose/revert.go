package propose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/testrun"
)

var Revert = Strategy{
	Name:  "revert",
	Title: "Undo the part of the change that broke the tests",
	Text: `A last resort, when there is a base to compare with and no other strategy found
a verified patch. Delta debugging (Zeller and Hildebrandt, 2002) runs the
failing tests without parts of the change until a minimal set of hunks is left
that makes them fail. The patch gives up what these hunks were meant to do: it
needs review, and --apply auto does not apply it.`,
	Before: `func sub(a, b int) int {
	return b - a
}`,
	After: `func sub(a, b int) int {
	return a - b
}`,
	Share: 5, LastResort: true, RevertsIntent: true,
	Kinds: testrun.Kinds,
	Propose: func(ctx context.Context, p *Problem, yield func(Candidate) bool) error {
		c, err := p.undo(ctx)
		if err != nil || c == nil {
			return err
		}
		yield(*c)
		return nil
	},
}

// maxSingles is how many hunks are tried on their own before delta debugging splits the
// change in halves.
const maxSingles = 16

// Culprit finds the part of the change that causes the failures: a set of hunks without which
// the failing tests pass, as small as possible. It is minimal if undoing less is not enough.
// Only files that may be edited count; if the tests fail even without all changes to these,
// there is no culprit and hunks is empty. When the context ends, Culprit returns the best set
// so far, which is not minimal. If a part of the change does not compile, it counts as
// failing.
func Culprit(ctx context.Context, p *Problem) (hunks []patch.File, minimal bool, tests int, err error) {
	s, err := p.findCulprit(ctx)
	if err != nil || s == nil {
		return nil, false, 0, err
	}
	return s.patch(), s.minimal, s.tests, nil
}

// culprit is the result of delta debugging over the change.
type culprit struct {
	pieces  []piece
	set     []int // of pieces, the culprit
	minimal bool
	tests   int
	emptied func(file string, src []byte) []byte
}

// undo returns a candidate that reverses the culprit.
func (p *Problem) undo(ctx context.Context) (*Candidate, error) {
	s, err := p.findCulprit(ctx)
	if err != nil || s == nil || len(s.set) == 0 {
		return nil, err
	}
	files := s.without(s.set)
	c := &Candidate{Prior: 1, Removed: 1, Whole: true}
	var places []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		src, err := p.Tree.Read(name)
		if err != nil {
			src = nil // the change deleted the file
		}
		if files[name] == nil {
			c.Edits = append(c.Edits, Edit{File: name, End: len(src), Remove: true})
			continue
		}
		c.Edits = append(c.Edits, LineEdits(name, src, files[name])...)
	}
	for _, i := range s.set {
		piece := s.pieces[i]
		places = append(places, piece.place())
		c.Suspicion = max(c.Suspicion, piece.suspicion)
	}
	c.Suspicion = max(c.Suspicion, 0.1)
	slices.Sort(places)
	c.Title = "undo the change in " + strings.Join(slices.Compact(places), ", ")
	return c, nil
}

// piece is a part of the change that can be undone on its own: one run of changed lines, or
// the creation, deletion or move of a file.
type piece struct {
	change    *changedFile
	hunk      int // index into change.diff.Hunks; -1 for the creation, deletion or move
	suspicion float64
}

// changedFile is a file of the change with its content on both sides.
type changedFile struct {
	patch.File
	old, new []byte
	diff     patch.File // without context, between the two
}

func (x piece) place() string {
	if x.hunk < 0 {
		return x.change.Name()
	}
	h := x.change.diff.Hunks[x.hunk]
	if h.NewLines <= 1 {
		return fmt.Sprintf("%s:%d", x.change.Name(), h.NewStart)
	}
	return fmt.Sprintf("%s:%d-%d", x.change.Name(), h.NewStart, h.NewStart+h.NewLines-1)
}

// findCulprit runs delta debugging once for a problem, and again if a deadline cut it short.
func (p *Problem) findCulprit(ctx context.Context) (*culprit, error) {
	if p.Green == nil {
		return nil, nil
	}
	if p.culprit != nil {
		return p.culprit, nil
	}
	s := &culprit{pieces: p.pieces(), emptied: p.emptied}
	if len(s.pieces) == 0 {
		return s, nil
	}
	set, minimal, err := ddmin(len(s.pieces), maxSingles, func(set []int) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		s.tests++
		return p.Green(ctx, s.without(set))
	})
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("find the culprit: %w", err)
	}
	s.set, s.minimal = set, minimal
	if err == nil {
		p.culprit = s
	}
	return s, nil
}

// pieces splits the change, the most suspicious pieces first.
func (p *Problem) pieces() []piece {
	var out []piece
	for _, f := range p.Changes {
		if f.Binary || !p.mayUndo(f.OldName) || !p.mayUndo(f.NewName) {
			continue
		}
		c, err := p.Tree.changedFile(f)
		if err != nil {
			continue
		}
		c.diff = patch.DiffContext(f.OldName, f.NewName, c.old, c.new, 0)
		if f.New || f.Delete || path.Dir(f.OldName) != path.Dir(f.NewName) {
			out = append(out, piece{c, -1, p.Suspicion(f.Name(), 1, strings.Count(string(c.new), "\n")+1)})
		}
		if f.New || f.Delete {
			continue
		}
		for i, h := range c.diff.Hunks {
			out = append(out, piece{c, i, p.Suspicion(f.Name(), h.NewStart, max(h.NewStart, h.NewStart+h.NewLines-1))})
		}
	}
	slices.SortStableFunc(out, func(a, b piece) int { return cmp.Compare(b.suspicion, a.suspicion) })
	return out
}

// changedFile returns both sides of a change. If kept patches have changed the same lines
// since, old is the base and new has these patches: only the rest of the change can be undone.
func (t *Tree) changedFile(f patch.File) (*changedFile, error) {
	c := &changedFile{File: f}
	var err error
	if !f.Delete {
		if c.new, err = t.Read(f.NewName); err != nil {
			return nil, err
		}
	}
	if c.old, err = ContentBefore(t, f); err == nil {
		return c, nil
	}
	if f.Delete || f.OldName != f.NewName {
		return nil, err
	}
	c.old, err = ContentBefore(&Tree{Root: t.Root}, f)
	return c, err
}

func (p *Problem) mayUndo(file string) bool {
	return file == "" || p.MayEdit(file)
}

// without returns the content of the changed files with the pieces of set undone, nil for
// files that do not exist then.
func (s *culprit) without(set []int) map[string][]byte {
	undone := make(map[*changedFile]map[int]bool)
	for _, i := range set {
		x := s.pieces[i]
		if undone[x.change] == nil {
			undone[x.change] = make(map[int]bool)
		}
		undone[x.change][x.hunk] = true
	}
	files := make(map[string][]byte)
	for c, hunks := range undone {
		content := c.new
		if !c.New && !c.Delete {
			var keep []int
			for i := range c.diff.Hunks {
				if !hunks[i] {
					keep = append(keep, i)
				}
			}
			if b, err := patch.Subset(c.old, c.diff, keep); err == nil {
				content = b
			}
		}
		if content == nil {
			content = []byte{} // the file exists and is empty
		}
		switch {
		case !hunks[-1]:
			files[c.Name()] = content
		case c.New:
			files[c.NewName] = s.emptied(c.NewName, c.new)
		case c.Delete:
			files[c.OldName] = append([]byte{}, c.old...)
		default: // the file moves back
			files[c.OldName] = content
			files[c.NewName] = s.emptied(c.NewName, c.new)
		}
	}
	return files
}

// emptied returns what must stay of a file that is undone, nil to remove it.
func (p *Problem) emptied(file string, src []byte) []byte {
	if p.Emptied == nil {
		return nil
	}
	return p.Emptied(file, src)
}

// patch returns the culprit as the patch that made this part of the change.
func (s *culprit) patch() []patch.File {
	undone := s.without(s.set)
	done := make(map[*changedFile]bool)
	var out []patch.File
	for _, i := range s.set {
		c := s.pieces[i].change
		if done[c] {
			continue
		}
		done[c] = true
		if c.New || c.Delete {
			out = append(out, c.File)
			continue
		}
		name := c.NewName
		if _, moved := undone[c.OldName]; moved && c.OldName != c.NewName {
			name = c.OldName
		}
		d := patch.Diff(name, c.NewName, undone[name], c.new)
		d.OldMode, d.NewMode = c.OldMode, c.NewMode
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b patch.File) int { return strings.Compare(a.Name(), b.Name()) })
	return out
}
