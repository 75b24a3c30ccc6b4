package learn

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/regreen-ci/regreen/internal/usererr"
)

// TestFullDisk sets max_page_count below the size of the database. SQLite then fails to
// grow it, like on a full disk.
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
		t.Fatalf("got error %v, want %v with a hint", err, ErrDisk)
	}

	got, err := store.Outcomes(t.Context(), Query{})
	if err != nil || len(got) != 1 {
		t.Errorf("got %d outcomes (%v), want only the one from before", len(got), err)
	}
	if _, err := store.db.Exec("PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	if err := store.Record(t.Context(), outcomes("after", 1000)); err != nil {
		t.Errorf("with enough space again: %v", err)
	}
}

func outcomes(name string, n int) Batch {
	var b Batch
	for i := range n {
		b.Outcomes = append(b.Outcomes, Outcome{ID: fmt.Sprint(name, i), Strategy: "guard", Reward: 1, Weight: 1})
	}
	return b
}
