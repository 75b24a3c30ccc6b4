package generic

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// open writes an archive to a tree and returns the suite of a command in it.
func open(t *testing.T, archive, command string, results ...string) *suite {
	t.Helper()
	root := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		file := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	suites, err := find(t.Context(), lang.Tree{
		Root: root, Command: command, Results: results, Sandbox: testrun.NewSandbox(append(os.Environ(), "GOTMPDIR="+t.TempDir())),
	})
	if err != nil || len(suites) != 1 {
		t.Fatalf("got %d suites, %v", len(suites), err)
	}
	return suites[0].(*suite)
}

// brief returns a result as lines of text.
func brief(r *testrun.Result) string {
	var b strings.Builder
	for _, id := range r.Passed {
		fmt.Fprintf(&b, "passed %s\n", id)
	}
	for _, id := range r.Skipped {
		fmt.Fprintf(&b, "skipped %s\n", id)
	}
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "%s %s %s:%d %s\n", f.Kind, f.TestID, f.File, f.Line, f.Message)
	}
	for _, id := range r.Missing {
		fmt.Fprintf(&b, "missing %s\n", id)
	}
	if r.Late > 0 {
		fmt.Fprintf(&b, "late %d\n", r.Late)
	}
	return b.String()
}

// expect runs a suite and compares the result.
func (s *suite) expect(t *testing.T, req testrun.Request, want string) *testrun.Result {
	t.Helper()
	r, err := s.Run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if got := brief(r); got != strings.TrimLeft(want, "\n") {
		t.Errorf("got\n%swant\n%s", got, strings.TrimLeft(want, "\n"))
	}
	return r
}

// refuse runs a suite that cannot run, and checks that the error contains texts.
func (s *suite) refuse(t *testing.T, want ...string) {
	t.Helper()
	_, err := s.Run(t.Context(), testrun.Request{})
	var notRun *testrun.NotRunError
	if !errors.As(err, &notRun) {
		t.Fatalf("got error %v", err)
	}
	for _, part := range want {
		if text := usererr.OneLine(err); !strings.Contains(text, part) {
			t.Errorf("no %q in\n%v", part, text)
		}
	}
	if notRun.Advice == "" || strings.Contains(usererr.OneLine(err), s.root) {
		t.Errorf("no hint, or the path of the tree: %v", err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	_, err := find(t.Context(), lang.Tree{Root: t.TempDir(), Results: []string{"a.xml", "b/*.tap"}, Sandbox: testrun.NewSandbox(nil)})
	var notRun *testrun.NotRunError
	if !errors.As(err, &notRun) || notRun.NoTests || !strings.Contains(err.Error(), "a.xml, b/*.tap") || !strings.Contains(notRun.Advice, "test:") {
		t.Errorf("results without a command: %v", err)
	}
	found, err := lang.Find(t.Context(), []lang.Language{Language}, lang.Tree{Root: t.TempDir(), Sandbox: testrun.NewSandbox(nil)})
	if !errors.As(err, &notRun) || !notRun.NoTests {
		t.Errorf("found %v, %v", found, err)
	}
}

// xml returns an archive with a result file that has the test cases.
func xml(cases string) string {
	return "-- r.xml.in --\n<testsuites><testsuite name=\"s\">" + cases + "</testsuite></testsuites>\n"
}

const (
	good = `<testcase classname="c" name="good" time="0.5"/>`
	bad  = `<testcase classname="c" name="bad"><failure message="is 1">at f (lib.js:1:2)
at t (a.test.js:2:3)</failure></testcase>`
	retried = `<testcase classname="c" name="retried"><flakyFailure message="is 2">x</flakyFailure></testcase>`
	sources = "-- lib.js --\n1\n2\n-- a.test.js --\n1\n2\n"
)

// TestStatusAndResults checks combinations of an exit status and results.
func TestStatusAndResults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, cases, command, want string }{
		{"green and green", good, `cp r.xml.in r.xml`, "passed c.good\n"},
		{"red and red", good + bad, `cp r.xml.in r.xml; exit 1`, "passed c.good\nassertion c.bad a.test.js:2 is 1\n"},
		{"a wrapper hides it", good + bad, `cp r.xml.in r.xml; exit 1 || true; true`, "passed c.good\nassertion c.bad a.test.js:2 is 1\n"},
		{"green tests, red exit", good, `cp r.xml.in r.xml; echo coverage 60 %; exit 2`, "passed c.good\nsetup COMMAND :0 `COMMAND` exited 2: coverage 60 %\n"},
		{"passed in the end", good + retried, `cp r.xml.in r.xml`, "passed c.good\npassed c.retried\n"},
		{"passed in the end, red exit", good + retried, `cp r.xml.in r.xml; exit 1`, "passed c.good\nassertion c.retried :0 is 2\n"},
		{"a suite counts failures that it does not list", `<testsuite name="x" failures="2" tests="2"></testsuite>` + good, `cp r.xml.in r.xml`, "passed c.good\nsetup COMMAND :0 `COMMAND` exited 0, and its results count failures that they do not list\n"},
		{"skipped", good + `<testcase classname="c" name="later"><skipped/></testcase>`, `cp r.xml.in r.xml`, "passed c.good\nskipped c.later\n"},
		{"does not build", good, `echo 'lib.js:2:1: error: no such thing'; exit 1`, "compile COMMAND lib.js:2 `COMMAND` exited 1: lib.js:2:1: error: no such thing\n"},
		{"results and a missing command", good + bad, `cp r.xml.in r.xml; nosuchprogram 2>/dev/null`, "passed c.good\nassertion c.bad a.test.js:2 is 1\n"},
		{"green results and 126", good, `cp r.xml.in r.xml; exit 126`, "passed c.good\nsetup COMMAND :0 `COMMAND` exited 126\n"},
		{"killed by a signal", good, `kill -9 $$`, "setup COMMAND :0 `COMMAND` was killed by a signal\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, xml(tt.cases)+sources, tt.command, "r.xml")
			s.expect(t, testrun.Request{}, strings.ReplaceAll(tt.want, "COMMAND", tt.command))
			s.expect(t, testrun.Request{Overlay: map[string][]byte{"other.txt": nil}}, strings.ReplaceAll(tt.want, "COMMAND", tt.command))
		})
	}
}

