package repo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/regreen-ci/regreen/internal/lockfile"
)

// A hook exports a tree at every commit, and little changes from one commit to the next. So the
// export of an index or a commit is kept, with git's index of it. The next export writes only what
// differs and removes what is no longer in the tree.

// Exported returns a workspace with the tree of src. Closing it keeps the tree of an index or a
// commit for the next call, on a file system in memory if one has room. While another run has the
// kept workspace, Exported uses an empty one.
func (r *Repo) Exported(ctx context.Context, src Source) (*Workspace, error) {
	if dir := r.git.getenv("TMPDIR"); dir != "" {
		return r.exportedIn(ctx, src, dir)
	}
	memory, ok := memoryDir()
	if !ok {
		return r.exportedIn(ctx, src, os.TempDir())
	}
	tooLarge := r.keptPath(memory) + tooLargeSuffix
	if _, err := os.Lstat(tooLarge); err != nil && hasRoom(memory) {
		w, err := r.exportedIn(ctx, src, memory)
		if err == nil || ctx.Err() != nil {
			return w, err
		}
		// The disk may work.
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || strings.Contains(err.Error(), "No space left") { // git's message
			_ = os.WriteFile(tooLarge, nil, 0o600)
		}
	}
	r.drop(memory) // memory is short
	return r.exportedIn(ctx, src, os.TempDir())
}

// keptPath returns where this worktree's tree is kept below a directory.
func (r *Repo) keptPath(dir string) string {
	return filepath.Join(dir, fmt.Sprintf("regreen-%d", os.Geteuid()), r.workspaceName())
}

// drop removes the tree that is kept below a directory, unless a run has it.
func (r *Repo) drop(dir string) {
	name := r.keptPath(dir)
	if _, err := os.Lstat(name + lockSuffix); err != nil {
		return
	}
	if held, err := lockfile.Try(name + lockSuffix); err == nil {
		_ = (&Workspace{Dir: name, lock: held}).Close()
	}
}

// exportedIn is Exported with the tree kept below a directory.
func (r *Repo) exportedIn(ctx context.Context, src Source, dir string) (*Workspace, error) {
	w, err := r.keptWorkspace(ctx, src, dir)
	if err != nil {
		return nil, err
	}
	if w == nil {
		if w, err = r.Workspace(ctx); err != nil {
			return nil, err
		}
		err = r.Export(ctx, src, w.Dir)
	} else if err = r.refresh(ctx, w, src); err == nil {
		w.keep = src.kind != workTree
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// keptWorkspace returns the workspace that is kept for this worktree, or nil if another process has
// it. It empties the workspace for a working tree.
func (r *Repo) keptWorkspace(ctx context.Context, src Source, dir string) (*Workspace, error) {
	base, err := privateDir(dir)
	if err != nil {
		return nil, err
	}
	sweepOld(ctx, base)
	dir = filepath.Join(base, r.workspaceName())
	held, err := lockfile.Try(dir + lockSuffix)
	if errors.Is(err, lockfile.ErrLocked) {
		return nil, nil
	}
	w := &Workspace{Dir: dir, lock: held}
	if err != nil {
		return nil, workspaceError(dir, err)
	}
	if _, err := os.Lstat(w.settings()); err == nil && src.kind != workTree {
		return w, nil
	}
	if err := w.empty(); err != nil {
		return nil, workspaceError(dir, err)
	}
	return w, nil
}

// refresh makes the workspace hold the tree. If the files there conflict with it, refresh starts
// from an empty workspace.
func (r *Repo) refresh(ctx context.Context, w *Workspace, src Source) error {
	if src.kind == workTree {
		return r.Export(ctx, src, w.Dir)
	}
	entries, err := r.wanted(ctx, src)
	if err != nil {
		return err
	}
	settings, err := r.checkoutSettings(ctx, entries)
	if err != nil {
		return err
	}
	if before, err := os.ReadFile(w.settings()); err == nil && string(before) == settings {
		err = prune(ctx, w.Dir, entries)
		if err == nil {
			err = r.checkout(ctx, entries, w.Dir, w.index())
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	if err := w.empty(); err != nil {
		return workspaceError(w.Dir, err)
	}
	if err := r.checkout(ctx, entries, w.Dir, w.index()); err != nil {
		return err
	}
	return os.WriteFile(w.settings(), []byte(settings), 0o600)
}

// checkoutSettings returns a hash of everything but the blob that decides how git writes a blob to
// a file: attributes, filters, line endings.
func (r *Repo) checkoutSettings(ctx context.Context, entries []entry) (string, error) {
	out, err := r.git.output(ctx, "config", "--list", "-z")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, kv := range splitNames(out) {
		name, _, _ := strings.Cut(kv, "\n")
		for _, about := range []string{"core.autocrlf", "core.eol", "core.symlinks", "core.filemode", "core.attributesfile", "filter."} {
			if strings.HasPrefix(name, about) {
				fmt.Fprintf(h, "%s\x00", kv)
			}
		}
	}
	for _, e := range entries {
		if path.Base(e.path) == ".gitattributes" {
			fmt.Fprintf(h, "%s %s\x00", e.hash, e.path)
		}
	}
	if b, err := os.ReadFile(filepath.Join(r.commonDir, "info", "attributes")); err == nil {
		_, _ = h.Write(b)
	}
	_, _ = io.WriteString(h, "1") // the version of the workspace format
	return hex.EncodeToString(h.Sum(nil)), nil
}

// prune removes from a workspace what tests left there and what is no longer in the tree. It also
// removes submodules, which are copied again.
func prune(ctx context.Context, dir string, entries []entry) error {
	keep := map[string]bool{".": true}
	for _, e := range entries {
		if e.mode == moduleMode {
			continue
		}
		keep[e.path] = true
		for up := path.Dir(e.path); !keep[up]; up = path.Dir(up) {
			keep[up] = true
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case keep[name]:
			return nil
		case !d.IsDir():
			return root.Remove(filepath.FromSlash(name))
		}
		if err := root.RemoveAll(filepath.FromSlash(name)); err != nil {
			return err
		}
		return fs.SkipDir
	})
}

// Forget removes the tree that is kept for this worktree.
func (r *Repo) Forget() {
	dirs := []string{os.TempDir()}
	if dir := r.git.getenv("TMPDIR"); dir != "" {
		dirs = []string{dir}
	} else if memory, ok := memoryDir(); ok {
		dirs = append(dirs, memory)
	}
	for _, dir := range dirs {
		r.drop(dir)
		_ = os.Remove(r.keptPath(dir) + tooLargeSuffix)
	}
}

// keepFor is how long an unused tree is kept.
const keepFor = 7 * 24 * time.Hour

// sweepOld removes the trees of worktrees that were not tested for a long time.
func sweepOld(ctx context.Context, base string) {
	for _, suffix := range []string{lockSuffix, tooLargeSuffix} {
		names, err := filepath.Glob(filepath.Join(base, strings.Repeat("[0-9a-f]", workspaceNameLength)+suffix))
		if err != nil {
			return
		}
		for _, name := range names {
			info, err := os.Lstat(name)
			if err != nil || ctx.Err() != nil || time.Since(info.ModTime()) < keepFor {
				continue
			}
			if suffix == tooLargeSuffix {
				_ = os.Remove(name)
			} else if held, err := lockfile.Try(name); err == nil {
				_ = (&Workspace{Dir: strings.TrimSuffix(name, lockSuffix), lock: held}).Close()
			}
		}
	}
}
