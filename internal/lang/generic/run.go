package generic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/resultfile"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// ending describes how a run of the command ended.
type ending struct {
	status    int           // of the shell; below 0 if a signal ended it
	expired   time.Duration // the timeout, if that ended it
	output    string        // without the path of the tree
	truncated int           // bytes of output left out
}

// crashed reports whether a signal ended the command, or a program that its shell ran.
func (e *ending) crashed() bool { return e.status < 0 || e.status > 128 && e.status <= 128+64 }

// absent reports whether the shell could not find or run the command, or a program in it. A
// command that writes results did run.
func (e *ending) absent() bool { return e.expired == 0 && (e.status == 126 || e.status == 127) }

// printed keeps what the command prints to both of its outputs.
type printed struct {
	mu   sync.Mutex
	text testrun.Capped
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// runOnce runs the command in a directory and reads its results. If left is set, a run that
// takes longer is late.
func (s *suite) runOnce(ctx context.Context, dir string, timeout, left time.Duration) (*outcome, error) {
	stale, err := s.removeResults(dir)
	if err != nil {
		return nil, err
	}
	late := left > 0 && left < timeout
	if late {
		timeout = left
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	// A command that never stops printing runs until its timeout; output keeps little of it.
	var output printed
	stdout, results := io.Writer(&output), func() (*resultfile.File, error) { return nil, nil }
	if s.stdout {
		stdout, results = s.resultsOf(dir, &output)
	}
	began := time.Now()
	status, err := s.sandbox.Run(limited, testrun.Command{
		Args: []string{"/bin/sh", "-c", s.command}, Dir: dir, Env: []string{"PYTHONDONTWRITEBYTECODE=1"},
		Stdout: stdout, Stderr: &output, Grace: testrun.Grace, Sweep: true, Build: true,
	})
	fromOutput, outputErr := results()
	end := &ending{status: status}
	end.output, end.truncated = output.text.Text()
	end.output = s.places(dir).shorten(end.output)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("tests: %w", context.Cause(ctx))
	case limited.Err() != nil && late:
		return &outcome{late: true}, nil
	case limited.Err() != nil:
		end.expired = timeout
	case err != nil:
		return nil, testrun.NotStarted(err)
	default:
		s.took(time.Since(began))
	}
	if !s.stdout && len(s.globs) == 0 {
		if end.absent() {
			return nil, s.notFound(end)
		}
		return s.byStatus(end), nil
	}
	files, err := s.readResults(dir)
	if fromOutput != nil {
		files = append(files, fromOutput)
	}
	err = cmp.Or(err, outputErr)
	var broken *resultfile.Error
	switch {
	case err != nil && (end.expired > 0 || end.crashed()): // it ended while it wrote them
	case err == nil && len(files) == 0 && end.absent():
		return nil, s.notFound(end)
	case errors.As(err, &broken):
		return nil, s.brokenResults(broken, end)
	case err != nil:
		return nil, err
	}
	return s.byResults(dir, files, end, stale)
}

// notFound returns the error for a command that does not exist.
func (s *suite) notFound(end *ending) error {
	return &testrun.NotRunError{
		What: "cannot run the test command: " + testrun.LastLine(end.output), Where: s.command,
		Advice: "check that it is installed and in PATH", Output: end.output,
	}
}

// byStatus returns the outcome by the exit status alone: the command is the only test.
func (s *suite) byStatus(end *ending) *outcome {
	if end.status == 0 && end.expired == 0 {
		return &outcome{passed: []testrun.TestID{s.commandID()}}
	}
	return &outcome{commandFailures: []testrun.Failure{s.failed(end)}, broken: true}
}

// failed returns the failure of the command as a whole.
func (s *suite) failed(end *ending) testrun.Failure {
	f := testrun.Failure{TestID: s.commandID(), Kind: testrun.Setup, Output: end.output, Truncated: end.truncated}
	switch {
	case end.expired > 0:
		f.Kind, f.Message = testrun.Timeout, fmt.Sprintf("`%s` did not end within %s", s.command, end.expired)
	case end.status < 0:
		f.Message = fmt.Sprintf("`%s` was killed by a signal", s.command)
	case end.status == 0:
		f.Message = fmt.Sprintf("`%s` exited 0, and its results count failures that they do not list", s.command)
	default:
		f.Message = fmt.Sprintf("`%s` exited %d", s.command, end.status)
	}
	if last := lastMessage(end.output); last != "" {
		f.Message += ": " + last
	}
	f.Message = testrun.OneLine(f.Message)
	f.Location = s.lastPlace(end.output)
	return f
}

// messengers are the starts of lines that programs print when a program they ran failed:
// they say no more than the exit status.
var messengers = []string{"make: ", "make[", "gmake: ", "gmake[", "npm ERR!", "npm error", "error Command failed", "info Visit https://yarnpkg.com"}

// lastMessage returns the last line of output that says why a command failed.
func lastMessage(output string) string {
	last := ""
	for line := range strings.Lines(output) {
		if strings.TrimSpace(line) != "" && !slices.ContainsFunc(messengers, func(begin string) bool { return strings.HasPrefix(line, begin) }) {
			last = line
		}
	}
	return cmp.Or(testrun.OneLine(last), testrun.LastLine(output))
}

// lastPlace returns the last place of the tree that output names: what matters is at the end.
func (s *suite) lastPlace(output string) testrun.Location {
	const most = 16 << 10
	places := resultfile.Places(output[max(len(output)-most, 0):])
	for _, place := range slices.Backward(places) {
		if file := s.files.Locate(place.Name); file != "" {
			return testrun.Location{File: file, Line: place.Line}
		}
	}
	return testrun.Location{}
}

// byResults returns the outcome by the result files, see the package comment.
func (s *suite) byResults(dir string, files []*resultfile.File, end *ending, stale []string) (*outcome, error) {
	listed, unlisted := 0, false
	for _, f := range files {
		listed += f.Listed()
		unlisted = unlisted || f.Unlisted()
	}
	o := &outcome{took: make(map[testrun.TestID]float64)}
	if listed == 0 && !unlisted {
		f := s.failed(end)
		switch {
		case end.expired > 0 || end.crashed():
		case end.status != 0 && s.explain(dir, &f):
		case len(files) == 0:
			return nil, s.noResults(end, stale)
		default:
			return nil, s.noTests(files, end)
		}
		o.commandFailures, o.broken = []testrun.Failure{f}, true
		return o, nil
	}
	var retried []testrun.Failure // failed first, then passed
	places := s.places(dir)
	for _, t := range resultfile.Tests(files, end.status == 0 && end.expired == 0) {
		if t.Failure != nil && t.Failure.Kind == incomplete && (end.expired > 0 || end.crashed()) {
			continue // the end of the command says why
		}
		f := places.failure(&t)
		if file := places.file(t.File); t.Declared && file != "" {
			s.declares(file)
		}
		o.took[f.TestID] = t.Seconds
		switch {
		case t.Status == resultfile.Skipped:
			o.skipped = append(o.skipped, f.TestID)
		case t.Status == resultfile.Failed && !t.ByPart:
			o.failures = append(o.failures, f)
		case t.Status == resultfile.Flaky && t.Failure != nil:
			retried = append(retried, f)
			o.passed = append(o.passed, f.TestID)
		case t.Status != resultfile.Failed && f.Test != "":
			o.passed = append(o.passed, f.TestID)
		}
	}
	switch {
	case end.expired > 0 || end.status < 0 || unlisted && len(o.failures) == 0:
		o.commandFailures, o.broken = []testrun.Failure{s.failed(end)}, true
	case end.status == 0 || len(o.failures) > 0:
	case len(retried) > 0:
		o.failures = retried
	default:
		o.commandFailures = []testrun.Failure{s.failed(end)}
	}
	return o, nil
}

// incomplete is the kind of failure of results that end too early.
const incomplete = "incomplete"

// explain takes the failure of a command for code that does not compile if its output names
// places of the tree. ok is false if it names none.
func (s *suite) explain(dir string, f *testrun.Failure) (ok bool) {
	frames := s.places(dir).frames(f.Output)
	if len(frames) == 0 {
		return false
	}
	f.Kind, f.Frames, f.Location = testrun.Compile, frames, frames[0].Location
	for _, frame := range frames {
		f.Positions = append(f.Positions, testrun.Position{Location: frame.Location, Message: f.Message})
	}
	return true
}

func (s *suite) noResults(end *ending, stale []string) error {
	e := &testrun.NotRunError{
		What: "the test command wrote no results", Where: strings.Replace(strings.Join(s.results(), ", "), standardOutput, "standard output", 1),
		Advice: "check that the command writes its results there, or change results: in .regreen.yml", Output: end.output,
	}
	if end.status != 0 {
		e.What = fmt.Sprintf("the test command wrote no results and exited %d", end.status)
	}
	if last := testrun.LastLine(end.output); last != "" {
		e.What += ": " + last
	}
	if len(stale) > 0 {
		e.What += fmt.Sprintf("; ignored the results of an earlier run: %s", list(stale))
		e.Advice = "remove them from the repository and have the command write them again; globs of results: should match results only"
	}
	return e
}

func (s *suite) noTests(files []*resultfile.File, end *ending) error {
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	what := "no tests in the results"
	if end.status != 0 {
		what = fmt.Sprintf("no tests in the results, and the test command exited %d", end.status)
	}
	return &testrun.NotRunError{What: what, Where: list(names), Advice: "write a test, or check how the command selects tests", Output: end.output}
}

// brokenResults returns the error for results that cannot be read.
func (s *suite) brokenResults(broken *resultfile.Error, end *ending) error {
	e := &testrun.NotRunError{What: "cannot read the results: " + broken.What, Where: broken.File, Advice: broken.Advice, Output: end.output}
	if broken.File == standardOutput {
		e.Where = "the standard output of " + s.command
	}
	if broken.Line > 0 {
		e.Where = fmt.Sprintf("%s:%d", e.Where, broken.Line)
	}
	if e.Advice == "" {
		e.Advice = "expected test results: JUnit XML, TAP, CTRF or go test -json"
	}
	return e
}

// list returns names as text.
func list(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
