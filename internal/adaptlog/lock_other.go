//go:build !unix

package adaptlog

// tryLock does not need a lock: these systems refuse to rename a file that another process
// has open, so two processes cannot rotate it at the same time. Package lockfile would be
// worse, because on these systems its locks outlive a crash.
func tryLock(string) (unlock func(), ok bool) { return func() {}, true }
