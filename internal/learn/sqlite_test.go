package learn_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/learn/storetest"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// helper is set for tests that need another process: the test binary then records batches.
const helper = "LEARN_TEST_HELPER"

func TestMain(m *testing.M) {
	if path := os.Getenv(helper); path != "" {
		n, err := strconv.Atoi(os.Args[2])
		if err == nil {
			err = recordBatches(path, os.Args[1], n, os.Stdout)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const batchSize = 15

// forever is more batches than a test can record.
const forever = "1000000"

// helperStore returns the store at PATH or, for "PATH URL", one shared through the server.
func helperStore(place string) (learn.Store, error) {
	path, address, shared := strings.Cut(place, " ")
	file, err := learn.OpenSQLite(path, learn.SQLiteOptions{})
	if err != nil || !shared {
		return file, err
	}
	server, err := learn.ParseServer(address)
	if err != nil {
		return nil, err
	}
	remote, err := learn.OpenRedis(server, learn.RedisOptions{})
	if err != nil {
		return nil, err
	}
	return learn.NewShared(file, remote, slog.New(slog.DiscardHandler)), nil
}

// recordBatches records a number of batches, and prints the run of each as soon as it is
// stored.
func recordBatches(place, name string, batches int, stored io.Writer) error {
	store, err := helperStore(place)
	if err != nil {
		return err
	}
	for n := range batches {
		batch := learn.Batch{Run: learn.Run{ID: fmt.Sprintf("%s-%d", name, n), Started: storetest.Now}}
		for i := range batchSize {
			id := fmt.Sprintf("%s-%d-%d", name, n, i)
			batch.Attempts = append(batch.Attempts, learn.Attempt{ID: id, Failure: "f", Patch: id, Verdict: "rejected"})
			batch.Outcomes = append(batch.Outcomes, learn.Outcome{ID: id, Run: batch.Run.ID, Strategy: "guard", Reward: 1, Weight: 1})
		}
		if err := store.Record(context.Background(), batch); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(stored, batch.Run.ID); err != nil {
			return err
		}
	}
	return store.Close()
}

func start(t *testing.T, path, name, batches string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0], name, batches)
	cmd.Env = append(os.Environ(), helper+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func open(t *testing.T, path string) *learn.SQLite {
	t.Helper()
	store, err := learn.OpenSQLite(path, learn.SQLiteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// raw opens the database without the store.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func count(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func one(id string) learn.Batch {
	return learn.Batch{Outcomes: []learn.Outcome{{ID: id, Strategy: "guard", Reward: 1, Weight: 1}}}
}

func TestSQLiteContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, now func() time.Time) storetest.Connect {
		path := filepath.Join(t.TempDir(), "learn.db")
		return func() learn.Store {
			store, err := learn.OpenSQLite(path, learn.SQLiteOptions{Now: now})
			if err != nil {
				t.Fatal(err)
			}
			return store
		}
	})
}

func TestOpenTouchesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	if err := open(t, filepath.Join(dir, "learn.db")).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opening made %s: %v", dir, err)
	}
	for name, bad := range map[string]learn.SQLiteOptions{"half-life": {HalfLife: -1}, "timeout": {BusyTimeout: -1}} {
		if _, err := learn.OpenSQLite("learn.db", bad); err == nil {
			t.Errorf("a negative %s was accepted", name)
		}
	}
	if _, err := learn.OpenSQLite("", learn.SQLiteOptions{}); err == nil {
		t.Errorf("an empty path was accepted")
	}
}

func TestOddPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b", "50%20", "what?mode=memory", "c#1", "日本", "file:x", "a&b=c"} {
		path := filepath.Join(t.TempDir(), name, "learn.db")
		if err := open(t, path).Record(t.Context(), one("1")); err != nil {
			t.Errorf("%v", err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the database is elsewhere: %v", err)
		}
	}
}

func TestEightProcessesLoseNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "learn.db") // new: they also race to create it
	var processes []*exec.Cmd
	for i := range 8 {
		cmd, out := start(t, path, fmt.Sprint("p", i), "8")
		go func() {
			for out.Scan() { // drain, so that it does not block
			}
		}()
		processes = append(processes, cmd)
	}
	for _, cmd := range processes {
		if err := cmd.Wait(); err != nil {
			t.Errorf("a process failed: %v", err)
		}
	}
	db := raw(t, path)
	for query, want := range map[string]int{
		"SELECT count(*) FROM runs":                            8 * 8,
		"SELECT count(*) FROM attempts":                        8 * 8 * batchSize,
		"SELECT count(*) FROM outcomes":                        8 * 8 * batchSize,
		"SELECT CAST(sum(alpha) AS INTEGER) FROM posteriors":   8 * 8 * batchSize,
		"SELECT journal_mode = 'wal' FROM pragma_journal_mode": 1,
		"SELECT user_version FROM pragma_user_version":         2,
		"SELECT count(*) FROM pragma_foreign_key_check":        0,
		"SELECT quick_check = 'ok' FROM pragma_quick_check":    1,
	} {
		if got := count(t, db, query); got != want {
			t.Errorf("%s: got %d, want %d", query, got, want)
		}
	}
}

// TestNewDatabaseInUse checks that the store waits while another process is using a
// database that it has just created. SQLite does not: it ignores the busy timeout when it
// switches to write-ahead logging.
func TestNewDatabaseInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "learn.db")
	other, err := raw(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, statement := range []string{"PRAGMA application_id = 1", "BEGIN IMMEDIATE"} {
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	recorded := make(chan error)
	go func() { recorded <- open(t, path).Record(t.Context(), one("1")) }()
	select {
	case err := <-recorded:
		t.Fatalf("Record did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-recorded; err != nil {
		t.Error(err)
	}
}

// TestKilledWhileRecording kills a recording process at random moments, and checks that
// every batch it reported is stored and that no batch is incomplete.
func TestKilledWhileRecording(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "learn.db")
	rng := rand.New(rand.NewPCG(5, 6))
	reported := map[string]bool{}
	for round := range 6 {
		cmd, out := start(t, path, fmt.Sprint("k", round), forever)
		for range rng.IntN(15) {
			if !out.Scan() {
				break
			}
			reported[out.Text()] = true
		}
		time.Sleep(time.Duration(rng.IntN(4000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for out.Scan() { // what it reported just before
			reported[out.Text()] = true
		}
		if err := cmd.Wait(); err == nil {
			t.Fatalf("round %d: the process was not killed", round)
		}
	}
	if err := open(t, path).Record(t.Context(), one("after")); err != nil {
		t.Fatalf("the store does not work any more: %v", err)
	}

	db := raw(t, path)
	if got := count(t, db, "SELECT quick_check = 'ok' FROM pragma_quick_check"); got != 1 {
		t.Errorf("the database is damaged")
	}
	if got := count(t, db, "SELECT CAST(sum(alpha) AS INTEGER) - (SELECT count(*) FROM outcomes) FROM posteriors"); got != 0 {
		t.Errorf("posteriors and outcomes differ by %d", got)
	}
	rows, err := db.Query("SELECT runs.id, (SELECT count(*) FROM outcomes WHERE run = runs.id), (SELECT count(*) FROM attempts WHERE run = runs.id) FROM runs")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var outcomes, attempts int
		if err := rows.Scan(&id, &outcomes, &attempts); err != nil {
			t.Fatal(err)
		}
		if outcomes != batchSize || attempts != batchSize {
			t.Errorf("run %s has %d outcomes and %d attempts, want %d of each", id, outcomes, attempts, batchSize)
		}
		delete(reported, id)
	}
	if len(reported) > 0 {
		t.Errorf("reported as stored, but lost: %v", reported)
	}
}

func TestRejected(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "learn.db"))
	attempt := func(id, patch, verdict string) learn.Attempt {
		return learn.Attempt{ID: id, Failure: "f", Patch: patch, Verdict: verdict}
	}
	for i, attempts := range [][]learn.Attempt{
		{attempt("1", "p1", "rejected"), attempt("2", "p2", "ill_typed"), attempt("3", "p3", "refused"), attempt("4", "p4", "pruned")},
		{attempt("1", "p1", "verified"), attempt("2", "p5", "plausible"), attempt("3", "", "rejected"), attempt("4", "p2", "pruned")},
		{attempt("1", "p5", "rejected"), {ID: "2", Failure: "other", Patch: "p6", Verdict: "rejected"}},
	} {
		started := storetest.Now.Add(time.Duration(i) * time.Minute)
		batch := learn.Batch{
			Run:      learn.Run{ID: fmt.Sprint("run ", 9-i), Started: started}, // the time decides, not the ID
			Attempts: attempts,
		}
		if err := store.Record(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.Rejected(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"p2": "ill_typed", "p3": "refused", "p5": "rejected"}; !maps.Equal(got, want) {
		t.Errorf("rejected: got %v, want %v", got, want)
	}
	if got, err := store.Rejected(t.Context(), "never seen"); err != nil || len(got) != 0 {
		t.Errorf("rejected for a new failure: %v, %v", got, err)
	}
}

// wantError checks that an error says what, where, why and what to do.
func wantError(t *testing.T, err error, sentinel error, path string) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Errorf("got error %v, want %v", err, sentinel)
		return
	}
	if !strings.Contains(err.Error(), path) || usererr.Hint(err) == "" {
		t.Errorf("the error does not say where or what to do:\n%s", usererr.OneLine(err))
	}
}

// everyCallFails checks that every call of a store returns an error.
func everyCallFails(t *testing.T, store *learn.SQLite, sentinel error, path string) {
	t.Helper()
	_, err := store.Posteriors(t.Context(), learn.Context{})
	wantError(t, err, sentinel, path)
	_, err = store.Outcomes(t.Context(), learn.Query{})
	wantError(t, err, sentinel, path)
	_, err = store.Rejected(t.Context(), "f")
	wantError(t, err, sentinel, path)
	wantError(t, store.Record(t.Context(), one("1")), sentinel, path)
}

func TestNotADatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "learn.db")
	garbage := strings.Repeat("this is not a database\n", 500)
	if err := os.WriteFile(path, []byte(garbage), 0o600); err != nil {
		t.Fatal(err)
	}
	store := open(t, path)
	everyCallFails(t, store, learn.ErrCorrupt, path)
	if data, err := os.ReadFile(path); err != nil || string(data) != garbage {
		t.Errorf("the store changed the file: %v", err)
	}
}

