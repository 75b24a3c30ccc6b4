// Package golang makes Go a language of regreen: it lists the strategies, and connects the
// packages below it to the pipeline.
//
// In the order of the pipeline: gotest runs the tests, coverage follows them into the code,
// source and site read the code, template and compile propose candidates, and schemata
// screens them.
package golang

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/lang/golang/compile"
	"github.com/regreen-ci/regreen/internal/lang/golang/coverage"
	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/lang/golang/schemata"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/lang/golang/template"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Language is Go.
var Language = lang.Language{
	Name:       "go",
	Sign:       "Go module",
	Find:       find,
	Owns:       owns,
	Strategies: slices.Concat(compile.Strategies, template.Strategies, []propose.Strategy{compile.Imports}),
	Prepare:    prepare,
}

// find returns one suite for all Go modules of the tree.
func find(_ context.Context, tree lang.Tree) ([]testrun.Suite, error) {
	suite, err := gotest.FindIn(tree.Root, tree.Command, tree.Sandbox)
	if err != nil || suite == nil {
		return nil, err
	}
	return []testrun.Suite{suite}, nil
}

func owns(file string) bool {
	switch path.Base(file) {
	case "go.mod", "go.sum", "go.work", "go.work.sum":
		return true
	}
	return strings.HasSuffix(file, ".go")
}

func prepare(ctx context.Context, task lang.Task) lang.Tools {
	suite := task.Suite.(*gotest.Suite)
	tree := &source.Tree{
		Tree: task.Tree, Flags: loadFlags(suite.Flags), Env: suite.Sandbox.Env(), OutsideWorkspace: outsideWorkspace(suite.Modules),
	}
	return lang.Tools{
		Source:   tree,
		TestCode: testCode(ctx, task, suite, tree),
		Emptied:  source.Emptied,
		Parts:    source.Parts,
		Outline:  coverage.Outline,
		Follow: func(ctx context.Context, in localize.Input, src *localize.Source) ([]localize.Mark, error) {
			return coverage.Follow(ctx, suite, in, src)
		},
		Screener: schemata.New(schemata.Options{
			Suite: suite, Tree: tree, Jobs: task.Jobs, Log: task.Log, Screening: task.Screening, Seed: task.Seed, Progress: task.Progress,
		}),
	}
}

// loadFlags returns the flags of the test command that affect loading code.
func loadFlags(flags []string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(f string) bool {
		return !strings.HasPrefix(f, "-tags") && !strings.HasPrefix(f, "-mod")
	})
}

// outsideWorkspace returns the directories of the modules that their workspace does not use.
func outsideWorkspace(modules []gotest.Module) []string {
	var dirs []string
	for _, m := range modules {
		if m.OutsideWorkspace {
			dirs = append(dirs, m.Dir)
		}
	}
	return dirs
}

// testCode returns a predicate that reports whether a file belongs to the tests: test files,
// files that source.Tree.TestCode recognizes, and packages that only tests use.
func testCode(ctx context.Context, task lang.Task, suite *gotest.Suite, tree *source.Tree) func(file string) bool {
	support, err := suite.TestSupport(ctx)
	if err != nil {
		task.Log.Debug("cannot list the packages that only tests use", "error", err)
	}
	return func(file string) bool {
		return strings.HasSuffix(file, "_test.go") || slices.Contains(support, path.Dir(file)) || tree.TestCode(file)
	}
}
