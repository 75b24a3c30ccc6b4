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

// Tree is a folder of a user's files that can be written to in transactions. A
// Repo has one; Dir makes one of a folder that is no repository.
type Tree struct {
	root    string
	state   string   // of a repository
	journal string   // folder of the transaction under way
	private []string // folders below root that are git's own, relative, slash-separated
	git     git      // of a repository

	// step is called before each step that changes something on disk; tests
	// fail there, or crash. It is nil otherwise.
	step func(name string) error
}

// Dir makes a Tree of a plain folder. There the journal of a transaction is a
// hidden folder inside it, which is gone afterwards.
func Dir(dir string) (*Tree, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(root)
	if err == nil && !info.IsDir() {
		err = errors.New("is not a folder")
	}
	if err != nil {
		return nil, &Error{Path: root, Err: err}
	}
	return &Tree{root: root, journal: filepath.Join(root, confine.Journal)}, nil
}

// Root is the tree's folder, absolute.
func (t *Tree) Root() string { return t.root }

// Change is one file, or symbolic link, before and after. What a link holds is where
// it leads to.
type Change struct {
	Path                 string // slash-separated, relative to the root
	Old, New             []byte
	OldExists, NewExists bool
	// OldMode is that of the old one. Only whether it is fs.ModeSymlink is compared.
	OldMode fs.FileMode
	// Mode is for a new file, and for one whose executable bit or kind changes:
	// fs.ModeSymlink makes it a link. 0 keeps what is there; a new file is then not
	// executable.
	Mode fs.FileMode
	// Placed tells where the hunks of a patch went that makes New of Old.
	Placed []patch.Placement `json:"-"`
}

func (c Change) oldLink() bool { return c.OldExists && isLink(c.OldMode) }

func (c Change) newLink() bool {
	return c.NewExists && (isLink(c.Mode) || c.Mode == 0 && c.oldLink())
}

// made tells whether the file is one that was not there, or not as an ordinary file.
func (c Change) made() bool { return !c.OldExists || c.oldLink() }

// Write carries out all changes or none. It is a transaction: when the process
// or the machine dies at any point, the next Write or Recover finds it done, or
// undoes the part that was. It first finishes one that died before.
//
// Nothing is written when it refuses: with ErrEdited when a file is not as Old says;
// with ErrBadPath for paths, and links, that lead out of the tree or into .git, for
// paths over a symbolic link, and for names that another file has where case does
// not count; with ErrProtected for a file that is not editable; and with ErrTooLarge.
//
// Each file is replaced by an atomic rename and keeps its mode. It is modified later
// than before, and not earlier than the changes before it. Folders are made and, when
// they become empty, removed. A context that ends in time prevents the transaction,
// but does not tear it.
func (t *Tree) Write(ctx context.Context, changes []Change, editable Editable) error {
	return t.write(ctx, changes, editable, nil)
}

// Check tells whether Write would refuse, as things are now.
func (t *Tree) Check(changes []Change, editable Editable) error {
	root, err := os.OpenRoot(t.root)
	if err != nil {
		return err
	}
	defer root.Close()
	_, err = t.plan(root, changes, editable)
	return err
}

// write is Write, with the index along when there is one.
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

// Recover finishes what a crashed Write left: when all its files are written it
// is done, else those that are get their old content back, except where someone
// edited them since. Without such remains it does nothing.
func (t *Tree) Recover(ctx context.Context) error {
	if _, err := os.Lstat(t.journal); err != nil {
		return nil // none is there, or none can be: the next Write tells
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
	return &Error{Path: filepath.Dir(t.journal), Err: err, Advice: "regreen keeps the journal of its writes there; make the folder writable"}
}

// at tells that a step is about to be taken.
func (t *Tree) at(step string, args ...any) error {
	if t.step == nil {
		return nil
	}
	return t.step(fmt.Sprintf(step, args...))
}

// plan checks all changes against the tree and turns them into entries, without
// those that change nothing.
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
			old = c.OldMode // and so another one than now
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
	return &Error{Path: p, Err: ErrEdited, Advice: "nothing was written; run regreen again for the file as it is now"}
}
