//go:build unix

package repo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// place renames a staged file over its target, so that the tree has either the old or the new file
// at any time. It opens the target's directory through the root, so a symbolic link that replaces a
// directory meanwhile does not lead out. Between file systems, it copies the content to a file next
// to the target first.
func (x *transaction) place(i int, from, local string) error {
	parent, err := x.root.Open(filepath.Dir(local))
	if err != nil {
		return err
	}
	defer parent.Close()
	err = x.tree.at("place %d", i)
	if err == nil {
		err = unix.Renameat(unix.AT_FDCWD, from, int(parent.Fd()), filepath.Base(local))
	}
	if errors.Is(err, unix.EXDEV) {
		return x.placeViaSibling(i, from, local)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: local, Err: err}
	}
	return nil
}

// touch sets the modification time of a file, or of a symbolic link itself.
func (x *transaction) touch(local string, modified time.Time) error {
	parent, err := x.root.Open(filepath.Dir(local))
	if err != nil {
		return err
	}
	defer parent.Close()
	return touchAt(int(parent.Fd()), filepath.Base(local), modified)
}

// touchLink sets the modification time of a symbolic link itself.
func touchLink(name string, modified time.Time) error {
	return touchAt(unix.AT_FDCWD, name, modified)
}

func touchAt(dir int, name string, modified time.Time) error {
	at, err := unix.TimeToTimespec(modified)
	if err != nil {
		return err
	}
	err = unix.UtimesNanoAt(dir, name, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return &os.PathError{Op: "utimensat", Path: name, Err: err}
	}
	return nil
}

// private reports whether a directory belongs to this user and is closed to others.
func private(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
