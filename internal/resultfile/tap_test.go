package resultfile

import (
	"fmt"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/report"
)

// readText reads a file with this content, and returns its tests as a report.
func readText(t *testing.T, content string) *report.Report {
	t.Helper()
	f, err := Read("r", strings.NewReader(content), options)
	if err != nil {
		t.Fatal(err)
	}
	r := Merge([]*File{f})
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	return r
}

// summary returns the verdict, the tests and the messages of a report, one a line.
func summary(r *report.Report) string {
	var b strings.Builder
	fmt.Fprintln(&b, r.Verdict)
	for _, res := range r.Results {
		fmt.Fprintf(&b, "%s %s", res.Status, res.Test)
		if res.Tries > 1 {
			fmt.Fprintf(&b, " (%d)", res.Tries)
		}
		fmt.Fprintln(&b)
	}
	for _, f := range r.Failures {
		if f.Message != "failed without a message" {
			fmt.Fprintf(&b, "%s: %s\n", f.ID, f.Message)
		}
	}
	return b.String()
}

// lines joins lines.
func lines(all ...string) string { return strings.Join(all, "\n") + "\n" }

// TestDirective checks which test points have a directive, by the grammars of TAP 13 and 14.
// In doubt, a test that failed failed.
func TestDirective(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, description, directive string }{
		{"later # TODO not written", "later", "todo"},
		{"later # todo", "later", "todo"},
		{"later # ToDo: it", "later", "todo"},
		{"later # TODO(ann) it", "later", "todo"},
		{"later #TODO it", "later", "todo"},
		{"later\t#\tTODO it", "later", "todo"},
		{"# SKIP no network", "", "skip"},
		{"#SkIp no network", "", "skip"},
		{"works on windows # Skipped: only run on windows", "works on windows", "skip"},
		{"x # skipping, too slow", "x", "skip"},
		{"x # TODO & SKIP it", "x", "todo"},
		{"hello # todo hash \\# character", "hello", "todo"},
		{`ends with a backslash \\ # todo`, `ends with a backslash \\`, "todo"},
		{"fixes issue #12 # TODO more", "fixes issue #12", "todo"},

		{"Cart#todoList renders", "Cart#todoList renders", ""},
		{"Cart #todoList renders", "Cart #todoList renders", ""},
		{"Cart # todoList renders", "Cart # todoList renders", ""},
		{"Cart#todo renders", "Cart#todo renders", ""},
		{"Cart#skip is called", "Cart#skip is called", ""},
		{"the header #skip is shown", "the header #skip is shown", ""},
		{"the link #skip-link has focus", "the link #skip-link has focus", ""},
		{"the link #todo.active has focus", "the link #todo.active has focus", ""},
		{"not skipped: https://example.com/page.html#skip is a url", "not skipped: https://example.com/page.html#skip is a url", ""},
		{`hello \# todo`, `hello \# todo`, ""},
		{`hello \\\# todo`, `hello \\\# todo`, ""},
		{"hello # description # todo", "hello # description # todo", ""},
		{"todo lists are rendered", "todo lists are rendered", ""},
		{"# todos", "# todos", ""},
		{"#", "#", ""},
		{"", "", ""},
	} {
		if description, directive := directive(tt.text); description != tt.description || directive != tt.directive {
			t.Errorf("%q: got %q and %q, want %q and %q", tt.text, description, directive, tt.description, tt.directive)
		}
	}
}

