package localize

import (
	"fmt"
	"math"
	"slices"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Spectrum says which runs of tests hit which blocks.
type Spectrum struct {
	index  map[testrun.Block]int // a block without its count -> its number
	blocks []testrun.Block
	runs   []run
	// Partial says that what some failing test ran is not known, so that no line
	// can be taken to be innocent.
	Partial bool
	// Together says that the passing tests are one run.
	Together bool
}

// run is one run of a test, or of several Together.
type run struct {
	failing bool
	hit     []bool // by number of block; blocks beyond its end are not hit
}

func (r run) hits(block int) bool { return block < len(r.hit) && r.hit[block] }

// Add adds a run with its profile.
func (s *Spectrum) Add(failing bool, profile []testrun.Block) {
	if s.index == nil {
		s.index = make(map[testrun.Block]int)
	}
	r := run{failing: failing, hit: make([]bool, len(s.blocks))}
	for _, b := range profile {
		hit := b.Count > 0
		b.Count = 0
		n, ok := s.index[b]
		if !ok {
			n = len(s.blocks)
			s.index[b] = n
			s.blocks = append(s.blocks, b)
		}
		if hit {
			for len(r.hit) <= n {
				r.hit = append(r.hit, false)
			}
			r.hit[n] = true
		}
	}
	s.runs = append(s.runs, r)
}

// Fails reports whether there is a failing run.
func (s *Spectrum) Fails() bool {
	return slices.ContainsFunc(s.runs, func(r run) bool { return r.failing })
}

// tally is how many runs of each kind there are and did something.
type tally struct {
	failing, allFailing int
	passing, allPassing int
}

// count tallies the runs that did something.
func (s *Spectrum) count(did func(run) bool) tally {
	var t tally
	for _, r := range s.runs {
		n := 0
		if did(r) {
			n = 1
		}
		if r.failing {
			t.failing += n
			t.allFailing++
		} else {
			t.passing += n
			t.allPassing++
		}
	}
	return t
}

// ochiai is the suspiciousness of what a failing tests of F and p passing ones
// did: a / sqrt(F * (a + p)); Abreu, Zoeteweij and van Gemund, "On the accuracy of
// Spectrum-based fault localization", 2007.
func (t tally) ochiai() float64 {
	if t.failing == 0 {
		return 0
	}
	return float64(t.failing) / math.Sqrt(float64(t.allFailing)*float64(t.failing+t.passing))
}

// weighted is the tally in which the one run of all passing tests counts as many
// as there are failing ones: what both ran then has the same strength, 1/sqrt(2),
// however many tests fail.
func (s *Spectrum) weighted(t tally) tally {
	if s.Together {
		t.passing *= t.allFailing
		t.allPassing *= t.allFailing
	}
	return t
}

// lineage is what the Spectrum tells of one line.
type lineage struct {
	strength float64
	text     string
	known    bool // a block is on the line
}

// Marks turns the Spectrum into evidence for every line of the functions that
// failing tests run. A line counts as its most suspicious block. Where a failing
// test turns away from a block, the line that decides so may be wrong: such a line
// is as suspicious as the skipping itself, by the same formula. Lines of functions
// that no failing test runs are marked with strength 0, when that is certain.
func (s *Spectrum) Marks(src *Source) []Mark {
	byFile := make(map[string][]int)
	for i, b := range s.blocks {
		byFile[b.File] = append(byFile[b.File], i)
	}
	var marks []Mark
	for name, blocks := range byFile {
		f := src.File(name)
		if f == nil || f.Hidden() {
			continue
		}
		lines := s.lines(f, blocks)
		for i := range f.Units {
			marks = append(marks, s.unitMarks(f, &f.Units[i], lines)...)
		}
	}
	return marks
}

// lines judges the lines that blocks of one file touch.
func (s *Spectrum) lines(f *File, blocks []int) map[int]lineage {
	touching := make(map[int][]int)
	share := make(map[int]float64) // of belief, by block
	for _, i := range blocks {
		share[i] = 1
		for line := s.blocks[i].StartLine; line <= s.blocks[i].EndLine; line++ {
			touching[line] = append(touching[line], i)
			if f.Checks[line] {
				share[i] = checkShare
			}
		}
	}
	lines := make(map[int]lineage, len(touching))
	for line, at := range touching {
		best := lineage{known: true}
		consider := func(t tally, share float64, text func(tally) string) {
			if o := share * s.weighted(t).ochiai(); o > best.strength {
				best.strength, best.text = o, text(t)
			}
		}
		for _, i := range at {
			consider(s.count(func(r run) bool { return r.hits(i) }), share[i], s.ranText)
			for _, j := range at {
				if j != i && s.blocks[j].StartLine == line && before(s.blocks[i], s.blocks[j]) {
					consider(s.count(func(r run) bool { return r.hits(i) && !r.hits(j) }), 1, s.skippedText)
				}
			}
		}
		lines[line] = best
	}
	return lines
}

// before tells whether b begins where a ends, or behind.
func before(a, b testrun.Block) bool {
	return a.EndLine < b.StartLine || a.EndLine == b.StartLine && a.EndCol <= b.StartCol
}

func (s *Spectrum) ranText(t tally) string {
	if !s.Together {
		return fmt.Sprintf("run by %d of %d failing and %d of %d passing tests", t.failing, t.allFailing, t.passing, t.allPassing)
	}
	if t.passing == 0 {
		return fmt.Sprintf("run by %d of %d failing tests and by no passing one", t.failing, t.allFailing)
	}
	return fmt.Sprintf("run by %d of %d failing tests and by passing ones", t.failing, t.allFailing)
}

func (s *Spectrum) skippedText(t tally) string {
	if !s.Together {
		return fmt.Sprintf("its block is skipped by %d of %d failing and %d of %d passing tests", t.failing, t.allFailing, t.passing, t.allPassing)
	}
	return fmt.Sprintf("its block is skipped by %d of %d failing tests", t.failing, t.allFailing)
}

func (s *Spectrum) unitMarks(f *File, u *Unit, lines map[int]lineage) []Mark {
	var known []int
	ran := false
	for line := u.Start; line <= u.End; line++ {
		if l, ok := lines[line]; ok {
			known = append(known, line)
			ran = ran || l.strength > 0
		}
	}
	if len(known) == 0 {
		return nil
	}
	idle := Reason{Coverage, 0, "not run by any failing test"}
	if !ran {
		if s.Partial {
			return nil
		}
		return []Mark{{f.Name, u.Start, u.End, idle}}
	}
	var marks []Mark
	for line := u.Start; line <= u.End; line++ {
		l, ok := lines[line]
		if !ok && u.Function {
			l = between(lines, known, line)
		}
		switch {
		case l.strength > 0:
			marks = append(marks, Mark{f.Name, line, line, Reason{Coverage, l.strength, l.text}})
		case l.known && !s.Partial:
			marks = append(marks, Mark{f.Name, line, line, idle})
		}
	}
	return marks
}

// between judges a line that no block touches, such as a brace or the expression
// of a case, as the more suspicious of its nearest neighbours.
func between(lines map[int]lineage, known []int, line int) lineage {
	i, _ := slices.BinarySearch(known, line)
	var best lineage
	for _, j := range []int{i - 1, i} {
		if j >= 0 && j < len(known) {
			if l := lines[known[j]]; !best.known || l.strength > best.strength {
				best = l
			}
		}
	}
	return best
}
