package generic

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/resultfile"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// suite is the test command of a tree.
type suite struct {
	root    string // absolute
	command string
	globs   []string // of result files, except "-"
	stdout  bool     // whether results are on standard output
	sandbox *testrun.Sandbox
	copies  *testrun.Copies
	files   *resultfile.Tree

	// runners returns the files that are a part of the command, see commandFiles.
	runners func() map[string]bool

	mu       sync.Mutex
	longest  time.Duration   // of the runs that were not stopped
	declared map[string]bool // files that results declared to be tests
}

func newSuite(root, around, command string, results []string, sandbox *testrun.Sandbox) *suite {
	s := &suite{root: root, command: command, sandbox: sandbox, files: resultfile.NewTree(root), declared: make(map[string]bool)}
	s.runners = sync.OnceValue(func() map[string]bool { return commandFiles(command, s.files) })
	for _, glob := range results {
		if glob == standardOutput {
			s.stdout = true
		} else {
			s.globs = append(s.globs, glob)
		}
	}
	s.copies = testrun.NewCopies(root, around, sandbox.Temp, s.isResult)
	return s
}

// standardOutput is the glob that means the command's standard output.
const standardOutput = "-"

// String returns the test command.
func (s *suite) String() string { return s.command }

// commandID returns the command as the unit of a failure.
func (s *suite) commandID() testrun.TestID { return testrun.TestID{Package: s.command} }

// Selects reports that only the whole command can run.
func (s *suite) Selects() (tests, packages bool) { return false, false }

// Reached returns everything: what the command reads is unknown.
func (s *suite) Reached(_ context.Context, files []string) (testrun.Reach, error) {
	if len(files) == 0 {
		return testrun.Reach{}, nil
	}
	return testrun.Reach{All: true, Why: "the test command"}, nil
}

// Run runs the command as often as requested, in the tree or in a copy of it with the
// overlay.
func (s *suite) Run(ctx context.Context, req testrun.Request) (*testrun.Result, error) {
	began := time.Now()
	if req.Tests != nil && len(req.Tests) == 0 || req.Tests == nil && req.Packages != nil && len(req.Packages) == 0 {
		return &testrun.Result{}, nil // an empty request
	}
	dir, leave, err := s.copies.Enter(ctx, req.Overlay)
	if err != nil {
		return nil, err
	}
	defer leave()
	var all outcome
	for range max(req.Count, 1) {
		left := req.Within
		if left > 0 {
			if left -= time.Since(began); left <= 0 {
				all.late = true
				break
			}
		}
		one, err := s.runOnce(ctx, dir, s.timeout(req), left)
		if err != nil {
			return nil, err
		}
		all.add(one)
	}
	// Node names a file in its results only when it does not load.
	result := all.result(req, s.commandID(), func(unit string) bool { return s.files.Find(unit) == unit })
	result.Seconds = time.Since(began).Seconds()
	return result, nil
}

