package repo

import (
	"context"
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
	return plan(files, opt, func(name string) ([]byte, error) {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, &Error{Path: name, Err: ErrBadPath, Hint: "a patch may only name files below " + t.Root()}
		}
		return root.ReadFile(filepath.FromSlash(name))
	})
}

// PlanStaged is Plan for the index's versions of the files.
func (r *Repo) PlanStaged(ctx context.Context, src Source, files []patch.File, opt patch.Options) ([]Change, error) {
	g := r.git.with("GIT_INDEX_FILE=" + r.indexFile(src))
	return plan(files, opt, func(name string) ([]byte, error) {
		content, err := g.output(ctx, "cat-file", "--filters", ":"+name)
		if exitStatus(err) != 0 {
			return nil, fs.ErrNotExist
		}
		return content, err
	})
}

func plan(files []patch.File, opt patch.Options, read func(name string) ([]byte, error)) ([]Change, error) {
	content := make(map[string]*Change) // a patch may name a file twice
	var order []string
	get := func(name string) (*Change, error) {
		if c, ok := content[name]; ok {
			return c, nil
		}
		c := &Change{Path: name}
		old, err := read(name)
		var known *Error
		switch {
		case err == nil:
			c.Old, c.New, c.OldExists, c.NewExists = old, old, true, true
		case errors.As(err, &known):
			return nil, err
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
