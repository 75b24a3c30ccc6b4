package report

import (
	"strings"
	"time"
)

// examples are realistic reports, one for each verdict. Functions make them, so that tests
// cannot change each other's.
var examples = []struct {
	name string
	make func() *Report
}{
	{"green", greenReport},
	{"known", knownReport},
	{"flaky", flakyReport},
	{"fixed", fixedReport},
	{"proposed", proposedReport},
	{"partial", partialReport},
	{"red", redReport},
	{"not-run", notRunReport},
	{"hostile", hostileReport},
}

func baseReport() *Report {
	return &Report{
		Schema:  Schema,
		ID:      "20260302-091512-k7",
		Version: "1.0.0",
		Started: time.Date(2026, 3, 2, 9, 15, 12, 0, time.UTC),
		Verdict: Green,
		Environment: Environment{
			Event: "pre-commit", Mode: "development", ModeReasons: []string{"no CI variable is set", "event pre-commit"},
			Branch: "retry-budget", Head: "9b1f0c2d7a6e5b4c3d2e1f0a9b8c7d6e5f4a3b2c", Base: "4e8d21b07c6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e",
			Policy: "auto", Budget: 20,
		},
		Command: "go test ./...",
		Tests:   Tests{Packages: 31, Passed: 1204, Skipped: 3},
		Stats:   Stats{Seconds: map[string]float64{"detect": 0.01, "test": 3.2, "report": 0.02}},
	}
}

func greenReport() *Report { return baseReport() }

func knownReport() *Report {
	r := baseReport()
	r.Verdict = Known
	r.Tests = Tests{Packages: 31, Passed: 1202, Failed: 2, Skipped: 3}
	r.Failures = []Failure{
		{
			ID: "example.com/fleet/store.TestExpiry", Package: "example.com/fleet/store", Test: "TestExpiry", Kind: "assertion",
			Status: FailureKnown, Message: "expiry = 2026-03-02, want 2026-03-03", File: "store/expiry_test.go", Line: 31,
		},
		{
			ID: "example.com/fleet/store.TestExpiry/leap", Package: "example.com/fleet/store", Test: "TestExpiry/leap", Kind: "assertion",
			Status: FailureKnown, Message: "no leap day", File: "store/expiry_test.go", Line: 44,
		},
	}
	return r
}

func flakyReport() *Report {
	r := baseReport()
	r.Verdict = Flaky
	r.Tests = Tests{Packages: 31, Passed: 1203, Failed: 1, Skipped: 3}
	r.Failures = []Failure{{
		ID: "example.com/fleet/queue.TestDrain", Package: "example.com/fleet/queue", Test: "TestDrain", Kind: "timeout",
		Status: FailureFlaky, Message: "timed out waiting for the queue to drain", File: "queue/drain_test.go", Line: 88,
	}}
	r.Notes = []string{"Flaky tests are not repaired; the failing run is in the log."}
	return r
}

// guardPatch returns the patch of the examples.
func guardPatch() Patch {
	return Patch{
		ID: "p-3f2a", Attempt: "a17", Strategy: "template/guard", Title: "return before the division when there are no samples",
		Rank: 1, Cluster: 1, State: PatchVerified, Confidence: 0.91,
		Files: []Span{{"stats/mean.go", 12, 14}},
		Diff: `diff --git a/stats/mean.go b/stats/mean.go
--- a/stats/mean.go
+++ b/stats/mean.go
@@ -9,9 +9,12 @@ import "time"
 
 // Mean returns the mean of the samples, or 0 without samples.
 func (w *Window) Mean() time.Duration {
+	if len(w.samples) == 0 {
+		return 0
+	}
 	var sum time.Duration
 	for _, s := range w.samples {
-		sum += s.Duration * time.Duration(s.Wait)
+		sum += s.Duration * time.Duration(s.Weight)
 	}
 	return sum / time.Duration(len(w.samples))
 }
`,
		Evidence: []Evidence{
			{StageFailingTests, true, "2 tests pass", 0.8},
			{StageDependents, true, "14 tests in 3 packages pass", 1.4},
			{StageSuite, true, "1,204 tests pass, no new failures", 3.1},
			{StageRepeat, true, "3 of 3 runs pass", 1.2},
		},
	}
}

