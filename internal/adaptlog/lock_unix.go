//go:build unix

package adaptlog

import (
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the lock that is the file at path. It never waits, so that a
// process that is stopped while it holds the lock stops nobody else; the system
// gives the lock back when its holder dies.
func tryLock(path string) (unlock func(), ok bool) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, false
	}
	return func() { file.Close() }, true
}
