package learn

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
)

// queued gives the outcomes that a shared store has not taken yet, some of the oldest.
func (s *SQLite) queued(ctx context.Context, limit int) ([]Outcome, error) {
	return query(ctx, s, scanOutcome,
		"SELECT outcomes.* FROM queued JOIN outcomes ON outcomes.id = queued.id ORDER BY at, outcomes.id LIMIT ?", limit)
}

// dequeue forgets that outcomes wait.
func (s *SQLite) dequeue(ctx context.Context, outcomes []Outcome) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	return s.explain("record in", inTransaction(ctx, db, func(ctx context.Context, tx *sql.Tx) error {
		taken, err := tx.PrepareContext(ctx, "DELETE FROM queued WHERE id = ?")
		if err != nil {
			return err
		}
		defer taken.Close()
		for _, o := range outcomes {
			if _, err := taken.ExecContext(ctx, o.ID); err != nil {
				return err
			}
		}
		return nil
	}))
}

// waiting counts the outcomes in the queue. It makes no database where there is none.
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

// Path is where the file is.
func (s *SQLite) Path() string { return s.path }
