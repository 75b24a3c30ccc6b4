// Package resultfile reads the results of tests that something else has run: go test
// -json, JUnit XML, TAP and CTRF. Read takes one file, whose format its content tells;
// Tests returns what became of each test in several files, Merge makes a Report of it.
//
// Files are the output of programs that ran code of strangers. Their sizes and depths
// are bounded, nothing that they name is opened, and their text stays untrusted, as
// that of every Report: the renderings escape it.
package resultfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// What is read at most.
const (
	MaxSize  = 256 << 20 // bytes of a file
	MaxTests = 1_000_000 // attempts of tests in a file
	maxDepth = 100       // of what is nested in a file
	maxLine  = 4 << 20   // bytes of a line, where lines count
)

// Options says where the tests belong, so that places in them become paths of the tree.
type Options struct {
	Root    string          // the tree's, absolute: what absolute paths become relative to
	Modules []gotest.Module // Go modules in it
}

// File is what one file holds.
type File struct {
	Name   string // as it was given to Read
	Format string // go test -json, JUnit XML, TAP or CTRF

	attempts        []attempt
	passed, skipped int // tests that ran besides and are not listed
	claimed         int // failures that a suite says to have, listed or not
	sum             [sha256.Size]byte
}

// Unlisted tells whether the file says that something failed, and lists nothing that did:
// a suite whose set-up failed, or a report that was cut.
func (f *File) Unlisted() bool {
	return f.claimed > 0 && !slices.ContainsFunc(f.attempts, func(a attempt) bool { return a.detail != nil || a.status == failed })
}

// Tests is how many attempts of tests the file lists.
func (f *File) Tests() int { return len(f.attempts) }

// status is what an attempt came to.
type status byte

const (
	passed status = iota
	skipped
	failed
)

// attempt is one try of one test. An empty test stands for the package as a whole.
type attempt struct {
	pkg, test string
	status    status
	seconds   float64
	file      string // of the tree
	line      int
	declared  bool    // the file is that of the test
	more      int     // tries that it stands for besides
	detail    *detail // of one that failed
}

// detail is what a test failed with.
type detail struct {
	kind, message, output string
	truncated             int
	file                  string // of the tree
	line                  int
	frames                []testrun.Frame      // where the format has them
	status                report.FailureStatus // in the report of regreen that it comes from; mostly empty
}

// Error says what is wrong with a file, where, and what to do.
type Error struct {
	File   string
	Line   int // 0 when it is about the file as a whole
	What   string
	Advice string
	// Foreign says that it holds nothing of a format that is known, broken or not.
	Foreign bool
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What)
	}
	return e.File + ": " + e.What
}

// Hint returns what to do about it.
func (e *Error) Hint() string { return e.Advice }

// fault is an error of a reader, which does not know the name of its file.
func fault(line int, hint, format string, args ...any) *Error {
	return &Error{Line: line, What: fmt.Sprintf(format, args...), Advice: hint}
}

// foreign is the error for what no reader is for.
func foreign(hint, what string) *Error { return &Error{What: what, Advice: hint, Foreign: true} }

const formatsHint = "go test -json, JUnit XML, TAP and CTRF are read"

// format is one that can be read.
type format struct {
	name string
	read func(in *bufio.Reader, f *File, opt Options) error
}

var (
	goTest = &format{"go test -json", readGoTest}
	junit  = &format{"JUnit XML", readJUnit}
	tap    = &format{"TAP", readTAP}
	ctrf   = &format{"CTRF", readCTRF}
)

// Read reads a file to its end. The name is for messages, and the package of tests
// that have none. An error is an *Error, or that of r.
func Read(name string, r io.Reader, opt Options) (*File, error) { return read(name, r, opt, MaxSize) }

func read(name string, r io.Reader, opt Options, size int64) (*File, error) {
	f := &File{Name: name}
	bounded := &meter{r: r, left: size, sum: sha256.New()}
	in := bufio.NewReaderSize(bounded, 64<<10)
	format, err := detect(in)
	if err == nil {
		f.Format = format.name
		err = format.read(in, f, opt)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	if bounded.err != nil {
		err = bounded.err // the cause of whatever a reader said
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

// add keeps an attempt.
func (f *File) add(a attempt, line int) error {
	if len(f.attempts) >= MaxTests {
		return fault(line, "split it into files of fewer tests", "more than %d tests", MaxTests)
	}
	f.attempts = append(f.attempts, a)
	return nil
}

// meter ends a file that is too large, and sums up its bytes.
type meter struct {
	r    io.Reader
	left int64
	sum  hash.Hash
	err  error // why reading ended before the end
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.sum.Write(p[:n])
	if m.left -= int64(n); m.left < 0 {
		m.err = fault(0, "split it into several files", "more than %d MiB", MaxSize>>20)
		return 0, m.err
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// signs tell a format by a line of it.
var signs = sync.OnceValue(func() []sign {
	return []sign{
		{regexp.MustCompile(`^\{.*"Action":`), goTest},
		{regexp.MustCompile(`^(TAP version \d+|1\.\.\d+( *#.*)?|(not )?ok( \d+)?( .*)?)$`), tap},
	}
})

type sign struct {
	line   *regexp.Regexp
	format *format
}

// misfits are what people give instead.
var misfits = []struct{ begin, what, hint string }{
	{"\x1f\x8b", "compressed by gzip", "unpack it first: gzip -dc FILE | regreen report --from -"},
	{"PK\x03\x04", "a ZIP archive", "unpack it first"},
	{"\xff\xfe", "UTF-16", "write it as UTF-8"},
	{"\xfe\xff", "UTF-16", "write it as UTF-8"},
	{"<!DOCTYPE html", "an HTML page", formatsHint},
	{"<html", "an HTML page", formatsHint},
}

// detect finds out the format by the first lines, and skips a byte order mark.
func detect(in *bufio.Reader) (*format, error) {
	head, err := in.Peek(32 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, m := range misfits {
		if bytes.HasPrefix(head, []byte(m.begin)) {
			return nil, fault(0, m.hint, "%s", m.what)
		}
	}
	if bytes.HasPrefix(head, []byte("\ufeff")) {
		_, _ = in.Discard(len("\ufeff"))
		head = head[len("\ufeff"):]
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(text) == 0:
		return nil, foreign("was the program ended before it wrote its results?", "is empty")
	case text[0] == '<':
		return junit, nil
	case bytes.Contains(text, []byte("\"regreen.report/v1\"")):
		return nil, fault(0, "regreen report ID shows a report of regreen again", "is a report of regreen, not the results of tests")
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "--- FAIL: ") {
			return nil, fault(0, "run go test -json", "the output of go test without -json")
		}
		for _, s := range signs() {
			if s.line.MatchString(line) {
				return s.format, nil
			}
		}
	}
	if text[0] == '{' {
		return ctrf, nil
	}
	return nil, foreign(formatsHint, "is in no format that is known")
}

// lines calls do with every line, without its end, and its number from 1. A line that is too long
// is passed over.
func lines(in *bufio.Reader, do func(n int, line []byte) error) error {
	var line []byte
	long := false
	for n := 1; ; {
		piece, err := in.ReadSlice('\n')
		if long = long || len(line)+len(piece) > maxLine; long {
			line = line[:0]
		} else {
			line = append(line, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		if !long && len(line) > 0 {
			if err := do(n, bytes.TrimRight(line, "\r\n")); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
		line, long = line[:0], false
		n++
	}
}
