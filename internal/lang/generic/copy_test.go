package generic

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// describe returns every file below a directory with its mode, time and content.
func describe(t *testing.T, root string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.Walk(root, func(name string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		switch {
		case info.IsDir():
			files[rel] = info.Mode().Type().String()
		case info.Mode()&os.ModeSymlink != 0:
			files[rel], err = os.Readlink(name)
		default:
			var content []byte
			content, err = os.ReadFile(name)
			files[rel] = info.Mode().String() + info.ModTime().String() + string(content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// same compares a copy with the tree, except for some files that both have.
func same(t *testing.T, tree, copied map[string]string, except ...string) {
	t.Helper()
	for _, name := range except {
		if _, ok := copied[name]; !ok {
			t.Errorf("%s is missing", name)
		}
		delete(tree, name)
		delete(copied, name)
	}
	for name, want := range tree {
		if copied[name] != want {
			t.Errorf("%s is %q, not %q", name, copied[name], want)
		}
		delete(copied, name)
	}
	for name := range copied {
		t.Errorf("%s was added", name)
	}
}

// newTree makes a tree with files, directories and links.
func newTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for name, mode := range map[string]os.FileMode{"a.txt": 0o644, "run.sh": 0o755, "sub/deep/b.txt": 0o600, "sub/fixed.txt": 0o444, "r.xml": 0o644} {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(name), mode), os.Chtimes(file, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"link": "sub/deep", "dangling": "nowhere", "outside": os.TempDir()} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func results(name string) bool { return name == "r.xml" }

func TestCopiesAreRestored(t *testing.T) {
	t.Parallel()
	root, temp := newTree(t), t.TempDir()
	c := testrun.NewCopies(root, "", func() string { return temp }, results)
	overlay := map[string][]byte{"a.txt": []byte("other"), "new/dir/c.txt": []byte("c"), "sub/deep/b.txt": nil}
	dir, leave, err := c.Enter(t.Context(), overlay)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.txt": "other", "new/dir/c.txt": "c"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); string(b) != want {
			t.Errorf("%s is %q, %v", name, b, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "sub/deep/b.txt")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the overlay did not remove a file: %v", err)
	}
	// A run may change anything.
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.WriteFile(path("run.sh"), []byte("run.SH"), 0o755), os.Chmod(path("sub/fixed.txt"), 0o600), os.Remove(path("dangling")),
		os.WriteFile(path("built.o"), nil, 0o644), os.Remove(path("link")), os.Mkdir(path("link"), 0o755), os.WriteFile(path("link/x"), nil, 0o644),
	); err != nil {
		t.Fatal(err)
	}
	leave()

	again, leave, err := c.Enter(t.Context(), map[string][]byte{"e.txt": nil})
	if err != nil || again != dir {
		t.Fatalf("another copy: %s, %v", again, err)
	}
	want := describe(t, root)
	delete(want, "r.xml") // copies have no results
	// Files that the overlay changed have a new time, so that builds see the change.
	for _, name := range []string{"a.txt", "sub/deep/b.txt"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || time.Since(info.ModTime()) > time.Minute {
			t.Errorf("%s still has its old time: %v", name, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, name)); string(b) != name && string(b) != filepath.ToSlash(name) {
			t.Errorf("%s is %q, %v", name, b, err)
		}
	}
	got := describe(t, dir)
	if _, ok := got["built.o"]; !ok {
		t.Error("a file that the run built is gone")
	}
	delete(got, "built.o")
	same(t, want, got, "a.txt", "sub/deep/b.txt")
	leave()
	c.Close()
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestOverlayStaysInside tries to write through links that lead out of the tree.
func TestOverlayStaysInside(t *testing.T) {
	t.Parallel()
	root, temp, victim := newTree(t), t.TempDir(), t.TempDir()
	if err := errors.Join(os.Symlink(victim, filepath.Join(root, "out")), os.Symlink(filepath.Join(victim, "f"), filepath.Join(root, "file"))); err != nil {
		t.Fatal(err)
	}
	c := testrun.NewCopies(root, "", func() string { return temp }, results)
	for _, name := range []string{"out/f", "link/f", "../f", "/f", "sub/../../f", ""} {
		if _, _, err := c.Enter(t.Context(), map[string][]byte{name: []byte("x")}); err == nil {
			t.Errorf("accepted an overlay with %q", name)
		}
	}
	_, leave, err := c.Enter(t.Context(), map[string][]byte{"file": []byte("x")}) // instead of the link
	if err != nil {
		t.Fatal(err)
	}
	leave()
	if left, err := os.ReadDir(victim); err != nil || len(left) > 0 {
		t.Errorf("written outside: %v, %v", left, err)
	}
}

func TestLinksIntoTheTreeFollowTheCopy(t *testing.T) {
	t.Parallel()
	root, temp := newTree(t), t.TempDir()
	if err := os.Symlink(filepath.Join(root, "sub"), filepath.Join(root, "absolute")); err != nil {
		t.Fatal(err)
	}
	c := testrun.NewCopies(root, "", func() string { return temp }, results)
	dir, leave, err := c.Enter(t.Context(), map[string][]byte{"a.txt": nil})
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	if target, err := os.Readlink(filepath.Join(dir, "absolute")); target != filepath.Join(dir, "sub") {
		t.Errorf("it leads to %s, %v", target, err)
	}
}

// TestCopiesEnd closes the copies while one is in use, and cancels Enter.
func TestCopiesEnd(t *testing.T) {
	t.Parallel()
	root, temp := newTree(t), t.TempDir()
	c := testrun.NewCopies(root, "", func() string { return temp }, results)
	_, leave, err := c.Enter(t.Context(), map[string][]byte{"a.txt": nil})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	leave()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Enter(ctx, map[string][]byte{"a.txt": nil}); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestResultLinksOutOfTree runs a command that writes links instead of results.
func TestResultLinksOutOfTree(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret.xml")
	if err := os.WriteFile(secret, []byte(`<testsuite><testcase name="secret"/></testsuite>`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, "", "ln -sf "+secret+" r.xml; ln -sf "+filepath.Dir(secret)+" out", "r.xml", "out/*.xml")
	s.refuse(t, "no results")
	s.refuse(t, "no results")
	if _, err := os.Stat(secret); err != nil {
		t.Error(err)
	}
}

// TestStaleResultsInReadOnlyDirectory has old results in a read-only directory.
func TestStaleResultsInReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	s := open(t, "-- out/r.xml --\n<testsuite/>\n", "true", "out/r.xml")
	if err := os.Chmod(filepath.Join(s.root, "out"), 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Join(s.root, "out"), 0o755)
	asNobody(t, s.root)
	_, err := s.removeResults(s.root)
	var notRun *testrun.NotRunError
	if !errors.As(err, &notRun) || notRun.Where != "out/r.xml" {
		t.Errorf("got error %v", err)
	}
}
