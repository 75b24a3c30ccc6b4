//go:build !unix

package repo

// place writes the target through a file beside it: without renameat there is no
// confined rename between two folders.
func (x *transaction) place(i int, from, local string) error {
	return x.placeBeside(i, from, local)
}
