//go:build regreen_pool

package pool

import (
	"runtime"
	"sync"
)

// This file has the functions that package testing calls; see testingEdits.

// regreenFail is called by every Fail.
func regreenFail(name string) {
	regreen.Lock()
	defer regreen.Unlock()
	if !regreen.running || name == "" {
		return
	}
	var pcs [12]uintptr
	h := uint64(14695981039346656037)
	for _, pc := range pcs[:runtime.Callers(3, pcs[:])] {
		h = (h ^ uint64(pc)) * 1099511628211
	}
	regreen.failureHash += h // a sum, since failures come in any order
	regreen.failed[name] = true
}

// regreenStop reports whether a failed test must stop now. A test without a name is not a real
// one: tests of test helpers make such a T.
func regreenStop(name string, ending bool) bool {
	regreen.Lock()
	defer regreen.Unlock()
	return regreen.running && !regreen.keepGoing && !ending && name != ""
}

// regreenSkip reports whether a test need not run any more.
func regreenSkip() bool {
	regreen.Lock()
	defer regreen.Unlock()
	return regreen.running && !regreen.keepGoing && (regreen.brief || regreen.overrun) && (len(regreen.failed) > 0 || regreen.overrun)
}

// regreenPanicked reports whether a panic of a test counts as a failure of that test.
func regreenPanicked() bool {
	regreen.Lock()
	defer regreen.Unlock()
	return regreen.running
}

// regreenMatches caches the answers of a test's matcher.
var regreenMatches sync.Map

// regreenMatch caches the answers of a matcher. It compiles an expression for each name, which
// takes longer than most tests.
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
