package report

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// collect takes everything but clusters and patches.
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
	}
	m.failures()
	m.replay()
}

// alertMissing tells of shards that are not there or could not run.
func (m *merge) alertMissing() {
	alert := func(text, hint string) {
		m.out.Alerts = append(m.out.Alerts, Alert{Level: LevelWarning, Text: text, Hint: hint})
	}
	there := make(map[int]bool)
	for _, r := range m.shards {
		there[r.Shard.Index] = true
		if r.Verdict == NotRun && len(m.ran) < len(m.shards) {
			alert(fmt.Sprintf("shard %d could not run the tests: %s", r.Shard.Index, cut(oneLine(r.Problem.What), maxSpan)), r.Problem.Hint)
		}
	}
	of := m.shards[0].Shard.Total
	var missing []string
	for i := range of {
		if !there[i+1] {
			missing = append(missing, fmt.Sprint(i+1))
		}
	}
	if len(missing) > 0 {
		alert(fmt.Sprintf("%d of %d shards are here: what %s would have searched is not in this report",
			len(there), of, strings.Join(missing, ", ")), "run the missing shards, and merge again")
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
	for stage, t := range o.Seconds {
		s.Seconds[stage] = max(s.Seconds[stage], t)
	}
}

// failures are those of all shards, each once: the worst that one has seen of a test counts.
func (m *merge) failures() {
	bad := []FailureStatus{FailureFlaky, FailureKnown, FailureNew} // the worst last
	m.out.Failures = nil
	at := make(map[string]int)
	for _, r := range m.ran {
		for _, f := range r.Failures {
			f.Cluster = 0
			if f.Status == FailureFixed {
				f.Status = FailureNew
			}
			i, there := at[f.ID]
			switch {
			case !there:
				at[f.ID] = len(m.out.Failures)
				m.out.Failures = append(m.out.Failures, f)
			case slices.Index(bad, f.Status) > slices.Index(bad, m.out.Failures[i].Status):
				m.out.Failures[i] = f
			}
		}
	}
}

// replay says how to do the whole search again on one machine.
func (m *merge) replay() {
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
			m.out.Notes = append(m.out.Notes, "the shards did not weigh the strategies alike: their stores differ, and so what each left out when its time was over")
			break
		}
	}
	m.out.Replay = &replay
}
