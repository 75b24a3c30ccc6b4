//go:build !unix

package lockfile

import (
	"errors"
	"io/fs"
	"os"
)

// Lock is a file that exists while it is held. After a crash, users must remove it by hand.
type Lock struct{ file *os.File }

// Try takes the lock or fails with ErrLocked.
func Try(name string) (*Lock, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, err
	}
	return &Lock{file}, nil
}

// Release releases the lock.
func (l *Lock) Release() { l.Remove() } //nolint:errcheck // nothing is lost

// Remove releases the lock and removes its file.
func (l *Lock) Remove() error {
	l.file.Close()
	return os.Remove(l.file.Name())
}
