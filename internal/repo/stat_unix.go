//go:build unix

package repo

import (
	"time"

	"golang.org/x/sys/unix"
)

// statFile returns what an index has about a file, or nothing if it does not exist.
func statFile(name string) fileStat {
	var s unix.Stat_t
	if err := unix.Lstat(name, &s); err != nil {
		return fileStat{}
	}
	return fileStat{
		changed: time.Unix(s.Ctim.Unix()), modified: time.Unix(s.Mtim.Unix()),
		dev: uint32(s.Dev), ino: uint32(s.Ino), uid: s.Uid, gid: s.Gid, size: uint32(s.Size),
	}
}
