package testrun

import (
	"slices"
	"strings"
)

// Kind is the kind of a failure.
type Kind string

// The kinds of failure, those that say most about where the fault is first.
const (
	Compile   Kind = "compile"   // the unit or its tests do not compile
	Import    Kind = "import"    // a module that the tests need cannot be loaded
	Panic     Kind = "panic"     // a test panicked, or the runtime ended the program
	Exception Kind = "exception" // the test or the code threw an exception that nothing caught
	Race      Kind = "race"      // the race detector reported a data race
	Timeout   Kind = "timeout"   // a test did not end in time
	Assertion Kind = "assertion" // a test says that the code is wrong
	Setup     Kind = "setup"     // TestMain, package initialization or the test command failed
)

// Kinds are all kinds of failure.
var Kinds = []Kind{Compile, Import, Panic, Exception, Race, Timeout, Assertion, Setup}

// Unbuilt reports whether the code never ran: it does not compile, or a module cannot be
// loaded.
func (k Kind) Unbuilt() bool { return k == Compile || k == Import }

// TestID identifies a test. Package is the suite's own unit of tests: the import path of a
// Go package, the file of a Python test, or the command if nothing finer is known. Test is
// "TestX" or "TestX/sub"; it is empty for a failure of the whole unit.
type TestID struct {
	Package string `json:"package"`
	Test    string `json:"test,omitempty"`
}

func (id TestID) String() string {
	if id.Test == "" {
		return id.Package
	}
	return id.Package + "." + id.Test
}

// Top returns the name of the top-level test function, without subtests.
func (id TestID) Top() string {
	top, _, _ := strings.Cut(id.Test, "/")
	return top
}

// Location is a place in the tree under test. File is slash-separated and relative to the
// tree's root; it is empty if the place is unknown. Line and Column count from 1; 0 means
// unknown.
type Location struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// Frame is one call of a stack trace, innermost first. Only frames inside the tree under
// test are kept.
type Frame struct {
	Func string `json:"func"`
	Location
}

// Failure is a failing test with its evidence.
type Failure struct {
	TestID
	Kind    Kind   `json:"kind"`
	Message string `json:"message"` // one line
	Location
	Frames []Frame `json:"frames,omitempty"`
	// Needs is what has to run, in addition to the test, for it to fail: it passes when run alone.
	// These are other tests of its package, or the package as a whole, which has no Test.
	Needs []TestID `json:"needs,omitempty"`
	// Positions are the places that a compile error names, in order.
	Positions []Position `json:"positions,omitempty"`
	Output    string     `json:"output,omitempty"` // capped, see Truncated
	Truncated int        `json:"truncated,omitempty"`
}

// Needed returns the tests to run for the failures to show: the tests that failed, with what
// they need.
func Needed(failures []Failure) []TestID {
	var out []TestID
	for _, f := range failures {
		for _, id := range append(f.Needs[:len(f.Needs):len(f.Needs)], f.TestID) {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

// Position is a compiler's message and its place.
type Position struct {
	Location
	Message string `json:"message"`
}
