package resultfile

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// outcome is the result of one test.
type outcome struct {
	pkg, test string
	status    Status
	seconds   float64
	tries     int
	file      string
	line      int
	declared  bool    // the file declares the test
	detail    *detail // of the first failed try
}

type testKey struct{ pkg, test string }

// Merge makes one report of the results in files. It says what ran and what failed, and
// nothing about repairs. The order of the files does not matter.
//
// A test that has several results in a file has passed if all of them passed. It is flaky if
// the file says so, or if it shows that only what had failed was run again, see
// [File.outcomes]. The same test in several files ran in several places: the worst result
// counts, in the order failed, flaky, passed, skipped. Tries add up.
func Merge(files []*File) *report.Report {
	files = ordered(files)
	all := merged(files, false)
	slices.SortFunc(all, func(a, b *outcome) int { return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.test, b.test)) })
	return toReport(files, all)
}

// ordered returns the files sorted by name.
func ordered(files []*File) []*File {
	return slices.SortedFunc(slices.Values(files), func(a, b *File) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), bytes.Compare(a.sum[:], b.sum[:]))
	})
}

// merged returns the tests of all files, in the order of their first result. Succeeded is as for
// [Tests].
func merged(files []*File, succeeded bool) []*outcome {
	var all []*outcome
	at := map[testKey]int{}
	for _, f := range files {
		for _, o := range f.outcomes(succeeded) {
			k := testKey{o.pkg, o.test}
			if i, ok := at[k]; ok {
				all[i] = worse(all[i], o)
				continue
			}
			at[k] = len(all)
			all = append(all, o)
		}
	}
	return all
}

// worse combines the outcomes of one test in one file and in a later one.
func worse(a, b *outcome) *outcome {
	if b.status > a.status {
		a, b = b, a
	}
	a.tries += b.tries
	a.seconds = max(a.seconds, b.seconds)
	if a.file == "" {
		a.file, a.line, a.declared = b.file, b.line, b.declared
	}
	return a
}

// toReport makes a report of the outcomes, which are sorted.
func toReport(files []*File, all []*outcome) *report.Report {
	r := &report.Report{
		Schema: report.Schema, ID: identity(files),
		Environment: report.Environment{
			Event: "manual", Mode: "development", Policy: "never",
			ModeReasons: []string{"test results were read; no tests were run"},
		},
		Notes: []string{readFrom(files)},
	}
	for _, f := range files {
		r.Tests.Passed += f.passed
		r.Tests.Skipped += f.skipped
	}
	explained := ancestors(all)
	packages := map[string]bool{}
	for _, o := range all {
		packages[o.pkg] = true
		res := report.Result{Package: o.pkg, Test: o.test, Seconds: o.seconds, File: o.file, Line: o.line}
		if o.tries > 1 {
			res.Tries = o.tries
		}
		switch o.status {
		case Skipped:
			res.Status = report.ResultSkipped
			r.Tests.Skipped++
		case Passed:
			res.Status = report.ResultPassed
			r.Tests.Passed++
		case Flaky:
			res.Status = report.ResultFlaky
			r.Tests.Failed++
		case Failed:
			res.Status = report.ResultFailed
			r.Tests.Failed++
		}
		if o.test != "" {
			r.Results = append(r.Results, res)
		}
		if o.status >= Flaky && !o.byPart(explained) {
			r.Failures = append(r.Failures, toFailure(o))
		}
	}
	r.Tests.Packages = len(packages)
	r.Verdict = verdict(r.Failures)
	if len(all) == 0 && r.Tests.Passed+r.Tests.Skipped == 0 {
		r.Verdict = report.NotRun
		r.Problem = &report.Problem{What: "no tests in the results", Hint: "check which tests the command selects"}
	}
	return r
}

// byPart reports whether a test failed without details, because a part of it failed.
func (o *outcome) byPart(explained map[testKey]Status) bool {
	return o.detail != nil && o.detail.kind == unknown && explained[testKey{o.pkg, o.test}] >= o.status
}

// ancestors returns the tests that have failing parts, judged by their names, with the
// worst status of a part.
func ancestors(all []*outcome) map[testKey]Status {
	above := map[testKey]Status{}
	for _, o := range all {
		if o.status < Flaky {
			continue
		}
		for i := range o.test {
			if o.test[i] == '/' || strings.HasPrefix(o.test[i:], " > ") {
				k := testKey{o.pkg, o.test[:i]}
				above[k] = max(above[k], o.status)
			}
		}
	}
	return above
}

func toFailure(o *outcome) report.Failure {
	d := o.detail
	f := report.Failure{
		ID: o.pkg + "." + o.test, Package: o.pkg, Test: o.test, Kind: d.kind, Status: report.FailureNew, Message: d.message,
		File: d.file, Line: d.line, Output: d.output, Truncated: d.truncated,
	}
	if o.test == "" {
		f.ID = o.pkg
	}
	if f.Kind == unknown {
		f.Kind = string(testrun.Assertion)
	}
	if f.Message == "" {
		f.Message = "failed without a message"
	}
	switch {
	case o.status == Flaky:
		f.Status = report.FailureFlaky
	case d.status == report.FailureKnown || d.status == report.FailureFixed: // from a report of regreen
		f.Status = d.status
	}
	return f
}

// verdict returns the worst verdict of the failures.
func verdict(failures []report.Failure) report.Verdict {
	worst := report.Green
	for _, f := range failures {
		switch {
		case f.Status == report.FailureNew:
			return report.Red
		case f.Status == report.FailureKnown:
			worst = report.Known
		case f.Status == report.FailureFlaky && worst != report.Known:
			worst = report.Flaky
		case f.Status == report.FailureFixed && worst == report.Green:
			worst = report.Fixed
		}
	}
	return worst
}

// identity returns an ID that is the same for the same files.
func identity(files []*File) string {
	sums := make([]string, len(files))
	for i, f := range files {
		sums[i] = string(f.sum[:])
	}
	slices.Sort(sums)
	sum := sha256.Sum256([]byte(strings.Join(sums, "")))
	return report.ReadID + hex.EncodeToString(sum[:6])
}

// readFrom returns a sentence that names the files.
func readFrom(files []*File) string {
	const most = 5
	var parts []string
	for _, f := range files[:min(len(files), most)] {
		parts = append(parts, fmt.Sprintf("%s (%s)", f.Name, f.Format))
	}
	if n := len(files) - most; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more files", n))
	}
	return "No tests were run: the results are from " + strings.Join(parts, ", ") + "."
}
