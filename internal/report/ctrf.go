package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
)

// ctrfVersion is the version of the specification, https://ctrf.io.
const ctrfVersion = "0.0.0"

// The parts of a CTRF document that regreen fills in. What the specification does not
// cover is in extra, under "regreen".
type (
	ctrfTool struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	ctrfSummary struct {
		Tests    int   `json:"tests"`
		Passed   int   `json:"passed"`
		Failed   int   `json:"failed"`
		Skipped  int   `json:"skipped"`
		Pending  int   `json:"pending"`
		Other    int   `json:"other"`
		Flaky    int   `json:"flaky"`
		Suites   int   `json:"suites"`
		Start    int64 `json:"start"` // milliseconds since 1970, here and below
		Stop     int64 `json:"stop"`
		Duration int64 `json:"duration"`
	}
	ctrfTest struct {
		Name     string             `json:"name"`
		Status   string             `json:"status"`
		Duration int64              `json:"duration"`
		Suite    []string           `json:"suite,omitempty"`
		Message  string             `json:"message,omitempty"`
		Trace    string             `json:"trace,omitempty"`
		File     string             `json:"filePath,omitempty"`
		Line     int                `json:"line,omitempty"`
		Retries  int                `json:"retries,omitempty"`
		Flaky    bool               `json:"flaky,omitempty"`
		Extra    *ctrfExtra[ctrfOf] `json:"extra,omitempty"`
	}
	ctrfEnvironment struct {
		Commit string `json:"commit,omitempty"`
		Branch string `json:"branchName,omitempty"`
	}
	ctrfExtra[T any] struct {
		Regreen T `json:"regreen"`
	}
	// ctrfOf holds what regreen adds to a test.
	ctrfOf struct {
		Kind   string `json:"kind"`
		Status string `json:"status,omitempty"`
		Whole  bool   `json:"package,omitempty"` // the package failed as a whole
	}
	// ctrfRun holds what regreen adds to the run.
	ctrfRun struct {
		Verdict  string      `json:"verdict"`
		Summary  string      `json:"summary"`
		Problem  *Problem    `json:"problem,omitempty"`
		Patches  []ctrfPatch `json:"patches,omitempty"`
		Unlisted string      `json:"unlisted,omitempty"`
	}
	ctrfPatch struct {
		ID         string     `json:"id"`
		State      PatchState `json:"state"`
		Title      string     `json:"title"`
		Confidence float64    `json:"confidence"`
		Applied    bool       `json:"applied"`
	}
)

// CTRF writes the report in the Common Test Report Format, JSON for test results.
// It lists the tests of Results and the failures that are not among them. The summary
// counts all tests that ran; extra.regreen.unlisted explains any difference.
func CTRF(w io.Writer, r *Report) error {
	suites := r.suites()
	var all testTally
	for i := range suites {
		all.join(suites[i].tally())
	}
	passed, skipped := r.unlistedTests()
	all.passed += passed
	all.skipped += skipped
	start := int64(0)
	if !r.Started.IsZero() {
		start = r.Started.UnixMilli()
	}
	duration := milliseconds(cmp.Or(r.Stats.Seconds["test"], all.seconds))

	s := newJSONStream(w)
	s.text(`{"reportFormat":"CTRF","specVersion":"` + ctrfVersion + `","generatedBy":"regreen"`)
	if r.ID != "" {
		s.field("runId", Visible(r.ID))
	}
	s.field("extra", ctrfExtra[ctrfRun]{ctrfRunOf(r)})
	s.text(",\n" + `"results":{"tool":`)
	s.value(ctrfTool{"regreen", Visible(r.Version)})
	s.field("summary", ctrfSummary{
		Tests:  all.passed + all.failed + all.skipped,
		Passed: all.passed, Failed: all.failed, Skipped: all.skipped, Flaky: all.flaky, Suites: len(suites),
		Start: start, Stop: start + duration, Duration: duration,
	})
	if e := (ctrfEnvironment{Visible(r.Environment.Head), Visible(r.Environment.Branch)}); e != (ctrfEnvironment{}) {
		s.field("environment", e)
	}
	s.text(",\n" + `"tests":[`)
	n := 0
	for i := range suites {
		suite := []string{Visible(suites[i].name)}
		for k := range suites[i].lines {
			s.item(n, ctrfTestOf(suite, &suites[i].lines[k]))
			n++
		}
	}
	s.text("]}}\n")
	if err := s.flush(); err != nil {
		return fmt.Errorf("ctrf: %w", err)
	}
	return nil
}

func ctrfRunOf(r *Report) ctrfRun {
	run := ctrfRun{Verdict: string(r.Verdict), Summary: Summary(r), Problem: r.Problem, Unlisted: r.unlisted()}
	for _, p := range r.stories().patches() {
		run.Patches = append(run.Patches, ctrfPatch{
			Visible(p.ID), p.State, Visible(cmp.Or(p.Title, p.Strategy)), p.Confidence, p.Applied,
		})
	}
	return run
}

func ctrfTestOf(suite []string, l *testLine) ctrfTest {
	t := ctrfTest{
		Name: cmp.Or(Visible(l.Test), suite[0], WholePackage), Status: string(l.Status), Duration: milliseconds(l.Seconds),
		File: Visible(l.File), Line: l.Line, Retries: max(l.Tries-1, 0),
	}
	if suite[0] != "" {
		t.Suite = suite
	}
	if l.Status == ResultFlaky {
		t.Status, t.Flaky, t.Retries = "passed", true, max(t.Retries, 1)
	}
	switch f := l.failure; {
	case f != nil:
		t.Message, t.Trace = Visible(f.Text()), failureText(f)
		t.Extra = &ctrfExtra[ctrfOf]{ctrfOf{Visible(f.Kind), string(f.Status), l.whole()}}
	case l.Status == ResultFailed, l.Status == ResultFlaky:
		t.Extra = &ctrfExtra[ctrfOf]{ctrfOf{Kind: UnknownKind}}
	}
	return t
}

// milliseconds converts seconds for CTRF and for the data of the page.
func milliseconds(s float64) int64 {
	if !(s >= 0 && s <= maxNumber/1000) {
		return 0
	}
	return int64(math.Round(s * 1000))
}
