package learn

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/regreen-ci/regreen/internal/usererr"
)

// TestFullDisk forbids the database to grow, by a max_page_count under its size;
// SQLite answers that as it does a disk that is full.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	store, err := OpenSQLite(filepath.Join(t.TempDir(), "learn.db"), SQLiteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Record(t.Context(), outcomes("before", 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.db.Exec("PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}

	err = store.Record(t.Context(), outcomes("much", 1000))
	if !errors.Is(err, ErrDisk) || usererr.Hint(err) == "" {
		t.Fatalf("the error is %v, want %v", err, ErrDisk)
	}

	got, err := store.Outcomes(t.Context(), Query{})
	if err != nil || len(got) != 1 {
		t.Errorf("afterwards there are %d outcomes (%v), want the one from before", len(got), err)
	}
	if _, err := store.db.Exec("PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	if err := store.Record(t.Context(), outcomes("after", 1000)); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

func outcomes(name string, n int) Batch {
	var b Batch
	for i := range n {
		b.Outcomes = append(b.Outcomes, Outcome{ID: fmt.Sprint(name, i), Strategy: "guard", Reward: 1, Weight: 1})
	}
	return b
}
