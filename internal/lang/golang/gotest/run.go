package gotest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Run runs the tests. Tests that fail, and code that does not compile, are in the Result. If
// the tests did not truly run, the error is a [*testrun.NotRunError].
//
// If the suite has a Command, it runs first and decides whether the whole suite is green. A
// green run then says nothing about single tests. GOFLAGS passes an overlay on to the go
// commands that the Command runs.
func (s *Suite) Run(ctx context.Context, req testrun.Request) (*testrun.Result, error) {
	began := time.Now()
	over, done, err := s.place(ctx, req)
	if err != nil {
		return nil, err
	}
	defer done()
	run := s.runGo
	if s.Command != nil && req.Packages == nil && req.Tests == nil {
		run = s.runCommand
	}
	result, err := run(ctx, req, over)
	if err := done(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	result.Seconds = time.Since(began).Seconds()
	return result, nil
}

// runGo runs go test as often as the request needs and reads its results.
func (s *Suite) runGo(ctx context.Context, req testrun.Request, over overlay) (*testrun.Result, error) {
	calls, missing, err := s.plan(ctx, req)
	if err != nil {
		return nil, err
	}
	if len(calls) == 0 {
		return &testrun.Result{Missing: missing}, nil
	}
	c := newCollector(s.tree(over))
	if req.Packages == nil && req.Tests == nil {
		for _, e := range s.notRun {
			c.result.NotRun = addPart(c.result.NotRun, e)
		}
	}
	if s.flood > 0 {
		c.flood = s.flood
	}
	limited, late := ctx, false
	if req.Within > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeoutCause(ctx, req.Within, errLate)
		defer cancel()
	}
	for _, call := range calls {
		err := s.goTest(limited, c, call, req, over)
		if late = errors.Is(err, errLate); late {
			c.result.Late = 1 // at least one; counted below
			break
		}
		if err != nil {
			if err = s.setAside(c, call, req, err); err != nil {
				return nil, err
			}
		}
	}
	result, err := c.finish(req)
	if err != nil {
		return nil, err
	}
	if late {
		result.Late = s.untested(ctx, req.Packages, result.Packages)
	}
	result.Missing = append(missing, result.Missing...)
	return result, nil
}

// untested counts the requested packages with tests that a run did not get to, at least 1.
// If asked is nil, all packages are requested.
func (s *Suite) untested(ctx context.Context, asked, run []string) int {
	all, err := s.Packages(ctx)
	if err != nil {
		return 1
	}
	n := 0
	for _, p := range all {
		wanted := asked == nil || slices.Contains(asked, p.ImportPath)
		if wanted && p.HasTests() && !slices.Contains(run, p.ImportPath) {
			n++
		}
	}
	return max(n, 1)
}

// invocation is one go test.
type invocation struct {
	module Module // none for the patterns of the test command
	dir    string // absolute
	env    []string
	args   []string // the arguments that differ between invocations: -run and the packages
}

// plan turns a request into as few invocations as possible: one for each module, and one for
// each package of which only some tests are requested. Packages that the tree does not have
// are missing.
func (s *Suite) plan(ctx context.Context, req testrun.Request) (calls []invocation, missing []testrun.TestID, err error) {
	if req.Packages == nil && req.Tests == nil {
		calls, err = s.planAll()
		return calls, nil, err
	}
	all, err := s.Packages(ctx)
	if err != nil {
		return nil, nil, err
	}
	moduleOf := map[string]string{}
	for i := range all {
		moduleOf[all[i].ImportPath] = all[i].Module
	}
	whole := slices.Clone(req.Packages)
	some := map[string][]testrun.TestID{}
	if req.Tests != nil {
		whole = nil
		for _, id := range req.Tests {
			if id.Test == "" {
				whole = append(whole, id.Package)
			}
		}
		for _, id := range req.Tests {
			if !slices.Contains(whole, id.Package) {
				some[id.Package] = append(some[id.Package], id)
			}
		}
	}
	slices.Sort(whole)
	whole = slices.Compact(whole)
	for _, m := range s.Modules {
		call := invocation{module: m, dir: s.abs(m.Dir), env: m.env()}
		for _, path := range whole {
			if module, ok := moduleOf[path]; ok && module == m.Path {
				call.args = append(call.args, path)
			}
		}
		if len(call.args) > 0 {
			calls = append(calls, call)
		}
		for _, path := range slices.Sorted(maps.Keys(some)) {
			if module, ok := moduleOf[path]; ok && module == m.Path {
				calls = append(calls, invocation{module: m, dir: call.dir, env: call.env, args: []string{"-run=" + pattern(some[path]), path}})
			}
		}
	}
	for _, path := range append(whole, slices.Sorted(maps.Keys(some))...) {
		if _, ok := moduleOf[path]; !ok {
			missing = append(missing, testrun.TestID{Package: path})
		}
	}
	return calls, missing, nil
}

// every is the pattern of all packages of a module. It may match none: their only files may be
// behind build tags.
const every = "./..."

