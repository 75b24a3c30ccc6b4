package repo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTempDir(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.open()
	temp := r.git.getenv("TMPDIR")
	open := func() *TempDir {
		t.Helper()
		d, err := r.TempDir(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Dir(d.Dir) != temp || len(filepath.Base(d.Dir)) > 4 {
			t.Errorf("%s is not a short name in TMPDIR", d.Dir)
		}
		if left := snapshot(t, d.Dir); len(left) > 0 {
			t.Errorf("not empty: %v", left)
		}
		return d
	}
	leave := func(d *TempDir) { // as tests do
		t.Helper()
		f.in(d.Dir).write("ro/file", "")
		if err := os.Chmod(filepath.Join(d.Dir, "ro"), 0o500); err != nil {
			t.Fatal(err)
		}
	}
	shut := func(d *TempDir) {
		t.Helper()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}

	first, second := open(), open()
	if first.Dir == second.Dir {
		t.Error("two have the same directory")
	}
	leave(first)
	shut(first)
	if again := open(); again.Dir != first.Dir {
		t.Errorf("first %s, then %s", first.Dir, again.Dir)
	} else {
		leave(again)
		again.lock.Release() // like the system, if the run is killed
	}
	shut(open()) // removes what it left
	shut(second)
	if left := snapshot(t, temp); len(left) != 1 {
		t.Errorf("left: %v", left) // want only the private directory
	}

	// A directory of the user with such a name is left alone.
	f.in(first.Dir).write("mine", "")
	other := open()
	if other.Dir == first.Dir {
		t.Error("took a directory that was there")
	}
	shut(other)
	if got := snapshot(t, first.Dir); len(got) != 1 {
		t.Errorf("the user's directory: %v", got)
	}

	// GOTMPDIR is where go test puts such files.
	f.env = append(f.env, "GOTMPDIR="+t.TempDir())
	in, err := f.open().TempDir(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(in.Dir, f.env[len(f.env)-1][len("GOTMPDIR="):]) {
		t.Errorf("%s is not in GOTMPDIR", in.Dir)
	}
	shut(in)
}
