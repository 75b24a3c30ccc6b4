package testrun

import (
	"cmp"
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

// Copies are the directories that a suite runs in when its runner has no overlay of its own:
// the tree itself, for one run at a time, and a copy of it for each run with an overlay.
type Copies struct {
	root   string
	around string // see NewCopies
	temp   func() string
	skip   func(name string) bool // files that no copy needs
	tree   chan struct{}          // holds an element while the tree is run in or read

	mu     sync.Mutex
	idle   []*treeCopy
	closed bool
}

// NewCopies returns the copies of a tree. They are made when needed, in the directory that
// temp returns, or in the system's temporary directory if that is "". Around, unless it is "",
// is a directory above root: a copy has the same things around it, by links. Skip, if set,
// reports which files no copy needs.
func NewCopies(root, around string, temp func() string, skip func(name string) bool) *Copies {
	return &Copies{root: root, around: cmp.Or(around, root), temp: temp, skip: skip, tree: make(chan struct{}, 1)}
}

// treeCopy is a copy of the tree.
type treeCopy struct {
	dir     string
	remove  func()
	was     map[string]stamp // what it began with
	overlay []string         // files of the overlay
	ended   time.Time        // when the last run ended
}

// stamp identifies the content of a file. Writing to the file changes the time.
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

// Enter returns a directory that has the overlay: a copy or, without an overlay, the tree
// itself, which only one run has at a time. Always call leave, or the next run waits forever.
// If ctx has ended, the error wraps its cause.
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
	if err := p.apply(overlay); err != nil {
		p.remove()
		return "", nil, fmt.Errorf("overlay: %w", err)
	}
	return p.dir, func() { c.release(ctx, p) }, nil
}

// take returns an idle copy or makes one.
func (c *Copies) take(ctx context.Context) (*treeCopy, error) {
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
	p := &treeCopy{dir: dir, remove: remove, was: make(map[string]stamp)}
	err = p.surround(c)
	if err == nil {
		err = p.fill(ctx, c)
	}
	if err != nil {
		remove()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("tests: %w", context.Cause(ctx))
		}
		return nil, &NotRunError{What: "cannot copy the tree: " + err.Error(), Where: c.root, Advice: "free some space, or set TMPDIR to a directory with more"}
	}
	return p, nil
}

// release restores a copy for the next run.
func (c *Copies) release(ctx context.Context, p *treeCopy) {
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

// Close removes the copies; one that is in use goes when its run ends.
func (c *Copies) Close() {
	c.mu.Lock()
	idle := c.idle
	c.idle, c.closed = nil, true
	c.mu.Unlock()
	for _, p := range idle {
		p.remove()
	}
}

// surround moves the place of the copy into a directory like that of the tree.
func (p *treeCopy) surround(c *Copies) error {
	way, err := filepath.Rel(c.around, c.root)
	if err != nil || !filepath.IsLocal(way) {
		return fmt.Errorf("%s is not above %s", c.around, c.root)
	}
	outer := p.dir
	p.dir = filepath.Join(outer, way)
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	for ; way != "."; way = filepath.Dir(way) {
		entries, err := os.ReadDir(filepath.Join(c.around, filepath.Dir(way)))
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := filepath.Join(filepath.Dir(way), e.Name())
			if name == way {
				continue
			}
			if err := os.Symlink(filepath.Join(c.around, name), filepath.Join(outer, name)); err != nil && !errors.Is(err, fs.ErrPermission) {
				return err
			}
		}
	}
	return nil
}

// fill copies the tree: files with their modes and times, so that builds see what is
// current, and symbolic links as they are.
func (p *treeCopy) fill(ctx context.Context, c *Copies) error {
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
	var closed []string // directories that forbid writing
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
		if errors.Is(err, fs.ErrNotExist) { // a socket or a pipe
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

// copyFile copies a file or a symbolic link; it skips sockets and pipes.
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

// tick is longer than the resolution of file times.
const tick = 20 * time.Millisecond

// apply writes the overlay's files into the copy and removes those without content. What it
// writes is newer than anything the last run built, so builds pick it up.
func (p *treeCopy) apply(overlay map[string][]byte) error {
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
		p.overlay = append(p.overlay, name)
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

// noLinks refuses a directory that is reached through a symbolic link: a git tree has no
// files there.
func noLinks(root *os.Root, dir string) error {
	for ; dir != "."; dir = path.Dir(dir) {
		if info, err := root.Lstat(filepath.FromSlash(dir)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a symbolic link", dir)
		}
	}
	return nil
}

// restore puts back what a run or its overlay changed, and removes what the overlay added. A
// file of the overlay gets a new time, since something may have been built from the overlay.
func (p *treeCopy) restore(ctx context.Context, c *Copies) error {
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
	for _, name := range p.overlay {
		touched[name] = true
		if _, was := p.was[name]; was {
			continue
		}
		if err := to.RemoveAll(filepath.FromSlash(name)); err != nil {
			return err
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, was := p.was[dir]; was || to.Remove(filepath.FromSlash(dir)) != nil {
				break // it is the tree's, or not empty
			}
		}
	}
	p.overlay = nil
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

// putBack restores one file or directory.
func (p *treeCopy) putBack(from, to *os.Root, name string, touched bool) error {
	local := filepath.FromSlash(name)
	info, err := from.Lstat(local)
	if errors.Is(err, fs.ErrNotExist) { // a run in the tree removed it
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
