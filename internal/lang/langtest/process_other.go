//go:build !linux

package langtest

import "testing"

// ended checks nothing: only on Linux are stray processes found.
func (*tree) ended(*testing.T) {}
