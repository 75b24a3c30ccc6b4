package repo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/confine"
)

// A transaction's directory has the journal and, for entry number i, the files "i.new" and "i.old".
// The steps of a transaction:
//
//	stage   write and sync i.new and i.old, then the journal. No file of the user has changed yet,
//	        and without a journal none will.
//	apply   rename i.new over its file, for each i; then write the index, if there is one
//	finish  remove the journal: done
//
// Whoever finds a journal looks at the files. If all of them, and the index, are new, the
// transaction is done. If not, undo restores the old content of those that are new, and does not
// touch those that are neither old nor new, because the user edited them. So undo can itself be
// interrupted and repeated.

// journalFile is the name of the journal in the transaction's directory.
const journalFile = "journal.json"

type journal struct {
	Entries []journalEntry `json:"entries"`
	Index   *stagedIndex   `json:"index,omitempty"`
}

type journalEntry struct {
	Path string    `json:"path"`
	Old  fileState `json:"old"`
	New  fileState `json:"new"`
	Made []string  `json:"made,omitempty"` // directories to create, outermost first
}

// entryPlan is an entry with the data to stage it.
type entryPlan struct {
	entry            journalEntry
	change           Change
	oldMode, newMode fs.FileMode
	oldTime, newTime time.Time
}

type transaction struct {
	tree    *Tree
	root    *os.Root
	entries []entryPlan
	index   *stagedIndex // written with the files; nil for none
}

// stage writes everything to the transaction's directory, the journal last.
func (x *transaction) stage(ctx context.Context) error {
	dir := x.tree.journal
	if err := x.tree.at("make the folder"); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return x.tree.unwritable(err)
	}
	j := journal{Index: x.index}
	for i, e := range x.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := e.change
		if c.OldExists {
			if err := x.keep(i, "old", c.Old, e.oldMode, true, e.oldTime); err != nil {
				return err
			}
		}
		if c.NewExists {
			if err := x.keep(i, "new", c.New, e.newMode, !c.made(), e.newTime); err != nil {
				return err
			}
		}
		j.Entries = append(j.Entries, e.entry)
	}
	text, err := json.MarshalIndent(j, "", "\t")
	if err != nil {
		return err
	}
	if err := x.tree.at("draft"); err != nil {
		return err
	}
	draft := filepath.Join(dir, "draft.json")
	if err := writeSynced(draft, text, 0o600, false, time.Now()); err != nil {
		return x.tree.unwritable(err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := x.tree.at("begin"); err != nil {
		return err
	}
	if err := os.Rename(draft, filepath.Join(dir, journalFile)); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

func staged(dir string, i int, side string) string {
	return filepath.Join(dir, fmt.Sprintf("%d.%s", i, side))
}

// keep stages one side of an entry.
func (x *transaction) keep(i int, side string, content []byte, mode fs.FileMode, exact bool, modified time.Time) error {
	if err := x.tree.at("stage %d %s", i, side); err != nil {
		return err
	}
	name := staged(x.tree.journal, i, side)
	var err error
	if isLink(mode) {
		err = os.Symlink(filepath.FromSlash(string(content)), name)
		if err == nil {
			err = touchLink(name, modified)
		}
	} else {
		err = writeSynced(name, content, mode, exact, modified)
	}
	if err != nil {
		return x.tree.unwritable(err)
	}
	return nil
}

// writeSynced writes a file to the disk and syncs it. Exact sets the permissions regardless of the
// umask.
func writeSynced(name string, content []byte, perm fs.FileMode, exact bool, modified time.Time) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm|0o200)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil && exact {
		err = file.Chmod(perm)
	}
	if err == nil {
		err = os.Chtimes(name, time.Time{}, modified)
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// apply moves the new files into place, and then writes the index. It compares each file again just
// before.
func (x *transaction) apply(ctx context.Context) error {
	for i, e := range x.entries {
		if err := x.tree.at("apply %d", i); err != nil {
			return err
		}
		now, err := x.tree.present(x.root, e.entry.Path)
		if err != nil {
			return err
		}
		if now.state() != e.entry.Old {
			return edited(e.entry.Path)
		}
		if i := slices.IndexFunc(now.missing, func(dir string) bool { return !slices.Contains(e.entry.Made, dir) }); i >= 0 {
			return edited(now.missing[i]) // undo would not remove it
		}
		if err := x.put(i, e.entry, "new"); err != nil {
			return &Error{Path: e.entry.Path, Err: err, Advice: "nothing was written; make the file and its directory writable"}
		}
	}
	if err := x.sync(); err != nil || x.index == nil {
		return err
	}
	if err := x.tree.at("index"); err != nil {
		return err
	}
	if err := x.tree.writeIndex(ctx, x.index); err != nil {
		return &Error{Path: x.index.File, Err: err, Advice: "nothing was written; another git process may be running here: commit again when it has ended"}
	}
	return nil
}

// put makes a file what it is on one side of the change.
func (x *transaction) put(i int, e journalEntry, side string) error {
	local := filepath.FromSlash(e.Path)
	if side == "new" && e.New == (fileState{}) || side == "old" && e.Old == (fileState{}) {
		if err := x.tree.at("remove %d", i); err != nil {
			return err
		}
		return x.root.Remove(local)
	}
	if parent := path.Dir(e.Path); parent != "." {
		if err := x.tree.at("make folders %d", i); err != nil {
			return err
		}
		if err := x.root.MkdirAll(filepath.FromSlash(parent), 0o777); err != nil {
			return err
		}
	}
	return x.place(i, staged(x.tree.journal, i, side), local)
}

// sibling returns the name of the hidden file through which entry i is written if its directory is
// on another file system than the journal.
func sibling(local string, i int) string {
	return filepath.Join(filepath.Dir(local), fmt.Sprintf("%s-%d", confine.Journal, i))
}

// placeViaSibling copies a staged file to a hidden one next to its target, and renames that.
func (x *transaction) placeViaSibling(i int, from, local string) error {
	temp := sibling(local, i)
	if err := x.clear(i, local); err != nil {
		return err
	}
	if err := x.tree.at("copy %d", i); err != nil {
		return err
	}
	err := x.copy(from, temp)
	if err == nil {
		err = x.tree.at("rename %d", i)
	}
	if err == nil {
		err = x.root.Rename(temp, local)
	}
	if err != nil {
		return errors.Join(err, x.clear(i, local))
	}
	return nil
}

// copy creates a file in the tree from a staged one.
func (x *transaction) copy(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if isLink(info.Mode()) {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		if err := x.root.Symlink(target, to); err != nil {
			return err
		}
		return x.touch(to, info.ModTime())
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	file, err := x.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(info.Mode()))
	if err == nil {
		err = x.root.Chtimes(to, time.Time{}, info.ModTime())
	}
	return errors.Join(err, file.Sync(), file.Close())
}

// clear removes the hidden file of an entry, if it exists.
func (x *transaction) clear(i int, local string) error {
	if err := x.tree.at("clear %d", i); err != nil {
		return err
	}
	if err := x.root.Remove(sibling(local, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sync syncs the renames to the disk.
func (x *transaction) sync() error {
	seen := make(map[string]bool)
	for _, e := range x.entries {
		for dir := path.Dir(e.entry.Path); !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			file, err := x.root.Open(filepath.FromSlash(dir))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			err = file.Sync()
			file.Close()
			if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
				return err
			}
		}
	}
	return nil
}

// finish cleans up after a transaction that is done.
func (x *transaction) finish() error {
	for i, e := range x.entries {
		if e.entry.New != (fileState{}) {
			continue
		}
		if err := x.tree.at("prune %d", i); err != nil {
			return err
		}
		x.prune(e.entry)
	}
	return x.close()
}

// close removes the transaction's directory, the journal first.
func (x *transaction) close() error {
	dir := x.tree.journal
	if err := x.tree.at("close"); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, journalFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := x.tree.at("clear up"); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), removeAll(dir))
}

// prune removes the directories above a deleted file that are empty now, like git.
func (x *transaction) prune(e journalEntry) {
	for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
		if x.root.Remove(filepath.FromSlash(dir)) != nil {
			return
		}
	}
}

