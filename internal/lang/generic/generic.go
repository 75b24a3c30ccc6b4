// Package generic supports any repository with a test command (`test:` in the configuration),
// whatever its language. It reads what failed from the result files that the command writes
// and that the globs in `results:` match: JUnit XML, TAP, CTRF or go test -json. Without
// result files it only has the exit status of the command.
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
// The command always runs as a whole, with /bin/sh, in the root of the tree. A request for
// some units or tests runs everything and leaves the others out of the result, so a timeout
// that is shorter than the command is known to take is raised.
//
// Exit status 0 is green. Any other status is red, except that 126 and 127 without results
// mean that the command did not run. PYTHONDONTWRITEBYTECODE is set because Python uses a
// stale cached file if a source changed within a second and kept its size.
//
// # Results
//
// A glob begins at the root of the tree; * matches a part of a name and ** any number of
// directories. The glob "-" means the standard output of the command, for runners that write
// nowhere else, such as `node --test --test-reporter=tap`. Files that the globs match are
// removed before each run, so that everything read afterwards is from that run. A glob
// should therefore match only results.
//
//   - Failing tests are failures whatever the exit status: a wrapper may hide the status
//     (`|| true`, a pipe into tee, maven.test.failure.ignore).
//   - A red exit with only green results is a failure of the command as a whole, such as low
//     coverage. If tests failed first and passed when retried, they are the failures, since
//     the runner did not accept the retry.
//   - A test that passed in its last try passed. If it is in several files, the worst result
//     counts.
//   - If there are no results, no tests in them, or broken results, the tests did not run.
//     But if the command failed and its output names a line of the tree, the code does not
//     compile, and if a signal ended the command, the tests crashed.
//
// The unit of a test, its [testrun.TestID] Package, is its class or file in the results. A
// failure of a module that does not load, of a file or of the command has no test. Paths in
// names and messages are relative to the tree. Node's JUnit XML has neither classes nor
// files: tests with the same name are numbered, and a module that does not load looks like a
// test. Node's TAP is better, since it has the place of each test.
//
// The place of a failure comes from the places that its text names ("test_x.py:5", "at f
// (file:///x.mjs:3:1)"), if they are files of the tree; see place.go.
//
// # Tests
//
// Tests are never edited. They are the files that common runners recognize as tests by name
// (testcode.go), the files that results declare to be tests, and the scripts, makefiles and
// test files that the command names (command.go).
//
// # Where it runs
//
// Without an overlay the command runs in the tree itself, which is an export: tests may
// write there. With an overlay it runs in a copy; concurrent runs have a copy each. The
// copies stay until the context of Find ends. Between runs, the original files of a copy are
// restored. Files that a run adds stay, so that builds are incremental, like for a user who
// runs the command twice.
//
// Non-goal: proposing patches. This package does not know the syntax, so the only strategy
// is to revert the change that broke the tests, which works in any language.
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

// Language covers every repository that has a test command.
var Language = lang.Language{
	Name:         "generic",
	Find:         find,
	ReadsResults: true,
	Owns:         owns,
	Prepare:      prepare,
}

// find returns the suite of the test command.
func find(ctx context.Context, tree lang.Tree) ([]testrun.Suite, error) {
	command := strings.TrimSpace(tree.Command)
	switch {
	case command == "" && len(tree.Results) > 0:
		return nil, &testrun.NotRunError{
			What: "result files without a test command", Where: strings.Join(tree.Results, ", "),
			Advice: "name the command that writes them: --test 'make test', or test: in .regreen.yml", Whole: true,
		}
	case command == "":
		return nil, nil
	}
	root, err := filepath.Abs(tree.Root)
	if err != nil {
		return nil, &testrun.NotRunError{What: err.Error(), Where: tree.Root}
	}
	s := newSuite(root, tree.Around, command, tree.Results, tree.Sandbox)
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

// extensions are the extensions of source files. Go is a language of its own.
var extensions = []string{
	".py", ".pyi", ".pyx", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte", ".astro",
	".rb", ".rake", ".rs", ".java", ".kt", ".kts", ".groovy", ".gradle", ".scala", ".clj", ".cljs", ".cs", ".fs", ".vb", ".php",
	".ex", ".exs", ".erl", ".hrl", ".swift", ".m", ".mm", ".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx",
	".lua", ".pl", ".pm", ".t", ".r", ".jl", ".hs", ".ml", ".mli", ".dart", ".zig", ".nim", ".cr", ".d", ".sh", ".bash", ".bats",
}

func owns(file string) bool { return slices.Contains(extensions, strings.ToLower(path.Ext(file))) }
