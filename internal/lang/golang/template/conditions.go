package template

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
)

// conditions calls look for the suspicious conditions of if, for and case, and boolean
// values that are returned or assigned. It does not visit their clauses.
func (f *function) conditions(look func(cond ast.Expr)) {
	visit := func(cond ast.Expr) {
		if f.Suspicious(cond) {
			look(cond)
		}
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			visit(n.Cond)
		case *ast.ForStmt:
			if n.Cond != nil {
				visit(n.Cond)
			}
		case *ast.CaseClause:
			if sw, ok := f.Parent[f.Parent[n]].(*ast.SwitchStmt); ok && sw.Tag == nil {
				for _, e := range n.List {
					visit(e)
				}
			}
		case *ast.ReturnStmt:
			f.booleans(n.Results, visit)
		case *ast.AssignStmt:
			f.booleans(n.Rhs, visit)
		}
		return true
	})
}

func (f *function) booleans(list []ast.Expr, visit func(ast.Expr)) {
	for _, e := range list {
		if t := f.TypeOf(e); t != nil && site.IsBool(t) {
			if id, ok := e.(*ast.Ident); ok && (id.Name == "true" || id.Name == "false") {
				continue
			}
			visit(e)
		}
	}
}

// maxClauses limits the clauses tried in one gap.
const maxClauses = 60

// form is a pattern of code about a value x, or two values x and y, with its likelihood.
type form struct {
	text   string // with x and y in place of the values
	weight float64
}

// on returns the code for the values x and y.
func (c form) on(x, y string) string {
	var b strings.Builder
	for i := range len(c.text) {
		switch c.text[i] {
		case 'x':
			b.WriteString(x)
		case 'y':
			b.WriteString(y)
		default:
			b.WriteByte(c.text[i])
		}
	}
	return b.String()
}

// The basic checks on one value, by its kind.
var (
	errorForms    = []form{{"x != nil", 1}, {"x == nil", 0.5}}
	sentinelForms = []form{{"x == y", 0.4}} // y is an error that the package declares
	nilableForms  = []form{{"x == nil", 1}, {"x != nil", 0.6}}
	listForms     = []form{
		{"len(x) == 0", 1},
		{"len(x) > 0", 0.5},
		{"x == nil", 0.5},
		{"x != nil", 0.3},
		{"len(x) == 1", 0.2},
		{"len(x) > 1", 0.2},
	}
	stringForms   = []form{{`x == ""`, 1}, {`x != ""`, 0.6}, {"len(x) == 0", 0.4}, {"len(x) > 0", 0.3}}
	boolForms     = []form{{"x", 0.8}, {"!x", 0.8}}
	unsignedForms = []form{{"x == 0", 0.8}, {"x > 0", 0.5}, {"x != 0", 0.4}}
	signedForms   = slices.Concat(unsignedForms, []form{{"x < 0", 0.6}, {"x <= 0", 0.3}, {"x >= 0", 0.3}})
	floatForms    = []form{{"x == 0", 0.8}, {"x < 0", 0.5}, {"x > 0", 0.3}}
)

// The basic checks on two values.
var (
	// an integer and a value with a length
	boundForms = []form{
		{"x >= len(y)", 0.5}, {"x < len(y)", 0.5}, {"x == len(y)", 0.3}, {"x > len(y)", 0.3}, {"x > len(y)-1", 0.05},
	}
	// two values of the same type
	emptyPairForms = []form{{`x == "" && y == ""`, 0.35}, {`x == "" || y == ""`, 0.3}}
	nilPairForms   = []form{{"x == nil && y == nil", 0.35}, {"x == nil || y == nil", 0.3}}
	equalForms     = []form{{"x == y", 0.3}, {"x != y", 0.25}}
	orderForms     = []form{{"x > y", 0.25}, {"x < y", 0.25}, {"x >= y", 0.2}, {"x <= y", 0.2}}
)

