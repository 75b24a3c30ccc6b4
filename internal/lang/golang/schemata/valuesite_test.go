package schemata

import (
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// values is a package with many kinds of expressions, in a language version without type
// parameters. Check returns false.
const values = `
-- go.mod --
module example.com/m

go 1.12
-- v/v.go --
package v

import "strings"

type Kind uint8

const (
	Plain Kind = iota
	Bold
)

type node struct {
	kind Kind
	text string
	next *node
}

func called() bool { return true }

func (n *node) last() *node {
	for n.next != nil {
		n = n.next
	}
	return n
}

func width(n *node, wide bool) int {
	w := len(n.text) + 2*3
	if wide && n.kind == Bold {
		w += 4
	}
	if called() {
		w++
	}
	var limits [4]int
	limits[1] = 7
	for i := 0; i < 3; i++ {
		w += limits[i] * 0
	}
	switch n.kind {
	case Plain, Bold:
		w = w << 1
	}
	const half = 1 / 2
	type local int
	if l := local(w); l == 1 {
		w = 0
	}
	acc := 0
	acc = acc + visit(&acc)
	return w/1 + acc - acc
}

// visit changes what the expression before its call reads.
func visit(acc *int) int {
	*acc = 5
	return 1
}

// Check reports whether all is well.
func Check() bool {
	a := &node{kind: Bold, text: "a b"}
	b := &node{kind: Plain, text: strings.ToUpper("c"), next: a}
	return width(b.last(), true) == 30
}
-- v/v_test.go --
package v

import "testing"

func TestCheck(t *testing.T) {
	if !Check() {
		t.Fatal("not 30")
	}
}

func TestWidth(t *testing.T) {
	if got := width(&node{}, false); got < 0 {
		t.Error(got)
	}
}
`

var valueCases = []struct {
	old, new string // with an empty old, new is inserted
	value    string // the chosen value; "" if the candidate does not only choose a value
	verdict  validate.Verdict
	reason   string
}{
	{"wide && n.kind == Bold", "wide && n.kind != Bold", "n.kind != Bold", validate.Rejected, "still fail"},
	{"wide && n.kind == Bold", "wide && n.kind > Plain", "n.kind > Plain", validate.Rejected, "changes nothing"},
	{"wide && n.kind == Bold", "wide", "wide", validate.Rejected, "changes nothing"},
	{"wide && n.kind == Bold", "wide && n.next.kind == Bold", "n.next.kind", validate.Rejected, "still fail"}, // panics
	{"wide && n.kind == Bold", "wide && n.kynd == Bold", "", validate.IllTyped, ""},
	{"wide && n.kind == Bold", "called() && n.kind == Bold", "", validate.Rejected, ""},
	{"if called()", "if called() && wide", "regreenOld && wide", validate.Rejected, "changes nothing"},
	{"if called()", "if called() && !wide", "regreenOld && !wide", validate.Rejected, "still fail"},
	{"if called()", "if called() || called()", "", validate.Rejected, ""},
	{"w += 4", "w += 5", "5", validate.Plausible, ""},
	{"w += 4", "w += 2 + 3", "2 + 3", validate.Plausible, ""},
	{"w += 4", "w += len(n.text) + 1", "len(n.text) + 1", validate.Rejected, "changes nothing"},
	{"w += 4", "w += 5.0", "", validate.Plausible, ""},
	{"len(n.text) + 2*3", "len(n.text) + 2*4", "2*4", validate.Rejected, "still fail"},
	{"len(n.text) + 2*3", "len(n.text) + 3*2", "3*2", validate.Rejected, "changes nothing"},
	{"len(n.text) + 2*3", "strings.Count(n.text, \" \") + 9", "strings.Count(n.text, \" \") + 9", validate.Plausible, ""},
	{"limits[1] = 7", "limits[2] = 7", "2", validate.Rejected, "still fail"},
	{"limits[1] = 7", "limits[4] = 7", "4", validate.Rejected, "still fail"}, // panics; the compiler would refuse it
	{"limits[1] = 7", "w = 7", "", validate.Rejected, ""},
	{"i < 3", "i < 4", "4", validate.Rejected, "still fail"},
	{"i < 3", "i < 5", "5", validate.Rejected, "still fail"}, // panics
	{"case Plain, Bold", "case Plain, 1", "1", validate.Rejected, "changes nothing"},
	{"w << 1", "w << 2", "w << 2", validate.Rejected, "still fail"},
	{"const half = 1 / 2", "const half = 1 / 3", "", validate.Rejected, ""},
	{"w/1 + acc - acc", "w/1 + acc - acc + 2", "w/1 + acc - acc + 2", validate.Plausible, ""},
	{"w/1 + acc - acc", "(w / 1) + 2 + acc - acc", "(w / 1) + 2 + acc", validate.Plausible, ""},
	{"l == 1", "l == 2", "l == 2", validate.Rejected, "changes nothing"},
	{"local(w)", "local(28)", "28", validate.Rejected, "changes nothing"},
	{"acc + visit", "2*acc + visit", "", validate.Rejected, ""}, // acc is read after the call
	{"for n.next != nil", "for n.next == nil", "n.next == nil", validate.Rejected, "still fail"},
	{"n = n.next", "n = n", "n", validate.Rejected, "ran into the timeout"},
	{"b.last(), true", "a, true", "", validate.Rejected, ""},
	{"text: \"a b\"", "text: \"a bc\"", "\"a bc\"", validate.Plausible, ""},
	{"text: \"a b\"", "text: \"b a\"", "\"b a\"", validate.Rejected, "still fail"}, // not the same value
	{"kind: Plain", "kind: Bold", "Bold", validate.Rejected, "still fail"},
	{"", "if n.kind == Bold {\n\t\treturn 30\n\t}\n\t", "n.kind == Bold", validate.Plausible, ""},
	{"", "if n.kind == Plain {\n\t\treturn 30\n\t}\n\t", "n.kind == Plain", validate.Rejected, "changes nothing"},
	{"", "if n.kind == Plain {\n\t\treturn \"\"\n\t}\n\t", "n.kind == Plain", validate.IllTyped, ""},
	{"", "if called() {\n\t\treturn 30\n\t}\n\t", "", validate.Plausible, ""},
}

// TestValueSites checks which values candidates choose, and their verdicts.
func TestValueSites(t *testing.T) {
	t.Parallel()
	f := newFixture(t, values)
	var cands []propose.Candidate
	for _, tc := range valueCases {
		old, new := tc.old, tc.new
		if old == "" {
			old, new = "if called()", tc.new+"if called()"
		}
		c := f.swap("v/v.go", old, "")
		for old != "" && new != "" && old[len(old)-1] == new[len(new)-1] { // like strategies, replace only what changes
			old, new = old[:len(old)-1], new[:len(new)-1]
		}
		for old != "" && new != "" && old[0] == new[0] {
			c.Edits[0].Start, old, new = c.Edits[0].Start+1, old[1:], new[1:]
		}
		c.Edits[0].End, c.Edits[0].New = c.Edits[0].Start+len(old), new
		cands = append(cands, c)
	}
	pkg, err := f.s.opt.Tree.Load(t.Context(), "v")
	if err != nil {
		t.Fatal(err)
	}
	file := pkg.File("v/v.go")
	for i, tc := range valueCases {
		decl := file.Function(cands[i].Edits)
		_, text, ok := valueSiteOf(pkg, file, decl, blocksOf(file, decl), cands[i].Edits)
		if ok != (tc.value != "") || text != tc.value {
			t.Errorf("%s -> %s: chooses %q, want %q", tc.old, tc.new, text, tc.value)
		}
	}
	goal := target("example.com/m/v", "TestCheck")
	results, _ := f.v.Screen(t.Context(), goal, cands)
	for i, tc := range valueCases {
		r := results[i]
		if r.Verdict != tc.verdict || !strings.Contains(r.Reason, tc.reason) {
			t.Errorf("%s -> %s: got %s (%s), want %s (%s)", tc.old, tc.new, r.Verdict, r.Reason, tc.verdict, tc.reason)
		}
	}
}

// Among candidates that choose the same values in all code that the tests reach, only one
// runs, whatever they do elsewhere.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, values)
	var cands []propose.Candidate
	news := []string{"w += 6", "w += 3 + 3", "w += 2 * len(n.text)", "w += int(n.kind) * 6", "w += 7", "w += 8 - 1"}
	for _, text := range news {
		cands = append(cands, f.swap("v/v.go", "w += 4", text))
	}
	results, _ := f.v.Screen(t.Context(), target("example.com/m/v", "TestCheck"), cands)
	for i, r := range results {
		if r.Verdict != validate.Rejected {
			t.Errorf("%s: %s (%s)", news[i], r.Verdict, r.Reason)
		}
	}
	if f.s.pool.duplicates != 4 {
		t.Errorf("got %d duplicates, want 4: all except one for each value", f.s.pool.duplicates)
	}
}

