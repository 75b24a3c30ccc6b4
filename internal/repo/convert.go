package repo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
)

// Git converts files on the way to the disk and back: line endings, encodings, keywords, the filters
// of .gitattributes. A change to an exported file becomes a change to its blob by git's own
// conversion, so that the blob is the one that `git add` would have made. `git hash-object --path`
// is not enough: it does not look at the index, and so converts line endings that `git add` leaves
// alone because the index has them.

// blobsOf writes the new content of each file as a blob, and returns the hashes by path.
func (r *Repo) blobsOf(ctx context.Context, src Source, changes []Change, entries map[string]entry) (map[string]string, error) {
	old, err := r.converted(ctx, src, changes, entries, func(c Change) []byte { return c.Old }, false)
	if err != nil {
		return nil, err
	}
	blobs, err := r.converted(ctx, src, changes, entries, func(c Change) []byte { return c.New }, true)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if old[c.Path] == entries[c.Path].hash {
			continue
		}
		// `git add` would change more than the change does. Such a file counts as modified right after
		// its checkout, for example if it has CRLF in git although it has the attribute text.
		if blobs[c.Path], err = r.ontoBlob(ctx, src, c, entries[c.Path].hash); err != nil {
			return nil, err
		}
	}
	return blobs, nil
}

// converted has git add one side of the changes to a copy of the index, and returns the hashes of the
// blobs. The blobs are kept if they are to be used.
func (r *Repo) converted(ctx context.Context, src Source, changes []Change, entries map[string]entry, side func(Change) []byte, keep bool) (map[string]string, error) {
	scratch, err := r.scratch(ctx)
	if err != nil {
		return nil, err
	}
	defer scratch.Close() //nolint:errcheck // the next one removes it
	tree, file := filepath.Join(scratch.Dir, "tree"), filepath.Join(scratch.Dir, "index")
	if err := copyIndex(r.indexFile(src), file); err != nil {
		return nil, err
	}
	var names, fresh bytes.Buffer
	paths := make([]string, len(changes))
	for i, c := range changes {
		paths[i] = c.Path
		local := filepath.Join(tree, filepath.FromSlash(c.Path))
		if err := os.MkdirAll(filepath.Dir(local), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(local, side(c), 0o600); err != nil {
			return nil, err
		}
		e := entries[c.Path]
		fresh.WriteString(e.mode + " " + e.hash + "\t" + c.Path + "\x00")
		names.WriteString(c.Path + "\x00")
	}
	g := r.git.with("GIT_DIR="+r.gitDir, "GIT_WORK_TREE="+tree, "GIT_INDEX_FILE="+file)
	g.dir = tree
	g.config = []string{
		"core.safecrlf=false", // the user's `git add` was the time to ask
		"core.fsmonitor=false", "core.untrackedCache=false", "core.splitIndex=false", "core.sparseCheckout=false", "index.sparse=false",
	}
	if !keep {
		g = g.with(r.ownObjects(scratch.Dir)...)
	}
	// Entries without times and flags: git reads the files, even those that are assumed unchanged.
	if err := g.run(ctx, &fresh, nil, "update-index", "-z", "--index-info"); err != nil {
		return nil, err
	}
	if err := g.run(ctx, &names, nil, "update-index", "-z", "--stdin"); err != nil {
		return nil, err
	}
	now, err := r.entries(ctx, file, paths)
	if err != nil {
		return nil, err
	}
	hashes := make(map[string]string, len(now))
	for name, e := range now {
		hashes[name] = e.hash
	}
	return hashes, nil
}

// ontoBlob makes a change to a blob itself, and checks that a checkout of the new blob is what was
// tested.
func (r *Repo) ontoBlob(ctx context.Context, src Source, c Change, hash string) (string, error) {
	refused := func(err error) (string, error) {
		return "", &Error{Path: c.Path, Err: err, Advice: "nothing was written; `git add --renormalize` the file, or apply the patch by hand"}
	}
	g := r.git.with("GIT_INDEX_FILE=" + r.indexFile(src))
	blob, err := g.output(ctx, "cat-file", "blob", hash)
	if err != nil {
		return "", err
	}
	after, err := patch.MergeKeepingEndings(c.Old, blob, c.New)
	if err != nil {
		return refused(errors.New("git's filters change it in the lines of the patch"))
	}
	var out bytes.Buffer
	if err := g.run(ctx, bytes.NewReader(after), &out, "hash-object", "-w", "--stdin", "--no-filters"); err != nil {
		return "", err
	}
	made := strings.TrimSpace(out.String())
	checkout, err := g.output(ctx, "cat-file", "--filters", "--path="+c.Path, made)
	if err != nil {
		return "", err
	}
	if !bytes.Equal(checkout, c.New) {
		return refused(errors.New("git's filters do not give back what was tested"))
	}
	return made, nil
}
