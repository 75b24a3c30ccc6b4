package compile

import (
	"cmp"
	"context"
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

var conversionStrategy = propose.Strategy{
	Name:  "compile/conversion",
	Title: "Convert a value to the required type",
	Text: `Converts, dereferences or calls the value, takes its address, selects a field
or method, or spreads a slice, whichever makes the types match. Compares a
condition that is not boolean with its zero value. Conversions that can lose
digits rank low.`,
	Before: `func message(err error) string {
	if err == nil {
		return ""
	}
	return err
}`,
	After: `func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/conversion"),
}

var conversionFixers = []fixer{
	{"compile/conversion", []errorCode{incompatibleAssign, invalidIfaceAssign, truncatedFloat, numericOverflow}, fixAssigned},
	{"compile/conversion", []errorCode{mismatchedTypes, undefinedOp}, fixOperands},
	{"compile/conversion", []errorCode{invalidIndirection, nonIndexableOperand, invalidCond, nonVariadicDots}, fixOperand},
}

// fixAssigned converts a value to the type of its target, or changes the type.
func fixAssigned(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	e := at.expr()
	if e == nil || !at.editable() {
		return nil
	}
	target, spread := at.target(e)
	if target == nil {
		return nil
	}
	var out []site.Option
	if spread {
		out = append(out, site.Option{Weight: 0.9, Alike: 1, Title: "pass the elements of " + site.Quote(at.Text(e)), Edits: []propose.Edit{at.insert(e.End(), "...")}})
	}
	out = append(out, at.convertTo(e, target)...)
	if spec, ok := around[*ast.ValueSpec](at); ok && spec.Type != nil && slices.Contains(spec.Values, e) {
		if text, ok := at.TypeText(types.Default(at.typeOf(e))); ok {
			out = append(out, site.Option{Weight: 0.3, Title: site.ReplaceTitle(at.Text(spec.Type), text), Edits: []propose.Edit{at.Replace(spec.Type, text)}})
		}
	}
	return out
}

// maxConversions limits the conversions tried for one value.
const maxConversions = 10

// convertTo returns the options to convert an expression to a type.
func (at *errorSite) convertTo(e ast.Expr, to types.Type) []site.Option {
	var out []site.Option
	for _, c := range nearestNames(at.conversions(e, to)) {
		o := site.Option{Weight: c.weight, Alike: 0.7, Title: site.ReplaceTitle(at.Text(e), c.text), Edits: []propose.Edit{at.Replace(e, c.text)}}
		out = append(out, o)
	}
	return out[:min(len(out), maxConversions)]
}

// conversions lists the ways to write an expression so that it has another type.
func (at *errorSite) conversions(e ast.Expr, to types.Type) []spelling {
	from, text := at.typeOf(e), at.Text(e)
	if from == types.Typ[types.Invalid] || to == types.Typ[types.Invalid] {
		return nil
	}
	var out []spelling
	add := func(weight float64, format string, args ...any) {
		out = append(out, spelling{fmt.Sprintf(format, args...), weight})
	}
	operand := text
	if _, binary := e.(*ast.BinaryExpr); binary {
		operand = "(" + text + ")"
	}
	if types.AssignableTo(types.NewPointer(from), to) && addressable(e) {
		add(0.9, "&%s", text)
	}
	if p, ok := from.Underlying().(*types.Pointer); ok && types.AssignableTo(p.Elem(), to) {
		add(0.9, "*%s", operand)
	}
	if amp, ok := e.(*ast.UnaryExpr); ok && amp.Op == token.AND && assignable(at.typeOf(amp.X), to) {
		add(0.95, "%s", at.Text(amp.X))
	}
	if iface, ok := from.Underlying().(*types.Interface); ok && !types.IsInterface(to) && types.Implements(to, iface) {
		if name, ok := at.TypeText(to); ok {
			add(0.4, "%s.(%s)", operand, name)
		}
	}
	if s, ok := to.Underlying().(*types.Slice); ok && types.AssignableTo(from, s.Elem()) {
		if name, ok := at.TypeText(to); ok {
			add(0.5, "%s{%s}", name, text)
		}
	}
	if sig, ok := from.Underlying().(*types.Signature); ok && sig.Params().Len() == 0 && sig.Results().Len() == 1 && types.AssignableTo(sig.Results().At(0).Type(), to) {
		add(0.8, "%s()", operand)
	}
	at.basics(e, from, to, add)
	if name, ok := at.TypeText(to); ok && types.ConvertibleTo(from, to) && !numberToString(from, to) {
		if strings.HasPrefix(name, "*") || strings.HasPrefix(name, "func") || strings.HasPrefix(name, "<-") {
			name = "(" + name + ")"
		}
		add(0.8, "%s(%s)", name, text)
	}
	at.parts(operand, from, to, add)
	for _, v := range at.Locals(e.Pos()) {
		if v.Name() != text && types.AssignableTo(v.Type(), to) && !types.IsInterface(to) {
			add(max(0.6*closeness(text, v.Name()), typeOnlyWeight), "%s", v.Name())
		}
	}
	return out
}

// basics adds the usual conversions between strings, numbers, bytes and errors.
func (at *errorSite) basics(e ast.Expr, from, to types.Type, add func(float64, string, ...any)) {
	text := at.Text(e)
	is := func(t types.Type, info types.BasicInfo) bool {
		b, ok := t.Underlying().(*types.Basic)
		return ok && b.Info()&info != 0
	}
	isString := types.Identical(to.Underlying(), types.Typ[types.String])
	if lit := at.Package.Info.Types[e].Value; lit != nil {
		switch {
		case lit.Kind() == constant.String && is(to, types.IsNumeric|types.IsBoolean):
			if s := constant.StringVal(lit); s == "true" || s == "false" || isNumber(s) {
				add(0.7, "%s", s)
			}
		case isString && from == types.Typ[types.UntypedRune]:
			if r, ok := constant.Int64Val(lit); ok {
				add(0.95, "%s", strconv.Quote(string(rune(r))))
			}
		case isString && is(from, types.IsNumeric|types.IsBoolean):
			if _, isLiteral := e.(*ast.BasicLit); isLiteral {
				add(0.6, "%s", strconv.Quote(text))
			}
		case is(from, types.IsFloat) && is(to, types.IsInteger):
			if i := constant.ToInt(lit); i.Kind() == constant.Int {
				add(0.7, "%s", i)
			}
		}
	}
	switch {
	case isString && types.Identical(types.Default(from), types.Typ[types.Int]):
		add(0.7, "strconv.Itoa(%s)", text)
		add(0.2, "fmt.Sprint(%s)", text)
	case isString && is(from, types.IsInteger):
		add(0.5, "strconv.FormatInt(int64(%s), 10)", text)
		add(0.4, "fmt.Sprint(%s)", text)
	case isString && is(from, types.IsNumeric|types.IsBoolean):
		add(0.5, "fmt.Sprint(%s)", text)
	case isString && types.Identical(from, types.NewSlice(types.Typ[types.String])):
		add(0.3, `strings.Join(%s, ", ")`, text)
	case site.IsError(to) && is(from, types.IsString):
		add(0.7, "errors.New(%s)", text)
	}
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// numberToString reports whether a conversion turns a number into a character, which
// is never intended.
func numberToString(from, to types.Type) bool {
	f, ok := from.Underlying().(*types.Basic)
	t, isBasic := to.Underlying().(*types.Basic)
	return ok && isBasic && f.Info()&types.IsInteger != 0 && t.Info()&types.IsString != 0 &&
		f.Kind() != types.Rune && f.Kind() != types.Byte
}

// parts adds the fields and methods of a value that have the required type.
func (at *errorSite) parts(operand string, from, to types.Type, add func(float64, string, ...any)) {
	if st := structOf(from); st != nil {
		for f := range st.Fields() {
			if (f.Exported() || f.Pkg() == at.Package.Types) && types.Identical(f.Type(), to) {
				add(0.3, "%s.%s", operand, f.Name())
			}
		}
	}
	for m := range types.NewMethodSet(from).Methods() {
		fn, ok := m.Obj().(*types.Func)
		if !ok || (!fn.Exported() && fn.Pkg() != at.Package.Types) {
			continue
		}
		sig := fn.Signature()
		if sig.Params().Len() > 0 || sig.Results().Len() != 1 || !types.Identical(sig.Results().At(0).Type(), to) {
			continue
		}
		weight := 0.25
		if fn.Name() == "Error" || fn.Name() == "String" {
			weight = 0.85
		}
		add(weight, "%s.%s()", operand, fn.Name())
	}
}

func addressable(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr, *ast.CompositeLit:
		return true
	case *ast.StarExpr:
		return e.X != nil
	}
	return false
}

// fixOperands converts one side of an operator to the type of the other.
func fixOperands(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	if !at.editable() {
		return nil
	}
	var x, y ast.Expr
	for _, n := range at.path {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			x, y = n.X, n.Y
		case *ast.AssignStmt:
			if len(n.Lhs) == 1 && len(n.Rhs) == 1 {
				return at.convertTo(n.Rhs[0], at.typeOf(n.Lhs[0]))
			}
		}
		if x != nil {
			break
		}
	}
	if x == nil {
		return nil
	}
	tx, ty := at.typeOf(x), at.typeOf(y)
	var out []site.Option
	for _, side := range []struct {
		e     ast.Expr
		to    types.Type
		other types.Type
	}{{y, tx, ty}, {x, ty, tx}} {
		if b, ok := side.to.(*types.Basic); ok && b.Info()&types.IsUntyped != 0 {
			side.to = types.Default(side.to)
		}
		for _, o := range at.convertTo(side.e, side.to) {
			o.Weight *= at.widening(side.other, side.to)
			out = append(out, o)
		}
		if v := at.Package.Info.Types[side.e].Value; v != nil || at.Text(side.e) == "nil" {
			if zero := at.Zero(side.to); zero != "" && zero != at.Text(side.e) && isZero(v) {
				weight := 0.9
				if site.HasLen(side.to) && v != nil && v.Kind() == constant.Int {
					weight = 0.3 // comparing its length is likelier
				}
				out = append(out, site.Option{Weight: weight, Alike: 0.7, Title: site.ReplaceTitle(at.Text(side.e), zero), Edits: []propose.Edit{at.Replace(side.e, zero)}})
			}
		}
		if v := at.Package.Info.Types[side.e].Value; v != nil && v.Kind() == constant.Int && site.HasLen(side.to) {
			other := x
			if side.e == x {
				other = y
			}
			out = append(out, site.Option{Weight: 0.7, Alike: 0.7, Title: "compare the length of " + site.Quote(at.Text(other)), Edits: []propose.Edit{at.Replace(other, "len("+at.Text(other)+")")}})
		}
	}
	slices.SortStableFunc(out, func(a, b site.Option) int { return cmp.Compare(b.Weight, a.Weight) })
	return out
}

// isZero reports whether a constant is the zero value of its type. A nil v means nil.
func isZero(v constant.Value) bool {
	if v == nil {
		return true
	}
	switch v.Kind() {
	case constant.String:
		return constant.StringVal(v) == ""
	case constant.Bool:
		return !constant.BoolVal(v)
	case constant.Int, constant.Float:
		return constant.Sign(v) == 0
	}
	return false
}

// widening returns 1 for a conversion that loses nothing, and less for one that may.
func (at *errorSite) widening(from, to types.Type) float64 {
	f, ok := from.Underlying().(*types.Basic)
	t, isBasic := to.Underlying().(*types.Basic)
	if !ok || !isBasic || f.Info()&types.IsNumeric == 0 || t.Info()&types.IsNumeric == 0 {
		return 1
	}
	switch {
	case f.Info()&types.IsFloat != 0 && t.Info()&types.IsInteger != 0:
		return 0.3
	case f.Info()&types.IsInteger != 0 && t.Info()&types.IsFloat != 0:
		return 1
	case at.st.c.sizes.Sizeof(f) > at.st.c.sizes.Sizeof(t):
		return 0.4
	case f.Info()&types.IsUnsigned == 0 && t.Info()&types.IsUnsigned != 0:
		return 0.5
	}
	return 1
}

// fixOperand fixes an operand that does not support its operator.
func fixOperand(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	if !at.editable() {
		return nil
	}
	one := func(weight float64, title string, edits ...propose.Edit) []site.Option {
		return []site.Option{{Weight: weight, Alike: 0.7, Title: title, Edits: edits}}
	}
	switch at.err.code {
	case invalidIndirection:
		if star, ok := around[*ast.StarExpr](at); ok {
			return one(0.9, "drop the dereference of "+site.Quote(at.Text(star.X)), at.Replace(star, at.Text(star.X)))
		}
	case nonIndexableOperand:
		e := at.expr()
		if e == nil {
			return nil
		}
		switch at.typeOf(e).Underlying().(type) {
		case *types.Pointer:
			return one(0.9, "dereference "+site.Quote(at.Text(e)), at.Replace(e, "(*"+at.Text(e)+")"))
		case *types.Signature:
			return one(0.9, "call "+site.Quote(at.Text(e)), at.insert(e.End(), "()"))
		}
	case nonVariadicDots:
		if call, ok := around[*ast.CallExpr](at); ok && call.Ellipsis.IsValid() {
			return one(0.8, "pass the slice as it is", at.replaceRange(call.Ellipsis, call.Ellipsis+3, ""))
		}
	case invalidCond:
		return at.condition()
	}
	return nil
}

// condition turns a value that is not boolean into a condition.
func (at *errorSite) condition() []site.Option {
	e := at.expr()
	if e == nil {
		return nil
	}
	t := at.typeOf(e)
	var out []site.Option
	add := func(weight float64, text string) {
		out = append(out, site.Option{Weight: weight, Alike: 0.7, Title: site.ReplaceTitle(at.Text(e), text), Edits: []propose.Edit{at.Replace(e, text)}})
	}
	text := at.Text(e)
	if sig, ok := t.Underlying().(*types.Signature); ok {
		if sig.Params().Len() == 0 {
			add(0.9, text+"()")
		}
		return out
	}
	if site.HasLen(t) {
		if _, isString := t.Underlying().(*types.Basic); isString {
			add(0.7, text+` != ""`)
		} else {
			add(0.7, "len("+text+") > 0")
		}
		return out
	}
	if zero := at.Zero(t); zero != "" {
		add(0.7, text+" != "+zero)
		add(0.2, text+" == "+zero)
	}
	at.parts(text, t, types.Typ[types.Bool], func(w float64, format string, args ...any) { add(w, fmt.Sprintf(format, args...)) })
	return out
}
