package repo

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// The free space, in bytes, that keeping trees in memory needs.
const (
	roomOnDisk   = 1 << 30 // of the file system
	roomInMemory = 2 << 30 // of the machine, without swapping
)

// memoryDir returns a directory on a file system in memory that allows running programs, as tests
// do.
func memoryDir() (string, bool) {
	const dir = "/dev/shm"
	var fs unix.Statfs_t
	ok := unix.Statfs(dir, &fs) == nil && fs.Type == unix.TMPFS_MAGIC && fs.Flags&(unix.ST_NOEXEC|unix.ST_RDONLY) == 0
	return dir, ok && unix.Access(dir, unix.W_OK) == nil
}

// hasRoom reports whether a directory in memory has room for a tree.
func hasRoom(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Bavail*uint64(fs.Bsize) >= roomOnDisk && availableMemory() >= roomInMemory
}

// availableMemory returns how much memory the kernel can give without swapping, in bytes.
func availableMemory() uint64 {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer file.Close()
	for in := bufio.NewScanner(file); in.Scan(); {
		if rest, ok := strings.CutPrefix(in.Text(), "MemAvailable:"); ok {
			var kib uint64
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				return kib << 10
			}
		}
	}
	return 0
}
