package schemata

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// small is a package with a bug, and another that depends on its behavior.
const small = `
-- num/num.go --
package num

// Max is the larger of two numbers.
func Max(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// Min is the smaller of two numbers.
func Min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

var limit = 10

func Limit() int { return limit }
-- num/num_test.go --
package num

import "testing"

func TestMax(t *testing.T) {
	if got := Max(3, 2); got != 3 {
		t.Errorf("Max(3, 2) = %d", got)
	}
}

func TestMin(t *testing.T) {
	if got := Min(3, 2); got != 2 {
		t.Errorf("Min(3, 2) = %d", got)
	}
}

func TestLimit(t *testing.T) {
	if Limit() != 20 {
		t.Error(Limit())
	}
}
-- use/use.go --
package use

import "example.com/m/num"

func Top(list []int) int {
	top := list[0]
	for _, n := range list[1:] {
		top = num.Max(n, top)
	}
	return top
}
-- use/use_test.go --
package use

import "testing"

func TestTop(t *testing.T) {
	if got := Top([]int{1, 5, 2}); got != 5 {
		t.Errorf("Top = %d", got)
	}
}
`

const maxHead = "func Max(a, b int) int {\n\tif a < b {"

func verdicts(results []validate.Result) []validate.Verdict {
	var out []validate.Verdict
	for _, r := range results {
		out = append(out, r.Verdict)
	}
	return out
}

func TestScreen(t *testing.T) {
	t.Parallel()
	f := newFixture(t, small)
	var seen []int
	f.s.opt.Progress = func(done, total, plausible int) { seen = []int{done, total, plausible} }
	goal := target("example.com/m/num", "TestMax")
	goal.Accepted = target("example.com/m/num", "TestLimit").Failures
	cases := []struct {
		name, new, reason string
		want              validate.Verdict
	}{
		{"right", "if a > b {", "", validate.Plausible},
		{"wrong", "if a <= b {", "still fail", validate.Rejected},
		{"unknown name", "if a > c {", "c", validate.IllTyped},
		{"no condition", "if a {", "", validate.IllTyped},
		{"syntax", "if a > {", "", validate.IllTyped},
		{"endless", "for a > 0 {\n\t}\n\tif a > b {", "timeout", validate.Rejected},
		{"panics", "if a > b {\n\t\tpanic(a)", "still fail", validate.Rejected},
	}
	var cands []propose.Candidate
	for _, tc := range cases {
		cands = append(cands, f.swap("num/num.go", maxHead, strings.Replace(maxHead, "if a < b {", tc.new, 1)))
	}
	results, spent := f.v.Screen(t.Context(), goal, cands)
	for i, tc := range cases {
		r := results[i]
		if r.Verdict != tc.want || !strings.Contains(r.Reason, tc.reason) || (r.Reason == "") != (tc.want == validate.Plausible) {
			t.Errorf("%s: got %s (%s), want %s", tc.name, r.Verdict, r.Reason, tc.want)
		}
		if (len(r.Fixes) > 0) != (tc.want == validate.Plausible) {
			t.Errorf("%s: fixes %v", tc.name, r.Fixes)
		}
	}
	if spent.TypeCheck <= 0 || spent.Build <= 0 || spent.Run <= 0 {
		t.Errorf("time is missing: %+v", spent)
	}
	if !slices.Equal(seen, []int{7, 7, 1}) {
		t.Errorf("got progress %v", seen)
	}
}