// TestTAP checks what documents mean.
func TestTAP(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, want string }{
		{
			"a name with a hash", lines("1..1", "not ok 1 - Cart#todoList renders"),
			lines("red", "failed Cart#todoList renders"),
		},
		{
			"an escaped hash", lines("1..2", `not ok 1 - a \# TODO`, `ok 2 - b \\ c`),
			lines("red", "failed a # TODO", `passed b \ c`),
		},
		{
			"directives", lines("1..3", "not ok 1 - a # TODO it", "ok 2 - b # skip no network", "not ok 3 # SKIP"),
			lines("green", "skipped a", "skipped b", "skipped test 3"),
		},
		{
			"numbers and dashes", lines("1..5", "ok", "ok 2", "ok 3 three", "ok 4 - four", "ok - 5 apples"),
			lines("green", "passed 5 apples", "passed four", "passed test 1", "passed test 2", "passed three"),
		},
		{
			"a number in a name", lines("1..2", "ok 2-way sync", "ok 2.5 is less than 3"),
			lines("green", "passed 2-way sync", "passed 2.5 is less than 3"),
		},
		{
			"no points", lines("1..1", "okay then", "not okay", "ok: fine", "ok 1 - a", "not ok: wrong"),
			lines("green", "passed a"),
		},
		{
			"everything skipped", lines("1..0 # skip no database"),
			lines("green"),
		},
		{
			"nothing planned", lines("TAP version 13", "1..0"),
			lines("not-run"),
		},
		{
			"a plan with a reason", lines("1..1 # of two", "ok 1 - a"),
			lines("green", "passed a"),
		},
		{
			"too few tests", lines("1..3", "ok 1 - a"),
			lines("red", "passed a", "r: tests planned: 3, tests run: 1"),
		},
		{
			"too many tests", lines("1..1", "ok 1 - a", "ok 2 - b"),
			lines("red", "passed a", "passed b", "r: tests planned: 1, tests run: 2"),
		},
		{
			"a number outside of the plan", lines("1..2", "ok 1 - a", "ok 7 - b"),
			lines("red", "passed a", "passed b", "r: tests planned: 2, but one has the number 7"),
		},
		{
			"cut off", lines("TAP version 14", "ok 1 - a"),
			lines("red", "passed a", "r: the results end before the plan, the line 1..N with the number of tests"),
		},
		{
			"only a version", lines("TAP version 14"),
			lines("red", "r: the results end before the plan, the line 1..N with the number of tests"),
		},
		{
			"bailed out, in a subtest first", lines("1..2", "ok 1 - a", "    Bail out! no \\# database", "Bail out! no \\# database"),
			lines("red", "passed a", "r: the tests bailed out: no # database"),
		},
		{
			"a subtest", lines("1..1", "# Subtest: group", "    ok 1 - good", "    not ok 2 - bad", "    1..2", "not ok 1 - group"),
			lines("red", "failed group", "failed group > bad", "passed group > good"),
		},
		{
			"subtests without comments", lines("1..1", "        not ok 1 - inner", "        1..1", "    not ok 1 - middle", "    1..1", "not ok 1 - outer"),
			lines("red", "failed outer", "failed outer > middle", "failed outer > middle > inner"),
		},
		{
			"an older form of the comment", lines("    # Subtest: group", "    not ok 1 - bad", "    1..1", "not ok 1 - group", "1..1"),
			lines("red", "failed group", "failed group > bad"),
		},
		{
			"a subtest to do", lines("1..1", "# Subtest: group", "    not ok 1 - bad", "    1..1", "not ok 1 - group # TODO it"),
			lines("green", "skipped group", "skipped group > bad"),
		},
		{
			"output like a subtest", lines("1..1", "    not ok 1 - printed", "ok 1 - prints", "    not ok 2 - printed"),
			lines("green", "passed prints", "skipped prints > printed"),
		},
		{
			"output that is indented otherwise", lines("1..2", "ok 1 - a", "  not ok 2 - printed", "\tnot ok 2 - printed", "ok 2 - b"),
			lines("green", "passed a", "passed b"),
		},
		{
			"braces", lines("1..1", "not ok 1 - group # time=3ms {", "    1..2", "    ok 1 - good # time=1ms", "    not ok 2 - bad", "}"),
			lines("red", "failed group", "failed group > bad", "passed group > good"),
		},
		{
			"a brace in a name", lines("1..2", "ok 1 - parses {", "not ok 2 - parses if (x) {"),
			lines("red", "failed parses if (x) {", "passed parses {"),
		},
		{
			"output like YAML", lines("ok 1 - a", "---", "not ok 2 - b", "1..2"),
			lines("red", "passed a", "failed b"),
		},
		{
			"dots in YAML", lines("1..2", "not ok 1 - a", "  ---", "  message: 'no'", "  stack: |-", "    ...", "    not ok 2 - c", "  ...", "ok 2 - b"),
			lines("red", "failed a", "passed b", "r.a: no"),
		},
		{
			"YAML of tape", lines("TAP version 13", "not ok 1 a", "  ---", "    operator: equal", "    message: 'one is not two'", "  ...", "1..1"),
			lines("red", "failed a", "r.a: one is not two"),
		},
		{
			"programs one after the other", lines("1..1", "ok 1 - a", "1..2", "ok 1 - a", "ok 2 - b", "ok 1 - c", "1..1", "TAP version 13", "not ok 1 - d", "1..1"),
			lines("red", "passed a", "passed a #2", "passed b", "passed c", "failed d"),
		},
		{
			"programs of which the first was killed", lines("TAP version 13", "1..2", "ok 1 - a", "TAP version 13", "1..1", "ok 1 - b"),
			lines("red", "passed a", "passed b", "r: tests planned: 2, tests run: 1"),
		},
		{
			"bats", lines("1..3", "ok 1 adds in 5ms", "not ok 2 header #skip is shown in 12ms", "# (in test file a.bats, line 7)", "#   `[ 1 -eq 2 ]' failed", "ok 3 waits in 0ms # skip slow"),
			lines("red", "passed adds", "failed header #skip is shown", "skipped waits", "r.header #skip is shown: (in test file a.bats, line 7)"),
		},
		{
			"a time in a name", lines("1..2", "ok 1 answers in 5ms", "ok 2 answers"),
			lines("green", "passed answers", "passed answers in 5ms"),
		},
		{
			"colors and carriage returns", "\x1b[0K1..2\r\n\x1b[32mok 1\x1b[0m - a\r\nrunning\r\x1b[31mnot ok 2\x1b[0m - b\r\n",
			lines("red", "passed a", "failed b"),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Split(strings.TrimSpace(summary(readText(t, tt.content))), "\n")
			want := strings.Split(strings.TrimSpace(tt.want), "\n")
			if d := diff.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
