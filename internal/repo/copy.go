package repo

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// copyAll copies files of the working tree.
func (f *filler) copyAll(ctx context.Context, copies []wantedFile) error {
	if len(copies) == 0 {
		return nil
	}
	from, err := os.OpenRoot(f.repo.root)
	if err != nil {
		return err
	}
	defer from.Close()
	for _, p := range copies {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.copy(from, p.path); err != nil {
			return err
		}
	}
	return nil
}

// copy copies a file or a symlink, which it never follows. If the export has the content already,
// it leaves that as it is.
func (f *filler) copy(root *os.Root, name string) error {
	now := time.Now()
	local := filepath.FromSlash(name)
	before, err := stampOf(f.repo.original(name))
	if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
		return removeAll(f.path(name))
	}
	var held heldFile
	switch {
	case err != nil:
	case before.kind == kindLink:
		held, err = f.copyLink(root, name, local)
	case before.kind == kindFile:
		held, err = f.copyFile(root, name, local)
	default:
		return nil
	}
	if err != nil || held.sum == "" {
		return err
	}
	if after, err := stampOf(f.repo.original(name)); err == nil && after == before && before.settled(now) {
		held.from = before
	}
	if held.at != (stamp{}) {
		f.new.files[name] = held
		f.dirty = f.dirty || held != f.old.files[name]
		return nil
	}
	return f.add(name, held)
}

// copyLink copies a symlink, and returns it without a stamp if the export did not have it.
func (f *filler) copyLink(root *os.Root, name, local string) (heldFile, error) {
	target, err := root.Readlink(local)
	if err != nil {
		return heldFile{}, f.repo.unreadable(name, err)
	}
	sum := f.hash.text(target)
	if held, kept := f.held(name); kept {
		if held.at.kind == kindLink && held.sum == sum {
			held.from = stamp{}
			return held, nil
		}
		if err := removeAll(f.path(name)); err != nil {
			return heldFile{}, err
		}
	}
	return heldFile{sum: sum}, os.Symlink(target, f.path(name))
}

// copyFile is copyLink for a file.
func (f *filler) copyFile(root *os.Root, name, local string) (heldFile, error) {
	in, err := root.Open(local)
	if err != nil {
		return heldFile{}, f.repo.unreadable(name, err)
	}
	defer in.Close()
	at, err := openStamp(in)
	if err != nil {
		return heldFile{}, f.repo.unreadable(name, err)
	}
	perm := (at.perm | 0o600) &^ f.umask
	if held, kept := f.held(name); kept {
		if held.at.kind == kindFile && held.at.perm == perm && held.at.size == at.size {
			h := f.hash.blob(at.size)
			if err := f.read(h, in, name); err != nil {
				return heldFile{}, err
			}
			if sum, whole := h.sum(); whole && sum == held.sum {
				held.from = stamp{}
				return held, nil
			}
			if _, err := in.Seek(0, io.SeekStart); err != nil {
				return heldFile{}, f.repo.unreadable(name, err)
			}
		}
		if err := removeAll(f.path(name)); err != nil {
			return heldFile{}, err
		}
	}
	out, err := os.OpenFile(f.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(perm))
	if err != nil {
		return heldFile{}, err
	}
	h := f.hash.blob(at.size)
	err = f.read(io.MultiWriter(out, h), in, name)
	if err = errors.Join(err, out.Close()); err != nil {
		return heldFile{}, err
	}
	sum, whole := h.sum()
	if !whole { // it grew or shrank meanwhile
		at, err := stampOf(f.path(name))
		if err != nil {
			return heldFile{}, err
		}
		sum, err = f.hash.file(f.path(name), at, f.buf)
		return heldFile{sum: sum}, err
	}
	return heldFile{sum: sum}, nil
}

// read copies what it reads from the working tree.
func (f *filler) read(to io.Writer, in *os.File, name string) error {
	for {
		n, err := in.Read(f.buf)
		if n > 0 {
			if _, err := to.Write(f.buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return f.repo.unreadable(name, err)
		}
	}
}
