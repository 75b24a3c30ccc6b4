package compile

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

const (
	maxFills  = 3 // values tried for each parameter without an argument
	maxShapes = 6 // ways to place the arguments
)

// shape holds the index of the argument for each parameter, or -1 if it has none and
// must be filled in.
type shape []int

// call returns the call whose arguments the error is about, or nil.
func (at *errorSite) call() *ast.CallExpr {
	if at.err.code == wrongArgCount {
		return at.miscounted()
	}
	for i, n := range at.path {
		call, ok := n.(*ast.CallExpr)
		if ok && i > 0 && at.called(call) != nil {
			if arg, isExpr := at.path[i-1].(ast.Expr); isExpr && slices.Contains(call.Args, arg) {
				return call
			}
		}
	}
	return nil
}

// shapes lists the ways to assign values of types have to places of types want. If their
// numbers differ, values keep their order, and some places stay empty or some values are
// dropped. If they are equal, two values are swapped.
func shapes(have, want []types.Type) []shape {
	const most = 8
	if len(have) > most || len(want) > most {
		return nil
	}
	var out []shape
	if len(have) == len(want) {
		for i := range have {
			for k := i + 1; k < len(have); k++ {
				sh := make(shape, len(have))
				for j := range sh {
					sh[j] = j
				}
				sh[i], sh[k] = k, i
				if sh.fits(have, want) {
					out = append(out, sh)
				}
			}
		}
		return out[:min(len(out), maxShapes)]
	}
	keep := min(len(have), len(want))
	var choose func(sh shape, j, i, placed int)
	choose = func(sh shape, j, i, placed int) {
		if j == len(want) {
			if placed == keep && sh.fits(have, want) {
				out = append(out, slices.Clone(sh))
			}
			return
		}
		for k := i; k < len(have); k++ {
			choose(append(sh, k), j+1, k+1, placed+1)
		}
		if len(want) > len(have) {
			choose(append(sh, -1), j+1, i, placed)
		}
	}
	choose(nil, 0, 0, 0)
	slices.SortStableFunc(out, func(a, b shape) int { return b.exact(have, want) - a.exact(have, want) })
	return out[:min(len(out), maxShapes)]
}

func (sh shape) fits(have, want []types.Type) bool {
	for j, i := range sh {
		if i >= 0 && !assignable(have[i], want[j]) {
			return false
		}
	}
	return true
}

// exact counts the values whose type is identical to the type of their place.
func (sh shape) exact(have, want []types.Type) int {
	n := 0
	for j, i := range sh {
		if i >= 0 && have[i] != nil && want[j] != nil && types.Identical(types.Default(have[i]), want[j]) {
			n++
		}
	}
	return n
}

// assignable reports whether a value can be assigned to a type. It is also true if one of
// the types is unknown because of another error.
func assignable(from, to types.Type) bool {
	if from == nil || to == nil || from == types.Typ[types.Invalid] || to == types.Typ[types.Invalid] {
		return true
	}
	if tuple, ok := from.(*types.Tuple); ok && tuple.Len() != 1 {
		return false
	}
	return types.AssignableTo(from, to)
}

// place returns the options to rearrange the arguments of the calls at all sites into this
// shape. The options differ in the values that are filled in.
func (cs *cause) place(sh shape, weight float64, title string) []site.Option {
	fill := slices.Contains(sh, -1)
	var out []site.Option
	for k := range maxFills {
		o := site.Option{Title: title, Alike: 1}
		quality := 0.0
		sites := cs.editable()
		for _, at := range sites {
			call := at.call()
			if call == nil || call.Ellipsis.IsValid() {
				return nil
			}
			sig := at.called(call)
			texts := make([]string, len(sh))
			likely := 1.0
			for j, i := range sh {
				if i >= 0 {
					texts[j] = at.Text(call.Args[i])
					continue
				}
				fills := at.fills(sig.Params().At(j), call.Pos())
				if len(fills) == 0 {
					return out
				}
				f := fills[min(k, len(fills)-1)]
				texts[j], likely = f.text, likely*f.weight
			}
			quality += likely / float64(len(sites))
			o.Edits = append(o.Edits, at.arrange(call, sh, texts)...)
		}
		o.Weight = weight * quality
		out = append(out, o)
		if !fill {
			break
		}
	}
	return out
}