func TestExitStatusOnly(t *testing.T) {
	t.Parallel()
	s := open(t, "", "echo one; echo $PWD/two >&2; exit 3")
	r := s.expect(t, testrun.Request{}, "setup echo one; echo $PWD/two >&2; exit 3 :0 `echo one; echo $PWD/two >&2; exit 3` exited 3: two\n")
	if f := r.Failures[0]; f.Output != "one\ntwo\n" || !slices.Equal(r.Packages, []string{s.command}) {
		t.Errorf("got units %q, output %q", r.Packages, f.Output)
	}
	s.expect(t, testrun.Request{Packages: []string{s.command}, Tests: []testrun.TestID{{Package: s.command}}, Count: 2}, brief(r))
	open(t, "", "true").expect(t, testrun.Request{Count: 2}, "passed true\n")
	open(t, "", "nosuchprogram").refuse(t, "cannot run the test command", "nosuchprogram", "PATH")
	open(t, "", "nosuchprogram", "r.xml").refuse(t, "cannot run the test command", "nosuchprogram", "PATH")
	open(t, "", "nosuchprogram", "-").refuse(t, "cannot run the test command", "nosuchprogram", "PATH")
}

// TestLastPlaceAndMessage checks that a failure has the last place and the last message of the
// output.
func TestLastPlaceAndMessage(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"echo lib.js:2: wrong; echo a.test.js:1: at; echo /etc/x.js:3; exit 3":          "setup COMMAND a.test.js:1 `COMMAND` exited 3: /etc/x.js:3\n",
		"echo $PWD/lib.js:2: wrong; echo 'make: *** [Makefile:3: all] Error 1'; exit 2": "setup COMMAND lib.js:2 `COMMAND` exited 2: lib.js:2: wrong\n",
		"echo 'make: *** No rule'; exit 2":                                              "setup COMMAND :0 `COMMAND` exited 2: make: *** No rule\n",
	} {
		open(t, sources, command).expect(t, testrun.Request{}, strings.ReplaceAll(want, "COMMAND", command))
	}
}

