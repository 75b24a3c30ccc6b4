package repo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/lockfile"
)

// Workspace is a folder outside the repository for one tree. It belongs to one process
// at a time, until Close.
type Workspace struct {
	// Dir is the same from run to run where it can be, because go's build cache keys
	// on it.
	Dir string

	lock *lockfile.Lock
	keep bool // for the next run
}

// Workspace makes an empty workspace, and clears away what crashed runs left.
func (r *Repo) Workspace(ctx context.Context) (*Workspace, error) {
	base, err := privateDir(r.git.getenv("TMPDIR"))
	if err != nil {
		return nil, err
	}
	return numbered(ctx, filepath.Join(base, r.workspaceName()+"."))
}

// scratch makes an empty workspace for files that git reads and writes meanwhile, an
// index or new objects. The next one clears away what a run left that was killed.
func (r *Repo) scratch(ctx context.Context) (*Workspace, error) {
	base, err := privateDir(r.git.getenv("TMPDIR"))
	if err != nil {
		return nil, err
	}
	return numbered(ctx, filepath.Join(base, r.workspaceName()+"-git."))
}

// numbered makes the first workspace with the prefix that is free.
func numbered(ctx context.Context, prefix string) (*Workspace, error) {
	sweep(ctx, prefix)
	for n := 1; ; n++ {
		dir := prefix + strconv.Itoa(n)
		held, err := lockfile.Try(dir + lockSuffix)
		if errors.Is(err, lockfile.ErrLocked) {
			continue // another run's, or another of this one
		}
		w := &Workspace{Dir: dir, lock: held}
		if err == nil {
			err = w.empty()
		}
		if err != nil {
			return nil, workspaceError(dir, err)
		}
		return w, nil
	}
}

const workspaceNameLength = 16

// workspaceName begins the names of a worktree's workspaces.
func (r *Repo) workspaceName() string {
	sum := sha256.Sum256([]byte(r.root))
	return hex.EncodeToString(sum[:])[:workspaceNameLength]
}

func workspaceError(dir string, err error) error {
	return &Error{Path: dir, Err: err, Advice: "regreen exports trees there to test them; free some space there, or set TMPDIR to another folder"}
}

// empty makes the workspace an empty folder.
func (w *Workspace) empty() error {
	err := errors.Join(removeAll(w.Dir), removeAll(w.Dir+keptSuffix))
	if err == nil {
		err = errors.Join(os.Mkdir(w.Dir, 0o700), os.Mkdir(w.Dir+keptSuffix, 0o700))
	}
	if err != nil {
		w.lock.Release()
	}
	return err
}

// Close removes the workspace, unless it is kept.
func (w *Workspace) Close() error {
	if w.keep {
		now := time.Now()
		err := os.Chtimes(w.lock.Name(), now, now) // see sweepOld
		w.lock.Release()
		return err
	}
	return errors.Join(removeAll(w.Dir), removeAll(w.Dir+keptSuffix), w.lock.Remove())
}

// What lies beside a workspace. No name that git locks by itself may end as our locks do.
const (
	lockSuffix     = ".lock"
	keptSuffix     = ".kept"      // a folder of what is known of the tree that is kept in it
	tooLargeSuffix = ".too-large" // the tree does not fit into memory
)

// index is git's index of the tree that is kept in the workspace.
func (w *Workspace) index() string { return filepath.Join(w.Dir+keptSuffix, "index") }

// settings is a file with a hash of what decides how git writes files.
func (w *Workspace) settings() string { return filepath.Join(w.Dir+keptSuffix, "settings") }

// privateDir makes the folder below temp that holds the user's workspaces, and
// makes sure that it is the user's alone: anyone may have made it before.
func privateDir(temp string) (string, error) {
	if temp == "" {
		temp = os.TempDir()
	}
	dir := filepath.Join(temp, fmt.Sprintf("regreen-%d", os.Geteuid()))
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", &Error{Path: dir, Err: err, Advice: "set TMPDIR to a folder that can be written to"}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", &Error{Path: dir, Err: err}
	}
	if !info.IsDir() || !private(info) {
		return "", &Error{Path: dir, Err: ErrUnsafe, Advice: "someone else may have made it; remove it, or set TMPDIR to another folder"}
	}
	return dir, nil
}

// sweep removes the workspaces with the prefix that no process holds any more.
func sweep(ctx context.Context, prefix string) {
	names, err := filepath.Glob(prefix + "[0-9]*" + lockSuffix)
	if err != nil {
		return
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return
		}
		held, err := lockfile.Try(name)
		if err != nil {
			continue
		}
		dir := strings.TrimSuffix(name, lockSuffix)
		if errors.Join(removeAll(dir), removeAll(dir+keptSuffix)) == nil {
			held.Remove() //nolint:errcheck // the next run sweeps again
		} else {
			held.Release()
		}
	}
}

// removeAll is os.RemoveAll for trees with folders that forbid writing, like
// those of go's module cache, which a test may have made.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error { //nolint:errcheck // RemoveAll tells
		if err == nil && d.IsDir() {
			os.Chmod(name, 0o700) //nolint:errcheck // RemoveAll tells
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// CopyIndex copies the index that src means to a new file, so that it can be tested
// while the user goes on.
func (r *Repo) CopyIndex(src Source, to string) error { return copyIndex(r.indexFile(src), to) }
