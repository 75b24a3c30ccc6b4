package repo

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/regreen-ci/regreen/internal/patch"
)

// fold returns the same for two names that are one to some file system: those of macOS and Windows
// ignore case, and that of macOS how accents are composed.
func fold(name string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFD.String(name)))
}

// collide refuses a new file or directory if another one has the same name on some file systems,
// where one of the two would be lost. It allows a transaction that renames a file in that way.
func (t *Tree) collide(root *os.Root, changes []Change) error {
	var (
		written = make(map[string]bool)                // paths of the files that will exist
		deleted = make(map[string]bool)                // paths of those that will not
		made    = make(map[string]string)              // new paths, by their folded form
		folders = make(map[string]map[string][]string) // names in a directory, by their folded form
	)
	for _, c := range changes {
		written[c.Path] = c.NewExists
		deleted[c.Path] = c.OldExists && !c.NewExists
	}
	for _, c := range changes {
		if !c.NewExists || c.OldExists {
			continue
		}
		for _, p := range append(above(c.Path), c.Path) {
			if p != c.Path && written[p] {
				return t.badPath(c.Path, fmt.Errorf("%s becomes a file in the same change", patch.Quote(p)))
			}
			dir, base := path.Split(p)
			names, known := folders[dir]
			if !known {
				var err error
				if names, err = list(root, path.Clean(dir)); err != nil {
					return err
				}
				folders[dir] = names
			}
			alike := names[fold(base)]
			if slices.Contains(alike, base) {
				continue // it exists
			}
			for _, name := range alike {
				other := dir + name
				if p != c.Path || !deleted[other] || same(root, other, p) {
					return t.collision(p, other)
				}
			}
			if other, ok := made[fold(p)]; ok && other != p {
				return t.collision(p, other)
			}
			made[fold(p)] = p
		}
	}
	return nil
}

func (t *Tree) collision(name, other string) error {
	return &Error{
		Path: name, Err: fmt.Errorf("%w: it has the same name as %s on file systems that ignore case", ErrBadPath, patch.Quote(other)),
		Advice: "nothing was written; rename one of the two",
	}
}

// above returns the directories above a path, outermost first.
func above(p string) []string {
	var dirs []string
	for i, c := range p {
		if c == '/' {
			dirs = append(dirs, p[:i])
		}
	}
	return dirs
}

// list returns the names in a directory by their folded form, or none if there is no such
// directory.
func list(root *os.Root, dir string) (map[string][]string, error) {
	info, err := root.Lstat(filepath.FromSlash(dir))
	if err != nil || !info.IsDir() {
		return nil, nil // the write fails
	}
	file, err := root.Open(filepath.FromSlash(dir))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names, err := file.Readdirnames(-1)
	folded := make(map[string][]string, len(names))
	for _, name := range names {
		folded[fold(name)] = append(folded[fold(name)], name)
	}
	return folded, err
}

// same reports whether two names are the same file.
func same(root *os.Root, a, b string) bool {
	one, err := root.Lstat(filepath.FromSlash(a))
	if err != nil {
		return false
	}
	two, err := root.Lstat(filepath.FromSlash(b))
	return err == nil && os.SameFile(one, two)
}
