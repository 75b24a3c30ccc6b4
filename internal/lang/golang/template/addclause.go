package template

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var addClauseStrategy = propose.Strategy{
	Name:  "template/add-clause",
	Title: "Add a clause to a condition",
	Text: `Applies to the conditions of if, for and case, and to boolean values that are
returned or assigned. Joins a new clause to the condition with && or ||. Clauses
come from nearby conditions, from variations of the existing clauses, and from
basic checks on nearby values: nil, empty, zero, out of range.`,
	Before: `func equal(a, b *int) bool {
	if a != nil {
		return *a == *b
	}
	return b == nil
}`,
	After: `func equal(a, b *int) bool {
	if a != nil && b != nil {
		return *a == *b
	}
	return b == nil
}`,
	Share: 7.9, Measured: true,
	Propose: perFunction(addClause),
}

// addClause adds a clause to a condition.
func addClause(f *function, out emit) {
	f.conditions(func(cond ast.Expr) {
		var options []site.Option
		clauses := f.newClauses(cond)
		for _, gap := range f.gaps(cond) {
			and, _ := gap.insert(f, "&&", site.HoleCondition)
			or, _ := gap.insert(f, "||", site.HoleCondition)
			holes := map[string][]propose.Edit{"&&": and, "||": or}
			for _, c := range clauses {
				for _, op := range []string{"&&", "||"} {
					edits, weight := gap.insert(f, op, c.Text)
					if edits == nil {
						continue
					}
					options = append(options, site.Option{
						Weight: c.Weight * weight * sharedWords(f.Text(gap.expr), c.Text), Alike: c.Alike, Edits: edits, Hole: holes[op],
						Title: fmt.Sprintf("add the clause %s to %s", site.Quote(op+" "+c.Text), site.Quote(f.Text(cond))),
					})
				}
			}
		}
		out(cond, options)
	})
}

var subword = regexp.MustCompile(`[A-Z]?[a-z]+|[A-Z]+`)

// sharedWords weighs a clause by the words that it shares with the one it joins: a clause
// about v.Minor() belongs with c.minorDirty rather than with c.patchDirty.
func sharedWords(a, b string) float64 {
	have := make(map[string]bool)
	for _, w := range subword.FindAllString(a, -1) {
		have[strings.ToLower(w)] = true
	}
	shared, total := 0, 0
	for _, w := range subword.FindAllString(b, -1) {
		total++
		if have[strings.ToLower(w)] {
			shared++
		}
	}
	return 1 + 2*float64(shared)/float64(max(total, 1))
}

// gap is a place in a condition where a clause can be added.
type gap struct {
	expr  ast.Expr // the clause goes after it, or before it if front is set
	front bool
	op    token.Token // of the chain that expr is an operand of, ILLEGAL if none exists
}

// gaps lists the places before and after the operands of the chains of && and ||.
func (f *function) gaps(cond ast.Expr) []gap {
	var out []gap
	var walk func(e ast.Expr, op token.Token, first bool)
	walk = func(e ast.Expr, op token.Token, first bool) {
		inner := ast.Unparen(e)
		if b, ok := inner.(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
			if b.Op != op || inner != e {
				out = append(out, gap{e, false, op})
				if first {
					out = append(out, gap{e, true, op})
				}
			}
			chainFirst := first && b.Op == op || b.Op != op || inner != e
			walk(b.X, b.Op, chainFirst)
			walk(b.Y, b.Op, false)
			return
		}
		if first {
			out = append(out, gap{e, true, op})
		}
		out = append(out, gap{e, false, op})
	}
	walk(cond, token.ILLEGAL, true)
	return out
}

// insert returns the edits that insert a clause into the gap, with the parentheses that
// the rest needs to keep its meaning, and the weight of the gap.
func (g gap) insert(f *function, op, clause string) ([]propose.Edit, float64) {
	start, end := f.File.Offset(g.expr.Pos()), f.File.Offset(g.expr.End())
	name := f.File.Name
	weight := 1.0
	if g.op != token.ILLEGAL && g.op.String() != op {
		weight = 0.3 // real fixes rarely mix && and ||
	}
	if g.front {
		weight *= 0.5
	}
	b, chain := g.expr.(*ast.BinaryExpr)
	chain = chain && (b.Op == token.LAND || b.Op == token.LOR)
	// && binds tighter than ||.
	open, closing := "", ""
	if chain && b.Op == token.LOR && op == "&&" {
		open, closing = "(", ")"
	}
	outerOpen, outerClose := "", ""
	if g.op == token.LAND && op == "||" {
		outerOpen, outerClose = "(", ")"
	}
	before, after := outerOpen+open, closing+" "+op+" "+clause+outerClose
	if g.front {
		before, after = outerOpen+clause+" "+op+" "+open, closing+outerClose
	}
	var edits []propose.Edit
	if before != "" {
		edits = append(edits, propose.Edit{File: name, Start: start, End: start, New: before})
	}
	if after != "" {
		edits = append(edits, propose.Edit{File: name, Start: end, End: end, New: after})
	}
	return edits, weight
}

