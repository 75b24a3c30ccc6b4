// Package resultfile reads the results of tests that another program has run: go test
// -json, JUnit XML, TAP and CTRF. Read reads one file and detects its format from its
// content. Tests returns the result of each test in several files, and Merge makes a
// Report of them.
//
// The files come from programs that ran untrusted code. Their size and depth are bounded,
// and no file that they name is opened. Their text stays untrusted, as in every Report:
// the renderings escape it.
package resultfile

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// The limits of what is read.
const (
	MaxSize  = 256 << 20 // bytes of a file
	MaxTests = 1_000_000 // attempts of tests in a file
	maxDepth = 100       // levels of nesting in a file
	maxLine  = 4 << 20   // bytes of a line, in formats of lines
)

// Options describes the tree of the tests, so that places in the results become paths in it.
type Options struct {
	Root    string          // the absolute path of the tree
	Modules []gotest.Module // Go modules in it
	Tree    *Tree           // its files, if they are at hand: places outside of them are left out
}

// File is the content of one file.
type File struct {
	Name   string // the name passed to Read
	Format string // go test -json, JUnit XML, TAP or CTRF

	attempts        []attempt
	passed, skipped int // further tests that ran but are not listed
	claimed         int // the number of failures that a suite states, listed or not
	sum             [sha256.Size]byte
}

// Unlisted reports whether the file states failures but lists none: the set-up of a suite
// failed, or the file was cut off.
func (f *File) Unlisted() bool {
	return f.claimed > 0 && !slices.ContainsFunc(f.attempts, func(a attempt) bool { return a.detail != nil || a.status == failed })
}

// Tests returns how many attempts of tests the file lists.
func (f *File) Tests() int { return len(f.attempts) }

// status is the result of an attempt.
type status byte

const (
	passed status = iota
	skipped
	failed
	flaky // it failed, and then passed
)

// attempt is one try of one test. An empty test is the package as a whole.
type attempt struct {
	pkg, test string
	status    status
	seconds   float64
	file      string // a path in the tree
	line      int
	declared  bool    // the file declares the test
	more      int     // further tries, which have no attempt of their own
	detail    *detail // of a failed attempt
	repeat    repeat
	process   int // of the package in the stream of go test
}

// detail is how a test failed.
type detail struct {
	kind, message, output string
	truncated             int
	file                  string // a path in the tree
	line                  int
	frames                []testrun.Frame      // if the format has them
	status                report.FailureStatus // in a file that regreen wrote
}

// Error says what is wrong with a file, where, and what to do.
type Error struct {
	File   string
	Line   int // 0 for the file as a whole
	What   string
	Advice string
	// Foreign is set if the file is not in any known format, not even a broken one.
	Foreign bool
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What)
	}
	return e.File + ": " + e.What
}

// Hint returns what the user can do about the error.
func (e *Error) Hint() string { return e.Advice }

// fault returns an error without the name of the file, which readers do not know.
func fault(line int, hint, format string, args ...any) *Error {
	return &Error{Line: line, What: fmt.Sprintf(format, args...), Advice: hint}
}

// foreign returns the error for a file that no reader can read.
func foreign(hint, what string) *Error { return &Error{What: what, Advice: hint, Foreign: true} }

const interruptedHint = "was the test program killed while it wrote the file?"

// Read reads a file to its end. The name is for messages, and the package of tests that
// have none. The error is an *Error or wraps the error of r.
func Read(name string, r io.Reader, opt Options) (*File, error) { return read(name, r, opt, MaxSize) }

func read(name string, r io.Reader, opt Options, size int64) (*File, error) {
	f := &File{Name: name}
	bounded := &meter{r: r, left: size, sum: sha256.New()}
	in, err := newInput(bounded, size)
	if err == nil {
		err = in.read(f, opt)
	}
	if bounded.err != nil {
		err = bounded.err // the cause of the reader's error
	}
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.File = name
			return nil, e
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	bounded.sum.Sum(f.sum[:0])
	return f, nil
}

// add adds an attempt to the file, up to MaxTests.
func (f *File) add(a attempt, line int) error {
	if len(f.attempts) >= MaxTests {
		return fault(line, "split it into files with fewer tests", "more than %d tests", MaxTests)
	}
	f.attempts = append(f.attempts, a)
	return nil
}

// meter returns an error when a file is too large, and hashes its bytes.
type meter struct {
	r    io.Reader
	left int64
	sum  hash.Hash // may be nil
	err  error     // why reading stopped before the end
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if m.sum != nil {
		m.sum.Write(p[:n])
	}
	if m.left -= int64(n); m.left < 0 {
		m.err = fault(0, "split it into several files", "more than %d MiB", MaxSize>>20)
		return 0, m.err
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}
