package testrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"
)

// Copies are the folders that the runs of a suite happen in whose runner cannot lay files
// over the tree by itself: the tree, for one at a time, and copies of it for runs with an
// overlay, one for each at the same time.
type Copies struct {
	root string
	temp func() string
	skip func(name string) bool // files that no copy needs
	tree chan struct{}          // held by who runs in the tree or reads it

	mu     sync.Mutex
	idle   []*place
	closed bool
}

// NewCopies returns those of a tree, made as they are needed below what temp returns, "" for
// the system's place. Skip, where it is set, reports which files no copy needs.
func NewCopies(root string, temp func() string, skip func(name string) bool) *Copies {
	return &Copies{root: root, temp: temp, skip: skip, tree: make(chan struct{}, 1)}
}

// place is a copy of the tree.
type place struct {
	dir    string
	remove func()
	was    map[string]stamp // what it began with
	laid   []string         // files of the overlay
	ended  time.Time        // the last run
}

// stamp is how a file is known again. Whoever writes it changes the time.
type stamp struct {
	mode fs.FileMode
	size int64
	time time.Time
}

func stampOf(info fs.FileInfo) stamp {
	if info.IsDir() {
		return stamp{mode: info.Mode().Type()}
	}
	return stamp{info.Mode(), info.Size(), info.ModTime()}
}

// hold waits for the tree.
func (c *Copies) hold(ctx context.Context) (release func(), err error) {
	select {
	case c.tree <- struct{}{}:
		return func() { <-c.tree }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("tests: %w", context.Cause(ctx))
	}
}

// Enter returns a folder with the overlay in it: a copy, or without an overlay the tree
// itself, which one run has at a time. Call leave in every case, or the next one waits for
// it. When ctx has ended the error is its cause.
func (c *Copies) Enter(ctx context.Context, overlay map[string][]byte) (dir string, leave func(), err error) {
	if ctx.Err() != nil {
		return "", nil, fmt.Errorf("tests: %w", context.Cause(ctx))
	}
	if len(overlay) == 0 {
		release, err := c.hold(ctx)
		return c.root, release, err
	}
	for name := range overlay {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return "", nil, fmt.Errorf("overlay: %q is not inside the tree", name)
		}
	}
	p, err := c.take(ctx)
	if err != nil {
		return "", nil, err
	}
	if err := p.layOver(overlay); err != nil {
		p.remove()
		return "", nil, fmt.Errorf("overlay: %w", err)
	}
	return p.dir, func() { c.giveBack(ctx, p) }, nil
}

// take returns a copy that nobody uses.
func (c *Copies) take(ctx context.Context) (*place, error) {
	c.mu.Lock()
	if n := len(c.idle); n > 0 {
		p := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return p, nil
	}
	c.mu.Unlock()
	release, err := c.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	dir, remove, err := Scratch(c.temp())
	if err != nil {
		return nil, err
	}
	p := &place{dir: dir, remove: remove, was: make(map[string]stamp)}
	if err := p.fill(ctx, c); err != nil {
		remove()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("tests: %w", context.Cause(ctx))
		}
		return nil, &NotRunError{What: "the tree cannot be copied: " + err.Error(), Where: c.root, Hint: "free some space, or set TMPDIR to a folder with more"}
	}
	return p, nil
}

// giveBack makes a copy as it was, for the next run.
func (c *Copies) giveBack(ctx context.Context, p *place) {
	p.ended = time.Now()
	if ctx.Err() == nil {
		if release, err := c.hold(ctx); err == nil {
			err = p.restore(ctx, c)
			release()
			c.mu.Lock()
			keep := err == nil && !c.closed
			if keep {
				c.idle = append(c.idle, p)
			}
			c.mu.Unlock()
			if keep {
				return
			}
		}
	}
	p.remove()
}

// Close removes the copies, those in use when their runs end.
func (c *Copies) Close() {
	c.mu.Lock()
	idle := c.idle
	c.idle, c.closed = nil, true
	c.mu.Unlock()
	for _, p := range idle {
		p.remove()
	}
}

// fill copies the tree: files with their modes and times, so that builds know what is
// current, and symbolic links as they are.
func (p *place) fill(ctx context.Context, c *Copies) error {
	from, err := os.OpenRoot(c.root)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenRoot(p.dir)
	if err != nil {
		return err
	}
	defer to.Close()
	var closed []string // folders that forbid writing
	err = fs.WalkDir(from.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || name == "." || !d.IsDir() && c.skip != nil && c.skip(name) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			if info.Mode()&0o200 == 0 {
				closed = append(closed, name)
			}
			err = to.Mkdir(filepath.FromSlash(name), info.Mode().Perm()|0o700)
		} else {
			err = copyFile(from, to, name, info)
		}
		if err != nil {
			return err
		}
		p.was[name], err = lstamp(to, name)
		if errors.Is(err, fs.ErrNotExist) { // what no copy can have
			delete(p.was, name)
			err = nil
		}
		return err
	})
	for _, name := range closed {
		if err == nil {
			err = to.Chmod(filepath.FromSlash(name), 0o500)
		}
	}
	return err
}

