// Package install installs regreen's hooks with those of other programs, and removes them without a
// trace.
//
// Goals: what it is going to do is a Plan, which can be shown before it is carried out, and each
// step of which leaves working hooks if it is the last one; a hook that existed runs as before,
// under its own name; nothing of one machine gets into files that a repository tracks; whichever
// hook manager was installed first, both run.
//
// Non-goals: running the hooks, git's configuration, and asking the user. Those are for the
// commands.
package install

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
	"github.com/regreen-ci/regreen/internal/githook"
)

// Place says where the hooks of a repository are.
type Place struct {
	// Dir is where git looks for hooks.
	Dir string
	// Tree is the working tree that Dir is in, or "". Hooks in a working tree get a call of regreen,
	// hooks elsewhere are replaced by a shim that runs them.
	Tree string
	// Shared says that others use the hooks too: git tracks files of Calls, or Dir is outside of the
	// repository.
	Shared bool
	// Unused is another directory where regreen may have installed hooks, before core.hooksPath was
	// set; git does not look there. It may be "".
	Unused string
	// Root is the working tree that messages name files in.
	Root string
}

// Calls returns the directory whose hooks get a call of regreen, or "" if hooks get a shim. husky 9
// has hooks of its own in .husky/_, which run those in .husky.
func (p Place) Calls() string {
	switch {
	case p.Tree == "":
		return ""
	case p.husky():
		return filepath.Dir(p.Dir)
	}
	return p.Dir
}

// husky reports whether Dir has the hooks of husky 9, which are not tracked.
func (p Place) husky() bool {
	_, err := os.Stat(filepath.Join(p.Dir, "h"))
	return err == nil && filepath.Base(p.Dir) == "_"
}

// Short returns a path as messages show it.
func (p Place) Short(file string) string {
	if rel, err := filepath.Rel(p.Root, file); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return file
}

// Kind says whether a hook exists, and whether it is ours.
type Kind string

// The kinds.
const (
	None    Kind = "none"
	Ours    Kind = "regreen"
	Foreign Kind = "foreign"
)

// State describes the hook that a repository has for one event.
type State struct {
	Name       githook.Name
	Kind       Kind
	File       string // the hook
	Program    string // that our shim runs
	Call       bool   // the hook calls whatever regreen is on the PATH
	Old        bool   // our shim, or our call, is of another version
	Executable bool   // git runs it
	Maker      string // the manager that generated a foreign hook; "" if unknown
	Kept       string // the hook that our shim runs first; it may be ""
	KeptMaker  string // the manager that generated it
	Companion  string // the hook that KeptMaker had replaced, kept with it
	Aside      string // where a manager has moved our shim; "" if it has not
	Unused     string // our shim, where git does not look

	first []byte // of the hook
}

// Runs reports whether regreen runs for the event. pre-commit and prek run the hook that they moved
// aside.
func (s State) Runs() bool {
	return s.Kind == Ours && s.Executable || s.Aside != "" && filepath.Ext(s.Aside) == ".legacy" && (s.Maker == "pre-commit" || s.Maker == "prek")
}

// HuskySkips reports whether husky 4 was installed after regreen: it leaves hooks alone that exist,
// so its own do not run for the event.
func (p Place) HuskySkips(s State) bool {
	return s.Kind == Ours && !s.Call && s.Kept == "" && exists(filepath.Join(p.Dir, "husky.local.sh"))
}

// Inspect returns what there is for each event.
func (p Place) Inspect() []State {
	var out []State
	for _, name := range githook.Names() {
		s := inspect(p.Dir, name)
		if calls := p.Calls(); calls != "" && s.Kind != Ours { // as after an older version
			s = inspectCall(calls, name, p.husky())
		}
		if p.Unused != "" {
			if unused := inspect(p.Unused, name); unused.Kind == Ours {
				s.Unused = unused.File
			}
		}
		out = append(out, s)
	}
	return out
}

// maxHook limits the size of a hook that is read, in bytes.
const maxHook = 1 << 20

