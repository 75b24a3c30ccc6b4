package learn

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Shared is a Store on a server, with a file beside it for this machine: for what quotes
// code and stays here (see Memory), and for the time when the server is out of reach.
//
// Each outcome is recorded in the file first, and queued there in the same transaction.
// It leaves the queue once the server has it; the server knows it by its ID, so that it
// may be sent again by whoever finds it: after a crash, after an answer that got lost, or
// by two processes at once. What is read comes from the server, or else from the file,
// which has what this machine learnt.
type Shared struct {
	file   *SQLite
	server *Redis
	log    *slog.Logger

	mu     sync.Mutex // guards what follows
	away   time.Time  // until then the server is not tried
	warned bool
}

const (
	// atOnce is how many outcomes are sent at a time, and sendFor how long they are
	// sent before the rest is left to the next time.
	atOnce  = 500
	sendFor = 2 * time.Second
	// awayFor is how long a server that failed is left alone.
	awayFor = 30 * time.Second
)

// NewShared puts the two together, and closes both when it is closed. The log hears once
// that the server cannot be used.
func NewShared(file *SQLite, server *Redis, log *slog.Logger) *Shared {
	return &Shared{file: file, server: server, log: log}
}

// Server tells where the server is.
func (s *Shared) Server() Server { return s.server.Server() }

// Ping tells whether the server can be used.
func (s *Shared) Ping(ctx context.Context) error { return s.server.Ping(ctx) }

// Waiting counts the outcomes that the server does not have yet.
func (s *Shared) Waiting(ctx context.Context) (int, error) { return s.file.waiting(ctx) }

// Record implements Store. The batch is stored when the file has it, whatever becomes of
// the server.
func (s *Shared) Record(ctx context.Context, b Batch) error {
	for _, o := range b.Outcomes { // else it would wait for ever
		if _, err := encode(o); err != nil {
			return s.server.explain("record in", err)
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

// Rejected implements Memory: of this machine.
func (s *Shared) Rejected(ctx context.Context, failure string) (map[string]string, error) {
	return s.file.Rejected(ctx, failure)
}

// Abandon ends what goes on with the server, and all use of it. The file works on.
func (s *Shared) Abandon() { _ = s.server.Close() }

// Close implements Store.
func (s *Shared) Close() error { return errors.Join(s.server.Close(), s.file.Close()) }

// read asks the server, after it has got what waits for it, or else the file.
func read[T any](ctx context.Context, s *Shared, ask func(Store) (T, error)) (T, error) {
	if s.send(ctx) {
		value, err := ask(s.server)
		if err == nil || ctx.Err() != nil {
			return value, err
		}
		s.lose(err)
	}
	return ask(s.file)
}

// send gives the server what waits in the queue, and tells whether the server is there.
func (s *Shared) send(ctx context.Context) bool {
	s.mu.Lock()
	away := time.Now().Before(s.away)
	s.mu.Unlock()
	if away {
		return false
	}
	for start := time.Now(); time.Since(start) < sendFor; {
		outcomes, err := s.file.queued(ctx, atOnce)
		if err != nil {
			s.warn(ctx, err) // the server may be well all the same
			return true
		}
		if len(outcomes) == 0 {
			return true
		}
		if err := s.server.Record(ctx, Batch{Outcomes: outcomes}); err != nil {
			if ctx.Err() == nil {
				s.lose(err)
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

// lose leaves the server alone for a while.
func (s *Shared) lose(err error) {
	s.mu.Lock()
	s.away = time.Now().Add(awayFor)
	s.mu.Unlock()
	s.warn(context.Background(), err)
}

// warn tells the log once: what hinders one call hinders those that follow. That it was
// closed or interrupted is nothing to tell.
func (s *Shared) warn(ctx context.Context, err error) {
	s.mu.Lock()
	first := !s.warned && ctx.Err() == nil && !errors.Is(err, errClosed)
	s.warned = s.warned || first
	s.mu.Unlock()
	if first {
		s.log.Warn("the shared store cannot be used", "error", err)
	}
}
