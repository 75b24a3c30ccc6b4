// Package gate tells whether a commit needs regreen at all.
//
// Goals: the common commit, of a tree that passed before or of documents, costs a few
// milliseconds; what imports this package can be a program that starts at once, without
// the weight of the pipeline. In any doubt the answer is that regreen is needed.
//
// Not goals: running tests, and telling anybody anything.
package gate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/background"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/gitdir"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/toolchain"
	"github.com/regreen-ci/regreen/internal/witness"
)

// PreCommit tells whether the commit that git is about to make in the working tree at
// dir may pass as it is: regreen is off, its tree passed before, or it changes nothing
// that a test reads.
func PreCommit(dir string, environ []string) bool {
	getenv := config.Getenv(environ)
	const hook = githook.PreCommit
	if off, _ := config.Off(getenv, hook); off {
		return true
	}
	d, ok := gitdir.Near(dir, getenv)
	if !ok {
		return false
	}
	cfg, err := config.Load(d.Root, getenv)
	if err != nil {
		return false // regreen tells
	}
	if cfg.Hooks[hook] == githook.Off || Away(cfg, d, hook) {
		return true
	}
	if _, err := os.Lstat(d.Journal()); err == nil {
		return false // a write was cut off, which regreen finishes
	}
	if job, ok := background.Open(d.StateDir(), d.Root).Job(); ok && job.Done() && !job.Shown && !job.Passes {
		return false // regreen has news
	}
	index := d.IndexFile(getenv("GIT_INDEX_FILE"))
	tree, ok := d.IndexTree(index)
	if !ok {
		return false
	}
	if w, ok := witness.Open(d.StateDir()).Find(Key(d.Root, tree, cfg, environ)); !ok || w.Verdict == "flaky" {
		names, ok := d.Changed(tree)
		if !ok || slices.ContainsFunc(names, func(name string) bool { return !cfg.Document(name) }) {
			return false
		}
	}
	Vouch(d, index)
	return true
}

// Away tells whether an operation is in progress in which a hook that takes its time, or
// blocks, does more harm than good. While a merge is in progress that is the commit of
// its resolution.
func Away(cfg config.Config, d gitdir.Dir, hook githook.Name) bool {
	operation := d.Underway()
	switch {
	case operation == "" || slices.Contains(cfg.Underway, operation):
		return false
	case operation == "rebase" && hook == githook.PostRewrite: // git calls it as the last act of the rebase
		return false
	case operation == "merge" && hook != githook.PreCommit:
		return false
	}
	return true
}

// Vouch leaves word for the shim of post-commit that what is committed next needs no
// look: regreen is then not started a second time. The shim takes it for void once the
// index is newer, and a commit of single paths leaves the index for another one.
func Vouch(d gitdir.Dir, index string) {
	file := filepath.Join(d.GitDir, "regreen", "passed")
	if gitdir.Partial(index) {
		_ = os.Remove(file)
		return
	}
	// The time is that of the write, as the index has it, and not a finer one.
	err := os.WriteFile(file, []byte("\n"), 0o600)
	if errors.Is(err, fs.ErrNotExist) && os.MkdirAll(filepath.Dir(file), 0o755) == nil {
		_ = os.WriteFile(file, []byte("\n"), 0o600)
	}
}

// Key is what the outcome of the tests of a tree depends on, as far as it can be told
// without running anything. Root is where the tree is checked out. The files of the
// configuration that are tracked are part of the tree.
func Key(root, tree string, cfg config.Config, environ []string) witness.Key {
	getenv := config.Getenv(environ)
	programs, variables := toolchain.Of(root, cfg.Test, getenv)
	k := witness.Key{Tree: tree, Command: cfg.Test, Toolchain: programs}
	for _, name := range append(variables, cfg.CacheEnv...) {
		if value := getenv(name); value != "" {
			k.Environ = append(k.Environ, name+"="+value)
		}
	}
	// By whatever way these are set, other values test something else.
	for name, list := range map[string][]string{"REGREEN_LANG": cfg.Lang, "REGREEN_RESULTS": cfg.Results} {
		if len(list) > 0 {
			k.Environ = append(k.Environ, name+"="+strings.Join(list, ","))
		}
	}
	return k
}
