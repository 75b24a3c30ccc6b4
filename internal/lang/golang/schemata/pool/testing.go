//go:build regreen_pool

package pool

import "testing"

// This file declares what the pool uses of package testing, so that tools can check the other
// files. It is not part of any program.

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

// regreenRun runs tests like package testing; see editTesting.
func (*M) regreenRun([]InternalTest) (ok bool) { return false }

// These are only called by package testing.
var _ = []any{(*M).regreenPool, regreenFail, regreenStop, regreenSkip, regreenPanicked, regreenMatch}
