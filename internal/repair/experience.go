package repair

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/plural"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
)

// The report also has what earlier runs say about this one. It is added after the run itself
// is recorded.

const (
	// trendWeeks is how far back the report looks, and mostOutcomes how many outcomes it reads.
	trendWeeks   = 12
	mostOutcomes = 50_000
)

// reportExperience adds what was learned so far, and the outcomes of patches like those of this
// run. It adds nothing without a store or without a search.
func (r *run) reportExperience(ctx context.Context) {
	if r.opt.Hooks.Store == nil || len(r.lessons) == 0 {
		return
	}
	now := time.Now()
	outcomes, err := r.opt.Hooks.Store.Outcomes(ctx, learn.Query{Since: now.AddDate(0, 0, -7*trendWeeks), Limit: mostOutcomes})
	if err != nil {
		r.opt.Hooks.Log.Warn("cannot read what was learned", "error", err)
		return
	}
	for i := range r.report.Patches {
		p := &r.report.Patches[i]
		p.TrackRecord = history(outcomes, r.id, p.Strategy, contextOf(r.report, p))
	}
	r.report.Learning = &report.Learning{Strategies: r.posteriors(ctx), Trend: trend(outcomes, now)}
}

// history counts the applied patches of a strategy for a kind of failure, and those of them
// that were not rolled back. It returns nil if none exist. This run's own do not count.
func history(outcomes []learn.Outcome, run, strategy string, about learn.Context) *report.TrackRecord {
	last := make(map[string]learn.Event) // by patch
	for _, o := range outcomes {
		if o.Run == run || o.Strategy != strategy || o.Context != about {
			continue
		}
		if o.Event == learn.Kept || o.Event == learn.RolledBack {
			last[o.Run+"/"+o.Attempt] = o.Event
		}
	}
	if len(last) == 0 {
		return nil
	}
	h := &report.TrackRecord{Applied: len(last)}
	for _, event := range last {
		if event == learn.Kept {
			h.Kept++
		}
	}
	return h
}

// posteriors returns the posteriors of the strategies that have outcomes for the first
// cluster's kind of failure, those with the most outcomes first.
func (r *run) posteriors(ctx context.Context) []report.Posterior {
	kind := r.lessons[0].outcomes
	if len(kind) == 0 {
		return nil
	}
	known, err := r.opt.Hooks.Store.Posteriors(ctx, kind[0].Context)
	if err != nil {
		r.opt.Hooks.Log.Warn("cannot read what was learned", "error", err)
		return nil
	}
	var out []report.Posterior
	for _, s := range r.opt.Limits.Strategies {
		if p, ok := known[s.Name]; ok && p.Count() > 0 {
			p = p.With(prior(s))
			out = append(out, report.Posterior{Strategy: s.Name, Alpha: round(p.Alpha), Beta: round(p.Beta)})
		}
	}
	slices.SortStableFunc(out, func(a, b report.Posterior) int {
		return cmp.Or(cmp.Compare(b.Alpha+b.Beta, a.Alpha+a.Beta), cmp.Compare(a.Strategy, b.Strategy))
	})
	return out
}

// trend counts, for each week, the runs that searched for a patch and those that found a
// verified one. It starts at the first week with such a run.
func trend(outcomes []learn.Outcome, now time.Time) []report.Period {
	const week = 7 * 24 * time.Hour
	begin := now.UTC().Truncate(24 * time.Hour).Add(24*time.Hour - trendWeeks*week)
	periods := make([]report.Period, trendWeeks)
	for i := range periods {
		periods[i].Start = begin.Add(time.Duration(i) * week)
	}
	type of struct {
		week     int
		repaired bool
	}
	searched := make(map[string]of)
	for _, o := range outcomes {
		i := int(o.At.Sub(begin) / week)
		if o.Run == "" || o.At.Before(begin) || i >= trendWeeks {
			continue
		}
		switch o.Event {
		case learn.Rejected, learn.Verified:
			searched[o.Run] = of{i, searched[o.Run].repaired || o.Event == learn.Verified}
		}
	}
	for _, run := range searched {
		periods[run.week].Runs++
		if run.repaired {
			periods[run.week].Repaired++
		}
	}
	first := slices.IndexFunc(periods, func(p report.Period) bool { return p.Runs > 0 })
	if first < 0 {
		return nil
	}
	return periods[first:]
}

// From how many times on the report has a warning.
const (
	lookBack        = 20 // stored runs
	oftenFlaky      = 3  // of these
	oftenBypassed   = 3
	oftenRolledBack = 3
)

// alertPatterns warns about recurring problems.
func (r *run) alertPatterns() {
	warn := func(hint, format string, args ...any) {
		r.report.Alerts = append(r.report.Alerts, report.Alert{Level: report.LevelWarning, Text: fmt.Sprintf(format, args...), Hint: hint})
	}
	if n := len(r.report.Bypasses); n >= oftenBypassed {
		warn("regreen status shows which and why", "%s skipped the tests", plural.Count(n, "recent commit"))
	}
	warned := make(map[string]bool)
	for _, p := range r.report.Patches {
		if h := p.TrackRecord; h != nil && h.Applied >= oftenRolledBack && 2*h.Kept < h.Applied && !warned[p.Strategy] {
			warned[p.Strategy] = true
			warn("exclude it with --exclude-strategies "+p.Strategy, "%d of %d applied patches of strategy %s were rolled back", h.Applied-h.Kept, h.Applied, p.Strategy)
		}
	}
}

// alertFlaky warns about tests that are flaky again and again.
func (r *run) alertFlaky() {
	flaky := slices.DeleteFunc(slices.Clone(r.report.Failures), func(f report.Failure) bool { return f.Status != report.FailureFlaky })
	if len(flaky) == 0 {
		return
	}
	earlier, err := runs.List(r.opt.Subject.Repo.StateDir(), lookBack)
	if err != nil {
		r.opt.Hooks.Log.Warn("cannot read earlier runs", "error", err)
		return
	}
	for _, f := range flaky {
		n := 1
		for _, run := range earlier {
			if slices.ContainsFunc(run.Failures, func(g report.Failure) bool { return g.ID == f.ID && g.Status == report.FailureFlaky }) {
				n++
			}
		}
		if n >= oftenFlaky {
			r.report.Alerts = append(r.report.Alerts, report.Alert{
				Level: report.LevelWarning, Text: fmt.Sprintf("%s was flaky in %d of the last %s", f.ID, n, plural.Count(len(earlier)+1, "run")),
				Hint: "fix the test, or skip it until it is reliable",
			})
		}
	}
}
