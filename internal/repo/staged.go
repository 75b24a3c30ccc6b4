package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/regreen-ci/regreen/internal/gitdir"
	"github.com/regreen-ci/regreen/internal/patch"
)

// A change to what is about to be committed goes to two places: the index and the working tree,
// which may have edits that are not staged. It is written to both or to neither. Git replaces the
// index as a whole, so the order is
//
//	rename the files into place, write the index, remove the journal
//
// and whoever finds the journal undoes the files, unless the index has the new entries.

// stagedEntry is one file of the index before and after.
type stagedEntry struct {
	Path string `json:"path"`
	Mode string `json:"mode"`
	Old  string `json:"old"` // hashes of the blobs
	New  string `json:"new"`
}

// stagedIndex is the part of a transaction that is about an index.
type stagedIndex struct {
	File    string        `json:"file"`
	Entries []stagedEntry `json:"entries"`
}

// ErrPartial says that a commit is of only some paths. Git makes such a commit from a temporary
// index; a change to that would be missing from the usual one.
var ErrPartial = errors.New("commit of only some paths")

// ErrUnstaged says that the working tree's version of a file has unstaged edits in the place of a
// change.
var ErrUnstaged = errors.New("unstaged edits in the same place")

// Partial reports whether src is the index that git makes for `git commit PATH`.
func (r *Repo) Partial(src Source) bool {
	return src.kind == index && gitdir.Partial(r.indexFile(src))
}

// WriteStaged is Write for what is about to be committed: it writes the changes to the index of src
// and to the same places in the working tree, both or neither. The changes are relative to the
// files of the index when its tree was tree.
//
// It refuses with ErrEdited if the index has changed since, with ErrUnstaged if the working tree
// has other edits in the place of a change, with ErrPartial for the index of a single commit, and
// like Write. It returns the hash of the tree that the index then has, if nobody else changes it
// meanwhile.
func (r *Repo) WriteStaged(ctx context.Context, src Source, tree string, changes []Change, editable Editable) (string, error) {
	if err := r.permit(changes, editable); err != nil {
		return "", err
	}
	if r.Partial(src) {
		return "", &Error{Path: r.indexFile(src), Err: ErrPartial, Advice: "nothing was written; apply the patch, then commit again"}
	}
	if now, err := r.TreeHash(ctx, src); err != nil {
		return "", err
	} else if now != tree {
		return "", &Error{Path: "the index", Err: ErrEdited, Advice: "nothing was written; commit again"}
	}
	files, err := r.ontoWorkTree(changes)
	if err != nil {
		return "", err
	}
	staged, err := r.stagedBlobs(ctx, src, changes)
	if err != nil {
		return "", err
	}
	after, err := r.expected(ctx, src, staged)
	if err != nil {
		return "", err
	}
	return after, r.write(ctx, files, editable, staged)
}

// expected returns the hash of the tree that an index will have.
func (r *Repo) expected(ctx context.Context, src Source, staged *stagedIndex) (string, error) {
	scratch, err := r.scratch(ctx)
	if err != nil {
		return "", err
	}
	defer scratch.Close() //nolint:errcheck // the next one removes it
	copied := *staged
	copied.File = filepath.Join(scratch.Dir, "index")
	if err := r.CopyIndex(src, copied.File); err != nil {
		return "", err
	}
	if err := r.writeIndex(ctx, &copied); err != nil {
		return "", err
	}
	return r.TreeHash(ctx, Index(copied.File))
}

