package repo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/regreen-ci/regreen/internal/lockfile"
)

// Workspace is a directory outside the repository for one tree. It belongs to one process, until
// Close.
type Workspace struct {
	// Dir is the same from run to run if possible, because it is part of the keys of go's build
	// cache.
	Dir string
	// Gaps are what the tree lacks.
	Gaps []Gap

	outer   string      // the directory of the workspace: Dir, or above it
	levels  int         // how many directories Dir is below outer
	outside []reference // that the tree has

	lock *lockfile.Lock
	keep bool // for the next run
}

// Workspace returns an empty workspace, and removes those of crashed runs.
func (r *Repo) Workspace(ctx context.Context) (*Workspace, error) {
	base, err := privateDir(r.git.getenv("TMPDIR"))
	if err != nil {
		return nil, err
	}
	return numbered(ctx, filepath.Join(base, r.workspaceName()+"."))
}

// scratch returns an empty workspace for temporary files of git, an index or new objects. The next
// call removes what a killed run left.
func (r *Repo) scratch(ctx context.Context) (*Workspace, error) {
	base, err := privateDir(r.git.getenv("TMPDIR"))
	if err != nil {
		return nil, err
	}
	return numbered(ctx, filepath.Join(base, r.workspaceName()+"-git."))
}

// numbered returns the first free workspace with the prefix.
func numbered(ctx context.Context, prefix string) (*Workspace, error) {
	sweep(ctx, prefix)
	for n := 1; ; n++ {
		dir := prefix + strconv.Itoa(n)
		held, err := lockfile.Try(dir + lockSuffix)
		if errors.Is(err, lockfile.ErrLocked) {
			continue // in use by another run, or by this one
		}
		w := &Workspace{Dir: dir, outer: dir, lock: held}
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

// workspaceName returns the prefix of the names of a worktree's workspaces.
func (r *Repo) workspaceName() string {
	sum := sha256.Sum256([]byte(r.root))
	return hex.EncodeToString(sum[:])[:workspaceNameLength]
}

func workspaceError(dir string, err error) error {
	return &Error{Path: dir, Err: err, Advice: "regreen exports trees there to test them; free some space there, or set TMPDIR to another directory"}
}

// full returns the error with which no more files can be written, or nil. Git does not say why it
// could not write one.
func (w *Workspace) full() error {
	const size = 64 << 10
	probe := filepath.Join(w.aside(), "probe")
	defer os.Remove(probe)
	err := os.WriteFile(probe, make([]byte, size), 0o600)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return err
	}
	return nil
}

// empty makes the workspace an empty directory.
func (w *Workspace) empty() error {
	err := errors.Join(removeAll(w.outer), removeAll(w.aside()))
	if err == nil {
		err = errors.Join(os.Mkdir(w.outer, 0o700), os.MkdirAll(w.Dir, 0o700), os.Mkdir(w.aside(), 0o700))
	}
	if err != nil {
		w.lock.Release()
	}
	return err
}

// Close removes the workspace, unless it is kept for the next run.
func (w *Workspace) Close() error {
	if w.keep {
		now := time.Now()
		err := os.Chtimes(w.lock.Name(), now, now) // see sweepOld
		w.lock.Release()
		return err
	}
	return errors.Join(removeAll(w.outer), removeAll(w.aside()), w.lock.Remove())
}

// The suffixes of the files next to a workspace. No file that git locks itself may end like our
// locks.
const (
	lockSuffix     = ".lock"
	keptSuffix     = ".kept"      // a directory with data about the kept tree
	tooLargeSuffix = ".too-large" // the tree does not fit into memory
)

// aside returns a directory for data about the kept tree.
func (w *Workspace) aside() string { return w.outer + keptSuffix }

// placement returns the path of a file that says how many directories are around the kept tree.
func (w *Workspace) placement() string { return filepath.Join(w.aside(), "levels") }

// levelsBefore returns how many directories were around the kept tree, at least 1.
func (w *Workspace) levelsBefore() int {
	const most = 100
	b, err := os.ReadFile(w.placement())
	if err != nil {
		return 1
	}
	levels, err := strconv.Atoi(string(b))
	if err != nil || levels > most {
		return 1
	}
	return max(levels, 1)
}

// Mark returns a word that no other workspace has. That of a kept workspace stays the same.
func (w *Workspace) Mark() string {
	file := filepath.Join(w.aside(), "mark")
	if b, err := os.ReadFile(file); err == nil && len(b) == len(rand.Text()) {
		return string(b)
	}
	mark := rand.Text()
	_ = os.WriteFile(file, []byte(mark), 0o600) // or the next run has another
	return mark
}

// privateDir creates the directory below temp for the user's workspaces, and checks that it belongs
// to the user alone: anyone may have created it before.
func privateDir(temp string) (string, error) {
	if temp == "" {
		temp = os.TempDir()
	}
	dir := filepath.Join(temp, fmt.Sprintf("regreen-%d", os.Geteuid()))
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			err = fmt.Errorf("cannot make the temporary directory: %w", failed.Err)
		}
		return "", &Error{Path: dir, Err: err, Advice: "set TMPDIR, or GOTMPDIR if that is set, to a writable directory"}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", &Error{Path: dir, Err: err}
	}
	if !info.IsDir() || !private(info) {
		return "", &Error{Path: dir, Err: ErrUnsafe, Advice: "another user may have created it; remove it, or set TMPDIR to another directory"}
	}
	return dir, nil
}

// sweep removes the workspaces with the prefix that no process holds.
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

// removeAll is os.RemoveAll for trees with read-only directories, like those of go's module cache,
// which a test may have created.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error { //nolint:errcheck // RemoveAll reports it
		if err == nil && d.IsDir() {
			os.Chmod(name, 0o700) //nolint:errcheck // RemoveAll reports it
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// CopyIndex copies the index of src to a new file, so that the user can continue while its tree is
// tested.
func (r *Repo) CopyIndex(src Source, to string) error { return copyIndex(r.indexFile(src), to) }
