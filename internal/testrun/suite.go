package testrun

import (
	"context"
	"time"
)

// Suite is how the tests of one language in a tree are run. It is safe for concurrent use.
type Suite interface {
	// String is the test command as a person would type it.
	String() string
	// Run runs tests. Tests that fail, and code that does not compile, are in the Result; a
	// run that did not truly run is a [*NotRunError].
	Run(ctx context.Context, req Request) (*Result, error)
	// Reached returns what a change of files can break. To answer that it may be anything is
	// right for every suite.
	Reached(ctx context.Context, files []string) (Reach, error)
}

// DefaultTimeout is how long one test binary, or the test command, may run when
// nothing else is said.
const DefaultTimeout = 10 * time.Minute

// Request says which tests to run and how.
type Request struct {
	Packages []string          // the suite's own units, see TestID; nil for the whole suite
	Tests    []TestID          // only these; nil for all of Packages
	Overlay  map[string][]byte // file relative to the root -> its content; nil content removes the file
	Count    int               // 0 lets a cache of results serve, n > 0 runs n times without
	NoVet    bool              // leaves out what only checks the code's style
	Timeout  time.Duration     // of each test program; 0 means the command's own, or DefaultTimeout
	Within   time.Duration     // for all of the run; what has not ended by then is left out. 0 means no end
}

// Result is what a run showed.
type Result struct {
	Packages []string // that were run
	Passed   []TestID
	Skipped  []TestID
	Failures []Failure // ordered by package and by the order of the tests
	// Missing was asked for, but neither run nor reported. A package that the tree does not
	// have is here without a test.
	Missing []TestID
	Late    int // packages that are left out, because the time of the request was over
	Seconds float64
	Took    map[TestID]float64 // seconds of each test, where known
}

// Reach is what a change can break.
type Reach struct {
	All      bool     // every package's tests, because of Why
	Why      string   // the file that makes it so
	Packages []string // when it is not All; those without tests have to build
	Tested   []string // those of Packages that have tests
	Rest     int      // packages with tests that it cannot
}
