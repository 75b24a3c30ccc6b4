package gotest

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"sync"
)

// Event is a line of go test -json; see `go doc test2json` and, for the events of builds,
// `go help buildjson`.
type Event struct {
	Action      string
	Package     string
	ImportPath  string // of build events; may have a suffix " [p.test]"
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string  // ImportPath of the failed build that a package needs
}

// maxLine is the longest line of the stream that eventReader keeps. The go command cuts the
// output of tests into pieces of a few KiB, so only junk is longer.
const maxLine = 1 << 20

// eventReader is a writer that splits a stream into events and passes them on one by one. It
// buffers at most one line of the stream.
type eventReader struct {
	emit  func(Event)
	other func(line []byte) // for lines that are not events

	mu     sync.Mutex
	line   []byte
	junk   bool // the line is too long: skip to its end
	closed bool
}

// Write passes on the events that p completes. It never fails.
func (r *eventReader) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(p)
	if r.closed {
		return n, nil
	}
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		piece := p
		if end >= 0 {
			piece = p[:end]
		}
		p = p[len(piece):]
		if r.junk = r.junk || len(r.line)+len(piece) > maxLine; r.junk {
			r.line = r.line[:0]
		} else {
			r.line = append(r.line, piece...)
		}
		if end >= 0 {
			p = p[1:]
			r.end()
		}
	}
	return n, nil
}

// close passes on a last line that has no newline. Later output, of a process that is being
// killed, is dropped.
func (r *eventReader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
	r.closed = true
}

func (r *eventReader) end() {
	line, junk := bytes.TrimSpace(r.line), r.junk
	r.line, r.junk = r.line[:0], false
	if junk || len(line) == 0 {
		return
	}
	other, e, ok := ParseEvent(line)
	if len(other) > 0 {
		r.other(other)
	}
	if ok {
		r.emit(e)
	}
}

// ParseEvent returns the event in a line of the stream, and what is not part of it. Another
// program may have begun the line without ending it. ok is false if the line has no event.
func ParseEvent(line []byte) (other []byte, e Event, ok bool) {
	if parse := func(text []byte) bool {
		e = Event{}
		return json.Unmarshal(text, &e) == nil && slices.Contains(actions, e.Action)
	}; len(line) > 0 && line[0] == '{' && parse(line) {
		return nil, e, true
	} else if m := inLine().FindIndex(line); m != nil && parse(line[m[0]:]) {
		return line[:m[0]], e, true
	}
	return line, Event{}, false
}

// inLine matches the beginning of an event behind something else.
var inLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{"(Time|ImportPath|Action)":"`) })

// actions are the actions of events.
var actions = []string{"start", "run", "pause", "cont", "pass", "bench", "fail", "output", "skip", "attr", "artifacts", "build-output", "build-fail"}