// A value that panics differs from one that does not.
func TestValuePanics(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
-- v/v.go --
package v

type node struct {
	bold bool
	next *node
}

func Bold(n *node) bool {
	return n.next.bold
}
-- v/v_test.go --
package v

import "testing"

func TestBold(t *testing.T) {
	if !Bold(&node{next: &node{bold: true}}) || Bold(&node{}) {
		t.Fatal("wrong")
	}
}
`)
	var cands []propose.Candidate
	news := []string{"n.next.next.bold", "n.next != nil && n.next.bold", "n.next.bold && n.next.bold", "n.next == nil || n.next.bold"}
	for _, text := range news {
		cands = append(cands, f.swap("v/v.go", "return n.next.bold", "return "+text))
	}
	results, _ := f.v.Screen(t.Context(), target("example.com/m/v", "TestBold"), cands)
	for i, r := range results {
		want := validate.Rejected
		if i == 1 {
			want = validate.Plausible
		}
		if r.Verdict != want {
			t.Errorf("%s: got %s (%s), want %s", news[i], r.Verdict, r.Reason, want)
		}
	}
}

// Tests of test helpers may report errors to a testing.T of their own. That does not stop the
// test, neither in a pool nor in a process. And a value that panics fixes nothing.
func TestPoolIgnoresTOfHelpers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
-- v/v.go --
package v

var limit = 3

func must(n int) int {
	if n > 90 {
		panic(n)
	}
	return n
}

func Limit() int { return limit }

func Twice() int { return 2 }
-- v/v_test.go --
package v

import "testing"

func check(t *testing.T, ok bool) {
	if !ok {
		t.Errorf("not ok")
	}
}

func TestLimit(t *testing.T) {
	check(new(testing.T), false)
	if Limit() != 4 {
		t.Errorf("limit %d", Limit())
	}
}

func TestTwice(t *testing.T) {
	if Twice() != 4 {
		t.Error("twice")
	}
}
`)
	goal := target("example.com/m/v", "TestLimit", "TestTwice")
	news := []string{"must(99)", "4", "5", "must(4)"}
	var cands []propose.Candidate
	for _, text := range news {
		cands = append(cands, f.swap("v/v.go", "limit = 3", "limit = "+text))
	}
	results, _ := f.v.Screen(t.Context(), goal, cands)
	for i, r := range results {
		fixes := ""
		for _, id := range r.Fixes {
			fixes += id.Test
		}
		want := map[string]string{"4": "TestLimit", "must(4)": "TestLimit"}[news[i]]
		if r.Verdict != validate.Rejected || fixes != want {
			t.Errorf("%s: %s, fixes %q; want rejected and %q", news[i], r.Verdict, fixes, want)
		}
	}
	single := target("example.com/m/v", "TestLimit")
	single.Accepted = goal.Failures[1:]
	results, _ = f.v.Screen(t.Context(), single, cands)
	for i, r := range results {
		if want := news[i] == "4" || news[i] == "must(4)"; (r.Verdict == validate.Plausible) != want {
			t.Errorf("%s: %s (%s)", news[i], r.Verdict, r.Reason)
		}
	}
}
