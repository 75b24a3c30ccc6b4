package repo

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// nobody is the ID of a user without files, on Linux.
const nobody = 65534

// asNobody has the rest of the test use the file system as an unprivileged user, who owns the
// temporary directory and the files in it. Tests often run as root, who can write everywhere.
func asNobody(t *testing.T, dir string, files ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	for _, name := range append(files, dir, filepath.Dir(dir)) { // testing closes the parent to others
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
