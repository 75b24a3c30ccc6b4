// Package lang defines what regreen needs from a programming language.
//
// A [Language] finds the tests of a tree and, as far as it can, follows them into the code,
// proposes language-specific candidates, and screens candidates quickly. Functions for what
// it cannot do are nil, and the pipeline works without them: a language that only finds and
// runs tests already gets real failures, the culprit, the revert, verification and
// everything after it.
//
// Package langtest is the contract that each language passes, and package all is the table
// of languages. A language may not import another one.
//
// Non-goal: parsing. Each language does that itself, best with its own runtime.
package lang

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/align"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/usererr"
	"github.com/regreen-ci/regreen/internal/validate"
)

// Language is one language. Name and Find are required.
type Language struct {
	Name string // in reports, in the store and after --lang: "go"
	// Sign names, for messages, what shows that a tree is in this language: "Go module". It is
	// empty if nothing in a tree shows it.
	Sign string
	// Find returns the suites of the language's tests in a tree: none if the tree is not in
	// this language, and a [*testrun.NotRunError] if it is and the tests cannot be run. When
	// ctx ends, the suites are no longer needed and remove what they keep, such as copies.
	Find func(ctx context.Context, tree Tree) ([]testrun.Suite, error)
	// ReadsResults says that the language reads the result files of a test command.
	ReadsResults bool
	// Owns reports whether a file is in this language: changing it cannot break the tests of
	// other languages. Nil owns no file.
	Owns func(file string) bool
	// Strategies are the strategies that only this language has.
	Strategies []propose.Strategy
	// Prepare returns what helps to repair failures of a suite. It may be nil.
	Prepare func(ctx context.Context, task Task) Tools
}

// Tree is the tree in which a language looks for tests, with the settings for that.
type Tree struct {
	Root    string   // absolute
	Around  string   // a directory above with links to what is around the original tree, or ""
	Command string   // the user's test command, "" to find one
	Results []string // globs of the result files that Command writes, relative to Root
	Sandbox *testrun.Sandbox
}

// Task is one cluster of failures to repair.
type Task struct {
	Suite     testrun.Suite
	Tree      *propose.Tree // with the patches kept so far
	Jobs      int           // workers
	Seed      uint64        // for random choices
	Screening validate.Mode
	Log       *slog.Logger
	// Progress is called with how many candidates have a verdict.
	Progress func(done, total, plausible int)
}

// Tools holds what a language knows about the code of a task. Every field may be nil.
type Tools struct {
	// Source is Problem.Source, for the language's own strategies.
	Source any
	// TestCode reports whether a file belongs to the tests and so is never edited.
	TestCode func(file string) bool
	// Emptied returns what stays of a file that a patch removes, see Problem.Emptied.
	Emptied func(file string, src []byte) []byte
	// Parts returns the syntax of a file, see Problem.Parts.
	Parts func(file string, src []byte) *align.Part
	// Outline and Follow serve localization, see localize.Input.
	Outline func(file string, src []byte) localize.Outline
	Follow  func(ctx context.Context, in localize.Input, src *localize.Source) ([]localize.Mark, error)
	// Screener judges many candidates quickly; nil runs the suite for each one.
	Screener validate.Screener
}

// Found is a suite of a tree, with its language.
type Found struct {
	Language
	Suite testrun.Suite
	// NotRun is the reason why the language's tests cannot be run, if the tree has some; Suite is
	// nil then.
	NotRun *testrun.NotRunError
}

// String returns the command of the suite, or names the language.
func (f Found) String() string {
	if f.Suite == nil {
		return f.Name + " tests"
	}
	return f.Suite.String()
}

// Find returns the suites of all languages that a tree has tests in. Only one language runs
// the test command: the one that reads results if Results are set, otherwise the first one
// that has tests. If no language has tests that can be run, the error is a
// [*testrun.NotRunError].
func Find(ctx context.Context, languages []Language, tree Tree) ([]Found, error) {
	var found []Found
	var none *testrun.NotRunError // why there are no tests
	taken := false                // a language runs the command
	runs := false                 // a suite was found
	for _, l := range languages {
		t := tree
		if taken || len(tree.Results) > 0 && !l.ReadsResults {
			t.Command = ""
		}
		suites, err := l.Find(ctx, t)
		var notRun *testrun.NotRunError
		switch {
		case errors.As(err, &notRun) && notRun.NoTests:
			if none == nil {
				none = notRun
			}
			continue
		case notRun != nil:
			found = append(found, Found{Language: l, NotRun: notRun})
			taken = taken || t.Command != "" && !l.ReadsResults
			continue
		case err != nil:
			return nil, err
		}
		runs = runs || len(suites) > 0
		for _, s := range suites {
			found = append(found, Found{Language: l, Suite: s})
		}
		taken = taken || len(suites) > 0 && t.Command != ""
	}
	switch {
	case runs:
		return found, nil
	case len(found) > 0:
		return nil, found[0].NotRun
	case none != nil:
		return nil, none
	}
	return nil, noTests(languages, tree.Root)
}

// noTests returns the error for a tree without any sign of a language.
func noTests(languages []Language, root string) *testrun.NotRunError {
	var signs []string
	for _, l := range languages {
		if l.Sign != "" {
			signs = append(signs, "no "+l.Sign)
		}
	}
	what := strings.Join(append(signs, "no test command"), ", ")
	if i := strings.LastIndex(what, ", "); i >= 0 {
		what = what[:i] + " and " + what[i+2:]
	}
	return &testrun.NotRunError{What: what, Where: root, Advice: "name the test command: --test 'make test', or test: in .regreen.yml", NoTests: true}
}

// Strategies returns the strategies of the languages, each marked with its language, and
// those that work in every language.
func Strategies(languages []Language) []propose.Strategy {
	var all []propose.Strategy
	for _, l := range languages {
		for _, s := range l.Strategies {
			s.Language = l.Name
			all = append(all, s)
		}
	}
	return append(all, propose.Restore, propose.Revert)
}

// Select returns the languages with the given names, or all languages if there are no names.
// The hint of the error for an unknown name lists the known ones.
func Select(languages []Language, names []string) ([]Language, error) {
	if len(names) == 0 {
		return languages, nil
	}
	var known []string
	for _, l := range languages {
		known = append(known, l.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, &usererr.UsageError{What: fmt.Sprintf("unknown language %q", name), Advice: "use one of " + strings.Join(known, ", ")}
		}
	}
	return slices.DeleteFunc(slices.Clone(languages), func(l Language) bool { return !slices.Contains(names, l.Name) }), nil
}
