package coverage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/testrun"
)

const (
	maxPassing  = 200 // with more passing top-level tests, they run all together
	maxFailing  = 50  // failing top-level tests that run
	maxSubtests = 40  // passing subtests of a failing test that run, and failing ones

	// maxFailingRun is how long a failing test may run. By then a test that hangs has
	// shown where.
	maxFailingRun = 5 * time.Second
)

// recorder runs the tests of one covered binary and records what they hit.
type recorder struct {
	suite *gotest.Suite
	bin   *gotest.Binary
	pkg   string
	dir   string // for profiles
	jobs  int
	log   *slog.Logger
	runs  atomic.Uint64
}

// recorded is one run.
type recorded struct {
	gotest.BinaryResult
	profile []testrun.Block // nil when the run left none
	done    bool            // false if there was no time for it
}

// coverage runs the failing and the passing tests of the package, all from one binary, and
// returns what they hit. At the deadline it returns what it has by then.
func coverage(ctx context.Context, in localize.Input, suite *gotest.Suite, p *program) (*localize.Spectrum, error) {
	ctx, cancel := context.WithDeadline(ctx, in.Deadline(ctx))
	defer cancel()
	if len(in.Overlay) > 0 {
		copied, err := shadow(ctx, suite, in.Overlay)
		if copied != nil {
			defer os.RemoveAll(copied.Root)
		}
		if err != nil {
			return nil, fmt.Errorf("copy the tree: %w", err)
		}
		suite = copied
	}
	bin, err := buildCovered(ctx, in, suite, p)
	if err != nil {
		return nil, err
	}
	defer bin.Remove()
	dir, err := os.MkdirTemp(suite.Sandbox.Temp(), "regreen-coverage-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &recorder{suite: suite, bin: bin, pkg: in.Package, dir: dir, jobs: in.Jobs, log: in.Log}

	s := &localize.Spectrum{}
	r.failing(ctx, s, in.Failures)
	if !s.Fails() {
		return nil, errors.New("no failing test left its coverage")
	}
	return s, r.passing(ctx, s, in.Failures)
}

// shadow copies a suite's tree and writes an overlay into the copy. For covered packages go
// test ignores -overlay (Go 1.26), and would measure code that no longer exists.
func shadow(ctx context.Context, suite *gotest.Suite, overlay map[string][]byte) (*gotest.Suite, error) {
	tree, ok := os.DirFS(suite.Root).(fs.ReadLinkFS)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	root, err := os.MkdirTemp(suite.Sandbox.Temp(), "regreen-tree-")
	if err != nil {
		return nil, err
	}
	copied := &gotest.Suite{
		Root: root, Modules: suite.Modules, Flags: suite.Flags, Patterns: suite.Patterns,
		Command: suite.Command, Sandbox: suite.Sandbox,
	}
	if err := os.CopyFS(root, cancellable{tree, ctx}); err != nil {
		return copied, err
	}
	into, err := os.OpenRoot(root)
	if err != nil {
		return copied, err
	}
	defer into.Close()
	for name, content := range overlay {
		// Replace the file rather than write to it: the name may be a link.
		if err := into.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return copied, err
		}
		if content == nil {
			continue
		}
		if err := into.MkdirAll(path.Dir(name), 0o755); err != nil {
			return copied, err
		}
		if err := into.WriteFile(name, content, 0o644); err != nil {
			return copied, err
		}
	}
	return copied, nil
}

// cancellable is a file system that opens nothing once its context has ended.
type cancellable struct {
	fs.ReadLinkFS
	ctx context.Context
}

func (c cancellable) Open(name string) (fs.File, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	return c.ReadLinkFS.Open(name)
}

// buildCovered builds the test binary with coverage for every package of the tree that the
// tests depend on.
func buildCovered(ctx context.Context, in localize.Input, suite *gotest.Suite, p *program) (*gotest.Binary, error) {
	opt := gotest.BuildOptions{Cover: true, CoverPkg: p.covered(), NoVet: true}
	opt.Overlay = guard(p.pkgs[in.Package].files)
	bin, err := suite.Build(ctx, in.Package, opt)
	if err == nil || ctx.Err() != nil {
		return bin, err
	}
	in.Log.Debug("the test files do not build with guards", "package", in.Package, "error", err)
	opt.Overlay = nil
	return suite.Build(ctx, in.Package, opt)
}

