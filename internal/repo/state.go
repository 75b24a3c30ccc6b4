package repo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// fileState is what a transaction compares: the content and the kind of a file. The zero value is a
// file that does not exist.
type fileState struct {
	SHA256     string `json:"sha256,omitempty"` // of the content, or of a link's target
	Executable bool   `json:"executable,omitempty"`
	Link       bool   `json:"link,omitempty"`
}

func stateOf(exists bool, content []byte, mode fs.FileMode) fileState {
	if !exists {
		return fileState{}
	}
	sum := sha256.Sum256(content)
	link := isLink(mode)
	return fileState{SHA256: hex.EncodeToString(sum[:]), Executable: !link && executable(mode), Link: link}
}

func executable(mode fs.FileMode) bool { return mode&0o100 != 0 }

func isLink(mode fs.FileMode) bool { return mode&fs.ModeSymlink != 0 }

// onDisk is a file as it is now.
type onDisk struct {
	exists   bool
	content  []byte      // or a link's target, slash-separated
	mode     fs.FileMode // permissions, and fs.ModeSymlink
	modified time.Time
	missing  []string // directories above it that do not exist, outermost first
}

func (f onDisk) state() fileState { return stateOf(f.exists, f.content, f.mode) }

// present reads a file, or a symbolic link, as it is now. It refuses a path through a symbolic
// link.
func (t *Tree) present(root *os.Root, name string) (onDisk, error) {
	missing, err := t.missingDirs(root, name)
	if err != nil || len(missing) > 0 {
		return onDisk{missing: missing}, err
	}
	local := filepath.FromSlash(name)
	info, err := root.Lstat(local)
	if errors.Is(err, fs.ErrNotExist) {
		return onDisk{}, nil
	}
	if err != nil {
		return onDisk{}, err
	}
	f := onDisk{exists: true, modified: info.ModTime()}
	switch {
	case isLink(info.Mode()):
		target, err := root.Readlink(local)
		f.content, f.mode = []byte(filepath.ToSlash(target)), fs.ModeSymlink|fs.ModePerm
		return f, err
	case !info.Mode().IsRegular():
		return onDisk{}, t.badPath(name, errors.New("it is not an ordinary file"))
	}
	if err := t.bounded(1, info.Size()); err != nil {
		return onDisk{}, err
	}
	f.content, err = root.ReadFile(local)
	f.mode = info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	return f, err
}

// missingDirs returns the directories above name that do not exist, outermost first. It refuses a
// symbolic link among those that do.
func (t *Tree) missingDirs(root *os.Root, name string) ([]string, error) {
	dirs := above(name)
	for i, dir := range dirs {
		info, err := root.Lstat(filepath.FromSlash(dir))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return dirs[i:], nil
		case err != nil:
			return nil, err
		case isLink(info.Mode()):
			return nil, t.badPath(name, fmt.Errorf("%s is a symbolic link", dir))
		case !info.IsDir():
			return nil, t.badPath(name, fmt.Errorf("%s is not a directory", dir))
		}
	}
	return nil, nil
}

// newMode returns the mode of the changed file: its own, with the executable bit of the change. The
// umask applies later to a new file.
func newMode(c Change, old fs.FileMode) fs.FileMode {
	switch {
	case c.newLink():
		return fs.ModeSymlink | fs.ModePerm
	case c.made() && executable(c.Mode):
		return 0o777
	case c.made():
		return 0o666
	case c.Mode == 0 || executable(c.Mode) == executable(old):
		return old
	case executable(c.Mode):
		return old | (old & 0o444 >> 2) // for those who can read it
	default:
		return old &^ 0o111
	}
}

// later returns a modification time for a file that was last modified at former. Tools that compare
// times must see the change, even if former is in the future or the resolution is low: kernels have
// steps of milliseconds, and some file systems, where times are whole seconds, of up to two
// seconds.
func later(now, former time.Time) time.Time {
	step := 10 * time.Millisecond
	if former.Nanosecond() == 0 {
		step = 2 * time.Second
	}
	if first := former.Add(step); now.Before(first) {
		return first
	}
	return now
}
