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
	// run that did not truly run is a [*NotRunError]. When ctx ends, before or during the
	// run, the error wraps its cause.
	Run(ctx context.Context, req Request) (*Result, error)
	// Reached returns what a change of files, also of deleted ones, can break. To answer that
	// it may be anything is right for every suite.
	Reached(ctx context.Context, files []string) (Reach, error)
}

// DefaultTimeout is how long one test binary, or the test command, may run when
// nothing else is said.
const DefaultTimeout = 10 * time.Minute

// Request says which tests to run and how.
type Request struct {
	// Packages are the suite's own units, see TestID; nil stands for the whole suite, an empty
	// list for nothing.
	Packages []string
	// Tests, when set, are all that is asked for; Packages then names their units and adds
	// nothing. One without a Test is a whole unit. A suite that cannot run single tests may
	// run more, and leaves that out of the Result.
	Tests   []TestID
	Overlay map[string][]byte // file relative to the root -> its content; nil content removes the file
	// Count n > 0 runs n times, without a cache of results: a test that fails once has failed.
	Count   int
	NoVet   bool          // leaves out what only checks the code's style
	Timeout time.Duration // of each test program; 0 means the command's own, or DefaultTimeout
	Within  time.Duration // for all of the run; what has not ended by then is left out. 0 means no end
}

// Result is what a run showed.
type Result struct {
	Packages []string // that were run
	Passed   []TestID
	Skipped  []TestID
	Failures []Failure // ordered by package and by the order of the tests
	// Missing was asked for, but neither run nor reported. A package that the tree does not
	// have is here without a test. The tests of a unit that failed as a whole are not missing.
	Missing []TestID
	// Late counts the packages that did not end within Request.Within. What ended is reported.
	Late    int
	Seconds float64
	Took    map[TestID]float64 // seconds of each test, where known
}

// Reach is what a change can break.
type Reach struct {
	All bool   // every package's tests, because of Why
	Why string // the file that makes it so
	// Packages are those that it can break when it is not All. Some may have no tests: they
	// are among them where a run finds out whether they build.
	Packages []string
	Tested   []string // those of Packages that have tests
	Rest     int      // how many packages with tests it cannot break
}
