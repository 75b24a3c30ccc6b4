package repair

import (
	"context"
	"slices"

	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// project is one suite of the tree with what a run found out about it. Every failure belongs
// to one.
type project struct {
	lang.Found
	first    *testrun.Result   // the first run; nil if nothing that it tests changed
	ran      bool              // there was something to run, and it could run
	whole    bool              // the first run was of the whole suite
	reached  []string          // packages that the first run was limited to; nil for the whole suite
	fresh    []testrun.Failure // failures to repair: not flaky, not known
	known    []testrun.TestID  // failures that the base had when it was tested
	accepted []testrun.Failure // failures that may stay
	red      []testrun.Failure // failures with the patches kept so far; other projects' patches may not add any
}

// Optional methods of suites.
type (
	layered interface {
		// Depth returns how many layers of the tree's own packages each package depends on.
		Depth(ctx context.Context) (map[string]int, error)
	}
	versioned interface {
		// Toolchain returns the version of the program that runs the tests, "" if unknown.
		Toolchain(ctx context.Context) string
	}
	selective interface {
		// Selects reports whether single tests can run without the others of their package, and
		// whether packages can run as they do in the whole suite. Otherwise only the test
		// command as a whole can repeat a run.
		Selects() (tests, packages bool)
	}
	selfContained interface {
		// SelfContained returns those of the packages whose tests depend on nothing but what
		// Reached follows.
		SelfContained(ctx context.Context, packages []string) ([]string, error)
	}
	reader interface {
		// Reads returns the files in other languages that the tests depend on.
		Reads(ctx context.Context, files []string) ([]string, error)
	}
)

// selects returns what the project's suite can run by itself: everything unless it says
// otherwise.
func (p *project) selects() (tests, packages bool) {
	if suite, ok := p.Suite.(selective); ok {
		return suite.Selects()
	}
	return true, true
}

// findProjects finds the tests of an exported tree.
func (r *run) findProjects(ctx context.Context, w *repo.Workspace) ([]*project, error) {
	subject := r.opt.Subject
	found, err := lang.Find(ctx, subject.Languages, lang.Tree{
		Root: w.Dir, Around: w.Around(), Command: subject.Command, Results: subject.Results,
		Sandbox: r.newSandbox(ctx, w),
	})
	var projects []*project
	for _, f := range found {
		projects = append(projects, &project{Found: f})
	}
	return projects, err
}

// counterpart returns the project of another tree that corresponds to a project: the one of
// its language with the same command, or else at the same position. It is nil if none exists.
func (r *run) counterpart(p *project, there []*project) *project {
	same := func(q *project) bool { return q.Name == p.Name && q.Suite != nil }
	ours := slices.DeleteFunc(slices.Clone(r.projects), func(q *project) bool { return !same(q) })
	theirs := slices.DeleteFunc(slices.Clone(there), func(q *project) bool { return !same(q) })
	for _, q := range theirs {
		if q.Suite.String() == p.Suite.String() {
			return q
		}
	}
	if i := slices.Index(ours, p); i < len(theirs) {
		return theirs[i]
	}
	return nil
}

// concerning returns the changed files that a project's tests may depend on. Files that another
// language owns are not among them, unless the suite says that it reads them.
func (r *run) concerning(ctx context.Context, p *project, files []string) []string {
	owns := func(q *project, file string) bool { return q.Owns != nil && q.Owns(file) }
	var own, others []string
	for _, file := range files {
		if !owns(p, file) && slices.ContainsFunc(r.projects, func(q *project) bool { return owns(q, file) }) {
			others = append(others, file)
		} else {
			own = append(own, file)
		}
	}
	if suite, ok := p.Suite.(reader); ok && len(others) > 0 {
		read, err := suite.Reads(ctx, others)
		if err != nil { // it may read any of them
			r.opt.Hooks.Log.Debug("cannot find out what the tests read", "command", p, "error", err)
			return files
		}
		own = append(own, read...)
	}
	return own
}

// fresh returns the failures to repair of all projects.
func (r *run) fresh() []testrun.Failure {
	var out []testrun.Failure
	for _, p := range r.projects {
		out = append(out, p.fresh...)
	}
	return out
}

// newSandbox returns the sandbox for a tree. The environment of tests is the same from run to run.
func (r *run) newSandbox(ctx context.Context, w *repo.Workspace) *testrun.Sandbox {
	environ := append(w.Environ(r.opt.Subject.Repo.Root(), r.opt.Subject.Environ), "GOTMPDIR="+r.temp)
	return testrun.NewSteadySandbox(environ, testrun.Steady{Mark: w.Mark(), Temp: func() (string, func(), error) {
		temp, err := r.opt.Subject.Repo.TempDir(context.WithoutCancel(ctx))
		if err != nil {
			return "", nil, err
		}
		return temp.Dir, func() { r.release(temp.Dir, temp) }, nil
	}})
}
