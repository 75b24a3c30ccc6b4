package repo

import (
	"context"
	"errors"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	gitconfig "github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// openObjects opens the repository with go-git, unless it is one that go-git cannot
// read: then, and for a hook that was handed a quarantine of objects, the git command
// serves. It uses go-git's storage alone: go-git's root package would do the same, and
// brings along every transport.
func (r *Repo) openObjects() *filesystem.Storage {
	for _, name := range []string{"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"} {
		if r.git.getenv(name) != "" {
			return nil
		}
	}
	storage := filesystem.NewStorageWithOptions(
		dotgit.NewRepositoryFilesystem(osfs.New(r.gitDir), osfs.New(r.commonDir)),
		cache.NewObjectLRUDefault(),
		filesystem.Options{AlternatesFS: osfs.New("/")},
	)
	if _, err := storage.Reference(plumbing.HEAD); errors.Is(err, plumbing.ErrReferenceNotFound) {
		return nil
	}
	if conf, err := storage.Config(); err != nil || !readable(conf) {
		return nil
	}
	return storage
}

// readable reports whether go-git reads a repository of this format as git does. Git
// bids every program refuse versions and extensions that it does not know, because they
// say that the data is not what it looks like: sha256, reftable, worktreeConfig. Go-git's
// storage reads on, and knows none of them.
func readable(conf *gitconfig.Config) bool {
	switch conf.Raw.Section("core").Option("repositoryFormatVersion") {
	case "", "0", "1":
		return len(conf.Raw.Section("extensions").Options) == 0
	}
	return false
}

// Resolve finds the commit that a revision names, as a full hash. An unknown
// revision wraps ErrNoRevision; HEAD before the first commit, ErrNoCommits.
func (r *Repo) Resolve(ctx context.Context, rev string) (string, error) {
	if hash, ok := r.ref(rev); ok {
		return hash, nil
	}
	if rev == "" || strings.HasPrefix(rev, "-") {
		return "", r.noRevision(rev)
	}
	hash, err := r.git.line(ctx, "rev-parse", "--quiet", "--verify", "--end-of-options", rev+"^{commit}")
	switch {
	case err == nil:
		return hash, nil
	case exitStatus(err) == 0:
		return "", err
	default:
		return "", r.noRevision(rev)
	}
}

func (r *Repo) noRevision(rev string) error {
	if rev == "HEAD" {
		return &Error{Path: r.Root(), Err: ErrNoCommits, Advice: "make a first commit"}
	}
	return &Error{Path: rev, Err: ErrNoRevision, Advice: "`git branch -a` and `git log` show what there is; a shallow clone may lack it: git fetch --unshallow"}
}

// ref resolves HEAD or the full name of a branch or remote branch by go-git.
func (r *Repo) ref(name string) (string, bool) {
	if name != "HEAD" && !strings.HasPrefix(name, "refs/heads/") && !strings.HasPrefix(name, "refs/remotes/") {
		return "", false
	}
	objects := r.objects()
	if objects == nil {
		return "", false
	}
	ref, err := storer.ResolveReference(objects, plumbing.ReferenceName(name))
	if err != nil || ref.Type() != plumbing.HashReference {
		return "", false
	}
	return ref.Hash().String(), true
}

// symbolic tells what a symbolic ref like HEAD points to, "" when it is none.
func (r *Repo) symbolic(ctx context.Context, name string) (string, error) {
	if objects := r.objects(); objects != nil {
		ref, err := objects.Reference(plumbing.ReferenceName(name))
		switch {
		case err == nil && ref.Type() == plumbing.SymbolicReference:
			return ref.Target().String(), nil
		case err == nil, errors.Is(err, plumbing.ErrReferenceNotFound):
			return "", nil
		}
	}
	target, err := r.git.line(ctx, "symbolic-ref", "--quiet", name)
	if exitStatus(err) != 0 {
		return "", nil
	}
	return target, err
}

// MergeBase finds the best common ancestor of two commits, "" when there is none.
func (r *Repo) MergeBase(ctx context.Context, a, b string) (string, error) {
	for _, rev := range []*string{&a, &b} {
		hash, err := r.Resolve(ctx, *rev)
		if err != nil {
			return "", err
		}
		*rev = hash
	}
	if a == b {
		return a, nil
	}
	base, err := r.git.line(ctx, "merge-base", a, b)
	if exitStatus(err) == 1 {
		return "", nil
	}
	return base, err
}
