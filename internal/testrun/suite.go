package testrun

import "time"

// DefaultTimeout is how long one test binary, or the test command, may run when
// nothing else is said.
const DefaultTimeout = 10 * time.Minute

// Request says which tests to run and how.
type Request struct {
	Packages []string          // import paths; nil for the whole suite
	Tests    []TestID          // only these; nil for all of Packages
	Overlay  map[string][]byte // file relative to the root -> its content; nil content removes the file
	Count    int               // 0 lets the go command use its test cache, n > 0 runs n times without
	NoVet    bool
	Timeout  time.Duration // of each test binary; 0 means the command's own -timeout, or DefaultTimeout
	Within   time.Duration // for all of the run; what has not ended by then is left out. 0 means no end
}

// Result is what a run showed.
type Result struct {
	Packages []string // that were run
	Passed   []TestID
	Skipped  []TestID
	Failures []Failure // ordered by package and by the order of the tests
	Missing  []TestID  // asked for by name, but neither run nor reported
	Late     bool      // packages are left out, because the time of the request was over
	Seconds  float64
	Took     map[TestID]float64 // seconds of each test, where it was told
}

// Reach is what a change can break.
type Reach struct {
	All      bool     // every package's tests, because of Why
	Why      string   // the file that makes it so
	Packages []string // import paths, when it is not All; those without tests have to build
	Tested   []string // those of Packages that have tests
	Rest     int      // packages with tests that it cannot
}
