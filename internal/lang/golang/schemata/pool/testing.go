//go:build regreen_pool

package pool

import "testing"

// This file stands for package testing, with what the pool finds in it, where tools look at
// the others. It goes into no program.

type (
	T            = testing.T
	InternalTest = testing.InternalTest

	M struct {
		tests    []InternalTest
		examples []testing.InternalExample
	}
)

var parallel = new(int)

func runExample(testing.InternalExample) (ok bool) { return false }

// regreenRun runs tests as package testing does.
func (*M) regreenRun([]InternalTest) (ok bool) { return false }

// What only package testing calls.
var _ = []any{(*M).regreenPool, regreenFail, regreenStop, regreenSkip, regreenPanicked, regreenMatch}