// timeout returns the timeout of one run of the command: at least twice the longest run.
func (s *suite) timeout(req testrun.Request) time.Duration {
	timeout := req.Timeout
	if timeout <= 0 {
		timeout = testrun.DefaultTimeout
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(timeout, 2*s.longest)
}

// took records how long the command ran.
func (s *suite) took(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest = max(s.longest, d)
}

// declares records that results declare a file to be a test.
func (s *suite) declares(file string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.declared[file] = true
}

// outcome holds the results of one or more runs of the command.
type outcome struct {
	passed, skipped []testrun.TestID
	failures        []testrun.Failure // of tests and units, in the order of the results
	commandFailures []testrun.Failure // of the command as a whole
	broken          bool              // commandFailures may have kept tests from running
	took            map[testrun.TestID]float64
	late            bool
}

// add adds the results of another run. A test that failed in any run has failed.
func (o *outcome) add(more *outcome) {
	o.late = o.late || more.late
	o.broken = o.broken || more.broken
	for _, f := range more.failures {
		if !slices.ContainsFunc(o.failures, func(g testrun.Failure) bool { return g.TestID == f.TestID }) {
			o.failures = append(o.failures, f)
		}
	}
	if len(o.commandFailures) == 0 {
		o.commandFailures = more.commandFailures
	}
	o.passed = union(o.passed, more.passed)
	o.skipped = union(o.skipped, more.skipped)
	if o.took == nil {
		o.took = more.took
	}
	for id, seconds := range more.took {
		o.took[id] = max(o.took[id], seconds)
	}
}

func union(a, b []testrun.TestID) []testrun.TestID {
	if len(a) == 0 {
		return b
	}
	seen := make(map[testrun.TestID]bool, len(a))
	for _, id := range a {
		seen[id] = true
	}
	for _, id := range b {
		if !seen[id] {
			a = append(a, id)
		}
	}
	return a
}

// result returns the requested part of the outcome. loads reports whether a unit appears in
// results only when it fails to load.
func (o *outcome) result(req testrun.Request, command testrun.TestID, loads func(unit string) bool) *testrun.Result {
	asked := newRequested(req, command, loads)
	r := &testrun.Result{Took: o.took}
	if o.late {
		r.Late = 1
	}
	listed := make(map[testrun.TestID]bool)
	units := make(map[string]bool)
	for _, f := range o.failures {
		listed[f.TestID] = true
		if asked.wants(f.TestID) {
			r.Failures = append(r.Failures, f)
			units[f.Package] = true
		}
	}
	filter := func(ids []testrun.TestID) []testrun.TestID {
		var out []testrun.TestID
		for _, id := range ids {
			if !listed[id] && asked.wants(id) {
				out = append(out, id)
				units[id.Package] = true
			}
		}
		return out
	}
	r.Passed = filter(o.passed)
	for _, id := range o.passed {
		listed[id] = true // even if another run skipped it
	}
	r.Skipped = filter(o.skipped)
	if !o.late {
		r.Missing = asked.missing(o)
	}
	if len(r.Missing) > 0 {
		// Another failure may be why they did not run.
		for _, f := range o.failures {
			if !asked.wants(f.TestID) {
				r.Failures = append(r.Failures, f)
				units[f.Package] = true
			}
		}
	}
	if o.broken || len(r.Missing) > 0 || asked.wants(command) {
		r.Failures = append(r.Failures, o.commandFailures...)
		if len(o.commandFailures) > 0 || len(units) == 0 {
			units[command.Package] = true
		}
	}
	for unit := range units {
		r.Packages = append(r.Packages, unit)
	}
	slices.Sort(r.Packages)
	slices.SortStableFunc(r.Failures, func(a, b testrun.Failure) int { return strings.Compare(a.Package, b.Package) })
	return r
}

// requested holds the tests and units that a request asks for.
type requested struct {
	command  testrun.TestID
	loads    func(unit string) bool
	packages map[string]bool // nil for all
	tests    []testrun.TestID
}

func newRequested(req testrun.Request, command testrun.TestID, loads func(unit string) bool) *requested {
	a := &requested{command: command, loads: loads, tests: req.Tests}
	if req.Tests == nil && req.Packages != nil {
		a.packages = make(map[string]bool)
		for _, unit := range req.Packages {
			a.packages[unit] = true
			a.tests = append(a.tests, testrun.TestID{Package: unit})
		}
	}
	return a
}

// wants reports whether a test is requested.
func (a *requested) wants(id testrun.TestID) bool {
	switch {
	case a.packages != nil:
		return a.packages[id.Package]
	case a.tests == nil:
		return true
	}
	return slices.ContainsFunc(a.tests, func(wanted testrun.TestID) bool { return covers(wanted, id) })
}

// covers reports whether b is a or a part of it.
func covers(a, b testrun.TestID) bool {
	if a.Package != b.Package {
		return false
	}
	rest, ok := strings.CutPrefix(b.Test, a.Test)
	return ok && (rest == "" || a.Test == "" || rest[0] == '/' || strings.HasPrefix(rest, " > "))
}

// missing returns the requested tests that have no result in the outcome.
func (a *requested) missing(o *outcome) []testrun.TestID {
	ids := slices.Concat(o.passed, o.skipped)
	for _, f := range o.failures {
		ids = append(ids, f.TestID)
	}
	tests, units := make(map[testrun.TestID]bool), make(map[string]bool)
	for _, id := range ids {
		tests[id], units[id.Package] = true, true
	}
	var absent []testrun.TestID
	for _, wanted := range a.tests {
		seen := wanted == a.command || tests[wanted] || wanted.Test == "" && units[wanted.Package]
		if !seen && wanted.Test == "" {
			seen = len(ids) > 0 && a.loads(wanted.Package) || slices.ContainsFunc(slices.Collect(maps.Keys(units)), func(unit string) bool { return belongsTo(wanted.Package, unit) })
		}
		if !seen && wanted.Test != "" {
			seen = slices.ContainsFunc(ids, func(id testrun.TestID) bool { return covers(wanted, id) })
		}
		if !seen && !slices.Contains(absent, wanted) {
			absent = append(absent, wanted)
		}
	}
	return absent
}

// belongsTo reports whether the name of a unit shows that it is a part of outer: test_x.TestGroup
// is a part of test_x.
func belongsTo(outer, unit string) bool {
	rest, ok := strings.CutPrefix(unit, outer)
	return ok && rest != "" && strings.ContainsAny(rest[:1], "./: ")
}
