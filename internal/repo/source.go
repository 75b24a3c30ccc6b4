package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Source is a tree of a repository. The zero value is the index.
type Source struct {
	kind sourceKind
	name string // of an index file or a revision
}

type sourceKind int

const (
	index sourceKind = iota
	commit
	workTree
)

// Index is the tree that is about to be committed. File names the index file; "" means that of
// GIT_INDEX_FILE, or the worktree's own.
func Index(file string) Source { return Source{kind: index, name: file} }

// Commit is the tree of a revision.
func Commit(rev string) Source { return Source{kind: commit, name: rev} }

// WorkTree is the files on disk: tracked ones, and untracked ones that are not ignored.
func WorkTree() Source { return Source{kind: workTree} }

// Revision returns the revision of a Commit, and false for other sources.
func (s Source) Revision() (rev string, ok bool) { return s.name, s.kind == commit }

func (s Source) String() string {
	switch s.kind {
	case commit:
		return s.name
	case workTree:
		return "working tree"
	default:
		return "index"
	}
}

// indexFile returns the path of the index of src.
func (r *Repo) indexFile(src Source) string {
	file := src.name
	if file == "" {
		file = r.git.getenv("GIT_INDEX_FILE")
	}
	return r.Folders().IndexFile(file)
}

// copyIndex copies an index. It does nothing if the index does not exist yet.
func copyIndex(from, to string) error {
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	// Git reads files that changed no earlier than their index was written ("racy git"). A copy
	// with a newer time would hide an edit at that moment.
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

// TreeHash returns git's hash of the tree of src: equal hashes mean equal files. It writes neither
// to the index nor to the repository's objects.
func (r *Repo) TreeHash(ctx context.Context, src Source) (string, error) {
	if src.kind == commit {
		hash, err := r.Resolve(ctx, src.name)
		if err != nil {
			return "", err
		}
		return r.git.line(ctx, "rev-parse", hash+"^{tree}")
	}
	// A copy of the index and the new objects go to a temporary directory.
	scratch, err := r.scratch(ctx)
	if err != nil {
		return "", err
	}
	defer scratch.Close() //nolint:errcheck // the next one removes it
	file := filepath.Join(scratch.Dir, "index")
	if err := copyIndex(r.indexFile(src), file); err != nil {
		return "", err
	}
	g := r.apart(file, scratch.Dir)
	if src.kind == workTree {
		if err := stageWorkTree(ctx, g); err != nil {
			return "", err
		}
	}
	hash, err := g.line(ctx, "write-tree")
	if err != nil && gitSays(err, "unmerged") {
		return "", r.unmerged()
	}
	return hash, err
}

// ownObjects returns the variables with which git writes new objects to a directory, and reads the
// repository's as well.
func (r *Repo) ownObjects(dir string) []string {
	return []string{"GIT_OBJECT_DIRECTORY=" + dir, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + formatAlternates(r.objectDirs(), os.PathListSeparator)}
}

// apart returns a git for the working tree with an index of its own, which writes objects to a
// directory and reads those of the repository, too.
func (r *Repo) apart(index, objects string) git {
	return r.git.private(index).with(r.ownObjects(objects)...)
}

// stageWorkTree makes the index that of the working tree: like git add, but it leaves out a
// repository inside of this one, which git add takes for a submodule or refuses.
func stageWorkTree(ctx context.Context, g git) error {
	out, _, err := g.unfiltered(ctx, nil, "ls-files", "--modified", "--deleted", "--others", "--exclude-standard", "--deduplicate", "-z")
	if err != nil {
		return err
	}
	var in bytes.Buffer
	for _, name := range splitNames(out) {
		if !strings.HasSuffix(name, "/") {
			in.WriteString(name + "\x00")
		}
	}
	if in.Len() == 0 {
		return nil
	}
	_, _, err = g.unfiltered(ctx, in.Bytes(), "update-index", "--add", "--remove", "--replace", "-z", "--stdin")
	return err
}

func (r *Repo) unmerged() error {
	return &Error{Path: r.root, Err: ErrUnmerged, Advice: "resolve the conflicts and `git add` the files; `git status` lists them"}
}

// entry is one file of an index.
type entry struct {
	mode, hash, path string
}

const moduleMode = "160000"

// list returns the entries of an index.
func (r *Repo) list(ctx context.Context, g git) ([]entry, error) {
	entries, err := listEntries(ctx, g)
	if errors.Is(err, ErrUnmerged) {
		return nil, r.unmerged()
	}
	return entries, err
}

// listEntries returns the entries of some paths, or of all.
func listEntries(ctx context.Context, g git, paths ...string) ([]entry, error) {
	var entries []entry
	err := readEntries(ctx, g, append([]string{"ls-files", "--stage", "-z", "--"}, paths...), func(mode, hash, stage, path string) error {
		if stage != "0" {
			return ErrUnmerged
		}
		entries = append(entries, entry{mode, hash, path})
		return nil
	})
	return entries, err
}

// treeEntries returns all files of a commit.
func treeEntries(ctx context.Context, g git, commit string) ([]entry, error) {
	var entries []entry
	err := readEntries(ctx, g, []string{"ls-tree", "-r", "-z", "--full-tree", commit}, func(mode, _, hash, path string) error {
		entries = append(entries, entry{mode, hash, path})
		return nil
	})
	return entries, err
}

// readEntries reads a list of git with three fields, a tab and a path per entry.
func readEntries(ctx context.Context, g git, args []string, do func(a, b, c, path string) error) error {
	out, err := g.output(ctx, args...)
	if err != nil {
		return err
	}
	for _, line := range splitNames(out) {
		head, path, _ := strings.Cut(line, "\t")
		f := strings.Fields(head)
		if len(f) != 3 {
			return fmt.Errorf("git %s: cannot read %q", args[0], line)
		}
		if err := do(f[0], f[1], f[2], path); err != nil {
			return err
		}
	}
	return nil
}
