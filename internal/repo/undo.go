package repo

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/regreen-ci/regreen/internal/confine"
	"github.com/regreen-ci/regreen/internal/patch"
)

// PlanUndo returns the changes that undo earlier ones: each file becomes what it was, and later
// edits stay. If a later edit is in the same lines, PlanUndo fails with a *patch.ConflictError. It
// leaves out files that are already undone.
func (t *Tree) PlanUndo(written []Change) ([]Change, error) {
	root, err := os.OpenRoot(t.Root())
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	var changes []Change
	for _, w := range written {
		if err := t.allowed(w.Path, confine.Existing); err != nil {
			return nil, t.badPath(w.Path, err)
		}
		now, err := t.present(root, w.Path)
		if err != nil {
			return nil, err
		}
		c, err := w.undo(now)
		if err != nil {
			return nil, err
		}
		if c.OldExists != c.NewExists || !bytes.Equal(c.Old, c.New) || c.Mode != 0 {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// undo returns the change that undoes w in a file as it is now.
func (w Change) undo(now onDisk) (Change, error) {
	conflict := func(reason string) error { return &patch.ConflictError{File: w.Path, Reason: reason} }
	c := Change{
		Path: w.Path, Old: now.content, OldExists: now.exists, OldMode: now.mode,
		New: w.Old, NewExists: w.OldExists, Restored: true,
	}
	same := func(content []byte, exists bool) bool {
		return exists == now.exists && bytes.Equal(content, now.content)
	}
	switch {
	case same(w.Old, w.OldExists) && w.OldExists != w.NewExists, !now.exists && !w.OldExists:
		return Change{}, nil
	case same(w.New, w.NewExists):
	case !w.NewExists:
		return c, conflict("the patch deleted it, but it exists again")
	case !w.OldExists:
		return c, conflict("the patch created it, and it was edited later")
	case !now.exists:
		return c, conflict("it was deleted later")
	case isLink(now.mode) || w.oldLink() || w.newLink() || patch.IsBinary(now.content) || patch.IsBinary(w.Old) || patch.IsBinary(w.New):
		return c, conflict("it was changed later, and its content cannot be merged")
	default:
		merged, err := patch.MergeKeepingEndings(w.New, now.content, w.Old)
		var meet *patch.MergeError
		if errors.As(err, &meet) {
			lines := strings.SplitAfter(string(w.New), "\n")
			return c, &patch.ConflictError{
				File: w.Path, Line: meet.Start, Reason: "was edited later in the same lines",
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
	case !now.exists: // deleted: restore it with its mode
		c.Mode = w.OldMode
	case w.Mode != 0 && w.OldMode != 0 && executable(w.Mode) != executable(w.OldMode) && executable(now.mode) == executable(w.Mode):
		c.Mode = w.OldMode &^ fs.ModeType
	}
	return c, nil
}
