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

// Plan works out what a patch makes of the tree's files, without writing any. It
// fails with a *patch.ConflictError when the patch does not fit, with ErrBadPath when
// a name leads out of the tree or over a symbolic link, and with ErrTooLarge.
//
// A patch may name a file more than once. As git has it, what is renamed or copied is
// the file as it was before the patch, whatever the patch does to it elsewhere; in a
// series of commits, as it was before the commit.
func (t *Tree) Plan(files []patch.File, opt patch.Options) ([]Change, error) {
	root, err := os.OpenRoot(t.Root())
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return t.planPatch(files, opt, func(name string) (onDisk, error) {
		if err := t.checkName(name); err != nil {
			return onDisk{}, t.badPath(name, err)
		}
		return t.present(root, name)
	})
}

// PlanStaged is Plan for the index's versions of the files.
func (r *Repo) PlanStaged(ctx context.Context, src Source, files []patch.File, opt patch.Options) ([]Change, error) {
	g := r.git.with("GIT_INDEX_FILE=" + r.indexFile(src))
	return r.planPatch(files, opt, func(name string) (onDisk, error) {
		content, err := g.output(ctx, "cat-file", "--filters", ":"+name)
		if exitStatus(err) != 0 {
			return onDisk{}, nil
		}
		return onDisk{exists: true, content: content}, err
	})
}

// planner is what a patch has made of the files so far.
type planner struct {
	read    func(name string) (onDisk, error)
	opt     patch.Options
	files   map[string]*planned
	order   []string
	leaving map[string]bool // names of files that the patch gives other names
	copied  []copied
	size    int64 // of all that was read and made
}

// copied is a file that is taken away because it is a copy.
type copied struct {
	name, of string
	content  []byte // of the copy, as it was made
}

// planned is a file that a patch names.
type planned struct {
	Change
	before  onDisk      // before the patch, or the commit of a series
	mode    fs.FileMode // by now
	written bool        // by the patch, or the commit
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

// begin begins a commit, whose files are the first ones of those given.
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

// copies sees to it that what is taken away as a copy of another file is one.
func (p *planner) copies() error {
	for _, c := range p.copied {
		of, err := p.file(c.of)
		if err != nil {
			return err
		}
		if !of.NewExists || !bytes.Equal(of.New, c.content) {
			return &patch.ConflictError{File: c.name, Reason: "it is no copy of " + c.of + " any more"}
		}
	}
	return nil
}

// file reads a file that the patch names for the first time.
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

// apply carries out one file's part of the patch.
func (p *planner) apply(f patch.File) error {
	conflict := func(name, reason string) error { return &patch.ConflictError{File: name, Reason: reason} }
	if (f.OldMode|f.NewMode)&fs.ModeIrregular != 0 {
		return conflict(f.Name(), "it is the commit of a submodule, which only git can change")
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
		return conflict(f.OldName, "there is no such file")
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
			return conflict(f.OldName, "the patch deletes it, but it holds more")
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

// create puts a file where none is, or none will be.
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

// put gives a file content, and a mode unless it is 0.
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

// creates tells whether a patch that does not say so creates its file: nothing is taken
// from it, and what is put in is its beginning. Models, and svn, write it so.
func creates(f patch.File) bool {
	return len(f.Hunks) == 1 && f.Hunks[0].OldLines == 0 && f.Hunks[0].OldStart == 0 && !f.Hunks[0].Anywhere &&
		f.OldName == f.NewName
}

// Below moves a patch whose names begin in a folder of the tree to its root. A name that
// leads out of the folder is an ErrBadPath.
func (t *Tree) Below(dir string, files []patch.File) ([]patch.File, error) {
	out := slices.Clone(files)
	for i := range out {
		f := &out[i]
		for _, name := range []*string{&f.OldName, &f.NewName, &f.Copied} {
			if *name == "" {
				continue
			}
			if err := confine.Name(*name); err != nil {
				return nil, t.badPath(*name, err)
			}
			*name = path.Join(dir, *name)
		}
	}
	return out, nil
}

// unlike tells why a patch of one kind of file does not fit the other; "" when it
// does. A patch without modes and lines, as that of a rename, fits both.
func unlike(f patch.File, mode fs.FileMode) string {
	said := cmp.Or(f.OldMode, f.NewMode)
	switch {
	case said == 0 && len(f.Hunks) == 0 && !f.Binary:
		return ""
	case isLink(mode) && !isLink(said):
		return "it is a symbolic link, and the patch is not one of a link"
	case !isLink(mode) && isLink(said):
		return "it is an ordinary file, and the patch is one of a symbolic link"
	case f.NewMode != 0 && isLink(f.NewMode) != isLink(mode):
		return "the patch changes its kind, which takes its deletion and its creation"
	}
	return ""
}
