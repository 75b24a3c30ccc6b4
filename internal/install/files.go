package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/regreen-ci/regreen/internal/githook"
)

// The hooks that shims replace are kept in a directory next to the hooks directory, under their own
// names: many a hook acts by its name, and finds files by paths that are relative to itself. Those
// above it are the same from there, and those next to it are links.
const besideSuffix = ".regreen"

// draft is the end of the names of files that are being written.
const draft = ".regreen-new"

// keptDir returns the directory of the hooks that are kept for a hooks directory.
func keptDir(dir string) string {
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
	}
	return dir + besideSuffix
}

func keptFile(dir string, name githook.Name) string { return filepath.Join(keptDir(dir), string(name)) }

// keep gives a hook a second name, so that it keeps running until something replaces the first.
// Where files cannot have two names, the hook moves.
func keep(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if same(from, to) {
		return nil // an earlier installation was interrupted
	}
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	err = os.Link(from, to)
	if info.Mode()&fs.ModeSymlink != 0 {
		if err == nil && same(from, to) {
			return nil
		}
		if err == nil { // of what the link points to, on macOS
			_ = os.Remove(to)
		}
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(from, to)
}

// move renames a file. It replaces what has the new name.
func move(from, to string) error {
	if same(from, to) { // rename(2) would keep both names
		return os.Remove(from)
	}
	return os.Rename(from, to)
}

// remove removes a file, which may be gone already.
func remove(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeFile writes a file as a whole or not at all.
func writeFile(file string, text []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	temporary := file + draft
	err := os.WriteFile(temporary, text, mode)
	if err == nil {
		err = os.Rename(temporary, file)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
}

// edit replaces the content of a file, and keeps its permissions.
func edit(file string, text []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if err := writeFile(file, text, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chmod(file, info.Mode().Perm()) // whatever the umask
}

// linkAll links entries of a hooks directory in the directory next to it. Not every account of
// Windows can make links.
func linkAll(dir, keptAt string, names []string) error {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if err := os.MkdirAll(keptAt, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		err := os.Symlink(filepath.Join("..", filepath.Base(dir), name), filepath.Join(keptAt, name))
		if err != nil && !errors.Is(err, fs.ErrExist) && runtime.GOOS != "windows" {
			return err
		}
	}
	return nil
}

// clearKept removes the directory next to a hooks directory if it has only these links, and files
// that are in the hooks directory too, as after an interrupted installation.
func clearKept(dir, keptAt string) {
	for _, sub := range []string{"old-hooks", "."} {
		entries, _ := os.ReadDir(filepath.Join(keptAt, sub))
		for _, e := range entries {
			name := filepath.Join(sub, e.Name())
			if file := filepath.Join(keptAt, name); linked(dir, file) || same(filepath.Join(dir, name), file) {
				_ = os.Remove(file)
			}
		}
		_ = os.Remove(filepath.Join(keptAt, sub))
	}
}

// linked reports whether a file next to a hooks directory is one of these links. A kept hook can be
// a link itself.
func linked(dir, file string) bool {
	if slices.Contains(githook.Names(), githook.Name(filepath.Base(file))) {
		return false
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	target, err := os.Readlink(file)
	return err == nil && target == filepath.Join("..", filepath.Base(dir), filepath.Base(file))
}
