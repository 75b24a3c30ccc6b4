package template

import (
	"go/ast"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var conditionStrategy = propose.Strategy{
	Name:  "template/condition",
	Title: "Replace a condition",
	Text: `Tries the conditions of the function, the file and the package, basic checks on
nearby values, and the constants true and false. A constant ranks low: it
removes a decision instead of correcting it.`,
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

// changeCondition replaces a condition with another one, or with a constant.
func changeCondition(f *function, out emit) {
	f.conditions(func(cond ast.Expr) {
		var options []site.Option
		hole := []propose.Edit{f.Replace(cond, site.HoleCondition)}
		for _, c := range f.Nearest(f.Donors().Conds, cond.Pos(), maxClauses, f.Text(cond)) {
			options = append(options, site.Option{
				Weight: c.Weight, Alike: c.Alike, Hole: hole, Edits: []propose.Edit{f.Replace(cond, c.Text)},
				Title: "replace the condition " + site.Quote(f.Text(cond)) + " with " + site.Quote(c.Text),
			})
		}
		for _, t := range f.conditionsOn(f.usedNear(cond), cond) {
			options = append(options, site.Option{
				Weight: t.weight * 0.5, Alike: 0.4, Hole: hole, Edits: []propose.Edit{f.Replace(cond, t.text)},
				Title: "replace the condition " + site.Quote(f.Text(cond)) + " with " + site.Quote(t.text),
			})
		}
		for _, constant := range []string{"true", "false"} {
			options = append(options, site.Option{
				Weight: 0.05, Removed: 0.8, Edits: []propose.Edit{f.Replace(cond, constant)},
				Title: "make the condition " + site.Quote(f.Text(cond)) + " always " + constant,
			})
		}
		out(cond, options)
	})
}