// inspect returns what a hooks directory has for an event, where regreen installs shims.
func inspect(dir string, name githook.Name) State {
	file := filepath.Join(dir, string(name))
	s := read(file)
	s.Name = name
	if isShim(s.first) {
		s.Kind, s.Program = Ours, hooks.Program(s.first)
		s.Old = !bytes.Equal(s.first, hooks.Shim(s.Program))
	}
	kept := keptFile(dir, name)
	if legacy := file + ".legacy"; s.Kind == Ours && runsLegacy(s.first) && exists(legacy) && !isShim(read(legacy).first) {
		kept = legacy // of an older version
	}
	if exists(kept) && !same(kept, file) {
		s.Kept, s.KeptMaker = kept, maker(read(kept).first)
	}
	if companion := asideOf(s.KeptMaker, keptFile(dir, name)); companion != "" && exists(companion) && !linked(dir, companion) {
		s.Companion = companion
	}
	for _, aside := range []string{file + ".legacy", file + ".old", filepath.Join(dir, "old-hooks", string(name))} {
		if isShim(read(aside).first) {
			s.Aside = aside
			break
		}
	}
	return s
}

// inspectCall returns what a directory has for an event, where regreen installs calls.
func inspectCall(dir string, name githook.Name, husky bool) State {
	s := read(filepath.Join(dir, string(name)))
	s.Name = name
	s.Executable = s.Executable || husky // husky runs them with sh
	if calls, installed := hasCall(s.first, name); calls {
		s.Kind, s.Call = Ours, true
		s.Old = installed && !bytes.Equal(s.first, newHook(name)) && !bytes.Equal(s.first, addCall(removeCall(s.first), name))
	}
	return s
}

// read returns what is known of a file by itself.
func read(file string) State {
	s := State{Kind: None, File: file}
	if !exists(file) {
		return s
	}
	s.Kind = Foreign
	info, err := os.Stat(file)
	if err != nil {
		return s // a dangling link
	}
	s.Executable = info.Mode()&0o111 != 0
	if info.Mode().IsRegular() && info.Size() <= maxHook {
		s.first, _ = os.ReadFile(file)
		s.Maker = maker(s.first)
	}
	return s
}

func isShim(hook []byte) bool { return bytes.Contains(hook, []byte(hooks.Marker)) }

// runsLegacy reports whether a shim is of a version that kept hooks as NAME.legacy.
func runsLegacy(shim []byte) bool { return bytes.Contains(shim, []byte("legacy=$0.legacy\n")) }

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// same reports whether two names are of one file, or links to the same name.
func same(a, b string) bool {
	x, err := os.Lstat(a)
	if err != nil {
		return false
	}
	y, err := os.Lstat(b)
	if err != nil {
		return false
	}
	if x.Mode()&y.Mode()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(a)
		too, err2 := os.Readlink(b)
		return err == nil && err2 == nil && to == too
	}
	return os.SameFile(x, y)
}

// Gone says why a hook does not run that was installed.
func (s State) Gone() string {
	if s.Kind == None {
		return "was deleted"
	}
	return "was replaced" + by(s.Maker)
}

// Check returns what keeps regreen from running for an event, or "".
func (s State) Check() string {
	switch {
	case s.Aside != "" && !s.Runs():
		aside, _ := filepath.Rel(filepath.Dir(s.File), s.Aside)
		return fmt.Sprintf("was moved to %s, where nothing runs it", aside)
	case s.Kind != Ours && s.Kept != "" && s.Aside == "":
		return s.Gone()
	case s.Kind != Ours && s.Unused != "" && !s.Runs():
		return "is in " + filepath.Dir(s.Unused) + ", where git does not look"
	case s.Kind != Ours:
		return ""
	case !s.Executable:
		return "is not executable, so git ignores it"
	case s.Call && s.Old:
		return "has a call of another version of regreen"
	case s.Call:
		return ""
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

func by(maker string) string {
	if maker == "" {
		return " by another program"
	}
	return " by " + maker
}

// ConfigName returns the name of the hook for an event in git's configuration.
func ConfigName(event githook.Name) string { return "regreen-" + string(event) }

// Command returns the shell command for an event in git's configuration.
func Command(program string, event githook.Name) string {
	return hooks.Quote(program) + " hook " + string(event)
}

// siblings returns the entries of a hooks directory that a hook may expect next to it: all but the
// hooks that regreen handles, and git's samples.
func siblings(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		name := e.Name()
		file := filepath.Join(dir, name)
		if slices.Contains(githook.Names(), githook.Name(name)) || filepath.Ext(name) == ".sample" || strings.Contains(name, ".replaced") || strings.HasSuffix(name, draft) || isShim(read(file).first) {
			continue
		}
		out = append(out, name)
	}
	return out
}
