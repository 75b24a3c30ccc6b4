// Package lockfile has files that only one process at a time can hold.
package lockfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// ErrLocked says that another process holds the file.
var ErrLocked = errors.New("locked by another regreen")

// Wait takes the lock, waiting until it is free.
func Wait(ctx context.Context, name string) (*Lock, error) {
	const pause = 20 * time.Millisecond
	for {
		held, err := Try(name)
		if !errors.Is(err, ErrLocked) {
			return held, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ErrLocked, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// Name returns the name of the file.
func (l *Lock) Name() string { return l.file.Name() }

// Hold takes the lock, waiting until it is free, and holds it until release is called. It
// creates the file's directory.
func Hold(ctx context.Context, name string) (release func(), err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	held, err := Wait(ctx, name)
	if err != nil {
		return nil, err
	}
	return held.Release, nil
}

// Held reports whether a process holds a file.
func Held(name string) bool {
	if _, err := os.Lstat(name); err != nil {
		return false
	}
	held, err := Try(name)
	if err != nil {
		return errors.Is(err, ErrLocked)
	}
	held.Release()
	return false
}
