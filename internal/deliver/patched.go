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

// fileSize limits a file that is patched on GitHub, in bytes.
const fileSize = 16 << 20

// Patched applies patches, one after the other, to the files of a commit on GitHub, and returns the
// changed files. Nothing is checked out. A patch is refused if a hunk has no place where all its
// lines match. A patch is also refused if it touches a file that editable does not allow, or does
// more than change, create or delete text files.
//
// The patches need not be trusted.
func Patched(ctx context.Context, g *forge.GitHub, commit string, patches []*report.Patch, editable func(path string) (ok bool, reason string)) (map[string]forge.File, error) {
	b := &blobs{g: g, commit: commit, editable: editable, now: map[string]forge.File{}}
	for _, p := range patches {
		if err := b.apply(ctx, p); err != nil {
			return nil, err
		}
	}
	return b.now, nil
}

// blobs holds the files of a commit with patches applied to them.
type blobs struct {
	g        *forge.GitHub
	commit   string
	exact    bool // the patches were made for this commit: hunks may not move
	editable func(string) (bool, string)
	now      map[string]forge.File // the changed files
}

// apply applies a patch to the files, or changes none of them.
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

// part applies the part of a patch for one file.
func (b *blobs) part(ctx context.Context, f patch.File, made map[string]forge.File) error {
	name := f.Name()
	mode, err := b.mayPatch(f)
	if err != nil {
		return fmt.Errorf("%s: %w", report.Brief(name), err)
	}
	if _, twice := made[name]; twice {
		return fmt.Errorf("two parts for %q", name)
	}
	old, changed := b.now[name]
	exists := !old.Delete
	if !changed {
		if old, exists, err = b.g.File(ctx, name, b.commit, fileSize); err != nil {
			return err
		}
	}
	if exists == f.New {
		return fmt.Errorf("%q differs from the tested version", name)
	}
	content, placed, err := patch.Apply(old.Content, f, patch.Options{})
	if err != nil {
		return err
	}
	for _, p := range placed {
		if p.Offset != 0 && b.exact && !changed {
			return fmt.Errorf("%q differs from the tested version", name)
		}
	}
	made[name] = forge.File{Content: content, Mode: cmp.Or(mode, old.Mode), Delete: f.Delete}
	return nil
}

// mayPatch returns the mode that a file gets, "" to keep the one it has, or the reason not to
// patch the file.
func (b *blobs) mayPatch(f patch.File) (mode string, err error) {
	if f.Rename || f.Copy || f.Binary || f.Blind || f.Copied != "" || !f.New && !f.Delete && (f.OldName != f.NewName || f.OldMode != f.NewMode) {
		return "", errors.New("the patch does more than change lines")
	}
	confined := confine.Name
	if f.New {
		confined = confine.NewName
	}
	if err := confined(f.Name()); err != nil {
		return "", err
	}
	if b.editable == nil {
		return "", errors.New("no file can be changed here")
	}
	if ok, why := b.editable(f.Name()); !ok {
		return "", fmt.Errorf("regreen does not edit this file: %s", why)
	}
	return plainMode(f.NewMode)
}

// plainMode returns a mode in git's form, "" if the patch has none.
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