func lstamp(root *os.Root, name string) (stamp, error) {
	info, err := root.Lstat(filepath.FromSlash(name))
	if err != nil {
		return stamp{}, err
	}
	return stampOf(info), nil
}

// copyFile copies a file or a symbolic link; sockets and pipes are no content.
func copyFile(from, to *os.Root, name string, info fs.FileInfo) error {
	local := filepath.FromSlash(name)
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		target, err := from.Readlink(local)
		if err != nil {
			return err
		}
		if rel, err := filepath.Rel(from.Name(), target); err == nil && filepath.IsAbs(target) && filepath.IsLocal(rel) {
			target = filepath.Join(to.Name(), rel) // into the tree
		}
		return to.Symlink(target, local)
	case !mode.IsRegular():
		return nil
	}
	in, err := from.Open(local)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := to.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err := to.Chmod(local, info.Mode().Perm()); err != nil {
		return err
	}
	return to.Chtimes(local, info.ModTime(), info.ModTime())
}

// tick is more than the steps in which file systems count the time.
const tick = 20 * time.Millisecond

// layOver writes files into the copy; those without content go. What is written is newer
// than whatever the last run built, which builds go by.
func (p *place) layOver(overlay map[string][]byte) error {
	time.Sleep(time.Until(p.ended.Add(tick)))
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for name, content := range overlay {
		name = path.Clean(filepath.ToSlash(name))
		if err := noLinks(root, path.Dir(name)); err != nil {
			return err
		}
		p.laid = append(p.laid, name)
		mode := fs.FileMode(0o644)
		if info, err := root.Stat(filepath.FromSlash(name)); err == nil {
			mode = info.Mode().Perm()
		}
		if err := root.RemoveAll(filepath.FromSlash(name)); err != nil {
			return err
		}
		if content == nil {
			continue
		}
		if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(filepath.FromSlash(name), content, mode|0o200); err != nil {
			return err
		}
	}
	return nil
}

// noLinks refuses a folder that is one only by way of a symbolic link: no tree of git has
// files there.
func noLinks(root *os.Root, dir string) error {
	for ; dir != "."; dir = path.Dir(dir) {
		if info, err := root.Lstat(filepath.FromSlash(dir)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a symbolic link", dir)
		}
	}
	return nil
}

// restore puts back what a run or its overlay changed, and takes away what the overlay
// added. A file of the overlay is new again, since something may have been built from the
// content that it had meanwhile.
func (p *place) restore(ctx context.Context, c *Copies) error {
	from, err := os.OpenRoot(c.root)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenRoot(p.dir)
	if err != nil {
		return err
	}
	defer to.Close()
	touched := make(map[string]bool)
	for _, name := range p.laid {
		touched[name] = true
		if _, was := p.was[name]; was {
			continue
		}
		if err := to.RemoveAll(filepath.FromSlash(name)); err != nil {
			return err
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, was := p.was[dir]; was || to.Remove(filepath.FromSlash(dir)) != nil {
				break // the tree's, or with something else in it
			}
		}
	}
	p.laid = nil
	for name, was := range p.was {
		if err := ctx.Err(); err != nil {
			return err
		}
		if is, err := lstamp(to, name); err == nil && is == was {
			continue
		}
		if err := p.putBack(from, to, name, touched[name]); err != nil {
			return err
		}
	}
	return nil
}

// putBack makes one file or folder as it was.
func (p *place) putBack(from, to *os.Root, name string, touched bool) error {
	local := filepath.FromSlash(name)
	info, err := from.Lstat(local)
	if errors.Is(err, fs.ErrNotExist) { // a run in the tree has removed it
		delete(p.was, name)
		return to.RemoveAll(local)
	}
	if err != nil {
		return err
	}
	if is, err := to.Lstat(local); err == nil && is.IsDir() != info.IsDir() || err == nil && !is.IsDir() {
		if err := to.RemoveAll(local); err != nil {
			return err
		}
	}
	if info.IsDir() {
		err = to.MkdirAll(local, info.Mode().Perm()|0o700)
	} else if err = to.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err == nil {
		err = copyFile(from, to, name, info)
	}
	if err == nil && touched && info.Mode().IsRegular() {
		now := time.Now()
		err = to.Chtimes(local, now, now)
	}
	if err != nil {
		return err
	}
	p.was[name], err = lstamp(to, name)
	return err
}
