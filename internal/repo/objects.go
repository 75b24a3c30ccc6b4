package repo

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	gitconfig "github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

func (r *Repo) openOnce() func() *filesystem.Storage { return sync.OnceValue(r.openObjects) }

// openObjects opens the repository with go-git. It returns nil where go-git cannot read it, or
// where git gave the hook a quarantine of objects; the git command then does the work. It uses
// go-git's storage alone, because go-git's root package brings along every transport.
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

// readable reports whether go-git reads a repository of this format like git. A program must
// refuse versions and extensions that it does not know, such as sha256, reftable and
// worktreeConfig, because they change what the data means. go-git's storage knows none of them
// and does not refuse them.
func readable(conf *gitconfig.Config) bool {
	switch conf.Raw.Section("core").Option("repositoryFormatVersion") {
	case "", "0", "1":
		return len(conf.Raw.Section("extensions").Options) == 0
	}
	return false
}

// Resolve returns the full hash of the commit that a revision names. The error wraps ErrNoRevision
// for an unknown revision and ErrNoCommits for HEAD before the first commit.
func (r *Repo) Resolve(ctx context.Context, rev string) (string, error) {
	if hash, ok := r.ref(rev); ok {
		return hash, nil
	}
	if r.isCommit(rev) {
		return rev, nil
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
	return &Error{Path: rev, Err: ErrNoRevision, Advice: "`git branch -a` and `git log` list revisions; a shallow clone may lack it: git fetch --unshallow"}
}

// ref resolves HEAD or the full name of a branch or remote branch with go-git.
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

// isCommit reports whether a text is the full hash of a commit that go-git finds.
func (r *Repo) isCommit(text string) bool {
	if !plumbing.IsHash(text) || strings.ToLower(text) != text {
		return false
	}
	objects := r.objects()
	if objects == nil {
		return false
	}
	_, err := objects.EncodedObject(plumbing.CommitObject, plumbing.NewHash(text))
	return err == nil
}

// symbolic returns what a symbolic ref like HEAD points to, or "" for any other ref.
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

// MergeBase returns the best common ancestor of two commits, or "".
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