func proposedReport() *Report {
	r := baseReport()
	r.Verdict = Proposed
	r.Tests = Tests{Packages: 31, Passed: 1199, Failed: 5, Skipped: 3}
	r.Failures = []Failure{
		{
			ID: "example.com/fleet/stats.TestMean/empty", Package: "example.com/fleet/stats", Test: "TestMean/empty", Kind: "panic",
			Status: FailureNew, Message: "panic: runtime error: integer divide by zero", File: "stats/mean_test.go", Line: 23, Cluster: 1,
			Output: "=== RUN   TestMean/empty\n--- FAIL: TestMean/empty (0.00s)\npanic: runtime error: integer divide by zero\n\ngoroutine 7 [running]:\n" +
				"example.com/fleet/stats.(*Window).Mean(...)\n\tstats/mean.go:17\n",
		},
		{
			ID: "example.com/fleet/report/weekly.TestSummaryOfQuietWeek", Package: "example.com/fleet/report/weekly", Test: "TestSummaryOfQuietWeek", Kind: "panic",
			Status: FailureNew, Message: "panic: runtime error: integer divide by zero", File: "report/weekly/summary_test.go", Line: 61, Cluster: 1,
		},
		knownReport().Failures[0], knownReport().Failures[1], flakyReport().Failures[0],
	}
	r.Clusters = []Cluster{{
		Cause:    "integer divide by zero in (*Window).Mean",
		Failures: []string{r.Failures[0].ID, r.Failures[1].ID}, Status: ClusterRepaired, Patch: "p-3f2a",
	}}
	r.Culprit = &Culprit{
		Files: []Span{{"stats/mean.go", 12, 15}}, Minimal: true, SubsetsTested: 7,
		Diff: `--- a/stats/mean.go
+++ b/stats/mean.go
@@ -9,10 +9,7 @@ import "time"
 // Mean returns the mean of the samples, or 0 without samples.
 func (w *Window) Mean() time.Duration {
-	if len(w.samples) == 0 {
-		return 0
-	}
 	var sum time.Duration
 	for _, s := range w.samples {
-		sum += s.Duration * time.Duration(s.Weight)
+		sum += s.Duration * time.Duration(s.Wait)
 	}
`,
	}
	second := guardPatch()
	second.ID, second.Attempt, second.Rank, second.Confidence = "p-77c0", "a21", 2, 0.54
	second.Strategy, second.Title, second.NeedsReview = "template/expression", "divide by max(1, len(w.samples)) instead of len(w.samples)", true
	third := guardPatch()
	third.ID, third.Attempt, third.Rank, third.Confidence = "p-a1", "a30", 3, 0.2
	third.State, third.Strategy, third.Title = PatchRefused, "revert", "revert the change of stats/mean.go"
	third.Reason, third.Evidence = "it reverts the change", third.Evidence[:1]
	first := guardPatch()
	first.TrackRecord, first.SameLines = &TrackRecord{Kept: 12, Applied: 14}, 1
	first.After = &Tests{Packages: 31, Passed: 1202, Failed: 2, Skipped: 3}
	r.Patches = []Patch{first, second, third}
	r.Suspects = []Suspect{{Span{"stats/mean.go", 12, 18}, 0.94, []string{"changed since the base", "in the stack of the panic"}}}
	r.Attempts = []Attempt{
		{"a1", "", "template/guard", "stats/mean.go", 17, StageTypeCheck, AttemptIllTyped, 0.004, "undefined: n", nil},
		{"a2", "", "template/guard", "stats/mean.go", 17, StageFailingTests, AttemptRejected, 0.41, "TestMean/empty: got 1ns, want 0s", nil},
		{"a17", "", "template/guard", "stats/mean.go", 12, StageRepeat, AttemptVerified, 6.5, "", nil},
		{"a21", "", "template/expression", "stats/mean.go", 17, StageRepeat, AttemptVerified, 6.1, "", nil},
		{"a30", "", "revert", "stats/mean.go", 12, StageFailingTests, AttemptRefused, 0.9, "it reverts the change", nil},
		{"a31", "", "template/operator", "stats/mean.go", 15, StagePropose, AttemptPruned, 0, "same text as a2", nil},
	}
	r.Stats = Stats{
		Generated: 41, Pruned: 12, IllTyped: 3, Validated: 26, Plausible: 3, Verified: 2,
		Seconds: map[string]float64{"detect": 0.01, "test": 3.2, "localize": 1.1, "propose": 0.2, "build": 2.2, "validate": 6.4, "confirm": 1.3, "report": 0.01},
	}
	r.Notes = []string{"The race detector did not run: CGO is off."}
	r.Alerts = []Alert{{LevelWarning, "3 recent commits skipped the tests", "regreen status shows which and why"}}
	week := func(n int) time.Time { return time.Date(2026, 2, 9, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 7*n) }
	r.Learning = &Learning{
		Strategies: []Posterior{{"template/guard", 152.4, 690.6}, {"template/expression", 33.1, 801.9}, {"revert", 9.5, 40.5}},
		Trend:      []Period{{week(0), 6, 2}, {week(1), 0, 0}, {week(2), 9, 6}},
	}
	r.Replay = &Replay{
		Command: "regreen replay " + r.ID, Args: []string{"fix", "--apply", "never", "--budget", "1m0s", "--seed", "1"}, Seed: 1,
		Tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904", Toolchain: "go1.26.8", System: "linux/amd64",
		Weights: map[string]map[string]float64{"panic": {"revert": 0.051, "template/guard": 0.1085}},
	}
	r.Receipts = []Receipt{
		{Channel: "terminal", State: ReceiptSent, Seconds: 0.002},
		{Channel: "webhook", State: ReceiptSent, Where: "https://chat.example/hooks/7", Tries: 2, Seconds: 1.4, Degraded: []string{"3 of 9 failures left out to fit 3,000 characters"}},
		{Channel: "email", State: ReceiptFailed, Reason: "mail.example:587 does not answer", Tries: 4, Seconds: 30},
	}
	r.Results = []Result{
		{Package: "example.com/fleet/stats", Test: "TestMean", Status: ResultFailed, Seconds: 0.01},
		{Package: "example.com/fleet/stats", Test: "TestMean/empty", Status: ResultFailed, Seconds: 0.01, File: "stats/mean_test.go", Line: 23},
		{Package: "example.com/fleet/stats", Test: "TestMean/one", Status: ResultPassed},
		{Package: "example.com/fleet/report/weekly", Test: "TestSummaryOfQuietWeek", Status: ResultFailed, Seconds: 0.2, File: "report/weekly/summary_test.go", Line: 61},
		{Package: "example.com/fleet/api", Test: "TestLive", Status: ResultSkipped},
	}
	return r
}

