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

// overlay holds content that a run sees in place of the tree's files. It is stored outside
// of the tree. The zero value replaces nothing.
type overlay struct {
	file   string            // the value of the -overlay flag; empty for no flag
	names  map[string]string // absolute name of a copy -> the file in the tree that it replaces
	remove func()
}

// layOver writes the files for the -overlay flag of the go command. The caller must call
// remove when done. system holds files outside of the tree, by absolute path: those of the
// standard library.
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
	replace := map[string]string{} // absolute paths: the go command misreads others
	// Sorted, so that overlays of the same files name their copies alike, see Relinker.
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		if content == nil {
			replace[s.abs(name)] = "" // the file is deleted
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

// flags returns the flags that make a go command see the overlay.
func (o overlay) flags() []string {
	if o.file == "" {
		return nil
	}
	return []string{"-overlay=" + o.file}
}
