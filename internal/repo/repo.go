// Package repo contains all of regreen's use of git, and every write to a user's files.
//
// A Repo reports facts about a repository, exports a tree to test elsewhere, lists changes, and
// writes a set of files in one transaction (Tree). The user's working tree is never a workbench:
// regreen stashes nothing, checks nothing out, and only reads refs.
//
// It honors the environment that git passes to a hook: GIT_DIR in a linked worktree, and
// GIT_INDEX_FILE, which names another index during `commit -a` and `commit <path>`. The git
// command does the work. go-git reads refs and commits where it can open the repository, which
// saves processes.
//
// Not goals: commits, pushing, fetching more than a shallow clone lacks (Deepen), and running
// anything but git.
package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/regreen-ci/regreen/internal/gitdir"
	"github.com/regreen-ci/regreen/internal/patch"
)

// Errors that callers distinguish. They come wrapped in an *Error.
var (
	ErrNotRepository = errors.New("not a git repository")
	ErrGitsOwn       = errors.New("path inside .git")
	ErrBare          = errors.New("bare repository, which has no files to test")
	ErrNoGit         = errors.New("git not found in PATH")
	ErrNoCommits     = errors.New("no commits in the repository")
	ErrNoRevision    = errors.New("no such revision")
	ErrUnmerged      = errors.New("unmerged files in the index")
	ErrEdited        = errors.New("edited in the meantime")
	ErrBadPath       = errors.New("path not allowed")
	ErrUnsafe        = errors.New("not a private directory")
	ErrForeign       = errors.New("it belongs to another user, so git does not open it")
)

// Error is what went wrong, where, and what to do about it.
type Error struct {
	Path   string // the file, directory or revision
	Err    error
	Advice string
}

func (e *Error) Error() string {
	msg := e.Err.Error()
	if e.Path != "" {
		msg = patch.Quote(filepath.ToSlash(e.Path)) + ": " + msg
	}
	return msg
}

// Hint returns what to do about it.
func (e *Error) Hint() string { return e.Advice }

func (e *Error) Unwrap() error { return e.Err }

// Repo is a repository with a working tree.
type Repo struct {
	Tree // the working tree as something to write to

	gitDir, commonDir string
	hooksDir          string
	localVars         []string
	carry             []string                   // see Carry
	objects           func() *filesystem.Storage // opened once; nil where go-git cannot
}

