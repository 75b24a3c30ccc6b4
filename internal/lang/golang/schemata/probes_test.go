package schemata

import (
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// branches is a package of which the failing test reaches only a part.
const branches = `
-- p/p.go --
package p

func Sign(n int) string {
	if n < 0 {
		return "minus"
	}
	for range n {
		if n > 100 {
			continue
		}
		n = n + 0
	}
	switch {
	case n > 9:
		return "much"
	case n > 0:
		return "plus!"
	}
	later()
	return "none"
}

func later() string { return "later" }

func again(n int) int {
	i := 0
loop:
	if i < n {
		i++
		goto loop
	}
	return i
}
-- p/p_test.go --
package p

import "testing"

func TestSign(t *testing.T) {
	if again(3) != 3 {
		t.Fatal("again")
	}
	if got := Sign(5); got != "plus" {
		t.Fatal(got)
	}
	if got := Sign(0); got != "none" {
		t.Fatal(got)
	}
}
`

// TestProbes checks that candidates in code that was not reached before the failure are not
// tested, once a first batch has recorded that.
func TestProbes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, branches)
	goal := target("example.com/m/p", "TestSign")
	swap := func(old, new string) propose.Candidate { return f.swap("p/p.go", old, new) }
	first := []propose.Candidate{swap(`"plus!"`, `"Plus"`)}
	if results, _ := f.v.Screen(t.Context(), goal, first); results[0].Verdict != validate.Rejected {
		t.Fatalf("first: %+v", results[0])
	}
	for _, tt := range []struct {
		old, new string
		want     validate.Verdict
	}{
		{`"plus!"`, `"plus"`, validate.Plausible},
		{`"minus"`, `"Minus"`, validate.Pruned},          // the other branch
		{"n < 0", "n < 1", validate.Rejected},            // the condition
		{"continue", "break", validate.Pruned},           // a branch in a loop
		{"n = n + 0", "n = n + 1", validate.Rejected},    // after it
		{`"much"`, `"more"`, validate.Pruned},            // another case
		{`"none"`, `"nothing"`, validate.Pruned},         // after a switch that returns
		{`"later"`, `"late"`, validate.Pruned},           // a function that is called only after that
		{"i++", "i += 2", validate.Rejected},             // between jumps
		{"goto loop", "return i", validate.Rejected},     // a jump
		{"\tlater()\n\t", "\t", validate.Pruned},         // a deleted statement
		{"if i < n {", "if i <= n {", validate.Rejected}, // after a label
	} {
		cand := swap(tt.old, tt.new)
		results, _ := f.v.Screen(t.Context(), goal, []propose.Candidate{cand})
		if got := results[0]; got.Verdict != tt.want || tt.want == validate.Pruned && !strings.Contains(got.Reason, "before they reach it") {
			t.Errorf("%s: got %s (%s), want %s", cand.Title, got.Verdict, got.Reason, tt.want)
		}
	}
}

// TestProbesAreSampled checks that a sample of the candidates in code that is not reached is
// tested anyway, and all of them if one passes.
func TestProbesAreSampled(t *testing.T) {
	t.Parallel()
	f := newFixture(t, branches)
	goal := target("example.com/m/p", "TestSign")
	if results, _ := f.v.Screen(t.Context(), goal, []propose.Candidate{f.swap("p/p.go", `"plus!"`, `"Plus"`)}); results[0].Verdict != validate.Rejected {
		t.Fatalf("first: %+v", results[0])
	}
	var cands []propose.Candidate
	for range missedSample {
		cands = append(cands, f.swap("p/p.go", `"minus"`, `"Minus"`))
	}
	results, _ := f.v.Screen(t.Context(), goal, cands)
	if got := verdicts(results); got[missedSample-1] != validate.Rejected || slices.Contains(got[:missedSample-1], validate.Rejected) {
		t.Errorf("got %v", got)
	}
	// Pretend that the probes are wrong.
	for name, stretches := range f.s.probes.files {
		for i := range stretches {
			stretches[i].reached = false
		}
		f.s.probes.files[name] = stretches
	}
	for i := range cands {
		cands[i] = f.swap("p/p.go", `"plus!"`, `"plus"`)
	}
	results, _ = f.v.Screen(t.Context(), goal, cands)
	if got := verdicts(results); slices.ContainsFunc(got, func(v validate.Verdict) bool { return v != validate.Plausible }) {
		t.Errorf("got %v", got)
	}
}

// TestScreenings checks that every mode of screening returns the same verdicts.
func TestScreenings(t *testing.T) {
	t.Parallel()
	var want []validate.Verdict
	for _, screening := range validate.Modes {
		f := newFixture(t, branches)
		f.s.opt.Screening = screening
		var cands []propose.Candidate
		for _, c := range [][2]string{{`"plus!"`, `"plus"`}, {`"plus!"`, `"Plus"`}, {"n > 0", "n > nothing"}, {"n = n + 0", "n = n + 1"}, {`"plus!"`, `"plus" + ""`}} {
			cands = append(cands, f.swap("p/p.go", c[0], c[1]))
		}
		results, _ := f.v.Screen(t.Context(), target("example.com/m/p", "TestSign"), cands)
		got := verdicts(results)
		for i := range got { // some modes find compile errors only in the build
			if got[i] == validate.IllTyped {
				got[i] = validate.Rejected
			}
		}
		if want == nil {
			want = []validate.Verdict{validate.Plausible, validate.Rejected, validate.Rejected, validate.Rejected, validate.Plausible}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", screening, got, want)
		}
	}
}
