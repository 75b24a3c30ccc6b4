//go:build unix

package adaptlog

import "github.com/regreen-ci/regreen/internal/lockfile"

// tryLock takes the lock that is the file at path. It never waits, so a process that is
// stopped while it holds the lock stops nobody else.
func tryLock(path string) (unlock func(), ok bool) {
	held, err := lockfile.Try(path)
	if err != nil {
		return nil, false
	}
	return held.Release, true
}
