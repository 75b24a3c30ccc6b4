package localize

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// changedLines marks the lines that were written since the base and the lines next to deleted
// ones, without comments and blank lines. It leaves out tests: what a changed test expects is
// taken as intended.
func changedLines(src *Source, changes []patch.File) []Mark {
	var marks []Mark
	for _, c := range changes {
		if c.Delete || c.Binary || slices.Contains(strings.Split(c.NewName, "/"), "testdata") {
			continue
		}
		f := src.File(c.NewName)
		if f == nil || f.Test {
			continue
		}
		at := src.shift(c.NewName)
		for _, h := range c.Hunks {
			marks = append(marks, changedBy(f, h, at)...)
		}
	}
	return marks
}

// changedBy marks the lines of one hunk; at maps a line of the tree to the overlay.
func changedBy(f *File, h patch.Hunk, at func(int) int) []Mark {
	var marks []Mark
	add := func(line int, strength float64, text string) {
		if line = at(line); line > 0 && !f.blank(line) {
			marks = append(marks, Mark{f.Name, line, line, Reason{Changed, strength, text}})
		}
	}
	next := max(h.NewStart, 1) // line of the new side
	if h.NewLines == 0 {
		next = h.NewStart + 1
	}
	inserted, deleted := 0, 0
	flush := func() {
		if deleted > 0 && inserted == 0 {
			add(next-1, 0.8, "next to a line deleted since the base")
			add(next, 0.8, "next to a line deleted since the base")
		}
		inserted, deleted = 0, 0
	}
	for _, l := range h.Lines {
		switch l.Op {
		case patch.Delete:
			deleted++
		case patch.Insert:
			inserted++
			add(next, 1, "changed since the base")
			next++
		default:
			flush()
			next++
		}
	}
	flush()
	return marks
}

// shift returns a function that maps lines of the tree's file to lines of its overlay, or to 0
// if the overlay does not have them.
func (s *Source) shift(name string) func(int) int {
	over, ok := s.overlay[name]
	if !ok {
		return func(line int) int { return line }
	}
	old := NewSource(s.root, nil, s.outline).File(name)
	if old == nil {
		return func(int) int { return 0 }
	}
	hunks := patch.DiffContext(name, name, old.Src, over, 0).Hunks
	return func(line int) int {
		offset := 0
		for _, h := range hunks {
			first := h.OldStart
			if h.OldLines == 0 {
				first++ // OldStart is the line before the insertion
			}
			if line < first {
				break
			}
			if line < first+h.OldLines {
				return 0
			}
			offset += h.NewLines - h.OldLines
		}
		return line + offset
	}
}

// frameDecay is the factor for the strength of each further call outwards.
const frameDecay = 0.75

// checkShare is the factor for code that calls panic. Such a check mostly reports a fault that
// is elsewhere: weakening it removes the panic and keeps the fault. It is no surprise that only
// failing tests run it.
const checkShare = 0.4

// stackFrames marks the statements on the stacks of panics and other failures, inner calls more
// than outer ones, and less strongly the rest of their functions: a bad value is often made a
// few lines above its use.
func stackFrames(src *Source, failures []testrun.Failure) []Mark {
	var marks []Mark
	for _, failure := range failures {
		depth := 0
		for _, frame := range failure.Frames {
			f := src.File(frame.File)
			if f == nil || f.Hidden() || frame.Line == 0 {
				continue
			}
			depth++
			s := math.Pow(frameDecay, float64(depth-1))
			if depth == 1 && f.Checks[frame.Line] {
				s *= checkShare
			}
			text := fmt.Sprintf("named by the %s at depth %d", stackName(failure.Kind), depth)
			start, end := f.statement(frame.Line)
			marks = append(marks, Mark{f.Name, start, end, Reason{Stack, s, text}})
			if u := f.UnitAt(frame.Line); u != nil {
				marks = append(marks, Mark{f.Name, u.Start, u.End, Reason{Stack, s / 2, "in a function " + text}})
			}
		}
	}
	return marks
}

func stackName(k testrun.Kind) string {
	switch k {
	case testrun.Panic, testrun.Timeout:
		return string(k)
	case testrun.Race:
		return "data race"
	default:
		return "failure's stack"
	}
}

// compilePositions marks the places that the compiler names. The first error counts most, since
// later ones often follow from it. Positions in tests are kept: they show users where the code
// and its test disagree.
func compilePositions(src *Source, failures []testrun.Failure) []Mark {
	var marks []Mark
	for _, failure := range failures {
		if failure.Kind != testrun.Compile {
			continue
		}
		positions := failure.Positions
		if len(positions) == 0 {
			positions = []testrun.Position{{Location: failure.Location, Message: failure.Message}}
		}
		for i, p := range positions {
			name := path.Clean(p.File)
			if p.File == "" || p.Line == 0 {
				continue
			}
			start, end := p.Line, p.Line
			if f := src.File(name); f != nil {
				start, end = f.statement(p.Line)
			}
			s := max(math.Pow(0.9, float64(i)), 0.5)
			marks = append(marks, Mark{name, start, end, Reason{Compiler, s, "the compiler says: " + testrun.FirstLine(p.Message)}})
		}
	}
	return marks
}
