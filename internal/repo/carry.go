package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Tests may need files that git ignores: a folder that a build makes, installed dependencies. The
// configuration can name them, and every export then has copies of them, of which a later export
// writes only those that have changed in the working tree. Tests cannot damage the originals.

// Carry has every export include files of the working tree that are not part of it. Globs begin at
// the root; a directory covers everything in it.
func (r *Repo) Carry(globs []string) { r.carry = globs }

// maxCarried is how many bytes exports may carry.
const maxCarried = 2 << 30

// addCarried adds the carried files. It leaves out those that the export has anyway, and git's own
// data.
func (p *wanted) addCarried(ctx context.Context, r *Repo) error {
	if len(r.carry) == 0 {
		return nil
	}
	tree := os.DirFS(r.root)
	had := len(p.files)
	taken := make(map[string]bool, had) // names that a file cannot have
	files := make(map[string]bool, had)
	for _, f := range p.files {
		files[f.path], taken[f.path] = true, true
		for up := path.Dir(f.path); up != "." && !taken[up]; up = path.Dir(up) {
			taken[up] = true
		}
	}
	var names []string
	add := func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return r.unreadable(name, err)
		case ctx.Err() != nil:
			return ctx.Err()
		case strings.EqualFold(d.Name(), ".git"), files[name]:
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || taken[name]:
			return nil
		}
		taken[name], names = true, append(names, name)
		return nil
	}
	for _, glob := range r.carry {
		found, err := fs.Glob(tree, strings.TrimSuffix(path.Clean(glob), "/"))
		if err != nil {
			return &Error{Path: glob, Err: err, Advice: "correct carry: in .regreen.yml"}
		}
		for _, name := range found {
			if err := fs.WalkDir(tree, name, add); err != nil {
				return err
			}
		}
	}
	err := p.addOriginals(ctx, r, names)
	var size int64
	for _, f := range p.files[had:] {
		size += f.from.size
	}
	if size > maxCarried {
		return &Error{
			Path: strings.Join(r.carry, ", "), Err: fmt.Errorf("more than %d GiB to carry", maxCarried>>30),
			Advice: "name less in carry: of .regreen.yml, or have the test command make it",
		}
	}
	return err
}

// Uncarried returns the globs of Carry that match nothing.
func (r *Repo) Uncarried() (globs []string) {
	for _, glob := range r.carry {
		if found, err := fs.Glob(os.DirFS(r.root), path.Clean(glob)); err != nil || len(found) == 0 {
			globs = append(globs, glob)
		}
	}
	return globs
}

// Ignored returns those of the files and directories of the working tree that globs match and that
// git ignores: files is what is there, with everything below a directory, and tops are the outermost ignored
// names, a directory in place of its files.
func (r *Repo) Ignored(ctx context.Context, paths []string) (files, tops []string, err error) {
	var there []string
	for _, glob := range paths {
		if !filepath.IsLocal(filepath.FromSlash(glob)) {
			continue
		}
		found, err := fs.Glob(os.DirFS(r.root), path.Clean(glob))
		if err != nil {
			continue // it was not meant as one
		}
		there = append(there, found...)
	}
	if len(there) == 0 {
		return nil, nil, nil
	}
	list := func(more ...string) ([]string, error) {
		args := append([]string{"ls-files", "--others", "--ignored", "--exclude-standard", "-z"}, more...)
		out, err := r.git.output(ctx, append(append(args, "--"), there...)...)
		return splitNames(out), err
	}
	if files, err = list(); err != nil {
		return nil, nil, err
	}
	if tops, err = list("--directory", "--no-empty-directory"); err != nil {
		return nil, nil, err
	}
	for i := range tops {
		tops[i] = strings.TrimSuffix(tops[i], "/")
	}
	return files, tops, nil
}

// Lend adds copies of files of the working tree to an exported tree, and returns a func that
// removes them.
func (r *Repo) Lend(ctx context.Context, w *Workspace, files []string) (take func() error, err error) {
	from, err := os.OpenRoot(r.root)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	to, err := os.OpenRoot(w.Dir)
	if err != nil {
		return nil, err
	}
	var made []string
	take = func() error {
		defer to.Close()
		var errs []error
		for _, name := range made {
			errs = append(errs, to.RemoveAll(name))
		}
		return errors.Join(errs...)
	}
	size := int64(0)
	for _, name := range files {
		err := ctx.Err()
		if err == nil {
			local := filepath.FromSlash(name)
			top := local // the outermost name that the tree lacks
			for up := filepath.Dir(local); up != "."; up = filepath.Dir(up) {
				if _, err := to.Lstat(up); err != nil {
					top = up
				}
			}
			if _, err := to.Lstat(top); err == nil {
				continue // a test has made it
			}
			made = append(made, top)
			err = lend(from, to, local, &size)
		}
		if err != nil {
			return nil, errors.Join(err, take())
		}
	}
	return take, nil
}

// lend copies a file or a link, and adds its size.
func lend(from, to *os.Root, local string, size *int64) error {
	info, err := from.Lstat(local)
	if err == nil {
		err = to.MkdirAll(filepath.Dir(local), 0o755)
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := from.Readlink(local)
		if err != nil {
			return err
		}
		return to.Symlink(target, local)
	}
	if *size += info.Size(); *size > maxCarried {
		return fmt.Errorf("more than %d GiB", maxCarried>>30)
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	in, err := from.Open(local)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := to.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
