package propose

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/align"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/testrun"
)

func words() *Problem {
	return &Problem{
		Tree:     &Tree{Overlay: map[string][]byte{"a.txt": []byte("one two\n"), "b_test.txt": []byte("x")}},
		Suspects: []localize.Suspect{{File: "a.txt", Start: 1, End: 1, Score: 0.5}},
		TestCode: func(file string) bool { return file == "b_test.txt" },
	}
}

func wordAt(file string, start, end int, text string) Candidate {
	return Candidate{Title: text, Suspicion: 0.5, Prior: 0.5, Edits: []Edit{{File: file, Start: start, End: end, New: text}}}
}

func TestAsynchronous(t *testing.T) {
	t.Parallel()
	for cost, want := range map[Cost]bool{
		{}: false, {Seconds: 1}: false, {Seconds: 10}: true, {Network: true}: true, {Dollars: 0.01}: true,
	} {
		if got := (&Strategy{Cost: cost}).Asynchronous(); got != want {
			t.Errorf("%+v: %t", cost, got)
		}
	}
}

// Candidates that Generate would drop are declined with a reason.
func TestIntakeDeclines(t *testing.T) {
	t.Parallel()
	p := words()
	generated, errs := Generate(t.Context(), p, []Strategy{{Name: "first", Propose: func(_ context.Context, _ *Problem, yield func(Candidate) bool) error {
		yield(wordAt("a.txt", 0, 3, "1"))
		return nil
	}}})
	if len(generated) != 1 || errs != nil {
		t.Fatalf("got %v, %v", generated, errs)
	}
	overlapping := wordAt("a.txt", 0, 3, "x")
	overlapping.Edits = append(overlapping.Edits, Edit{File: "a.txt", Start: 2, End: 4, New: "y"})
	odd := wordAt("a.txt", 4, 7, "zwei")
	odd.Title, odd.Suspicion, odd.Prior, odd.Alike, odd.Removed = "two\nlines\x1b[1m", math.NaN(), math.Inf(1), -1, 7
	in := p.Intake(Strategy{Name: "late"})
	admitted, declined := in.Take([]Candidate{
		wordAt("a.txt", 0, 3, "1"),
		{},
		wordAt("b_test.txt", 0, 1, "y"), wordAt("a.txt", 0, 99, "y"), wordAt("c.txt", 0, 1, "y"),
		overlapping, wordAt("a.txt", 0, 3, "one"), odd, odd,
	})
	var reasons []string
	for _, r := range declined {
		reasons = append(reasons, r.Reason)
	}
	want := []string{duplicate, noEdit, notEditable, misplaced, misplaced, misplaced, noChange, duplicate}
	if !slices.Equal(reasons, want) {
		t.Errorf("got reasons %q, want %q", reasons, want)
	}
	if len(admitted) != 1 {
		t.Fatalf("admitted %+v", admitted)
	}
	c := admitted[0]
	if c.Strategy != "late" || c.Title != "two lines" || c.Line != 1 || c.Key == 0 || c.Suspicion != 0 || c.Removed != 1 || c.Alike != 0 || !(c.Prior >= 0 && c.Prior <= 1) {
		t.Errorf("admitted %+v", c)
	}
	// Candidates that were admitted are duplicates for the next strategy.
	if again, _ := p.Intake(Strategy{Name: "later"}).Take([]Candidate{odd}); len(again) != 0 {
		t.Errorf("admitted twice: %+v", again)
	}
}

// However a strategy divides its candidates among calls, they add up to the same share of its
// promise, and to no more than the whole.
func TestIntakeShares(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := words().Intake(Strategy{Name: "late"})
		total, n := 0.0, 0
		for _, size := range rapid.SliceOfN(rapid.IntRange(0, 5), 1, 6).Draw(t, "batches") {
			var batch []Candidate
			for range size {
				n++
				c := wordAt("a.txt", 0, 3, fmt.Sprint(n))
				c.Suspicion, c.Prior = rapid.Float64Range(0.01, 1).Draw(t, "suspicion"), rapid.Float64Range(0.01, 1).Draw(t, "prior")
				batch = append(batch, c)
			}
			admitted, _ := in.Take(batch)
			if len(admitted) != size {
				t.Fatalf("%d of %d admitted", len(admitted), size)
			}
			for _, c := range admitted {
				total += c.Suspicion * c.Prior
			}
		}
		if want := 1 - 1/float64(n+1); math.Abs(total-want) > 1e-9 || math.Abs(1-in.Left()-want) > 1e-9 {
			t.Fatalf("%d candidates add up to %v, and %v is left", n, total, in.Left())
		}
	})
}

