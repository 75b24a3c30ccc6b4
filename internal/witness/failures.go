package witness

import (
	"errors"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// Test names a test, or a whole package.
type Test struct {
	Package string `json:"package"`
	Test    string `json:"test,omitempty"`
}

// Failure is a test that fails in a tree, each time that it runs.
type Failure struct {
	Suite   string `json:"suite"` // its language and command
	Test    Test   `json:"test"`
	Kind    string `json:"kind"`
	Message string `json:"message,omitempty"`
	Needs   []Test `json:"needs,omitempty"` // without which it passes
}

// numbers are what differs between two runs in the same message: times, ports, addresses, the
// names of temporary directories.
var numbers = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`0x[0-9a-f]+|[0-9]+`) })

// Is reports whether two failures are the same: of the same test, of the same kind, and with the
// same message apart from numbers.
func (f Failure) Is(g Failure) bool {
	return f.Suite == g.Suite && f.Test == g.Test && f.Kind == g.Kind &&
		numbers().ReplaceAllString(f.Message, "0") == numbers().ReplaceAllString(g.Message, "0")
}

// Failures remembers which tests fail in which tree, so that they need not run there again. It does
// not remember flaky tests, nor which tests pass: what fails today where it passed before, because
// a server is down, must not be taken for a fault of the change.
type Failures struct {
	files folder
}

// failing is what a file has about a tree.
type failing struct {
	Tree     string    `json:"tree"`
	When     time.Time `json:"when"`
	Failures []Failure `json:"failures"`
}

const maxFailuresAge = 30 * 24 * time.Hour

// OpenFailures returns the failures that a state directory has. Record creates the files.
func OpenFailures(state string) *Failures {
	const (
		maxTrees = 500
		maxFile  = 256 << 10
	)
	return &Failures{folder{dir: filepath.Join(state, "failures"), most: maxTrees, maxAge: maxFailuresAge, maxFile: maxFile}}
}

// Of returns the tests that are known to fail in the tree of a key.
func (s *Failures) Of(k Key) []Failure {
	var f failing
	if err := s.files.read(k, &f); err != nil || f.Tree != k.Tree || k.Tree == "" || time.Since(f.When) > maxFailuresAge {
		return nil
	}
	return f.Failures
}

// Record replaces what is remembered about the tree of a key.
func (s *Failures) Record(k Key, failures []Failure) error {
	if k.Tree == "" {
		return errors.New("failures need a tree")
	}
	if len(failures) == 0 {
		return s.files.remove(k)
	}
	err := s.files.write(k, failing{Tree: k.Tree, When: time.Now().UTC(), Failures: failures})
	if err != nil {
		return errors.Join(err, s.files.remove(k))
	}
	return nil
}
