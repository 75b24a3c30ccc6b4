package resultfile

import (
	"fmt"
	"slices"
	"strings"
)

// repeat is what it means if a file has several results under one name.
type repeat byte

const (
	different repeat = iota // different tests, such as a test with several parameters
	phases                  // one test: its body and its clean-up
	runs                    // one test, which ran several times
)

// outcomes returns the tests of a file, in its order.
//
// Results under one name are different tests, and get a number: a second x is "x #2". In Go and
// for pytest, names are unique, and they are one test. The last result does not make up for
// those before: with -count or -cpu, a test ran several times, and has failed if it failed in
// one. Only if the file shows that nothing but failed tests ran again, passing makes it flaky.
// Where the file does not show it, but the command succeeded although a test failed before it
// passed, it was retried as well.
func (f *File) outcomes(succeeded bool) []*outcome {
	of := map[testKey][]*attempt{}
	for i := range f.attempts {
		a := &f.attempts[i]
		k := testKey{a.pkg, a.test}
		of[k] = append(of[k], a)
	}
	retried := f.retried(of)
	var all []*outcome
	names := &numbers{count: map[testKey]int{}, taken: map[testKey]bool{}}
	for i := range f.attempts {
		k := testKey{f.attempts[i].pkg, f.attempts[i].test}
		tries, ok := of[k]
		if !ok {
			continue // the first one includes all
		}
		again := tries[0].repeat == runs && retried || tries[0].repeat != phases && succeeded && failedFirst(tries)
		if tries[0].repeat == different && k.test != "" && !again {
			tries, of[k] = tries[:1], tries[1:]
			if len(of[k]) == 0 {
				delete(of, k)
			}
		} else {
			delete(of, k)
		}
		o := combined(tries, again)
		if o.test != "" {
			o.test = names.another(k)
		}
		all = append(all, o)
	}
	return all
}

// combined returns the outcome of the tries of one test. Again says that only what had failed was
// tried again.
func combined(tries []*attempt, again bool) *outcome {
	o := &outcome{pkg: tries[0].pkg, test: tries[0].test}
	passes := false
	for _, a := range tries {
		if a.repeat != phases || o.tries == 0 {
			o.tries += 1 + a.more
		}
		o.seconds = a.seconds
		if o.file == "" {
			o.file, o.line, o.declared = a.file, a.line, a.declared
		}
		if o.detail == nil {
			o.detail = a.detail
		}
		o.status = max(o.status, map[status]Status{skipped: Skipped, passed: Passed, flaky: Flaky, failed: Failed}[a.status])
		passes = passes || a.status == passed || a.status == flaky
	}
	if again && passes && o.status == Failed {
		o.status = Flaky
	}
	return o
}

// failedFirst reports whether the tries of a test end with the first one that passed.
func failedFirst(tries []*attempt) bool {
	last := len(tries) - 1
	for i, a := range tries {
		if (a.status == failed) != (i < last) {
			return false
		}
	}
	return last > 0
}

// retried reports whether, of the tests of Go in the file, only those that had failed ran again.
// The tests of a file are given by their names.
func (f *File) retried(of map[testKey][]*attempt) bool {
	if f.Format == goTest.name {
		return f.processesRetry()
	}
	once := false // a test passed and did not run again, as it would have with -count
	for _, tries := range of {
		if tries[0].repeat != runs {
			continue
		}
		failures := 0
		for _, a := range tries {
			if a.status == failed {
				failures++
			}
		}
		if len(tries) > 1 && failures < len(tries)-1 {
			return false
		}
		once = once || failures == 0
	}
	return once
}

// processesRetry reports whether a process that ran a package again ran only tests that had
// failed in an earlier one, or tests above or below these.
func (f *File) processesRetry() bool {
	failures := map[string][]string{} // by package
	for i := range f.attempts {
		a := &f.attempts[i]
		if a.process > 0 && a.test != "" && !slices.ContainsFunc(failures[a.pkg], func(test string) bool {
			return test == a.test || strings.HasPrefix(a.test, test+"/") || strings.HasPrefix(test, a.test+"/")
		}) {
			return false
		}
		if a.status == failed {
			failures[a.pkg] = append(failures[a.pkg], a.test)
		}
	}
	return true
}

// numbers separates tests of the same name by a number.
type numbers struct {
	count map[testKey]int
	taken map[testKey]bool
}

// another returns the name for one more test of the same name.
func (n *numbers) another(k testKey) string {
	for {
		n.count[k]++
		numbered := k
		if n.count[k] > 1 {
			numbered.test = fmt.Sprintf("%s #%d", k.test, n.count[k])
		}
		if !n.taken[numbered] {
			n.taken[numbered] = true
			return numbered.test
		}
	}
}
