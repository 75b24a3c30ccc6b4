package resultfile

import (
	"cmp"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Status is the result of a test. The greatest of several counts.
type Status byte

// The statuses. A flaky test failed and passed in one run.
const (
	Skipped Status = iota
	Passed
	Flaky
	Failed
)

// Test is the result of one test over all of its tries.
type Test struct {
	testrun.TestID
	testrun.Location      // if the result file has it
	Declared         bool // the location is where the test is declared, not where it failed
	Status           Status
	Seconds          float64
	Failure          *testrun.Failure // of the first failed try
	// ByPart is set if the test failed without details, because a part of it failed.
	ByPart bool
}

// Tests returns the tests of files by the rules of [Merge], in the order in which the files
// list them. It does not check that the locations exist. Succeeded says that the command that
// wrote the files exited 0: if a test failed before it passed, it was retried.
func Tests(files []*File, succeeded bool) []Test {
	all := merged(ordered(files), succeeded)
	explained := ancestors(all)
	tests := make([]Test, 0, len(all))
	for _, o := range all {
		t := Test{
			TestID: testrun.TestID{Package: o.pkg, Test: o.test}, Location: testrun.Location{File: o.file, Line: o.line},
			Declared: o.declared, Status: o.status, Seconds: o.seconds, ByPart: o.byPart(explained),
		}
		if d := o.detail; d != nil {
			t.Failure = &testrun.Failure{
				TestID: t.TestID, Kind: testrun.Kind(d.kind), Message: cmp.Or(d.message, "failed without a message"),
				Location: testrun.Location{File: d.file, Line: d.line}, Frames: d.frames, Output: d.output, Truncated: d.truncated,
			}
			if d.kind == unknown {
				t.Failure.Kind = testrun.Assertion
			}
		}
		tests = append(tests, t)
	}
	return tests
}

// Listed returns how many tests ran according to the file, whether it names them or not.
func (f *File) Listed() int { return len(f.attempts) + f.passed + f.skipped }
