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

// Event is one line of what go test -json writes; see `go doc test2json`.
type Event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	FailedBuild string
	Elapsed     float64
}

// Outcome is what one attempt of a test, or of a package as a whole, came to.
type Outcome struct {
	testrun.TestID
	Action  string // pass, fail or skip
	Seconds float64
	Failure *testrun.Failure // what it failed with; nil also where only a subtest has failed
}

// Replay judges the events of a go test -json that ran somewhere else, as Run judges
// those of its own. Packages and tests may come more than once, as they do with
// -count and with programs that run again what failed: each time is an attempt. The
// zero value is not ready; NewReplay makes one.
type Replay struct {
	tree     tree
	attempts []*collector // of each package the first, the second and so on
	packages map[string]*replayed
	outcomes []Outcome
	at       []int // the attempts of outcomes
	told     testrun.Capped
}

// replayed is the present attempt of a package.
type replayed struct {
	attempt  int
	ended    bool            // the package has
	finished map[string]bool // tests
	open     int             // tests that run
	failed   bool            // a test has
	before   bool            // a test has in an earlier attempt of the same process
}

// NewReplay is a replay of what ran on a tree with these modules, now at root, an
// absolute directory. Files are told relative to it; of those that the events name
// without their folder, and whose package belongs to no module, none is told.
func NewReplay(root string, modules []Module) *Replay {
	return &Replay{tree: (&Suite{Root: root, Modules: modules}).tree(overlay{}), packages: map[string]*replayed{}}
}

// ModulesIn are the Go modules of a tree, by its files alone: nothing is run.
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

// Len is how many outcomes there are so far.
func (r *Replay) Len() int { return len(r.outcomes) }

// Other takes in a line of the stream that is no event.
func (r *Replay) Other(line []byte) {
	r.told.Write(line)
	r.told.Write([]byte("\n"))
}

// Add takes in the next event.
func (r *Replay) Add(e Event) {
	ev := event{Action: e.Action, Package: e.Package, ImportPath: e.ImportPath, Test: e.Test, Output: e.Output, FailedBuild: e.FailedBuild}
	if e.Package == "" {
		ev.Output = r.completed(bareBuild(), builtPackage(e.ImportPath), e.Output)
		r.collector(0).add(ev)
		return
	}
	p := r.packages[e.Package]
	if p == nil {
		p = &replayed{finished: map[string]bool{}}
		r.packages[e.Package] = p
	}
	if p.ended || e.Action == "run" && p.finished[e.Test] {
		r.again(e.Package, p)
	}
	switch end := e.Action == "pass" || e.Action == "fail" || e.Action == "skip"; {
	case e.Action == "output":
		ev.Output = r.completed(bareEntry(), e.Package, e.Output)
	case e.Action == "run":
		p.open++
	case end && e.Test == "":
		p.ended = true
		if e.Action == "fail" && p.before && !p.failed && p.open == 0 {
			ev.Action = "pass" // this attempt did: the process failed for an earlier one
		}
	case end:
		p.open = max(p.open-1, 0)
		p.finished[e.Test] = true
		p.failed = p.failed || e.Action == "fail"
		r.outcomes = append(r.outcomes, Outcome{TestID: testrun.TestID{Package: e.Package, Test: e.Test}, Action: e.Action, Seconds: e.Elapsed})
		r.at = append(r.at, p.attempt)
	}
	r.collector(p.attempt).add(ev)
}

// again begins the next attempt of a package.
func (r *Replay) again(path string, p *replayed) {
	next := &replayed{attempt: p.attempt + 1, finished: map[string]bool{}}
	if !p.ended {
		c, action := r.collector(p.attempt), "pass"
		if p.failed {
			action = "fail"
			c.add(event{Action: "output", Package: path, Output: "FAIL\n"})
		}
		c.add(event{Action: action, Package: path})
		next.before = p.before || p.failed
	}
	*p = *next
}

func (r *Replay) collector(attempt int) *collector {
	for len(r.attempts) <= attempt {
		c := newCollector(r.tree)
		c.flood = math.MaxInt // who reads the stream bounds it
		r.attempts = append(r.attempts, c)
	}
	return r.attempts[attempt]
}

var (
	bareEntry = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^    ()[^\s/\\:]+\.go:\d+: `) })
	// bareBuild is relative to wherever the go command ran.
	bareBuild = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:vet: )?((?:[^\s/\\:]+[/\\])*)[^\s/\\:]+\.go:\d+`)
	})
)

// completed is output in which a file has the name that -fullpath and -trimpath would
// give it, so that its folder is known. The group of form is what stands in its place.
func (r *Replay) completed(form *regexp.Regexp, pkg, output string) string {
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

// builtPackage is the package whose build an ImportPath names, which may be a variant
// for a test: "p_test [p.test]".
func builtPackage(importPath string) string {
	pkg, variant, ok := strings.Cut(importPath, " [")
	if ok {
		return strings.TrimSuffix(variant, ".test]")
	}
	return pkg
}

// Outcomes judges what was taken in: every attempt of every test in the order in which
// they ended, and after them what failed without an end of its own, such as packages that
// do not build. A package whose end the stream does not have counts as ended
// from outside. An error says that part of it did not truly run; the outcomes are there all
// the same.
func (r *Replay) Outcomes() ([]Outcome, error) {
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
		told := ""
		if attempt == 0 {
			told, _ = r.told.Text()
		}
		err := c.endCall(r.tree.roots[0], told, 0)
		var res *testrun.Result
		if err == nil {
			res, err = c.finish(testrun.Request{Packages: []string{}}) // asks for nothing: an attempt may be of nothing
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
