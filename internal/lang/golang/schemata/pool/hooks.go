//go:build regreen_pool

package pool

import (
	"runtime"
	"sync"
)

// What package testing calls; see testingEdits.

// regreenFail is called by every Fail.
func regreenFail(name string) {
	regreen.Lock()
	defer regreen.Unlock()
	if !regreen.open || name == "" {
		return
	}
	var pcs [12]uintptr
	h := uint64(14695981039346656037)
	for _, pc := range pcs[:runtime.Callers(3, pcs[:])] {
		h = (h ^ uint64(pc)) * 1099511628211
	}
	regreen.places += h // in whatever order they come
	regreen.failed[name] = true
}

// regreenStop reports whether a test that has failed is to be left at once. One without a
// name is not a real one: tests of test helpers make such.
func regreenStop(name string, ending bool) bool {
	regreen.Lock()
	defer regreen.Unlock()
	return regreen.open && !regreen.patient && !ending && name != ""
}

// regreenSkip reports whether a test need not be run any more.
func regreenSkip() bool {
	regreen.Lock()
	defer regreen.Unlock()
	return regreen.open && !regreen.patient && (regreen.brief || regreen.over) && (len(regreen.failed) > 0 || regreen.over)
}

// regreenPanicked reports whether a panic of a test is only a failure.
func regreenPanicked() bool {
	regreen.Lock()
	defer regreen.Unlock()
	return regreen.open
}

// regreenMatches are the answers of a test's matcher.
var regreenMatches sync.Map

// regreenMatch remembers what a matcher answers: it compiles an expression anew for
// each name, which takes longer than most tests do.
func regreenMatch(match func(pat, str string) (bool, error)) func(pat, str string) (bool, error) {
	return func(pat, str string) (bool, error) {
		key := [2]string{pat, str}
		if known, ok := regreenMatches.Load(key); ok {
			return known.(bool), nil
		}
		ok, err := match(pat, str)
		if err == nil {
			regreenMatches.Store(key, ok)
		}
		return ok, err
	}
}
