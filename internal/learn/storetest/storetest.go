// Package storetest tests the contract of a learn.Store. It has everything that callers
// rely on, and every adapter runs it.
//
// Non-goals: how an adapter fails when its disk or server fails. The adapter's own tests
// check that.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/learn"
)

// Connect returns another handle to the same storage, as another process would open it. The
// caller closes it.
type Connect func() learn.Store

// New creates an empty storage. Its handles read the time from now and use the default
// half-life.
type New func(t *testing.T, now func() time.Time) Connect

// Now is the time in the tests. It is noon, so that no day ends during a test.
var Now = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func atNow() time.Time { return Now }

var assertion = learn.Context{Language: "go", Kind: "assertion"}

// Run runs the contract against an adapter.
func Run(t *testing.T, storage New) {
	contract := []struct {
		name string
		test func(*testing.T, New)
	}{
		{"empty", empty},
		{"rewards add up by weight", rewards},
		{"an outcome is returned unchanged", roundTrip},
		{"recording again changes nothing", idempotent},
		{"a batch is stored completely or not at all", atomic},
		{"old outcomes count less", decay},
		{"other contexts count a tenth", borrowed},
		{"arms do not mix", arms},
		{"queries select", queries},
		{"order does not matter", commutative},
		{"handles share one storage and lose nothing", concurrent},
		{"a context ends a call", canceled},
		{"closed", closed},
	}
	for _, c := range contract {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, storage)
		})
	}
}

// open returns a single handle to a new storage.
func open(t *testing.T, storage New) learn.Store {
	t.Helper()
	store := storage(t, atNow)()
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return store
}

func record(t *testing.T, store learn.Store, outcomes ...learn.Outcome) {
	t.Helper()
	if err := store.Record(t.Context(), learn.Batch{Outcomes: outcomes}); err != nil {
		t.Fatalf("Record: %v", err)
	}
}

func posteriors(t *testing.T, store learn.Store, c learn.Context) map[string]learn.Posterior {
	t.Helper()
	got, err := store.Posteriors(t.Context(), c)
	if err != nil {
		t.Fatalf("Posteriors: %v", err)
	}
	return got
}

// outcomes returns the IDs that a query selects.
func outcomes(t *testing.T, store learn.Store, q learn.Query) []string {
	t.Helper()
	got, err := store.Outcomes(t.Context(), q)
	if err != nil {
		t.Fatalf("Outcomes: %v", err)
	}
	ids := []string{}
	for _, o := range got {
		ids = append(ids, o.ID)
	}
	return ids
}

func want(t *testing.T, got map[string]learn.Posterior, want map[string]learn.Posterior) {
	t.Helper()
	near := func(a, b learn.Posterior) bool {
		return math.Abs(a.Alpha-b.Alpha) < 1e-9 && math.Abs(a.Beta-b.Beta) < 1e-9
	}
	if !maps.EqualFunc(got, want, near) {
		t.Errorf("posteriors: got %v, want %v", got, want)
	}
}

// outcome returns an outcome of weight 1 in the context assertion, from today.
func outcome(id, strategy string, reward float64) learn.Outcome {
	return learn.Outcome{ID: id, Strategy: strategy, Context: assertion, Reward: reward, Weight: 1, Event: learn.Rejected, At: Now}
}

func empty(t *testing.T, storage New) {
	store := open(t, storage)
	want(t, posteriors(t, store, assertion), nil)
	if got := outcomes(t, store, learn.Query{}); len(got) != 0 {
		t.Errorf("an empty store has outcomes %v", got)
	}
	record(t, store) // an empty batch
}

func rewards(t *testing.T, storage New) {
	store := open(t, storage)
	half := outcome("3", "guard", 0.25)
	half.Weight = 2
	noted := outcome("4", "noted", 1)
	noted.Weight = 0
	record(t, store, outcome("1", "guard", 1), outcome("2", "guard", 0))
	record(t, store, half, noted)
	want(t, posteriors(t, store, assertion), map[string]learn.Posterior{"guard": {Alpha: 1.5, Beta: 2.5}})
	if got := outcomes(t, store, learn.Query{}); len(got) != 4 {
		t.Errorf("outcomes: got %v, want all four, also the one of weight 0", got)
	}
}

func roundTrip(t *testing.T, storage New) {
	store := open(t, storage)
	full := learn.Outcome{
		ID: "run/7:kept", Run: "run", Attempt: "7", Strategy: "template/guard:nil", Context: learn.Context{Language: "go", Kind: "panic"},
		Reward: 1.0 / 3, Weight: 0.7, Seconds: 1.25, Event: learn.Kept, At: Now.Add(-time.Hour - 123456*time.Microsecond),
	}
	odd := learn.Outcome{ID: "'; --\x00\n", Strategy: "日本 \"%s\" {}", Weight: 1e-300, Event: "an event of tomorrow"}
	record(t, store, full, odd)
	odd.At = Now // it had no time of its own
	got, err := store.Outcomes(t.Context(), learn.Query{})
	if err != nil {
		t.Fatalf("Outcomes: %v", err)
	}
	if !slices.Equal(got, []learn.Outcome{full, odd}) {
		t.Errorf("outcomes: got %+v\nwant %+v\nand %+v", got, full, odd)
	}
}

