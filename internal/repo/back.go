package repo

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
)

// PlanBack works out how to take changes back that were written before: each file
// becomes what it was, and edits made since stay. Where these are in the very lines
// that were written it fails with a *patch.ConflictError, and nothing is planned. What
// is as it was already is left out.
func (t *Tree) PlanBack(written []Change) ([]Change, error) {
	root, err := os.OpenRoot(t.Root())
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	var changes []Change
	for _, w := range written {
		if err := t.checkName(w.Path); err != nil {
			return nil, t.badPath(w.Path, err)
		}
		now, err := t.present(root, w.Path)
		if err != nil {
			return nil, err
		}
		c, err := w.back(now)
		if err != nil {
			return nil, err
		}
		if c.OldExists != c.NewExists || !bytes.Equal(c.Old, c.New) || c.Mode != 0 {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// back is the change that undoes w in a file as it is now.
func (w Change) back(now onDisk) (Change, error) {
	conflict := func(reason string) error { return &patch.ConflictError{File: w.Path, Reason: reason} }
	c := Change{
		Path: w.Path, Old: now.content, OldExists: now.exists, OldMode: now.mode,
		New: w.Old, NewExists: w.OldExists,
	}
	same := func(content []byte, exists bool) bool {
		return exists == now.exists && bytes.Equal(content, now.content)
	}
	switch {
	case same(w.Old, w.OldExists) && w.OldExists != w.NewExists, !now.exists && !w.OldExists:
		return Change{}, nil
	case same(w.New, w.NewExists):
	case !w.NewExists:
		return c, conflict("the patch deleted it, and there is another one by now")
	case !w.OldExists:
		return c, conflict("the patch created it, and it was edited since")
	case !now.exists:
		return c, conflict("it was deleted since")
	case isLink(now.mode) || w.oldLink() || w.newLink() || patch.IsBinary(now.content) || patch.IsBinary(w.Old) || patch.IsBinary(w.New):
		return c, conflict("it was changed since, and its content cannot be merged")
	default:
		merged, err := patch.Merge(w.New, now.content, w.Old)
		var meet *patch.MergeError
		if errors.As(err, &meet) {
			lines := strings.SplitAfter(string(w.New), "\n")
			return c, &patch.ConflictError{
				File: w.Path, Line: meet.Start, Reason: "was edited since where the patch changed it",
				Expected: strings.Join(lines[meet.Start-1:meet.End], ""), Found: meet.Ours,
			}
		}
		if err != nil {
			return c, err
		}
		c.New = merged
	}
	if w.NewExists != now.exists || !w.OldExists {
		return c, nil
	}
	switch {
	case !now.exists: // a deleted one, with the mode it had
		c.Mode = w.OldMode
	case w.Mode != 0 && w.OldMode != 0 && executable(w.Mode) != executable(w.OldMode) && executable(now.mode) == executable(w.Mode):
		c.Mode = w.OldMode &^ fs.ModeType
	}
	return c, nil
}
