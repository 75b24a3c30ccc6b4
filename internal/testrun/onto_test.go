package testrun

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// listing describes everything below a directory.
func listing(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		line := rel + " " + info.Mode().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(name)
			line += " -> " + target
		case !d.IsDir():
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			line += " " + info.ModTime().Format(time.RFC3339Nano) + " " + string(b)
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// WriteOnto changes a tree, and undo leaves it as it was: contents, modes, times, links.
func TestWriteOnto(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for name, mode := range map[string]fs.FileMode{"a.txt": 0o644, "dir/run.sh": 0o755, "gone.txt": 0o444} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("was "+name), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(outside, filepath.Join(root, "hard")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(root, "away")); err != nil {
		t.Fatal(err)
	}
	before := listing(t, root)
	files := map[string][]byte{
		"a.txt": []byte("is a"), "dir/run.sh": []byte("is run"), "gone.txt": nil, "link": []byte("no link"), "hard": []byte("other"),
		"new/deep/n.txt": []byte("new"), "none.txt": nil,
	}
	undo, err := WriteOnto(root, files, true)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		b, err := os.ReadFile(filepath.Join(root, name))
		if string(b) != string(content) || (err == nil) != (content != nil) {
			t.Errorf("%s: got %q, %v", name, b, err)
		}
	}
	if info, err := os.Stat(filepath.Join(root, "dir/run.sh")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("got %v, %v", info, err)
	}
	// What tests do meanwhile does not stop undo.
	if err := os.RemoveAll(filepath.Join(root, "dir")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "new/deep/left"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := undo(); err != nil {
		t.Fatal(err)
	}
	if after := listing(t, root); !slices.Equal(before, after) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	if b, _ := os.ReadFile(outside); string(b) != "outside" {
		t.Errorf("a file outside is now %q", b)
	}

	// One bad name, and nothing changes.
	for _, name := range []string{"../x", "away/x", "dir"} {
		if undo, err := WriteOnto(root, map[string][]byte{"a.txt": []byte("x"), name: []byte("x")}, true); err == nil {
			t.Errorf("%s was written", name)
			_ = undo()
		}
		if after := listing(t, root); !slices.Equal(before, after) {
			t.Errorf("%s: got\n%s", name, strings.Join(after, "\n"))
		}
	}
}