// undo restores the old content of the files that are new.
func (x *transaction) undo() error {
	for i, e := range slices.Backward(x.entries) {
		entry := e.entry
		now, err := x.tree.present(x.root, entry.Path)
		replaced := errors.Is(err, ErrBadPath) // or a directory above it was replaced: the user edited it
		if err != nil && !replaced {
			return err
		}
		if err := x.clear(i, filepath.FromSlash(entry.Path)); err != nil && !replaced {
			return err
		}
		if !replaced && now.state() == entry.New {
			if err := x.tree.at("undo %d", i); err != nil {
				return err
			}
			if err := x.put(i, entry, "old"); err != nil {
				return &Error{Path: entry.Path, Err: err, Advice: "its old content is in " + staged(x.tree.journal, i, "old") + "; the next run of regreen tries again"}
			}
		}
		if err := x.tree.at("remove folders %d", i); err != nil {
			return err
		}
		for _, dir := range slices.Backward(entry.Made) {
			if x.root.Remove(filepath.FromSlash(dir)) != nil {
				break // not empty, or never created
			}
		}
	}
	if err := x.sync(); err != nil {
		return err
	}
	return x.close()
}

// recover finishes the transaction that a crash interrupted, if there is one.
func (t *Tree) recover(ctx context.Context, root *os.Root) error {
	text, err := os.ReadFile(filepath.Join(t.journal, journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return removeAll(t.journal)
	}
	var j journal
	if err == nil {
		err = json.Unmarshal(text, &j)
	}
	if err != nil {
		return &Error{Path: filepath.Join(t.journal, journalFile), Err: err, Advice: "an earlier write was interrupted, and its journal cannot be read; the old contents are next to it; remove the directory when you have restored them"}
	}
	x := &transaction{tree: t, root: root, index: j.Index}
	done := j.Index == nil || t.written(ctx, j.Index)
	for _, e := range j.Entries {
		if err := t.allowed(e.Path, confine.Existing); err != nil {
			return t.badPath(e.Path, err)
		}
		now, err := t.present(root, e.Path)
		if err != nil && !errors.Is(err, ErrBadPath) {
			return err
		}
		done = done && err == nil && now.state() == e.New
		x.entries = append(x.entries, entryPlan{entry: e})
	}
	if done {
		return x.finish()
	}
	return x.undo()
}
