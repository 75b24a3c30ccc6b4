// Package langtest is the contract that every language passes, as tests. A language calls
// [Run] with a tree of its own for each situation; the expected results are here.
package langtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Fixture holds the trees that a language is tested with. Each tree is a txtar archive, laid
// over the files of Common.
type Fixture struct {
	Command string   // the user's test command; "" if the language finds one
	Results []string // globs of result files
	Common  string   // files of every tree
	// Coarse says that the language only knows an exit status: no tests and no places.
	Coarse bool
	// TestFile is a file of Green that belongs to the tests.
	TestFile string

	Green string // tests pass, in at least one file that the language owns
	// Red has one failing test, on the line with the word RED.
	Red string
	// Fix, laid over Red, turns it green.
	Fix string
	// Flaky has a test that fails if the file named by the variable LANGTEST_FILE does not
	// exist, and creates it.
	Flaky string
	// Broken has code that does not build or cannot be parsed.
	Broken string
	// Hang has a test that atomically writes its process ID to the file named by LANGTEST_FILE
	// and never ends.
	Hang string
	// Killed has a test that kills its own process with SIGKILL.
	Killed string
	// Flood has a failing test that prints far more than [testrun.MaxOutput].
	Flood string
}

// Run tests a language against the contract.
func Run(t *testing.T, l lang.Language, fx Fixture) {
	t.Helper()
	if l.Name == "" || l.Find == nil {
		t.Fatal("the language has no name or finds no tests")
	}
	for name, test := range map[string]func(t *testing.T, c *contract){
		"empty": empty, "green": green, "red": red, "flaky": flaky, "broken": broken, "hang": hang, "killed": killed, "flood": flood,
		"overlay": overlay, "concurrent": concurrent, "canceled": canceled, "closed": closed, "missing": missing, "empty request": emptyRequest, "reached": reached, "prepare": prepare,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &contract{Language: l, fx: fx})
		})
	}
}

type contract struct {
	lang.Language
	fx Fixture
}

// tree is a tree with its suite.
type tree struct {
	testrun.Suite
	root string
	file string // LANGTEST_FILE
	temp string // for temporary files
}

// write writes the files of an archive below root.
func write(t *testing.T, root, archive string) {
	t.Helper()
	for name, content := range contents(archive) {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// contents returns the files of an archive.
func contents(archive string) map[string][]byte {
	files := make(map[string][]byte)
	for _, f := range txtar.Parse([]byte(archive)).Files {
		files[f.Name] = f.Data
	}
	return files
}

// sandbox returns a sandbox whose temporary files go to temp.
func sandbox(temp, file string) *testrun.Sandbox {
	return testrun.NewSandbox(append(os.Environ(), "GOTMPDIR="+temp, "LANGTEST_FILE="+file))
}

// open makes a tree and finds its one suite.
func (c *contract) open(ctx context.Context, t *testing.T, archive string) *tree {
	t.Helper()
	tr := &tree{root: t.TempDir(), file: filepath.Join(t.TempDir(), "file"), temp: t.TempDir()}
	write(t, tr.root, c.fx.Common)
	write(t, tr.root, archive)
	suites, err := c.Find(ctx, lang.Tree{Root: tr.root, Command: c.fx.Command, Results: c.fx.Results, Sandbox: sandbox(tr.temp, tr.file)})
	if err != nil || len(suites) != 1 {
		t.Fatalf("got %d suites, error %v; want one suite", len(suites), err)
	}
	tr.Suite = suites[0]
	if tr.String() == "" {
		t.Error("String of the suite is empty")
	}
	return tr
}

// patience is how long a run may take: none of them waits for anything.
const patience = time.Minute

var errPatience = errors.New("the run did not end: was a timeout ignored, or a copy never released?")

// run runs tests and fails if it cannot.
func (tr *tree) run(t *testing.T, req testrun.Request) *testrun.Result {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errPatience)
	defer cancel()
	r, err := tr.Run(ctx, req)
	if err != nil {
		var notRun *testrun.NotRunError
		if errors.As(err, &notRun) {
			t.Logf("output:\n%s", notRun.Output)
		}
		t.Fatal(err)
	}
	return r
}

// one returns the only failure of a result.
func one(t *testing.T, r *testrun.Result) testrun.Failure {
	t.Helper()
	if len(r.Failures) != 1 {
		t.Fatalf("got %d failures, want 1:\n%s", len(r.Failures), brief(r))
	}
	f := r.Failures[0]
	if f.Package == "" || f.Message == "" || strings.Contains(f.Message, "\n") || f.Kind == "" {
		t.Errorf("the failure lacks a unit, a kind or a message of one line: %+v", f)
	}
	return f
}

// brief returns a short text of a result.
func brief(r *testrun.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "units %q passed %v skipped %v missing %v late %d\n", r.Packages, r.Passed, r.Skipped, r.Missing, r.Late)
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "%s %s %s:%d: %s\n", f.Kind, f.TestID, f.File, f.Line, f.Message)
	}
	return b.String()
}

