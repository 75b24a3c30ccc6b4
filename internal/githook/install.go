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

// LegacyError says that a hook cannot be put aside, because another one is there.
type LegacyError struct{ File string }

func (e *LegacyError) Error() string { return e.File + " is in the way" }

// legacy is the name of a hook that was put aside. The shim runs it first.
const legacy = ".legacy"

// Install puts a shim for each of the names into a hooks folder, made to run the
// program at a path, and removes those of regreen's shims that are not among them. A
// hook of somebody else's becomes NAME.legacy. It returns what is installed now. When
// it fails, nothing was lost, and it can be done again.
func Install(dir string, names []Name, program string) ([]Name, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, name := range names { // before anything is changed
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

// put puts one shim in place.
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

// Uninstall removes regreen's shims from a hooks folder, brings back what they put
// aside, and tells which files were removed and which restored.
func Uninstall(dir string) (removed, restored []string, err error) {
	for _, name := range Names() {
		done, err := remove(dir, name)
		if err != nil {
			return removed, restored, err
		}
		switch done {
		case gone:
			removed = append(removed, filepath.Join(dir, string(name)))
		case back:
			restored = append(restored, filepath.Join(dir, string(name)))
		}
	}
	if len(removed) > 0 {
		_ = os.Remove(dir) // when it is empty now, install has made it
	}
	return removed, restored, nil
}

type removal int

const (
	nothing removal = iota
	gone
	back
)

// remove removes one shim.
func remove(dir string, name Name) (removal, error) {
	s := inspect(dir, name)
	if s.Kind != Ours {
		return nothing, nil
	}
	target := filepath.Join(dir, string(name))
	if s.Legacy {
		return back, os.Rename(target+legacy, target)
	}
	return gone, os.Remove(target)
}

// ConfigName is the name of the hook for an event in git's configuration.
func ConfigName(event Name) string { return "regreen-" + string(event) }

// Command is the line of shell that git's configuration holds for an event.
func Command(program string, event Name) string {
	return hooks.Quote(program) + " hook " + string(event)
}

// Kind is whose a hook is.
type Kind string

// The kinds.
const (
	None    Kind = "none"
	Ours    Kind = "regreen"
	Foreign Kind = "foreign"
)

// State is what is in a hooks folder under one name.
type State struct {
	Name       Name
	Kind       Kind
	Program    string // that a shim of ours runs
	Old        bool   // a shim of ours has another form than this version's
	Executable bool   // git runs it
	Legacy     bool   // something was put aside
}

// Inspect tells what is in a hooks folder, for each event.
func Inspect(dir string) []State {
	var out []State
	for _, name := range Names() {
		out = append(out, inspect(dir, name))
	}
	return out
}

// maxHook is how much of a hook is read, in bytes, to see whose it is.
const maxHook = 64 << 10

func inspect(dir string, name Name) State {
	s := State{Name: name, Kind: None}
	target := filepath.Join(dir, string(name))
	_, err := os.Lstat(target + legacy)
	s.Legacy = err == nil
	info, err := os.Stat(target)
	if err != nil {
		if _, err := os.Lstat(target); err == nil {
			s.Kind = Foreign // a link to nowhere
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

// Check tells what keeps an installed hook from running, or "".
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
			return fmt.Sprintf("runs %s, which is not there", s.Program)
		} else if err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
			return fmt.Sprintf("runs %s, which is no program", s.Program)
		}
	}
	if s.Old {
		return "is of another version"
	}
	return ""
}