// TestDamagedPages overwrites parts of a good database. Not every call notices every
// damage, but one of them does, and none panics.
func TestDamagedPages(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "learn.db")
	if err := recordBatches(good, "good", 20, io.Discard); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
		"a header, then noise": func(b []byte) []byte {
			rng := rand.New(rand.NewPCG(7, 8))
			for i := 4096; i < len(b); i++ {
				b[i] = byte(rng.Uint32())
			}
			return b
		},
		"damaged schema": func(b []byte) []byte {
			for i := 100; i < 4096; i++ {
				b[i] = 0xff
			}
			return b
		},
	} {
		path := filepath.Join(t.TempDir(), "learn.db")
		if err := os.WriteFile(path, damage(append([]byte(nil), data...)), 0o600); err != nil {
			t.Fatal(err)
		}
		store := open(t, path)
		_, posteriors := store.Posteriors(t.Context(), learn.Context{})
		_, outcomes := store.Outcomes(t.Context(), learn.Query{})
		_, rejected := store.Rejected(t.Context(), "f")
		recorded := store.Record(t.Context(), one("1"))
		if err := errors.Join(posteriors, outcomes, rejected, recorded); !errors.Is(err, learn.ErrCorrupt) {
			t.Errorf("%s: got %v, want %v", name, err, learn.ErrCorrupt)
		}
	}
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "learn.db")
	if err := open(t, path).Record(t.Context(), one("1")); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	everyCallFails(t, open(t, path), learn.ErrNewer, path)
	if got := count(t, db, "SELECT count(*) FROM outcomes"); got != 1 {
		t.Errorf("got %d outcomes, want 1: the database was changed", got)
	}
}

func TestLockedByAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "learn.db")
	if err := open(t, path).Record(t.Context(), one("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, path).Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	store, err := learn.OpenSQLite(path, learn.SQLiteOptions{BusyTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	wantError(t, store.Record(t.Context(), one("2")), learn.ErrBusy, path)
	if got, err := store.Outcomes(t.Context(), learn.Query{}); err != nil || len(got) != 1 {
		t.Errorf("reading while another process writes: %v, %v", got, err)
	}
}

func TestUnusablePath(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(file, "state", "learn.db")
	everyCallFails(t, open(t, below), learn.ErrDenied, below)
	dir := t.TempDir()
	everyCallFails(t, open(t, dir), learn.ErrDenied, dir)
}
