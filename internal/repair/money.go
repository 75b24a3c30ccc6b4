package repair

import (
	"slices"
)

// money is the budget for strategies that cost money. The maximum of a call is reserved before
// it starts and settled when it ends, so that concurrent calls cannot spend the rest twice.
type money struct {
	limit           float64 // dollars; with 0, no call that costs money starts
	reserved, spent float64
}

// inexact is the tolerance for sums of decimal fractions.
const inexact = 1e-9

// reserve reserves a sum and reports whether there is enough.
func (m *money) reserve(dollars float64) bool {
	if dollars > 0 && dollars > m.left()+inexact {
		return false
	}
	m.reserved += dollars
	return true
}

// settle replaces a reservation with what was spent.
func (m *money) settle(reserved, spent float64) {
	m.reserved -= reserved
	m.spent += spent
}

func (m *money) left() float64 { return max(m.limit-m.spent-m.reserved, 0) }

// settle also updates the report.
func (r *run) settle(reserved, spent float64) {
	r.money.settle(reserved, spent)
	r.report.Stats.Dollars = figure(r.money.spent)
}

// noteOnce adds a note unless the report has it.
func (r *run) noteOnce(text string) {
	if !slices.Contains(r.report.Notes, text) {
		r.note(text)
	}
}
