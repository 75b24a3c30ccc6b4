package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestWriteWhole checks that a file has its new or its old content, and that no other file is
// left in its directory.
func TestWriteWhole(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	half := func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, full)
	}
	whole := func(w io.Writer) error {
		_, err := io.WriteString(w, "new")
		return err
	}
	for _, tt := range []struct {
		name  string
		old   string // "" when there is no file yet
		write func(io.Writer) error
		want  string
	}{
		{"new", "", whole, "new"},
		{"replaced", "old", whole, "new"},
		{"failed", "old", half, "old"},
		{"failed without an old file", "", half, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			target, file := filepath.Join(dir, "target"), filepath.Join(dir, "report.xml")
			left := 0
			if tt.old != "" { // a private file behind a link
				if err := errors.Join(os.WriteFile(target, []byte(tt.old), 0o600), os.Symlink("target", file)); err != nil {
					t.Skip(err)
				}
				left = 2
			} else if tt.want != "" {
				target, left = file, 1
			}
			if err := writeWhole(file, tt.write); (tt.want == "new") != (err == nil) || err != nil && !errors.Is(err, full) {
				t.Fatal(err)
			}
			got, _ := os.ReadFile(target)
			if string(got) != tt.want {
				t.Errorf("the content is %q, want %q", got, tt.want)
			}
			if info, err := os.Stat(target); tt.old != "" && (err != nil || info.Mode().Perm() != 0o600) {
				t.Errorf("got %v, %v", info, err)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != left {
				t.Errorf("got %v, %v", entries, err)
			}
		})
	}
}
