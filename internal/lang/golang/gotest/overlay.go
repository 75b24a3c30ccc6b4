package gotest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// overlay is the content that a run sees in place of the tree's, kept outside of
// the tree. The zero value lays nothing over it.
type overlay struct {
	file   string            // what the -overlay flag names; empty for none
	names  map[string]string // copy, absolute -> the file in the tree that it stands for
	remove func()
}

// layOver writes the files for the -overlay flag of the go command. The caller
// calls remove in the end.
//
// System are files outside of the tree, by absolute path: the standard library's.
func (s *Suite) layOver(files, system map[string][]byte) (overlay, error) {
	if len(files) == 0 && len(system) == 0 {
		return overlay{remove: func() {}}, nil
	}
	for name := range files {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return overlay{}, fmt.Errorf("overlay: %q is not inside the tree", name)
		}
	}
	dir, remove, err := testrun.Scratch(s.Sandbox.Temp())
	if err != nil {
		return overlay{}, err
	}
	o := overlay{file: filepath.Join(dir, "overlay.json"), names: map[string]string{}, remove: remove}
	if err := o.write(s, dir, files, system); err != nil {
		remove()
		return overlay{}, fmt.Errorf("overlay: %w", err)
	}
	return o, nil
}

func (o overlay) write(s *Suite, dir string, files, system map[string][]byte) error {
	replace := map[string]string{}                         // absolute paths, or the go command takes them for others
	for _, name := range slices.Sorted(maps.Keys(files)) { // the copies of the same names are called the same, see Relinker
		content := files[name]
		if content == nil {
			replace[s.abs(name)] = "" // the file is not there
			continue
		}
		copied := filepath.Join(dir, fmt.Sprintf("%d%s", len(o.names), filepath.Ext(name)))
		if err := os.WriteFile(copied, content, 0o600); err != nil {
			return err
		}
		replace[s.abs(name)], o.names[copied] = copied, filepath.ToSlash(filepath.Clean(name))
	}
	for name, content := range system {
		copied := filepath.Join(dir, "system-"+filepath.Base(name))
		if err := os.WriteFile(copied, content, 0o600); err != nil {
			return err
		}
		replace[name] = copied
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	return os.WriteFile(o.file, encoded, 0o600)
}

// flags is what a go command needs to see the overlay.
func (o overlay) flags() []string {
	if o.file == "" {
		return nil
	}
	return []string{"-overlay=" + o.file}
}
