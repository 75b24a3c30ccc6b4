package repair

import (
	"slices"
)

// money is what a run may spend on strategies that cost some. What a call may spend is
// reserved before it begins and settled when it is over, so that calls at the same time
// cannot spend the rest twice.
type money struct {
	limit           float64 // dollars; 0 lets nothing that costs money begin
	reserved, spent float64
}

// least is the smallest sum that makes a difference: sums of decimal fractions are off by
// less.
const least = 1e-9

// reserve sets a sum aside, if there is as much.
func (m *money) reserve(dollars float64) bool {
	if dollars > 0 && dollars > m.left()+least {
		return false
	}
	m.reserved += dollars
	return true
}

// settle turns a reservation into what was spent.
func (m *money) settle(reserved, spent float64) {
	m.reserved -= reserved
	m.spent += spent
}

func (m *money) left() float64 { return max(m.limit-m.spent-m.reserved, 0) }

// settle also keeps the report up to date.
func (r *run) settle(reserved, spent float64) {
	r.money.settle(reserved, spent)
	r.report.Stats.Dollars = figure(r.money.spent)
}

// noteOnce leaves out a note that is there.
func (r *run) noteOnce(text string) {
	if !slices.Contains(r.report.Notes, text) {
		r.note(text)
	}
}
