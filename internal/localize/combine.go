package localize

import (
	"cmp"
	"slices"
)

// Mark is one piece of evidence against a range of lines of one file.
type Mark struct {
	File       string
	Start, End int // lines, both included
	Reason
}

// weights says how much each kind of evidence counts at full strength: roughly the probability
// that the fault is where only this evidence points.
//
//   - A compiler names the place, or one that disagrees with it, which is nearly always close.
//   - If a test is red now and was green at the base, the change is the cause, but most lines
//     of a change are harmless.
//   - Coverage that perfectly separates failing from passing tests says as much as a change.
//     It rarely does, and then has less strength.
//   - A panic happens where the bad value is used. Half the time, that is also where the fix
//     belongs.
//   - A call from the test says little. It orders lines that would otherwise be equal, or if
//     there is no other evidence.
var weights = map[Evidence]float64{
	Compiler: 0.9,
	Changed:  0.7,
	Coverage: 0.7,
	Stack:    0.6,
	Calls:    0.3,
}

// notRun is the factor for the score of a line that no failing test runs: a fault that does
// not run fails no test, but the spectrum may have gaps.
const notRun = 0.1

// kinds fixes the order of reasons.
var kinds = [...]Evidence{Compiler, Changed, Stack, Coverage, Calls}

// reasons holds the strongest reason of each kind, in the order of kinds. A reason without
// text is absent.
type reasons [len(kinds)]Reason

// score combines evidence as independent causes (noisy-or): a line is innocent if every piece
// of evidence against it is wrong,
//
//	1 - product over kinds of (1 - weight * strength)
//
// so more evidence never lowers a score, one kind alone never exceeds its weight, and two kinds
// that agree beat either. Only one fact speaks for a line: that no failing test ran it, if that
// is known (see [Spectrum.Marks]).
func (r *reasons) score() float64 {
	innocent, idle := 1.0, false
	for i, reason := range r {
		if reason.Evidence == Coverage && reason.Strength == 0 && reason.Text != "" {
			idle = true
		}
		innocent *= 1 - weights[kinds[i]]*min(max(reason.Strength, 0), 1)
	}
	if idle && r[slices.Index(kinds[:], Compiler)].Strength == 0 && r[slices.Index(kinds[:], Stack)].Strength == 0 {
		return notRun * (1 - innocent)
	}
	return 1 - innocent
}

// add keeps the stronger reason of a kind. Among equals it keeps the first by text, so that
// the order of the evidence does not matter.
func (r *reasons) add(reason Reason) {
	i := slices.Index(kinds[:], reason.Evidence)
	if r[i].Text == "" || reason.Strength > r[i].Strength ||
		reason.Strength == r[i].Strength && reason.Text < r[i].Text {
		r[i] = reason
	}
}

func (r *reasons) list() []Reason {
	var out []Reason
	for _, reason := range r {
		if reason.Text != "" {
			out = append(out, reason)
		}
	}
	return out
}

// combine turns marks into suspects, the best first. Neighbouring lines of one unit with the
// same evidence are one suspect.
func combine(src *Source, marks []Mark) []Suspect {
	byFile := make(map[string]map[int]*reasons)
	for _, m := range marks {
		lines := byFile[m.File]
		if lines == nil {
			lines = make(map[int]*reasons)
			byFile[m.File] = lines
		}
		for line := m.Start; line <= m.End; line++ {
			if lines[line] == nil {
				lines[line] = new(reasons)
			}
			lines[line].add(m.Reason)
		}
	}
	var out []Suspect
	for name, lines := range byFile {
		out = append(out, join(src.File(name), name, lines)...)
	}
	slices.SortFunc(out, func(a, b Suspect) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.File, b.File), cmp.Compare(a.Start, b.Start))
	})
	return out
}

func join(f *File, name string, lines map[int]*reasons) []Suspect {
	order := make([]int, 0, len(lines))
	for line := range lines {
		order = append(order, line)
	}
	slices.Sort(order)
	unitAt := func(line int) *Unit {
		if f == nil {
			return nil
		}
		return f.UnitAt(line)
	}
	var out []Suspect
	for i := 0; i < len(order); {
		first := order[i]
		r, u := lines[first], unitAt(first)
		last := first
		for i++; i < len(order) && order[i] == last+1 && *lines[order[i]] == *r && unitAt(order[i]) == u; i++ {
			last = order[i]
		}
		if score := r.score(); score > 0 {
			out = append(out, Suspect{File: name, Start: first, End: last, Score: score, Why: r.list()})
		}
	}
	return out
}
