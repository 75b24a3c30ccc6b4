package coverage

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"strconv"

	"github.com/regreen-ci/regreen/internal/localize"
)

// A test binary writes its coverage when it ends normally. If it panics or times out, it
// writes none, although the coverage of a failing test is what matters most. Two changes,
// laid over the test files for this build alone, make crashes end normally:
//
//   - Functions that package testing calls get a deferred recover that fails the test, on
//     the line of their opening brace. A panic then ends the test but not the process, and
//     the tests after it run.
//   - An additional file calls os.Exit when a limit has passed. On os.Exit the runtime's
//     exit hooks write the counters to GOCOVERDIR.
//
// Crashes that no deferred function sees still leave no coverage: panics in goroutines of
// the code under test, and fatal errors of the runtime.

// limitVariable is the environment variable that holds the watchdog's limit.
const limitVariable = "REGREEN_COVERAGE_LIMIT"

// watchdogStatus is the exit status of a process that the watchdog ended.
const watchdogStatus = 86

const watchdogName = "regreen_watchdog_test.go"

const watchdogText = `package %s

import (
	regreenos "os"
	regreentime "time"
)

var _ = func() bool {
	if limit, err := regreentime.ParseDuration(regreenos.Getenv(%q)); err == nil {
		regreentime.AfterFunc(limit, func() { regreenos.Exit(%d) })
	}
	return true
}()
`

// guard returns an overlay with the two changes to the test files of a package.
func guard(files []*localize.File) map[string][]byte {
	guarded := make(map[string][]byte)
	watched := false
	for _, f := range files {
		if !f.Test {
			continue
		}
		guarded[f.Name] = recoverIn(f)
		if !watched {
			watched = true
			text := fmt.Sprintf(watchdogText, syntaxOf(f).file.Name.Name, limitVariable, watchdogStatus)
			guarded[path.Join(path.Dir(f.Name), watchdogName)] = []byte(text)
		}
	}
	return guarded
}

// recoverIn returns the source of a test file with the deferred recovers added. All lines
// keep their numbers.
func recoverIn(f *localize.File) []byte {
	s := syntaxOf(f)
	pkg := testingName(s.file)
	if pkg == "" {
		return f.Src
	}
	var out bytes.Buffer
	done := 0
	insert := func(t string, body *ast.BlockStmt) {
		if t == "" || body == nil {
			return
		}
		at := s.pos.Offset(body.Lbrace) + 1
		out.Write(f.Src[done:at])
		fmt.Fprintf(&out, " defer func() { if e := recover(); e != nil { %s.Errorf(\"panic: %%v\", e) } }();", t)
		done = at
	}
	// Inspect visits the source in order, so offsets only grow.
	passed := make(map[*ast.FuncLit]bool) // to Run or Fuzz
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && len(n.Type.Params.List) == 1 {
				insert(testingParam(n.Type, pkg), n.Body)
			}
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && (sel.Sel.Name == "Run" || sel.Sel.Name == "Fuzz") {
				for _, arg := range n.Args {
					if lit, ok := arg.(*ast.FuncLit); ok {
						passed[lit] = true
					}
				}
			}
		case *ast.FuncLit:
			if passed[n] {
				insert(testingParam(n.Type, pkg), n.Body)
			}
		}
		return true
	})
	out.Write(f.Src[done:])
	return out.Bytes()
}

// testingName returns the name under which a file imports package testing, or "".
func testingName(f *ast.File) string {
	for _, spec := range f.Imports {
		if imp, err := strconv.Unquote(spec.Path.Value); err != nil || imp != "testing" {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return "testing"
	}
	return ""
}

// testingParam returns the name of a function's first parameter if that is a *testing.T and
// the function has no results, or else "".
func testingParam(fn *ast.FuncType, pkg string) string {
	if fn.Results != nil || len(fn.Params.List) == 0 || len(fn.Params.List[0].Names) != 1 {
		return ""
	}
	star, ok := fn.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return ""
	}
	sel, ok := star.X.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "T" {
		return ""
	}
	if id, ok := sel.X.(*ast.Ident); !ok || id.Name != pkg {
		return ""
	}
	if name := fn.Params.List[0].Names[0].Name; name != "_" && !token.IsKeyword(name) {
		return name
	}
	return ""
}