// One binary holds all candidates, and each gets its own verdict.
func TestScreenTogether(t *testing.T) {
	t.Parallel()
	f := newFixture(t, small)
	goal := target("example.com/m/num", "TestMax", "TestLimit")
	both := propose.Candidate{Edits: []propose.Edit{
		f.swap("num/num.go", maxHead, strings.Replace(maxHead, "<", ">", 1)).Edits[0], f.swap("num/num.go", "limit = 10", "limit = 20").Edits[0],
	}}
	cands := []propose.Candidate{
		f.swap("num/num.go", maxHead, strings.Replace(maxHead, "<", ">", 1)),
		f.swap("num/num.go", "limit = 10", "limit = 20"),
		f.swap("num/num.go", "limit = 10", `limit = "20"`),
		f.swap("num/num.go", "return limit", "return limit * 2"),
		f.swap("num/num.go", "return limit", "return 30"),
		both, // two functions: needs a build of its own
	}
	results, _ := f.v.Screen(t.Context(), goal, cands)
	want := []validate.Verdict{validate.Rejected, validate.Rejected, validate.IllTyped, validate.Rejected, validate.Rejected, validate.Plausible}
	if got := verdicts(results); !slices.Equal(got, want) {
		t.Errorf("got verdicts %v, want %v", got, want)
		for _, r := range results {
			t.Log(r.Reason)
		}
	}
	// A candidate that fixes one of two tests says which: the failures have two causes.
	for i, fixes := range []string{"TestMax", "TestLimit", "", "TestLimit", ""} {
		got := ""
		for _, id := range results[i].Fixes {
			got += id.Test
		}
		if got != fixes {
			t.Errorf("candidate %d fixes %q, want %q", i, got, fixes)
		}
	}
	for i := range results {
		if results[i].Candidate != &cands[i] {
			t.Errorf("result %d is not of candidate %d", i, i)
		}
	}
}

// A candidate that makes another test of the package fail is refused before confirmation,
// unless that failure is accepted.
func TestScreenPackage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, small)
	goal := target("example.com/m/num", "TestLimit")
	results, _ := f.v.Screen(t.Context(), goal, []propose.Candidate{f.swap("num/num.go", "return limit", "return 20")})
	if results[0].Verdict != validate.Refused || results[0].Reason != "breaks TestMax" || results[0].Stage != validate.StageScreen {
		t.Errorf("%s: %s", results[0].Verdict, results[0].Reason)
	}
	goal.Accepted = target("example.com/m/num", "TestMax").Failures
	results, _ = f.v.Screen(t.Context(), goal, []propose.Candidate{f.swap("num/num.go", "return limit", "return 20")})
	if results[0].Verdict != validate.Plausible {
		t.Errorf("%s: %s", results[0].Verdict, results[0].Reason)
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	const right = "func Max(a, b int) int {\n\tif a > b {"
	for _, tc := range []struct {
		name, new string
		want      validate.Verdict
		stage     string
		reason    string
		steps     []string
	}{
		{"right", right, validate.Verified, validate.StageRepeat, "", []string{validate.StageFailing, validate.StageDependents, validate.StageSuite, validate.StageRepeat}},
		{
			"breaks another package", "func Max(a, b int) int {\n\tif a == 3 || a < b {", validate.Refused, validate.StageDependents, "example.com/m/use.TestTop",
			[]string{validate.StageFailing, validate.StageDependents},
		},
		{"still fails", "func Max(a, b int) int {\n\tif a <= b {", validate.Rejected, validate.StageFailing, "TestMax", []string{validate.StageFailing}},
		{"does not compile", "func Max(a, b int) int {\n\tif a > c {", validate.Rejected, validate.StageFailing, "", []string{validate.StageFailing}},
		{
			// Right for the first calls in a process and wrong later: to the repeated run it
			// looks like a flaky patch.
			"passes only sometimes", "var asked int\n\nfunc Max(a, b int) int {\n\tif asked++; asked > 2 {\n\t\treturn -1\n\t}\n\tif a > b {", validate.Refused, validate.StageRepeat, "TestMax",
			[]string{validate.StageFailing, validate.StageDependents, validate.StageSuite, validate.StageRepeat},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, small)
			goal := target("example.com/m/num", "TestMax")
			goal.Accepted = target("example.com/m/num", "TestLimit").Failures
			c := f.swap("num/num.go", maxHead, tc.new)
			r := validate.Result{Candidate: &c, Verdict: validate.Plausible, Fixes: goal.Tests()}
			if err := f.v.Confirm(t.Context(), goal, &r); err != nil {
				t.Fatal(err)
			}
			if r.Verdict != tc.want || r.Stage != tc.stage || !strings.Contains(r.Reason, tc.reason) || (r.Reason == "") != (tc.want == validate.Verified) {
				t.Errorf("%s at %s (%s), want %s at %s (%s)", r.Verdict, r.Stage, r.Reason, tc.want, tc.stage, tc.reason)
			}
			var steps []string
			for i, e := range r.Evidence {
				steps = append(steps, e.Step)
				if last := i == len(r.Evidence)-1; e.Passed != (!last || tc.want == validate.Verified) || e.Detail == "" {
					t.Errorf("got evidence %+v", e)
				}
			}
			if !slices.Equal(steps, tc.steps) {
				t.Errorf("got steps %v, want %v", steps, tc.steps)
			}
		})
	}
}

