package learn

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the "sqlite" driver
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaVersion is the number of the newest file in migrations. A database has its own
// schema version in user_version.
const schemaVersion = 2

// SQLiteOptions changes how a SQLite store works. The zero value is valid.
type SQLiteOptions struct {
	HalfLife    time.Duration    // 0 for DefaultHalfLife
	BusyTimeout time.Duration    // how long to wait for another process; 0 for 10 s
	Now         func() time.Time // nil for time.Now
}

// SQLite is a Store and a Memory in one file. Several processes may use the file at the
// same time. Its methods are safe for concurrent use and share one connection.
type SQLite struct {
	path string
	opts SQLiteOptions

	mu     sync.Mutex // guards db and closed
	db     *sql.DB    // nil until the first call that needs it
	closed bool
}

// OpenSQLite returns the store in the file at path. It does not touch the disk: the first
// call that needs the file creates it and its directory, and reports what is wrong with them.
func OpenSQLite(path string, opts SQLiteOptions) (*SQLite, error) {
	if path == "" {
		return nil, errors.New("learning store: no file given")
	}
	if opts.HalfLife < 0 || opts.BusyTimeout < 0 {
		return nil, fmt.Errorf("learning store %s: negative half-life %v or busy timeout %v", path, opts.HalfLife, opts.BusyTimeout)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("learning store %s: %w", path, err)
	}
	if opts.HalfLife == 0 {
		opts.HalfLife = DefaultHalfLife
	}
	if opts.BusyTimeout == 0 {
		opts.BusyTimeout = 10 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &SQLite{path: absolute, opts: opts}, nil
}

// Close implements Store.
func (s *SQLite) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return s.explain("close", err)
}

// open returns the database, ready to use. After a failure, the next call tries again.
func (s *SQLite) open(ctx context.Context) (*sql.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, s.explain("open", errClosed)
	}
	if s.db != nil {
		return s.db, nil
	}
	// The output of failed tests can be private: only the user may read it.
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return nil, s.explain("open", err)
	}
	db, err := sql.Open("sqlite", s.dsn())
	if err != nil {
		return nil, s.explain("open", err)
	}
	db.SetMaxOpenConns(1)
	if err := s.prepare(ctx, db); err != nil {
		return nil, errors.Join(s.explain("open", err), db.Close())
	}
	s.db = db
	return db, nil
}

// dsn returns the data source name for the driver. Transactions are immediate: whatever
// the busy timeout, a deferred one that reads and then writes fails if another process
// wrote in between.
func (s *SQLite) dsn() string {
	path := filepath.ToSlash(s.path)
	if !strings.HasPrefix(path, "/") { // C:/...
		path = "/" + path
	}
	query := url.Values{
		"_txlock":       {"immediate"},
		"_busy_timeout": {fmt.Sprint(s.opts.BusyTimeout.Milliseconds())},
		"_synchronous":  {"NORMAL"},
		"_foreign_keys": {"on"},
		"_dqs":          {"false"},
		"_defensive":    {"true"},
		"_error_rc":     {"true"},
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// prepare enables write-ahead logging and updates the schema.
func (s *SQLite) prepare(ctx context.Context, db *sql.DB) error {
	if err := s.useWAL(ctx, db); err != nil {
		return err
	}
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version == schemaVersion { // the common case takes no lock
		return nil
	}
	return inTransaction(ctx, db, migrate)
}

// useWAL sets the journal mode. Switching a new database needs exclusive access, and
// SQLite does not apply the busy timeout to that, so useWAL waits.
func (s *SQLite) useWAL(ctx context.Context, db *sql.DB) error {
	deadline := time.Now().Add(s.opts.BusyTimeout)
	for {
		var mode string
		err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// migrate runs the missing migrations. It reads the version again because another process
// may have migrated the database meanwhile.
func migrate(ctx context.Context, tx *sql.Tx) error {
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("%w: schema version %d, newest known %d", ErrNewer, version, schemaVersion)
	}
	for version < schemaVersion {
		version++
		script, err := migrations.ReadFile(fmt.Sprintf("migrations/%d.sql", version))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(script)); err != nil {
			return fmt.Errorf("migration %d: %w", version, err)
		}
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
	return err
}

// inTransaction runs do and commits. If either fails, the database is unchanged.
func inTransaction(ctx context.Context, db *sql.DB, do func(context.Context, *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(ctx, tx); err != nil {
		// If the rollback fails, it is for the same reason, and err says more.
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}
