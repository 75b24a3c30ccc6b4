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

// weights says how much each kind of evidence is believed at full strength: about
// the probability that the fault is where that evidence, and nothing else, points.
//
//   - A compiler names the place, or one that disagrees with it; it is nearly always near.
//   - Of what is red now and was green at the base, the change is the cause, but
//     most lines of a change are harmless.
//   - Coverage that perfectly parts failing from passing tests says as much as a
//     change; it seldom does, and its strength falls off by itself.
//   - A panic happens where the bad value is used; half the time that is where it is
//     mended too.
//   - That a test calls a function says little. It is there to order what would be
//     equal otherwise, and to have an order when nothing else is known.
var weights = map[Evidence]float64{
	Compiler: 0.9,
	Changed:  0.7,
	Coverage: 0.7,
	Stack:    0.6,
	Calls:    0.3,
}

// notRun is what remains of the score of a line that no failing test runs: a
// fault that is not executed does not fail a test, but the spectrum may have gaps.
const notRun = 0.1

// kinds fixes the order of reasons.
var kinds = [...]Evidence{Compiler, Changed, Stack, Coverage, Calls}

// reasons holds the strongest reason of each kind, by the order of kinds; one of
// strength 0 and no text is absent.
type reasons [len(kinds)]Reason

// score combines evidence as independent causes (noisy-or): a line is innocent
// when every piece of evidence against it is mistaken,
//
//	1 - product over kinds of (1 - weight * strength)
//
// so that more evidence never lowers a score, one kind alone never exceeds its
// weight, and agreement of two kinds beats either. Only one thing tells for a line:
// that no failing test ran it, where that is known (see [Spectrum.Marks]).
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

// add keeps the stronger reason of a kind; among equals the first by its text, so
// that the order in which evidence comes does not show.
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

// combine turns marks into suspects: neighbouring lines of one unit with the same
// evidence become one suspect, best first.
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
