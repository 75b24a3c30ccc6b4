package learn

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Record implements Store.
func (s *SQLite) Record(ctx context.Context, b Batch) error { return s.record(ctx, b, false) }

// record stores a batch and, with enqueue, queues its new outcomes.
func (s *SQLite) record(ctx context.Context, b Batch, enqueue bool) error {
	if err := b.Validate(); err != nil {
		return s.explain("write to", err)
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	return s.explain("write to", inTransaction(ctx, db, func(ctx context.Context, tx *sql.Tx) error {
		if err := recordRun(ctx, tx, b); err != nil {
			return err
		}
		return recordOutcomes(ctx, tx, b.Outcomes, s.opts.Now(), enqueue)
	}))
}

// recordRun stores the run, its failures and its attempts. Existing rows stay unchanged.
func recordRun(ctx context.Context, tx *sql.Tx, b Batch) error {
	if b.Run.ID == "" {
		return nil
	}
	r := b.Run
	if _, err := tx.ExecContext(ctx, "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		r.ID, r.Started.UnixMicro(), r.Verdict, r.Seconds, r.Command, r.Head, r.Base); err != nil {
		return err
	}
	failure, err := tx.PrepareContext(ctx, "INSERT INTO failures VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
	if err != nil {
		return err
	}
	defer failure.Close()
	for _, f := range b.Failures {
		if _, err := failure.ExecContext(ctx, r.ID, f.Fingerprint, f.Test, f.Kind, f.Message); err != nil {
			return err
		}
	}
	attempt, err := tx.PrepareContext(ctx, "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
	if err != nil {
		return err
	}
	defer attempt.Close()
	for _, a := range b.Attempts {
		if _, err := attempt.ExecContext(ctx, r.ID, a.ID, a.Failure, a.Strategy, a.File, a.Line,
			a.Stage, a.Verdict, a.Seconds, a.Reason, a.Patch); err != nil {
			return err
		}
	}
	return nil
}

// recordOutcomes stores outcomes and adds the new ones to the posteriors.
func recordOutcomes(ctx context.Context, tx *sql.Tx, outcomes []Outcome, now time.Time, enqueue bool) error {
	outcome, err := tx.PrepareContext(ctx, "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
	if err != nil {
		return err
	}
	defer outcome.Close()
	posterior, err := tx.PrepareContext(ctx, `INSERT INTO posteriors VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET alpha = alpha + excluded.alpha, beta = beta + excluded.beta`)
	if err != nil {
		return err
	}
	defer posterior.Close()
	for _, o := range outcomes {
		if o.At.IsZero() {
			o.At = now
		}
		result, err := outcome.ExecContext(ctx, o.ID, o.Run, o.Attempt, o.Strategy, o.Context.Language, o.Context.Kind,
			o.Reward, o.Weight, o.Seconds, string(o.Event), o.At.UnixMicro())
		if err != nil {
			return err
		}
		if added, err := result.RowsAffected(); err != nil {
			return err
		} else if added == 0 {
			continue
		}
		if enqueue {
			if _, err := tx.ExecContext(ctx, "INSERT INTO queued VALUES (?)", o.ID); err != nil {
				return err
			}
		}
		if o.Weight == 0 {
			continue
		}
		inc := o.Increment()
		if _, err := posterior.ExecContext(ctx, inc.Strategy, inc.Context.Language, inc.Context.Kind, inc.Day, inc.Alpha, inc.Beta); err != nil {
			return err
		}
	}
	return nil
}

// Posteriors implements Store.
func (s *SQLite) Posteriors(ctx context.Context, c Context) (map[string]Posterior, error) {
	now := s.opts.Now()
	increments, err := query(ctx, s, func(rows *sql.Rows) (inc Increment, err error) {
		err = rows.Scan(&inc.Strategy, &inc.Context.Language, &inc.Context.Kind, &inc.Day, &inc.Alpha, &inc.Beta)
		return inc, err
	}, "SELECT strategy, language, kind, day, alpha, beta FROM posteriors WHERE day >= ?", Horizon(now, s.opts.HalfLife))
	if err != nil {
		return nil, err
	}
	return Fold(increments, c, now, s.opts.HalfLife), nil
}

// Outcomes implements Store.
func (s *SQLite) Outcomes(ctx context.Context, q Query) ([]Outcome, error) {
	var where []string
	var args []any
	and := func(condition string, arg any) {
		where, args = append(where, condition), append(args, arg)
	}
	if q.Run != "" {
		and("run = ?", q.Run)
	}
	if q.Strategy != "" {
		and("strategy = ?", q.Strategy)
	}
	if !q.Since.IsZero() {
		and("at >= ?", q.Since.UnixMicro())
	}
	newest := "SELECT * FROM outcomes"
	if len(where) > 0 {
		newest += " WHERE " + strings.Join(where, " AND ")
	}
	newest += " ORDER BY at DESC, id DESC"
	if q.Limit > 0 {
		newest += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	return query(ctx, s, scanOutcome, "SELECT * FROM ("+newest+") ORDER BY at, id", args...)
}

// scanOutcome reads a row of the table outcomes.
func scanOutcome(rows *sql.Rows) (o Outcome, err error) {
	var at int64
	err = rows.Scan(&o.ID, &o.Run, &o.Attempt, &o.Strategy, &o.Context.Language, &o.Context.Kind,
		&o.Reward, &o.Weight, &o.Seconds, &o.Event, &at)
	o.At = time.UnixMicro(at).UTC()
	return o, err
}

// Rejected implements Memory.
func (s *SQLite) Rejected(ctx context.Context, failure string) (map[string]string, error) {
	type attempt struct{ patch, verdict string }
	attempts, err := query(ctx, s, func(rows *sql.Rows) (a attempt, err error) {
		err = rows.Scan(&a.patch, &a.verdict)
		return a, err
	}, `SELECT attempts.patch, attempts.verdict FROM attempts JOIN runs ON runs.id = attempts.run
		WHERE failure = ? AND patch <> '' ORDER BY runs.started, runs.id, attempts.id`, failure)
	if err != nil {
		return nil, err
	}
	rejected := map[string]string{}
	for _, a := range attempts { // the latest decides
		switch a.verdict {
		case "ill_typed", "rejected", "refused":
			rejected[a.patch] = a.verdict
		case "plausible", "verified":
			delete(rejected, a.patch)
		}
	}
	return rejected, nil
}

// query returns the rows of a statement as values.
func query[T any](ctx context.Context, s *SQLite, scan func(*sql.Rows) (T, error), statement string, args ...any) ([]T, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, s.explain("read", err)
	}
	defer rows.Close()
	var values []T
	for rows.Next() {
		value, err := scan(rows)
		if err != nil {
			return nil, s.explain("read", err)
		}
		values = append(values, value)
	}
	return values, s.explain("read", rows.Err())
}
