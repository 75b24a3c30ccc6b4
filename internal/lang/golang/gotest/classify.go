package gotest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// classify returns the failures of a package that ran, in the order of its tests.
//
// If the package crashed, hung or exited, the test that was running then is to blame. Any
// other test that failed is a failure too, unless it failed only because of a subtest.
func (c *collector) classify(p *packageRun) []testrun.Failure {
	blamed := c.blame(p)
	parents := p.parents(func(sub *testRun) bool { _, is := blamed[sub]; return is || sub.failed })
	var failures []testrun.Failure
	for _, t := range p.tests {
		f, ok := blamed[t]
		if !ok && t.failed {
			f, ok = c.ownFailure(p, t, parents[t.name])
		}
		again := slices.ContainsFunc(failures, func(other testrun.Failure) bool { return other.Test == t.name }) // in another try
		if ok && !again {
			failures = append(failures, f)
		}
	}
	if f, ok := blamed[nil]; ok {
		failures = append(failures, f)
	}
	if len(failures) == 0 {
		failures = append(failures, c.packageFailure(p))
	}
	return failures
}

// blame finds the tests to blame if a package did not end normally. The key nil means the
// package as a whole.
func (c *collector) blame(p *packageRun) map[*testRun]testrun.Failure {
	if p.ended != nil {
		return c.blameEnded(p)
	}
	output, _ := p.output.Text()
	// The testing package writes this line after all tests have run. What looks like a crash
	// in a test's output is then only output.
	if strings.Contains("\n"+output, "\nFAIL\n") {
		return nil
	}
	running := p.running()
	for _, t := range p.tests {
		text, _ := t.output.Text()
		crash, ok := c.tree.findCrash(text)
		if !ok {
			continue
		}
		if crash.timeout {
			return c.blameTimeout(p, t, crash)
		}
		victim := p.victim(t)
		f := c.failure(p, victim, testrun.Panic, crash.message, crash.frames)
		if victim != t {
			f.Output = testrun.Clip(f.Output + c.tree.shorten(text))
		}
		return map[*testRun]testrun.Failure{victim: f}
	}
	if crash, ok := c.tree.findCrash(output); ok {
		if crash.timeout {
			return c.blameTimeout(p, nil, crash)
		}
		kind := testrun.Panic
		if p.began == 0 {
			kind = testrun.Setup
		}
		return map[*testRun]testrun.Failure{nil: c.failure(p, nil, kind, crash.message, crash.frames)}
	}
	if len(running) > 0 {
		t := running[len(running)-1]
		text, _ := t.output.Text()
		message := "the test program exited during the test"
		if last := testrun.LastLine(c.tree.shorten(text)); last != "" {
			message += ": " + last
		}
		return map[*testRun]testrun.Failure{t: c.failure(p, t, testrun.Panic, message, nil)}
	}
	return nil
}

// blameEnded blames the tests of a package that regreen itself killed.
func (c *collector) blameEnded(p *packageRun) map[*testRun]testrun.Failure {
	tests := p.running()
	if t := p.byName[p.ended.test]; t != nil {
		tests = []*testRun{t}
	}
	if len(tests) == 0 {
		tests = []*testRun{nil}
	}
	blamed := map[*testRun]testrun.Failure{}
	for _, t := range tests {
		blamed[t] = c.failure(p, t, testrun.Timeout, p.ended.message, nil)
	}
	return blamed
}

// blameTimeout blames the innermost tests that the report of a timeout names. The report
// leaves out tests that were only waiting for their turn.
func (c *collector) blameTimeout(p *packageRun, owner *testRun, crash crash) map[*testRun]testrun.Failure {
	blamed := map[*testRun]testrun.Failure{}
	for _, name := range crash.running {
		t := p.byName[name]
		if t == nil || slices.ContainsFunc(crash.running, func(other string) bool { return isBelow(other, name) }) {
			continue
		}
		f := c.failure(p, t, testrun.Timeout, crash.message, hangingFrames(crash.blocks, name))
		if t != owner && owner != nil {
			text, _ := owner.output.Text()
			f.Output = testrun.Clip(f.Output + c.tree.shorten(text))
		}
		blamed[t] = f
	}
	if len(blamed) == 0 {
		test := ""
		if owner != nil {
			test = owner.name
		}
		blamed[owner] = c.failure(p, owner, testrun.Timeout, crash.message, hangingFrames(crash.blocks, test))
	}
	return blamed
}

// victim returns the test in which the panic happened that owner's output shows. When a
// subtest panics, the testing package first reports it and its parents as failed and only
// then passes the panic on, so that the outermost test prints it.
func (p *packageRun) victim(owner *testRun) *testRun {
	victim := owner
	for _, t := range p.tests {
		if isBelow(t.name, owner.name) && t.failed && t.output.Size() == 0 {
			victim = t
		}
	}
	return victim
}

// ownFailure returns the failure of a test that ran to its end. ok is false if the test
// failed only because a subtest did.
func (c *collector) ownFailure(p *packageRun, t *testRun, parent bool) (f testrun.Failure, ok bool) {
	text, _ := t.output.Text()
	all := c.tree.entries(text)
	if parent && !slices.ContainsFunc(all, func(e entry) bool { return e.File != "" && e.complains() }) {
		return testrun.Failure{}, false
	}
	if strings.Contains(text, raceSign) {
		message, frames := c.tree.race(text)
		return c.failure(p, t, testrun.Race, message, frames), true
	}
	f = c.failure(p, t, testrun.Assertion, "", nil)
	if best, found := verdict(all); found {
		f.Message, f.Location = best.message(), c.tree.origin(best)
	} else {
		// The got and want of an example, or what the program printed.
		f.Message = testrun.OneLine(c.tree.shorten(unframed(text)))
	}
	f.Message = c.tree.shorten(f.Message)
	if f.Message == "" {
		f.Message = "failed without a message"
	}
	return f, true
}

// packageFailure returns the failure of a package in which no test failed: TestMain failed,
// or the program at its end.
func (c *collector) packageFailure(p *packageRun) testrun.Failure {
	output, _ := p.output.Text()
	text := c.tree.shorten(unframed(output))
	if strings.Contains(text, raceSign) {
		message, frames := c.tree.race(output)
		return c.failure(p, nil, testrun.Race, message, frames)
	}
	message := testrun.LastLine(text)
	for line := range strings.Lines(text) {
		if complaint().MatchString(line) {
			message = testrun.OneLine(line)
			break
		}
	}
	if message == "" {
		message = "the test program failed without a message"
		if p.began > 0 {
			message = fmt.Sprintf("the test program failed although none of its %d tests did", p.began)
		}
	}
	return c.failure(p, nil, testrun.Setup, message, nil)
}

// failure returns a failure of a test, or of the package as a whole if t is nil. Its location
// is the innermost frame.
func (c *collector) failure(p *packageRun, t *testRun, kind testrun.Kind, message string, frames []testrun.Frame) testrun.Failure {
	f := testrun.Failure{TestID: testrun.TestID{Package: p.path}, Kind: kind, Message: c.tree.shorten(message), Frames: frames}
	if len(frames) > 0 {
		f.Location = frames[0].Location
	}
	output := &p.output
	if t != nil {
		f.Test, output = t.name, &t.output
	}
	text, left := output.Text()
	f.Output, f.Truncated = c.tree.shorten(unframed(text)), left
	return f
}
