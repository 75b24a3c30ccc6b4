package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/confine"
)

// Editable reports whether regreen may write a file unless the user asks for it, and why
// not. Paths are slash-separated and relative to the tree's root. A nil Editable is
// that of a person, who may write every file of the tree.
type Editable func(path string) (ok bool, reason string)

// Errors of Write. They come wrapped in an *Error, and nothing was written.
var (
	ErrProtected = errors.New("protected file")
	ErrTooLarge  = errors.New("change too large")
)

// What one transaction may hold. A change that a person can answer for is far below
// that; without a limit a patch could fill memory and disk with its staged copies.
const (
	maxFiles   = 10_000
	maxContent = 512 << 20 // bytes of all files, old and new
)

// permit refuses changes that no state of the disk would make acceptable. Every way
// to write comes through here.
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
			return t.badPath(c.Path, errors.New("it is named twice"))
		}
		seen[c.Path] = true
		if err := t.checkChange(c); err != nil {
			return t.badPath(c.Path, err)
		}
		if editable == nil {
			continue
		}
		if ok, why := editable(c.Path); !ok {
			return &Error{
				Path: c.Path, Err: fmt.Errorf("%w: %s", ErrProtected, why),
				Advice: `nothing was written; to have it written, list the file under "allow" in the configuration, or apply the patch yourself with regreen apply --patch`,
			}
		}
	}
	return nil
}

// bounded refuses more than one transaction may hold.
func (t *Tree) bounded(files int, size int64) error {
	const hint = "nothing was written; apply it in parts"
	switch {
	case files > maxFiles:
		return &Error{Path: t.root, Err: fmt.Errorf("%w: %d files, the limit is %d", ErrTooLarge, files, maxFiles), Advice: hint}
	case size > maxContent:
		return &Error{Path: t.root, Err: fmt.Errorf("%w: %d MiB, the limit is %d", ErrTooLarge, size>>20, maxContent>>20), Advice: hint}
	}
	return nil
}

// checkChange refuses names, and links to names, that are not the tree's to write.
func (t *Tree) checkChange(c Change) error {
	if err := t.checkName(c.Path); err != nil || !c.NewExists {
		return err
	}
	if !c.OldExists {
		if err := confine.NewName(c.Path); err != nil {
			return err
		}
	}
	switch {
	case c.Mode.Type()&^fs.ModeSymlink != 0:
		return errors.New("it is to be neither a file nor a symbolic link")
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

// checkName refuses what cannot be a path of the tree's own files.
func (t *Tree) checkName(name string) error {
	if err := confine.Name(name); err != nil {
		return err
	}
	if t.isPrivate(name) {
		return confine.GitsOwn
	}
	return nil
}

// isPrivate tells whether git keeps its data there, under whatever name.
func (t *Tree) isPrivate(name string) bool {
	name = fold(name)
	return slices.ContainsFunc(t.private, func(dir string) bool {
		dir = fold(dir)
		return name == dir || strings.HasPrefix(name, dir+"/")
	})
}

func (t *Tree) badPath(name string, why error) error {
	return &Error{Path: name, Err: fmt.Errorf("%w: %w", ErrBadPath, why), Advice: "nothing was written; a patch may only name files and links that stay below " + t.root}
}
