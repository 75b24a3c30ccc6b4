package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// An export is in a directory that looks like the one the repository is in: it has the same
// name, and next to it are links to the same neighbors. So relative paths that lead out of the tree
// lead to the original place, and the go command finds a go.work above. A tree that refers to
// files higher up gets as many directories around it.
//
// Tests can write through such a link, as they can without regreen.

// maxNeighbors is how many entries a directory may have to be linked as a whole. In a larger one,
// such as /tmp, only those that the tree refers to are linked.
const maxNeighbors = 500

// fill makes a workspace hold the tree of src and what is around it.
func (r *Repo) fill(ctx context.Context, w *Workspace, src Source) error {
	for {
		files, err := r.refresh(ctx, w, src)
		if err != nil {
			return err
		}
		w.outside = nil
		for _, glob := range r.carry {
			w.outside = append(w.outside, reference{"carry:", glob})
		}
		w.outside = append(w.outside, references(w.Dir, r.root, files, r.git.getenv("GOWORK"))...)
		levels := 1
		for _, f := range w.outside {
			levels = max(levels, f.levels())
		}
		if levels <= w.levels {
			err := os.WriteFile(w.placement(), []byte(strconv.Itoa(w.levels)), 0o600)
			return errors.Join(err, w.surround(r.root))
		}
		w.place(r.root, levels)
		if err := w.empty(); err != nil {
			return workspaceError(w.outer, err)
		}
	}
}

// place sets where the workspace has its tree.
func (w *Workspace) place(root string, levels int) {
	w.levels = levels
	var names []string
	for range levels {
		name := filepath.Base(root)
		if name == filepath.Dir(root) { // the root of the file system
			name = "root"
		}
		names = slices.Insert(names, 0, name)
		root = filepath.Dir(root)
	}
	w.Dir = filepath.Join(append([]string{w.outer}, names...)...)
}

// surround links what is around the repository.
func (w *Workspace) surround(root string) error {
	here := w.Dir
	for level := 1; level <= w.levels; level++ {
		var named []string
		for _, f := range w.outside {
			if rest := strings.Split(f.path, "/"); f.levels() == level && len(rest) > level {
				named = append(named, rest[level])
			}
		}
		own := filepath.Base(here)
		here, root = filepath.Dir(here), filepath.Dir(root)
		if err := w.link(root, here, own, named); err != nil {
			return workspaceError(here, err)
		}
	}
	return nil
}

// link makes dir, apart from the entry own, a directory of links to the entries of original: all
// of them, or those named if there are too many.
func (w *Workspace) link(original, dir, own string, named []string) error {
	names, ok := neighbors(original)
	if !ok {
		names = named
	}
	wanted := make(map[string]bool)
	for _, name := range names {
		inside, err := filepath.Rel(filepath.Join(original, name), w.outer)
		contains := err == nil && filepath.IsLocal(inside)
		wanted[name] = name != own && name != ".git" && name != ".." && !contains
	}
	present, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range present {
		switch name := e.Name(); {
		case name == own:
		case wanted[name] && e.Type() == fs.ModeSymlink:
			wanted[name] = false
		default: // it is gone, or a test wrote it
			if err := removeAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	for name, yes := range wanted {
		if !yes {
			continue
		}
		// Without the right to make links, on Windows, the tree stands alone.
		if err := os.Symlink(filepath.Join(original, name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// neighbors returns the entries of a directory, unless it has too many or cannot be read.
func neighbors(dir string) (names []string, ok bool) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	names, err = f.Readdirnames(maxNeighbors + 1)
	return names, err == nil && len(names) <= maxNeighbors
}

// Around returns the directory above the tree that has links to what is around the repository.
func (w *Workspace) Around() string { return w.outer }

// Outside returns the paths that the tree refers to and that are not part of it, each with the file
// that does: "../lib (go.mod)", "dist (carry:)". The tree may have passed with other files there.
func (w *Workspace) Outside() []string {
	var out []string
	for _, f := range w.outside {
		out = append(out, fmt.Sprint(f))
	}
	return out
}

// Original returns a text in which paths in the workspace are those of the working tree at root,
// and of what is around it.
func (w *Workspace) Original(root, text string) string {
	text = strings.ReplaceAll(text, w.Dir, root)
	for here := w.Dir; here != w.outer; {
		here, root = filepath.Dir(here), filepath.Dir(root)
		text = strings.ReplaceAll(text, here+string(filepath.Separator), strings.TrimSuffix(root, string(filepath.Separator))+string(filepath.Separator))
	}
	return text
}

// Environ returns an environment in which the variables that name files of the working tree at
// root name those of the workspace, if it has them. Otherwise tests would load what is in the
// working tree.
func (w *Workspace) Environ(root string, environ []string) []string {
	out := make([]string, 0, len(environ))
	for _, kv := range environ {
		name, value, found := strings.Cut(kv, "=")
		if !found || len(root) < 2 {
			out = append(out, kv)
			continue
		}
		if strings.Contains(value, root) {
			value = w.move(root, value)
		}
		if name == "GOWORK" {
			if rel, err := filepath.Rel(root, value); err == nil {
				if moved := filepath.Join(w.Dir, rel); exists(moved) && inside(w.outer, moved) {
					value = moved
				}
			}
		}
		out = append(out, name+"="+value)
	}
	return out
}

// move replaces the paths of a working tree in a value by those of the workspace.
func (w *Workspace) move(root, value string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(value, root)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		end := strings.IndexAny(rest, " \t\n\"',;:")
		if end < 0 {
			end = len(rest)
		}
		file := rest[:end]
		dir := root
		whole := (file == "" || os.IsPathSeparator(file[0])) && beginsPath(before)
		if whole && exists(w.Dir+file) {
			dir = w.Dir
		}
		b.WriteString(dir + file)
		value = rest[end:]
	}
}

// beginsPath reports whether a path can begin after a text: at the start, after a separator, or
// after an option such as -I.
func beginsPath(before string) bool {
	word := before[strings.LastIndexAny(before, " \t\n\"',;:=")+1:]
	return word == "" || word[0] == '-' && !strings.ContainsAny(word, `/\`)
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

func inside(dir, name string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && filepath.IsLocal(rel)
}
