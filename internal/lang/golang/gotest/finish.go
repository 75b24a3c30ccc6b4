package gotest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// endCall takes in what a go test wrote besides its events. File names in it are
// relative to dir. An error means that the tests did not truly run.
func (c *collector) endCall(dir, told string, status int) error {
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
				Hint: "check that programs may run in the temporary directory, and GOOS and GOARCH", Output: output,
			}
		}
		if unexplained && p.build == "" {
			p.build = p.path
		}
	}
	if unexplained {
		text += told // where it was before Go 1.24
	}
	for _, o := range c.tree.parseBuild(text, dir) {
		if strings.HasPrefix(o.pkg, ".") || strings.Contains(o.pkg, "...") {
			return &testrun.NotRunError{What: "no packages match", Where: o.pkg, Hint: "correct the packages of the test command", Output: o.text}
		}
		// What the compiler says is about the code, whatever words it quotes.
		if len(o.positions) == 0 || unloaded {
			if e := outside(o.text); e != nil {
				return e
			}
		}
		if !slices.ContainsFunc(c.built, func(b buildOutput) bool { return b.pkg == o.pkg }) {
			c.built = append(c.built, o)
		}
	}
	if status == 0 || c.failed() {
		return nil
	}
	return refused("go test", told)
}

// startFailure is how the go command says that it could not start a test binary.
var startFailure = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^fork/exec \S+\.test(\.exe)?: `) })

func (c *collector) failed() bool {
	for _, p := range c.packages {
		if p.status == "fail" || p.ended != nil {
			return true
		}
	}
	return false
}

// finish is the result of all that was collected.
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
	if !explained {
		if e := c.unexplained(); e != nil {
			return nil, e
		}
	}
	// Within a package the order is that of its tests.
	slices.SortStableFunc(r.Failures, func(a, b testrun.Failure) int { return strings.Compare(a.Package, b.Package) })
	for path := range seen {
		r.Packages = append(r.Packages, path)
	}
	slices.Sort(r.Packages)
	r.Missing = missing(req.Tests, r)
	if len(r.Failures) == 0 && len(r.Passed) == 0 && len(r.Skipped) == 0 && asked(req) && !onlyBuilds(req) && r.Late == 0 {
		e := &testrun.NotRunError{What: "no tests were run", Hint: "write a test, or correct the packages and -run of the test command"}
		if len(req.Tests) > 0 {
			e.Where, e.Hint = req.Tests[0].String(), "the test may have been renamed or left out by a build constraint"
		}
		return nil, e
	}
	return r, nil
}

// asked reports whether a request is for anything at all: a list that is empty,
// but there, asks for nothing.
func asked(req testrun.Request) bool {
	return req.Tests == nil && req.Packages == nil || len(req.Tests) > 0 || req.Tests == nil && len(req.Packages) > 0
}

// onlyBuilds tells whether a request is for packages as a whole, by name: that one
// without tests of its own builds is then an answer.
func onlyBuilds(req testrun.Request) bool {
	return len(req.Packages) > 0 && !slices.ContainsFunc(req.Tests, func(id testrun.TestID) bool { return id.Test != "" })
}

// unexplained is the error for packages that did not build without any word of a
// package why, or nil when there are none.
func (c *collector) unexplained() error {
	for _, path := range slices.Sorted(maps.Keys(c.packages)) {
		if p := c.packages[path]; p.status == "fail" && p.build != "" {
			e := &testrun.NotRunError{What: "the go command could not build the tests", Where: path, Hint: "run go vet on it by hand to see more"}
			e.Output, _ = p.output.Text()
			for _, o := range c.built {
				e.What, e.Output = testrun.FirstLine(o.text), testrun.Clip(c.tree.shorten(o.text))
			}
			return e
		}
	}
	return nil
}

// missing are the tests that were asked for by name but not seen. A test of a
// package that did not build, or that ended early, is not missing: the failure
// tells why it was not seen.
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