func empty(t *testing.T, c *contract) {
	suites, err := c.Find(t.Context(), lang.Tree{Root: t.TempDir(), Sandbox: sandbox(t.TempDir(), "")})
	var notRun *testrun.NotRunError
	if len(suites) > 0 || err != nil && (!errors.As(err, &notRun) || !notRun.NoTests) {
		t.Errorf("an empty tree has %d suites, error %v", len(suites), err)
	}
}

func green(t *testing.T, c *contract) {
	tr := c.open(t.Context(), t, c.fx.Green)
	r := tr.run(t, testrun.Request{})
	if len(r.Failures) > 0 || len(r.Missing) > 0 || r.Late > 0 || r.Seconds <= 0 {
		t.Fatal(brief(r))
	}
	if !c.fx.Coarse && (len(r.Passed) == 0 || len(r.Packages) == 0) {
		t.Errorf("no test passed: %s", brief(r))
	}
	again := tr.run(t, testrun.Request{Count: 2})
	if !slices.Equal(slices.Compact(slices.Clone(again.Passed)), r.Passed) || len(again.Failures) > 0 {
		t.Errorf("two more runs differ from the first:\n%s\n%s", brief(r), brief(again))
	}
}

// marked returns the place of a word in the files of archives.
func marked(t *testing.T, word string, archives ...string) testrun.Location {
	t.Helper()
	for _, archive := range archives {
		for name, content := range contents(archive) {
			for i, line := range strings.Split(string(content), "\n") {
				if strings.Contains(line, word) {
					return testrun.Location{File: name, Line: i + 1}
				}
			}
		}
	}
	t.Fatalf("no line with %s", word)
	return testrun.Location{}
}

func red(t *testing.T, c *contract) {
	tr := c.open(t.Context(), t, c.fx.Red)
	first := tr.run(t, testrun.Request{})
	f := one(t, first)
	if strings.Contains(f.Output+f.Message, tr.root) {
		t.Errorf("the failure contains the path of the tree: %s\n%s", f.Message, f.Output)
	}
	if c.fx.Coarse {
		return
	}
	want := marked(t, "RED", c.fx.Red)
	if f.File != want.File || f.Line != want.Line || f.Test == "" || f.Kind != testrun.Assertion {
		t.Errorf("want the failure of an assertion at %+v, got %s", want, brief(first))
	}
	second := tr.run(t, testrun.Request{Packages: []string{f.Package}, Tests: []testrun.TestID{f.TestID}, Count: 1})
	if g := one(t, second); g.TestID != f.TestID || g.File != f.File || g.Line != f.Line {
		t.Errorf("the test fails differently on its own: %s", brief(second))
	}
	if len(second.Missing) > 0 || slices.ContainsFunc(second.Passed, func(id testrun.TestID) bool { return id.Package != f.Package }) {
		t.Errorf("got results of tests that were not requested: %s", brief(second))
	}
}

func flaky(t *testing.T, c *contract) {
	tr := c.open(t.Context(), t, c.fx.Flaky)
	f := one(t, tr.run(t, testrun.Request{Count: 2})) // it fails once and then passes
	second := tr.run(t, testrun.Request{Packages: []string{f.Package}, Tests: []testrun.TestID{f.TestID}, Count: 1})
	if len(second.Failures) > 0 || len(second.Missing) > 0 {
		t.Errorf("the test should pass when it runs again, got %s", brief(second))
	}
	if err := os.Remove(tr.file); err != nil {
		t.Fatal(err)
	}
	tr.run(t, testrun.Request{Tests: []testrun.TestID{f.TestID}, Count: 2})
	if third := tr.run(t, testrun.Request{Tests: []testrun.TestID{f.TestID}, Count: 1}); len(third.Failures) > 0 {
		t.Errorf("two tries should have run the test twice, got %s", brief(third))
	}
}

