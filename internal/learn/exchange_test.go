package learn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/learn/storetest"
)

// frozen returns a new store whose clock does not move.
func frozen(t *testing.T) *learn.SQLite {
	t.Helper()
	store, err := learn.OpenSQLite(filepath.Join(t.TempDir(), "learn.db"), learn.SQLiteOptions{Now: func() time.Time { return storetest.Now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func export(t *testing.T, from learn.Store, q learn.Query) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := learn.Export(t.Context(), from, q, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func record(t *testing.T, store learn.Store, outcomes ...learn.Outcome) {
	t.Helper()
	if err := store.Record(t.Context(), learn.Batch{Outcomes: outcomes}); err != nil {
		t.Fatal(err)
	}
}

func imported(t *testing.T, into learn.Store, texts ...string) learn.Store {
	t.Helper()
	for _, text := range texts {
		if err := learn.Import(t.Context(), into, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	return into
}

// inMemory is the simplest store that the contract allows, for a test that needs hundreds:
// the real one takes too long to create.
type inMemory map[string]learn.Outcome

func (m inMemory) Record(_ context.Context, b learn.Batch) error {
	for _, o := range b.Outcomes {
		if _, ok := m[o.ID]; !ok {
			m[o.ID] = o
		}
	}
	return b.Validate()
}

func (m inMemory) Outcomes(context.Context, learn.Query) ([]learn.Outcome, error) {
	return slices.SortedFunc(maps.Values(m), func(a, b learn.Outcome) int { return a.At.Compare(b.At) }), nil
}

func (m inMemory) Posteriors(_ context.Context, c learn.Context) (map[string]learn.Posterior, error) {
	var all []learn.Increment
	for _, o := range m {
		if o.Weight > 0 {
			all = append(all, o.Increment())
		}
	}
	return learn.Fold(all, c, storetest.Now, learn.DefaultHalfLife), nil
}

func (inMemory) Close() error { return nil }

var kinds = []learn.Context{{Language: "go", Kind: "panic"}, {Language: "go", Kind: "assertion"}, {Language: "python"}}

// threeStores draws the outcomes of three stores, which share some. The ID determines the
// rest of an outcome, because nobody records two outcomes under one ID.
var threeStores = rapid.Custom(func(rt *rapid.T) [3][]learn.Outcome {
	var stores [3][]learn.Outcome
	for i := range stores {
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 40), 0, 15).Draw(rt, "outcomes") {
			stores[i] = append(stores[i], learn.Outcome{
				ID: fmt.Sprint(n), Strategy: fmt.Sprint("strategy ", n%3), Context: kinds[n%len(kinds)], Reward: float64(n%7) / 6, Weight: float64(n%5) / 3,
				Event: learn.Verified, At: storetest.Now.Add(-time.Duration(n) * 11 * 24 * time.Hour),
			})
		}
	}
	return stores
})

// importEachOther checks that three stores can be joined in any way and any number of
// times, and that the posteriors then count every outcome once.
func importEachOther(t *testing.T, outcomes [3][]learn.Outcome, empty func() learn.Store) {
	t.Helper()
	once := inMemory{}
	var texts [3]string
	for i := range outcomes {
		record(t, once, outcomes[i]...)
		store := empty()
		record(t, store, outcomes[i]...)
		texts[i] = export(t, store, learn.Query{})
	}
	a, b, c := texts[0], texts[1], texts[2]
	bc := export(t, imported(t, empty(), b, c), learn.Query{})
	for name, store := range map[string]learn.Store{
		"in order":                    imported(t, empty(), a, b, c),
		"backwards, one twice":        imported(t, empty(), c, b, a, b),
		"two that were joined, twice": imported(t, empty(), bc, a, bc),
		"into one that has its own":   imported(t, imported(t, empty(), a), bc),
		"back to where it came from":  imported(t, imported(t, empty(), b), export(t, imported(t, empty(), a, b, c), learn.Query{})),
	} {
		if got, err := store.Outcomes(t.Context(), learn.Query{}); err != nil || len(got) != len(once) {
			t.Errorf("%s: got %d outcomes, want %d, %v", name, len(got), len(once), err)
		}
		for _, kind := range kinds {
			want, _ := once.Posteriors(t.Context(), kind)
			got, err := store.Posteriors(t.Context(), kind)
			near := func(a, b learn.Posterior) bool {
				return math.Abs(a.Alpha-b.Alpha) < 1e-9 && math.Abs(a.Beta-b.Beta) < 1e-9
			}
			if err != nil || !maps.EqualFunc(got, want, near) {
				t.Errorf("%s: posteriors: got %v, want %v, %v", name, got, want, err)
			}
		}
	}
}

func TestStoresThatImportEachOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		importEachOther(t, threeStores.Draw(rt, "stores"), func() learn.Store { return inMemory{} })
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// TestDatabasesThatImportEachOther checks one example with the real store.
func TestDatabasesThatImportEachOther(t *testing.T) {
	t.Parallel()
	importEachOther(t, threeStores.Example(0), func() learn.Store { return frozen(t) })
}

func TestExport(t *testing.T) {
	t.Parallel()
	store := frozen(t)
	full := learn.Outcome{
		ID: "run/7:kept", Run: "run", Attempt: "7", Strategy: "template/guard:nil", Context: learn.Context{Language: "go", Kind: "panic"},
		Reward: 1.0 / 3, Weight: 0.7, Seconds: 1.25, Event: learn.Kept, At: storetest.Now.Add(-time.Hour - 123456*time.Microsecond),
	}
	odd := learn.Outcome{ID: "'; --\x00\n\u2028", Strategy: "日本 <&> \"%s\" {}", Weight: 1e-300, Event: "an event of tomorrow", At: storetest.Now}
	record(t, store, odd, full)
	text := export(t, store, learn.Query{})
	if lines := strings.Count(text, "\n"); lines != 3 {
		t.Errorf("got %d lines, want 3:\n%s", lines, text)
	}
	other := imported(t, frozen(t), text)
	got, err := other.Outcomes(t.Context(), learn.Query{})
	if err != nil || !slices.Equal(got, []learn.Outcome{full, odd}) {
		t.Errorf("outcomes: got %+v, want %+v and %+v, %v", got, full, odd, err)
	}
	if again := export(t, other, learn.Query{}); again != text {
		t.Errorf("the same outcomes are exported as\n%s\nand as\n%s", text, again)
	}
	if newest := export(t, store, learn.Query{Limit: 1}); strings.Contains(newest, "run/7") || !strings.Contains(newest, "日本") {
		t.Errorf("got as the newest\n%s", newest)
	}
	if n, err := learn.Export(t.Context(), frozen(t), learn.Query{}, &bytes.Buffer{}); n != 0 || err != nil {
		t.Errorf("an empty store exports %d outcomes, %v", n, err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestExportToAFullDisk(t *testing.T) {
	t.Parallel()
	if _, err := learn.Export(t.Context(), frozen(t), learn.Query{}, full{}); err == nil {
		t.Error("Export returned no error")
	}
}

// TestImportRefuses imports texts that hold a valid outcome and a fault, and checks that
// nothing is recorded.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	const head = `{"format":"regreen.outcomes/v1"}` + "\n"
	const valid = `{"id":"1","strategy":"s","reward":1,"weight":1,"at":0}` + "\n"
	var many strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&many, `{"id":"many %d","strategy":"s","reward":1,"weight":1,"at":0}`+"\n", i)
	}
	for name, text := range map[string]string{
		"after many":       head + many.String() + `{"id":"2","strategy":"s","reward":2,"weight":1,"at":0}`,
		"empty":            "",
		"another format":   `{"format":"regreen.outcomes/v2"}` + "\n" + valid,
		"no format":        valid + valid,
		"cut off":          head + valid + valid[:30],
		"not JSON":         head + valid + "<html>\n",
		"another type":     head + valid + `{"id":2,"strategy":"s","reward":1,"weight":1,"at":0}`,
		"no ID":            head + valid + `{"strategy":"s","reward":1,"weight":1,"at":0}`,
		"too much reward":  head + valid + `{"id":"2","strategy":"s","reward":2,"weight":1,"at":0}`,
		"negative weight":  head + valid + `{"id":"2","strategy":"s","reward":1,"weight":-1,"at":0}`,
		"number too large": head + valid + `{"id":"2","strategy":"s","reward":1,"weight":1e999,"at":0}`,
		"a long line":      head + valid + `{"id":"` + strings.Repeat("2", 70_000) + `","strategy":"s","reward":1,"weight":1,"at":0}`,
		"too many":         head + strings.Repeat(valid, 200_001),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := frozen(t)
			if err := learn.Import(t.Context(), store, strings.NewReader(text)); err == nil {
				t.Error("Import returned no error")
			}
			if got, err := store.Outcomes(t.Context(), learn.Query{}); err != nil || len(got) > 0 {
				t.Errorf("recorded: %+v, %v", got, err)
			}
		})
	}
}