func fixedReport() *Report {
	r := proposedReport()
	r.Verdict = Fixed
	r.Environment.Event = "manual"
	r.Patches = r.Patches[:1]
	r.Patches[0].Applied = true
	r.Failures = r.Failures[:2]
	r.Culprit, r.Notes, r.Alerts = nil, nil, nil
	r.Settle()
	return r
}

func partialReport() *Report {
	r := proposedReport()
	r.Verdict = Partial
	r.Environment.Event, r.Environment.Provider, r.Environment.Mode = "pull_request", "github", "production"
	r.Environment.ModeReasons = []string{"GITHUB_ACTIONS is set"}
	r.Culprit.Commit, r.Culprit.Minimal = "9b1f0c2d7a6e5b4c3d2e1f0a9b8c7d6e5f4a3b2c", false
	r.Patches = r.Patches[:2]
	r.Patches[0].NeedsReview = true
	r.Clusters = append(r.Clusters, Cluster{Cause: "undefined: retry.Backoff", Status: ClusterRed})
	for _, pkg := range []string{"api", "cmd/agent", "internal/a/very/deep/folder/with/a/long/name/of/its/own/client", "queue", "relay", "sync", "worker"} {
		id := "example.com/fleet/" + pkg
		r.Failures = append(r.Failures, Failure{
			ID: id, Package: id, Kind: "compile", Status: FailureNew, Cluster: 2,
			Message: "undefined: retry.Backoff (did you mean retry.BackOff, which 9b1f0c2 renamed in internal/retry/retry.go, and which takes a context now?)",
			File:    pkg + "/main.go", Line: 40,
		})
		r.Clusters[1].Failures = append(r.Clusters[1].Failures, id)
	}
	return r
}

