//go:build !linux

package langtest

import "testing"

// ended checks nothing: processes are swept on Linux.
func (*tree) ended(*testing.T) {}
