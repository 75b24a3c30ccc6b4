//go:build !unix

package repo

import (
	"io/fs"
	"time"
)

// place writes the target through a file next to it: without renameat, no rename between two
// directories is confined.
func (x *transaction) place(i int, from, local string) error {
	return x.placeViaSibling(i, from, local)
}

// touch and touchLink do not change the time of a symbolic link, for which there is no portable
// way.
func (x *transaction) touch(string, time.Time) error { return nil }

func touchLink(string, time.Time) error { return nil }

// private returns true: the mode of a file does not say it here, and the temporary directory is the
// user's own.
func private(fs.FileInfo) bool { return true }
