package gotest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// outcomes passes events on, with the outcomes of tests as the testing package writes them: it
// writes a line for each test, after all that the test prints. The events usually say the same.
// But with go test -json -v, a line that begins with what the test has printed has no event, and
// a line that a test prints itself has one if it looks like an outcome.
//
// So an outcome waits until it is final, which it is when the next top-level test begins, or
// when the package ends.
type outcomes struct {
	emit     func(Event)
	packages map[string]*waiting
	waiting  int // how many outcomes wait
}

// waiting holds the outcomes of a package that are not final.
type waiting struct {
	names  []string         // of tests, in the order of their outcomes
	events map[string]Event // the last event of each
	lines  map[string]Event // the last line of each, as an event
	begun  map[string]bool  // tests that have begun; true until their outcome is final
	line   string           // the end of the output that has no line end yet
	whole  bool             // all tests have run to their end
}

func newOutcomes(emit func(Event)) *outcomes {
	return &outcomes{emit: emit, packages: map[string]*waiting{}}
}

// outcomeLine matches the end of a line with an outcome.
var outcomeLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`--- (PASS|FAIL|SKIP): (\S+) \((\d+\.\d+)s\)\r?\n$`)
})

// maxOutcomeLine is how much of the end of a line can be an outcome.
const maxOutcomeLine = 1 << 10

// add processes the next event.
func (o *outcomes) add(e Event) {
	w := o.packages[e.Package]
	if w == nil {
		w = &waiting{events: map[string]Event{}, lines: map[string]Event{}, begun: map[string]bool{}}
		o.packages[e.Package] = w
	}
	end := e.Action == "pass" || e.Action == "fail" || e.Action == "skip"
	switch {
	case e.Action == "output":
		o.read(w, e)
	case e.Action == "run":
		if _, begun := w.begun[e.Test]; !begun {
			o.drop(w, e.Test) // the output of another test
		}
		if topOf(e.Test) == e.Test {
			o.release(w, true)
		}
		w.begun[e.Test] = true
	case end && e.Test == "":
		o.release(w, w.whole)
		delete(o.packages, e.Package)
	case end:
		if open, begun := w.begun[e.Test]; open || !begun {
			o.wait(w, e.Test)
			w.events[e.Test] = e
		}
		return
	}
	o.emit(e)
}

// close passes on what waits for the end of packages that did not end.
func (o *outcomes) close() {
	for _, w := range o.packages {
		o.release(w, false)
	}
	clear(o.packages)
}

// read looks for an outcome in the output of a test, which has the outcomes of the test and of the
// tests around it: its subtests and those above.
func (o *outcomes) read(w *waiting, e Event) {
	w.line += e.Output
	w.line = w.line[max(len(w.line)-maxOutcomeLine, 0):]
	if !strings.HasSuffix(w.line, "\n") {
		return
	}
	m := outcomeLine().FindStringSubmatch(w.line)
	w.whole = w.whole || e.Test == "" && (w.line == "PASS\n" || w.line == "FAIL\n")
	w.line = ""
	if m == nil || topOf(m[2]) != topOf(e.Test) || !w.begun[topOf(m[2])] {
		return
	}
	o.wait(w, m[2])
	seconds, _ := strconv.ParseFloat(m[3], 64)
	w.lines[m[2]] = Event{Action: strings.ToLower(m[1]), Package: e.Package, Test: m[2], Elapsed: seconds}
}

// wait adds a test to those that have an outcome.
func (o *outcomes) wait(w *waiting, name string) {
	_, reported := w.events[name]
	_, written := w.lines[name]
	if !reported && !written {
		w.names = append(w.names, name)
		o.waiting++
	}
}

// drop forgets the outcome of a test.
func (o *outcomes) drop(w *waiting, name string) {
	delete(w.events, name)
	delete(w.lines, name)
	if i := slices.Index(w.names, name); i >= 0 {
		w.names = slices.Delete(w.names, i, i+1)
		o.waiting--
	}
}

// release passes on what waits. Lines count if the tests ran to their end: a test may print
// anything before it crashes.
func (o *outcomes) release(w *waiting, lines bool) {
	for _, name := range w.names {
		e, ok := w.events[name]
		if line, written := w.lines[name]; written && lines && (!ok || e.Action != line.Action) {
			e, ok = line, true
		}
		if ok {
			o.emit(e)
		}
		w.begun[name] = false
	}
	o.waiting -= len(w.names)
	w.names = nil
	clear(w.events)
	clear(w.lines)
}

// topOf returns the top-level test of a test.
func topOf(name string) string {
	top, _, _ := strings.Cut(name, "/")
	return top
}
