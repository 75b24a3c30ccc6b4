package gotest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// A module that cannot run says nothing about the others. Its error is set aside, into the result
// of what did run.

// setAside adds an error about a part of the suite to the result, and returns nil. It returns any
// other error: about the machine, about requested tests, and about a part that ran before there
// was an overlay.
func (s *Suite) setAside(c *collector, call invocation, req testrun.Request, err error) error {
	var part *testrun.NotRunError
	if !errors.As(err, &part) || part.Whole || req.Tests != nil {
		return err
	}
	about(part, call.module)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(req.Overlay) > 0 && !s.unrun[part.Part] {
		return err
	}
	if s.unrun == nil {
		s.unrun = make(map[string]bool)
	}
	s.unrun[part.Part] = true
	c.result.NotRun = addPart(c.result.NotRun, part)
	return nil
}

// about says which part of the suite an error is about, unless it says so itself, and where to run
// what it advises.
func about(e *testrun.NotRunError, m Module) {
	if e.Part == "" {
		e.Part = m.name()
	}
	if m.Dir != "." && m.Dir != "" {
		e.Advice = strings.ReplaceAll(e.Advice, "`go ", "`go -C "+quoted(m.Dir)+" ")
	}
}

// name returns what users call the module: its directory, or its path if that is the root.
func (m Module) name() string {
	if m.Dir == "." && m.Path != "" {
		return m.Path
	}
	return m.Dir
}

// quoted returns a word as a user would type it in a shell.
func quoted(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// addPart adds an error to a list. Parts with the same error share an entry.
func addPart(list []*testrun.NotRunError, e *testrun.NotRunError) []*testrun.NotRunError {
	same := func(known *testrun.NotRunError) bool { return known.What == e.What && known.Where == e.Where }
	i := slices.IndexFunc(list, same)
	if i < 0 {
		one := *e
		return append(list, &one)
	}
	list[i].Part += ", " + e.Part
	return list
}

// drop removes the packages that need a failed build, and returns their import paths.
func (c *collector) drop(build string) []string {
	var dropped []string
	for name, p := range c.packages {
		if p.status == "fail" && p.began == 0 && (name == build || p.build == build) {
			dropped = append(dropped, name)
			delete(c.packages, name)
		}
	}
	return dropped
}

// partly names packages of a module that did not build in an error about them, if others of the
// module ran. Otherwise the error is about the module.
func (c *collector) partly(e *testrun.NotRunError, packages []string) *testrun.NotRunError {
	const few = 3
	ran := func(p *packageRun) bool { return p.call == c.calls && (p.began > 0 || p.status == "fail") }
	for _, p := range c.packages {
		if !ran(p) {
			continue
		}
		slices.Sort(packages)
		packages = slices.Compact(packages)
		e.Part = strings.Join(packages[:min(few, len(packages))], ", ")
		if rest := len(packages) - few; rest > 0 {
			e.Part += fmt.Sprintf(" and %d more packages", rest)
		}
		break
	}
	return e
}
