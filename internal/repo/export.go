package repo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Export makes dir, which must exist, an export of the tree of src. Files get the content and
// executable bit of a checkout, or for WorkTree those that they have, and times that follow from
// the content. Submodules are as the tree names them. The export is a repository of its own.
// Export returns what is not on this machine.
//
// Export does not write to the index, the working tree or the objects. If ctx ends, it returns the
// error of ctx and leaves no process; dir may then be incomplete.
func (r *Repo) Export(ctx context.Context, src Source, dir string) ([]Gap, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	scratch, err := r.scratch(ctx)
	if err != nil {
		return nil, err
	}
	defer scratch.Close() //nolint:errcheck // the next one removes it
	_, gaps, err := r.populate(ctx, src, dir, scratch.Dir)
	return gaps, err
}

// entriesOf returns the files of a checkout of src, an index or a commit.
func (r *Repo) entriesOf(ctx context.Context, src Source) ([]entry, error) {
	if src.kind == commit {
		hash, err := r.Resolve(ctx, src.name)
		if err != nil {
			return nil, err
		}
		return treeEntries(ctx, r.git, hash)
	}
	g := r.git.with("GIT_INDEX_FILE=" + r.indexFile(src))
	entries, err := r.list(ctx, g)
	if err != nil {
		return nil, err
	}
	return r.withoutIntended(ctx, g, entries)
}

// checkout has git write entries into dir, with an index of its own. It includes what a sparse
// checkout leaves out. It returns the filters that fail.
func (r *Repo) checkout(ctx context.Context, entries []entry, dir, index string) (failed []string, err error) {
	for _, old := range []string{index, index + ".lock"} {
		if err := os.RemoveAll(old); err != nil {
			return nil, err
		}
	}
	g := r.git.with("GIT_DIR="+r.gitDir, "GIT_WORK_TREE="+dir).private(index).in(dir)
	g.config = append(g.config, "core.sparseCheckout=false")
	var in bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&in, "%s %s\t%s\x00", e.mode, e.hash, e.path)
	}
	if err := g.run(ctx, &in, nil, "update-index", "-z", "--index-info"); err != nil {
		return nil, err
	}
	// Without an index, git would check out nothing and report success.
	if _, err := os.Lstat(index); err != nil {
		return nil, err
	}
	_, failed, err = g.unfiltered(ctx, nil, "checkout-index", "--all", "--force", "--quiet")
	return failed, err
}

// withoutIntended returns the entries without the files of `git add --intent-to-add`, which are
// empty in the index but not part of the commit.
func (r *Repo) withoutIntended(ctx context.Context, g git, entries []entry) ([]entry, error) {
	const emptySHA1 = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
	const emptySHA256 = "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"
	args := []string{"diff-files", "--name-only", "--diff-filter=A", "-z", "--"}
	fixed := len(args)
	for _, e := range entries {
		if e.hash == emptySHA1 || e.hash == emptySHA256 {
			args = append(args, e.path)
		}
	}
	if len(args) == fixed {
		return entries, nil
	}
	const most = 1000 // names on one command line; above, list all
	if len(args) > most {
		args = args[:fixed-1]
	}
	out, err := g.output(ctx, args...)
	if err != nil {
		return nil, err
	}
	intended := splitNames(out)
	return slices.DeleteFunc(entries, func(e entry) bool { return slices.Contains(intended, e.path) }), nil
}

// splitNames splits the output of git with -z.
func splitNames(out []byte) []string {
	var names []string
	for _, name := range bytes.Split(out, []byte{0}) {
		if len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names
}
