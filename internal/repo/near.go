package repo

import (
	"context"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/regreen-ci/regreen/internal/gitdir"
)

// localVars are the variables that `git rev-parse --local-env-vars` names.
var localVars = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_OBJECT_DIRECTORY", "GIT_DIR",
	"GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE",
	"GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR", "GIT_INTERNAL_SUPER_PREFIX", "GIT_REF_FORMAT",
}

// Near opens the repository whose working tree has its root at dir, which is where git runs hooks.
// It starts no process: it is for code that runs at every commit and usually has nothing to do. It
// returns false if anything is unusual; then call Open. The Repo has no HooksDir.
func Near(dir string, env []string) (r *Repo, ok bool) {
	g := newGit(dir, env)
	d, ok := gitdir.Near(dir, g.getenv)
	if !ok {
		return nil, false
	}
	r = &Repo{gitDir: d.GitDir, commonDir: d.CommonDir, localVars: localVars}
	r.Tree = r.tree(d.Root, g.in(d.Root))
	r.objects = r.openOnce()
	return r, true
}

// Underway returns the operation in progress: "merge", "rebase", "am", "cherry-pick", "revert",
// "bisect", or "".
func (r *Repo) Underway() string { return r.Folders().Underway() }

// Folders returns the repository's directories, for package gitdir.
func (r *Repo) Folders() gitdir.Dir {
	return gitdir.Dir{Root: r.root, GitDir: r.gitDir, CommonDir: r.commonDir}
}

// IndexFile returns the path of the index of src.
func (r *Repo) IndexFile(src Source) string { return r.indexFile(src) }

// IndexTree is TreeHash of an index. It starts no process if the index has the hash, which it does
// in the hooks of a commit.
func (r *Repo) IndexTree(ctx context.Context, src Source) (string, error) {
	if hash, ok := r.Folders().IndexTree(r.indexFile(src)); ok {
		return hash, nil
	}
	return r.TreeHash(ctx, src)
}

// ChangedNames returns the paths of the files in which src differs from a revision, in git's order.
// A renamed file counts with both names.
func (r *Repo) ChangedNames(ctx context.Context, base string, src Source) ([]string, error) {
	args := []string{"diff-index", "--cached", "--name-only", "--no-renames", "--no-relative", "--ignore-submodules=none", "-z", base, "--"}
	g := r.git
	switch src.kind {
	case index:
		if src.name != "" {
			g = g.with("GIT_INDEX_FILE=" + src.name)
		}
	case commit:
		args = []string{"diff-tree", "-r", "--name-only", "--no-renames", "--no-relative", "-z", base, src.name, "--"}
	default:
		args = []string{"diff", "--name-only", "--no-renames", "--no-relative", "--no-ext-diff", "-z", base, "--"}
	}
	out, err := g.output(ctx, args...)
	if err != nil {
		return nil, err
	}
	names := splitNames(out)
	if src.kind == workTree {
		out, err := r.git.output(ctx, "ls-files", "--others", "--exclude-standard", "-z")
		if err != nil {
			return nil, err
		}
		names = append(names, splitNames(out)...)
	}
	return names, nil
}

// Info describes a commit.
type Info struct {
	Hash, Tree, Subject, Author string
	Parents                     []string
	When                        time.Time // it was committed
}

// Info reads a commit.
func (r *Repo) Info(ctx context.Context, rev string) (Info, error) {
	hash, err := r.Resolve(ctx, rev)
	if err != nil {
		return Info{}, err
	}
	if objects := r.objects(); objects != nil {
		if c, err := object.GetCommit(objects, plumbing.NewHash(hash)); err == nil {
			subject, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
			info := Info{Hash: hash, Tree: c.TreeHash.String(), Subject: subject, Author: c.Author.Name, When: c.Committer.When}
			for _, p := range c.ParentHashes {
				info.Parents = append(info.Parents, p.String())
			}
			return info, nil
		}
	}
	out, err := r.git.output(ctx, "log", "-1", "--no-show-signature", "--no-color", "--format=%H%x00%T%x00%P%x00%cI%x00%an%x00%s", hash, "--")
	if err != nil {
		return Info{}, err
	}
	fields := strings.SplitN(strings.TrimRight(string(out), "\n"), "\x00", 6)
	if len(fields) < 6 {
		return Info{}, &Error{Path: rev, Err: ErrNoRevision}
	}
	when, err := time.Parse(time.RFC3339, fields[3])
	if err != nil {
		when = firstCommit // a date that git does not understand
	}
	return Info{Hash: fields[0], Tree: fields[1], Parents: strings.Fields(fields[2]), When: when, Author: fields[4], Subject: fields[5]}, nil
}

// Between returns the commits that are in to and not in from, following first parents, oldest
// first.
func (r *Repo) Between(ctx context.Context, from, to string) ([]string, error) {
	out, err := r.git.output(ctx, "rev-list", "--first-parent", "--reverse", from+".."+to, "--")
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(out)), nil
}

// Unpushed returns the commit on which the commits that a remote lacks are based, by the last known
// state of the remote's branches, or "" if none exists. If the remote lacks none, it is tip
// itself.
func (r *Repo) Unpushed(ctx context.Context, tip, remote string) (string, error) {
	out, err := r.git.output(ctx, "rev-list", "--topo-order", "--reverse", "--parents", tip, "--not", "--glob=refs/remotes/"+remote+"/*")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(string(out), "\n")
	commits := strings.Fields(first) // the oldest of the new ones, and its parents
	switch len(commits) {
	case 0:
		return tip, nil
	case 1:
		return "", nil
	}
	return commits[1], nil
}

// Version returns git's version, as git prints it.
func (r *Repo) Version(ctx context.Context) (string, error) {
	out, err := r.git.line(ctx, "version")
	return strings.TrimPrefix(out, "git version "), err
}