// failing records the failing tests. If subtests of a test fail when run alone, they count
// as failing in its place. Subtests that pass alone count as passing.
func (r *recorder) failing(ctx context.Context, s *localize.Spectrum, failures []testrun.Failure) {
	tops := topLevel(failures)
	if len(tops) == 0 {
		tops = []string{""} // the package failed as a whole
	}
	tops = tops[:min(len(tops), maxFailing)]
	limit := min(r.share(ctx, 6), maxFailingRun)
	whole := r.each(ctx, groups(tops), limit, true)

	var subs []string // of all tests, failing ones first
	for _, fails := range []bool{true, false} {
		for i, top := range tops {
			if top != "" {
				subs = append(subs, subtests(top, whole[i].Output, fails)...)
			}
		}
	}
	parts := r.each(ctx, groups(subs), limit, true)

	hangs := slices.ContainsFunc(failures, func(f testrun.Failure) bool { return f.Kind == testrun.Timeout })
	// A test that the watchdog ended, and that is not known to hang, has no verdict.
	cut := func(rec recorded) bool { return rec.ExitCode == watchdogStatus && !hangs }
	failed := false
	alone := make(map[string]bool) // tests with a failing subtest of their own
	for i, rec := range parts {
		switch {
		case !rec.done:
		case cut(rec), rec.profile == nil && !rec.Passed:
			s.Partial = true
		case rec.profile != nil:
			s.Add(!rec.Passed, rec.profile)
			if !rec.Passed {
				top, _, _ := strings.Cut(subs[i], "/")
				alone[top], failed = true, true
			}
		}
	}
	for i, rec := range whole {
		switch {
		case !rec.done:
			s.Partial = true
		case !rec.Passed && !alone[tops[i]]:
			failed = true
			s.Partial = s.Partial || cut(rec) || rec.profile == nil
			if rec.profile != nil {
				s.Add(true, rec.profile)
			}
		}
	}
	if !failed { // they fail only together with others
		s.Partial = true
		if rec := r.record(ctx, nil, limit, true); rec.done && !rec.Passed && rec.profile != nil {
			s.Add(true, rec.profile)
		}
	}
}

// passing records the tests that are not known to fail, as far as time allows: each on its
// own, or all in one run if there are many. Slow tests are cut off and left out, so that a
// few of them do not take the time of all others.
func (r *recorder) passing(ctx context.Context, s *localize.Spectrum, failures []testrun.Failure) error {
	names, err := r.bin.List(ctx)
	if err != nil {
		return fmt.Errorf("list tests: %w", err)
	}
	red := topLevel(failures)
	names = slices.DeleteFunc(names, func(name string) bool {
		return slices.Contains(red, name)
	})
	if len(names) == 0 {
		return nil
	}
	plan, limit := groups(names), r.share(ctx, 10)
	if len(names) > maxPassing {
		plan, limit = [][]string{names}, r.share(ctx, 1)
		s.Together = true
	}
	for _, rec := range r.each(ctx, plan, limit, false) {
		if rec.done && rec.Passed && rec.profile != nil {
			s.Add(false, rec.profile)
		}
	}
	return nil
}

// share returns an n-th of the time that is left.
func (r *recorder) share(ctx context.Context, n int) time.Duration {
	deadline, _ := ctx.Deadline()
	return time.Until(deadline) / time.Duration(n)
}