func broken(t *testing.T, c *contract) {
	r := c.open(t.Context(), t, c.fx.Broken).run(t, testrun.Request{})
	if len(r.Failures) == 0 {
		t.Fatalf("want a failure, got %s", brief(r))
	}
	f := r.Failures[0]
	if kinds := []testrun.Kind{testrun.Compile, testrun.Import}; !c.fx.Coarse && (!slices.Contains(kinds, f.Kind) || f.File == "" || f.Line == 0) {
		t.Errorf("want a failure at the broken line, got %s", brief(r))
	}
}

func hang(t *testing.T, c *contract) {
	tr := c.open(t.Context(), t, c.fx.Hang)
	r := tr.run(t, testrun.Request{Timeout: 2 * time.Second})
	if !slices.ContainsFunc(r.Failures, func(f testrun.Failure) bool { return f.Kind == testrun.Timeout }) {
		t.Errorf("want a timeout, got %s", brief(r))
	}
	tr.ended(t)
	late := tr.run(t, testrun.Request{Within: time.Second})
	if late.Late == 0 || len(late.Failures) > 0 {
		t.Errorf("want a late package and no failure, got %s", brief(late))
	}
}

func killed(t *testing.T, c *contract) {
	r := c.open(t.Context(), t, c.fx.Killed).run(t, testrun.Request{})
	if len(r.Failures) == 0 {
		t.Errorf("want a failure, got %s", brief(r))
	}
}

func flood(t *testing.T, c *contract) {
	r := c.open(t.Context(), t, c.fx.Flood).run(t, testrun.Request{})
	f := one(t, r)
	if f.Truncated == 0 || len(f.Output) > testrun.MaxOutput+testrun.MinOutput || len(f.Output) < testrun.MinOutput/2 {
		t.Errorf("kept %d bytes of output and left out %d", len(f.Output), f.Truncated)
	}
}

// state returns every file below a directory with its content, mode and time.
func state(t *testing.T, root string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(name)
		files[name] = fmt.Sprint(info.Mode(), info.ModTime().UnixNano(), string(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// overlay runs Red with Fix laid over it, and checks that the tree does not change.
func overlay(t *testing.T, c *contract) {
	tr := c.open(t.Context(), t, c.fx.Red)
	before := state(t, tr.root)
	fix := contents(c.fx.Fix)
	fix["langtest/added.txt"] = []byte("added\n")
	for i := range 2 {
		if r := tr.run(t, testrun.Request{Overlay: fix}); len(r.Failures) > 0 || len(r.Missing) > 0 {
			t.Fatalf("run %d with the fix is red: %s", i, brief(r))
		}
		one(t, tr.run(t, testrun.Request{Overlay: map[string][]byte{"langtest/other.txt": {}}}))
		if !maps.Equal(before, state(t, tr.root)) {
			t.Fatal("the tree changed")
		}
	}
	one(t, tr.run(t, testrun.Request{}))
	moved := tr.run(t, testrun.Request{Overlay: map[string][]byte{"langtest/other.txt": {}}})
	if f := one(t, moved); strings.Contains(f.Output+f.Message, tr.temp) {
		t.Errorf("the failure contains the path of the copy: %s\n%s", f.Message, f.Output)
	}
	if _, err := tr.Run(t.Context(), testrun.Request{Overlay: map[string][]byte{"../langtest.txt": nil}}); err == nil {
		t.Error("an overlay outside of the tree was accepted")
	}
}

// concurrent runs tests with and without the fix at the same time.
func concurrent(t *testing.T, c *contract) {
	tr := c.open(t.Context(), t, c.fx.Red)
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			overlay := map[string][]byte{"langtest.txt": fmt.Append(nil, i)}
			fixed := i%2 == 0
			if fixed {
				maps.Copy(overlay, contents(c.fx.Fix))
			}
			r, err := tr.Run(t.Context(), testrun.Request{Overlay: overlay, Count: 1})
			if err != nil {
				t.Error(err)
			} else if fixed != (len(r.Failures) == 0) {
				t.Errorf("with the fix: %t, got %s", fixed, brief(r))
			}
		})
	}
	all.Wait()
}

