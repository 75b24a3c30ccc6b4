package deliver

import (
	"context"
	"errors"
	"fmt"

	"github.com/regreen-ci/regreen/internal/confine"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/report"
)

// maxPatched bounds a file that is patched on GitHub, in bytes.
const maxPatched = 8 << 20

// Patched puts patches, one after the other, on the files that a commit has on GitHub, and
// gives what they become: nothing is checked out. A hunk goes where all its lines are, or
// the patch is refused. So is one that touches a file that editable does not allow, or that
// does more than to change, make or delete files of text.
//
// The patches may be anybody's.
func Patched(ctx context.Context, g *forge.GitHub, commit string, patches []*report.Patch, editable func(path string) (ok bool, reason string)) (map[string]forge.File, error) {
	out := map[string]forge.File{}
	for _, p := range patches {
		files, err := patch.Parse([]byte(p.Diff))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, errors.New("the patch is empty")
		}
		for _, f := range files {
			if err := mayPatch(f, editable); err != nil {
				return nil, fmt.Errorf("%s: %w", oneLine(f.Name()), err)
			}
			old, known := out[f.Name()]
			if !known {
				if old, err = original(ctx, g, commit, f); err != nil {
					return nil, err
				}
			}
			now, _, err := patch.Apply(old.Content, f, patch.Options{})
			if err != nil {
				return nil, err
			}
			out[f.Name()] = forge.File{Content: now, Mode: old.Mode, Delete: f.Delete}
		}
	}
	return out, nil
}

// mayPatch tells why a file is not to be patched.
func mayPatch(f patch.File, editable func(path string) (ok bool, reason string)) error {
	if f.Rename || f.Copy || f.Binary || f.Blind || f.Copied != "" || !f.New && !f.Delete && (f.OldName != f.NewName || f.OldMode != f.NewMode) {
		return errors.New("the patch does more than to change its lines")
	}
	confined := confine.Name
	if f.New {
		confined = confine.NewName
	}
	if err := confined(f.Name()); err != nil {
		return err
	}
	if editable == nil {
		return errors.New("no file may be changed here")
	}
	if ok, why := editable(f.Name()); !ok {
		return fmt.Errorf("is not edited by regreen: %s", why)
	}
	return nil
}

// original is a file before the patch.
func original(ctx context.Context, g *forge.GitHub, commit string, f patch.File) (forge.File, error) {
	old, exists, err := g.File(ctx, f.Name(), commit, maxPatched)
	switch {
	case err != nil:
		return old, err
	case f.New && exists:
		return old, fmt.Errorf("%s: the patch creates this file, but it is there already", oneLine(f.Name()))
	case !f.New && !exists:
		return old, fmt.Errorf("%s: there is no such file", oneLine(f.Name()))
	}
	return old, nil
}
