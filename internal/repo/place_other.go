//go:build !unix

package repo

import "io/fs"

// place writes the target through a file beside it: without renameat there is no
// confined rename between two folders.
func (x *transaction) place(i int, from, local string) error {
	return x.placeBeside(i, from, local)
}

// private cannot be told from a file's mode here; the temporary folder is the
// user's own.
func private(fs.FileInfo) bool { return true }
