package propose

import (
	"go/ast"
)

var templateCondition = Strategy{
	Name:  "template/condition",
	Title: "Replace a whole condition",
	Text: `Tries the conditions of the function, the file and the package, plain tests of
the values used around, and the constants true and false. A constant is ranked
low: it takes a decision away instead of correcting it.`,
	Before: `func either(a, b []int) bool {
	if len(a) > 0 {
		return true
	}
	return len(b) == 1
}`,
	After: `func either(a, b []int) bool {
	if len(a) > 0 {
		return true
	}
	return len(b) > 0
}`,
	Share: 2.5, Measured: true,
	Propose: perFunction(changeCondition),
}

// changeCondition puts another condition in the place of one, or a constant.
func changeCondition(f *function, out emit) {
	f.conditions(func(cond ast.Expr) {
		var options []option
		hole := []Edit{f.replace(cond, HoleCondition)}
		for _, c := range f.nearest(f.donors().conds, cond.Pos(), maxClauses, f.text(cond)) {
			options = append(options, option{
				weight: c.weight, alike: c.alike, hole: hole, edits: []Edit{f.replace(cond, c.text)},
				title: "replace the condition " + quote(f.text(cond)) + " by " + quote(c.text),
			})
		}
		for _, t := range f.conditionsOn(f.usedNear(cond), cond) {
			options = append(options, option{
				weight: t.weight * 0.5, alike: 0.4, hole: hole, edits: []Edit{f.replace(cond, t.text)},
				title: "replace the condition " + quote(f.text(cond)) + " by " + quote(t.text),
			})
		}
		for _, constant := range []string{"true", "false"} {
			options = append(options, option{
				weight: 0.05, removed: 0.8, edits: []Edit{f.replace(cond, constant)},
				title: "make the condition " + quote(f.text(cond)) + " always " + constant,
			})
		}
		out(cond, options)
	})
}
