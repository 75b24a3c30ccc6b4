package repair

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// sampled returns a run with the two strategies of drawn candidates.
func sampled() *run {
	return newRun(Options{Limits: Limits{Strategies: []propose.Strategy{{Name: "common", Share: 8}, {Name: "rare", Share: 1}}}})
}

var unit = rapid.Float64Range(0, 1)

func drawResult(t *rapid.T) validate.Result {
	return validate.Result{
		Candidate: &propose.Candidate{
			Strategy:  rapid.SampledFrom([]string{"common", "rare"}).Draw(t, "strategy"),
			Suspicion: unit.Draw(t, "suspicion"), Prior: unit.Draw(t, "prior"), Removed: unit.Draw(t, "removed"), Alike: unit.Draw(t, "alike"),
			Review: rapid.Bool().Draw(t, "review"),
		},
		Verdict: rapid.SampledFrom([]validate.Verdict{validate.Plausible, validate.Verified, validate.Refused, validate.Rejected}).Draw(t, "verdict"),
		Fixes:   make([]testrun.TestID, rapid.IntRange(1, 3).Draw(t, "fixes")),
	}
}

// Each of these makes a patch rank lower than an otherwise equal one.
func TestRankPrefers(t *testing.T) {
	t.Parallel()
	plain := propose.Candidate{Strategy: "common", Suspicion: 0.5, Prior: 0.5, Removed: 0.2, Alike: 0.5}
	for _, tc := range []struct {
		name  string
		worse func(r *validate.Result)
	}{
		{"more behavior removed", func(r *validate.Result) { r.Candidate.Removed = 1 }},
		{"less suspicious", func(r *validate.Result) { r.Candidate.Suspicion = 0.4 }},
		{"a rarer strategy", func(r *validate.Result) { r.Candidate.Strategy = "rare" }},
		{"less likely within its strategy", func(r *validate.Result) { r.Candidate.Prior = 0.4 }},
		{"unlike the surrounding code", func(r *validate.Result) { r.Candidate.Alike = 0 }},
		{"for review", func(r *validate.Result) { r.Candidate.Review = true }},
		{"fixes less, though likelier", func(r *validate.Result) { r.Fixes, r.Candidate.Suspicion = r.Fixes[:1], 1 }},
		{"other tests did not run, though likelier", func(r *validate.Result) { r.Screened, r.Candidate.Suspicion = false, 1 }},
	} {
		one, other := plain, plain
		results := []validate.Result{
			{Candidate: &other, Verdict: validate.Plausible, Fixes: make([]testrun.TestID, 2), Screened: true},
			{Candidate: &one, Verdict: validate.Plausible, Fixes: make([]testrun.TestID, 2), Screened: true},
		}
		tc.worse(&results[0])
		if got := sampled().rank(results); len(got) != 2 || got[0] != &results[1] {
			t.Errorf("%s: the worse patch ranks first", tc.name)
		}
	}
}

func TestRankAndConfidence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		results := rapid.SliceOfN(rapid.Custom(drawResult), 1, 8).Draw(t, "results")
		r := sampled()
		ranked := r.rank(results)
		plausible := 0
		for _, res := range results {
			if res.Verdict == validate.Plausible {
				plausible++
			}
		}
		if len(ranked) != plausible {
			t.Fatalf("%d ranked of %d plausible", len(ranked), plausible)
		}
		means := r.priorMeans()
		total, all := 0.0, make([]*validate.Result, len(results))
		for i := range results {
			all[i] = &results[i]
		}
		for _, res := range all {
			c := confidence(res, all, 0, means)
			if !(c >= 0 && c <= 1) {
				t.Fatalf("got confidence %v", c)
			}
			if (res.Verdict == validate.Refused || res.Verdict == validate.Rejected) && c != 0 {
				t.Fatalf("a %s patch has confidence %v", res.Verdict, c)
			}
			if res.Candidate.Review && c > 0.5 {
				t.Fatalf("a patch for review has confidence %v", c)
			}
			if w := likelihood(res.Candidate, means); !(w >= 0 && w <= 1) {
				t.Fatalf("got likelihood %v, want 0 to 1", w)
			} else if w > 0 {
				total += c
			}
		}
		if total > 1.0001 {
			t.Fatalf("the confidences add up to %v", total)
		}
		// The order of the results does not matter.
		reversed := slices.Clone(results)
		slices.Reverse(reversed)
		again := r.rank(reversed)
		for i := range ranked {
			if a, b := likelihood(ranked[i].Candidate, means), likelihood(again[i].Candidate, means); a != b {
				t.Fatalf("rank %d has likelihood %v, reversed %v", i, a, b)
			}
		}
	})
}