// Open finds the repository that dir is in. Env is the environment for git, with what a hook got
// from git; nil means that of this process.
//
// It starts one git process. Without a repository, the error wraps ErrNotRepository; without a
// working tree, ErrBare.
func Open(ctx context.Context, dir string, env []string) (*Repo, error) {
	if env == nil {
		env = os.Environ()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &Error{Err: fmt.Errorf("%w: the current directory is gone", ErrNotRepository), Advice: "cd to the repository"}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, &Error{Path: dir, Err: ErrNotRepository, Advice: "the directory does not exist"}
	}
	g := newGit(dir, env)
	out, err := g.output(ctx, "rev-parse", "--is-bare-repository", "--path-format=absolute",
		"--show-toplevel", "--absolute-git-dir", "--git-common-dir", "--git-path", "hooks", "--local-env-vars")
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if err != nil {
		return nil, openError(ctx, dir, lines[0], err)
	}
	paths, vars := lines[1:min(5, len(lines))], lines[min(5, len(lines)):]
	if len(vars) == 0 || !strings.HasPrefix(vars[0], "GIT_") {
		// A path has a newline.
		if paths, vars, err = g.repositoryPaths(ctx), localVars, ctx.Err(); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(paths, func(p string) bool { return !filepath.IsAbs(p) }) {
		return nil, &Error{Path: dir, Err: errors.New("cannot read the paths that git reports"), Advice: "regreen needs git 2.31 or later"}
	}
	r := &Repo{
		gitDir: filepath.FromSlash(paths[1]), commonDir: filepath.FromSlash(paths[2]),
		hooksDir: filepath.FromSlash(paths[3]), localVars: vars,
	}
	r.Tree = r.tree(filepath.FromSlash(paths[0]), g.in(paths[0]))
	r.objects = r.openOnce()
	return r, nil
}

// repositoryPaths asks git for the working tree, the two git directories and the hooks, one by one,
// which is slower but leaves no doubt where a path ends.
func (g git) repositoryPaths(ctx context.Context) []string {
	paths := make([]string, 0, 4)
	for _, args := range [][]string{{"--show-toplevel"}, {"--absolute-git-dir"}, {"--git-common-dir"}, {"--git-path", "hooks"}} {
		path, err := g.line(ctx, append([]string{"rev-parse", "--path-format=absolute"}, args...)...)
		if err != nil {
			path = ""
		}
		paths = append(paths, path)
	}
	return paths
}

// tree returns the working tree, with its journal in the state directory. Each worktree has its own
// journal, whose name does not change when the repository is moved.
func (r *Repo) tree(root string, g git) Tree {
	folders := gitdir.Dir{Root: root, GitDir: r.gitDir, CommonDir: r.commonDir}
	t := Tree{root: root, git: g, state: folders.StateDir(), journal: folders.Journal()}
	for _, dir := range []string{r.gitDir, r.commonDir} {
		if rel, err := filepath.Rel(root, dir); err == nil && filepath.IsLocal(rel) {
			t.private = append(t.private, filepath.ToSlash(rel))
		}
	}
	return t
}

func openError(ctx context.Context, dir, bare string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return &Error{Err: ErrNoGit, Advice: "install git 2.31 or later and put it on the PATH"}
	case bare == "true":
		return &Error{Path: dir, Err: ErrBare, Advice: "clone it, and run regreen in the clone"}
	case gitSays(err, "dubious ownership"):
		return &Error{Path: dir, Err: ErrForeign, Advice: "if you trust it: git config --global --add safe.directory " + foreignRoot(dir, err)}
	case gitSays(err, "must be run in a work tree"):
		return &Error{Path: dir, Err: fmt.Errorf("%w: %w", ErrNotRepository, ErrGitsOwn), Advice: "run regreen in the working tree"}
	case gitSays(err, "not a git repository"):
		return &Error{Path: dir, Err: ErrNotRepository, Advice: "run regreen inside a repository, or name one with --repo; `git init` makes one"}
	default:
		return err
	}
}

// foreignRoot returns the directory that git does not trust, as git names it.
func foreignRoot(dir string, err error) string {
	if failed, ok := errors.AsType[*gitError](err); ok {
		for line := range strings.Lines(failed.stderr) {
			if _, name, ok := strings.Cut(strings.TrimRight(line, "\n"), "--add safe.directory "); ok {
				return name
			}
		}
	}
	return dir
}

// GitDir returns the directory of this worktree's own git data: HEAD, index, ORIG_HEAD.
func (r *Repo) GitDir() string { return r.gitDir }

// HooksDir returns where git looks for hooks: core.hooksPath or the default.
func (r *Repo) HooksDir() string { return r.hooksDir }

// LocalEnv returns the names of the environment variables that tie a process to this repository.
// Tests must not inherit them.
func (r *Repo) LocalEnv() []string { return slices.Clone(r.localVars) }

// StateDir returns the directory of regreen's data about the repository, which all its worktrees
// share. It may not exist yet: see EnsureStateDir.
func (r *Repo) StateDir() string { return r.state }

// EnsureStateDir creates StateDir if needed and returns it.
func (r *Repo) EnsureStateDir() (string, error) {
	if err := os.MkdirAll(r.state, 0o755); err != nil {
		return "", &Error{Path: r.state, Err: err, Advice: "regreen keeps its state there; make the directory writable"}
	}
	return r.state, nil
}
