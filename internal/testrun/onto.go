package testrun

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// WriteOnto writes files into the tree at root, removes those without content, and returns a
// function that puts everything back as it was. Files have their times again if keepTimes is set,
// and otherwise new ones, so that builds by time pick them up. After an error nothing has changed.
func WriteOnto(root string, files map[string][]byte, keepTimes bool) (undo func() error, err error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	w := &writtenOnto{root: dir, keepTimes: keepTimes}
	for name, content := range files {
		if err := w.write(name, content); err != nil {
			return nil, errors.Join(err, w.undo())
		}
	}
	return w.undo, nil
}

// writtenOnto is what WriteOnto changed, in this order.
type writtenOnto struct {
	root      *os.Root
	keepTimes bool
	dirs      []string // that were made
	files     []fileBefore
}

// fileBefore is a file as it was.
type fileBefore struct {
	name    string
	exists  bool
	content []byte
	link    string // the target of a symbolic link
	mode    fs.FileMode
	time    time.Time
}

func (w *writtenOnto) write(name string, content []byte) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("overlay: %q is not inside the tree", name)
	}
	name = path.Clean(filepath.ToSlash(name))
	if err := noLinks(w.root, path.Dir(name)); err != nil {
		return err
	}
	before, err := w.before(name)
	if err != nil {
		return err
	}
	for dir := path.Dir(name); content != nil && !before.exists && dir != "."; dir = path.Dir(dir) {
		if _, err := w.root.Lstat(filepath.FromSlash(dir)); err == nil {
			break
		}
		w.dirs = append(w.dirs, dir)
	}
	w.files = append(w.files, before)
	// Replace the file rather than write to it: it may be linked from elsewhere.
	if before.exists {
		if err := w.root.Remove(filepath.FromSlash(name)); err != nil {
			return err
		}
	}
	if content == nil {
		return nil
	}
	mode := fs.FileMode(0o644)
	if before.exists && before.link == "" {
		mode = before.mode.Perm()
	}
	if err := w.root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
		return err
	}
	return w.root.WriteFile(filepath.FromSlash(name), content, mode|0o200)
}

// before reads a file before it changes.
func (w *writtenOnto) before(name string) (f fileBefore, err error) {
	local := filepath.FromSlash(name)
	f.name = name
	info, err := w.root.Lstat(local)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.exists, f.mode, f.time = true, info.Mode(), info.ModTime()
	switch {
	case f.mode&fs.ModeSymlink != 0:
		f.link, err = w.root.Readlink(local)
	case f.mode.IsRegular():
		f.content, err = w.root.ReadFile(local)
	default:
		err = fmt.Errorf("%s is not a file", name)
	}
	return f, err
}

// undo puts back what was there.
func (w *writtenOnto) undo() error {
	defer w.root.Close()
	var all error
	for _, f := range w.files {
		all = errors.Join(all, w.putBack(f))
	}
	for _, dir := range w.dirs {
		all = errors.Join(all, w.root.RemoveAll(filepath.FromSlash(dir)))
	}
	return all
}

func (w *writtenOnto) putBack(f fileBefore) error {
	local := filepath.FromSlash(f.name)
	if err := w.root.RemoveAll(local); err != nil || !f.exists {
		return err
	}
	if err := w.root.MkdirAll(filepath.FromSlash(path.Dir(f.name)), 0o755); err != nil { // tests may have removed it
		return err
	}
	if f.link != "" {
		return w.root.Symlink(f.link, local)
	}
	if err := w.root.WriteFile(local, f.content, 0o600); err != nil {
		return err
	}
	if err := w.root.Chmod(local, f.mode.Perm()); err != nil || !w.keepTimes {
		return err
	}
	return w.root.Chtimes(local, f.time, f.time)
}