// formsFor returns the basic checks on a value of a type.
func formsFor(t types.Type) []form {
	switch u := t.Underlying().(type) {
	case *types.Pointer, *types.Chan, *types.Signature, *types.Interface:
		if site.IsError(t) {
			return errorForms
		}
		return nilableForms
	case *types.Slice, *types.Map:
		return listForms
	case *types.Basic:
		switch {
		case u.Info()&types.IsString != 0:
			return stringForms
		case u.Info()&types.IsBoolean != 0:
			return boolForms
		case u.Info()&types.IsUnsigned != 0:
			return unsignedForms
		case u.Info()&types.IsInteger != 0:
			return signedForms
		case u.Info()&types.IsFloat != 0:
			return floatForms
		}
	}
	return nil
}

// pairForms returns the basic checks on two values of a type.
func (f *function) pairForms(t types.Type) []form {
	var out []form
	switch f.Zero(t) {
	case `""`:
		out = append(out, emptyPairForms...)
	case "nil":
		out = append(out, nilPairForms...)
	}
	out = append(out, equalForms...)
	if site.HasInfo(t, types.IsOrdered) {
		out = append(out, orderForms...)
	}
	return out
}

const (
	maxConditions = 60 // per place
	maxSentinels  = 6
	maxPartners   = 4 // values that each one is compared with
)

// conditionsOn returns the basic checks at n on the values used, the likeliest first.
func (f *function) conditionsOn(used []ast.Expr, n ast.Node) []weighted {
	var out []weighted
	for i, e := range used {
		t := f.TypeOf(e)
		if t == nil || f.declaredLater(e, n.Pos()) {
			continue
		}
		near := 1 / (1 + 0.15*float64(i))
		add := func(forms []form, y string) {
			for _, c := range forms {
				out = append(out, weighted{c.on(f.Text(e), y), c.weight * near})
			}
		}
		add(formsFor(t), "")
		if site.IsError(t) {
			sentinels := f.sentinels()
			for _, sentinel := range sentinels[:min(len(sentinels), maxSentinels)] {
				add(sentinelForms, sentinel)
			}
		}
		if site.HasInfo(t, types.IsInteger) {
			for _, s := range used {
				if st := f.TypeOf(s); st != nil && site.HasLen(st) && !f.declaredLater(s, n.Pos()) {
					add(boundForms, f.Text(s))
				}
			}
		}
		rest := used[i+1:]
		for _, o := range rest[:min(len(rest), maxPartners)] {
			if ot := f.TypeOf(o); ot != nil && types.Identical(t, ot) && types.Comparable(t) && !f.declaredLater(o, n.Pos()) {
				add(f.pairForms(t), f.Text(o))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b weighted) int { return cmp.Compare(b.weight, a.weight) })
	return out[:min(len(out), maxConditions)]
}

// flags returns conditions on the state in scope at pos: boolean variables, boolean fields
// of variables, and fields of an enumerated type compared with its constants.
func (f *function) flags(pos token.Pos) []weighted {
	var out []weighted
	add := func(text string, weight float64) { out = append(out, weighted{text, weight}) }
	for i, v := range f.Owners(pos) {
		if i >= 12 {
			break
		}
		near := 1 / (1 + 0.1*float64(i))
		if site.IsBool(v.Type()) {
			add(v.Name(), near)
			add("!"+v.Name(), near)
		}
		for _, field := range f.fieldsOf(v.Type()) {
			if site.IsBool(field.Type()) {
				add(v.Name()+"."+field.Name(), 0.6*near)
				add("!"+v.Name()+"."+field.Name(), 0.6*near)
				continue
			}
			if i < 4 {
				for k, c := range f.constants(field.Type(), "") {
					if k < 8 {
						add(v.Name()+"."+field.Name()+" == "+c, 0.5*near)
						add(v.Name()+"."+field.Name()+" != "+c, 0.5*near)
					}
				}
			}
		}
	}
	return out
}

// sentinels lists the error variables of the package.
func (f *function) sentinels() []string {
	var out []string
	scope := f.Package.Types.Scope()
	for _, name := range scope.Names() {
		if v, ok := scope.Lookup(name).(*types.Var); ok && site.IsError(v.Type()) {
			out = append(out, name)
		}
	}
	return out
}
