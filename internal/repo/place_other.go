//go:build !unix

package repo

import (
	"io/fs"
	"time"
)

// place writes the target through a file beside it: without renameat there is no
// confined rename between two folders.
func (x *transaction) place(i int, from, local string) error {
	return x.placeBeside(i, from, local)
}

// touch and touchLink leave a symbolic link the time at which it was made: there is
// no portable way to set it.
func (x *transaction) touch(string, time.Time) error { return nil }

func touchLink(string, time.Time) error { return nil }

// private cannot be told from a file's mode here; the temporary folder is the
// user's own.
func private(fs.FileInfo) bool { return true }
