package template

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var stringStrategy = propose.Strategy{
	Name:  "template/string",
	Title: "Change a string to what the failing test expects",
	Text: `Compares the string literals in the code with those in the failing test and its
output, and applies the difference. The patch passes because it copies the test,
which does not make it right: it needs review, and --apply auto does not apply
it.`,
	Before: `func greet(name string) string {
	return "helo " + name
}`,
	After: `func greet(name string) string {
	return "hello " + name
}`,
	Share: 8.2, Measured: true,
	Propose: perFunction(changeString),
}

// changeString changes a string literal to what the failing test expects. The patch passes
// because it copies the test, so it always needs review.
func changeString(f *function, out emit) {
	exp := expectationsOf(f.Problem)
	ast.Inspect(f.Body, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		own, err := strconv.Unquote(lit.Value)
		if err != nil {
			return true
		}
		var options []site.Option
		for _, text := range exp.instead(own) {
			quoted := strconv.Quote(text.text)
			if strings.HasPrefix(lit.Value, "`") && strconv.CanBackquote(text.text) {
				quoted = "`" + text.text + "`"
			}
			options = append(options, site.Option{Weight: text.weight, Review: true, Alike: 0.3, Title: site.ReplaceTitle(lit.Value, quoted), Edits: []propose.Edit{f.Replace(lit, quoted)}})
		}
		return out(lit, options)
	})
}

// instead returns replacements for a literal, the likeliest first.
func (e *expectations) instead(own string) []weighted {
	var out []weighted
	add := func(text string, weight float64) {
		if text != own && !slices.ContainsFunc(out, func(w weighted) bool { return w.text == text }) {
			out = append(out, weighted{text, weight})
		}
	}
	for _, pair := range e.pairs {
		if text, ok := transplant(own, pair[0], pair[1]); ok {
			add(text, 2)
		}
	}
	for _, s := range e.literals {
		if len(s) < 80 {
			if a := alike(own, s); a >= 0.5 {
				add(s, a)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b weighted) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return 0
	})
	if len(out) > 12 {
		out = out[:12]
	}
	return out
}

// transplant applies the change from got to want to a literal that contains the changed
// part of got and some of the text around it. It returns false if the literal does not.
func transplant(literal, got, want string) (string, bool) {
	prefix := 0
	for prefix < len(got) && prefix < len(want) && got[prefix] == want[prefix] {
		prefix++
	}
	suffix := 0
	for suffix < len(got)-prefix && suffix < len(want)-prefix && got[len(got)-1-suffix] == want[len(want)-1-suffix] {
		suffix++
	}
	a, b := got[prefix:len(got)-suffix], want[prefix:len(want)-suffix]
	for _, context := range []int{12, 8, 5, 3, 2, 1, 0} {
		left := got[max(0, prefix-context):prefix]
		right := got[len(got)-suffix : min(len(got), len(got)-suffix+context)]
		for _, around := range [][2]string{{left, right}, {left, ""}, {"", right}} {
			old := around[0] + a + around[1]
			if len(old) >= 1 && (a != "" || len(old) >= 2) && strings.Count(literal, old) == 1 {
				return strings.Replace(literal, old, around[0]+b+around[1], 1), true
			}
		}
	}
	return "", false
}
