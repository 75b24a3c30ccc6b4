package gotest

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// tree maps the file names that tools print to files of the tree under test.
type tree struct {
	roots   []string // the root as it was given, and without symbolic links
	modules []Module // the innermost first
	over    overlay

	elsewhere func(name string) string // for the paths of another machine; may be nil
}

func (s *Suite) tree(over overlay) tree {
	t := tree{roots: []string{s.Root}, modules: slices.Clone(s.Modules), over: over}
	if real, err := filepath.EvalSymlinks(s.Root); err == nil && real != s.Root {
		t.roots = append(t.roots, real)
	}
	slices.SortFunc(t.modules, func(a, b Module) int { return len(b.Path) - len(a.Path) })
	return t
}

// file returns name as a slash-separated path relative to the root, or "" if it is outside of
// the tree or in a vendor directory, which is not the project's own code. A relative name is
// relative to dir, an absolute directory, unless it begins with the path of a module, as with
// -trimpath.
func (t tree) file(name, dir string) string {
	file, inside := t.inside(name, dir)
	if !inside && t.elsewhere != nil {
		return t.elsewhere(name)
	}
	return file
}

// inside is file for a path of this machine. ok is false if it is outside of the tree.
func (t tree) inside(name, dir string) (file string, ok bool) {
	if !filepath.IsAbs(name) {
		slashed := filepath.ToSlash(name)
		for _, m := range t.modules {
			if rest, ok := strings.CutPrefix(slashed, m.Path+"/"); ok && m.Path != "" {
				if dir == "" || !exists(filepath.Join(dir, name)) {
					return projectFile(path.Join(m.Dir, rest)), true
				}
			}
		}
		if dir == "" {
			return "", false
		}
		if rest, ok := strings.CutPrefix(name, "."); ok && rest != "" && !os.IsPathSeparator(rest[0]) && !strings.HasPrefix(rest, "."+string(filepath.Separator)) {
			name = dir + rest // the go command shortens the path of x/dir.1/f to .1/f in x/dir
		} else {
			name = filepath.Join(dir, name)
		}
	}
	if laid, ok := t.over.names[filepath.Clean(name)]; ok {
		return laid, true // the compiler names the copy, not the original
	}
	for _, root := range t.roots {
		if rel, err := filepath.Rel(root, name); err == nil && filepath.IsLocal(rel) {
			return projectFile(filepath.ToSlash(rel)), true
		}
	}
	return "", false
}

// projectFile returns file, or "" if it is in a vendor directory.
func projectFile(file string) string {
	if slices.Contains(strings.Split(file, "/"), "vendor") {
		return ""
	}
	return file
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// shorten makes the paths in text relative to the root: users should not see the directory
// that the tree was exported to.
func (t tree) shorten(text string) string {
	for _, root := range t.roots {
		text = strings.ReplaceAll(text, root+string(filepath.Separator), "")
	}
	return text
}
