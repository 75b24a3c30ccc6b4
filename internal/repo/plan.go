package repo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/regreen-ci/regreen/internal/confine"
	"github.com/regreen-ci/regreen/internal/patch"
)

// Plan returns the changes that a patch makes to the tree's files, without writing any. It fails
// with a *patch.ConflictError if the patch does not apply, with ErrBadPath if a name leads out of
// the tree or over a symbolic link, and with ErrTooLarge.
//
// A patch can name a file more than once. Like in git, a rename or copy takes the file as it was
// before the patch or, in a series of commits, before the commit.
func (t *Tree) Plan(files []patch.File, opt patch.Options) ([]Change, error) {
	root, err := os.OpenRoot(t.Root())
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	read := func(name string) (onDisk, error) { return t.named(root, name) }
	changes, err := t.planPatch(files, opt, read)
	var conflict *patch.ConflictError
	if errors.As(err, &conflict) {
		t.explain(conflict, files, read)
	}
	return changes, err
}

// PlanStaged is Plan for the index's versions of the files.
func (r *Repo) PlanStaged(ctx context.Context, src Source, files []patch.File, opt patch.Options) ([]Change, error) {
	file := r.indexFile(src)
	return r.planPatch(files, opt, func(name string) (onDisk, error) {
		entries, err := r.entries(ctx, file, []string{name})
		if err != nil || entries[name].hash == "" {
			return onDisk{}, err
		}
		content, err := r.git.with("GIT_INDEX_FILE="+file).output(ctx, "cat-file", "--filters", ":0:"+name)
		return onDisk{exists: true, content: content}, err
	})
}

// planner holds the files as the patch has changed them so far.
type planner struct {
	read    func(name string) (onDisk, error)
	opt     patch.Options
	files   map[string]*planned
	order   []string
	leaving map[string]bool // files that the patch renames
	copied  []copied
	size    int64 // of all content read and made
}

// copied is a file that the patch deletes because it is a copy.
type copied struct {
	name, of string
	content  []byte // of the copy at first
}

// planned is a file that a patch names.
type planned struct {
	Change
	before  onDisk      // before the patch, or the commit of a series
	mode    fs.FileMode // now
	written bool        // by the patch, or by the commit of a series
}