// ontoWorkTree returns the changes of the index's files as changes of the working tree's versions,
// which may have unstaged edits.
func (r *Repo) ontoWorkTree(changes []Change) ([]Change, error) {
	root, err := os.OpenRoot(r.Root())
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	out := make([]Change, 0, len(changes))
	for _, c := range changes {
		if !c.OldExists || !c.NewExists {
			return nil, &Error{Path: c.Path, Err: errors.New("cannot create or delete files during a commit"), Advice: "nothing was written; apply the patch, then commit again"}
		}
		file, err := r.present(root, c.Path)
		switch {
		case err != nil:
			return nil, err
		case !file.exists:
			return nil, edited(c.Path)
		case isLink(file.mode), c.oldLink(), c.newLink():
			return nil, r.badPath(c.Path, errors.New("it is a symbolic link, which cannot change during a commit"))
		}
		now := file.content
		after := c.New
		switch {
		case bytes.Equal(now, c.New):
			return nil, &Error{Path: c.Path, Err: ErrUnstaged, Advice: "they are the same as the patch: `git add` the file"}
		case !bytes.Equal(now, c.Old):
			if after, err = patch.MergeKeepingEndings(c.Old, now, c.New); err != nil {
				return nil, &Error{Path: c.Path, Err: ErrUnstaged, Advice: "stage them too, or apply the patch by hand"}
			}
			if bytes.Equal(after, now) {
				return nil, &Error{Path: c.Path, Err: ErrUnstaged, Advice: "they contain the patch: `git add` the file, or that part of it"}
			}
		}
		out = append(out, Change{Path: c.Path, Old: now, New: after, OldExists: true, NewExists: true})
	}
	return out, nil
}

// stagedBlobs writes the new content of the files as blobs, as git would, and finds their entries in
// the index.
func (r *Repo) stagedBlobs(ctx context.Context, src Source, changes []Change) (*stagedIndex, error) {
	x := &stagedIndex{File: r.indexFile(src)}
	paths := make([]string, len(changes))
	for i, c := range changes {
		paths[i] = c.Path
	}
	entries, err := r.entries(ctx, x.File, paths)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if e, ok := entries[c.Path]; !ok || e.mode != "100644" && e.mode != "100755" {
			return nil, r.badPath(c.Path, errors.New("it is not an ordinary file in the index"))
		}
	}
	blobs, err := r.blobsOf(ctx, src, changes, entries)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		e := entries[c.Path]
		x.Entries = append(x.Entries, stagedEntry{Path: c.Path, Mode: e.mode, Old: e.hash, New: blobs[c.Path]})
	}
	return x, nil
}

// entries returns the entries of some paths in an index file.
func (t *Tree) entries(ctx context.Context, file string, paths []string) (map[string]entry, error) {
	list, err := listEntries(ctx, t.git.with("GIT_INDEX_FILE="+file), paths...)
	if err != nil {
		return nil, err
	}
	out := make(map[string]entry, len(list))
	for _, e := range list {
		out[e.path] = e
	}
	return out, nil
}

// writeIndex replaces the old entries in the index with the new ones, atomically.
func (t *Tree) writeIndex(ctx context.Context, x *stagedIndex) error {
	old, err := t.holds(ctx, x, func(e stagedEntry) string { return e.Old })
	if err != nil {
		return err
	}
	if !old {
		return &Error{Path: "the index", Err: ErrEdited, Advice: "nothing was written; commit again"}
	}
	var in bytes.Buffer
	for _, e := range x.Entries {
		fmt.Fprintf(&in, "%s %s\t%s\x00", e.Mode, e.New, e.Path)
	}
	return t.git.with("GIT_INDEX_FILE="+x.File).run(ctx, &in, nil, "update-index", "-z", "--index-info")
}

// written reports whether the index has the new entries. An index that is gone, such as that of an
// aborted `git commit -a`, does not.
func (t *Tree) written(ctx context.Context, x *stagedIndex) bool {
	if _, err := os.Lstat(x.File); err != nil {
		return false
	}
	all, err := t.holds(ctx, x, func(e stagedEntry) string { return e.New })
	return err == nil && all
}

// holds reports whether the index has the blobs of one side.
func (t *Tree) holds(ctx context.Context, x *stagedIndex, side func(stagedEntry) string) (bool, error) {
	paths := make([]string, len(x.Entries))
	for i, e := range x.Entries {
		paths[i] = e.Path
	}
	now, err := t.entries(ctx, x.File, paths)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(x.Entries, func(e stagedEntry) bool { return now[e.Path].hash != side(e) }), nil
}
