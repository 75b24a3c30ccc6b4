package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/report"
)

// attempts is the length of a report's ledger.
const attempts = 2000

// sampleReport returns a report with a number of tests. One test in a hundred fails with 2
// KiB of output, one in a hundred is skipped, and one in a thousand is flaky.
func sampleReport(tests int) *report.Report {
	r := &report.Report{
		Schema: report.Schema, ID: "bench", Version: "1.0.0", Verdict: report.Proposed, Command: "go test ./...",
		Started:     time.Date(2026, 3, 2, 9, 15, 12, 0, time.UTC),
		Environment: report.Environment{Event: "pull_request", Mode: "production", Policy: "never", Base: "4e8d21b07c6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e"},
		Clusters:    []report.Cluster{{Cause: "integer divide by zero", Status: report.ClusterRepaired, Patch: "p-1"}},
		Patches: []report.Patch{{
			ID: "p-1", Attempt: "a1", Strategy: "template/guard", Title: "return before the division", Rank: 1, Cluster: 1, State: report.PatchVerified, Confidence: 0.9,
			Files: []report.Span{{File: "stats/mean.go", Start: 2, End: 2}},
			Diff:  "--- a/stats/mean.go\n+++ b/stats/mean.go\n@@ -1,3 +1,3 @@\n package stats\n-old\n+new\n // end\n",
		}},
		Suspects: []report.Suspect{{Span: report.Span{File: "stats/mean.go", Start: 2, End: 2}, Score: 0.9, Why: []string{"changed since the base"}}},
	}
	for i := range tests {
		res := report.Result{Package: fmt.Sprintf("example.com/fleet/p%d", i/100), Test: fmt.Sprintf("TestNumber%d/case_%d", i/4, i%4), Status: report.ResultPassed, Seconds: float64(i%97) / 1000}
		f := report.Failure{
			ID: res.Package + "." + res.Test, Package: res.Package, Test: res.Test, Kind: "assertion", Status: report.FailureNew, Cluster: 1,
			Message: fmt.Sprintf("got %d, want %d", i, i+1), File: fmt.Sprintf("p%d/p_test.go", i/100), Line: i%500 + 1,
		}
		switch {
		case i%1000 == 500:
			res.Status, res.Tries, f.Status, f.Cluster = report.ResultFlaky, 2, report.FailureFlaky, 0
			r.Tests.Failed++
			r.Failures = append(r.Failures, f)
		case i%100 == 7:
			res.Status = report.ResultFailed
			f.Output = strings.Repeat(fmt.Sprintf("    p_test.go:%d: got <%d>, want <%d> & more\n", f.Line, i, i+1), 40)
			r.Tests.Failed++
			r.Failures = append(r.Failures, f)
		case i%100 == 8:
			res.Status = report.ResultSkipped
			r.Tests.Skipped++
		default:
			r.Tests.Passed++
		}
		r.Results = append(r.Results, res)
	}
	r.Tests.Packages = (tests + 99) / 100
	for i := range attempts {
		r.Attempts = append(r.Attempts, report.Attempt{
			ID: fmt.Sprint("a", i), Strategy: fmt.Sprint("template/", i%20), File: "stats/mean.go", Line: i%300 + 1,
			Stage: report.StageFailingTests, Verdict: report.AttemptRejected, Seconds: 0.01, Reason: "TestNumber0/case_0: got 1, want 2",
		})
	}
	return r
}

// writeEvents writes the events that go test -json would have printed, without retries.
func writeEvents(w io.Writer, r *report.Report, _ report.Options) (err error) {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	type event struct {
		Time    time.Time
		Action  string
		Package string
		Test    string  `json:",omitempty"`
		Output  string  `json:",omitempty"`
		Elapsed float64 `json:",omitempty"`
	}
	emit := func(action string, res report.Result, output string) {
		e := event{r.Started, action, res.Package, res.Test, output, 0}
		if action == "pass" || action == "fail" || action == "skip" {
			e.Elapsed = res.Seconds
		}
		if wrong := enc.Encode(e); err == nil {
			err = wrong
		}
	}
	outputs := map[string]string{}
	for _, failure := range r.Failures {
		outputs[failure.ID] = failure.Output
	}
	actions := map[report.ResultStatus]string{report.ResultPassed: "pass", report.ResultFailed: "fail", report.ResultSkipped: "skip", report.ResultFlaky: "pass"}
	for i, res := range r.Results {
		whole := report.Result{Package: res.Package}
		if i%100 == 0 {
			emit("start", whole, "")
		}
		emit("run", res, "")
		emit("output", res, "=== RUN   "+res.Test+"\n")
		for line := range strings.Lines(outputs[res.Package+"."+res.Test]) {
			emit("output", res, line)
		}
		emit("output", res, fmt.Sprintf("--- %s: %s (%.2fs)\n", strings.ToUpper(actions[res.Status]), res.Test, res.Seconds))
		emit(actions[res.Status], res, "")
		if i%100 == 99 || i == len(r.Results)-1 {
			emit("output", whole, "FAIL\n")
			emit("fail", whole, "")
		}
	}
	return errors.Join(err, buf.Flush())
}
