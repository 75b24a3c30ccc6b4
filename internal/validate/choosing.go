package validate

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/propose"
)

// What a woven package gets besides its candidates: how it learns which one to be, how
// values are picked, and the steps that are counted.

// choosingFile is the file that a woven package gets besides. Its functions init run
// before those of files behind it in the order of names.
const choosingFile = "0_regreen_candidate.go"

// choosing is where a woven package learns which candidate to be.
const choosing = `
import (
	regreenOS "os"
	regreenConv "strconv"
)

var regreenCandidate = func() *int {
	n, _ := regreenConv.Atoi(regreenOS.Getenv("` + selector + `"))
	return &n
}()

func regreenHole() bool { return false }

func regreenSet(candidate int, set func() (undo func())) {
	if *regreenCandidate == candidate {
		set()
	}
}
`

// choosingInPool takes it from package testing, where it changes; see pool.go.txt.
const choosingInPool = `
import regreenTesting "testing"

var (
	regreenCandidate = &regreenTesting.RegreenCandidate
	regreenSteps     = &regreenTesting.RegreenSteps
	regreenReach     = &regreenTesting.RegreenReach
	regreenPlace     = &regreenTesting.RegreenPlace
)

func regreenReached(site int) { regreenTesting.RegreenReached(site) }

func regreenOverrun() { regreenTesting.RegreenOverrun() }

func regreenHole() bool { return regreenTesting.RegreenHole() }

func regreenSet(candidate int, set func() (undo func())) {
	regreenTesting.RegreenSet(candidate, set)
}
`

// choosingTypes stands for either when the woven package is type-checked.
const choosingTypes = `
var (
	regreenCandidate *int
	regreenSteps     *int64
	regreenReach     *[1 << 16]bool
)

func regreenReached(int)

func regreenOverrun()

func regreenHole() bool

func regreenSet(candidate int, set func() (undo func())) {}
`

// pickers are the functions that pick values, one for each type: type parameters are not
// in every language version that a module may be written in.
func (w *weaver) pickers() string {
	text := picker
	if w.pooled {
		text = comparingPicker
	}
	var b strings.Builder
	for i, typ := range w.types {
		fmt.Fprintf(&b, text, i, typ)
	}
	return b.String()
}

const picker = `
func regreenPick%d(_ int, value func(int) %s) %[2]s { return value(*regreenCandidate) }
`

// comparingPicker tells of a value that could not be computed, too: one that can be is
// another.
const comparingPicker = `
func regreenPick%d(place int, value func(int) %s) %[2]s {
	if *regreenPlace != place && *regreenPlace != -2 {
		return value(*regreenCandidate)
	}
	return regreenCompare%[1]d(place, value)
}

func regreenCompare%[1]d(place int, value func(int) %[2]s) %[2]s {
	panics := true
	defer func() {
		if panics {
			regreenTesting.RegreenDiffer(place)
		}
	}()
	v := value(*regreenCandidate)
	panics = false
	regreenTesting.RegreenCompare(place, func(candidate int) bool { return value(candidate) == v })
	return v
}
`

// pickerTypes stands for them when the woven package is type-checked.
func (w *weaver) pickerTypes() string {
	var b strings.Builder
	for i, typ := range w.types {
		fmt.Fprintf(&b, "\nfunc regreenPick%d(int, func(int) %s) %[2]s\n", i, typ)
	}
	return b.String()
}

// picker gives the name of the function that picks values of a type.
func (w *weaver) picker(typ string) string {
	i := slices.Index(w.types, typ)
	if i < 0 {
		i = len(w.types)
		w.types = append(w.types, typ)
	}
	return fmt.Sprintf("regreenPick%d", i)
}

// step counts a turn of a loop or a call, and ends what makes too many.
const step = " if *regreenSteps--; *regreenSteps < 0 { regreenOverrun() };"

// stepEdits put a step at the head of every loop and function below root.
func stepEdits(file *propose.File, root ast.Node) []propose.Edit {
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

// setting sets the variables through which carriers are called.
func (w *weaver) setting(order []*propose.File, groups map[*propose.File][]*group) string {
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
