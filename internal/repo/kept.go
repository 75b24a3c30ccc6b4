package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/regreen-ci/regreen/internal/lockfile"
)

// A hook exports a tree at every commit, and little changes from one commit to the next. So the
// export is kept, with a manifest. The next export, of whatever source, writes only what differs
// and removes what is no longer in the tree.

// Exported returns a workspace with the tree of src. Closing it keeps the tree for the next call,
// on a file system in memory if one has room. While another run has the kept workspace, Exported
// uses an empty one.
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
		if isFull(err) {
			_ = os.WriteFile(tooLarge, nil, 0o600)
		}
	}
	r.drop(memory) // memory is short
	return r.exportedIn(ctx, src, os.TempDir())
}

// isFull reports whether a file system has no room left.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || gitSays(err, "No space left")
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
		_ = (&Workspace{Dir: name, outer: name, lock: held}).Close()
	}
}

// exportedIn is Exported with the tree kept below a directory.
func (r *Repo) exportedIn(ctx context.Context, src Source, dir string) (*Workspace, error) {
	w, err := r.keptWorkspace(ctx, dir)
	if err != nil {
		return nil, err
	}
	if w == nil {
		if w, err = r.Workspace(ctx); err != nil {
			return nil, err
		}
		w.place(r.root, 1)
	} else {
		w.keep = true
	}
	if err := r.fill(ctx, w, src); err != nil {
		if full := w.full(); full != nil {
			err = workspaceError(w.outer, full)
		}
		w.keep = false
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// keptWorkspace returns the workspace that is kept for this worktree, or nil if another process has
// it.
func (r *Repo) keptWorkspace(ctx context.Context, dir string) (*Workspace, error) {
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
	w := &Workspace{Dir: dir, outer: dir, lock: held}
	if err != nil {
		return nil, workspaceError(dir, err)
	}
	w.place(r.root, w.levelsBefore())
	if _, err := os.Lstat(w.aside()); err == nil {
		return w, nil
	}
	if err := w.empty(); err != nil {
		return nil, workspaceError(dir, err)
	}
	return w, nil
}

// refresh makes the workspace hold the tree. If that fails with what is there, refresh starts from
// an empty workspace.
func (r *Repo) refresh(ctx context.Context, w *Workspace, src Source) (files []entry, err error) {
	if err = os.MkdirAll(w.Dir, 0o700); err == nil {
		files, w.Gaps, err = r.populate(ctx, src, w.Dir, w.aside())
		if err == nil || ctx.Err() != nil {
			return files, err
		}
	}
	if err := w.empty(); err != nil {
		return nil, workspaceError(w.outer, err)
	}
	files, w.Gaps, err = r.populate(ctx, src, w.Dir, w.aside())
	return files, err
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
				_ = (&Workspace{outer: strings.TrimSuffix(name, lockSuffix), lock: held}).Close()
			}
		}
	}
}
