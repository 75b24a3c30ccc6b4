package repo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestWorkspace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.open()
	open := func() *Workspace {
		t.Helper()
		w, err := r.Workspace(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if left := snapshot(t, w.Dir); len(left) != 0 {
			t.Fatalf("not empty: %v", left)
		}
		return w
	}
	first := open()
	info, err := os.Stat(filepath.Dir(first.Dir))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	second := open()
	if second.Dir == first.Dir {
		t.Error("two have the same directory")
	}
	// Read-only leftovers of a test.
	if err := os.MkdirAll(filepath.Join(first.Dir, "ro/deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(first.Dir, "ro"), 0o500); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*Workspace{first, second} {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := snapshot(t, filepath.Dir(first.Dir)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	// Leftovers of a crashed run, of the stable and of a unique workspace.
	for _, dir := range []string{first.Dir, second.Dir} {
		if err := os.MkdirAll(filepath.Join(dir, "old"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+lockSuffix, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open()
	if again.Dir != first.Dir {
		t.Errorf("not stable: %s, then %s", first.Dir, again.Dir)
	}
	if _, err := os.Stat(second.Dir); !os.IsNotExist(err) {
		t.Error("the workspace of a crashed run still exists")
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestWorkspaceOfAnotherUser(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(dir string) error{
		"symlink": func(dir string) error { return os.Symlink(filepath.Dir(dir), dir) },
		"open":    func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777)) },
		"file":    func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
	} {
		f := newFixture(t)
		r := f.open()
		dir := filepath.Join(r.git.getenv("TMPDIR"), fmt.Sprintf("regreen-%d", os.Geteuid()))
		if err := make(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Workspace(t.Context()); !errors.Is(err, ErrUnsafe) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestKilledScratch checks that the temporary files of a killed run are removed when the next such
// files are needed.
func TestKilledScratch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("a.txt", "a\n")
	f.git("add", "a.txt")
	r := f.open()
	for name, do := range map[string]func() error{
		"tree hash": func() error { _, err := r.TreeHash(t.Context(), Index("")); return err },
		"export":    func() error { _, err := r.Export(t.Context(), Index(""), t.TempDir()); return err },
	} {
		killed, err := r.scratch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(killed.Dir, "index"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		killed.lock.Release() // like the system
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if left := snapshot(t, filepath.Dir(killed.Dir)); len(left) != 0 {
			t.Errorf("%s: left: %v", name, left)
		}
	}
}
