package repo

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold is the same for two names that some file system takes for one: those of
// macOS and Windows ignore case, and that of macOS how accents are composed.
func fold(name string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFD.String(name)))
}

// collide refuses to make a file, or a folder for it, beside one whose name is the
// same to some file systems: there, one of the two would be lost. A file whose name
// changes by no more than that, in one transaction, may do so.
func (t *Tree) collide(root *os.Root, changes []Change) error {
	var (
		written = make(map[string]bool)                // paths of the files there will be
		deleted = make(map[string]bool)                // and of those there will not
		made    = make(map[string]string)              // paths of what does not exist yet, by their folded form
		folders = make(map[string]map[string][]string) // names in a folder, by their folded form
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
				return t.badPath(c.Path, fmt.Errorf("%s is to be a file", p))
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
				continue // it is not made
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
		Path: name, Err: fmt.Errorf("%w: it is the same name as %s where case does not count", ErrBadPath, other),
		Advice: "nothing was written; give one of the two another name",
	}
}

// above are the folders above a path, outermost first.
func above(p string) []string {
	var dirs []string
	for i, c := range p {
		if c == '/' {
			dirs = append(dirs, p[:i])
		}
	}
	return dirs
}

// list gives the names in a folder by their folded form; none when there is no such
// folder.
func list(root *os.Root, dir string) (map[string][]string, error) {
	info, err := root.Lstat(filepath.FromSlash(dir))
	if err != nil || !info.IsDir() {
		return nil, nil // whoever writes there tells
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

// same tells whether both names are of one file.
func same(root *os.Root, a, b string) bool {
	one, err := root.Lstat(filepath.FromSlash(a))
	if err != nil {
		return false
	}
	two, err := root.Lstat(filepath.FromSlash(b))
	return err == nil && os.SameFile(one, two)
}
