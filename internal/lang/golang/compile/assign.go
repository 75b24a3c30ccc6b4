package compile

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var assignStrategy = propose.Strategy{
	Name:  "compile/assign",
	Title: "Switch between = and :=, and remove duplicate declarations",
	Text: `Declares a variable at its first assignment, turns := into = where it declares
nothing new, and removes one of two declarations of the same name, preferably an
exact copy.`,
	Before: `func twice(n int) int {
	result = n * 2
	return result
}`,
	After: `func twice(n int) int {
	result := n * 2
	return result
}`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/assign"),
}

var assignFixers = []fixer{
	{"compile/assign", []errorCode{noNewVar}, fixNoNewVar},
	{"compile/assign", []errorCode{undeclaredName}, fixUndeclaredTarget},
	{"compile/assign", []errorCode{duplicateDecl}, fixDuplicate},
}

// fixNoNewVar turns a := that declares nothing new into =.
func fixNoNewVar(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	assign, ok := around[*ast.AssignStmt](at)
	if !ok || !at.editable() {
		return nil
	}
	return []site.Option{{Weight: 0.9, Alike: 1, Title: site.ReplaceTitle(":=", "="), Edits: []propose.Edit{at.replaceRange(assign.TokPos, assign.TokPos+2, "=")}}}
}

// fixUndeclaredTarget declares a variable at its first assignment.
func fixUndeclaredTarget(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	id := at.ident()
	if id == nil || !at.editable() {
		return nil
	}
	assign, ok := at.path[1].(*ast.AssignStmt)
	if !ok || assign.Tok != token.ASSIGN || !slices.Contains(assign.Lhs, ast.Expr(id)) {
		return nil
	}
	for _, l := range assign.Lhs {
		if _, isName := l.(*ast.Ident); !isName {
			return nil
		}
	}
	weight := 0.75
	if len(assign.Lhs) > 1 && id.Name == "err" {
		weight = 0.9
	}
	return []site.Option{{Weight: weight, Alike: 1, Title: "declare " + site.Quote(id.Name), Edits: []propose.Edit{at.insert(assign.TokPos, ":")}}}
}

// fixDuplicate removes one of two declarations of the same name, preferably an exact
// copy of the other.
func fixDuplicate(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	if stmt := at.stmt(); stmt != nil {
		if at.editable() {
			return []site.Option{{Weight: 0.5, Removed: 0.3, Title: "remove " + site.Quote(at.Text(stmt)), Edits: []propose.Edit{at.Remove(stmt)}}}
		}
		return nil
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(at.err.msg, "method "), " ")
	name, _, _ = strings.Cut(name, ":")
	var out []site.Option
	texts := make(map[string]int)
	for _, f := range at.err.unit.Files {
		for _, d := range declarations(f) {
			if d.key != name || d.text == "" {
				continue
			}
			texts[d.text]++
			if !at.st.editable(f.Name) {
				continue
			}
			end := d.end
			for end < len(f.Src) && f.Src[end] == '\n' && end-d.end < 2 {
				end++
			}
			weight := 0.4
			if f.Offset(at.err.start) >= d.start && f.Offset(at.err.start) < d.end && f == at.File {
				weight = 0.6
			}
			o := site.Option{Weight: weight, Removed: 0.5, Title: fmt.Sprintf("remove the duplicate %s", site.Quote(name)), Edits: []propose.Edit{{File: f.Name, Start: d.start, End: end}}}
			if texts[d.text] > 1 {
				o.Weight, o.Removed = 0.9, 0
			}
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b site.Option) int { return cmp.Compare(b.Weight, a.Weight) })
	return out
}
