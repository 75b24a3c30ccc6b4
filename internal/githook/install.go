package githook

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/hooks"
)

// LegacyError says that a hook cannot be renamed, because another one has the new name.
type LegacyError struct{ File string }

func (e *LegacyError) Error() string { return e.File + " already exists" }

// legacy is the suffix of a hook that Install renamed. The shim runs it first.
const legacy = ".legacy"

// Install writes a shim for each of the names to a hooks directory and removes regreen's other
// shims. The shims run the program at a path. A hook that is not regreen's becomes NAME.legacy.
// Install returns what is installed now. If it fails, nothing is lost, and it can be repeated.
func Install(dir string, names []Name, program string) ([]Name, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, name := range names { // before it changes anything
		target := filepath.Join(dir, string(name))
		if s := inspect(dir, name); s.Kind == Foreign && s.Legacy {
			return nil, &LegacyError{target + legacy}
		}
	}
	for _, name := range Names() {
		if slices.Contains(names, name) {
			if err := put(dir, name, program); err != nil {
				return nil, err
			}
		} else if _, err := remove(dir, name); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// put writes one shim.
func put(dir string, name Name, program string) error {
	target := filepath.Join(dir, string(name))
	if inspect(dir, name).Kind == Foreign {
		if err := os.Rename(target, target+legacy); err != nil {
			return err
		}
	}
	temporary := target + ".regreen-new"
	err := os.WriteFile(temporary, hooks.Shim(program), 0o755)
	if err == nil {
		err = os.Rename(temporary, target)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
}

// Uninstall removes regreen's shims from a hooks directory and restores the hooks that Install
// renamed. It returns the files that it removed and restored.
func Uninstall(dir string) (gone, back []string, err error) {
	for _, name := range Names() {
		done, err := remove(dir, name)
		if err != nil {
			return gone, back, err
		}
		switch done {
		case removed:
			gone = append(gone, filepath.Join(dir, string(name)))
		case restored:
			back = append(back, filepath.Join(dir, string(name)))
		}
	}
	if len(gone) > 0 {
		_ = os.Remove(dir) // Install made it if it is empty now
	}
	return gone, back, nil
}

type removal int

const (
	untouched removal = iota
	removed
	restored
)

// remove removes one shim.
func remove(dir string, name Name) (removal, error) {
	s := inspect(dir, name)
	if s.Kind != Ours {
		return untouched, nil
	}
	target := filepath.Join(dir, string(name))
	if s.Legacy {
		return restored, os.Rename(target+legacy, target)
	}
	return removed, os.Remove(target)
}

// ConfigName returns the name of the hook for an event in git's configuration.
func ConfigName(event Name) string { return "regreen-" + string(event) }

// Command returns the shell command for an event in git's configuration.
func Command(program string, event Name) string {
	return hooks.Quote(program) + " hook " + string(event)
}

// Kind says whether a hook exists, and whether it is ours.
type Kind string

// The kinds.
const (
	None    Kind = "none"
	Ours    Kind = "regreen"
	Foreign Kind = "foreign"
)

// State describes the hook that a hooks directory has under one name.
type State struct {
	Name       Name
	Kind       Kind
	Program    string // that our shim runs
	Old        bool   // our shim is of another version
	Executable bool   // git runs it
	Legacy     bool   // there is a renamed hook
}

// Inspect returns what a hooks directory has for each event.
func Inspect(dir string) []State {
	var out []State
	for _, name := range Names() {
		out = append(out, inspect(dir, name))
	}
	return out
}

// maxHook limits the size of a hook that can be ours, in bytes.
const maxHook = 64 << 10

func inspect(dir string, name Name) State {
	s := State{Name: name, Kind: None}
	target := filepath.Join(dir, string(name))
	_, err := os.Lstat(target + legacy)
	s.Legacy = err == nil
	info, err := os.Stat(target)
	if err != nil {
		if _, err := os.Lstat(target); err == nil {
			s.Kind = Foreign // a dangling link
		}
		return s
	}
	s.Kind, s.Executable = Foreign, info.Mode()&0o111 != 0
	text, err := os.ReadFile(target)
	if err != nil || len(text) > maxHook || !bytes.Contains(text, []byte(hooks.Marker)) {
		return s
	}
	s.Kind = Ours
	s.Program = hooks.Program(text)
	s.Old = !bytes.Equal(text, hooks.Shim(s.Program))
	return s
}

// Check returns what keeps an installed hook from running, or "".
func (s State) Check() string {
	switch {
	case s.Kind != Ours:
		return ""
	case !s.Executable:
		return "is not executable, so git ignores it"
	case s.Program == "":
		return "does not say which program it runs"
	}
	if strings.ContainsRune(s.Program, filepath.Separator) {
		if info, err := os.Stat(s.Program); errors.Is(err, fs.ErrNotExist) {
			return fmt.Sprintf("runs %s, which does not exist", s.Program)
		} else if err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
			return fmt.Sprintf("runs %s, which is not a program", s.Program)
		}
	}
	if s.Old {
		return "is from another version of regreen"
	}
	return ""
}
