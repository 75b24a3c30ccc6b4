package schemata

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"sync"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// runEach runs the failing tests for each mutant in a process of its own.
func (b *batch) runEach(ctx context.Context, mutants []mutant) {
	tests, needed := b.target.Tests(), b.needed()
	brief := len(needed) == 1 || len(tests) > manyTests
	b.s.each(ctx, len(mutants), func(i int) {
		r := b.result(mutants[i])
		env := []string{selected(mutants[i].ID)}
		if brief && b.meta.pooled {
			env = append(env, "REGREEN_BRIEF=1") // stop a test at its first error
		}
		run, err := b.meta.binary.Run(ctx, gotest.BinaryRun{Tests: needed, Timeout: b.meta.timeout, FailFast: brief, Env: env})
		if err != nil {
			return // interrupted, or the process did not start: stays pruned
		}
		r.Stage, r.Seconds = validate.StageScreen, run.Seconds
		switch {
		case run.Passed:
			r.Verdict, r.Fixes, r.Reason = validate.Plausible, tests, ""
			b.s.typeCheck(ctx, r)
		case run.TimedOut:
			r.Verdict, r.Reason = validate.Rejected, "ran into the timeout"
		default:
			if r.Verdict != validate.Rejected { // keep the reason of a sample
				r.Verdict, r.Reason = validate.Rejected, "the failing tests still fail"
			}
			r.Fixes = fixedIn(run.Output, tests)
		}
	})
}

// needed returns the tests to run for the failing tests to fail, nil for the whole package.
func (b *batch) needed() []testrun.TestID {
	tests := testrun.Needed(b.target.Failures)
	if slices.ContainsFunc(tests, func(id testrun.TestID) bool { return id.Test == "" }) {
		return nil
	}
	return tests
}

// selected returns the variable that makes a process run as one mutant.
func selected(id int) string { return fmt.Sprintf("%s=%d", selector, id) }

// typeCheck checks the real edit of a mutant that passed. The edit may leave a variable unused
// that its copy of the function still uses.
func (s *Screener) typeCheck(ctx context.Context, r *validate.Result) {
	pkg, err := s.opt.Tree.Load(ctx, path.Dir(r.Candidate.File()))
	if err != nil {
		return // confirmation will find out
	}
	if err := s.opt.Tree.Check(pkg, r.Candidate); err != nil {
		r.Verdict, r.Stage, r.Reason, r.Fixes = validate.IllTyped, validate.StageTypeCheck, err.Error(), nil
	}
}

var failLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`) })

// fixedIn returns the tests that passed in a failed run, according to its output. After a
// crash it returns none, since the crash ended tests that might have passed.
func fixedIn(output []byte, tests []testrun.TestID) []testrun.TestID {
	if len(tests) < 2 || bytes.Contains(output, []byte("panic:")) || bytes.Contains(output, []byte("fatal error:")) {
		return nil
	}
	failed := make(map[string]bool)
	for _, m := range failLine().FindAllSubmatch(output, -1) {
		failed[string(m[1])] = true
	}
	if len(failed) == 0 {
		return nil
	}
	var out []testrun.TestID
	for _, id := range tests {
		if !failed[id.Test] {
			out = append(out, id)
		}
	}
	return out
}
