package repair

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/report"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	kind := learn.Context{Language: "go", Kind: "assertion"}
	event := func(run, attempt string, e learn.Event) learn.Outcome {
		return learn.Outcome{Run: run, Attempt: attempt, Strategy: "template/guard", Context: kind, Event: e}
	}
	other := event("r9", "a1", learn.Kept)
	other.Context.Kind = "panic"
	stranger := event("r8", "a1", learn.Kept)
	stranger.Strategy = "imports"
	outcomes := []learn.Outcome{
		event("r1", "a1", learn.Verified), // only proposed
		event("r2", "a1", learn.Kept),
		event("r3", "a1", learn.Kept), event("r3", "a1", learn.RolledBack),
		event("r3", "a2", learn.Kept),
		event("r4", "a1", learn.RolledBack), event("r4", "a1", learn.Kept), // applied again
		event("r5", "a1", learn.Rejected),
		event("this", "a1", learn.Kept),
		other, stranger,
	}
	got := history(outcomes, "this", "template/guard", kind)
	if diff := cmp.Diff(&report.TrackRecord{Kept: 3, Applied: 4}, got); diff != "" {
		t.Error(diff)
	}
	if got := history(outcomes, "this", "template/guard", learn.Context{Language: "go", Kind: "compile"}); got != nil {
		t.Errorf("for a kind that was never repaired: %+v", got)
	}
}

func TestTrend(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 15, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	var outcomes []learn.Outcome
	add := func(run string, ago time.Duration, events ...learn.Event) {
		for _, e := range events {
			outcomes = append(outcomes, learn.Outcome{Run: run, Event: e, At: now.Add(-ago)})
		}
	}
	add("today", 0, learn.Rejected, learn.Verified, learn.Rejected)
	add("tomorrow", -2*day, learn.Verified) // another machine's clock
	add("sixdays", 6*day, learn.Rejected)
	add("week", 8*day, learn.Rejected, learn.Kept)
	add("old", 200*day, learn.Verified)
	got := trend(outcomes, now)
	want := []report.Period{
		{Start: time.Date(2026, 11, 14, 0, 0, 0, 0, time.UTC), Runs: 1},
		{Start: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Runs: 2, Repaired: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := trend(nil, now); got != nil {
		t.Error(got)
	}
}

func TestAlertPatterns(t *testing.T) {
	t.Parallel()
	r := &run{report: &report.Report{
		Bypasses: make([]report.Bypass, oftenBypassed),
		Patches: []report.Patch{
			{Strategy: "revert", TrackRecord: &report.TrackRecord{Kept: 1, Applied: 4}},
			{Strategy: "revert", TrackRecord: &report.TrackRecord{Kept: 1, Applied: 4}},
			{Strategy: "imports", TrackRecord: &report.TrackRecord{Kept: 2, Applied: 4}},
			{Strategy: "donor", TrackRecord: &report.TrackRecord{Kept: 0, Applied: 2}},
			{Strategy: "guard"},
		},
	}}
	r.alertPatterns()
	var got []string
	for _, a := range r.report.Alerts {
		got = append(got, a.Text)
	}
	want := []string{"3 recent commits skipped the tests", "3 of 4 applied patches of strategy revert were rolled back"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCompareRuns(t *testing.T) {
	t.Parallel()
	first := &report.Report{Verdict: report.Fixed, Failures: []report.Failure{{ID: "p.TestA", Status: report.FailureFixed}, {ID: "p.TestB", Status: report.FailureFlaky}}}
	again := &report.Report{Verdict: report.Proposed, Failures: []report.Failure{{ID: "p.TestA", Status: report.FailureNew}}}
	if got := Compare(first, again); got != nil {
		t.Error(got)
	}
	again.Verdict, again.Failures = report.Red, append(again.Failures, report.Failure{ID: "p.TestB", Status: report.FailureNew})
	want := []string{"verdict: was proposed, is red", "failures: was [p.TestA], is [p.TestA p.TestB]"}
	if diff := cmp.Diff(want, Compare(first, again)); diff != "" {
		t.Error(diff)
	}
	if got := fmt.Sprint(Compare(again, again)); got != "[]" {
		t.Error(got)
	}
}
