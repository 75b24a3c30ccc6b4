package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/regreen-ci/regreen/internal/confine"
	"github.com/regreen-ci/regreen/internal/lockfile"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// Tree is a directory of a user's files that is written in transactions. A Repo has one; Dir
// returns one for a directory that is not a repository.
type Tree struct {
	root    string
	state   string   // of a repository
	journal string   // directory of the transaction in progress
	private []string // git's own directories below root, relative, slash-separated
	git     git      // of a repository

	// step is called before each step that changes something on disk. Tests fail or crash there;
	// it is nil otherwise.
	step func(name string) error
}

// Dir returns a Tree for a plain directory. The journal of a transaction is a hidden directory in
// it, which is removed afterwards.
func Dir(dir string) (*Tree, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(root)
	var failed *fs.PathError
	switch {
	case errors.As(err, &failed):
		return nil, &Error{Path: root, Err: failed.Err}
	case err != nil:
		return nil, &Error{Path: root, Err: err}
	case !info.IsDir():
		return nil, &Error{Path: root, Err: errors.New("not a directory")}
	}
	return &Tree{root: root, journal: filepath.Join(root, confine.Journal)}, nil
}

// Root returns the absolute path of the tree.
func (t *Tree) Root() string { return t.root }

// Change is one file, or symbolic link, before and after. The content of a link is its target.
type Change struct {
	Path                 string // slash-separated, relative to the root
	Old, New             []byte
	OldExists, NewExists bool
	// OldMode is the mode of the old file. Only fs.ModeSymlink is compared.
	OldMode fs.FileMode
	// Mode is the mode of a new file, or of one whose executable bit or kind changes;
	// fs.ModeSymlink makes it a link. With 0, a file keeps its mode, and a new one is not
	// executable.
	Mode fs.FileMode
	// Placed says where the hunks of the patch that turns Old into New were applied.
	Placed []patch.Placement `json:"-"`
	// Restored says that a file is not new: it existed under this name before.
	Restored bool `json:"-"`
}

func (c Change) oldLink() bool { return c.OldExists && isLink(c.OldMode) }

func (c Change) newLink() bool {
	return c.NewExists && (isLink(c.Mode) || c.Mode == 0 && c.oldLink())
}

// made reports whether the file is new, or was a link.
func (c Change) made() bool { return !c.OldExists || c.oldLink() }

// Write makes all changes or none. It is a transaction: if the process or the machine dies at any
// point, the next Write or Recover finds it done, or undoes the part that was done. Write first
// finishes an interrupted transaction.
//
// Write refuses, and writes nothing, with ErrEdited if a file is not as in Old; with ErrBadPath for
// paths and links that lead out of the tree or into .git, for paths through a symbolic link, and
// for names that another file has on file systems that ignore case; with ErrProtected for files
// that are not editable; and with ErrTooLarge.
//
// Write replaces each file by an atomic rename, and keeps its mode. The new modification time is
// later than the old one, and not before those of the changes before it. Write creates directories,
// and removes those that become empty. If ctx ends before the transaction,
// nothing changes; later, it has no effect.
func (t *Tree) Write(ctx context.Context, changes []Change, editable Editable) error {
	return t.write(ctx, changes, editable, nil)
}

// Check returns the error with which Write would refuse now, or nil.
func (t *Tree) Check(changes []Change, editable Editable) error {
	root, err := os.OpenRoot(t.root)
	if err != nil {
		return err
	}
	defer root.Close()
	_, err = t.plan(root, changes, editable)
	return err
}

// write is Write, which also writes the index if it is not nil.
func (t *Tree) write(ctx context.Context, changes []Change, editable Editable, index *stagedIndex) error {
	return t.locked(ctx, func(root *os.Root) error {
		entries, err := t.plan(root, changes, editable)
		if err != nil || len(entries) == 0 {
			return err
		}
		tx := &transaction{tree: t, root: root, entries: entries, index: index}
		if err := tx.stage(ctx); err != nil {
			return errors.Join(err, removeAll(t.journal))
		}
		if err := tx.apply(context.WithoutCancel(ctx)); err != nil {
			return errors.Join(err, tx.undo())
		}
		return tx.finish()
	})
}

// Recover finishes an interrupted Write. If all its files are written, it is done; otherwise
// Recover restores the old content of those that are, except for later edits. Without an
// interrupted Write, it does nothing.
func (t *Tree) Recover(ctx context.Context) error {
	if _, err := os.Lstat(t.journal); err != nil {
		return nil // none, or an error that the next Write reports
	}
	return t.locked(ctx, func(*os.Root) error { return nil })
}

// locked runs do as the only writer of the tree, after recovery.
func (t *Tree) locked(ctx context.Context, do func(root *os.Root) error) (err error) {
	if err := ctx.Err(); err != nil {
		return usererr.Unchanged(err)
	}
	if err := t.at("lock"); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.journal), 0o755); err != nil {
		return t.unwritable(err)
	}
	held, err := lockfile.Wait(ctx, t.journal+lockSuffix)
	if err != nil {
		return usererr.Unchanged(t.unwritable(err))
	}
	defer func() { err = errors.Join(err, held.Remove()) }()
	root, err := os.OpenRoot(t.root)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := t.recover(ctx, root); err != nil {
		return err
	}
	return errors.Join(do(root), t.at("unlock"))
}

func (t *Tree) unwritable(err error) error {
	return &Error{Path: filepath.Dir(t.journal), Err: err, Advice: "regreen keeps the journal of its writes there; make the directory writable"}
}

// at announces the next step to the test, if there is one.
func (t *Tree) at(step string, args ...any) error {
	if t.step == nil {
		return nil
	}
	return t.step(fmt.Sprintf(step, args...))
}

// plan checks all changes against the tree and returns their entries, without those that change
// nothing.
func (t *Tree) plan(root *os.Root, changes []Change, editable Editable) ([]entryPlan, error) {
	if err := t.permit(changes, editable); err != nil {
		return nil, err
	}
	if err := t.collide(root, changes); err != nil {
		return nil, err
	}
	var entries []entryPlan
	newest := time.Now()
	for _, c := range changes {
		if !c.OldExists && !c.NewExists {
			continue
		}
		now, err := t.present(root, c.Path)
		if err != nil {
			return nil, err
		}
		if isLink(now.mode) && !c.oldLink() {
			return nil, t.badPath(c.Path, errors.New("it is a symbolic link"))
		}
		old := now.mode
		if !isLink(now.mode) && c.oldLink() {
			old = c.OldMode // so it differs from now
		}
		if stateOf(c.OldExists, c.Old, old) != now.state() {
			return nil, edited(c.Path)
		}
		e := entryPlan{change: c, oldMode: now.mode, oldTime: now.modified, newMode: newMode(c, now.mode)}
		e.entry = journalEntry{Path: c.Path, Made: now.missing, Old: now.state(), New: stateOf(c.NewExists, c.New, e.newMode)}
		if e.entry.New == e.entry.Old {
			continue
		}
		if c.NewExists {
			newest = later(newest, now.modified)
			e.newTime = newest
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func edited(p string) error {
	return &Error{Path: p, Err: ErrEdited, Advice: "nothing was written; run regreen again"}
}