// canceled cancels a run that hangs.
func canceled(t *testing.T, c *contract) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tr := c.open(ctx, t, c.fx.Hang)
	before := state(t, tr.root)
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(tr.file); err == nil {
				cancel()
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	if _, err := tr.Run(ctx, testrun.Request{Overlay: map[string][]byte{"langtest.txt": {}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	tr.ended(t)
	if left := state(t, tr.temp); len(left) > 0 {
		t.Errorf("left behind: %q", slices.Sorted(maps.Keys(left)))
	}
	if !maps.Equal(before, state(t, tr.root)) {
		t.Error("the tree changed")
	}
	for range 20 { // every time, not just by luck
		if _, err := tr.Run(ctx, testrun.Request{}); !errors.Is(err, context.Canceled) {
			t.Fatalf("a run that begins after ctx has ended: got error %v", err)
		}
	}
}

// closed checks that a suite leaves nothing behind when its context ends.
func closed(t *testing.T, c *contract) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tr := c.open(ctx, t, c.fx.Red)
	tr.run(t, testrun.Request{Overlay: contents(c.fx.Fix)})
	cancel()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		left, err := os.ReadDir(tr.temp)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("left behind: %v", left)
		}
	}
}

func missing(t *testing.T, c *contract) {
	if c.fx.Coarse {
		t.Skip("the language does not know single tests")
	}
	tr := c.open(t.Context(), t, c.fx.Green)
	all := tr.run(t, testrun.Request{})
	if len(all.Passed) == 0 {
		t.Fatal("no test passed")
	}
	real := all.Passed[0]
	noTest, noUnit := testrun.TestID{Package: real.Package, Test: "TestLangtestNowhere"}, testrun.TestID{Package: "langtest/nowhere"}
	r := tr.run(t, testrun.Request{Packages: []string{real.Package}, Tests: []testrun.TestID{real, noTest}})
	if !slices.Contains(r.Missing, noTest) || slices.Contains(r.Missing, real) || !slices.Contains(r.Passed, real) || len(r.Failures) > 0 {
		t.Errorf("want %v to pass and %v to be missing, got %s", real, noTest, brief(r))
	}
	r = tr.run(t, testrun.Request{Packages: []string{real.Package, noUnit.Package}})
	if !slices.Contains(r.Missing, noUnit) || !slices.Contains(r.Passed, real) || len(r.Failures) > 0 {
		t.Errorf("want a unit that does not exist to be missing, got %s", brief(r))
	}
}

// emptyRequest requests an empty list, which is not the same as requesting everything.
func emptyRequest(t *testing.T, c *contract) {
	tr := c.open(t.Context(), t, c.fx.Red)
	for _, req := range []testrun.Request{{Packages: []string{}}, {Tests: []testrun.TestID{}}} {
		r := tr.run(t, req)
		if len(r.Failures)+len(r.Passed)+len(r.Missing) > 0 {
			t.Errorf("the empty request %+v ran tests: %s", req, brief(r))
		}
	}
}

func reached(t *testing.T, c *contract) {
	tr := c.open(t.Context(), t, c.fx.Green)
	nothing, err := tr.Reached(t.Context(), nil)
	if err != nil || nothing.All || len(nothing.Packages) > 0 {
		t.Errorf("a change of nothing reaches %+v, %v", nothing, err)
	}
	name := slices.Sorted(maps.Keys(contents(c.fx.Green)))[0]
	some, err := tr.Reached(t.Context(), []string{name})
	if err != nil || !some.All && len(some.Packages) == 0 || some.All && some.Why == "" {
		t.Errorf("%s reaches %+v, %v", name, some, err)
	}
	// A change that fixes a test reaches it.
	tr = c.open(t.Context(), t, c.fx.Red)
	f := one(t, tr.run(t, testrun.Request{}))
	for name := range contents(c.fx.Fix) {
		some, err := tr.Reached(t.Context(), []string{name})
		if err != nil || !some.All && !slices.Contains(some.Packages, f.Package) {
			t.Errorf("%s does not reach %s: %+v, %v", name, f.Package, some, err)
		}
	}
}

func prepare(t *testing.T, c *contract) {
	if c.Owns != nil && !slices.ContainsFunc(slices.Collect(maps.Keys(contents(c.fx.Green))), c.Owns) {
		t.Error("the language owns no file of Green")
	}
	if c.Owns != nil && c.Owns("README.md") {
		t.Error("the language owns README.md")
	}
	if c.Prepare == nil {
		return
	}
	tr := c.open(t.Context(), t, c.fx.Green)
	tools := c.Prepare(t.Context(), lang.Task{
		Suite: tr.Suite, Tree: &propose.Tree{Root: tr.root}, Jobs: 1, Log: slog.New(slog.DiscardHandler), Progress: func(int, int, int) {},
	})
	if tools.TestCode != nil && !tools.TestCode(c.fx.TestFile) {
		t.Errorf("TestCode does not recognize %s", c.fx.TestFile)
	}
}
