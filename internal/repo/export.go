package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Export writes the tree of src to dir, which must exist and should be empty. Files get the content
// and executable bit of a checkout, or for WorkTree those that they have. Submodules are copied
// from the working tree. An export has no .git.
//
// Export does not write to the index, the working tree or the objects. If ctx ends, it returns the
// error of ctx and leaves no process; dir may then be incomplete.
func (r *Repo) Export(ctx context.Context, src Source, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if src.kind == workTree {
		return r.exportWorkTree(ctx, dir)
	}
	scratch, err := r.scratch(ctx)
	if err != nil {
		return err
	}
	defer scratch.Close() //nolint:errcheck // the next one removes it
	entries, err := r.wanted(ctx, src)
	if err != nil {
		return err
	}
	return r.checkout(ctx, entries, dir, filepath.Join(scratch.Dir, "index"))
}

// wanted returns the files of a checkout of src, an index or a commit.
func (r *Repo) wanted(ctx context.Context, src Source) ([]entry, error) {
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

// checkout makes dir a checkout of entries. Its own index remembers what dir already has, so files
// that are up to date are not written again. It includes what a sparse checkout leaves out.
func (r *Repo) checkout(ctx context.Context, entries []entry, dir, index string) error {
	g := r.git.with("GIT_DIR="+r.gitDir, "GIT_WORK_TREE="+dir, "GIT_INDEX_FILE="+index)
	g.dir = dir
	// No hook, no daemon and no other form of index.
	g.config = []string{
		"core.hooksPath=" + os.DevNull, "core.fsmonitor=false", "core.untrackedCache=false", "core.splitIndex=false", "core.sparseCheckout=false", "index.sparse=false",
	}
	there := make(map[string]entry)
	if _, err := os.Lstat(index); err == nil {
		list, err := listEntries(ctx, g)
		if err != nil {
			return err
		}
		for _, e := range list {
			there[e.path] = e
		}
	}
	var in bytes.Buffer
	var modules []string
	for _, e := range entries {
		if there[e.path] != e {
			fmt.Fprintf(&in, "%s %s\t%s\x00", e.mode, e.hash, e.path)
		}
		delete(there, e.path)
		if e.mode == moduleMode {
			modules = append(modules, e.path)
		}
	}
	for name, e := range there {
		fmt.Fprintf(&in, "0 %s\t%s\x00", e.hash, name)
	}
	if in.Len() > 0 {
		if err := g.run(ctx, &in, nil, "update-index", "-z", "--index-info"); err != nil {
			return err
		}
	}
	if len(entries) > 0 {
		// Without an index, git would check out nothing and report success.
		if _, err := os.Lstat(index); err != nil {
			return err
		}
		if err := g.run(ctx, nil, nil, "checkout-index", "--all", "--force", "--index", "--quiet"); err != nil {
			return err
		}
	}
	return r.copyFiles(ctx, modules, dir)
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

// exportWorkTree copies the files that git tracks or would add.
func (r *Repo) exportWorkTree(ctx context.Context, dir string) error {
	out, err := r.git.output(ctx, "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "-z")
	if err != nil {
		return err
	}
	var names []string
	for _, name := range splitNames(out) {
		if !strings.HasSuffix(name, "/") { // an untracked repository inside this one
			names = append(names, name)
		}
	}
	if err := r.copyFiles(ctx, names, dir); err != nil {
		return err
	}
	return r.exportSkipped(ctx, dir)
}

// exportSkipped writes the files that a sparse checkout leaves out of the working tree.
func (r *Repo) exportSkipped(ctx context.Context, dir string) error {
	sparse, err := r.git.line(ctx, "config", "--type=bool", "--get", "core.sparseCheckout")
	if err != nil || sparse != "true" { // git also fails if it is not set
		return ctx.Err()
	}
	out, err := r.git.output(ctx, "ls-files", "--cached", "-t", "-z")
	if err != nil {
		return err
	}
	var skipped bytes.Buffer
	for _, line := range splitNames(out) {
		if name, ok := strings.CutPrefix(line, "S "); ok {
			skipped.WriteString(name + "\x00")
		}
	}
	if skipped.Len() == 0 {
		return nil
	}
	return r.git.run(ctx, &skipped, nil, "checkout-index", "--quiet", "--ignore-skip-worktree-bits", "--prefix="+filepath.ToSlash(dir)+"/", "-z", "--stdin")
}

// copyFiles copies files, symlinks and whole submodules from the working tree. It skips files that
// do not exist or are behind a symlink. It copies symlinks and never follows them, on both sides.
func (r *Repo) copyFiles(ctx context.Context, names []string, dir string) error {
	if len(names) == 0 {
		return nil
	}
	from, err := os.OpenRoot(r.root)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer to.Close()
	c := copier{from: from, to: to, dirs: map[string]bool{".": true}, buf: make([]byte, 128<<10)}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.copy(ctx, name); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &Error{Path: filepath.Join(r.root, filepath.FromSlash(name)), Err: err, Advice: "regreen reads every file that git would add; make it readable or add it to .gitignore"}
		}
	}
	return nil
}

type copier struct {
	from, to *os.Root
	dirs     map[string]bool // seen so far: true for real directories, which exist in to
	buf      []byte
}

func (c *copier) copy(ctx context.Context, name string) error {
	if !c.folder(path.Dir(name)) {
		return nil
	}
	local := filepath.FromSlash(name)
	info, err := c.from.Lstat(local)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return c.module(ctx, name)
	case mode&fs.ModeSymlink != 0:
		target, err := c.from.Readlink(local)
		if err != nil {
			return err
		}
		return c.to.Symlink(target, local)
	case mode.IsRegular():
		return c.file(local, mode.Perm())
	default: // sockets and pipes have no content
		return nil
	}
}

// folder creates dir in the copy if it is a directory, not a symlink to one, in the original.
func (c *copier) folder(dir string) bool {
	real, known := c.dirs[dir]
	if known {
		return real
	}
	if c.folder(path.Dir(dir)) {
		info, err := c.from.Lstat(filepath.FromSlash(dir))
		real = err == nil && info.IsDir()
		if real {
			err := c.to.Mkdir(filepath.FromSlash(dir), 0o755)
			real = err == nil || errors.Is(err, fs.ErrExist)
		}
	}
	c.dirs[dir] = real
	return real
}

// module copies a submodule without its git data.
func (c *copier) module(ctx context.Context, name string) error {
	return fs.WalkDir(c.from.FS(), name, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case strings.EqualFold(d.Name(), ".git"):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			c.folder(file)
			return nil
		default:
			return c.copy(ctx, file)
		}
	})
}

func (c *copier) file(local string, perm fs.FileMode) error {
	in, err := c.from.Open(local)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := c.to.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm|0o600)
	if err != nil {
		return err
	}
	// The kernel copies if the file has ReadFrom; otherwise this uses the buffer.
	if _, err := io.CopyBuffer(out, in, c.buf); err != nil {
		out.Close()
		return fmt.Errorf("copy: %w", err)
	}
	return out.Close()
}
