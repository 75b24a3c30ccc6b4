package repo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/confine"
)

// Editable reports whether regreen may write a file that no user named and, if not, why. Paths are
// slash-separated and relative to the tree's root. A nil Editable allows every file of the tree, as
// for a user.
type Editable func(path string) (ok bool, reason string)

// Errors of Write. They come wrapped in an *Error, and mean that nothing was written.
var (
	ErrProtected = errors.New("protected file")
	ErrTooLarge  = errors.New("change too large")
)

// The limits of one transaction. A change that a user can review is far below. Without a limit, a
// patch could fill memory and disk with its staged copies.
const (
	maxFiles   = 10_000
	maxContent = 512 << 20 // bytes of all files, old and new
)

// lfsPointer begins what Git LFS keeps in place of a file.
const lfsPointer = "version https://git-lfs.github.com/spec/"

// permit refuses changes that are never allowed, whatever is on disk. Every write goes through it.
func (t *Tree) permit(changes []Change, editable Editable) error {
	var size int64
	for _, c := range changes {
		size += int64(len(c.Old)) + int64(len(c.New))
	}
	if err := t.bounded(len(changes), size); err != nil {
		return err
	}
	seen := make(map[string]bool, len(changes))
	for _, c := range changes {
		if seen[c.Path] {
			return t.badPath(c.Path, errors.New("it is in the change twice"))
		}
		seen[c.Path] = true
		if err := t.checkChange(c); err != nil {
			return t.badPath(c.Path, err)
		}
		if editable == nil {
			continue
		}
		if bytes.HasPrefix(c.Old, []byte(lfsPointer)) {
			return &Error{
				Path: c.Path, Err: fmt.Errorf("%w: it is the pointer to a file in Git LFS, not the file", ErrProtected),
				Advice: "nothing was written; `git lfs pull` gets the file",
			}
		}
		if ok, why := editable(c.Path); !ok {
			return &Error{
				Path: c.Path, Err: fmt.Errorf("%w: %s", ErrProtected, why),
				Advice: `nothing was written; list the file under "allow" in the configuration, or apply the patch yourself with regreen apply --patch`,
			}
		}
	}
	return nil
}

// bounded refuses a transaction over the limits.
func (t *Tree) bounded(files int, size int64) error {
	const hint = "nothing was written; apply the change in parts"
	switch {
	case files > maxFiles:
		return &Error{Path: t.root, Err: fmt.Errorf("%w: %d files, the limit is %d", ErrTooLarge, files, maxFiles), Advice: hint}
	case size > maxContent:
		return &Error{Path: t.root, Err: fmt.Errorf("%w: %d MiB, the limit is %d", ErrTooLarge, size>>20, maxContent>>20), Advice: hint}
	}
	return nil
}

// checkChange refuses names, and links to names, that regreen must not write in the tree. A file
// that exists, or did before the change that is undone, may have any name that this system has.
func (t *Tree) checkChange(c Change) error {
	check := confine.NewName
	if c.OldExists || c.Restored {
		check = confine.Existing
	}
	if err := t.allowed(c.Path, check); err != nil || !c.NewExists {
		return err
	}
	switch {
	case c.Mode.Type()&^fs.ModeSymlink != 0:
		return errors.New("the change makes it neither a file nor a symbolic link")
	case !c.newLink():
		return nil
	}
	target := string(c.New)
	if err := confine.Link(c.Path, target); err != nil {
		return err
	}
	if t.isPrivate(path.Join(path.Dir(c.Path), target)) {
		return fmt.Errorf("its target %q: %w", target, confine.GitsOwn)
	}
	return nil
}

// allowed refuses a name that a rule of package confine refuses, or that belongs to git wherever its
// directory is.
func (t *Tree) allowed(name string, rule func(name string) error) error {
	if err := rule(name); err != nil {
		return err
	}
	if t.isPrivate(name) {
		return confine.GitsOwn
	}
	return nil
}

// named reads a file that somebody else named. If it does not exist, the name must be one that it
// may get.
func (t *Tree) named(root *os.Root, name string) (onDisk, error) {
	if err := t.allowed(name, confine.Existing); err != nil {
		return onDisk{}, t.badPath(name, err)
	}
	file, err := t.present(root, name)
	if err == nil && !file.exists {
		if err := confine.Name(name); err != nil {
			return onDisk{}, t.badPath(name, err)
		}
	}
	return file, err
}

// isPrivate reports whether a name is in git's own directory, wherever that is.
func (t *Tree) isPrivate(name string) bool {
	name = fold(name)
	return slices.ContainsFunc(t.private, func(dir string) bool {
		dir = fold(dir)
		return name == dir || strings.HasPrefix(name, dir+"/")
	})
}

func (t *Tree) badPath(name string, why error) error {
	advice := "nothing was written; a patch can only name files and links that stay below " + t.root
	var refusal confine.Refusal
	if errors.As(why, &refusal) {
		switch refusal {
		case confine.Colon, confine.Control, confine.Unportable, confine.TooLong:
			advice = "nothing was written; a new file needs a name that every system can have"
		}
	}
	return &Error{Path: name, Err: fmt.Errorf("%w: %w", ErrBadPath, why), Advice: advice}
}
