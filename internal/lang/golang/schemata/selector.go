package schemata

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// This file writes what a package of mutants needs in addition: the selection of a mutant, the
// choice of values, and the counting of steps.

// selectorFile is the name of a file that is added to a package of mutants. Its init functions
// run before those of other files, because these are sorted by name.
const selectorFile = "0_regreen_mutant.go"

// selectorText reads which mutant to be from the environment.
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

// selectorTextInPool reads it from package testing, which changes it; see pool/pool.go.
const selectorTextInPool = `
import regreenTesting "testing"

var (
	regreenMutant    = &regreenTesting.RegreenMutant
	regreenSteps     = &regreenTesting.RegreenSteps
	regreenProbes    = &regreenTesting.RegreenProbes
	regreenValueSite = &regreenTesting.RegreenValueSite
)

func regreenEarly(function int) { regreenTesting.RegreenEarly(function) }

func regreenOverrun() { regreenTesting.RegreenOverrun() }

func regreenHole() bool { return regreenTesting.RegreenHole() }

func regreenSet(mutant int, set func() (undo func())) {
	regreenTesting.RegreenSet(mutant, set)
}
`

// selectorDecls replace either text when a package is type-checked.
const selectorDecls = `
var (
	regreenMutant *int
	regreenSteps  *int64
	regreenProbes *[1 << 16]bool
)

func regreenEarly(int)

func regreenOverrun()

func regreenHole() bool

func regreenSet(mutant int, set func() (undo func())) {}
`

// valueFuncs returns the functions that choose values, one for each type. They do not use type
// parameters, because the module's language version may not have them.
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

// comparingValueFuncText compares the values of all mutants of the site with the chosen one. If
// a value panics, it differs from all others.
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

// valueFuncDecls returns declarations of these functions for the type check.
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

// step counts a loop iteration or a call, and ends the goroutine after too many.
const step = " if *regreenSteps--; *regreenSteps < 0 { regreenOverrun() };"

// stepEdits returns edits that insert a step at the start of every loop body and function
// below root.
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

// setVariables returns an init function that sets the variables through which copies are
// called.
func (w *writer) setVariables(order []*source.File, groups map[*source.File][]*group) string {
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
