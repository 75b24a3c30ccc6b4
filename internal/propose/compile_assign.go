package propose

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

var compileAssign = Strategy{
	Name:  "compile/assign",
	Title: "Turn = into :=, or back, and drop duplicate declarations",
	Text: `Declares a variable where it is first assigned to, assigns where := declares
nothing new, and removes one of two declarations of a name, preferably one that
repeats the other word for word.`,
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

// fixNoNewVar assigns where nothing is declared.
func fixNoNewVar(_ context.Context, cs *cause) []option {
	at := cs.sites[0]
	assign, ok := around[*ast.AssignStmt](at)
	if !ok || !at.editable() {
		return nil
	}
	return []option{{weight: 0.9, alike: 1, title: replaceTitle(":=", "="), edits: []Edit{at.cut(assign.TokPos, assign.TokPos+2, "=")}}}
}

// fixUndeclaredTarget declares a variable where it is assigned to first.
func fixUndeclaredTarget(_ context.Context, cs *cause) []option {
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
	return []option{{weight: weight, alike: 1, title: "declare " + quote(id.Name), edits: []Edit{at.insert(assign.TokPos, ":")}}}
}

// fixDuplicate takes one of two declarations of the same name away, rather the one
// whose text the other repeats.
func fixDuplicate(_ context.Context, cs *cause) []option {
	at := cs.sites[0]
	if stmt := at.stmt(); stmt != nil {
		if at.editable() {
			return []option{{weight: 0.5, removed: 0.3, title: "remove " + quote(at.text(stmt)), edits: []Edit{at.remove(stmt)}}}
		}
		return nil
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(at.err.msg, "method "), " ")
	name, _, _ = strings.Cut(name, ":")
	var out []option
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
			if f.Offset(at.err.start) >= d.start && f.Offset(at.err.start) < d.end && f == at.file {
				weight = 0.6
			}
			o := option{weight: weight, removed: 0.5, title: fmt.Sprintf("remove a second %s", quote(name)), edits: []Edit{{File: f.Name, Start: d.start, End: end}}}
			if texts[d.text] > 1 {
				o.weight, o.removed = 0.9, 0
			}
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b option) int { return cmp.Compare(b.weight, a.weight) })
	return out
}
