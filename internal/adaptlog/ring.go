package adaptlog

import (
	"context"
	"errors"
	"log/slog"
)

// entry is a record for the sinks of the handler that received it.
type entry struct {
	record slog.Record
	sinks  []slog.Handler
	bytes  int
}

// write passes the record to every sink that wants it.
func (e entry) write(ctx context.Context) error {
	var errs []error
	for _, sink := range e.sinks {
		if sink.Enabled(ctx, e.record.Level) {
			errs = append(errs, sink.Handle(ctx, e.record.Clone()))
		}
	}
	return errors.Join(errs...)
}

// ring keeps the newest entries within both limits.
type ring struct {
	maxRecords, maxBytes int

	entries []entry // entries[head:], oldest first
	head    int
	bytes   int
	dropped int // since the last take
}

func (r *ring) push(e entry) {
	r.entries = append(r.entries, e)
	r.bytes += e.bytes
	for len(r.entries)-r.head > r.maxRecords || r.bytes > r.maxBytes {
		r.bytes -= r.entries[r.head].bytes
		r.entries[r.head] = entry{} // free its memory
		r.head++
		r.dropped++
	}
	if r.head > len(r.entries)/2 { // keeps the cost of a push constant on average
		n := copy(r.entries, r.entries[r.head:])
		clear(r.entries[n:])
		r.entries, r.head = r.entries[:n], 0
	}
}

// take empties the ring. It returns the entries, oldest first, and how many older ones did not fit.
func (r *ring) take() (kept []entry, dropped int) {
	kept, dropped = r.entries[r.head:], r.dropped
	*r = ring{maxRecords: r.maxRecords, maxBytes: r.maxBytes}
	return kept, dropped
}
