package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/bench/seeded"
)

// machine measures modules in a temporary directory.
type machine struct {
	temp, regreen string
	published     *seeded.Modules
}

func newMachine(temp, regreen string) *machine {
	return &machine{temp: temp, regreen: regreen, published: &seeded.Modules{Temp: temp}}
}

// series are the times of one command, in the order of its runs.
type series []time.Duration

func (s series) median() time.Duration { return slices.Sorted(slices.Values(s))[len(s)/2] }
func (s series) min() time.Duration    { return slices.Min(s) }

// table holds the figures of one module.
type table struct {
	module module
	tests  int // that go test ran or took from its cache
	broken int // packages that a change of the leaf can break

	goTest, noCache, remembered series // of the whole suite
	on, off, leafTest           series // commits, and go test after them
	already                     int    // of the runs of remembered, those that were not a run of the tests
}

// measure measures one module.
func (b *machine) measure(ctx context.Context, m module, runs int) (*table, error) {
	t := &table{module: m}
	plain, hooked := filepath.Join(b.temp, m.name()), filepath.Join(b.temp, m.name()+"-hook")
	for _, dir := range []string{plain, hooked} {
		if err := b.repository(ctx, m, dir); err != nil {
			return nil, err
		}
	}
	if err := b.suite(ctx, t, plain, runs); err != nil {
		return nil, err
	}
	if _, err := seeded.Run(ctx, hooked, b.regreen, "install"); err != nil {
		return nil, err
	}
	return t, b.commits(ctx, t, plain, hooked, runs)
}

// repository makes a repository of the module with one commit.
func (b *machine) repository(ctx context.Context, m module, dir string) error {
	err := b.published.Checkout(ctx, seeded.Bug{Module: m.Path, Version: m.Version}, dir)
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"config", "gc.auto", "0"}, {"add", "-A", "-f"}, {"commit", "-q", "-m", "begin"}} {
		if _, err := seeded.Run(ctx, dir, "git", args...); err != nil {
			return err
		}
	}
	return nil
}

// suite measures runs of all tests.
func (b *machine) suite(ctx context.Context, t *table, dir string, runs int) error {
	for i := range runs + 1 {
		took, out, err := b.goTest(ctx, dir, "-json", "./...")
		if err != nil {
			return err
		}
		if t.tests = countTests(out); t.tests == 0 {
			return errors.New("go test ran no tests")
		}
		fresh, _, err := b.test(ctx, t, dir, "--no-cache")
		if err != nil {
			return err
		}
		again, ran, err := b.test(ctx, t, dir)
		if err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		t.goTest, t.noCache, t.remembered = append(t.goTest, took), append(t.noCache, fresh), append(t.remembered, again)
		if !ran {
			t.already++
		}
	}
	return nil
}

// goTest measures go test. Tests may fail.
func (b *machine) goTest(ctx context.Context, dir string, args ...string) (time.Duration, []byte, error) {
	began := time.Now()
	out, err := seeded.Run(ctx, dir, "go", append([]string{"test"}, args...)...)
	took := time.Since(began)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil
	}
	return took, out, err
}

// countTests counts the tests in the output of go test -json.
func countTests(out []byte) int {
	n := 0
	for line := range bytes.Lines(out) {
		var e struct{ Action, Test string }
		if json.Unmarshal(line, &e) == nil && e.Test != "" && (e.Action == "pass" || e.Action == "fail") {
			n++
		}
	}
	return n
}

// test measures regreen test, and reports whether it ran the tests.
func (b *machine) test(ctx context.Context, t *table, dir string, flags ...string) (took time.Duration, ran bool, err error) {
	file := filepath.Join(b.temp, "report.json")
	began := time.Now()
	_, err = seeded.Run(ctx, dir, b.regreen, append([]string{"test", "--json", file}, flags...)...)
	took = time.Since(began)
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return 0, false, err
	}
	n, err := reportedTests(file)
	switch {
	case err != nil:
		return 0, false, err
	case n == 0:
		return took, false, nil
	case n < t.tests*9/10: // a red test hides its parents
		return 0, false, fmt.Errorf("regreen test saw %d tests, go test %d", n, t.tests)
	}
	return took, true, nil
}

// reportedTests returns how many tests a report says were run.
func reportedTests(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	var rep struct {
		Verdict string
		Tests   struct{ Passed, Failed int }
	}
	if err := json.Unmarshal(text, &rep); err != nil {
		return 0, err
	}
	if rep.Verdict == "not-run" {
		return 0, fmt.Errorf("regreen could not run the tests: %s", text)
	}
	return rep.Tests.Passed + rep.Tests.Failed, nil
}

// commits measures commits that change the leaf.
func (b *machine) commits(ctx context.Context, t *table, plain, hooked string, runs int) error {
	packages, err := dependents(ctx, plain, path.Dir(t.module.Leaf))
	if err != nil {
		return err
	}
	t.broken = len(packages)
	for i := range runs + 1 {
		// Both get the same change in a different place, and take turns to be the first.
		var on, off, leafTest time.Duration
		steps := []func() error{
			func() error {
				var err error
				if off, err = commit(ctx, plain, t.module.Leaf, i); err != nil {
					return err
				}
				leafTest, _, err = b.goTest(ctx, plain, packages...)
				return err
			},
			func() error {
				var err error
				on, err = commit(ctx, hooked, t.module.Leaf, i)
				if err == nil {
					err = tested(hooked)
				}
				return err
			},
		}
		if i%2 == 1 {
			slices.Reverse(steps)
		}
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
		if i > 0 {
			t.on, t.off, t.leafTest = append(t.on, on), append(t.off, off), append(t.leafTest, leafTest)
		}
	}
	return nil
}

// commit changes the leaf and measures its commit. The change reaches the test program, so that no
// cache has its result.
func commit(ctx context.Context, dir, leaf string, i int) (time.Duration, error) {
	file := filepath.Join(dir, filepath.FromSlash(leaf))
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	const mark = "\nvar benchGreen string\n\nfunc init() { benchGreen = "
	text, _, _ = bytes.Cut(text, []byte(mark))
	text = append(text, fmt.Sprintf("%s%q }\n", mark, time.Now())...)
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return 0, err
	}
	if _, err := seeded.Run(ctx, dir, "git", "add", leaf); err != nil {
		return 0, err
	}
	began := time.Now()
	_, err = seeded.Run(ctx, dir, "git", "commit", "-q", "-m", fmt.Sprint("change ", i))
	return time.Since(began), err
}

// tested removes the report that the hook stored, and returns an error unless it ran tests.
func tested(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, ".git", "regreen", "runs", "*.json"))
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return fmt.Errorf("the hook left %d reports, want 1", len(files))
	}
	n, err := reportedTests(files[0])
	if err == nil && n == 0 {
		err = errors.New("the hook ran no tests")
	}
	return errors.Join(err, os.Remove(files[0]))
}

// dependents returns the packages with tests that depend on the package in a directory.
func dependents(ctx context.Context, dir, leaf string) ([]string, error) {
	self, err := seeded.Run(ctx, dir, "go", "list", "./"+leaf)
	if err != nil {
		return nil, err
	}
	out, err := seeded.Run(ctx, dir, "go", "list", "-test", "-f", "{{.ImportPath}} {{join .Deps \" \"}}", "./...")
	if err != nil {
		return nil, err
	}
	var packages []string
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line) // those of a test program begin with PACKAGE.test
		if tested, ok := strings.CutSuffix(words[0], ".test"); ok && slices.Contains(words, strings.TrimSpace(string(self))) {
			packages = append(packages, tested)
		}
	}
	return packages, nil
}