// each records the runs of a plan, in parallel, and returns them in its order.
func (r *recorder) each(ctx context.Context, plan [][]string, limit time.Duration, salvage bool) []recorded {
	out := make([]recorded, len(plan))
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(r.jobs, len(plan)) {
		wg.Go(func() {
			for i := range next {
				out[i] = r.record(ctx, plan[i], limit, salvage)
			}
		})
	}
	for i := range plan {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}

// record runs tests together, or all tests of the package if none is named. With salvage it
// also reads the coverage of a run that ended abnormally, which takes another process.
func (r *recorder) record(ctx context.Context, tests []string, limit time.Duration, salvage bool) recorded {
	if ctx.Err() != nil || limit <= 0 {
		return recorded{}
	}
	base := filepath.Join(r.dir, fmt.Sprint(r.runs.Add(1)))
	profile, counters := base+".out", base
	if err := os.Mkdir(counters, 0o700); err != nil {
		r.log.Debug("cannot write coverage", "error", err)
		return recorded{}
	}
	defer os.RemoveAll(counters)
	defer os.Remove(profile)
	var ids []testrun.TestID
	for _, test := range tests {
		if test != "" {
			ids = append(ids, testrun.TestID{Package: r.pkg, Test: test})
		}
	}
	res, err := r.bin.Run(ctx, gotest.BinaryRun{
		Tests: ids,
		Env:   []string{limitVariable + "=" + limit.String(), "GOCOVERDIR=" + counters},
		// The watchdog ends the process earlier, and leaves its coverage.
		Timeout:      limit + limit/4 + time.Second,
		CoverProfile: profile,
		Verbose:      true,
	})
	if err != nil || ctx.Err() != nil {
		r.log.Debug("no coverage", "tests", tests, "error", err)
		return recorded{}
	}
	rec := recorded{BinaryResult: res, done: true}
	if rec.profile, err = r.read(ctx, profile, counters, salvage); err != nil {
		r.log.Debug("no coverage", "tests", tests, "error", err)
	}
	return rec
}

// read reads the profile of a run that ended normally. With salvage it falls back to the
// counters that a process leaves when it exits.
func (r *recorder) read(ctx context.Context, profile, counters string, salvage bool) ([]testrun.Block, error) {
	if info, err := os.Stat(profile); err != nil || info.Size() == 0 {
		if !salvage {
			return nil, nil
		}
		cmd := exec.CommandContext(ctx, "go", "tool", "covdata", "textfmt", "-i="+counters, "-o="+profile)
		cmd.Dir = r.bin.Dir
		if r.suite.Sandbox != nil {
			cmd.Env = r.suite.Sandbox.Env()
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("read coverage counters: %w: %s", err, bytes.TrimSpace(out))
		}
	}
	return r.suite.Coverage(ctx, profile)
}

// topLevel returns the failing top-level tests, each once, in order.
func topLevel(failures []testrun.Failure) []string {
	var tops []string
	for _, f := range failures {
		if top := f.Top(); top != "" && !slices.Contains(tops, top) {
			tops = append(tops, top)
		}
	}
	return tops
}

// groups makes each name a run of its own.
func groups(names []string) [][]string {
	out := make([][]string, len(names))
	for i, name := range names {
		out[i] = []string{name}
	}
	return out
}

var (
	startLine  = regexp.MustCompile(`(?m)^=== RUN +(\S+)$`)
	resultLine = regexp.MustCompile(`(?m)^\s*--- (PASS|FAIL|SKIP): (\S+) \(`)
)

// subtests returns the failing or the passing subtests of a test, from verbose output,
// without those that have subtests themselves. One that did not end counts as failing.
func subtests(top string, output []byte, fails bool) []string {
	result := make(map[string]string)
	for _, m := range resultLine.FindAllSubmatch(output, -1) {
		result[string(m[2])] = string(m[1])
	}
	var started []string
	for _, m := range startLine.FindAllSubmatch(output, -1) {
		if name := string(m[1]); strings.HasPrefix(name, top+"/") {
			started = append(started, name)
		}
	}
	var out []string
	for _, name := range started {
		parent := slices.ContainsFunc(started, func(s string) bool { return strings.HasPrefix(s, name+"/") })
		failing := result[name] == "FAIL" || result[name] == ""
		if !parent && failing == fails && result[name] != "SKIP" && len(out) < maxSubtests {
			out = append(out, name)
		}
	}
	return out
}
