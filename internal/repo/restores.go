package repo

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Restores reports whether changes to src bring back the tree of a parent of the next commit, so that
// nothing is left of what the user changed or merges, and returns that parent, or "". The parents are
// HEAD and, in a merge, the commits that are being merged.
func (r *Repo) Restores(ctx context.Context, src Source, changes []Change) (rev string, err error) {
	if _, err := r.Resolve(ctx, "HEAD"); err != nil {
		return "", nil // there is no commit yet
	}
	revs := []string{"HEAD"}
	merged, err := os.ReadFile(filepath.Join(r.gitDir, "MERGE_HEAD"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	revs = append(revs, strings.Fields(string(merged))...)
	for _, rev := range revs {
		if same, err := r.restores(ctx, rev, src, changes); err != nil || same {
			return rev, err
		}
	}
	return "", nil
}

// restores reports whether src is the same as a revision after the changes.
func (r *Repo) restores(ctx context.Context, rev string, src Source, changes []Change) (bool, error) {
	names, err := r.ChangedNames(ctx, rev, src)
	if err != nil || len(names) == 0 {
		return false, err
	}
	left := make(map[string]bool, len(names))
	for _, name := range names {
		left[name] = true
	}
	for _, c := range changes {
		delete(left, c.Path)
	}
	if len(left) > 0 {
		return false, nil
	}
	for _, c := range changes {
		content, err := r.git.output(ctx, "cat-file", "--filters", rev+":"+c.Path)
		if err != nil && exitStatus(err) == 0 {
			return false, err
		}
		if exists := err == nil; exists != c.NewExists || !bytes.Equal(content, c.New) && exists {
			return false, nil
		}
	}
	return true, nil
}