func TestNoRun(t *testing.T) {
	t.Parallel()
	cut := "-- r.xml.in --\n<testsuite>\n<testcase name=\"a\"/>\n<testcase"
	for _, tt := range []struct {
		name, archive, command string
		results, want          []string
	}{
		{"no results", sources, "echo no tests here", []string{"r.xml", "build/**/*.xml"}, []string{"r.xml, build/**/*.xml: the test command wrote no results: no tests here"}},
		{"no results, red", sources, "echo bad flag; exit 2", []string{"r.xml"}, []string{"wrote no results and exited 2: bad flag"}},
		{"stale", xml(good) + "-- r.xml --\n<testsuite/>\n", "true", []string{"r.xml"}, []string{"wrote no results", "ignored the results of an earlier run: r.xml"}},
		{"stale below", "-- a/b/r.xml --\n<testsuite/>\n", "true", []string{"**/*.xml"}, []string{"ignored the results of an earlier run: a/b/r.xml"}},
		{"broken XML", cut, "cp r.xml.in r.xml", []string{"r.xml"}, []string{"r.xml:4: cannot read the results: unexpected end of file"}},
		{"broken TAP", "", "printf 'ok 1\\n1..x\\n' | gzip | head -c 20 >r.tap", []string{"*.tap"}, []string{"r.tap: cannot read the results: compressed by gzip, but damaged"}},
		{"broken JSON", "-- r.json.in --\n{\n \"results\": {\"tests\": [\n {]}}\n", "cp r.json.in r.json", []string{"r.json"}, []string{"r.json:3: "}},
		{"broken on standard output", "", "printf '<testsuite>\\n<testcase>'", []string{"-"}, []string{"the standard output of printf", ":2: cannot read the results: unexpected end of file"}},
		{"no test", xml(""), "cp r.xml.in r.xml", []string{"r.xml"}, []string{"r.xml: no tests in the results"}},
		{"no test on standard output", "", "printf 'TAP version 13\\n1..0\\n'", []string{"-"}, []string{"-: no tests in the results"}},
		{"nothing on standard output", "", "echo no tests found", []string{"-"}, []string{"standard output: the test command wrote no results: no tests found"}},
		{"empty", "", ": >r.xml", []string{"r.xml"}, []string{"r.xml: cannot read the results: empty file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, tt.archive, tt.command, tt.results...)
			s.refuse(t, tt.want...)
		})
	}
}

// TestResultsAreFresh runs a command that writes its results only once.
func TestResultsAreFresh(t *testing.T) {
	t.Parallel()
	s := open(t, xml(good), `[ -e ran ] || cp r.xml.in r.xml; : >ran`, "r.xml")
	s.expect(t, testrun.Request{}, "passed c.good\n")
	s.refuse(t, "wrote no results")
	if _, err := os.Stat(filepath.Join(s.root, "r.xml")); err == nil {
		t.Error("the results were not removed")
	}
}

// TestSeveralFiles reads the results of several parts of a repository.
func TestSeveralFiles(t *testing.T) {
	t.Parallel()
	s := open(t, "-- a/test_x.py --\n1\n2\n-- b/test_y.py --\n1\n", `
mkdir -p a/out b/out
echo '<testsuite name="pytest"><testcase classname="test_x" name="one"><failure message="assert 1 == 2">test_x.py:2: AssertionError</failure></testcase></testsuite>' >a/out/r.xml
printf 'ok 1 - two\n1..1\n' >b/out/r.tap
exit 1`, "a/out/*.xml", "*/out/*.tap")
	s.expect(t, testrun.Request{}, "passed r.two\nassertion test_x.one a/test_x.py:2 assert 1 == 2\n")
}

