// Package adaptlog is a log/slog handler that is quiet until something goes wrong.
//
// It passes on records of its level (info by default) and keeps lower ones, down to debug, in a
// bounded ring. An error, or too many warnings in a short time, writes out the ring and turns on
// debug for a while. So the log shows what led to a failure, and is quiet the rest of the time.
//
// Goals: no record in the ring is lost or written twice, records keep their order, secrets never
// reach a sink, and a sink that fails (a full disk) never harms the program that logs.
//
// Non-goals: log levels by package, sampling, and sending logs over a network.
//
// The parts: handler.go decides, ring.go remembers, clean.go makes a record safe to keep and to
// show, text.go is the sink for humans, file.go the one for programs.
package adaptlog

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Options configures a Handler. The zero value is valid.
type Options struct {
	Level slog.Level // normally passed on; the zero value is info

	Records int // in the ring, at most; 0 for 1000
	Bytes   int // in the ring, at most, approximately; 0 for 1 MiB

	Warnings int           // this many within Within count as an error; 0 for 5, negative for never
	Within   time.Duration // 0 for 1 minute
	Raised   time.Duration // how long debug stays on; 0 for 5 minutes

	Redact []string         // secrets to replace wherever they occur
	Now    func() time.Time // nil for time.Now
}

// Messages of the debug records that say what a Handler does.
const (
	MessageRaised  = "log level raised to debug"
	MessageLowered = "log level lowered again"
)

// Handler passes records on to its sinks. Derived handlers (WithAttrs, WithGroup) share the ring
// and the level. A sink that does not want debug records says so in its Enabled method. A sink
// must not log through its own Handler.
type Handler struct {
	state *state
	sinks []slog.Handler
	bytes int // of the attributes that the sinks have, to count in the ring
}

// state is shared by a Handler and those derived from it.
type state struct {
	opts  Options
	clean cleaner
	sinks []slog.Handler // as given to New, without attributes or groups

	// mu also orders the writes, so that no record overtakes an older one from the ring.
	mu       sync.Mutex
	ring     ring
	warnings []time.Time // recent ones, oldest first
	raised   time.Time   // debug is on until then; zero if it is off
}

// New returns a Handler over sinks, which should accept debug records.
func New(opts Options, sinks ...slog.Handler) *Handler {
	setDefault(&opts.Records, 1000)
	setDefault(&opts.Bytes, 1<<20)
	setDefault(&opts.Warnings, 5)
	setDefault(&opts.Within, time.Minute)
	setDefault(&opts.Raised, 5*time.Minute)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &state{
		opts:  opts,
		clean: newCleaner(opts.Redact),
		sinks: slices.Clone(sinks),
		ring:  ring{maxRecords: opts.Records, maxBytes: opts.Bytes},
	}
	return &Handler{state: s, sinks: s.sinks}
}

func setDefault[T comparable](value *T, to T) {
	var zero T
	if *value == zero {
		*value = to
	}
}

// Enabled reports whether records of the level are passed on or kept.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= min(slog.LevelDebug, h.state.opts.Level)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	attrs, size := h.state.clean.attrs(attrs)
	return h.derive(size, func(sink slog.Handler) slog.Handler { return sink.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	name = h.state.clean.text(name)
	return h.derive(len(name), func(sink slog.Handler) slog.Handler { return sink.WithGroup(name) })
}

func (h *Handler) derive(size int, with func(slog.Handler) slog.Handler) *Handler {
	derived := &Handler{state: h.state, sinks: make([]slog.Handler, len(h.sinks)), bytes: h.bytes + size}
	for i, sink := range h.sinks {
		derived.sinks[i] = with(sink)
	}
	return derived
}

// Handle implements slog.Handler. Every sink gets the record, even if another one fails; the errors
// are joined. Records from the ring are written with the context of the record that raised the
// level.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	// Before the lock, because a LogValuer runs the program's code.
	r, size := h.state.clean.record(r)
	e := entry{record: r, sinks: h.sinks, bytes: size + h.bytes}

	s := h.state
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()

	var errs []error
	if !s.raised.IsZero() && !now.Before(s.raised) {
		errs = append(errs, s.lower(ctx, now))
	}
	if cause := s.alarm(r.Level, now); cause != "" {
		errs = append(errs, s.raise(ctx, now, cause))
	}
	if r.Level >= s.opts.Level || !s.raised.IsZero() {
		errs = append(errs, e.write(ctx))
	} else {
		s.ring.push(e)
	}
	return errors.Join(errs...)
}

// alarm returns why a record of this level turns debug on, or "".
func (s *state) alarm(level slog.Level, now time.Time) string {
	if level >= slog.LevelError {
		return "error"
	}
	if level < slog.LevelWarn || s.opts.Warnings < 0 {
		return ""
	}
	s.warnings = slices.DeleteFunc(append(s.warnings, now), func(t time.Time) bool {
		return now.Sub(t) >= s.opts.Within
	})
	if len(s.warnings) < s.opts.Warnings {
		return ""
	}
	s.warnings = nil
	return "warnings"
}

// raise writes out the ring and turns debug on, or keeps it on for longer.
func (s *state) raise(ctx context.Context, now time.Time, cause string) error {
	already := !s.raised.IsZero()
	s.raised = now.Add(s.opts.Raised)
	if already {
		return nil
	}
	kept, dropped := s.ring.take()
	err := s.note(ctx, now, MessageRaised, slog.String("cause", cause), slog.Duration("for", s.opts.Raised),
		slog.Int("kept", len(kept)), slog.Int("dropped", dropped))
	for _, e := range kept {
		err = errors.Join(err, e.write(ctx))
	}
	return err
}

// lower turns debug off and logs that.
func (s *state) lower(ctx context.Context, now time.Time) error {
	s.raised = time.Time{}
	return s.note(ctx, now, MessageLowered)
}

func (s *state) note(ctx context.Context, now time.Time, message string, attrs ...slog.Attr) error {
	r := slog.NewRecord(now, slog.LevelDebug, message, 0)
	r.AddAttrs(attrs...)
	return entry{record: r, sinks: s.sinks}.write(ctx)
}
