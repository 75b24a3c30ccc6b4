package generic

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/resultfile"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// names are the files of the tree.
var names = []string{
	"calc.py", "tests/test_calc.py", "lib/calc.mjs", "lib/calc.test.mjs", "src/main/java/x/Calc.java", "src/test/java/x/CalcTest.java", "src/lib.rs",
	"a/same.py", "b/same.py", "lib/calc.rb", "spec/calc_spec.rb", "src/x.ts", "calc.c", "t/calc.t", "node_modules/dep/index.js", "tests/CalcTest.php",
}

// placesOfCopy returns the places of a run in a copy of a tree with these files.
func placesOfCopy(t testing.TB) places {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return (&suite{root: root, files: resultfile.NewTree(root)}).places("/copy/of/it")
}

func TestFrames(t *testing.T) {
	t.Parallel()
	p := placesOfCopy(t)
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":      {"no place at all", ""},
		"pytest":       {"tests/test_calc.py:5: \n_ _ _\n\n    def div(a, b):\n>       return a / b\n\ncalc.py:2: ZeroDivisionError", "calc.py:2 tests/test_calc.py:5"},
		"pytest short": {"tests/test_calc.py:5: in test_div\n    div(1, 0)\ncalc.py:2: in div\n    return a / b", "calc.py:2(div) tests/test_calc.py:5(test_div)"},
		"Python": {"Traceback (most recent call last):\n  File \"/copy/of/it/tests/test_calc.py\", line 5, in test_div\n    div(1)\n" +
			"  File \"/copy/of/it/calc.py\", line 2, in div\n    return a\nZeroDivisionError: no", "calc.py:2(div) tests/test_calc.py:5(test_div)"},
		"Python's own library": {"  File \"/usr/lib/python3.11/unittest/case.py\", line 59, in x\n../../usr/lib/python3/dist-packages/_pytest/python.py:618: in y", ""},
		"node": {"Error: no\n    at div (file:///copy/of/it/lib/calc.mjs:1:32)\n    at async TestContext.<anonymous> (file:///copy/of/it/lib/calc.test.mjs:6:21)\n" +
			"    at node:internal/test_runner/test:796:25", "lib/calc.mjs:1(div) lib/calc.test.mjs:6(TestContext.<anonymous>)"},
		"node's TAP": {"location: '/copy/of/it/lib/calc.test.mjs:5:1'\nerror: 'no'\nstack: |-\n  div (file:///copy/of/it/lib/calc.mjs:1:32)\n" +
			"  TestContext.<anonymous> (file:///copy/of/it/lib/calc.test.mjs:6:21)\n", "lib/calc.mjs:1(div) lib/calc.test.mjs:6(TestContext.<anonymous>)"},
		"vitest":         {"TypeError: no\n ❯ lib/calc.mjs:1:2\n ❯ lib/calc.test.mjs:16:9", "lib/calc.mjs:1 lib/calc.test.mjs:16"},
		"a dependency":   {"at f (/copy/of/it/node_modules/dep/index.js:1:2)\nat g (lib/calc.mjs:3:4)", "lib/calc.mjs:3(g)"},
		"Java":           {"java.lang.ArithmeticException\n\tat x.Calc.div(Calc.java:12)\n\tat x.CalcTest.divides(CalcTest.java:7)\n\tat java.base/Method.invoke(Method.java:1)", "src/main/java/x/Calc.java:12(x.Calc.div) src/test/java/x/CalcTest.java:7(x.CalcTest.divides)"},
		"javac in Maven": {"[ERROR] /copy/of/it/src/main/java/x/Calc.java:[12,5] ';' expected", "src/main/java/x/Calc.java:12"},
		"Rust":           {"thread 'tests::adds' panicked at src/lib.rs:12:9:\nassertion failed", "src/lib.rs:12"},
		"rustc":          {"error[E0425]: cannot find value\n --> src/lib.rs:3:5", "src/lib.rs:3"},
		"tsc":            {"src/x.ts(3,5): error TS2304: Cannot find name", "src/x.ts:3"},
		"Ruby":           {"# ./lib/calc.rb:3:in `div'\n# ./spec/calc_spec.rb:7:in `block'", "lib/calc.rb:3 spec/calc_spec.rb:7"},
		"Perl":           {"#   at t/calc.t line 5.", "t/calc.t:5"},
		"gcc":            {"calc.c:3:5: error: expected ';'", "calc.c:3"},
		"PHPUnit":        {"Failed asserting.\n\n/copy/of/it/tests/CalcTest.php:14", "tests/CalcTest.php:14"},
		"ambiguous":      {"same.py:3: no", ""},
		"unambiguous":    {"b/same.py:3: no", "b/same.py:3"},
		"subdirectory":   {"x/CalcTest.java:3: no", "src/test/java/x/CalcTest.java:3"},
		"twice":          {"calc.c:3: a\ncalc.c:3: b", "calc.c:3"},
		"outside":        {"/etc/calc.py:3: a", ""},
		"a container":    {"/app/lib/calc.mjs:3: a\n/usr/src/app/calc.c:4: b\n/app/b/same.py:5: c\n/app/same.py:6: d", "b/same.py:5 calc.c:4 lib/calc.mjs:3"},
		"Windows":        {`at div (D:\a\m\lib\calc.mjs:1:32)` + "\nat C:/Python311/Lib/calc.py:3", "lib/calc.mjs:1(div)"},
		"webpack":        {"at div (webpack://shop/./lib/calc.mjs:1:32)\nat https://example.com/lib/calc.mjs:1:2", "lib/calc.mjs:1(div)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range p.frames(tt.text) {
				place := fmt.Sprintf("%s:%d", f.File, f.Line)
				if f.Func != "" {
					place += "(" + f.Func + ")"
				}
				got = append(got, place)
			}
			if is := strings.Join(got, " "); is != tt.want {
				t.Errorf("got  %s\nwant %s", is, tt.want)
			}
		})
	}
}

