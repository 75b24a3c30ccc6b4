package generic

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// asNobody makes the rest of the test use the file system as an unprivileged user who may
// enter the temporary directory. Tests often run as root, who may write everywhere.
func asNobody(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534                                    // the user ID on Linux
	for _, name := range []string{dir, filepath.Dir(dir)} { // others may not enter the outer one
		if err := os.Chown(name, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	if err := unix.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setfsuid(0); err == nil { // otherwise the thread ends with the test
			runtime.UnlockOSThread()
		}
	})
}