func (s *Suite) planAll() ([]invocation, error) {
	if s.Patterns != nil {
		return []invocation{{dir: s.Root, args: s.Patterns}}, nil
	}
	var calls []invocation
	for _, m := range s.Modules {
		calls = append(calls, invocation{module: m, dir: s.abs(m.Dir), env: m.env(), args: []string{every}})
	}
	if len(calls) == 0 {
		return nil, &testrun.NotRunError{What: "no Go module", Where: s.Root, Advice: "run `go mod init`"}
	}
	return calls, nil
}

// pattern returns the -run pattern that matches exactly the given tests, including their
// subtests.
func pattern(tests []testrun.TestID) string {
	var tops, subs []string
	for _, id := range tests {
		elements := strings.Split(strings.ReplaceAll(id.Test, " ", "_"), "/")
		for i := range elements {
			elements[i] = regexp.QuoteMeta(elements[i])
		}
		if len(elements) == 1 {
			tops = append(tops, elements[0])
		} else {
			subs = append(subs, "^"+strings.Join(elements, "$/^")+"$")
		}
	}
	slices.Sort(tops)
	slices.Sort(subs)
	if tops = slices.Compact(tops); len(tops) > 0 {
		subs = append([]string{"^(" + strings.Join(tops, "|") + ")$"}, subs...)
	}
	return strings.Join(slices.Compact(subs), "|")
}

var (
	errIdle  = errors.New("no output of the tests for too long")
	errFlood = errors.New("too much output of the tests")
	errLate  = errors.New("the time limit of the tests has passed")
)

// goTest runs one go test and collects its events. An error means that the tests did not
// truly run, and errLate that they did not run to their end.
func (s *Suite) goTest(ctx context.Context, c *collector, call invocation, req testrun.Request, over overlay) error {
	timeout := s.timeout(req)
	args := append([]string{"go", "test", "-json", "-fullpath"}, s.Flags...)
	args = append(args, "-timeout="+timeout.String())
	if req.Count > 0 {
		args = append(args, fmt.Sprintf("-count=%d", max(req.Count, s.count())))
	}
	if req.NoVet {
		args = append(args, "-vet=off")
	}
	call.args = append(append(args, over.flags()...), call.args...)
	return s.listen(ctx, c, call, timeout)
}

// listen runs a program that prints events like go test -json, and collects them. The args of
// the call are the whole command line.
func (s *Suite) listen(ctx context.Context, c *collector, call invocation, timeout time.Duration) error {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.flooded = func() { cancel(errFlood) }
	var stderr, other testrun.Capped
	settled := newOutcomes(c.add)
	reader := &eventReader{emit: settled.add, other: func(line []byte) { other.Write(append(line, '\n')) }}
	// Every binary ends at its timeout, so even a run of many packages prints something at
	// least that often.
	watched := newWatch(reader, timeout, func() { cancel(errIdle) })
	status, err := s.Sandbox.Run(running, testrun.Command{
		Args: call.args, Dir: call.dir, Env: call.env, Stdout: watched, Stderr: &stderr, Grace: testrun.Grace, Sweep: true, Build: true,
	})
	watched.stop()
	reader.close()
	settled.close()

	late := errors.Is(context.Cause(ctx), errLate)
	switch {
	case late:
		c.dropUnfinished()
		status = 0
	case ctx.Err() != nil:
		return fmt.Errorf("tests: %w", context.Cause(ctx))
	case errors.Is(err, errFlood):
	case errors.Is(err, errIdle):
		if !c.interrupt(fmt.Sprintf("did not end within %s and was killed", timeout)) {
			return &testrun.NotRunError{What: fmt.Sprintf("the tests did nothing for %s", timeout), Where: call.dir, Advice: "run them by hand to see what they wait for"}
		}
	case err != nil:
		return testrun.NotStarted(err)
	}
	printed, _ := stderr.Text()
	rest, _ := other.Text()
	if call.module.Dir != "" && strings.Contains(printed, "no packages to test") {
		status = 0
	}
	if err := c.endCall(call.dir, printed+rest, status); err != nil || !late {
		return err
	}
	return errLate
}

// count returns how often the user's command runs each test.
func (s *Suite) count() int {
	count := 1
	for _, flag := range s.Flags {
		if value, ok := strings.CutPrefix(flag, "-count="); ok {
			if n, err := strconv.Atoi(value); err == nil {
				count = n
			}
		}
	}
	return count
}

// timeout returns the timeout of one test binary; 0 means none.
func (s *Suite) timeout(req testrun.Request) time.Duration {
	if req.Timeout > 0 {
		return req.Timeout
	}
	timeout := testrun.DefaultTimeout
	for _, flag := range s.Flags {
		if value, ok := strings.CutPrefix(flag, "-timeout="); ok {
			if d, err := time.ParseDuration(value); err == nil {
				timeout = d
			}
		}
	}
	return timeout
}
