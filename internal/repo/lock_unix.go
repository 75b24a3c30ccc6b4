//go:build unix

package repo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// lock is a file that one process at a time holds; the system lets it go when
// the process ends, however it ends.
type lock struct{ file *os.File }

var errLocked = errors.New("locked by another regreen")

// tryLock takes the lock or fails with errLocked.
func tryLock(name string) (*lock, error) {
	for {
		file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			file.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, errLocked
			}
			return nil, &os.PathError{Op: "flock", Path: name, Err: err}
		}
		// Its holder may have removed the file between the two calls.
		held, err := file.Stat()
		if err == nil {
			var named fs.FileInfo
			if named, err = os.Lstat(name); err == nil && os.SameFile(held, named) {
				return &lock{file}, nil
			}
		}
		file.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// waitLock takes the lock as soon as it is free.
func waitLock(ctx context.Context, name string) (*lock, error) {
	const pause = 20 * time.Millisecond
	for {
		held, err := tryLock(name)
		if !errors.Is(err, errLocked) {
			return held, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(errLocked, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// release lets the lock go and leaves its file.
func (l *lock) release() { l.file.Close() }

// remove lets the lock go and removes its file.
func (l *lock) remove() error {
	err := os.Remove(l.file.Name())
	l.file.Close()
	return err
}

// private tells whether a folder is this user's and closed to others.
func private(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
