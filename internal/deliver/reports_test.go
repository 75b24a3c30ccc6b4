package deliver_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/report"
)

const head = "9b1f0c2d7a6e5b4c3d2e1f0a9b8c7d6e5f4a3b2c"

// proposed returns a report with one failure and a verified patch for it.
func proposed() *report.Report {
	return &report.Report{
		Schema: report.Schema, ID: "20260302-091512-k7", Version: "1.0.0", Started: time.Date(2026, 3, 2, 9, 15, 12, 0, time.UTC),
		Verdict:     report.Proposed,
		Environment: report.Environment{Event: "pull_request", Mode: "production", Branch: "retry-budget", Head: head, Policy: "auto"},
		Command:     "go test ./...",
		Tests:       report.Tests{Packages: 3, Passed: 41, Failed: 1},
		Failures: []report.Failure{{
			ID: "example.com/fleet/stats.TestMean", Package: "example.com/fleet/stats", Test: "TestMean", Kind: "panic", Status: report.FailureNew,
			Message: "panic: runtime error: integer divide by zero", File: "stats/mean_test.go", Line: 23, Cluster: 1,
		}},
		Clusters: []report.Cluster{{Cause: "integer divide by zero", Failures: []string{"example.com/fleet/stats.TestMean"}, Status: report.ClusterRepaired, Patch: "p-3f2a"}},
		Patches: []report.Patch{{
			ID: "p-3f2a", Attempt: "a17", Strategy: "template/guard", Title: "return before the division", Rank: 1, Cluster: 1, State: report.PatchVerified, Confidence: 0.91,
			Diff: `--- a/stats/mean.go
+++ b/stats/mean.go
@@ -10,6 +10,9 @@
 // Mean is the mean of the samples.
 func (w *Window) Mean() time.Duration {
+	if len(w.samples) == 0 {
+		return 0
+	}
 	var sum time.Duration
-	for _, s := range w.samples {
+	for _, s := range w.all() {
 		sum += s.Duration
 	}
`,
		}},
		Stats: report.Stats{Seconds: map[string]float64{"test": 3.2}},
	}
}

// shownFile is the change of the tests' pull request: the same lines, three further down than in
// the merge that was tested.
const shownFile = `@@ -12,7 +12,7 @@ import "time"
 
 // Mean is the mean of the samples.
-func (w *Window) Average() time.Duration {
+func (w *Window) Mean() time.Duration {
 	var sum time.Duration
 	for _, s := range w.samples {
 		sum += s.Duration
 	}`

// evil is text that tries to be more than text, wherever it gets.
const evil = "\x1b]0;owned\x07\x1b[31m</details><script>alert(1)</script> ```suggestion <!-- --> | @everyone <!channel> #1 " +
	"[x](javascript:alert(1)) www.evil.example \xff\u202egnp.exe\r\n\r\nBcc: all@evil.example\r\n::error::x\r\n.\r\nQUIT\r\n\x00"

// hostile returns a report with that text wherever a repository, a test or a model writes.
func hostile() *report.Report {
	r := proposed()
	r.Command, r.Environment.Branch = evil, evil
	r.Failures[0].ID, r.Failures[0].Message, r.Failures[0].Output = evil, evil, strings.Repeat(evil, 50)
	r.Clusters[0].Cause = evil
	r.Patches[0].Title, r.Patches[0].Strategy = evil, evil
	r.Notes = []string{evil}
	return r
}

// huge returns a report that exceeds the limits of every platform.
func huge() *report.Report {
	r := proposed()
	for i := range 600 {
		f := r.Failures[0]
		f.ID = fmt.Sprintf("example.com/fleet/stats.TestMean/%d", i)
		f.Output = strings.Repeat("goroutine 7 [running]:\n", 40)
		r.Failures = append(r.Failures, f)
	}
	r.Patches[0].Diff += strings.Repeat("+\tx++\n", 3_000)
	return r
}

// bare returns a report without anything: every list is nil.
func bare() *report.Report { return &report.Report{ID: "r-1", Verdict: report.Red} }
