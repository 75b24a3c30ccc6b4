package template

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var numberStrategy = propose.Strategy{
	Name:  "template/number",
	Title: "Correct a number or a bound that is off by one",
	Text: `Changes a number literal by one, scales it by two or ten, or replaces it with
another number from the function or file. Adds or subtracts one in bounds,
indexes and other integers. Replaces a character with another from the file.`,
	Before: `import "strings"

func extension(name string) string {
	dot := strings.LastIndex(name, ".")
	return name[dot:]
}`,
	After: `import "strings"

func extension(name string) string {
	dot := strings.LastIndex(name, ".")
	return name[dot+1:]
}`,
	Share: 1.7, Measured: true,
	Propose: perFunction(changeNumber),
}

// changeNumber corrects a number or a bound that is off by one, or replaces it with
// another number of the function.
func changeNumber(f *function, out emit) {
	numbers := f.numbers()
	f.Exprs(func(e ast.Expr) {
		t := f.TypeOf(e)
		if t == nil {
			return
		}
		b, ok := t.Underlying().(*types.Basic)
		if !ok || b.Info()&types.IsNumeric == 0 {
			return
		}
		own := f.Text(e)
		var options []site.Option
		add := func(text string, weight float64) {
			if text != own && !slices.ContainsFunc(options, func(o site.Option) bool { return o.Edits[0].New == text }) {
				options = append(options, site.Option{Weight: weight, Alike: 0.5, Title: site.ReplaceTitle(own, text), Edits: []propose.Edit{f.Replace(e, text)}})
			}
		}
		if lit, ok := e.(*ast.BasicLit); ok {
			if lit.Kind == token.CHAR {
				for i, other := range f.constantsLike(lit) {
					add(other, 1/(1+0.2*float64(i)))
				}
				out(e, options)
				return
			}
			if lit.Kind == token.INT {
				if v, err := strconv.ParseInt(lit.Value, 0, 64); err == nil {
					for _, n := range []int64{v + 1, v - 1} {
						if n >= 0 {
							add(sameBase(lit.Value, n), 1)
						}
					}
					for _, n := range []int64{0, 1, 2} {
						add(strconv.FormatInt(n, 10), 0.5)
					}
					if _, negated := f.Parent[e].(*ast.UnaryExpr); !negated {
						add("-1", 0.2)
					}
					add(sameBase(lit.Value, v*2), 0.15)
					add(sameBase(lit.Value, v/2), 0.15)
					add(sameBase(lit.Value, v*10), 0.1)
					add(sameBase(lit.Value, v/10), 0.1)
				}
			}
			for i, n := range numbers {
				if i < 12 && (lit.Kind == token.FLOAT) == strings.ContainsAny(n, ".e") {
					add(n, 0.3/(1+0.2*float64(i)))
				}
			}
			out(e, options)
			return
		}
		if b.Info()&types.IsInteger == 0 {
			return
		}
		// A bound: replace x with x+1 or x-1, and x±1 with x.
		if bin, ok := e.(*ast.BinaryExpr); ok && (bin.Op == token.ADD || bin.Op == token.SUB) {
			if tv := f.Package.Info.Types[bin.Y]; tv.Value != nil && constant.Compare(tv.Value, token.EQL, constant.MakeInt64(1)) {
				options = append(options, site.Option{Weight: 1.5, Removed: 0.1, Alike: 0.6, Title: site.ReplaceTitle(own, f.Text(bin.X)), Edits: []propose.Edit{f.Replace(e, f.Text(bin.X))}})
			}
		}
		weight := 0.35
		if isBound(f.Parent[e], e) {
			weight = 0.7
		}
		if id, isLen := e.(*ast.CallExpr); isLen && f.Text(id.Fun) != "len" {
			weight = 0.05 // the results of calls are rarely off by one
		}
		space := " "
		if _, inside := f.Parent[e].(*ast.BinaryExpr); inside || isBound(f.Parent[e], e) {
			space = ""
		}
		add(own+space+"+"+space+"1", weight)
		add(own+space+"-"+space+"1", weight)
		out(e, options)
	})
}

// isBound reports whether e bounds or indexes something.
func isBound(parent ast.Node, e ast.Expr) bool {
	switch p := parent.(type) {
	case *ast.SliceExpr:
		return p.X != e
	case *ast.IndexExpr:
		return p.Index == e
	}
	return false
}

// sameBase formats a number in the base that another is written in.
func sameBase(like string, n int64) string {
	switch l := strings.ToLower(like); {
	case n < 0:
		return strconv.FormatInt(n, 10)
	case strings.HasPrefix(l, "0x"):
		return fmt.Sprintf("0x%x", n)
	case strings.HasPrefix(l, "0b"):
		return fmt.Sprintf("0b%b", n)
	}
	return strconv.FormatInt(n, 10)
}

// numbers lists the number literals of the function, then of the file.
func (f *function) numbers() []string {
	var out []string
	collect := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && (lit.Kind == token.INT || lit.Kind == token.FLOAT) && !slices.Contains(out, lit.Value) {
				out = append(out, lit.Value)
			}
			return true
		})
	}
	collect(f.Body)
	collect(f.File.Syntax)
	return out
}