// arrange returns the edits that change the arguments of a call to texts. Arguments that
// keep their order are not rewritten, so that the line breaks between them stay.
func (at *errorSite) arrange(call *ast.CallExpr, sh shape, texts []string) []propose.Edit {
	args := call.Args
	if len(args) == 0 {
		return []propose.Edit{at.insert(call.Rparen, strings.Join(texts, ", "))}
	}
	first, last := args[0].Pos(), args[len(args)-1].End()
	used := make(map[int]bool)
	high := -1
	ordered := true
	for _, i := range sh {
		if i >= 0 {
			ordered = ordered && i > high
			high, used[i] = i, true
		}
	}
	if !ordered || len(used) == 0 {
		return []propose.Edit{at.replaceRange(first, last, strings.Join(texts, ", "))}
	}
	var edits []propose.Edit
	for i := range args {
		if used[i] {
			continue
		}
		if i+1 < len(args) {
			edits = append(edits, at.replaceRange(args[i].Pos(), args[i+1].Pos(), ""))
		} else {
			for k := i - 1; k >= 0; k-- { // cut back to the previous argument that stays
				if used[k] {
					edits = slices.DeleteFunc(edits, func(e propose.Edit) bool { return e.Start >= at.File.Offset(args[k].End()) })
					edits = append(edits, at.replaceRange(args[k].End(), args[i].End(), ""))
					break
				}
			}
		}
	}
	var pending []string // values to be filled in before the next argument
	for j, i := range sh {
		if i < 0 {
			pending = append(pending, texts[j])
			continue
		}
		if len(pending) > 0 {
			edits = append(edits, at.insert(args[i].Pos(), strings.Join(pending, ", ")+", "))
			pending = nil
		}
	}
	if len(pending) > 0 {
		edits = append(edits, at.insert(last, ", "+strings.Join(pending, ", ")))
	}
	return edits
}

// fills lists values for a parameter without an argument: variables and fields of its
// name, variables of its type, the zero value.
func (at *errorSite) fills(v *types.Var, pos token.Pos) []spelling {
	var out []spelling
	add := func(text string, weight float64) { out = append(out, spelling{text, weight}) }
	others := 0
	for _, x := range at.Vars(pos) {
		switch {
		case !types.Identical(x.Type(), v.Type()) && !(types.IsInterface(v.Type()) && x.Name() == v.Name() && types.AssignableTo(x.Type(), v.Type())):
		case strings.EqualFold(x.Name(), v.Name()):
			add(x.Name(), 0.8)
		case others < 2:
			others++
			add(x.Name(), 0.2/float64(others))
		}
		if f := fieldNamed(x.Type(), v.Name(), at.Package.Types); f != nil && types.Identical(f.Type(), v.Type()) {
			add(x.Name()+"."+f.Name(), 0.3)
		}
	}
	if zero := at.zeroText(v.Type()); zero != "" {
		add(zero, 0.4)
	}
	slices.SortStableFunc(out, func(a, b spelling) int { return cmp.Compare(b.weight, a.weight) })
	return out
}

// fieldNamed returns the field of a struct with a name, ignoring case, or nil.
func fieldNamed(t types.Type, name string, from *types.Package) *types.Var {
	st := structOf(t)
	if st == nil || name == "" {
		return nil
	}
	for f := range st.Fields() {
		if strings.EqualFold(f.Name(), name) && (f.Exported() || f.Pkg() == from) {
			return f
		}
	}
	return nil
}

// zeroText returns the zero value of a type as text, and context.TODO() for a context.
func (at *errorSite) zeroText(t types.Type) string {
	if named, ok := types.Unalias(t).(*types.Named); ok {
		if obj := named.Obj(); obj.Pkg() != nil && obj.Pkg().Path() == "context" && obj.Name() == "Context" {
			return "context.TODO()"
		}
	}
	return at.Zero(t)
}
