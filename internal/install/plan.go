package install

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/hooks"
	"github.com/regreen-ci/regreen/internal/githook"
)

// Step is one change of a plan. If the machine stops within a step, every hook that ran before
// still runs.
type Step struct {
	Text    string // such as "create .git/hooks/pre-commit"
	Foreign bool   // it changes a hook that is not regreen's, or files that git tracks
	Do      func() error
}

// Plan is what an installation, or a removal, is going to do.
type Plan struct {
	Steps []Step
	Notes []string // what the user should know, or do

	doubt bool
	tidy  []string // hooks directories to remove if they are empty afterwards
}

// Asks reports whether the user should agree first: the plan changes something that is not
// regreen's, or is in doubt.
func (p *Plan) Asks() bool {
	return p.doubt || slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Foreign })
}

// Doubt adds a note for which the user should agree first.
func (p *Plan) Doubt(note string) {
	p.note("%s", note)
	p.doubt = true
}

// Append adds another plan, which is carried out afterwards.
func (p *Plan) Append(other *Plan) {
	p.Steps = append(p.Steps, other.Steps...)
	p.Notes = append(p.Notes, other.Notes...)
	p.tidy = append(p.tidy, other.tidy...)
}

// Run carries the plan out, up to the first step that fails. A plan can be made and run again.
func (p *Plan) Run() error {
	for _, s := range p.Steps {
		if err := s.Do(); err != nil {
			return err
		}
	}
	if len(p.Steps) > 0 {
		for _, dir := range p.tidy {
			_ = os.Remove(dir) // regreen made it if it is empty now
		}
	}
	return nil
}

func (p *Plan) add(foreign bool, do func() error, format string, args ...any) {
	p.Steps = append(p.Steps, Step{fmt.Sprintf(format, args...), foreign, do})
}

func (p *Plan) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); text != "" && !slices.Contains(p.Notes, text) {
		p.Notes = append(p.Notes, text)
	}
}

// Install returns the plan that installs the hooks with these names, which run the program at a
// path, and removes regreen's other ones.
func (p Place) Install(names []githook.Name, program string) *Plan {
	plan := new(Plan)
	calls := p.Calls()
	if calls == "" {
		p.link(plan, names)
	}
	for _, name := range githook.Names() {
		wanted := slices.Contains(names, name)
		if p.Unused != "" {
			p.removeShim(plan, p.Unused, name)
		}
		switch {
		case calls == "" && wanted:
			p.putShim(plan, name, program)
		case calls == "":
			p.removeShim(plan, p.Dir, name)
		case wanted:
			text, exists := restored(calls, name)
			p.removeShim(plan, p.Dir, name) // of an older version
			p.putCall(plan, calls, name, text, exists)
		default:
			p.removeCall(plan, calls, name)
		}
	}
	if calls != "" {
		p.tidy(plan, p.Dir)
	}
	p.tidy(plan, p.Unused)
	return plan
}

// Uninstall returns the plan that removes all of regreen's hooks, and puts back those that they
// replaced.
func (p Place) Uninstall() *Plan {
	plan := new(Plan)
	for _, name := range githook.Names() {
		if p.Unused != "" {
			p.removeShim(plan, p.Unused, name)
		}
		if calls := p.Calls(); calls != "" {
			p.removeCall(plan, calls, name)
		} else {
			p.removeShim(plan, p.Dir, name)
		}
	}
	p.tidy(plan, p.Dir)
	p.tidy(plan, p.Unused)
	return plan
}

// putShim installs a shim. Hooks that a manager has moved or replaced since are put right before:
// afterwards everything is as if the manager had been installed first.
func (p Place) putShim(plan *Plan, name githook.Name, program string) {
	s := inspect(p.Dir, name)
	target, kept := s.File, keptFile(p.Dir, name)
	shim := hooks.Shim(program)
	verb, foreign := "create", p.Shared
	switch {
	case s.Kind == Ours && s.Kept != "" && s.Kept != kept:
		legacy := s.Kept
		p.dropAside(plan, s)
		plan.add(false, func() error {
			if err := keep(legacy, kept); err != nil {
				return err
			}
			if err := writeFile(target, shim, 0o755); err != nil {
				return err
			}
			return remove(legacy)
		}, "move %s to %s, where it runs first", p.Short(legacy), p.Short(kept))
		verb = "update"
	case s.Kind == Ours:
		p.dropAside(plan, s)
		if !s.Old && s.Executable && bytes.Equal(s.first, shim) {
			return
		}
		verb = "update"
	case s.Kind == Foreign:
		if s.Maker != "" {
			plan.note("%s", noteOf(s.Maker))
		}
		p.supersede(plan, s)
		whose := ""
		if s.Maker != "" {
			whose = ", the hook of " + s.Maker + ","
		}
		where := "where it runs first"
		if !s.Executable {
			where = "where it does not run: it is not executable"
		}
		companion := p.keepCompanion(plan, s)
		plan.add(true, func() error { return keep(target, kept) }, "move %s%s to %s, %s", p.Short(target), whose, p.Short(kept), where)
		plan.add(foreign, func() error {
			if err := writeFile(target, shim, 0o755); err != nil || companion == "" {
				return err
			}
			return remove(companion)
		}, "create %s", p.Short(target))
		return
	default:
		if s.Kept != "" { // something deleted our shim, and not the hook that it ran
			verb = "create again"
		}
		p.dropAside(plan, s)
	}
	plan.add(foreign, func() error { return writeFile(target, shim, 0o755) }, "%s %s", verb, p.Short(target))
}

