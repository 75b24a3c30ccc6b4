//go:build !unix

package repo

import (
	"io/fs"
	"os"
)

// exactStamps says that a file with the same stamp has the same content. Here a program can set all
// that is in a stamp.
const exactStamps = false

// stampOf returns the stamp of a file, or of a symbolic link itself.
func stampOf(name string) (stamp, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return stamp{}, err
	}
	return newStamp(info), nil
}

// openStamp is stampOf for an open file.
func openStamp(f *os.File) (stamp, error) {
	info, err := f.Stat()
	if err != nil {
		return stamp{}, err
	}
	return newStamp(info), nil
}

func newStamp(info fs.FileInfo) stamp {
	at := stamp{perm: uint32(info.Mode().Perm()), size: info.Size(), modified: info.ModTime().UnixNano()}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		at.kind = kindFile
	case mode&fs.ModeSymlink != 0:
		at.kind = kindLink
	case mode.IsDir():
		at.kind = kindDir
	default:
		at.kind = kindOther
	}
	return at
}
