package generic

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// asNobody has the rest of the test use the file system as a user without privileges, who
// may enter the temporary folder: root, whom tests often run as, may write everywhere.
func asNobody(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534                                    // as Linux numbers it
	for _, name := range []string{dir, filepath.Dir(dir)} { // testing closes the upper one to others
		if err := os.Chown(name, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	if err := unix.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setfsuid(0); err == nil { // else the thread ends with the test
			runtime.UnlockOSThread()
		}
	})
}
