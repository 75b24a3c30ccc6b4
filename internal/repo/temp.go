package repo

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/regreen-ci/regreen/internal/lockfile"
)

// TempDir is a directory for the temporary files of tests. It belongs to one process, until Close.
//
// Its name is short, because tests make Unix sockets in such directories, whose paths may only have
// about a hundred bytes. It is the same from run to run if possible, because go test's cache knows
// which value of GOTMPDIR a test has read.
type TempDir struct {
	Dir  string
	lock *lockfile.Lock // in the private directory, where nobody else can take it
}

// The names of temporary directories: the prefix and two letters, of which the worktree decides
// where to begin.
const (
	tempPrefix  = "rg"
	tempLetters = "0123456789abcdefghijklmnopqrstuv"
	tempNames   = len(tempLetters) * len(tempLetters)
)

func tempName(i int) string {
	i %= tempNames
	n := len(tempLetters)
	return tempPrefix + tempLetters[i/n:i/n+1] + tempLetters[i%n:i%n+1]
}

// TempDir returns an empty temporary directory in GOTMPDIR or TMPDIR, and removes those of crashed
// runs.
func (r *Repo) TempDir(ctx context.Context) (*TempDir, error) {
	parent := r.git.getenv("GOTMPDIR")
	if parent == "" {
		parent = r.git.getenv("TMPDIR")
	}
	base, err := privateDir(parent)
	if err != nil {
		return nil, err
	}
	parent = filepath.Dir(base)
	sweepTemp(ctx, base)
	sum := sha256.Sum256([]byte(r.root))
	first := int(sum[0])<<8 | int(sum[1])
	for i := range tempNames {
		name := tempName(first + i)
		dir := filepath.Join(parent, name)
		if _, err := os.Lstat(dir); err == nil {
			continue // in use by another run, or by this one, or not ours
		}
		held, err := lockfile.Try(filepath.Join(base, name+lockSuffix))
		if errors.Is(err, lockfile.ErrLocked) {
			continue
		}
		if err != nil {
			return nil, workspaceError(dir, err)
		}
		err = os.Mkdir(dir, 0o700)
		if err == nil {
			return &TempDir{Dir: dir, lock: held}, nil
		}
		held.Remove() //nolint:errcheck // the next run sweeps again
		if !errors.Is(err, fs.ErrExist) {
			return nil, workspaceError(dir, err)
		}
	}
	return nil, workspaceError(parent, errors.New("all names of temporary directories are taken"))
}

// Close removes the directory.
func (t *TempDir) Close() error {
	if err := removeAll(t.Dir); err != nil {
		t.lock.Release() // the next run sweeps it
		return err
	}
	return t.lock.Remove()
}

// sweepTemp removes the temporary directories that no process holds.
func sweepTemp(ctx context.Context, base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		name, isLock := strings.CutSuffix(e.Name(), lockSuffix)
		if ctx.Err() != nil || !isLock || !strings.HasPrefix(name, tempPrefix) || len(name) != len(tempName(0)) {
			continue
		}
		if held, err := lockfile.Try(filepath.Join(base, e.Name())); err == nil {
			_ = (&TempDir{Dir: filepath.Join(filepath.Dir(base), name), lock: held}).Close()
		}
	}
}
