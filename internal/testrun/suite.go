package testrun

import (
	"context"
	"time"
)

// Suite runs the tests of one language in a tree. It is safe for concurrent use.
type Suite interface {
	// String returns the test command as a user would type it.
	String() string
	// Run runs tests. Tests that fail and code that does not compile are in the Result; a run
	// that did not really run is a [*NotRunError]. If ctx ends before or during the run, the
	// error wraps its cause.
	Run(ctx context.Context, req Request) (*Result, error)
	// Reached returns what a change to files, or their deletion, can break. A suite that does
	// not know may always answer "everything".
	Reached(ctx context.Context, files []string) (Reach, error)
}

// DefaultTimeout is how long one test binary, or the test command, may run by default.
const DefaultTimeout = 10 * time.Minute

// Request says which tests to run and how.
type Request struct {
	// Packages are the suite's own units, see TestID; nil means the whole suite, an empty list
	// nothing.
	Packages []string
	// Tests, if set, are the only tests to run; Packages then only names their units. A TestID
	// without a Test is a whole unit. A suite that cannot run single tests may run more, but
	// leaves those out of the Result.
	Tests   []TestID
	Overlay map[string][]byte // file relative to the root -> its content; nil content removes the file
	// OnDisk writes the overlay's files into the tree, or a copy of it, for the run: whatever reads
	// them sees them, not only the build. A suite runs nothing else in that tree meanwhile.
	OnDisk bool
	// Count, if above 0, runs the tests that many times without cached results. A test that
	// fails once has failed.
	Count   int
	NoVet   bool          // skip checks of the code's style
	Timeout time.Duration // of each test program; 0 means the command's own, or DefaultTimeout
	Within  time.Duration // for the whole run; what has not ended by then is left out; 0 means no limit
}

// Result is the result of a run.
type Result struct {
	Packages []string // that ran
	Passed   []TestID
	Skipped  []TestID
	Failures []Failure // ordered by package and by the order of the tests
	// Missing are the requested tests that neither ran nor were reported. A package that is
	// not in the tree is here without a test. The tests of a unit that failed as a whole are
	// not missing.
	Missing []TestID
	// NotRun has the parts of the suite that could not run, although others did: each error names
	// its Part.
	NotRun []*NotRunError
	// Late counts the packages that did not end within Request.Within. The others are reported.
	Late    int
	Seconds float64
	Took    map[TestID]float64 // seconds of each test, if known
}

// Reach describes what a change can break.
type Reach struct {
	All bool   // it can break the tests of every package
	Why string // the file that is the reason for All
	// Packages are those that it can break, unless All is set. A package without tests is
	// among them if a run finds out whether it builds.
	Packages []string
	Tested   []string // those of Packages that have tests
	Rest     int      // number of packages with tests that it cannot break
}
