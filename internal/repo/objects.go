package repo

import (
	"context"
	"strings"
)

// isPlain reports whether package gitdir reads what git would. If not, or if a hook was given
// a quarantine of objects, the git command reads.
func (r *Repo) isPlain() bool {
	for _, name := range []string{"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"} {
		if r.git.getenv(name) != "" {
			return false
		}
	}
	return r.Folders().Plain()
}

// Resolve returns the full hash of the commit that a revision names. The error wraps ErrNoRevision
// for an unknown revision and ErrNoCommits for HEAD before the first commit.
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
	return &Error{Path: rev, Err: ErrNoRevision, Advice: "`git branch -a` and `git log` list revisions; a shallow clone may lack it: git fetch --unshallow"}
}

// ref resolves HEAD or the full name of a branch or remote branch without git.
func (r *Repo) ref(name string) (string, bool) {
	if !r.plain() {
		return "", false
	}
	return r.Folders().Ref(name)
}

// symbolic returns what a symbolic ref like HEAD points to, "" if it is not symbolic.
func (r *Repo) symbolic(ctx context.Context, name string) (string, error) {
	if r.plain() {
		if target, ok := r.Folders().Symbolic(name); ok {
			return target, nil
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
