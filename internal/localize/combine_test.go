package localize

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestOchiai(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		t    tally
		want float64
	}{
		{"separates failing from passing", tally{failing: 3, allFailing: 3, allPassing: 40}, 1},
		{"run by everything", tally{failing: 1, allFailing: 1, passing: 3, allPassing: 3}, 0.5},
		{"run by some failing", tally{failing: 1, allFailing: 4, allPassing: 10}, 0.5},
		{"run by passing only", tally{allFailing: 2, passing: 5, allPassing: 5}, 0},
		{"no passing tests", tally{failing: 2, allFailing: 2}, 1},
		{"nothing ran", tally{}, 0},
	} {
		if got := tc.t.ochiai(); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestOchiaiOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := tally{allFailing: rapid.IntRange(1, 50).Draw(t, "F"), allPassing: rapid.IntRange(0, 200).Draw(t, "P")}
		a.failing = rapid.IntRange(0, a.allFailing).Draw(t, "failing")
		a.passing = rapid.IntRange(0, a.allPassing).Draw(t, "passing")
		o := a.ochiai()
		if o < 0 || o > 1+1e-9 {
			t.Fatalf("out of range: %v", o)
		}
		if more := a; a.failing < a.allFailing {
			more.failing++
			if more.ochiai() <= o {
				t.Fatalf("one more failing test lowers %v to %v", o, more.ochiai())
			}
		}
		if more := a; a.failing > 0 && a.passing < a.allPassing {
			more.passing++
			if more.ochiai() >= o {
				t.Fatalf("one more passing test raises %v to %v", o, more.ochiai())
			}
		}
	})
}

func drawReasons(t *rapid.T) *reasons {
	r := new(reasons)
	for _, k := range kinds {
		if s := rapid.Float64Range(0.01, 1).Draw(t, string(k)); rapid.Bool().Draw(t, "has "+string(k)) {
			r.add(Reason{k, s, "why"})
		}
	}
	return r
}

func TestScore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawReasons(t)
		before := r.score()
		if before < 0 || before >= 1 {
			t.Fatalf("got score %v", before)
		}
		if len(r.list()) == 1 {
			only := r.list()[0]
			if want := weights[only.Evidence] * only.Strength; math.Abs(before-want) > 1e-9 {
				t.Fatalf("%v alone scores %v, want %v", only, before, want)
			}
		}
		more := *r
		more.add(Reason{
			rapid.SampledFrom(kinds[:]).Draw(t, "kind"),
			rapid.Float64Range(0.01, 1).Draw(t, "strength"), "more",
		})
		if more.score() < before {
			t.Fatalf("more evidence lowers %v to %v", before, more.score())
		}
	})
}

func TestScoreOfIdleLine(t *testing.T) {
	t.Parallel()
	idle := Reason{Coverage, 0, "not run by any failing test"}
	changed := Reason{Changed, 1, "changed since the base"}
	for _, tc := range []struct {
		name string
		with []Reason
		want float64
	}{
		{"nothing else", []Reason{idle}, 0},
		{"changed", []Reason{idle, changed}, notRun * weights[Changed]},
		{"a stack overrules it", []Reason{idle, {Stack, 1, "panic"}}, weights[Stack]},
		{"a compiler overrules it", []Reason{idle, {Compiler, 1, "undefined"}}, weights[Compiler]},
	} {
		var r reasons
		for _, reason := range tc.with {
			r.add(reason)
		}
		if got := r.score(); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestAddDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Reason {
			return Reason{
				rapid.SampledFrom(kinds[:]).Draw(t, "kind"),
				rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "strength"),
				rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "text"),
			}
		})).Draw(t, "reasons")
		var one, other reasons
		for _, r := range all {
			one.add(r)
		}
		for _, r := range rapid.Permutation(all).Draw(t, "permutation") {
			other.add(r)
		}
		if one != other {
			t.Fatalf("%v and %v", one, other)
		}
	})
}

func TestIndex(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		suspects := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Suspect {
			start := rapid.IntRange(1, 30).Draw(t, "start")
			return Suspect{
				File:  rapid.SampledFrom([]string{"a.go", "b.go"}).Draw(t, "file"),
				Start: start, End: start + rapid.IntRange(0, 10).Draw(t, "more"),
				Score: rapid.Float64Range(0, 1).Draw(t, "score"),
			}
		})).Draw(t, "suspects")
		x := NewIndex(suspects)
		start := rapid.IntRange(0, 45).Draw(t, "from")
		end := start + rapid.IntRange(0, 5).Draw(t, "to")
		var want float64
		for _, s := range suspects {
			if s.File == "a.go" && s.Start <= end && s.End >= start {
				want = max(want, s.Score)
			}
		}
		if got := x.Max("a.go", start, end); got != want {
			t.Fatalf("Max(%d, %d) = %v, want %v", start, end, got, want)
		}
		if got := x.At("a.go", start); got != x.Max("a.go", start, start) {
			t.Fatalf("At(%d) = %v", start, got)
		}
		if got := x.At("c.go", start); got != 0 {
			t.Fatalf("a file without suspects has %v", got)
		}
	})
}
