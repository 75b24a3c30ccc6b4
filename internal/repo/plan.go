package repo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/regreen-ci/regreen/internal/patch"
)

// Plan works out what a patch makes of the tree's files, without writing any. It
// fails with a *patch.ConflictError when a hunk does not fit, and with ErrBadPath
// when a name leads out of the tree.
func (t *Tree) Plan(files []patch.File, opt patch.Options) ([]Change, error) {
	root, err := os.OpenRoot(t.Root())
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	content := make(map[string]*Change) // a patch may name a file twice
	var order []string
	get := func(name string) (*Change, error) {
		if c, ok := content[name]; ok {
			return c, nil
		}
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, &Error{Path: name, Err: ErrBadPath, Hint: "a patch may only name files below " + t.Root()}
		}
		c := &Change{Path: name}
		old, err := root.ReadFile(filepath.FromSlash(name))
		switch {
		case err == nil:
			c.Old, c.New, c.OldExists, c.NewExists = old, old, true, true
		case !errors.Is(err, fs.ErrNotExist):
			return nil, &Error{Path: name, Err: err}
		}
		content[name] = c
		order = append(order, name)
		return c, nil
	}
	for _, f := range files {
		if f.Binary {
			return nil, &patch.ConflictError{File: f.Name(), Reason: "it is a binary patch"}
		}
		src := f.OldName
		if f.New || src == "" {
			src = f.NewName
		}
		from, err := get(src)
		if err != nil {
			return nil, err
		}
		if (f.New || f.OldName == "") && from.NewExists {
			return nil, &patch.ConflictError{File: src, Reason: "the patch creates it, but it exists"}
		}
		if !f.New && f.OldName != "" && !from.NewExists {
			return nil, &patch.ConflictError{File: src, Reason: "there is no such file"}
		}
		result, _, err := patch.Apply(from.New, f, opt)
		if err != nil {
			return nil, err
		}
		if f.Delete || f.NewName == "" {
			if len(result) > 0 {
				return nil, &patch.ConflictError{File: src, Reason: "the patch deletes it, but it holds more"}
			}
			from.New, from.NewExists = nil, false
			continue
		}
		to := from
		if f.NewName != src {
			if to, err = get(f.NewName); err != nil {
				return nil, err
			}
			if to.NewExists {
				return nil, &patch.ConflictError{File: f.NewName, Reason: "the patch moves a file there, but it exists"}
			}
			if !f.Copy {
				from.New, from.NewExists = nil, false
			}
		}
		to.New, to.NewExists = result, true
		if f.NewMode != 0 {
			to.Mode = f.NewMode
		}
	}
	changes := make([]Change, 0, len(order))
	for _, name := range order {
		changes = append(changes, *content[name])
	}
	return changes, nil
}
