package lockfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "sub", "lock")
	if Held(name) {
		t.Error("Held reports a missing file as held")
	}
	release, err := Hold(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if !Held(name) {
		t.Error("Held does not report a held file")
	}
	if _, err := Try(name); !errors.Is(err, ErrLocked) {
		t.Errorf("Try on a held file: got error %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Wait(ctx, name); !errors.Is(err, ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait with a deadline: got error %v", err)
	}
	time.AfterFunc(50*time.Millisecond, release)
	second, err := Wait(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(name); !os.IsNotExist(err) {
		t.Error("Remove left the file")
	}
}