func TestRequests(t *testing.T) {
	t.Parallel()
	other := `<testcase classname="d" name="bad"><failure message="is 3"/></testcase>`
	s := open(t, xml(good+bad+other)+sources, `cp r.xml.in r.xml; exit 1`, "r.xml")
	const badLine, otherLine = "assertion c.bad a.test.js:2 is 1\n", "assertion d.bad :0 is 3\n"
	id := func(unit, test string) testrun.TestID { return testrun.TestID{Package: unit, Test: test} }
	s.expect(t, testrun.Request{Packages: []string{"c"}}, "passed c.good\n"+badLine)
	s.expect(t, testrun.Request{Packages: []string{"c"}, Tests: []testrun.TestID{id("c", "good")}}, "passed c.good\n")
	s.expect(t, testrun.Request{Tests: []testrun.TestID{id("d", "")}}, otherLine)
	// Another failure may be why a test did not run.
	s.expect(t, testrun.Request{Tests: []testrun.TestID{id("c", "good"), id("c", "gone")}}, "passed c.good\n"+badLine+otherLine+"missing c.gone\n")

	gate := open(t, xml(good), `cp r.xml.in r.xml; exit 1`, "r.xml")
	gate.expect(t, testrun.Request{Tests: []testrun.TestID{id("c", "good")}}, "passed c.good\n")
	gate.expect(t, testrun.Request{Packages: []string{gate.command}, Tests: []testrun.TestID{gate.commandID()}}, "setup "+gate.command+" :0 `"+gate.command+"` exited 1\n")
}

// TestTimeout checks that a timeout for some tests is not shorter than the whole command
// takes, since the command always runs as a whole.
func TestTimeout(t *testing.T) {
	t.Parallel()
	s := open(t, "", "sleep 0.3")
	s.expect(t, testrun.Request{}, "passed sleep 0.3\n")
	s.expect(t, testrun.Request{Timeout: 10 * time.Millisecond}, "passed sleep 0.3\n")
	s.expect(t, testrun.Request{Within: 10 * time.Millisecond}, "late 1\n")
	slow := open(t, "", "echo $PWD; sleep 1000")
	r := slow.expect(t, testrun.Request{Timeout: 200 * time.Millisecond}, fmt.Sprintf("timeout echo $PWD; sleep 1000 :0 `echo $PWD; sleep 1000` did not end within 200ms: %s\n", slow.root))
	if r.Seconds > 5 {
		t.Errorf("it took %v s", r.Seconds)
	}
}

// TestHangsAfterResults keeps the results that a runner wrote before it hung.
func TestHangsAfterResults(t *testing.T) {
	t.Parallel()
	s := open(t, "", `printf 'ok 1 - a\nnot ok 2 - b\n'; sleep 1000`, "-")
	s.expect(t, testrun.Request{Timeout: time.Second}, "passed tests.a\n"+
		"timeout "+s.command+" :0 `"+s.command+"` did not end within 1s: not ok 2 - b\n"+"assertion tests.b :0 failed without a message\n")
}

// needs skips a test if a program is missing.
func needs(t *testing.T, command ...string) {
	t.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Skipf("%s: %v %s (scripts/setup.sh installs it)", strings.Join(command, " "), err, out)
	}
}

const pyProject = `
-- calc.py --
def div(a, b):
    return a / b

def sub(a, b):
    return a + b
-- tests/test_calc.py --
import os, sys

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
from calc import div, sub


def test_div():
    assert div(1, 0) == 1


class TestSub:
    def test_sub(self):
        assert sub(3, 1) == 2

    def test_zero(self):
        assert sub(3, 0) == 3
`