// Screening can be canceled at any moment: it ends immediately, its verdicts are true, and it
// leaves no files behind.
func TestCancel(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("GOTMPDIR", t.TempDir()) // a killed go command leaves files, which the caller deletes with this directory
	f := newFixture(t, small)
	goal := target("example.com/m/num", "TestMax")
	goal.Accepted = target("example.com/m/num", "TestLimit").Failures
	var cands []propose.Candidate
	for range 20 {
		cands = append(cands, f.swap("num/num.go", maxHead, "func Max(a, b int) int {\n\tfor a > 0 {\n\t}\n\tif a > b {"))
	}
	for _, after := range []time.Duration{0, 300 * time.Millisecond, 1500 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		start := time.Now()
		results, _ := f.v.Screen(ctx, goal, cands)
		if over := time.Since(start) - after; over > 3*time.Second {
			t.Errorf("after %v it took %v to end", after, over)
		}
		for i, r := range results {
			if r.Verdict != validate.Pruned && r.Verdict != validate.Rejected || r.Reason == "" {
				t.Errorf("after %v: candidate %d is %s (%q)", after, i, r.Verdict, r.Reason)
			}
		}
		r := validate.Result{Candidate: &cands[0], Verdict: validate.Plausible}
		if err := f.v.Confirm(ctx, goal, &r); err == nil || r.Verdict != validate.Plausible {
			t.Errorf("canceled confirmation: %v, %s", err, r.Verdict)
		}
		cancel()
	}
	entries, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "TestCancel") { // the temporary directory of the test
			t.Errorf("%s is left behind", e.Name())
		}
	}
}

// A mutant may change several functions of a package, in several files. It shares the build.
func TestScreenSeveralFunctions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
-- a.go --
package m

func half(n int) int { return n / 3 }

var scale = 1
-- b.go --
package m

func Area(w, h int) int { return half(w) * h }

func (s shape) edge() int {
	if s < 0 {
		return 0
	}
	return int(s) + 1
}

type shape int
-- m_test.go --
package m

import "testing"

func Test(t *testing.T) {
	if got := Area(6, 4) + shape(5).edge(); got != 17 {
		t.Errorf("got %d", got)
	}
}
`)
	goal := target("example.com/m", "Test")
	both := func(a, b propose.Candidate) propose.Candidate {
		a.Edits = append(slices.Clone(a.Edits), b.Edits...)
		return a
	}
	half, edge := f.swap("a.go", "n / 3", "n / 2"), f.swap("b.go", "int(s) + 1", "int(s)")
	cands := []propose.Candidate{
		both(half, edge),
		half,
		edge,
		both(half, f.swap("b.go", "int(s) + 1", "string(s)")),
		both(half, f.swap("b.go", "int(s) + 1", "int(s")),
		both(half, f.swap("a.go", "scale = 1", "scale = 2")),
	}
	want := []validate.Verdict{validate.Plausible, validate.Rejected, validate.Rejected, validate.IllTyped, validate.IllTyped, validate.Rejected}
	results, _ := f.v.Screen(t.Context(), goal, cands)
	if got := verdicts(results); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for i, r := range results[:5] {
		if r.Stage == validate.StageFailing {
			t.Errorf("candidate %d had a build of its own", i)
		}
	}
}
