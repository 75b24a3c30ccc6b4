// Package gate decides whether a commit needs regreen at all.
//
// Goals: the common commit, of a tree that passed before or of documents, costs a few
// milliseconds; a program that imports this package starts fast, without the weight of the
// pipeline. When in doubt, regreen is needed.
//
// Non-goals: running tests and printing anything.
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

// PreCommit reports whether the commit that git is about to make in the working tree at dir needs
// no test: regreen is off, the tree passed before, or the commit changes no file that a test
// reads.
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
		return false // regreen reports it
	}
	if cfg.Hooks[hook] == githook.Off || Paused(cfg, d, hook) {
		return true
	}
	if _, err := os.Lstat(d.Journal()); err == nil {
		return false // regreen finishes a write that was interrupted
	}
	if job, ok := background.Open(d.StateDir(), d.Root).Job(); ok && job.Done() && !job.Shown && !job.Passes {
		return false // regreen reports its outcome
	}
	index := d.IndexFile(getenv("GIT_INDEX_FILE"))
	tree, ok := d.IndexTree(index)
	if !ok {
		return false
	}
	if w, ok := witness.Open(d.StateDir()).Find(Key(d.Root, tree, cfg, environ)); !ok || !w.Stands() {
		names, ok := d.Changed(tree)
		if !ok || slices.ContainsFunc(names, func(name string) bool { return !cfg.Document(name) }) {
			return false
		}
	}
	MarkTested(d, index)
	return true
}

// Paused reports whether the hook does nothing because of an operation in progress, during which a
// hook that takes time or blocks does more harm than good. A merge only pauses pre-commit, which
// git runs for the commit of the resolution.
func Paused(cfg config.Config, d gitdir.Dir, hook githook.Name) bool {
	operation := d.Underway()
	switch {
	case operation == "" || slices.Contains(cfg.Underway, operation):
		return false
	case operation == "rebase" && hook == githook.PostRewrite: // git calls it at the end of the rebase
		return false
	case operation == "merge" && hook != githook.PreCommit:
		return false
	}
	return true
}

// MarkTested leaves a mark for the shim of post-commit: the next commit is covered, so the shim
// need not start regreen again. The shim ignores the mark once the index is newer. A commit of
// single paths uses another index, so it removes the mark.
func MarkTested(d gitdir.Dir, index string) {
	file := filepath.Join(d.GitDir, "regreen", "passed")
	if gitdir.Partial(index) {
		_ = os.Remove(file)
		return
	}
	// The write sets the file's time, with the same coarse clock as for the index.
	err := os.WriteFile(file, []byte("\n"), 0o600)
	if errors.Is(err, fs.ErrNotExist) && os.MkdirAll(filepath.Dir(file), 0o755) == nil {
		_ = os.WriteFile(file, []byte("\n"), 0o600)
	}
}

// Key returns what the outcome of the tests of a tree depends on, as far as it is known without
// running anything. Root is where the tree is checked out. Tracked configuration files are part
// of the tree.
func Key(root, tree string, cfg config.Config, environ []string) witness.Key {
	getenv := config.Getenv(environ)
	programs, variables := toolchain.Of(root, cfg.Test, getenv)
	k := witness.Key{Tree: tree, Command: cfg.Test, Toolchain: programs}
	for _, name := range append(variables, cfg.CacheEnv...) {
		if value := getenv(name); value != "" {
			k.Environ = append(k.Environ, name+"="+value)
		}
	}
	// Whether a file or a variable sets these, other values test something else.
	for name, list := range map[string][]string{"REGREEN_LANG": cfg.Lang, "REGREEN_RESULTS": cfg.Results} {
		if len(list) > 0 {
			k.Environ = append(k.Environ, name+"="+strings.Join(list, ","))
		}
	}
	return k
}
