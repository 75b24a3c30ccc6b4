package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/gitdir"
	"github.com/regreen-ci/regreen/internal/patch"
)

// A change that goes into what is committed has two places: the index, and the working
// tree, which may hold edits that are not to be committed yet. It is written to both or
// to neither. The index is git's, which replaces it as a whole; so the order is
//
//	files are renamed into place, the index is written, the journal is removed
//
// and whoever finds the journal undoes the files unless the index has its entries.

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

// ErrPartial says that a commit takes only some paths: git then makes it from an index
// of its own, and what was written to that would be missing in the usual one.
var ErrPartial = errors.New("commit of only some paths")

// ErrUnstaged says that the working tree's version of a file has edits, not staged, in
// the place of a change.
var ErrUnstaged = errors.New("unstaged edits in the same place")

// Partial tells whether src is the index that git makes for `git commit PATH`.
func (r *Repo) Partial(src Source) bool {
	return src.kind == index && gitdir.Partial(r.indexFile(src))
}

// WriteStaged is Write for what is about to be committed: it changes the index that src
// means and the same places in the working tree, both or neither. Changes say how files
// are in an export of the index, whose hash was tree when they were worked out.
//
// It refuses with ErrEdited when the index is another by now, with ErrUnstaged when the
// working tree has other edits where a change belongs, with ErrPartial for an index that
// is made for one commit, and as Write does, with the same editable files. It gives the hash of the tree that the index
// then holds, and that nobody else has changed meanwhile.
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
	files, err := r.besides(changes)
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

// expected is the hash of the tree that an index will hold.
func (r *Repo) expected(ctx context.Context, src Source, staged *stagedIndex) (string, error) {
	scratch, err := r.scratch(ctx)
	if err != nil {
		return "", err
	}
	defer scratch.Close() //nolint:errcheck // the next one clears it away
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

// besides moves changes of the index's files to the working tree's versions of them,
// where edits that are not staged may be.
func (r *Repo) besides(changes []Change) ([]Change, error) {
	root, err := os.OpenRoot(r.Root())
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	out := make([]Change, 0, len(changes))
	for _, c := range changes {
		if !c.OldExists || !c.NewExists {
			return nil, &Error{Path: c.Path, Err: errors.New("files are not made or removed within a commit"), Advice: "nothing was written; apply the patch, then commit again"}
		}
		file, err := r.present(root, c.Path)
		switch {
		case err != nil:
			return nil, err
		case !file.exists:
			return nil, edited(c.Path)
		case isLink(file.mode), c.oldLink(), c.newLink():
			return nil, r.badPath(c.Path, errors.New("it is a symbolic link, which is not changed within a commit"))
		}
		now := file.content
		after := c.New
		switch {
		case bytes.Equal(now, c.New):
			return nil, &Error{Path: c.Path, Err: ErrUnstaged, Advice: "they are the same as the patch: git add the file"}
		case !bytes.Equal(now, c.Old):
			if after, err = patch.Merge(c.Old, now, c.New); err != nil {
				return nil, &Error{Path: c.Path, Err: ErrUnstaged, Advice: "stage them too, or apply the patch by hand"}
			}
			if bytes.Equal(after, now) {
				return nil, &Error{Path: c.Path, Err: ErrUnstaged, Advice: "the patch is among them: git add the file, or the part of it"}
			}
		}
		out = append(out, Change{Path: c.Path, Old: now, New: after, OldExists: true, NewExists: true})
	}
	return out, nil
}

// stagedBlobs writes what files become as blobs, in git's form for the repository, and
// finds their entries in the index.
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
		e, ok := entries[c.Path]
		if !ok || e.mode != "100644" && e.mode != "100755" {
			return nil, r.badPath(c.Path, errors.New("it is not an ordinary file of the index"))
		}
		var out bytes.Buffer
		if err := r.git.run(ctx, bytes.NewReader(c.New), &out, "hash-object", "-w", "--stdin", "--path="+c.Path); err != nil {
			return nil, err
		}
		x.Entries = append(x.Entries, stagedEntry{Path: c.Path, Mode: e.mode, Old: e.hash, New: strings.TrimSpace(out.String())})
	}
	return x, nil
}

// entries reads the entries of some paths from an index file.
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

// writeIndex puts the new entries into the index, all at once, in the place of the old.
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

// written tells whether the index has its new entries. One that is gone, as that of an
// aborted `git commit -a`, has not.
func (t *Tree) written(ctx context.Context, x *stagedIndex) bool {
	if _, err := os.Lstat(x.File); err != nil {
		return false
	}
	all, err := t.holds(ctx, x, func(e stagedEntry) string { return e.New })
	return err == nil && all
}

// holds tells whether the index has the blobs of one side.
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
