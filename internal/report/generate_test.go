package report

import (
	"time"

	"pgregory.net/rapid"
)

// texts generates what tests and repositories can print, including hostile pieces.
func texts() *rapid.Generator[string] {
	pieces := rapid.SampledFrom([]string{
		"got 3, want 4", "\x1b[31mred\x1b[0m", "\x1b]8;;http://evil.example\x07", "\xff\xfe", "\u009b2J", "\x00", "\r", "\r\n", "\n", "\t", " ",
		"`", "``", "```", "~~~", "|", `\|`, `\`, "<details>", "</details>", "<!--", "@team", "#12", "GH-7", "https://x.example", "www.x.example", "_www.x.example",
		"[a](javascript:b)", "![i](x)", "# h", "- [x]", "> q", "---", "$x$", "&lt;", "\u202e", "\u200b", "日本語", "e\u0301\u0301\u0301", "🙂", "&&",
	})
	return rapid.Custom(func(t *rapid.T) string {
		s := ""
		for range rapid.IntRange(0, 6).Draw(t, "pieces") {
			if rapid.Bool().Draw(t, "any") {
				s += rapid.StringN(0, 12, -1).Draw(t, "text")
			} else {
				s += pieces.Draw(t, "piece")
			}
		}
		return s
	})
}

func one[T any](t *rapid.T, of []T) T { return rapid.SampledFrom(of).Draw(t, "one") }

// reports generates reports that Check allows, with arbitrary text.
func reports() *rapid.Generator[*Report] {
	return rapid.Custom(func(t *rapid.T) *Report {
		text := func() string { return texts().Draw(t, "text") }
		id := func() string { return rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._/:@-]{0,11}`).Draw(t, "id") }
		file := func() string {
			return rapid.SampledFrom([]string{"", "a.go", "a/b.go", "weird|`name`.go", "日本/ü.go", "a b/\x1b[2J.go", "nul/\x00.go"}).Draw(t, "file")
		}
		number := func() int { return rapid.IntRange(0, 3000).Draw(t, "number") }
		secs := func() float64 { return rapid.Float64Range(0, 1e5).Draw(t, "seconds") }
		share := func() float64 { return rapid.Float64Range(0, 1).Draw(t, "share") }
		yes := func() bool { return rapid.Bool().Draw(t, "yes") }
		several := func() int { return rapid.IntRange(0, 7).Draw(t, "several") }
		span := func() Span { return Span{file(), number(), number()} }
		origin := func() *PatchOrigin {
			if yes() {
				return nil
			}
			return &PatchOrigin{text(), text(), text(), text(), text(), text(), secs(), secs()}
		}

		r := &Report{
			Schema: Schema, ID: id(), Version: text(), Verdict: one(t, verdicts), Command: text(),
			Started: time.Unix(int64(number())*1000, 0).UTC(),
			Environment: Environment{
				Event: rapid.SampledFrom([]string{"pre-commit", "pre-push", "manual", "pull_request"}).Draw(t, "event"),
				Mode:  one(t, modes), Policy: one(t, policies), Budget: secs(), Branch: text(), Head: text(), Base: text(), Fork: yes(),
			},
			Tests: Tests{number(), number(), number(), number(), 0, 0, 0},
			Stats: Stats{
				Generated: number(), Pruned: number(), IllTyped: number(), Validated: number(), Plausible: number(), Verified: number(), Sampled: 1_000_000, WronglyRejected: several(), Dollars: secs(),
				FirstVerdictSeconds: secs(),
				Seconds:             rapid.MapOfN(rapid.SampledFrom(runStages), rapid.Float64Range(0, 1000), 0, 8).Draw(t, "seconds"),
			},
		}
		if yes() {
			r.Shard = &Shard{Index: several() + 1, Total: 8}
		}
		if r.Verdict == NotRun || yes() {
			r.Problem = &Problem{text(), text(), text(), text()}
		}
		for range several() / 2 {
			c := Cluster{Cause: text(), Status: one(t, clusterStatuses)}
			if yes() {
				c.Patch, c.Failures = id(), []string{text()}
			}
			r.Clusters = append(r.Clusters, c)
		}
		cluster := func() int { return rapid.IntRange(0, len(r.Clusters)).Draw(t, "cluster") }
		for range several() {
			r.Failures = append(r.Failures, Failure{
				ID: text(), Package: text(), Test: text(), Kind: text(), Status: one(t, failureStatuses),
				Message: text(), File: file(), Line: number(), Output: text(), Truncated: number(), Cluster: cluster(),
				PassesAlone: yes(), After: []string{text()},
			})
		}
		if yes() {
			r.Culprit = &Culprit{text(), []Span{span()}, text(), yes(), number()}
		}
		for range several() {
			p := Patch{
				ID: id(), Attempt: id(), Strategy: text(), Title: text(), Rank: number(), Cluster: cluster(), State: one(t, patchStates),
				Reason: text(), Applied: yes(), Confidence: share(), NeedsReview: yes(),
				Diff: "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-" + text() + "\n+" + text() + "\n",
			}
			if yes() {
				p.TrackRecord, p.SameLines, p.After = &TrackRecord{Kept: 3, Applied: 3 + number()}, several(), &Tests{number(), number(), number(), number(), 0, 0, 0}
			}
			if yes() {
				p.StackedOn = []string{id()}
				p.Ranking = &Ranking{Phase: several(), Fixes: number(), StillFailing: number(), Screened: yes(), Likelihood: share(), RivalLikelihood: secs(), Removed: share()}
			}
			p.Origin = origin()
			if yes() {
				p.Files, p.Evidence = []Span{span()}, []Evidence{{one(t, evidenceSteps), yes(), text(), secs()}}
			}
			r.Patches = append(r.Patches, p)
		}
		for range several() {
			r.Suspects = append(r.Suspects, Suspect{span(), share(), []string{text()}})
			r.Attempts = append(r.Attempts, Attempt{id(), id(), text(), file(), number(), one(t, attemptStages), one(t, attemptVerdicts), secs(), text(), origin()})
			r.Notes, r.Outside, r.Missing = append(r.Notes, text()), append(r.Outside, text()), append(r.Missing, text())
			r.Alerts = append(r.Alerts, Alert{one(t, alertLevels), text(), text()})
			r.Receipts = append(r.Receipts, Receipt{id(), one(t, receiptStates), text(), []string{text()}, text(), number(), secs()})
			r.Results = append(r.Results, Result{text(), text(), one(t, resultStatuses), secs(), number(), file(), number()})
			r.Bypasses = append(r.Bypasses, Bypass{text(), text(), text(), r.Started})
		}
		if yes() {
			r.Learning = &Learning{
				Strategies: []Posterior{{text(), secs(), secs()}},
				Trend:      []Period{{r.Started, 2, 1}, {r.Started.AddDate(0, 0, 7), several() + 1, 1}},
			}
		}
		if yes() {
			r.Replay = &Replay{
				Command: text(), Args: []string{text()}, Seed: 1, Tree: text(), Config: text(), Toolchain: text(), System: text(),
				Weights: map[string]map[string]float64{text(): {text(): share()}}, NetworkStrategies: []string{text()},
			}
		}
		return r
	})
}