func redReport() *Report {
	r := proposedReport()
	r.Verdict = Red
	r.Failures = r.Failures[:1]
	r.Clusters[0].Failures, r.Clusters[0].Status, r.Clusters[0].Patch = r.Clusters[0].Failures[:1], ClusterRed, ""
	r.Patches = r.Patches[:1]
	r.Patches[0].State, r.Patches[0].Reason, r.Patches[0].Confidence = PatchPlausible, "it breaks a test of the suite: TestWeeklyMail", 0.3
	r.Patches[0].Evidence[2].Passed, r.Patches[0].Evidence[2].Detail = false, "TestWeeklyMail fails, but passes at the base"
	r.Patches[0].Evidence = r.Patches[0].Evidence[:3]
	r.Stats.Plausible, r.Stats.Verified = 1, 0
	r.Notes = append(r.Notes, "15 candidates were not tried: the budget of 20 s ended.")
	return r
}

func notRunReport() *Report {
	r := baseReport()
	r.Verdict = NotRun
	r.Tests = Tests{}
	r.Problem = &Problem{
		What: "the go command is not installed", Where: "go.mod asks for go 1.26",
		Hint:   "install Go 1.26 or put it on the PATH; `regreen doctor` shows what is searched",
		Output: "exec: \"go\": executable file not found in $PATH\n",
	}
	return r
}

// evil is text with markup and control characters for terminals, HTML and Markdown.
const evil = "\x1b]0;owned\x07\x1b[2J\x1b[31m</details><script>alert(1)</script> `````diff ``` \\| | @everyone #1 GH-1 " +
	"[x](javascript:alert(1)) ![i](http://evil.example/p.png) www.evil.example \xff\u202egnp.exe\r\n\n# Approved\n\n- [x] done\x00"

func hostileReport() *Report { return reportWith(evil) }

// reportWith returns a report with text wherever a repository, a test or a model provides it.
func reportWith(text string) *Report {
	r := proposedReport()
	r.Command = text
	r.Environment.Branch, r.Environment.ModeReasons = text, []string{text}
	r.Problem = &Problem{What: text, Where: text, Hint: text, Output: text}
	for i := range r.Failures {
		f := &r.Failures[i]
		f.Package, f.Test, f.ID, f.Message, f.Output, f.File = text, text, text, text, strings.Repeat(text+"\n", 3), text
	}
	r.Clusters = append(r.Clusters, Cluster{Cause: text, Status: ClusterRed})
	r.Clusters[0].Cause = text
	r.Culprit.Diff += text
	r.Culprit.Files[0].File, r.Culprit.Commit = text, text
	for i := range r.Patches {
		p := &r.Patches[i]
		p.Title, p.Strategy, p.Reason = text, text, text
		p.Diff = strings.ReplaceAll(p.Diff, "return 0", "return 0 // "+text)
		p.Evidence[0].Detail, p.Evidence[0].Step = text, Stage(text)
	}
	r.Patches[0].Diff = text
	for i := range r.Attempts {
		r.Attempts[i].Strategy = text
	}
	r.Notes = []string{text}
	return r
}
