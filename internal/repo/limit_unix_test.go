//go:build unix

package repo

import (
	"os/signal"
	"syscall"
)

// limitFileSize makes writes beyond so many bytes of a file fail with EFBIG in this process.
func limitFileSize(bytes uint64) error {
	signal.Ignore(syscall.SIGXFSZ)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: bytes})
}
