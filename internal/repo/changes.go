package repo

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/regreen-ci/regreen/internal/patch"
)

// maxUntracked limits the size of an untracked file that Changes reads, in bytes. It reports a
// larger one as binary.
const maxUntracked = 4 << 20

// Changes returns the differences between a base revision and src, file by file in git's order. A
// rename is a deletion and a new file. Untracked files are new in WorkTree. Symlinks and
// submodules count as binary. An empty base means an empty tree: everything is new.
func (r *Repo) Changes(ctx context.Context, base string, src Source) ([]patch.File, error) {
	from, err := r.diffBase(ctx, base)
	if err != nil {
		return nil, err
	}
	// Explicit, so that no configuration changes the format.
	args := []string{
		"diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--no-relative", "--full-index",
		"--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0", "--diff-algorithm=histogram",
		"--submodule=short", "--ignore-submodules=dirty", "-O" + os.DevNull,
	}
	g := r.git
	switch src.kind {
	case index:
		if src.name != "" {
			g = g.with("GIT_INDEX_FILE=" + src.name)
		}
		args = append(args, "--cached", from, "--")
	case commit:
		to, err := r.Resolve(ctx, src.name)
		if err != nil {
			return nil, err
		}
		args = append(args, from, to, "--")
	default:
		args = append(args, from, "--")
	}
	out, err := g.output(ctx, args...)
	if err != nil {
		return nil, err
	}
	files, err := patch.Parse(out, patch.ParseOptions{Strip: 1})
	if err != nil {
		return nil, fmt.Errorf("git diff %s: %w", base, err)
	}
	for i, f := range files {
		if !isFile(f.OldMode) || !isFile(f.NewMode) {
			files[i].Binary, files[i].Hunks = true, nil
		}
	}
	if src.kind == workTree {
		untracked, err := r.untracked(ctx)
		if err != nil {
			return nil, err
		}
		files = append(files, untracked...)
	}
	return files, nil
}

func isFile(mode fs.FileMode) bool { return mode.Type() == 0 }

// diffBase returns what to compare with: a commit, or the empty tree.
func (r *Repo) diffBase(ctx context.Context, base string) (string, error) {
	if base != "" {
		return r.Resolve(ctx, base)
	}
	return r.git.line(ctx, "hash-object", "-t", "tree", os.DevNull)
}

// untracked returns the files that git would add, as new files.
func (r *Repo) untracked(ctx context.Context) ([]patch.File, error) {
	out, err := r.git.output(ctx, "ls-files", "--others", "--exclude-standard", "-z")
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(r.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files []patch.File
	for _, name := range splitNames(out) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		local := filepath.FromSlash(name)
		info, err := root.Lstat(local)
		if err != nil || info.IsDir() { // deleted, or another repository
			continue
		}
		f := patch.File{NewName: name, New: true, Binary: true}
		if info.Mode().IsRegular() && info.Size() <= maxUntracked {
			content, err := root.ReadFile(local)
			if err != nil {
				return nil, &Error{Path: filepath.Join(r.root, local), Err: err, Advice: "make it readable or add it to .gitignore"}
			}
			f = patch.Diff("", name, nil, content)
		}
		if f.NewMode = info.Mode() & (fs.ModeType | fs.ModePerm); isFile(f.NewMode) {
			f.NewMode = 0o644 | f.NewMode&0o100 | f.NewMode&0o100>>3 | f.NewMode&0o100>>6
		}
		files = append(files, f)
	}
	return files, nil
}
