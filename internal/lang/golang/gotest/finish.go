package gotest

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// endCall processes the end of a go test: its exit status and what it printed that is not an
// event. File names in that are relative to dir. An error means that the tests did not truly
// run.
func (c *collector) endCall(dir, printed string, status int) error {
	defer func() { c.calls++ }()
	text, _ := c.builds.Text()
	c.builds = testrun.Capped{Limit: maxBuilds}
	unloaded, unexplained := false, false
	for _, p := range c.packages {
		output, _ := p.output.Text()
		switch {
		case p.status != "fail" || p.began > 0:
		case strings.Contains(output, " [setup failed]"):
			unloaded, unexplained = true, unexplained || p.build == ""
		case strings.Contains(output, " [build failed]"):
			unexplained = unexplained || p.build == ""
		case startFailure().MatchString(output):
			return &testrun.NotRunError{
				What: "the test program could not be started", Where: p.path,
				Advice: "check that the temporary directory allows running programs, then GOOS and GOARCH", Output: output,
			}
		}
		if unexplained && p.build == "" {
			p.build = p.path
		}
	}
	if unexplained {
		text += printed // where Go before 1.24 puts it
	}
	var fault *testrun.NotRunError // of packages that could not be loaded
	var unloadable []string        // these packages
	for _, o := range c.tree.parseBuild(text, dir) {
		if strings.HasPrefix(o.pkg, ".") || strings.Contains(o.pkg, "...") {
			return &testrun.NotRunError{What: "no packages match", Where: o.pkg, Advice: "correct the packages of the test command", Output: o.text}
		}
		// Messages of the compiler are about the code, whatever words they quote.
		if len(o.positions) == 0 || unloaded {
			if e := environmentError(o.text); e != nil {
				if e.Whole || o.pkg == "" {
					return e
				}
				fault, unloadable = cmp.Or(fault, e), append(unloadable, c.drop(o.pkg)...)
				continue
			}
		}
		if !slices.ContainsFunc(c.built, func(b buildOutput) bool { return b.pkg == o.pkg }) {
			c.built = append(c.built, o)
		}
	}
	switch {
	case fault != nil:
		return c.partly(fault, unloadable)
	case status == 0 || c.failed():
		return nil
	}
	return refused("go test", printed)
}

// startFailure matches what the go command prints when it cannot start a test binary.
var startFailure = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^fork/exec \S+\.test(\.exe)?: `) })

func (c *collector) failed() bool {
	for _, p := range c.packages {
		if p.status == "fail" || p.ended != nil {
			return true
		}
	}
	return false
}

// finish returns the result of everything that was collected.
func (c *collector) finish(req testrun.Request) (*testrun.Result, error) {
	r := &c.result
	seen := map[string]bool{} // packages with tests
	for path, p := range c.packages {
		switch {
		case p.build != "":
		case p.status == "fail" || p.ended != nil:
			r.Failures = append(r.Failures, c.classify(p)...)
			seen[path] = true
		case p.began > 0:
			seen[path] = true
		}
	}
	explained := false
	for _, o := range c.built {
		if o.pkg != "" && o.text != "" {
			r.Failures = append(r.Failures, o.failure(c.tree))
			explained = true
		}
	}
	if len(r.NotRun) > 0 && len(r.Failures)+len(r.Passed)+len(r.Skipped)+r.Late == 0 {
		return nil, r.NotRun[0]
	}
	if !explained {
		if e := c.unexplained(); e != nil {
			return nil, e
		}
	}
	c.settle()
	// Within a package, failures stay in the order of its tests.
	slices.SortStableFunc(r.Failures, func(a, b testrun.Failure) int { return strings.Compare(a.Package, b.Package) })
	for path := range seen {
		r.Packages = append(r.Packages, path)
	}
	slices.Sort(r.Packages)
	r.Missing = missing(req.Tests, r)
	if len(r.Failures) == 0 && len(r.Passed) == 0 && len(r.Skipped) == 0 && requestsTests(req) && !requestsPackages(req) && r.Late == 0 {
		e := &testrun.NotRunError{What: "no tests were run", Advice: "write a test, or correct the packages and -run of the test command"}
		if len(req.Tests) > 0 {
			e.Where, e.Advice = req.Tests[0].String(), "the test may have been renamed or left out by a build constraint"
		}
		return nil, e
	}
	return r, nil
}

// settle gives each test one outcome, however often it ran: one try that fails is a failure.
func (c *collector) settle() {
	seen := map[testrun.TestID]bool{}
	for path, p := range c.packages {
		for _, t := range p.tests {
			seen[testrun.TestID{Package: path, Test: t.name}] = t.failed
		}
	}
	again := func(id testrun.TestID) bool {
		before := seen[id]
		seen[id] = true
		return before
	}
	c.result.Passed = slices.DeleteFunc(c.result.Passed, again)
	c.result.Skipped = slices.DeleteFunc(c.result.Skipped, again)
}

// requestsTests reports whether a request is for anything at all: an empty list that is not
// nil requests nothing.
func requestsTests(req testrun.Request) bool {
	return req.Tests == nil && req.Packages == nil || len(req.Tests) > 0 || req.Tests == nil && len(req.Packages) > 0
}

// requestsPackages reports whether a request names packages, but no tests. It is then a
// result if a package without tests builds.
func requestsPackages(req testrun.Request) bool {
	return len(req.Packages) > 0 && !slices.ContainsFunc(req.Tests, func(id testrun.TestID) bool { return id.Test != "" })
}

// unexplained returns the error for packages that did not build although no package has
// output that says why, or nil.
func (c *collector) unexplained() error {
	for _, path := range slices.Sorted(maps.Keys(c.packages)) {
		if p := c.packages[path]; p.status == "fail" && p.build != "" {
			e := &testrun.NotRunError{What: "the go command could not build the tests", Where: path, Advice: "run go vet on it by hand for details"}
			e.Output, _ = p.output.Text()
			for _, o := range c.built {
				e.What, e.Output = testrun.FirstLine(o.text), testrun.Clip(c.tree.shorten(o.text))
			}
			return e
		}
	}
	return nil
}

// missing returns the tests that were requested by name but not seen. Tests of a package that
// did not build, or that ended early, are not missing: the failure explains why they were not
// seen.
func missing(tests []testrun.TestID, r *testrun.Result) []testrun.TestID {
	seen := map[testrun.TestID]bool{}
	for _, id := range r.Passed {
		seen[id] = true
	}
	for _, id := range r.Skipped {
		seen[id] = true
	}
	red := map[string]bool{}
	for _, f := range r.Failures {
		red[f.Package] = true
		for name := f.Test; name != ""; {
			seen[testrun.TestID{Package: f.Package, Test: name}] = true
			name = name[:max(strings.LastIndexByte(name, '/'), 0)]
		}
	}
	var absent []testrun.TestID
	for _, id := range tests {
		if id.Test != "" && !seen[id] && !red[id.Package] {
			absent = append(absent, id)
		}
	}
	return absent
}
