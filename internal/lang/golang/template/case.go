package template

import (
	"go/ast"
	"maps"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var caseStrategy = propose.Strategy{
	Name:  "template/case",
	Title: "Add a value to a case, or a case to a switch",
	Text: `Applies to switch statements with a tag. Values are constants of the type or
literals of the file that no case has yet, upper and lower case variants, and
strings that the failing tests mention. A new case copies the body of the case
before it: check that this is what should happen.`,
	Before: `func factor(unit string) int {
	switch unit {
	case "k":
		return 1000
	case "m":
		return 1000000
	}
	return 1
}`,
	After: `func factor(unit string) int {
	switch unit {
	case "k", "K":
		return 1000
	case "m":
		return 1000000
	}
	return 1
}`,
	Share: 2.7, Measured: true,
	Propose: perFunction(extendCase),
}

// extendCase adds a value to a case, or inserts a new case after it.
func extendCase(f *function, out emit) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		sw, ok := n.(*ast.SwitchStmt)
		if !ok || sw.Tag == nil {
			return true
		}
		taken := make(map[string]bool)
		var sample ast.Expr
		for _, s := range sw.Body.List {
			for _, e := range s.(*ast.CaseClause).List {
				taken[f.Text(e)] = true
				sample = e
			}
		}
		if sample == nil {
			return true
		}
		var values []string
		for _, v := range f.constantsLike(sample) {
			if !taken[v] {
				values = append(values, v)
			}
		}
		values = append(values, f.expected(sample, taken)...)
		values = slices.Concat(otherCase(taken), values)
		for _, s := range sw.Body.List {
			clause := s.(*ast.CaseClause)
			if len(clause.List) == 0 {
				continue
			}
			var options []site.Option
			at := f.File.Offset(clause.List[len(clause.List)-1].End())
			for i, v := range values {
				options = append(options, site.Option{
					Weight: 1 / (1 + 0.1*float64(i)), Alike: 0.6, Title: "add " + site.Quote(v) + " to " + site.Quote("case "+f.Text(clause.List[0])),
					Edits: []propose.Edit{{File: f.File.Name, Start: at, End: at, New: ", " + v}},
				})
			}
			f.newCases(clause, values, func(o site.Option) { options = append(options, o) })
			out(clause, options)
		}
		return true
	})
}

// otherCase returns the strings and characters in taken converted to upper and to lower
// case, unless the result is already taken.
func otherCase(taken map[string]bool) []string {
	var out []string
	for _, v := range slices.Sorted(maps.Keys(taken)) {
		if v == "" || v[0] != '"' && v[0] != '\'' || strings.Contains(v, "\\") {
			continue
		}
		for _, w := range []string{strings.ToUpper(v), strings.ToLower(v)} {
			if !taken[w] && !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// newCases adds the options to insert a case with a copy of clause's body after it.
func (f *function) newCases(clause *ast.CaseClause, values []string, add func(site.Option)) {
	if len(clause.Body) == 0 || len(clause.Body) > 2 {
		return
	}
	body := string(f.File.Src[f.File.Offset(clause.Colon)+1 : f.File.Offset(clause.Body[len(clause.Body)-1].End())])
	indent := f.Indent(f.File.Offset(clause.Pos()))
	at := f.File.Offset(clause.Body[len(clause.Body)-1].End())
	if len(body) > site.MaxDonorText {
		return
	}
	for i, v := range values {
		if i == 8 {
			break
		}
		text := "\n" + indent + "case " + v + ":" + body
		add(site.Option{
			Weight: 0.2 / (1 + 0.2*float64(i)), Alike: 0.5, Title: "insert " + site.Quote("case "+v+":"+body),
			Edits: []propose.Edit{{File: f.File.Name, Start: at, End: at, New: text}},
		})
	}
}
