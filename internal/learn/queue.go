package learn

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
)

// queued returns the oldest outcomes that a shared store has not taken yet.
func (s *SQLite) queued(ctx context.Context, limit int) ([]Outcome, error) {
	return query(ctx, s, scanOutcome,
		"SELECT outcomes.* FROM queued JOIN outcomes ON outcomes.id = queued.id ORDER BY at, outcomes.id LIMIT ?", limit)
}

// dequeue removes outcomes from the queue.
func (s *SQLite) dequeue(ctx context.Context, outcomes []Outcome) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	return s.explain("write to", inTransaction(ctx, db, func(ctx context.Context, tx *sql.Tx) error {
		remove, err := tx.PrepareContext(ctx, "DELETE FROM queued WHERE id = ?")
		if err != nil {
			return err
		}
		defer remove.Close()
		for _, o := range outcomes {
			if _, err := remove.ExecContext(ctx, o.ID); err != nil {
				return err
			}
		}
		return nil
	}))
}

// waiting returns how many outcomes are queued. It does not create a database.
func (s *SQLite) waiting(ctx context.Context) (int, error) {
	if _, err := os.Stat(s.path); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	counts, err := query(ctx, s, func(rows *sql.Rows) (n int, err error) {
		err = rows.Scan(&n)
		return n, err
	}, "SELECT count(*) FROM queued")
	if err != nil {
		return 0, err
	}
	return counts[0], nil
}

// Path returns the absolute path of the file.
func (s *SQLite) Path() string { return s.path }
