//go:build regreen_pool

package pool

import "testing"

// What the pool finds in package testing; this file stands for it where tools look at the
// others, and goes into no program.
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
