package repo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lockfile"
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

// journalName is the transaction's folder in a plain folder, only while one is
// under way.
const journalName = ".regreen-write"

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
	return &Tree{root: root, journal: filepath.Join(root, journalName)}, nil
}

// Root is the tree's folder, absolute.
func (t *Tree) Root() string { return t.root }

// Change is one file before and after.
type Change struct {
	Path                 string // slash-separated, relative to the root
	Old, New             []byte
	OldExists, NewExists bool
	// Mode is for a new file, and for one whose executable bit changes. 0 keeps
	// what is there; a new file is then not executable.
	Mode fs.FileMode
}

// Write carries out all changes or none. It is a transaction: when the process
// or the machine dies at any point, the next Write or Recover finds it done, or
// undoes the part that was. It first finishes one that died before.
//
// It refuses with ErrEdited when a file is not as Old says, and with ErrBadPath
// for paths that lead out of the tree, into .git, or over a symbolic link; then
// nothing is written. Each file is replaced by an atomic rename and keeps its
// mode. Folders are made and, when they become empty, removed. A context that
// ends in time prevents the transaction, but does not tear it.
func (t *Tree) Write(ctx context.Context, changes []Change) error { return t.write(ctx, changes, nil) }

// write is Write, with the index along when there is one.
func (t *Tree) write(ctx context.Context, changes []Change, index *stagedIndex) error {
	return t.locked(ctx, func(root *os.Root) error {
		entries, err := t.plan(root, changes)
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
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.journal), 0o755); err != nil {
		return t.unwritable(err)
	}
	held, err := lockfile.Wait(ctx, t.journal+lockSuffix)
	if err != nil {
		return t.unwritable(err)
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
	return do(root)
}

func (t *Tree) unwritable(err error) error {
	return &Error{Path: filepath.Dir(t.journal), Err: err, Hint: "regreen keeps the journal of its writes there; make the folder writable"}
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
func (t *Tree) plan(root *os.Root, changes []Change) ([]entryPlan, error) {
	var entries []entryPlan
	seen := make(map[string]bool)
	for _, c := range changes {
		if err := t.checkPath(c.Path); err != nil {
			return nil, err
		}
		if seen[c.Path] {
			return nil, t.badPath(c.Path, "it is named twice")
		}
		seen[c.Path] = true
		if !c.OldExists && !c.NewExists {
			continue
		}
		made, err := t.missingDirs(root, c.Path)
		if err != nil {
			return nil, err
		}
		now, perm, err := t.present(root, c.Path)
		if err != nil {
			return nil, err
		}
		e := entryPlan{change: c, entry: journalEntry{Path: c.Path, Made: made, Old: now}, oldPerm: perm, newPerm: newPerm(c, perm)}
		if old := stateOf(c.OldExists, c.Old, perm); old != now {
			return nil, edited(c.Path)
		}
		e.entry.New = stateOf(c.NewExists, c.New, e.newPerm)
		if e.entry.New != e.entry.Old {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// newPerm is the permissions a file gets: its own, with the executable bit of the
// change. For a new file the umask takes its part later.
func newPerm(c Change, old fs.FileMode) fs.FileMode {
	switch {
	case !c.OldExists && executable(c.Mode):
		return 0o777
	case !c.OldExists:
		return 0o666
	case c.Mode == 0 || executable(c.Mode) == executable(old):
		return old
	case executable(c.Mode):
		return old | (old & 0o444 >> 2) // for whom it may read
	default:
		return old &^ 0o111
	}
}

// checkPath refuses what cannot be a path of the tree's own files.
func (t *Tree) checkPath(p string) error {
	if p == "." || path.Clean(p) != p || strings.Contains(p, "\x00") || !filepath.IsLocal(filepath.FromSlash(p)) {
		return t.badPath(p, "it leads out of the tree")
	}
	for _, part := range strings.Split(p, "/") {
		// As git refuses them: other spellings that some file systems take for .git.
		name := strings.TrimRight(strings.ToLower(part), ". ")
		if name == ".git" || name == "git~1" || strings.HasPrefix(name, ".git:") || name == journalName {
			return t.badPath(p, "it belongs to git or regreen")
		}
	}
	if slices.ContainsFunc(t.private, func(dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }) {
		return t.badPath(p, "it belongs to git")
	}
	return nil
}

func (t *Tree) badPath(p, why string) error {
	return &Error{Path: p, Err: fmt.Errorf("%w: %s", ErrBadPath, why)}
}

// missingDirs lists the folders above p that do not exist, outermost first. A
// symbolic link among those that do is refused.
func (t *Tree) missingDirs(root *os.Root, p string) ([]string, error) {
	var missing []string
	for i, c := range p {
		if c != '/' {
			continue
		}
		dir := p[:i]
		if len(missing) > 0 { // below one that is missing
			missing = append(missing, dir)
			continue
		}
		info, err := root.Lstat(filepath.FromSlash(dir))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, dir)
		case err != nil:
			return nil, err
		case info.Mode()&fs.ModeSymlink != 0:
			return nil, t.badPath(p, dir+" is a symbolic link")
		case !info.IsDir():
			return nil, t.badPath(p, dir+" is not a folder")
		}
	}
	return missing, nil
}

// fileState is what a transaction compares of a file: its content and whether it
// is executable. The zero value is a file that does not exist.
type fileState struct {
	SHA256     string `json:"sha256,omitempty"`
	Executable bool   `json:"executable,omitempty"`
}

func stateOf(exists bool, content []byte, perm fs.FileMode) fileState {
	if !exists {
		return fileState{}
	}
	sum := sha256.Sum256(content)
	return fileState{SHA256: hex.EncodeToString(sum[:]), Executable: executable(perm)}
}

func executable(perm fs.FileMode) bool { return perm&0o100 != 0 }

func edited(p string) error {
	return &Error{Path: p, Err: ErrEdited, Hint: "nothing was written; run regreen again for the file as it is now"}
}

// present is the state and the permissions of a file as it is now.
func (t *Tree) present(root *os.Root, p string) (fileState, fs.FileMode, error) {
	local := filepath.FromSlash(p)
	info, err := root.Lstat(local)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fileState{}, 0, nil
	case err != nil:
		return fileState{}, 0, err
	case info.Mode()&fs.ModeSymlink != 0:
		return fileState{}, 0, t.badPath(p, "it is a symbolic link")
	case !info.Mode().IsRegular():
		return fileState{}, 0, t.badPath(p, "it is not an ordinary file")
	}
	content, err := root.ReadFile(local)
	if err != nil {
		return fileState{}, 0, err
	}
	perm := info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	return stateOf(true, content, perm), perm, nil
}
