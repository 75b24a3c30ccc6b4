package testrun

import (
	"sync"
	"time"
)

// Suite is how the tests of a tree are run. It is made by [Find] and safe for
// concurrent use as long as nobody changes its fields.
type Suite struct {
	Root     string   // the tree under test, absolute
	Modules  []Module // Go modules with packages in them, by Dir
	Flags    []string // flags of every go command, each one word: -tags=x, -race, -run=Y
	Patterns []string // packages of a plain go test command, relative to Root; nil for ./... of every module
	Command  []string // the test command when it is not a plain go test; see Find

	// Sandbox is what the tests run in; Find fills it from the process's own
	// environment.
	Sandbox *Sandbox

	flood int // bytes that a package may print; 0 means floodLimit

	mu       sync.Mutex
	packages []Package // cached by Packages

	toolchains map[string]toolchain // by directory of the module
}

// Module is a Go module inside the tree.
type Module struct {
	Dir  string // slash-separated and relative to the root; "." for the root itself
	Path string

	// Alone says that a go.work above does not use the module: the go command
	// then has to be told to ignore the workspace (GOWORK=off).
	Alone bool
}

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
