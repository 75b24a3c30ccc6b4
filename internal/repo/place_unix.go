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

// place renames a staged file over its target, so that the tree never shows
// anything but the old and the new. The target's folder is opened through the
// root: a symbolic link slipped in meanwhile does not lead out. Between file
// systems the content goes through a file beside the target.
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
		return x.placeBeside(i, from, local)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: local, Err: err}
	}
	return nil
}

// touch sets the modification time of what has the name, a symbolic link itself.
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

// private tells whether a folder is this user's and closed to others.
func private(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
