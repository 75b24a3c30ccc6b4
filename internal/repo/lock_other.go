//go:build !unix

package repo

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// lock is a file that exists while it is held. Where the system does not let go
// of it at the end of a process, a crashed one's lock has to be removed by hand.
type lock struct{ file *os.File }

var errLocked = errors.New("locked by another regreen")

func tryLock(name string) (*lock, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, errLocked
	}
	if err != nil {
		return nil, err
	}
	return &lock{file}, nil
}

func waitLock(ctx context.Context, name string) (*lock, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return tryLock(name)
}

func (l *lock) release() { l.remove() } //nolint:errcheck // nothing is lost

func (l *lock) remove() error {
	l.file.Close()
	return os.Remove(l.file.Name())
}

// private cannot be told from a file's mode here; the temporary folder is the
// user's own.
func private(fs.FileInfo) bool { return true }
