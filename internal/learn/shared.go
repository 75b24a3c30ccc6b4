package learn

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Shared is a Store on a server, with a file on this machine. The file holds what may quote
// code and must stay here (see Memory), and serves while the server is unreachable.
//
// Each outcome is first recorded in the file, and queued there in the same transaction. It
// leaves the queue once the server has it. The server recognizes it by its ID, so any
// process may send it again: after a crash, after a lost reply, or at the same time as
// another process. Reads go to the server, or else to the file, which has the outcomes of
// this machine.
type Shared struct {
	file   *SQLite
	server *Redis
	log    *slog.Logger

	mu      sync.Mutex // guards what follows
	retryAt time.Time  // the server is not used before
	warned  bool
}

const (
	// sendBatch is how many outcomes are sent at a time. After sendFor, the rest stays
	// queued.
	sendBatch = 500
	sendFor   = 2 * time.Second
	// retryAfter is how long a server that failed is not used.
	retryAfter = 30 * time.Second
)

// NewShared combines a file and a server, and closes both when it is closed. It logs one
// warning if the server cannot be used.
func NewShared(file *SQLite, server *Redis, log *slog.Logger) *Shared {
	return &Shared{file: file, server: server, log: log}
}

// Server returns the server that holds the store.
func (s *Shared) Server() Server { return s.server.Server() }

// Ping returns an error if the server cannot be used.
func (s *Shared) Ping(ctx context.Context) error { return s.server.Ping(ctx) }

// Waiting returns how many outcomes the server does not have yet.
func (s *Shared) Waiting(ctx context.Context) (int, error) { return s.file.waiting(ctx) }

// Record implements Store. The batch is stored once the file has it, even if the server
// fails.
func (s *Shared) Record(ctx context.Context, b Batch) error {
	for _, o := range b.Outcomes { // what the server never takes would stay queued forever
		if _, err := encode(o); err != nil {
			return s.server.explain("write to", err)
		}
	}
	if err := s.file.record(ctx, b, true); err != nil {
		return err
	}
	s.send(ctx)
	return nil
}

// Posteriors implements Store.
func (s *Shared) Posteriors(ctx context.Context, c Context) (map[string]Posterior, error) {
	return read(ctx, s, func(store Store) (map[string]Posterior, error) { return store.Posteriors(ctx, c) })
}

// Outcomes implements Store.
func (s *Shared) Outcomes(ctx context.Context, q Query) ([]Outcome, error) {
	return read(ctx, s, func(store Store) ([]Outcome, error) { return store.Outcomes(ctx, q) })
}

// Rejected implements Memory with the records of this machine.
func (s *Shared) Rejected(ctx context.Context, failure string) (map[string]string, error) {
	return s.file.Rejected(ctx, failure)
}

// Abandon ends all use of the server, including calls in progress. The file keeps working.
func (s *Shared) Abandon() { _ = s.server.Close() }

// Close implements Store.
func (s *Shared) Close() error { return errors.Join(s.server.Close(), s.file.Close()) }

// read sends what is queued and then reads from the server. It reads from the file if the
// server fails.
func read[T any](ctx context.Context, s *Shared, from func(Store) (T, error)) (T, error) {
	if s.send(ctx) {
		value, err := from(s.server)
		if err == nil || ctx.Err() != nil {
			return value, err
		}
		s.backOff(err)
	}
	return from(s.file)
}

// send sends the queue to the server, and reports whether the server can be used.
func (s *Shared) send(ctx context.Context) bool {
	s.mu.Lock()
	wait := time.Now().Before(s.retryAt)
	s.mu.Unlock()
	if wait {
		return false
	}
	for start := time.Now(); time.Since(start) < sendFor; {
		outcomes, err := s.file.queued(ctx, sendBatch)
		if err != nil {
			s.warn(ctx, err) // only the file failed
			return true
		}
		if len(outcomes) == 0 {
			return true
		}
		if err := s.server.Record(ctx, Batch{Outcomes: outcomes}); err != nil {
			if ctx.Err() == nil {
				s.backOff(err)
			}
			return false
		}
		if err := s.file.dequeue(ctx, outcomes); err != nil {
			s.warn(ctx, err)
			return true
		}
	}
	return true
}

// backOff stops using the server for a while.
func (s *Shared) backOff(err error) {
	s.mu.Lock()
	s.retryAt = time.Now().Add(retryAfter)
	s.mu.Unlock()
	s.warn(context.Background(), err)
}

// warn logs the first error only, because the next calls will probably fail for the same
// reason. It does not log that the store was closed or the call interrupted.
func (s *Shared) warn(ctx context.Context, err error) {
	s.mu.Lock()
	first := !s.warned && ctx.Err() == nil && !errors.Is(err, errClosed)
	s.warned = s.warned || first
	s.mu.Unlock()
	if first {
		s.log.Warn("cannot use the shared store", "error", err)
	}
}
