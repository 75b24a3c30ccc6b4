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
	// Partial says that it is unknown what some failing test ran, so that no line is innocent.
	Partial bool
	// Together says that all passing tests are a single run.
	Together bool
}

// run is one run of a test, or of all passing tests if they are Together.
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

// tally counts the runs of each kind, and those of them that did something.
type tally struct {
	failing, allFailing int
	passing, allPassing int
}

// count returns the tally of the runs that did something.
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

// ochiai returns the suspiciousness of what a of F failing tests and p passing tests did:
// a / sqrt(F * (a + p)); Abreu, Zoeteweij and van Gemund, "On the accuracy of Spectrum-based
// fault localization", 2007.
func (t tally) ochiai() float64 {
	if t.failing == 0 {
		return 0
	}
	return float64(t.failing) / math.Sqrt(float64(t.allFailing)*float64(t.failing+t.passing))
}

// weighted returns the tally in which the single run of all passing tests counts as many times
// as there are failing ones. What both ran then has the strength 1/sqrt(2), however many tests
// fail.
func (s *Spectrum) weighted(t tally) tally {
	if s.Together {
		t.passing *= t.allFailing
		t.allPassing *= t.allFailing
	}
	return t
}

// lineEvidence is the evidence of a Spectrum about one line.
type lineEvidence struct {
	strength float64
	text     string
	known    bool // a block is on the line
}

// Marks turns the Spectrum into evidence for every line of the functions that failing tests
// run. A line counts like its most suspicious block. If a failing test skips a block, the line
// that decides this may be wrong: it is as suspicious as skipping the block, by the same
// formula. Lines of functions that certainly no failing test runs have a mark of strength 0.
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

// lines returns the evidence for the lines that blocks of one file touch.
func (s *Spectrum) lines(f *File, blocks []int) map[int]lineEvidence {
	touching := make(map[int][]int)
	share := make(map[int]float64) // factor for the strength, by block
	for _, i := range blocks {
		share[i] = 1
		for line := s.blocks[i].StartLine; line <= s.blocks[i].EndLine; line++ {
			touching[line] = append(touching[line], i)
			if f.Checks[line] {
				share[i] = checkShare
			}
		}
	}
	lines := make(map[int]lineEvidence, len(touching))
	for line, at := range touching {
		best := lineEvidence{known: true}
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

// before reports whether b begins where a ends or later.
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

func (s *Spectrum) unitMarks(f *File, u *Unit, lines map[int]lineEvidence) []Mark {
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

// between returns the evidence for a line that no block touches, such as a brace or the
// expression of a case: that of the more suspicious of its nearest neighbors.
func between(lines map[int]lineEvidence, known []int, line int) lineEvidence {
	i, _ := slices.BinarySearch(known, line)
	var best lineEvidence
	for _, j := range []int{i - 1, i} {
		if j >= 0 && j < len(known) {
			if l := lines[known[j]]; !best.known || l.strength > best.strength {
				best = l
			}
		}
	}
	return best
}