// supersede makes room for another kept hook, when a manager has moved our shim aside or replaced
// it. If the kept hook is older text of this manager, it is not needed. Otherwise it goes where the
// manager would have moved it if regreen had not been installed.
func (p Place) supersede(plan *Plan, s State) {
	kept := s.Kept
	switch {
	case kept == "":
		p.dropAside(plan, s)
	case s.Maker != "" && s.Maker == s.KeptMaker:
		p.restoreCompanion(plan, s, "")
		if s.Companion == "" || s.Aside != asideOf(s.KeptMaker, s.File) { // otherwise it is there now
			p.dropAside(plan, s)
		}
		plan.add(false, func() error { return remove(kept) }, "delete %s, an older hook of %s", p.Short(kept), s.Maker)
	default:
		to := s.Aside
		if to == "" {
			to = replaced(s.File, "")
		}
		p.restoreCompanion(plan, s, to)
		plan.add(true, func() error { return move(kept, to) }, "move %s to %s, as it was replaced%s", p.Short(kept), p.Short(to), by(s.Maker))
	}
}

// keepCompanion keeps the hook that the maker of a foreign hook had replaced with that hook, as the
// maker would overwrite it with our shim if it was installed again. It returns the file to remove
// when this is done.
func (p Place) keepCompanion(plan *Plan, s State) string {
	from, to := asideOf(s.Maker, s.File), asideOf(s.Maker, keptFile(p.Dir, s.Name))
	restored := s.Kept != "" && (s.Companion == to || s.Aside == from && s.Maker != s.KeptMaker) // by supersede
	if from == "" || !restored && (!exists(from) || s.Aside == from) {
		return ""
	}
	plan.add(false, func() error {
		if linked(p.Dir, to) {
			if err := remove(to); err != nil {
				return err
			}
		}
		return keep(from, to)
	}, "move %s to %s", p.Short(from), p.Short(to))
	return from
}

// restoreCompanion puts the hook back that the maker of a kept hook had replaced, unless the place
// is taken.
func (p Place) restoreCompanion(plan *Plan, s State, taken string) {
	from, to := s.Companion, asideOf(s.KeptMaker, s.File)
	if from == "" {
		return
	}
	if to == taken || exists(to) && to != s.Aside && !same(from, to) {
		to = replaced(s.File, taken)
	}
	plan.add(false, func() error {
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := move(from, to); err != nil {
			return err
		}
		removeIfOld(filepath.Dir(from))
		return nil
	}, "restore %s", p.Short(to))
}

// removeIfOld removes the directory that overcommit makes for hooks that it replaces, if it is
// empty.
func removeIfOld(dir string) {
	if filepath.Base(dir) == "old-hooks" {
		_ = os.Remove(dir)
	}
}

// replaced returns a new name, other than the one that is taken, for a hook that something has
// replaced.
func replaced(file, taken string) string {
	name := file + ".replaced"
	for i := 2; exists(name) || name == taken; i++ {
		name = fmt.Sprintf("%s.replaced-%d", file, i)
	}
	return name
}

// dropAside removes our shim from where a manager has moved it.
func (p Place) dropAside(plan *Plan, s State) {
	if aside := s.Aside; aside != "" {
		plan.add(false, func() error {
			if err := remove(aside); err != nil {
				return err
			}
			removeIfOld(filepath.Dir(aside))
			return nil
		}, "delete %s, which is regreen's", p.Short(aside))
	}
}

// removeShim removes a shim from a hooks directory, and puts the hook back that it replaced.
func (p Place) removeShim(plan *Plan, dir string, name githook.Name) {
	s := inspect(dir, name)
	target, kept := s.File, s.Kept
	p.removeDraft(plan, target)
	switch {
	case s.Kind != Foreign && kept != "":
		p.restoreCompanion(plan, s, "")
		if s.Companion == "" || s.Aside != asideOf(s.KeptMaker, s.File) {
			p.dropAside(plan, s)
		}
		plan.add(false, func() error { return move(kept, target) }, "restore %s", p.Short(target))
	case s.Kind == Ours:
		p.dropAside(plan, s)
		plan.add(false, func() error { return remove(target) }, "delete %s", p.Short(target))
	default:
		if twin := keptFile(dir, name); kept == "" && exists(twin) { // of an installation that was interrupted
			plan.add(false, func() error { return remove(twin) }, "delete %s, which is the same file as %s", p.Short(twin), p.Short(target))
		}
		p.supersede(plan, s)
	}
}

