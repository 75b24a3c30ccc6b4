// Package generic is the language for any repository whose tests a command runs: `test:`
// in the configuration. What failed it reads from the result files that the command
// writes, which `results:` names by globs: JUnit XML, TAP, CTRF or go test -json. Without
// result files the exit status of the command is all there is.
//
//	test: pytest --junitxml=build/tests.xml
//	results: [build/tests.xml]
//
//	test: node --test --test-reporter=tap
//	results: ["-"]
//
//	test: make check
//
// # The command
//
// It always runs as a whole, in the top folder of the tree, by /bin/sh. A request for some
// units or tests runs all of them, and leaves the others out of the result. A timeout that
// is shorter than the command is known to take is therefore made longer.
//
// Status 0 is green and any other is red, but for 126 and 127 without results: the command
// could not be run. PYTHONDONTWRITEBYTECODE is set, since Python takes a cached file for
// current when a source was changed within the second to one of the same size.
//
// # Results
//
// A glob begins at the top of the tree, * stands for a part of a name and ** for any number
// of folders. The glob - is the standard output of the command, for runners that write
// nothing else, such as `node --test --test-reporter=tap`. Files that the globs match are
// removed before each run, so that what is read afterwards was written by it: a glob should
// name results and nothing else.
//
//   - Failing tests are the failures, whatever the exit status: a wrapper hides it (`|| true`,
//     a pipe into tee, maven.test.failure.ignore), a result does not lie.
//   - A red exit with only green results is a failure of the command as a whole, such as a
//     coverage that is too low. Tests that failed first and passed when they were tried again
//     are the failures then, if there are some: their runner was not content.
//   - A test that passed in its last try has passed. In several files, the worst counts.
//   - No results, results without a test, or broken ones: that was no run. But when the
//     command failed and its output names a line of the tree, then it is taken for code that
//     does not compile; and when a signal ended it, for tests that did that.
//
// The unit of a test, its [testrun.TestID] Package, is its class or file as the results
// give it. What fails as a whole has no test: a module that cannot be loaded, a file, the
// command. Paths in names and messages are relative to the tree. Node's JUnit XML has
// neither class nor file: its tests of one name are numbered, and a module that does not
// load looks like a test. Its TAP, which has the place of each test, is better.
//
// Where a failure is comes from the places that its text names ("test_x.py:5",
// "at f (file:///x.mjs:3:1)"), as far as they are files of the tree; see place.go.
//
// # Tests
//
// They are never edited: files whose names the conventions of common runners have for tests
// (testcode.go), files that results declare as those of tests, and the scripts, makefiles
// and test files that the command itself names (command.go).
//
// # Where it runs
//
// Without an overlay the command runs in the tree itself, which is an export: tests may
// write there. With one it runs in a copy, one for each run at the same time. The copies
// stay until the context of Find ends. Between runs the files that a copy began with are
// put back; what a run adds stays, as it does for a person who runs the command twice, so
// that a build need not begin anew.
//
// Not a goal: proposing. Nothing is known of the syntax, so what is left is to undo what
// broke the tests, which needs no language.
package generic

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Language is every language that has a test command.
var Language = lang.Language{
	Name:         "generic",
	Find:         find,
	ReadsResults: true,
	Owns:         owns,
	Prepare:      prepare,
}

// find returns the suite that the command is.
func find(ctx context.Context, tree lang.Tree) ([]testrun.Suite, error) {
	command := strings.TrimSpace(tree.Command)
	switch {
	case command == "" && len(tree.Results) > 0:
		return nil, &testrun.NotRunError{
			What: "result files are named, and no test command", Where: strings.Join(tree.Results, ", "),
			Advice: "say which command writes them: --test 'make test', or test: in .regreen.yml",
		}
	case command == "":
		return nil, nil
	}
	root, err := filepath.Abs(tree.Root)
	if err != nil {
		return nil, &testrun.NotRunError{What: err.Error(), Where: tree.Root}
	}
	s := newSuite(root, command, tree.Results, tree.Sandbox)
	context.AfterFunc(ctx, s.copies.Close)
	return []testrun.Suite{s}, nil
}

func prepare(_ context.Context, task lang.Task) lang.Tools {
	suite, ok := task.Suite.(*suite)
	if !ok {
		return lang.Tools{TestCode: testCode}
	}
	return lang.Tools{TestCode: suite.testCode}
}

// extensions are those of source files. Go is a language of its own.
var extensions = []string{
	".py", ".pyi", ".pyx", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte", ".astro",
	".rb", ".rake", ".rs", ".java", ".kt", ".kts", ".groovy", ".gradle", ".scala", ".clj", ".cljs", ".cs", ".fs", ".vb", ".php",
	".ex", ".exs", ".erl", ".hrl", ".swift", ".m", ".mm", ".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx",
	".lua", ".pl", ".pm", ".t", ".r", ".jl", ".hs", ".ml", ".mli", ".dart", ".zig", ".nim", ".cr", ".d", ".sh", ".bash", ".bats",
}

func owns(file string) bool { return slices.Contains(extensions, strings.ToLower(path.Ext(file))) }
