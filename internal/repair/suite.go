package repair

import (
	"maps"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// language is that of the tests.
const language = "go"

// findSuite finds the tests of an exported tree.
func (r *run) findSuite(dir string) (*gotest.Suite, error) {
	return gotest.FindIn(dir, r.opt.Subject.Command, r.goEnviron())
}

// goEnviron is the environment with a place for what go commands leave behind,
// unless somebody has named one already.
func (r *run) goEnviron() []string {
	set := slices.ContainsFunc(r.opt.Subject.Environ, func(kv string) bool {
		value, ok := strings.CutPrefix(kv, "GOTMPDIR=")
		return ok && value != ""
	})
	if set {
		return r.opt.Subject.Environ
	}
	return append(slices.Clip(r.opt.Subject.Environ), "GOTMPDIR="+r.scratch)
}

// patchedTree is the code of the suite with the patches kept so far.
func (r *run) patchedTree() *source.Tree {
	return &source.Tree{
		Tree: &propose.Tree{Root: r.suite.Root, Overlay: maps.Clone(r.kept)}, Flags: buildFlags(r.suite.Flags), Env: r.suite.Sandbox.Env(), Alone: outsideWorkspace(r.suite),
	}
}

// buildFlags are those of the test command's flags that matter for loading code.
func buildFlags(flags []string) []string {
	var out []string
	for _, f := range flags {
		if len(f) > 5 && f[:5] == "-tags" || len(f) > 4 && f[:4] == "-mod" {
			out = append(out, f)
		}
	}
	return out
}

// outsideWorkspace returns the directories of the modules that no workspace of the tree
// uses.
func outsideWorkspace(suite *gotest.Suite) []string {
	var dirs []string
	for _, m := range suite.Modules {
		if m.Alone {
			dirs = append(dirs, m.Dir)
		}
	}
	return dirs
}
