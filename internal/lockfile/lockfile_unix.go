//go:build unix

package lockfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Lock is a file that one process at a time can hold. The system releases it when the process
// ends, even by a crash.
type Lock struct{ file *os.File }

// Try takes the lock or fails with ErrLocked.
func Try(name string) (*Lock, error) {
	for {
		file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			file.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, ErrLocked
			}
			return nil, &os.PathError{Op: "flock", Path: name, Err: err}
		}
		// Its holder may have removed the file between the two calls.
		held, err := file.Stat()
		if err == nil {
			var named fs.FileInfo
			if named, err = os.Lstat(name); err == nil && os.SameFile(held, named) {
				return &Lock{file}, nil
			}
		}
		file.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// Release releases the lock and keeps its file.
func (l *Lock) Release() {
	// Closing the file does not release the lock while a process that is just being started has it,
	// too.
	syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN) //nolint:errcheck // closing does it at last
	l.file.Close()
}

// Remove releases the lock and removes its file.
func (l *Lock) Remove() error {
	err := os.Remove(l.file.Name())
	l.Release()
	return err
}