func (t *Tree) planPatch(files []patch.File, opt patch.Options, read func(name string) (onDisk, error)) ([]Change, error) {
	p := &planner{read: read, opt: opt, files: make(map[string]*planned), leaving: make(map[string]bool)}
	for i, f := range files {
		if i == 0 || f.Commit != files[i-1].Commit {
			p.begin(files[i:])
		}
		if err := p.apply(f); err != nil {
			var conflict *patch.ConflictError
			if errors.As(err, &conflict) {
				conflict.Part = i + 1
			}
			return nil, err
		}
		if err := t.bounded(len(p.files), p.size); err != nil {
			return nil, err
		}
	}
	if err := p.copies(); err != nil {
		return nil, err
	}
	changes := make([]Change, 0, len(p.order))
	for _, name := range p.order {
		if c := p.files[name].Change; c.OldExists || c.NewExists {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// begin starts a commit, whose files come first in the list.
func (p *planner) begin(files []patch.File) {
	for _, f := range p.files {
		f.before, f.written = onDisk{exists: f.NewExists, content: f.New, mode: f.mode}, false
	}
	clear(p.leaving)
	for _, f := range files {
		if f.Commit != files[0].Commit {
			break
		}
		if f.Rename {
			p.leaving[f.OldName] = true
		}
	}
}

// copies checks that each file that is deleted as a copy of another is one.
func (p *planner) copies() error {
	for _, c := range p.copied {
		of, err := p.file(c.of)
		if err != nil {
			return err
		}
		if !of.NewExists || !bytes.Equal(of.New, c.content) {
			return &patch.ConflictError{File: c.name, Reason: "it is no longer a copy of " + patch.Quote(c.of)}
		}
	}
	return nil
}

// file returns a file, reading it the first time that the patch names it.
func (p *planner) file(name string) (*planned, error) {
	if f, ok := p.files[name]; ok {
		return f, nil
	}
	now, err := p.read(name)
	var known *Error
	if errors.As(err, &known) {
		return nil, err
	}
	if err != nil {
		return nil, &Error{Path: name, Err: err}
	}
	f := &planned{before: now, mode: now.mode}
	f.Change = Change{
		Path: name, Old: now.content, New: now.content, OldExists: now.exists, NewExists: now.exists,
		OldMode: now.mode,
	}
	p.size += int64(len(now.content))
	p.files[name] = f
	p.order = append(p.order, name)
	return f, nil
}

// apply applies one file's part of the patch.
func (p *planner) apply(f patch.File) error {
	conflict := func(name, reason string) error { return &patch.ConflictError{File: name, Reason: reason} }
	if (f.OldMode|f.NewMode)&fs.ModeIrregular != 0 {
		return conflict(f.Name(), "it is a submodule commit, which only git can change")
	}
	if f.New || f.OldName == "" {
		content, _, err := patch.Apply(nil, f, p.opt)
		if err != nil {
			return err
		}
		return p.create(f.NewName, content, cmp.Or(f.NewMode, 0o644), "the patch creates it, but it exists")
	}
	from, err := p.file(f.OldName)
	if err != nil {
		return err
	}
	content, exists, mode := from.New, from.NewExists, from.mode
	if f.Rename || f.Copy {
		content, exists, mode = from.before.content, from.before.exists, from.before.mode
	}
	if !exists && creates(f) {
		content, _, err := patch.Apply(nil, f, p.opt)
		if err != nil {
			return err
		}
		return p.create(f.NewName, content, cmp.Or(f.NewMode, 0o644), "")
	}
	if !exists {
		return &patch.ConflictError{File: f.OldName, Reason: "the file does not exist", Missing: true}
	}
	if reason := unlike(f, mode); reason != "" {
		return conflict(f.OldName, reason)
	}
	result, placed, err := patch.Apply(content, f, p.opt)
	switch {
	case err != nil:
		return err
	case f.Delete || f.NewName == "":
		switch {
		case f.Copied != "":
			p.copied = append(p.copied, copied{f.OldName, f.Copied, result})
		case len(result) > 0:
			return conflict(f.OldName, "the patch deletes it, but it has more content")
		}
		from.remove()
	case f.NewName == f.OldName:
		p.put(from, result, f.NewMode)
		from.Placed = append(from.Placed, placed...)
	default:
		if err := p.create(f.NewName, result, cmp.Or(f.NewMode, mode), "the patch moves a file there, but it exists"); err != nil {
			return err
		}
		p.files[f.NewName].Placed = placed
		if !f.Copy && !(f.Rename && from.written) {
			from.remove()
		}
	}
	return nil
}

// create creates a file where none exists, or where none will.
func (p *planner) create(name string, content []byte, mode fs.FileMode, exists string) error {
	f, err := p.file(name)
	if err != nil {
		return err
	}
	if f.NewExists && (f.written || !p.leaving[name]) {
		return &patch.ConflictError{File: name, Reason: exists}
	}
	p.put(f, content, mode)
	return nil
}

// put sets the content of a file, and its mode unless it is 0.
func (p *planner) put(f *planned, content []byte, mode fs.FileMode) {
	p.size += int64(len(content))
	f.New, f.NewExists, f.written = content, true, true
	if mode != 0 {
		f.Mode, f.mode = mode, mode
	}
}

func (f *planned) remove() {
	f.New, f.NewExists, f.written = nil, false, false
	f.Mode, f.mode = 0, 0
}

// creates reports whether a patch creates its file without saying so: it removes nothing, and adds
// the start of the file. Models and svn write such patches.
func creates(f patch.File) bool {
	return len(f.Hunks) == 1 && f.Hunks[0].OldLines == 0 && f.Hunks[0].OldStart == 0 && !f.Hunks[0].Anywhere &&
		f.OldName == f.NewName
}

// Below returns a patch for a directory of the tree as one for its root. A name that leads out of
// the directory is an ErrBadPath.
func (t *Tree) Below(dir string, files []patch.File) ([]patch.File, error) {
	out := slices.Clone(files)
	for i := range out {
		f := &out[i]
		for _, name := range []*string{&f.OldName, &f.NewName, &f.Copied} {
			if *name == "" {
				continue
			}
			if err := confine.Existing(*name); err != nil {
				return nil, t.badPath(*name, err)
			}
			*name = path.Join(dir, *name)
		}
	}
	return out, nil
}

// unlike returns why a patch for one kind of file does not apply to the other, or "". A patch
// without modes and lines, such as a rename, applies to both.
func unlike(f patch.File, mode fs.FileMode) string {
	said := cmp.Or(f.OldMode, f.NewMode)
	switch {
	case said == 0 && len(f.Hunks) == 0 && !f.Binary:
		return ""
	case isLink(mode) && !isLink(said):
		return "it is a symbolic link, but the patch is for an ordinary file"
	case !isLink(mode) && isLink(said):
		return "it is an ordinary file, but the patch is for a symbolic link"
	case f.NewMode != 0 && isLink(f.NewMode) != isLink(mode):
		return "the patch changes a file to a link or back, which needs a deletion and a creation"
	}
	return ""
}