func TestPytest(t *testing.T) {
	t.Parallel()
	needs(t, "/usr/bin/python3", "-m", "pytest", "--version")
	const results = "tests.test_calc.TestSub.test_sub tests/test_calc.py:13 assert 4 == 2 + where 4 = sub(3, 1)\n"
	for _, family := range []string{"xunit1", "xunit2"} {
		s := open(t, pyProject, "/usr/bin/python3 -m pytest -q --junitxml=out/r.xml -p no:cacheprovider -o junit_family="+family, "out/*.xml")
		r := s.expect(t, testrun.Request{}, "passed tests.test_calc.TestSub.test_zero\n"+
			"exception tests.test_calc.test_div calc.py:2 ZeroDivisionError: division by zero\nassertion "+results)
		want := []testrun.Frame{{Location: testrun.Location{File: "calc.py", Line: 2}}, {Location: testrun.Location{File: "tests/test_calc.py", Line: 8}}}
		if got := r.Failures[0].Frames; !slices.Equal(got, want) {
			t.Errorf("got frames %+v", got)
		}
		// A change of the same size within a second is seen.
		fixed := []byte(strings.Replace(pyProject[strings.Index(pyProject, "def div"):strings.Index(pyProject, "-- tests")], "a + b", "a - b", 1))
		for range 2 {
			s.expect(t, testrun.Request{Packages: []string{"tests.test_calc.TestSub"}, Overlay: map[string][]byte{"calc.py": fixed}},
				"passed tests.test_calc.TestSub.test_sub\npassed tests.test_calc.TestSub.test_zero\n")
			s.expect(t, testrun.Request{Packages: []string{"tests.test_calc.TestSub"}, Overlay: map[string][]byte{"other.py": {}}},
				"passed tests.test_calc.TestSub.test_zero\nassertion "+results)
		}
		s.expect(t, testrun.Request{Overlay: map[string][]byte{"calc.py": []byte("def div(a, b:\n")}}, "import tests.test_calc calc.py:1 SyntaxError: '(' was never closed\n")
		broken := s.expect(t, testrun.Request{Overlay: map[string][]byte{"calc.py": []byte("x = 1\n")}},
			"import tests.test_calc tests/test_calc.py:4 ImportError: cannot import name 'div' from 'calc' (calc.py)\n").Failures[0].TestID
		// Requesting what did not load shows that it loads now.
		s.expect(t, testrun.Request{Packages: []string{broken.Package}, Tests: []testrun.TestID{broken}}, "exception tests.test_calc.test_div calc.py:2 ZeroDivisionError: division by zero\n")
	}
}

const nodeProject = `
-- calc.mjs --
export const div = (a, b) => a.over(b);
export const sub = (a, b) => a + b;
-- calc.test.mjs --
import test from 'node:test';
import assert from 'node:assert';
import { div, sub } from './calc.mjs';

test('div', () => {
	assert.strictEqual(div(1, 1), 1);
});
test('group', async (t) => {
	await t.test('sub', () => {
		assert.strictEqual(sub(3, 1), 2);
	});
	await t.test('zero', () => {
		assert.strictEqual(sub(3, 0), 3);
	});
});
`

func TestNode(t *testing.T) {
	t.Parallel()
	needs(t, "node", "--test", "--test-reporter=tap", os.DevNull)
	broken := map[string][]byte{"calc.mjs": []byte("export const div = 1;\n")}
	const missing = "SyntaxError: The requested module './calc.mjs' does not provide an export named 'sub'"

	tap := open(t, nodeProject, "node --test --test-reporter=tap", "-")
	r := tap.expect(t, testrun.Request{}, `
passed tests.group > zero
exception tests.div calc.mjs:1 a.over is not a function
assertion tests.group > sub calc.test.mjs:10 Expected values to be strictly equal: 4 !== 2
`)
	if frames := r.Failures[0].Frames; len(frames) != 2 || frames[0].Func != "div" || frames[1].File != "calc.test.mjs" {
		t.Errorf("got frames %+v", frames)
	}
	tap.expect(t, testrun.Request{Overlay: broken}, "import calc.test.mjs calc.test.mjs:3 "+missing+"\n")
	tap.expect(t, testrun.Request{Tests: []testrun.TestID{{Package: "calc.test.mjs"}}}, "")

	junit := open(t, nodeProject, "node --test --test-reporter=junit --test-reporter-destination=r.xml", "r.xml")
	junit.expect(t, testrun.Request{}, `
passed group.zero
assertion group.sub calc.test.mjs:10 Expected values to be strictly equal:4 !== 2
exception r.div calc.mjs:1 a.over is not a function
`)
}
