//go:build !unix

package lockfile

import (
	"errors"
	"io/fs"
	"os"
)

// Lock is a file that exists while it is held. Where the system does not let go
// of it at the end of a process, a crashed one's lock has to be removed by hand.
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

// Release lets the lock go.
func (l *Lock) Release() { l.Remove() } //nolint:errcheck // nothing is lost

// Remove lets the lock go and removes its file.
func (l *Lock) Remove() error {
	l.file.Close()
	return os.Remove(l.file.Name())
}
