package gotest

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/modfile"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Outcome is the outcome of one attempt of a test, or of a package as a whole.
type Outcome struct {
	testrun.TestID
	Process int    // which process of the package it was in, from 0
	Action  string // pass, fail or skip
	Seconds float64
	Failure *testrun.Failure // nil unless the test failed itself, not only a subtest
}

// Replay turns the events of a go test -json that ran elsewhere into the same failures as
// [Suite.Run]. Packages and tests may occur more than once, with -count or because a program
// retried failures: each time is an attempt. [NewReplay] makes one; the zero value is not
// usable.
type Replay struct {
	tree     tree
	settled  *outcomes
	attempts []*collector // one for the first attempt of every package, one for the second, and so on
	packages map[string]*packageReplay
	outcomes []Outcome
	at       []int // the attempts of outcomes
	other    testrun.Capped
}

// packageReplay is the current attempt of a package.
type packageReplay struct {
	attempt      int
	process      int
	ended        bool
	finished     map[string]bool // tests that have ended
	running      int             // how many tests run
	failed       bool            // a test failed
	failedBefore bool            // a test failed in an earlier attempt of the same process
}

// NewReplay returns a replay for a tree with these modules that is now at root, an absolute
// directory. Files are reported relative to root. If the events name a file without its
// directory, and its package belongs to no module, the file is left out. Elsewhere, which may be
// nil, returns the file in the tree that a path of another machine means, or "".
func NewReplay(root string, modules []Module, elsewhere func(name string) string) *Replay {
	r := &Replay{tree: (&Suite{Root: root, Modules: modules}).tree(overlay{}), packages: map[string]*packageReplay{}}
	r.tree.elsewhere = elsewhere
	r.settled = newOutcomes(r.add)
	return r
}

// ModulesIn returns the Go modules of a tree. It only reads files, and runs no command.
func ModulesIn(root string) ([]Module, error) {
	found, err := survey(root)
	if err != nil {
		return nil, err
	}
	var modules []Module
	for _, dir := range found.modules {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(dir), "go.mod"))
		if err != nil {
			return nil, err
		}
		if path := modfile.ModulePath(b); path != "" {
			modules = append(modules, Module{Dir: dir, Path: path})
		}
	}
	return modules, nil
}

// Len returns how many outcomes there are so far.
func (r *Replay) Len() int { return len(r.outcomes) + r.settled.waiting }

// Other processes a line of the stream that is not an event.
func (r *Replay) Other(line []byte) {
	r.other.Write(line)
	r.other.Write([]byte("\n"))
}

// Add processes the next event.
func (r *Replay) Add(e Event) {
	r.settled.add(e)
}

func (r *Replay) add(e Event) {
	if e.Package == "" {
		e.Output = r.withPackagePath(bareBuild(), builtPackage(e.ImportPath), e.Output)
		r.collector(0).add(e)
		return
	}
	ev := e
	ev.Elapsed = 0 // an outcome has it
	p := r.packages[e.Package]
	if p == nil {
		p = &packageReplay{finished: map[string]bool{}}
		r.packages[e.Package] = p
	}
	if p.ended || e.Action == "run" && p.finished[e.Test] {
		r.nextAttempt(e.Package, p)
	}
	switch end := e.Action == "pass" || e.Action == "fail" || e.Action == "skip"; {
	case e.Action == "output":
		ev.Output = r.withPackagePath(bareEntry(), e.Package, e.Output)
	case e.Action == "run":
		p.running++
	case end && e.Test == "":
		p.ended = true
		if e.Action == "fail" && p.failedBefore && !p.failed && p.running == 0 {
			ev.Action = "pass" // the process failed because of an earlier attempt
		}
	case end:
		p.running = max(p.running-1, 0)
		p.finished[e.Test] = true
		p.failed = p.failed || e.Action == "fail"
		r.outcomes = append(r.outcomes, Outcome{TestID: testrun.TestID{Package: e.Package, Test: e.Test}, Process: p.process, Action: e.Action, Seconds: e.Elapsed})
		r.at = append(r.at, p.attempt)
	}
	r.collector(p.attempt).add(ev)
}

