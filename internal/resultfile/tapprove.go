package resultfile

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// proveRun is a program that prove ran, or pg_prove. With -v, these print its document between
// its name and its outcome; without, only the name and the outcome.
type proveRun struct {
	name   string
	status string // how the program ended, unless it exited 0
}

var proveForms = sync.OnceValue(func() (f struct{ start, exited, outcome *regexp.Regexp }) {
	f.start = regexp.MustCompile(`^(?:\[\d\d:\d\d:\d\d\] )?(\S*[./]\S*) \.{2,}(?: ((?:ok|skipped)\b.*))?$`)
	f.exited = regexp.MustCompile(`^Dubious, test returned (\d+)\b`)
	f.outcome = regexp.MustCompile(`^(ok(?:\s+\d+ ms\b.*)?|All \d+ subtests passed|No subtests run|Failed \d+/\d+ subtests|skipped\b.*)$`)
	return f
})

// proved reads a line that prove printed. ok is false if it is another line.
func (r *tapReader) proved(text string) (ok bool, err error) {
	forms := proveForms()
	if m := forms.start.FindStringSubmatch(text); m != nil && (r.blank() || r.levels[0].complete()) {
		err := r.next()
		r.pkg, r.prove, r.begun = m[1], &proveRun{name: m[1]}, true
		r.ahead.Reset()
		if err == nil && m[2] != "" {
			err = r.proveEnd(m[2])
		}
		return true, err
	}
	if r.prove == nil {
		return false, nil
	}
	if m := forms.exited.FindStringSubmatch(text); m != nil {
		if r.prove.status = "the test program exited " + m[1]; m[1] == "0" {
			r.prove.status = "the test program was killed by a signal"
		}
		return true, nil
	}
	m := forms.outcome.FindStringSubmatch(text)
	if m == nil || strings.HasPrefix(text, "ok") && !r.levels[0].complete() {
		return false, nil
	}
	return true, r.proveEnd(m[1])
}

// proveEnd ends the document of a program. If prove did not print its tests, the program is the
// test.
func (r *tapReader) proveEnd(outcome string) error {
	defer r.begin()
	run, document := r.prove, r.levels[0]
	if document.ran > 0 || document.planned > 0 {
		if err := r.end(); err != nil || run.status == "" || r.anyFailed() {
			return err
		}
		return r.whole(string(testrun.Setup), run.status)
	}
	a := attempt{pkg: baseName(r.file.Name), test: name(run.name), status: failed}
	switch {
	case run.status == "" && strings.HasPrefix(outcome, "ok"):
		a.status = passed
	case run.status == "" && strings.HasPrefix(outcome, "skipped"):
		a.status = skipped
	default:
		message := outcome
		if run.status != "" {
			message = run.status + "; " + outcome
		}
		a.detail = &detail{kind: string(testrun.Setup), message: testrun.OneLine(message)}
		a.detail.output, a.detail.truncated = r.keeper.output(r.ahead.String())
	}
	r.ahead.Reset()
	return r.file.add(a, r.line)
}

// anyFailed reports whether a test of the document failed.
func (r *tapReader) anyFailed() bool {
	return slices.ContainsFunc(r.file.attempts[r.before:], func(a attempt) bool { return a.status == failed })
}