// removeDraft removes what an interrupted installation was writing.
func (p Place) removeDraft(plan *Plan, file string) {
	if draft := file + draft; exists(draft) {
		plan.add(false, func() error { return remove(draft) }, "delete %s", p.Short(draft))
	}
}

// restored returns the hook that a directory has for an event once our shim, which an older version
// may have put there, is removed from it.
func restored(dir string, name githook.Name) (text []byte, exists bool) {
	s := read(filepath.Join(dir, string(name)))
	if isShim(s.first) {
		s = read(inspect(dir, name).Kept)
	}
	return s.first, s.Kind != None
}

// putCall adds a call of regreen to a hook in a working tree, or updates it.
func (p Place) putCall(plan *Plan, dir string, name githook.Name, text []byte, exists bool) {
	file := filepath.Join(dir, string(name))
	short := p.Short(file)
	info, err := os.Lstat(file)
	calls, installed := hasCall(text, name)
	added := addCall(removeCall(text), name)
	switch {
	case !exists:
		plan.add(p.Shared, func() error { return writeFile(file, newHook(name), 0o755) }, "create %s, which calls regreen", short)
	case calls && !installed:
		plan.note("%s already calls regreen", short)
	case err == nil && !info.Mode().IsRegular():
		plan.note("%s is not an ordinary file: add this line to what it runs:\n%s", short, CallLine(name))
	case !isShell(text) || len(text) == 0 && err == nil && info.Size() > 0:
		plan.note("%s is not a shell script: let it run this, and fail if this fails: regreen hook %s", short, name)
	case err == nil && info.Mode()&0o111 == 0 && !p.husky():
		plan.note("%s is not executable, so git ignores it: make it executable and install again", short)
	case installed && (bytes.Equal(text, added) || bytes.Equal(text, newHook(name))):
	default:
		begin, end := callRange(added)
		lines := strings.Split(strings.TrimSpace(string(added[begin:end])), "\n")
		plan.add(true, func() error { return edit(file, added) }, "add to %s:\n  %s", short, strings.Join(lines, "\n  "))
	}
}

// removeCall removes the call of regreen from a hook in a working tree.
func (p Place) removeCall(plan *Plan, dir string, name githook.Name) {
	text, exists := restored(dir, name)
	p.removeShim(plan, p.Dir, name) // of an older version
	file := filepath.Join(dir, string(name))
	if dir != p.Dir {
		p.removeDraft(plan, file)
	}
	_, installed := hasCall(text, name)
	switch {
	case !exists || !installed:
	case bytes.Equal(text, newHook(name)):
		plan.add(false, func() error { return remove(file) }, "delete %s", p.Short(file))
	default:
		plan.add(false, func() error { return edit(file, removeCall(text)) }, "remove the call of regreen from %s", p.Short(file))
	}
}

// link gives the hooks that will be kept the files that are next to them now.
func (p Place) link(plan *Plan, names []githook.Name) {
	expected := siblings(p.Dir)
	keeps := false
	for _, name := range names {
		s := inspect(p.Dir, name)
		keeps = keeps || s.Kind == Foreign || s.Kept != ""
		moves := []string{asideOf(s.Maker, s.File)}
		if s.Kept != keptFile(p.Dir, name) {
			moves = append(moves, s.Kept)
		}
		expected = slices.DeleteFunc(expected, func(file string) bool {
			return slices.Contains(moves, filepath.Join(p.Dir, file)) || file == "old-hooks"
		})
	}
	keptAt := keptDir(p.Dir)
	missing := slices.DeleteFunc(expected, func(file string) bool { return exists(filepath.Join(keptAt, file)) })
	switch {
	case !keeps && exists(keptAt):
		p.tidy(plan, p.Dir)
	case keeps && len(missing) > 0:
		plan.add(false, func() error { return linkAll(p.Dir, keptAt, missing) }, "link %s in %s", strings.Join(missing, ", "), p.Short(keptAt))
	}
}

// tidy removes the directory of kept hooks, where only links are left, and the hooks directory, if
// it is empty.
func (p Place) tidy(plan *Plan, dir string) {
	if dir == "" {
		return
	}
	if keptAt := keptDir(dir); exists(keptAt) {
		plan.add(false, func() error {
			clearKept(dir, keptAt)
			return nil
		}, "delete %s", p.Short(keptAt))
	}
	plan.tidy = append(plan.tidy, dir)
}