// A strategy for certain kinds of failure sets absolute priors.
func TestIntakeKeepsAbsolutePriors(t *testing.T) {
	t.Parallel()
	in := words().Intake(Strategy{Name: "late", Kinds: []testrun.Kind{testrun.Compile}})
	if got, _ := in.Take([]Candidate{wordAt("a.txt", 0, 3, "1")}); len(got) != 1 || got[0].Prior != 0.5 {
		t.Errorf("%+v", got)
	}
}

// A snapshot has everything that a strategy reads, and a memo of its own.
func TestSnapshotIsComplete(t *testing.T) {
	t.Parallel()
	p := words()
	p.Failures, p.Changes, p.Source = []testrun.Failure{{Message: "x"}}, []patch.File{{NewName: "a.txt"}}, "source"
	p.Editable = func(string) bool { return true }
	p.Green = func(context.Context, map[string][]byte) (bool, error) { return true, nil }
	p.Emptied = func(string, []byte) []byte { return nil }
	p.Parts = func(string, []byte) *align.Part { return nil }
	p.Spend = func(float64) {}
	from, to := reflect.ValueOf(p).Elem(), reflect.ValueOf(p.Snapshot()).Elem()
	for i := range from.NumField() {
		field := from.Type().Field(i)
		if !field.IsExported() || field.Name == "Memo" {
			continue
		}
		if from.Field(i).IsZero() {
			t.Errorf("this test leaves out %s", field.Name)
		}
		if to.Field(i).IsZero() {
			t.Errorf("a snapshot leaves out %s", field.Name)
		}
	}
}

// A strategy can read its snapshot while the problem changes; for the race detector.
func TestSnapshotIsIndependent(t *testing.T) {
	t.Parallel()
	p := words()
	view := p.Snapshot()
	in := p.Intake(Strategy{Name: "late"})
	yielded := make(chan Candidate)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(yielded)
		for i := range 50 {
			c := wordAt("a.txt", 0, 3, fmt.Sprint("late ", i))
			c.Suspicion = view.Suspicion("a.txt", 1, 1)
			c.Hole = view.Hole(c.Edits)
			yielded <- c
		}
	})
	taken := 0
	for c := range yielded {
		p.Suspect([]localize.Suspect{{File: "a.txt", Start: 1, End: 1, Score: 0.1}}, 1)
		_, _ = Generate(t.Context(), p, []Strategy{{Name: "first", Propose: func(_ context.Context, p *Problem, yield func(Candidate) bool) error {
			c := wordAt("a.txt", 4, 7, "x")
			c.Hole = p.Hole(c.Edits)
			yield(c)
			return nil
		}}})
		admitted, _ := in.Take([]Candidate{c})
		taken += len(admitted)
		if len(admitted) == 1 && (admitted[0].Hole == c.Hole || admitted[0].Hole != p.Hole(c.Edits)) {
			t.Fatal("an admitted candidate has the hole of the snapshot")
		}
	}
	wg.Wait()
	if taken != 50 {
		t.Errorf("%d candidates were admitted, want 50", taken)
	}
}

func TestSpent(t *testing.T) {
	t.Parallel()
	total := 0.0
	p := &Problem{Spend: func(dollars float64) { total += dollars }}
	for _, dollars := range []float64{0.5, math.NaN(), math.Inf(1), -3, 0.25, 0} {
		p.Spent(dollars)
	}
	(&Problem{}).Spent(1)
	if total != 0.75 {
		t.Errorf("spent %v", total)
	}
}