func TestSuspectGroups(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		suspects := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) localize.Suspect {
			start := rapid.IntRange(1, 1000).Draw(t, "start")
			return localize.Suspect{File: "a.go", Start: start, End: start + rapid.IntRange(0, 250).Draw(t, "lines"), Score: unit.Draw(t, "score")}
		}), 0, 60).Draw(t, "suspects")
		got := suspectGroups(suspects)
		if len(got) == 0 {
			t.Fatal("got no groups")
		}
		same := func(a, b localize.Suspect) bool {
			return a.File == b.File && a.Start == b.Start && a.End == b.End && a.Score == b.Score
		}
		if !slices.EqualFunc(slices.Concat(got...), suspects, same) {
			t.Fatalf("groups have other suspects: %v", got)
		}
		limit, share := firstGroup, 0.0
		for i, group := range got {
			lines := 0
			for _, s := range group {
				lines += s.End - s.Start + 1
			}
			if last := i == len(got)-1; !last && lines < limit || len(group) == 0 && len(suspects) > 0 {
				t.Fatalf("group %d has %d lines of %d", i, lines, limit)
			}
			if len(group) > 0 {
				if before := lines - (group[len(group)-1].End - group[len(group)-1].Start + 1); before >= limit {
					t.Fatalf("group %d continues after %d lines of %d", i, before, limit)
				}
			}
			limit *= groupGrowth
			share += mass(group) / mass(suspects)
		}
		if mass(suspects) <= 0 || len(suspects) > 0 && suspects[0].Score > 0.01 && (share < 0.99 || share > 1.01+float64(len(got))) {
			t.Fatalf("got mass %v, shares %v", mass(suspects), share)
		}
	})
}

// The rejected results that fix the most tests become plausible, and no others.
func TestPromote(t *testing.T) {
	t.Parallel()
	fixes := func(n int, v validate.Verdict) validate.Result {
		return validate.Result{Verdict: v, Fixes: make([]testrun.TestID, n)}
	}
	results := []validate.Result{
		fixes(0, validate.Rejected), fixes(2, validate.Rejected), fixes(1, validate.Rejected), fixes(2, validate.Refused), fixes(2, validate.Rejected),
	}
	promote(results)
	want := []validate.Verdict{validate.Rejected, validate.Plausible, validate.Rejected, validate.Refused, validate.Plausible}
	for i, r := range results {
		if r.Verdict != want[i] {
			t.Errorf("result %d: got %s, want %s", i, r.Verdict, want[i])
		}
	}
	none := []validate.Result{fixes(0, validate.Rejected)}
	if promote(none); none[0].Verdict != validate.Rejected {
		t.Error("a result that fixes nothing is plausible")
	}
	compile := []validate.Result{
		{Verdict: validate.Rejected, Compiles: true, StillFailing: 3},
		{Verdict: validate.Rejected, Compiles: true, StillFailing: 1},
		{Verdict: validate.Rejected, StillFailing: 0},
		{Verdict: validate.IllTyped, Compiles: true, StillFailing: 1},
	}
	promoteCompiling(compile)
	for i, want := range []validate.Verdict{validate.Rejected, validate.Plausible, validate.Rejected, validate.IllTyped} {
		if compile[i].Verdict != want {
			t.Errorf("compiling result %d: got %s, want %s", i, compile[i].Verdict, want)
		}
	}
}

// The winner is first in the report, whatever else is plausible and however many candidates
// were not tested.
func TestReportPutsTheWinnerFirst(t *testing.T) {
	t.Parallel()
	for _, untested := range []int{0, 1, 40} {
		tree := &propose.Tree{Overlay: map[string][]byte{"a.go": []byte("abc")}}
		s := &search{
			run: sampled(), cluster: &cluster{tree: tree, validator: &validate.Validator{Tree: tree}},
			target: validate.Target{Failures: []testrun.Failure{{Kind: testrun.Assertion}}},
		}
		cand := func(at int, suspicion float64) *propose.Candidate {
			return &propose.Candidate{
				Strategy: "common", Suspicion: suspicion, Prior: 0.5,
				Edits: []propose.Edit{{File: "a.go", Start: at, End: at + 1, New: "x"}},
			}
		}
		s.results = []validate.Result{
			{Candidate: cand(0, 1), Verdict: validate.Plausible}, // could not be confirmed
			{Candidate: cand(1, 0.5), Verdict: validate.Verified},
			{Candidate: cand(2, 0.9), Verdict: validate.Refused},
		}
		for range untested {
			s.pool = append(s.pool, *cand(0, 0.1))
		}
		s.record(&s.results[1])
		if len(s.run.report.Patches) != 3 {
			t.Fatalf("got %d patches", len(s.run.report.Patches))
		}
		first, last := s.run.report.Patches[0], s.run.report.Patches[2]
		if first.State != report.PatchVerified || first.Rank != 1 || last.State != report.PatchRefused {
			t.Errorf("with %d untested: %s is first and %s last", untested, first.State, last.State)
		}
		if got := len(s.run.report.Attempts); got != 3+untested {
			t.Errorf("%d attempts of %d", got, 3+untested)
		}
	}
}
