package learn_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/regreen-ci/regreen/internal/learn"
)

// TestReadOnlyDirectory also works for root: it uses the store on a thread that has given
// up root's permission to write everywhere.
func TestReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "learn.db")
	if err := open(t, path).Record(t.Context(), one("1")); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Chmod(p, 0o444); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755) // so that TempDir can remove it

	errs := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked, so the thread ends with the goroutine
		if os.Geteuid() == 0 {
			if err := unix.Setfsuid(65534); err != nil {
				errs <- err
				return
			}
		}
		store := open(t, path)
		errs <- store.Record(t.Context(), one("2"))
		fresh := filepath.Join(dir, "below", "learn.db")
		errs <- open(t, fresh).Record(t.Context(), one("2"))
	}()
	wantError(t, <-errs, learn.ErrDenied, path)
	wantError(t, <-errs, learn.ErrDenied, filepath.Join(dir, "below", "learn.db"))
}
