package gotest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// collector turns events into a Result. What it keeps is bounded: the name of a test that
// passed, and as much output of one that failed as a Failure may have.
type collector struct {
	tree     tree
	packages map[string]*packageRun
	builds   testrun.Capped // output of failed builds of the current go command
	built    []buildOutput  // failed builds of earlier go commands
	calls    int            // how many go commands have ended
	result   testrun.Result
	kept     int // bytes of output of failed tests

	flood   int    // how many bytes a package may print
	flooded func() // called when a package has printed more
}

const (
	// floodLimit is how much a package may print. The go command keeps the whole
	// output of a package in memory, for its cache.
	floodLimit = 256 << 20
	// maxKept is how much output of failed tests is kept in full. After that, each failure
	// keeps [testrun.MinOutput].
	maxKept = 16 << 20
	// maxBuilds is how much output of failed builds is kept.
	maxBuilds = 1 << 20
)

// packageRun is the state of one package.
type packageRun struct {
	path    string
	call    int                 // the go command that ran it
	tests   []*testRun          // tests that run or failed, in the order they began; one for each try
	byName  map[string]*testRun // the last try of each
	began   int                 // how many tests began
	output  testrun.Capped      // output outside of tests
	printed int                 // bytes, including those of tests
	status  string              // the last event of the package: pass, fail or skip
	build   string              // the failed build that the package needs
	ended   *interruption       // why regreen killed it
}

// interruption says why a package was killed.
type interruption struct {
	test    string // the test to blame; empty for all that run
	message string
}

// testRun is a test that runs or has failed.
type testRun struct {
	name   string
	output testrun.Capped
	failed bool
	paused bool
}

func newCollector(t tree) *collector {
	return &collector{tree: t, packages: map[string]*packageRun{}, builds: testrun.Capped{Limit: maxBuilds}, flood: floodLimit}
}

func (c *collector) pkg(path string) *packageRun {
	p := c.packages[path]
	if p == nil {
		p = &packageRun{path: path, call: c.calls, byName: map[string]*testRun{}}
		c.packages[path] = p
	}
	return p
}

// add processes one event.
func (c *collector) add(e Event) {
	if e.Action == "build-output" {
		c.builds.Write([]byte(e.Output))
		return
	}
	if e.Package == "" {
		return
	}
	p := c.pkg(e.Package)
	if e.Action == "output" {
		c.output(p, e)
		return
	}
	if e.Test == "" {
		switch e.Action {
		case "pass", "fail", "skip":
			p.status, p.build = e.Action, e.FailedBuild
		}
		return
	}
	id := testrun.TestID{Package: e.Package, Test: e.Test}
	if e.Elapsed > 0 {
		if c.result.Took == nil {
			c.result.Took = make(map[testrun.TestID]float64)
		}
		c.result.Took[id] = e.Elapsed
	}
	switch e.Action {
	case "run":
		if t := p.byName[e.Test]; t != nil && t.failed {
			delete(p.byName, e.Test) // the next try, with -count or -cpu
		}
		p.test(e.Test)
	case "pause":
		p.test(e.Test).paused = true
	case "cont":
		p.test(e.Test).paused = false
	case "pass":
		p.end(e.Test)
		c.result.Passed = append(c.result.Passed, id)
	case "skip":
		p.end(e.Test)
		c.result.Skipped = append(c.result.Skipped, id)
	case "fail":
		t := p.test(e.Test)
		t.failed = true
		c.kept += t.output.Size()
		if c.kept > maxKept {
			t.output.Shrink(testrun.MinOutput)
		}
	}
}

func (c *collector) output(p *packageRun, e Event) {
	p.printed += len(e.Output)
	if p.printed > c.flood && p.ended == nil {
		p.ended = &interruption{test: e.Test, message: fmt.Sprintf("printed more than %d MiB and was killed", c.flood>>20)}
		if c.flooded != nil {
			c.flooded()
		}
	}
	if e.Test == "" {
		p.output.Write([]byte(e.Output))
	} else if !isFraming(e.Output) {
		p.test(e.Test).output.Write([]byte(e.Output))
	}
}

// test returns the state of a test, and adds the test on its first event.
func (p *packageRun) test(name string) *testRun {
	t := p.byName[name]
	if t == nil {
		t = &testRun{name: name}
		p.byName[name] = t
		p.tests = append(p.tests, t)
		p.began++
	}
	return t
}

// end forgets a try of a test that did not fail.
func (p *packageRun) end(name string) {
	t := p.byName[name]
	if t == nil {
		p.began++ // cached results may begin in the middle
		return
	}
	delete(p.byName, name)
	if i := slices.Index(p.tests, t); i >= 0 {
		p.tests = slices.Delete(p.tests, i, i+1)
	}
}

// interrupt records that the run was killed because nothing happened any more. It reports
// whether any test was running.
func (c *collector) interrupt(message string) bool {
	found := false
	for _, p := range c.packages {
		if p.status == "" && len(p.running()) > 0 {
			p.ended = &interruption{message: message}
			found = true
		}
	}
	return found
}

// dropUnfinished removes the packages that have not ended, except for tests that failed.
func (c *collector) dropUnfinished() {
	for path, p := range c.packages {
		if p.status != "" {
			continue
		}
		p.tests = slices.DeleteFunc(p.tests, func(t *testRun) bool { return !t.failed })
		if len(p.tests) > 0 {
			p.status = "fail"
			continue
		}
		delete(c.packages, path)
		dropped := func(id testrun.TestID) bool { return id.Package == path }
		c.result.Passed = slices.DeleteFunc(c.result.Passed, dropped)
		c.result.Skipped = slices.DeleteFunc(c.result.Skipped, dropped)
	}
}

// running returns the innermost tests that have begun and have neither ended nor paused.
func (p *packageRun) running() []*testRun {
	parents := p.parents(func(*testRun) bool { return true })
	var leaves []*testRun
	for _, t := range p.tests {
		if !t.failed && !t.paused && !parents[t.name] {
			leaves = append(leaves, t)
		}
	}
	return leaves
}

// parents returns the names of the tests above those for which is returns true, at any
// depth.
func (p *packageRun) parents(is func(*testRun) bool) map[string]bool {
	above := map[string]bool{}
	for _, t := range p.tests {
		if !is(t) {
			continue
		}
		for name := t.name; ; {
			i := strings.LastIndexByte(name, '/')
			if i < 0 || above[name[:i]] {
				break
			}
			name = name[:i]
			above[name] = true
		}
	}
	return above
}

func isBelow(name, parent string) bool { return strings.HasPrefix(name, parent+"/") }
