//go:build unix

package repo

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// exactStamps says that a file with the same stamp has the same content: no program can set the
// time of a change of its status, or which inode it has.
const exactStamps = true

// stampOf returns the stamp of a file, or of a symbolic link itself.
func stampOf(name string) (stamp, error) {
	var s unix.Stat_t
	if err := unix.Lstat(name, &s); err != nil {
		return stamp{}, &os.PathError{Op: "lstat", Path: name, Err: err}
	}
	return newStamp(&s), nil
}

// openStamp is stampOf for an open file.
func openStamp(f *os.File) (stamp, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return stamp{}, &os.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	return newStamp(&s), nil
}

func newStamp(s *unix.Stat_t) stamp {
	at := stamp{
		perm: uint32(s.Mode) & 0o777, size: int64(s.Size), inode: uint64(s.Ino),
		modified: time.Unix(s.Mtim.Unix()).UnixNano(), changed: time.Unix(s.Ctim.Unix()).UnixNano(),
	}
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		at.kind = kindFile
	case unix.S_IFLNK:
		at.kind = kindLink
	case unix.S_IFDIR:
		at.kind = kindDir
	default:
		at.kind = kindOther
	}
	return at
}