// nextAttempt begins the next attempt of a package.
func (r *Replay) nextAttempt(path string, p *packageReplay) {
	next := &packageReplay{attempt: p.attempt + 1, process: p.process, finished: map[string]bool{}}
	if p.ended {
		next.process++
	} else {
		c, action := r.collector(p.attempt), "pass"
		if p.failed {
			action = "fail"
			c.add(Event{Action: "output", Package: path, Output: "FAIL\n"})
		}
		c.add(Event{Action: action, Package: path})
		next.failedBefore = p.failedBefore || p.failed
	}
	*p = *next
}

func (r *Replay) collector(attempt int) *collector {
	for len(r.attempts) <= attempt {
		c := newCollector(r.tree)
		c.flood = math.MaxInt // the reader of the stream bounds it
		r.attempts = append(r.attempts, c)
	}
	return r.attempts[attempt]
}

var (
	// bareEntry matches a file name without a directory in a test's output.
	bareEntry = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^    ()[^\s/\\:]+\.go:\d+: `) })
	// bareBuild matches a relative file name in the output of a build. It is relative to
	// wherever the go command ran.
	bareBuild = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:vet: )?((?:[^\s/\\:]+[/\\])*)[^\s/\\:]+\.go:\d+`)
	})
)

// withPackagePath returns output in which a file has the name that -fullpath and -trimpath
// would give it, so that its directory is known. The import path replaces the group of form.
func (r *Replay) withPackagePath(form *regexp.Regexp, pkg, output string) string {
	if !slices.ContainsFunc(r.tree.modules, func(m Module) bool {
		return m.Path != "" && (pkg == m.Path || strings.HasPrefix(pkg, m.Path+"/"))
	}) {
		return output
	}
	m := form.FindStringSubmatchIndex(output)
	if m == nil {
		return output
	}
	return output[:m[2]] + pkg + "/" + output[m[3]:]
}

// builtPackage returns the package of the build with an ImportPath, which may be a test
// variant: "p_test [p.test]".
func builtPackage(importPath string) string {
	pkg, variant, ok := strings.Cut(importPath, " [")
	if ok {
		return strings.TrimSuffix(variant, ".test]")
	}
	return pkg
}

// Outcomes returns the outcomes of all events: first every attempt of every test, in the
// order in which they ended, then failures without an end event, like packages that do not
// build. A package without an end event counts as killed. If part of the tests did not truly
// run, Outcomes also returns an error.
func (r *Replay) Outcomes() ([]Outcome, error) {
	r.settled.close()
	for path, p := range r.packages {
		if !p.ended {
			r.collector(p.attempt).pkg(path).ended = &interruption{message: "the results end before the test does"}
		}
	}
	type key struct {
		testrun.TestID
		attempt int
	}
	details := map[key]*testrun.Failure{}
	var order []key
	var wrong error
	for attempt, c := range r.attempts {
		printed := ""
		if attempt == 0 {
			printed, _ = r.other.Text()
		}
		err := c.endCall(r.tree.roots[0], printed, 0)
		var res *testrun.Result
		if err == nil {
			res, err = c.finish(testrun.Request{Packages: []string{}}) // requests nothing: an attempt may have no tests
		}
		if err != nil {
			if wrong == nil {
				wrong = err
			}
			continue
		}
		for i := range res.Failures {
			k := key{res.Failures[i].TestID, attempt}
			if details[k] == nil {
				details[k] = &res.Failures[i]
				order = append(order, k)
			}
		}
	}
	all := slices.Clone(r.outcomes)
	for i := range all {
		k := key{all[i].TestID, r.at[i]}
		if all[i].Action == "fail" && details[k] != nil {
			all[i].Failure = details[k]
			delete(details, k)
		}
	}
	for _, k := range order {
		if f := details[k]; f != nil {
			all = append(all, Outcome{TestID: k.TestID, Action: "fail", Failure: f})
		}
	}
	return all, wrong
}
