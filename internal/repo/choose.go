package repo

import (
	"os"
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/confine"
	"github.com/regreen-ci/regreen/internal/patch"
)

// Choose returns the files of a patch for a directory of the tree, each with the name that its
// header means, and how many of them the patch changes although they do not exist. With reverse, the
// patch is to be undone.
//
// A header without git's first line can give up to three names (--- x.orig, +++ x, Index: x). Like
// GNU patch, Choose takes the best one that exists: with the fewest directories, then the shortest,
// then the first; and like POSIX that after "Index:" if neither of the others exists. Git's header gives two names only for a file that moves. Without a line
// "rename from", and if only the new one exists, the old name is taken for the name of a backup.
func (t *Tree) Choose(dir string, read patch.Reading, reverse bool) (files []patch.File, missing int, err error) {
	root, err := os.OpenRoot(t.Root())
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = root.Close() }()
	made := make(map[string]bool) // by the patch itself
	for _, f := range read.Files {
		if f.New || f.Rename || f.Copy {
			made[f.NewName] = true
		}
		if f.Delete || f.Rename {
			made[f.OldName] = true // when it is undone, or in a later commit of a series
		}
	}
	exists := func(name string) bool {
		if made[name] {
			return true
		}
		if confine.Existing(name) != nil {
			return false
		}
		file, err := t.named(root, path.Join(dir, name))
		return err == nil && file.exists
	}
	files = slices.Clone(read.Files)
	for i := range files {
		f := &files[i]
		if f.New && !reverse || f.Delete && reverse {
			continue
		}
		if f.OldName != "" && f.NewName != "" && !f.Rename && !f.Copy {
			if name := chosen(read.Parts[i], exists); name != "" {
				f.OldName, f.NewName = name, name
			}
		}
		name := f.OldName
		if reverse {
			name = f.NewName
		}
		if name != "" && !exists(name) && !adds(*f, reverse) {
			missing++
		}
	}
	return files, missing, nil
}

// adds reports whether a part of a patch may create its file without saying so.
func adds(f patch.File, reverse bool) bool { return !reverse && creates(f) }

// chosen returns the name of the file that a part of a patch changes, or "" if its names are right,
// or if no such file exists.
func chosen(part patch.Part, exists func(name string) bool) string {
	names := part.Names
	switch {
	case len(names) < 2:
		return ""
	case part.Reader == patch.GitDiff:
		if names[0] != names[1] && !exists(names[0]) && exists(names[1]) {
			return names[1]
		}
		return ""
	}
	best := ""
	for i, name := range names {
		if i == 2 && best != "" {
			break // the line "Index:"
		}
		if exists(name) && (best == "" || better(name, best)) {
			best = name
		}
	}
	return best
}

// better reports whether GNU patch takes a before b. Its manual also names the last part of the name,
// which it does not look at.
func better(a, b string) bool {
	if x, y := strings.Count(a, "/"), strings.Count(b, "/"); x != y {
		return x < y
	}
	return len(a) < len(b)
}
