package deliver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/regreen-ci/regreen/internal/confine"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/report"
)

// fileSize bounds a file that is patched on GitHub, in bytes.
const fileSize = 16 << 20

// Patched puts patches, one after the other, on the files that a commit has on GitHub, and
// gives what they become: nothing is checked out. A hunk goes where all its lines are, or
// the patch is refused. So is one that touches a file that editable does not allow, or that
// does more than to change, make or delete files of text.
//
// The patches may be anybody's.
func Patched(ctx context.Context, g *forge.GitHub, commit string, patches []*report.Patch, editable func(path string) (ok bool, reason string)) (map[string]forge.File, error) {
	b := &blobs{g: g, commit: commit, editable: editable, now: map[string]forge.File{}}
	for _, p := range patches {
		if err := b.apply(ctx, p); err != nil {
			return nil, err
		}
	}
	return b.now, nil
}

// blobs are the files of a commit, and what patches have made of them.
type blobs struct {
	g        *forge.GitHub
	commit   string
	exact    bool // the commit is what the patches were made for: no hunk is elsewhere
	editable func(string) (bool, string)
	now      map[string]forge.File // of those that were changed
}

// apply puts a patch on the files, or leaves them all as they are.
func (b *blobs) apply(ctx context.Context, p *report.Patch) error {
	parts, err := patch.Parse([]byte(p.Diff))
	if err != nil || len(parts) == 0 {
		return errFullLines
	}
	made := map[string]forge.File{}
	for _, part := range parts {
		if err := b.part(ctx, part, made); err != nil {
			return err
		}
	}
	for name, f := range made {
		b.now[name] = f
	}
	return nil
}

// part puts a part of a patch on one file, which no other part names.
func (b *blobs) part(ctx context.Context, f patch.File, made map[string]forge.File) error {
	name := f.Name()
	mode, err := b.mayPatch(f)
	if err != nil {
		return fmt.Errorf("%s: %w", report.Brief(name), err)
	}
	if _, twice := made[name]; twice {
		return fmt.Errorf("it names %q twice", name)
	}
	old, changed := b.now[name]
	exists := !old.Delete
	if !changed {
		if old, exists, err = b.g.File(ctx, name, b.commit, fileSize); err != nil {
			return err
		}
	}
	if exists == f.New {
		return fmt.Errorf("%q is not as it was tested", name)
	}
	content, placed, err := patch.Apply(old.Content, f, patch.Options{})
	if err != nil {
		return err
	}
	for _, p := range placed {
		if p.Offset != 0 && b.exact && !changed {
			return fmt.Errorf("%q is not as it was tested", name)
		}
	}
	made[name] = forge.File{Content: content, Mode: cmp.Or(mode, old.Mode), Delete: f.Delete}
	return nil
}

// mayPatch tells why a file is not to be patched, and gives the mode that it gets, "" for
// the one that it has.
func (b *blobs) mayPatch(f patch.File) (mode string, err error) {
	if f.Rename || f.Copy || f.Binary || f.Blind || f.Copied != "" || !f.New && !f.Delete && (f.OldName != f.NewName || f.OldMode != f.NewMode) {
		return "", errors.New("the patch does more than to change its lines")
	}
	confined := confine.Name
	if f.New {
		confined = confine.NewName
	}
	if err := confined(f.Name()); err != nil {
		return "", err
	}
	if b.editable == nil {
		return "", errors.New("no file may be changed here")
	}
	if ok, why := b.editable(f.Name()); !ok {
		return "", fmt.Errorf("is not edited by regreen: %s", why)
	}
	return plainMode(f.NewMode)
}

// plainMode is a mode as git has it, "" for one that is not told.
func plainMode(mode fs.FileMode) (string, error) {
	switch {
	case mode == 0:
		return "", nil
	case !mode.IsRegular():
		return "", forge.ErrNoFile
	case mode&0o111 != 0:
		return forge.Executable, nil
	}
	return forge.Plain, nil
}
