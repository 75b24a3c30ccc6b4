package report

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// collect merges everything except clusters and patches.
func (m *merge) collect() {
	out := m.ran[0].clone()
	m.out = out
	out.ID, out.Shard, out.Clusters, out.Patches, out.Attempts, out.Notes, out.Alerts = m.id, nil, nil, nil, nil, nil, nil
	out.Stats = Stats{Seconds: map[string]float64{}}
	m.alertMissing()
	for _, r := range m.shards {
		if r.Started.Before(out.Started) {
			out.Started = r.Started
		}
		for _, a := range r.Attempts {
			a.ID = m.prefix[r] + a.ID
			out.Attempts = append(out.Attempts, a)
		}
		out.Stats.add(&r.Stats)
		own := ""
		if r.Shard != nil {
			own = "not applied: " + r.Shard.Why()
		}
		for _, n := range r.Notes {
			if n != own && !slices.Contains(out.Notes, n) {
				out.Notes = append(out.Notes, n)
			}
		}
		for _, a := range r.Alerts {
			if !slices.Contains(out.Alerts, a) {
				out.Alerts = append(out.Alerts, a)
			}
		}
	}
	for _, r := range m.ran {
		out.Fingerprint = cmp.Or(out.Fingerprint, r.Fingerprint)
		out.Origin, out.Learning, out.Replay = cmp.Or(out.Origin, r.Origin), cmp.Or(out.Learning, r.Learning), cmp.Or(out.Replay, r.Replay)
		if r.Culprit != nil && (out.Culprit == nil || r.Culprit.Minimal && !out.Culprit.Minimal) {
			out.Culprit = r.Culprit
		}
		if len(out.Results) == 0 {
			out.Results = r.Results
		}
		if len(out.Suspects) == 0 {
			out.Suspects = r.Suspects
		}
		if len(out.Bypasses) == 0 {
			out.Bypasses = r.Bypasses
		}
		if len(out.Missing) == 0 {
			out.Missing = r.Missing
		}
	}
	m.collectFailures()
	m.setReplay()
}

// alertMissing adds alerts for shards that are missing or could not run the tests.
func (m *merge) alertMissing() {
	alert := func(text, hint string) {
		m.out.Alerts = append(m.out.Alerts, Alert{Level: LevelWarning, Text: text, Hint: hint})
	}
	present := make(map[int]bool)
	for _, r := range m.shards {
		present[r.Shard.Index] = true
		if r.Verdict == NotRun && len(m.ran) < len(m.shards) {
			alert(fmt.Sprintf("shard %d could not run the tests: %s", r.Shard.Index, cut(oneLine(r.Problem.What), maxSpan)), r.Problem.Hint)
		}
	}
	total := m.shards[0].Shard.Total
	var missing []string
	for i := range total {
		if !present[i+1] {
			missing = append(missing, fmt.Sprint(i+1))
		}
	}
	if len(missing) > 0 {
		alert(fmt.Sprintf("only %d of %d shards were merged; missing: %s",
			len(present), total, strings.Join(missing, ", ")), "run the missing shards and merge again")
	}
}

func (s *Stats) add(o *Stats) {
	sum := func(to *int, n int) { *to = min(*to+n, maxNumber) }
	sum(&s.Generated, o.Generated)
	sum(&s.Pruned, o.Pruned)
	sum(&s.IllTyped, o.IllTyped)
	sum(&s.Validated, o.Validated)
	sum(&s.Plausible, o.Plausible)
	sum(&s.Verified, o.Verified)
	sum(&s.Sampled, o.Sampled)
	sum(&s.WronglyRejected, o.WronglyRejected)
	s.Dollars = min(s.Dollars+o.Dollars, maxNumber)
	if first := o.FirstVerdictSeconds; first > 0 && (s.FirstVerdictSeconds == 0 || first < s.FirstVerdictSeconds) {
		s.FirstVerdictSeconds = first
	}
	for stage, t := range o.Seconds {
		s.Seconds[stage] = max(s.Seconds[stage], t)
	}
}

// collectFailures lists the failures of all shards. A test that fails in several has the
// worst status that a shard saw.
func (m *merge) collectFailures() {
	bad := []FailureStatus{FailureFlaky, FailureKnown, FailureNew} // the worst last
	m.out.Failures = nil
	at := make(map[string]int)
	for _, r := range m.ran {
		for _, f := range r.Failures {
			f.Cluster = 0
			if f.Status == FailureFixed {
				f.Status = FailureNew
			}
			i, seen := at[f.ID]
			switch {
			case !seen:
				at[f.ID] = len(m.out.Failures)
				m.out.Failures = append(m.out.Failures, f)
			case slices.Index(bad, f.Status) > slices.Index(bad, m.out.Failures[i].Status):
				m.out.Failures[i] = f
			}
		}
	}
}

// setReplay says how to repeat the whole search on one machine.
func (m *merge) setReplay() {
	if m.out.Replay == nil {
		return
	}
	replay := *m.out.Replay
	replay.Command = "regreen replay " + m.id
	if i := slices.Index(replay.Args, "--shard"); i >= 0 && i+1 < len(replay.Args) {
		replay.Args = slices.Delete(slices.Clone(replay.Args), i, i+2)
	}
	asked := make(map[string]bool)
	for _, r := range m.ran {
		if r.Replay != nil {
			for _, strategy := range r.Replay.NetworkStrategies {
				asked[strategy] = true
			}
		}
	}
	replay.NetworkStrategies = slices.Sorted(maps.Keys(asked))
	for _, r := range m.ran {
		if r.Replay != nil && !reflect.DeepEqual(r.Replay.Weights, replay.Weights) {
			m.out.Notes = append(m.out.Notes, "the shards weighed the strategies differently because their stores differ, so they may have left out different candidates")
			break
		}
	}
	m.out.Replay = &replay
}
