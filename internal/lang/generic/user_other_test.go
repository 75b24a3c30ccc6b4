//go:build !linux

package generic

import (
	"os"
	"testing"
)

// asNobody skips the test as root: only Linux has a file system user per thread.
func asNobody(t *testing.T, _ string) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
}
