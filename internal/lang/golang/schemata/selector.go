package schemata

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// What a package gets besides its mutants: how it learns which one to be, how values are
// chosen, and the steps that are counted.

// selectorFile is a file that a package of mutants gets. Its functions init run before
// those of files behind it in the order of names.
const selectorFile = "0_regreen_mutant.go"

// selectorText is where a package learns which mutant to be.
const selectorText = `
import (
	regreenOS "os"
	regreenConv "strconv"
)

var regreenMutant = func() *int {
	n, _ := regreenConv.Atoi(regreenOS.Getenv("` + selector + `"))
	return &n
}()

func regreenHole() bool { return false }

func regreenSet(mutant int, set func() (undo func())) {
	if *regreenMutant == mutant {
		set()
	}
}
`

// selectorTextInPool takes it from package testing, where it changes; see pool/pool.go.
const selectorTextInPool = `
import regreenTesting "testing"

var (
	regreenMutant    = &regreenTesting.RegreenMutant
	regreenSteps     = &regreenTesting.RegreenSteps
	regreenReach     = &regreenTesting.RegreenReach
	regreenValueSite = &regreenTesting.RegreenValueSite
)

func regreenEarly(function int) { regreenTesting.RegreenEarly(function) }

func regreenOverrun() { regreenTesting.RegreenOverrun() }

func regreenHole() bool { return regreenTesting.RegreenHole() }

func regreenSet(mutant int, set func() (undo func())) {
	regreenTesting.RegreenSet(mutant, set)
}
`

// selectorDecls stand for either when a package is type-checked.
const selectorDecls = `
var (
	regreenMutant *int
	regreenSteps  *int64
	regreenReach  *[1 << 16]bool
)

func regreenEarly(int)

func regreenOverrun()

func regreenHole() bool

func regreenSet(mutant int, set func() (undo func())) {}
`

// valueFuncs are the functions that choose values, one for each type: type parameters are not
// in every language version that a module may be written in.
func (w *writer) valueFuncs() string {
	text := valueFuncText
	if w.pooled {
		text = comparingValueFuncText
	}
	var b strings.Builder
	for i, typ := range w.types {
		fmt.Fprintf(&b, text, i, typ)
	}
	return b.String()
}

const valueFuncText = `
func regreenValue%d(_ int, value func(int) %s) %[2]s { return value(*regreenMutant) }
`

// comparingValueFuncText compares the values of all mutants of the site with the one that
// is chosen. One that could not be computed differs from all that can be.
const comparingValueFuncText = `
func regreenValue%d(site int, value func(int) %s) %[2]s {
	if *regreenValueSite != site && *regreenValueSite != -2 {
		return value(*regreenMutant)
	}
	return regreenCompare%[1]d(site, value)
}

func regreenCompare%[1]d(site int, value func(int) %[2]s) %[2]s {
	panics := true
	defer func() {
		if panics {
			regreenTesting.RegreenDiffer(site)
		}
	}()
	v := value(*regreenMutant)
	panics = false
	regreenTesting.RegreenCompare(site, func(mutant int) bool { return value(mutant) == v })
	return v
}
`

// valueFuncDecls stand for them when a package is type-checked.
func (w *writer) valueFuncDecls() string {
	var b strings.Builder
	for i, typ := range w.types {
		fmt.Fprintf(&b, "\nfunc regreenValue%d(int, func(int) %s) %[2]s\n", i, typ)
	}
	return b.String()
}

// valueFunc returns the name of the function that chooses values of a type.
func (w *writer) valueFunc(typ string) string {
	i := slices.Index(w.types, typ)
	if i < 0 {
		i = len(w.types)
		w.types = append(w.types, typ)
	}
	return fmt.Sprintf("regreenValue%d", i)
}

// step counts a turn of a loop or a call, and ends what makes too many.
const step = " if *regreenSteps--; *regreenSteps < 0 { regreenOverrun() };"

// stepEdits put a step at the head of every loop and function below root.
func stepEdits(file *source.File, root ast.Node) []propose.Edit {
	var out []propose.Edit
	ast.Inspect(root, func(n ast.Node) bool {
		var body *ast.BlockStmt
		switch n := n.(type) {
		case *ast.ForStmt:
			body = n.Body
		case *ast.RangeStmt:
			body = n.Body
		case *ast.FuncLit:
			body = n.Body
		case *ast.FuncDecl:
			body = n.Body
		}
		if body != nil {
			at := file.Offset(body.Lbrace) + 1
			out = append(out, propose.Edit{File: file.Name, Start: at, End: at, New: step})
		}
		return true
	})
	return out
}

// setting sets the variables through which copies are called.
func (w *writer) setting(order []*source.File, groups map[*source.File][]*group) string {
	if !w.indirect {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nfunc init() {\n")
	for _, file := range order {
		for _, g := range groups[file] {
			if generic(g.decl) {
				continue
			}
			for _, c := range g.all() {
				fmt.Fprintf(&b, "\t%s_var = %s\n", c.name, c.value())
			}
		}
	}
	return b.String() + "}\n"
}