func idempotent(t *testing.T, storage New) {
	store := open(t, storage)
	batch := learn.Batch{
		Run:      learn.Run{ID: "r", Started: Now, Verdict: "fixed"},
		Failures: []learn.Failure{{Fingerprint: "f", Test: "TestX"}},
		Attempts: []learn.Attempt{{ID: "a", Failure: "f", Patch: "p", Verdict: "rejected"}},
		Outcomes: []learn.Outcome{outcome("1", "guard", 1)},
	}
	for range 3 {
		if err := store.Record(t.Context(), batch); err != nil {
			t.Fatalf("Record: %v", err)
		}
	}
	other := outcome("1", "other", 0)
	record(t, store, other, outcome("2", "guard", 0), outcome("2", "guard", 0))
	want(t, posteriors(t, store, assertion), map[string]learn.Posterior{"guard": {Alpha: 1, Beta: 1}})
	if got := outcomes(t, store, learn.Query{}); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("outcomes: got %v, want 1 and 2, each once", got)
	}
}

func atomic(t *testing.T, storage New) {
	store := open(t, storage)
	bad := map[string]learn.Outcome{
		"no ID":               outcome("", "guard", 1),
		"no strategy":         outcome("2", "", 1),
		"reward above 1":      outcome("2", "guard", 1.01),
		"reward below 0":      outcome("2", "guard", -0.01),
		"reward not a number": outcome("2", "guard", math.NaN()),
		"weight negative":     {ID: "2", Strategy: "guard", Weight: -1},
		"weight infinite":     {ID: "2", Strategy: "guard", Weight: math.Inf(1)},
		"weight not a number": {ID: "2", Strategy: "guard", Weight: math.NaN()},
	}
	for name, o := range bad {
		batch := learn.Batch{Outcomes: []learn.Outcome{outcome("1", "guard", 1), o}}
		if err := store.Record(t.Context(), batch); err == nil {
			t.Errorf("%s: Record accepted it", name)
		}
	}
	orphan := learn.Batch{Attempts: []learn.Attempt{{ID: "a"}}, Outcomes: []learn.Outcome{outcome("1", "guard", 1)}}
	if err := store.Record(t.Context(), orphan); err == nil {
		t.Errorf("Record accepted an attempt without a run")
	}
	if got := outcomes(t, store, learn.Query{}); len(got) != 0 {
		t.Errorf("refused batches left outcomes %v", got)
	}
	want(t, posteriors(t, store, assertion), nil)
}

func decay(t *testing.T, storage New) {
	store := open(t, storage)
	aged := func(id, strategy string, age time.Duration) learn.Outcome {
		o := outcome(id, strategy, 1)
		o.At = Now.Add(-age)
		return o
	}
	record(t, store,
		aged("1", "today", 6*time.Hour),
		aged("2", "half", learn.DefaultHalfLife),
		aged("3", "quarter", 2*learn.DefaultHalfLife),
		aged("4", "forgotten", 11*learn.DefaultHalfLife),
		aged("5", "future", -100*learn.DefaultHalfLife),
	)
	want(t, posteriors(t, store, assertion), map[string]learn.Posterior{
		"today": {Alpha: 1}, "half": {Alpha: 0.5}, "quarter": {Alpha: 0.25}, "future": {Alpha: 1},
	})
}

func borrowed(t *testing.T, storage New) {
	store := open(t, storage)
	record(t, store,
		outcome("1", "guard", 1),
		learn.Outcome{ID: "2", Strategy: "guard", Context: learn.Context{Language: "go", Kind: "panic"}, Reward: 0, Weight: 1},
		learn.Outcome{ID: "3", Strategy: "guard", Context: learn.Context{Language: "python", Kind: "assertion"}, Reward: 1, Weight: 1},
	)
	want(t, posteriors(t, store, assertion), map[string]learn.Posterior{"guard": {Alpha: 1.1, Beta: 0.1}})
	want(t, posteriors(t, store, learn.Context{Language: "java", Kind: "race"}), map[string]learn.Posterior{"guard": {Alpha: 0.2, Beta: 0.1}})
}

// arms uses names that would collide in an adapter that joins them into one key.
func arms(t *testing.T, storage New) {
	store := open(t, storage)
	names := []string{"a", "a:b", "b", "b:c", "a/b", "", "a b", "*", "a\x00b"}
	var all []learn.Outcome
	for _, language := range names {
		for _, kind := range names {
			o := outcome(fmt.Sprintf("%q %q", language, kind), "s:"+language, 1)
			o.Context = learn.Context{Language: language, Kind: kind}
			all = append(all, o)
		}
	}
	record(t, store, all...)
	for _, language := range names {
		for _, kind := range names {
			got := posteriors(t, store, learn.Context{Language: language, Kind: kind})
			if len(got) != len(names) {
				t.Fatalf("got %d strategies, want %d: %v", len(got), len(names), got)
			}
			own := got["s:"+language].Alpha
			if expect := 1 + 0.1*float64(len(names)-1); math.Abs(own-expect) > 1e-9 {
				t.Errorf("%q %q: alpha is %v, want %v", language, kind, own, expect)
			}
		}
	}
}