// newClauses returns the clauses that could be added to a condition: nearby conditions,
// variations of its own clauses, and basic checks on nearby values.
func (f *function) newClauses(cond ast.Expr) []site.Adapted {
	pos := cond.Pos()
	out := f.Nearest(f.Donors().Conds, pos, maxClauses/2, f.Text(cond))
	for i := range out {
		out[i].Weight *= 1.2
	}
	add := func(text string, weight float64) {
		if !slices.ContainsFunc(out, func(a site.Adapted) bool { return a.Text == text }) {
			out = append(out, site.Adapted{Text: text, Weight: weight, Alike: 0.4})
		}
	}
	for _, c := range f.Nearest(f.Donors().Conds, pos, 20, "") {
		add(negated(c.Text), c.Weight*0.6)
	}
	for _, v := range f.withOtherVars(cond) {
		add(v, 1)
	}
	for _, v := range f.withOtherConstants(cond) {
		add(v, 0.8)
	}
	for _, t := range f.flags(pos) {
		add(t.text, t.weight*0.7)
	}
	for _, t := range f.conditionsOn(f.usedNear(cond), cond) {
		add(t.text, t.weight*0.7)
	}
	slices.SortStableFunc(out, func(a, b site.Adapted) int { return cmp.Compare(b.Weight, a.Weight) })
	if len(out) > 4*maxClauses {
		out = out[:4*maxClauses]
	}
	return slices.DeleteFunc(out, func(a site.Adapted) bool { return hasLogic(a.Text) && len(a.Text) > 80 })
}

// negated returns the opposite of a condition, written in the usual way.
func negated(text string) string {
	e, err := parser.ParseExpr(text)
	if err != nil {
		return text
	}
	switch e := e.(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return text[e.X.Pos()-1:]
		}
	case *ast.BinaryExpr:
		opposite, ok := map[token.Token]string{token.EQL: "!=", token.NEQ: "==", token.LSS: ">=", token.GEQ: "<", token.GTR: "<=", token.LEQ: ">"}[e.Op]
		if ok {
			return text[:e.OpPos-1] + opposite + text[int(e.OpPos)-1+len(e.Op.String()):]
		}
		return "!(" + text + ")"
	}
	return "!" + text
}

// withOtherVars returns the clauses of a condition with a variable or field replaced by
// another of its type: for !math.IsInf(x, 0) it returns !math.IsInf(y, 0).
func (f *function) withOtherVars(cond ast.Expr) []string {
	var out []string
	var leaves []ast.Expr
	var split func(e ast.Expr)
	split = func(e ast.Expr) {
		e = ast.Unparen(e)
		if b, ok := e.(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
			split(b.X)
			split(b.Y)
			return
		}
		leaves = append(leaves, e)
	}
	split(cond)
	for _, leaf := range leaves {
		text, base := f.Text(leaf), leaf.Pos()
		ast.Inspect(leaf, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok || len(out) >= 24 {
				return len(out) < 24
			}
			v, ok := f.Package.Info.Uses[id].(*types.Var)
			if !ok {
				return true
			}
			var others []string
			if v.IsField() {
				if sel, ok := f.Parent[id].(*ast.SelectorExpr); ok {
					others = f.fieldsLike(f.TypeOf(sel.X), v.Type(), id.Name)
				}
			} else {
				for _, w := range f.Locals(cond.Pos()) {
					if w != v && types.Identical(w.Type(), v.Type()) {
						others = append(others, w.Name())
					}
				}
			}
			for i, name := range others {
				if i < 4 {
					out = append(out, text[:id.Pos()-base]+name+text[id.End()-base:])
				}
			}
			return true
		})
	}
	return out
}

// withOtherConstants returns the comparisons of a condition with a literal or constant
// replaced by another: for c == ' ' it returns c == '\t' if the function has '\t'.
func (f *function) withOtherConstants(cond ast.Expr) []string {
	var out []string
	ast.Inspect(cond, func(n ast.Node) bool {
		b, ok := n.(*ast.BinaryExpr)
		if !ok || b.Op == token.LAND || b.Op == token.LOR {
			return true
		}
		for _, other := range f.constantsLike(b.Y) {
			out = append(out, f.Text(b.X)+" "+b.Op.String()+" "+other)
		}
		// x >= lo is one half of a range check whose other half is x <= hi.
		if flip, ok := map[token.Token]string{token.GEQ: "<=", token.GTR: "<", token.LEQ: ">=", token.LSS: ">"}[b.Op]; ok {
			for _, other := range f.constantsLike(b.Y) {
				out = append(out, f.Text(b.X)+" "+flip+" "+other)
			}
		}
		return true
	})
	if len(out) > 40 {
		out = out[:40]
	}
	return out
}

func hasLogic(text string) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i:i+2] == "&&" || text[i:i+2] == "||" {
			return true
		}
	}
	return false
}