func FuzzFrames(f *testing.F) {
	p := placesOfCopy(f)
	f.Add("tests/test_calc.py:5: in x\nFile \"calc.py\", line 99999999999999999999")
	f.Add("stack: |-\n  f (file:///copy/of/it/lib/calc.mjs:1:32)")
	f.Add("at f (calc.c:1)\nat ../calc.c:0 \\calc.c:3 C:\\calc.c:4")
	f.Fuzz(func(t *testing.T, text string) {
		for _, frame := range p.frames(text) {
			if !slices.Contains(names, frame.File) || strings.Contains(frame.File, "node_modules") || frame.Line < 1 {
				t.Errorf("%+v is not a place of the tree", frame)
			}
		}
		p.shorten(text)
	})
}

func TestFixed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		glob, top string
		wild      bool
	}{
		{"r.xml", ".", false},
		{"*.xml", ".", false},
		{"build/r.xml", "build", false},
		{"build/out/*.xml", "build/out", false},
		{"build/*/r.xml", "build", true},
		{"./**/r.xml", ".", true},
		{"a/**", "a", true},
	} {
		if top, wild := fixed(tt.glob); top != tt.top || wild != tt.wild {
			t.Errorf("%s: got %s, %t", tt.glob, top, wild)
		}
	}
}

func TestOwns(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{
		"a/b.py": true, "x.TS": true, "x.go": false, "go.mod": false, "README.md": false, "Makefile": false, "package.json": false, "x_test.go": false,
	} {
		if owns(file) != want {
			t.Errorf("%s: %t", file, !want)
		}
	}
}

// TestOutcomes checks that every request for any outcome has a consistent result.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	id := rapid.Custom(func(t *rapid.T) testrun.TestID {
		return testrun.TestID{Package: rapid.SampledFrom([]string{"a", "a.B", "b"}).Draw(t, "unit"), Test: rapid.SampledFrom([]string{"", "x", "x/y", "x > z", "xy"}).Draw(t, "test")}
	})
	command := testrun.TestID{Package: "make check"}
	one := rapid.Custom(func(t *rapid.T) *outcome {
		o := &outcome{took: map[testrun.TestID]float64{}, broken: rapid.Bool().Draw(t, "broken")}
		seen := make(map[testrun.TestID]bool)
		for _, id := range rapid.SliceOf(id).Draw(t, "ids") {
			if seen[id] {
				continue
			}
			seen[id] = true
			switch o.took[id] = 1; rapid.IntRange(0, 2).Draw(t, "status") {
			case 0:
				o.passed = append(o.passed, id)
			case 1:
				o.skipped = append(o.skipped, id)
			default:
				o.failures = append(o.failures, testrun.Failure{TestID: id})
			}
		}
		if rapid.Bool().Draw(t, "red") {
			o.commandFailures = []testrun.Failure{{TestID: command, Kind: testrun.Setup}}
		}
		return o
	})
	rapid.Check(t, func(t *rapid.T) {
		var all outcome
		failed := make(map[testrun.TestID]bool)
		for _, o := range rapid.SliceOfN(one, 1, 3).Draw(t, "runs") {
			all.add(o)
			for _, f := range o.failures {
				failed[f.TestID] = true
			}
		}
		var req testrun.Request
		switch rapid.IntRange(0, 2).Draw(t, "request") {
		case 1:
			req.Packages = rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", command.Package}), 1, 3).Draw(t, "packages")
		case 2:
			req.Tests = rapid.SliceOfN(id, 1, 3).Draw(t, "tests")
		}
		r := all.result(req, command, func(string) bool { return false })

		times := make(map[testrun.TestID]int)
		for _, id := range slices.Concat(r.Passed, r.Skipped, r.Missing) {
			times[id]++
		}
		for _, f := range r.Failures {
			times[f.TestID]++
		}
		for id, n := range times {
			if n > 1 {
				t.Errorf("%s is listed %d times", id, n)
			}
			if failed[id] && !slices.ContainsFunc(r.Failures, func(f testrun.Failure) bool { return f.TestID == id }) {
				t.Errorf("%s failed and is not a failure", id)
			}
		}
		if !slices.IsSortedFunc(r.Failures, func(a, b testrun.Failure) int { return strings.Compare(a.Package, b.Package) }) {
			t.Error("the failures are out of order")
		}
		if req.Packages == nil && req.Tests == nil && len(r.Failures) < len(failed) {
			t.Errorf("%d of %d failures", len(r.Failures), len(failed))
		}
		if len(r.Missing) > 0 && len(r.Failures) < len(failed) {
			t.Error("a test is missing, and a failure that may be the reason is left out")
		}
		if all.broken && len(all.commandFailures) > 0 && len(r.Failures) == 0 {
			t.Error("the failure of the command is left out")
		}
	})
}

// TestSelectedByName selects the language like --lang.
func TestSelectedByName(t *testing.T) {
	t.Parallel()
	if chosen, err := lang.Select([]lang.Language{Language}, []string{"generic"}); err != nil || len(chosen) != 1 {
		t.Errorf("got %d, %v", len(chosen), err)
	}
	var names []string
	for _, s := range lang.Strategies([]lang.Language{Language}) {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"restore", "revert"}) {
		t.Errorf("got strategies %v", names)
	}
}