func queries(t *testing.T, storage New) {
	store := open(t, storage)
	var all []learn.Outcome
	for i := range 6 {
		o := outcome(fmt.Sprint(i), []string{"guard", "case"}[i%2], 1)
		o.Run = []string{"a", "b", "c"}[i/2]
		o.At = Now.Add(time.Duration(i/3) * time.Minute) // 0 1 2, then 3 4 5
		all = append(all, o)
	}
	slices.Reverse(all)
	record(t, store, all...)
	for _, c := range []struct {
		query learn.Query
		want  []string
	}{
		{learn.Query{}, []string{"0", "1", "2", "3", "4", "5"}},
		{learn.Query{Limit: 2}, []string{"4", "5"}},
		{learn.Query{Limit: 99}, []string{"0", "1", "2", "3", "4", "5"}},
		{learn.Query{Run: "b"}, []string{"2", "3"}},
		{learn.Query{Run: "none"}, []string{}},
		{learn.Query{Strategy: "guard"}, []string{"0", "2", "4"}},
		{learn.Query{Strategy: "guard", Limit: 1}, []string{"4"}},
		{learn.Query{Since: Now.Add(time.Minute)}, []string{"3", "4", "5"}},
		{learn.Query{Since: Now.Add(time.Second), Run: "b", Strategy: "case"}, []string{"3"}},
		{learn.Query{Since: Now.Add(time.Hour)}, []string{}},
	} {
		if got := outcomes(t, store, c.query); !slices.Equal(got, c.want) {
			t.Errorf("%+v selects %v, want %v", c.query, got, c.want)
		}
	}
}

// commutative records the same outcomes in several orders and batch sizes, and compares
// the posteriors with learn.Fold.
func commutative(t *testing.T, storage New) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []learn.Outcome
	var increments []learn.Increment
	for i := range 200 {
		o := learn.Outcome{
			ID:       fmt.Sprint(i),
			Strategy: fmt.Sprint("s", rng.IntN(4)),
			Context:  learn.Context{Language: "go", Kind: fmt.Sprint("k", rng.IntN(3))},
			Reward:   rng.Float64(),
			Weight:   2 * rng.Float64(),
			At:       Now.Add(-time.Duration(rng.IntN(300*24)) * time.Hour),
		}
		all, increments = append(all, o), append(increments, o.Increment())
	}
	c := learn.Context{Language: "go", Kind: "k1"}
	expect := learn.Fold(increments, c, Now, learn.DefaultHalfLife)
	for _, size := range []int{1, 17, 200} {
		store := open(t, storage)
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for chunk := range slices.Chunk(all, size) {
			record(t, store, chunk...)
		}
		want(t, posteriors(t, store, c), expect)
	}
}

func concurrent(t *testing.T, storage New) {
	connect := storage(t, atNow)
	const handles, batches = 8, 10
	var group sync.WaitGroup
	for h := range handles {
		group.Go(func() {
			store := connect()
			defer store.Close()
			for b := range batches {
				err := store.Record(t.Context(), learn.Batch{Outcomes: []learn.Outcome{
					outcome(fmt.Sprintf("own %d %d", h, b), "guard", 1),
					outcome(fmt.Sprintf("shared %d", b), "case", 0), // every handle has it
				}})
				if err != nil {
					t.Errorf("handle %d, batch %d: %v", h, b, err)
				}
				if _, err := store.Posteriors(t.Context(), assertion); err != nil {
					t.Errorf("handle %d: %v", h, err)
				}
			}
		})
	}
	group.Wait()
	store := connect()
	defer store.Close()
	want(t, posteriors(t, store, assertion), map[string]learn.Posterior{"guard": {Alpha: handles * batches}, "case": {Beta: batches}})
	if got := len(outcomes(t, store, learn.Query{})); got != handles*batches+batches {
		t.Errorf("got %d outcomes, want %d", got, handles*batches+batches)
	}
}

func canceled(t *testing.T, storage New) {
	store := open(t, storage)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Record(ctx, learn.Batch{Outcomes: []learn.Outcome{outcome("1", "guard", 1)}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Record: got %v, want %v", err, context.Canceled)
	}
	if _, err := store.Posteriors(ctx, assertion); !errors.Is(err, context.Canceled) {
		t.Errorf("Posteriors: got %v, want %v", err, context.Canceled)
	}
	if got := outcomes(t, store, learn.Query{}); len(got) != 0 { // the store still works
		t.Errorf("a canceled call left outcomes %v", got)
	}
}

func closed(t *testing.T, storage New) {
	store := open(t, storage) // its Cleanup closes once more
	record(t, store, outcome("1", "guard", 1))
	if err := store.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := store.Record(t.Context(), learn.Batch{Outcomes: []learn.Outcome{outcome("2", "guard", 1)}}); err == nil {
		t.Errorf("a closed store accepts outcomes")
	}
	if _, err := store.Posteriors(t.Context(), assertion); err == nil {
		t.Errorf("a closed store returns posteriors")
	}
}
