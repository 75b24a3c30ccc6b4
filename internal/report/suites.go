package report

import "github.com/regreen-ci/regreen/internal/plural"

// The formats for test results list tests. The report has them in two places: outcomes in
// Results, and failures with their details in Failures.

// testLine is one test of such a list.
type testLine struct {
	Result
	failure *Failure // its details, or nil
}

// whole reports whether the line is a package that failed as a whole, not a test.
func (l *testLine) whole() bool { return l.Test == "" }

// testSuite is a package with the lines of its tests.
type testSuite struct {
	name  string
	lines []testLine
}

// testTally counts tests.
type testTally struct {
	tests, passed, failed, skipped, flaky, errors int // flaky ones also count as passed, errors as failed
	seconds                                       float64
}

func (t *testTally) add(l *testLine) {
	t.tests++
	t.seconds += l.Seconds
	switch l.Status {
	case ResultSkipped:
		t.skipped++
	case ResultFailed:
		t.failed++
		if l.whole() {
			t.errors++
		}
	case ResultFlaky:
		t.flaky++
		t.passed++
	default:
		t.passed++
	}
}

func (t *testTally) join(o testTally) {
	t.tests += o.tests
	t.passed += o.passed
	t.failed += o.failed
	t.skipped += o.skipped
	t.flaky += o.flaky
	t.errors += o.errors
	t.seconds += o.seconds
}

func (s *testSuite) tally() testTally {
	var t testTally
	for i := range s.lines {
		t.add(&s.lines[i])
	}
	return t
}

// suites returns the tests by package, in the order in which packages first appear in the
// report. Failures that are not in Results, for instance those of whole packages, come last.
func (r *Report) suites() []testSuite {
	type key struct{ pkg, test string }
	details := make(map[key]*Failure, len(r.Failures))
	for i := range r.Failures {
		f := &r.Failures[i]
		if details[key{f.Package, f.Test}] == nil {
			details[key{f.Package, f.Test}] = f
		}
	}
	var all []testSuite
	index := map[string]int{}
	add := func(l testLine) {
		i, ok := index[l.Package]
		if !ok {
			i = len(all)
			index[l.Package] = i
			all = append(all, testSuite{name: l.Package})
		}
		all[i].lines = append(all[i].lines, l)
	}
	listed := map[*Failure]bool{}
	for _, res := range r.Results {
		l := testLine{Result: res}
		if f := details[key{res.Package, res.Test}]; f != nil && (res.Status == ResultFailed || res.Status == ResultFlaky) {
			l.failure, listed[f] = f, true
			if f.File != "" {
				l.File, l.Line = f.File, f.Line // the line of the failure says more than the line of the test
			}
		}
		add(l)
	}
	for i := range r.Failures {
		f := &r.Failures[i]
		if listed[f] {
			continue
		}
		status := ResultFailed
		if f.Status == FailureFlaky {
			status = ResultFlaky
		}
		add(testLine{Result{Package: f.Package, Test: f.Test, Status: status, File: f.File, Line: f.Line}, f})
	}
	return all
}

// unlistedTests counts the tests that ran but are not in Results.
func (r *Report) unlistedTests() (passed, skipped int) {
	passed, skipped = r.Tests.Passed, r.Tests.Skipped
	for i := range r.Results {
		switch r.Results[i].Status {
		case ResultPassed:
			passed--
		case ResultSkipped:
			skipped--
		}
	}
	return max(passed, 0), max(skipped, 0)
}

// unlisted describes how many tests ran but are not in Results. It is "" if all are.
func (r *Report) unlisted() string {
	passed, skipped := r.unlistedTests()
	if passed+skipped == 0 {
		return ""
	}
	return plural.Count(passed, "passed test") + " and " + plural.Count(skipped, "skipped test") + " not listed"
}
