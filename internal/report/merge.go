package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
)

// MergeError is why reports are not those of one search.
type MergeError struct{ Msg string }

func (e *MergeError) Error() string { return "merge: " + e.Msg }

// Merge makes one report of those of the shards of a search. Their order does not matter,
// and they are left as they are. It is refused with a MergeError that are no shards of one
// search: of another tree, command, seed or configuration, of another number of shards,
// or the same shard twice. A report that is not a shard's is merged with none.
//
//   - Shards that are missing, and those that could not run the tests, are an alert: what
//     the others found is worth something all the same.
//   - The ledgers are put together; sN- before the ID of an attempt names the shard.
//   - Clusters are those of the shards whose failures overlap, cut to what the best verified
//     patch makes green; what no patch does stays red.
//   - The patches of a cluster are ranked as package repair ranks those of one run, by
//     Patch.Standing, and their confidence is what it is beside the rivals of all shards.
//     Patch.On tells on which tree each was verified: a patch that was made on top of
//     another ranks behind when that other is not taken. Where several are taken that no
//     shard has tested together, an alert says so, and the verdict is no more than Partial.
//   - Counts are added up. The time of a stage is that of the shard that took longest: they
//     ran at the same time.
//   - What every shard finds out by itself (tests, failures, suspects, origin, what was
//     learnt) is taken once, of the first that has it; of culprits, a minimal one.
//   - No patch counts as applied, and receipts are left out: the merged report was not sent.
//
// The ID is made of what the reports say. A report that is the whole of a search stays as it
// is but for the IDs of the run and its patches, and the receipts.
func Merge(reports []*Report) (*Report, error) {
	m, err := newMerge(reports)
	if err != nil {
		return nil, err
	}
	if len(m.shards) == 1 && (m.shards[0].Shard == nil || m.shards[0].Shard.Total == 1) {
		m.whole()
	} else {
		m.collect()
		m.cluster()
		m.settle()
	}
	m.out.Receipts = nil
	m.rename()
	if err := m.out.Check(); err != nil {
		return nil, err
	}
	return m.out, nil
}

type merge struct {
	shards []*Report // in the order of their numbers
	ran    []*Report // those that could run the tests; all when none could
	id     string
	out    *Report
	prefix map[*Report]string // of the IDs of attempts

	untested []string // the patches taken, when no shard has tested them together
}

// newMerge checks that reports are shards of one search.
func newMerge(reports []*Report) (*merge, error) {
	if len(reports) == 0 {
		return nil, &MergeError{"there is no report"}
	}
	m := &merge{shards: slices.Clone(reports), prefix: make(map[*Report]string)}
	diffs := make(map[string]string) // of patches; shards that were told of an earlier run have the same
	for _, r := range m.shards {
		switch {
		case r == nil:
			return nil, &MergeError{"there is a report that is none"}
		case len(reports) > 1 && r.Shard == nil:
			return nil, &MergeError{fmt.Sprintf("run %s is not a shard's, and there are others", r.ID)}
		}
		if err := r.Check(); err != nil {
			return nil, &MergeError{fmt.Sprintf("run %.40q: %v", r.ID, err)}
		}
		for _, p := range r.Patches {
			if diff, there := diffs[p.ID]; there && diff != p.Diff {
				return nil, &MergeError{fmt.Sprintf("two patches are %s", p.ID)}
			}
			diffs[p.ID] = p.Diff
		}
	}
	slices.SortStableFunc(m.shards, func(a, b *Report) int { return cmp.Compare(a.number(), b.number()) })
	first := m.shards[0]
	for i, r := range m.shards[1:] {
		if err := sameSearch(first, r); err != nil {
			return nil, err
		}
		if before := m.shards[i]; before.number() == r.number() {
			return nil, &MergeError{fmt.Sprintf("runs %s and %s are both shard %d", before.ID, r.ID, r.number())}
		}
	}
	h := sha256.New()
	for _, r := range m.shards {
		text, err := JSON(r)
		if err != nil {
			return nil, err
		}
		h.Write(text)
		if r.Shard != nil {
			m.prefix[r] = fmt.Sprintf("s%d-", r.Shard.Index)
		}
		if r.Verdict != NotRun {
			m.ran = append(m.ran, r)
		}
	}
	if len(m.ran) == 0 {
		m.ran = m.shards
	}
	m.id = strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil))[:7])
	return m, nil
}

// number is a report's shard, 0 of one that is none.
func (r *Report) number() int {
	if r.Shard == nil {
		return 0
	}
	return r.Shard.Index
}

// sameSearch tells in what two reports are not of one search. What a run did not come to
// find out is taken to be the same.
func sameSearch(a, b *Report) error {
	differ := func(what, was, is string, always bool) error {
		if was == is || !always && (was == "" || is == "") {
			return nil
		}
		return &MergeError{fmt.Sprintf("runs %s and %s are not of one search: %s is %.40q, and %.40q", a.ID, b.ID, what, was, is)}
	}
	if err := cmp.Or(
		differ("the number of shards", fmt.Sprint(a.Shard.Total), fmt.Sprint(b.Shard.Total), true),
		differ("the head", a.Environment.Head, b.Environment.Head, true),
		differ("the test command", a.Command, b.Command, false),
	); err != nil || a.Replay == nil || b.Replay == nil {
		return err
	}
	return cmp.Or(
		differ("the tree", a.Replay.Tree, b.Replay.Tree, false),
		differ("the configuration", a.Replay.Config, b.Replay.Config, false),
		differ("the seed", fmt.Sprint(a.Replay.Seed), fmt.Sprint(b.Replay.Seed), true),
	)
}

// whole takes the one report as it is.
func (m *merge) whole() {
	m.out = m.shards[0].clone()
	m.out.ID = m.id
	if m.out.Replay != nil {
		m.out.Replay.Command = "regreen replay " + m.id
	}
}

// clone is a copy of r whose lists of patches, clusters, failures and attempts are its own.
func (r *Report) clone() *Report {
	c := *r
	c.Failures, c.Attempts, c.Patches = slices.Clone(r.Failures), slices.Clone(r.Attempts), slices.Clone(r.Patches)
	c.Clusters = slices.Clone(r.Clusters)
	if r.Replay != nil {
		replay := *r.Replay
		c.Replay = &replay
	}
	return &c
}

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

// part is a cluster of a shard, as far as the merged report has not told it yet.
type part struct {
	shard    *Report
	number   int             // of the cluster in its shard
	failures map[string]bool // that no merged cluster has yet
	patches  []*ranked
	cause    string
}

// ranked is a patch with what decides its rank.
type ranked struct {
	Patch
	of      *part
	ranking Ranking
}

// cluster makes clusters of those of the shards, and ranks the patches of each.
func (m *merge) cluster() {
	parts, loose := m.parts()
	var taken []string // patches
	for len(parts) > 0 {
		group := overlapping(parts)
		best := bestOf(group, taken)
		failures := make(map[string]bool)
		for _, p := range group {
			if best == nil || p == best.of {
				maps.Copy(failures, p.failures)
			}
		}
		c := Cluster{Cause: group[0].cause, Status: ClusterRed, Failures: slices.Sorted(maps.Keys(failures))}
		if best != nil {
			c.Cause, c.Status, c.Patch = best.of.cause, ClusterRepaired, best.ID
			taken = append(taken, best.ID)
		}
		m.out.Clusters = append(m.out.Clusters, c)
		var patches []*ranked
		for _, p := range group {
			if !meet(p.failures, failures) {
				continue
			}
			patches = append(patches, p.patches...)
			p.patches = nil
			maps.DeleteFunc(p.failures, func(id string, _ bool) bool { return failures[id] })
		}
		m.rank(patches, best, len(m.out.Clusters))
		parts = slices.DeleteFunc(parts, func(p *part) bool { return len(p.failures) == 0 })
	}
	m.rank(loose, nil, 0)
	of := make(map[string]int) // the cluster of a failure
	for i, c := range m.out.Clusters {
		for _, id := range c.Failures {
			of[id] = i + 1
		}
	}
	for i := range m.out.Failures {
		f := &m.out.Failures[i]
		if f.Cluster = of[f.ID]; f.Cluster > 0 {
			f.Status = FailureNew
		}
	}
}

// parts are the clusters of the shards in the order that they were come to, and the
// patches of none.
func (m *merge) parts() (parts []*part, loose []*ranked) {
	seen := make(map[string]bool)
	for _, r := range m.ran {
		own := make([]*part, len(r.Clusters))
		for i, c := range r.Clusters {
			own[i] = &part{shard: r, number: i + 1, cause: c.Cause, failures: make(map[string]bool)}
			for _, id := range c.Failures {
				own[i].failures[id] = true
			}
		}
		for _, patch := range r.Patches {
			if seen[patch.ID] {
				continue
			}
			seen[patch.ID] = true
			patch.Attempt = m.prefix[r] + patch.Attempt
			patch.Applied, patch.Staged = false, false
			p := &ranked{Patch: patch, ranking: Ranking{Phase: maxNumber, Likelihood: patch.Confidence}}
			if patch.Ranking != nil {
				p.ranking = *patch.Ranking
			}
			if patch.Cluster < 1 || len(own[patch.Cluster-1].failures) == 0 {
				p.of = &part{shard: r}
				loose = append(loose, p)
				continue
			}
			p.of = own[patch.Cluster-1]
			p.of.patches = append(p.of.patches, p)
		}
		parts = append(parts, own...)
	}
	parts = slices.DeleteFunc(parts, func(p *part) bool { return len(p.failures) == 0 })
	slices.SortStableFunc(parts, func(a, b *part) int { return cmp.Compare(a.number, b.number) })
	return parts, loose
}

// overlapping are the first of some parts and those that have failures in common with it,
// or with one that has.
func overlapping(parts []*part) []*part {
	group := []*part{parts[0]}
	all := maps.Clone(parts[0].failures)
	for grown := true; grown; {
		grown = false
		for _, p := range parts {
			if !slices.Contains(group, p) && meet(p.failures, all) {
				group, grown = append(group, p), true
				maps.Copy(all, p.failures)
			}
		}
	}
	return group
}

// meet tells whether two sets have something in common.
func meet(a, b map[string]bool) bool {
	for k := range a {
		if b[k] {
			return true
		}
	}
	return false
}

// bestOf is the best of the verified patches of some parts, nil where there is none. What
// was verified on top of patches that are not among those taken comes last.
func bestOf(group []*part, taken []string) *ranked {
	var best *ranked
	for _, part := range group {
		for _, p := range part.patches {
			if p.State == PatchVerified && (best == nil || before(p, best, taken)) {
				best = p
			}
		}
	}
	return best
}

// before tells whether a verified patch is better than another: by the order in which
// package repair confirms what is plausible until one is verified.
func before(a, b *ranked, taken []string) bool {
	return cmp.Or(
		first(a.fits(taken), b.fits(taken)),
		cmp.Compare(a.ranking.Phase, b.ranking.Phase),
		cmp.Compare(b.ranking.Fixes, a.ranking.Fixes),
		cmp.Compare(a.ranking.StillFailing, b.ranking.StillFailing),
		first(a.ranking.Screened, b.ranking.Screened),
		cmp.Compare(b.ranking.Likelihood, a.ranking.Likelihood),
		cmp.Compare(a.of.shard.number(), b.of.shard.number()),
		cmp.Compare(a.Rank, b.Rank),
		cmp.Compare(a.ID, b.ID),
	) < 0
}

// first puts what is so before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// fits tells whether a patch was verified on a tree with no other patches than these.
func (p *ranked) fits(taken []string) bool {
	for _, id := range p.StackedOn {
		if !slices.Contains(taken, id) {
			return false
		}
	}
	return true
}

// rank adds the patches of a cluster, the best first, with the confidence that they have
// beside each other.
func (m *merge) rank(patches []*ranked, best *ranked, cluster int) {
	tier := func(p *ranked) int {
		switch {
		case p == best:
			return 0
		case p.State == PatchVerified:
			return 1
		case p.State == PatchRefused:
			return 4
		case !p.ranking.Screened:
			return 3
		}
		return 2
	}
	slices.SortFunc(patches, func(a, b *ranked) int {
		return cmp.Or(
			cmp.Compare(tier(a), tier(b)), cmp.Compare(b.ranking.Likelihood, a.ranking.Likelihood),
			cmp.Compare(a.of.shard.number(), b.of.shard.number()), cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.ID, b.ID),
		)
	})
	total := totals(patches)
	for i, p := range patches {
		p.Rank, p.Cluster = i+1, cluster
		if p.Patch.Ranking != nil && p.State != PatchRefused {
			c := Confidence(p.ranking.Likelihood, total[p.ranking.Phase], p.ranking.Removed, p.NeedsReview)
			p.Confidence = math.Round(c*1000) / 1000
		}
		m.out.Patches = append(m.out.Patches, p.Patch)
	}
	Agree(m.out.Patches, cluster)
}

// totals are what patches and the rivals that were not come to are worth together, by the
// turn of the search that found them.
func totals(patches []*ranked) map[int]float64 {
	type search struct {
		of   *part
		turn int
	}
	total, rivals := make(map[int]float64), make(map[search]float64)
	for _, p := range patches {
		if p.State != PatchRefused {
			total[p.ranking.Phase] += p.ranking.Likelihood
		}
		rivals[search{p.of, p.ranking.Phase}] = p.ranking.RivalLikelihood
	}
	for _, of := range slices.SortedFunc(maps.Keys(rivals), func(a, b search) int {
		return cmp.Or(cmp.Compare(a.of.shard.number(), b.of.shard.number()), cmp.Compare(a.of.number, b.of.number), cmp.Compare(a.turn, b.turn))
	}) { // in one order, so that the sum is the same each time
		total[of.turn] += rivals[of]
	}
	return total
}

// settle finds the verdict.
func (m *merge) settle() {
	out := m.out
	repaired := out.repaired()
	switch {
	case m.ran[0].Verdict == NotRun:
		return
	case len(out.Clusters) == 0 && out.failures(FailureNew) == 0:
		out.Verdict = Green
		if out.failures(FailureFlaky) > 0 {
			out.Verdict = Flaky
		}
		if out.failures(FailureKnown) > 0 {
			out.Verdict = Known
		}
	case repaired == 0:
		out.Verdict = Red
	case repaired < len(out.Clusters), slices.ContainsFunc(out.Failures, func(f Failure) bool { return f.Status == FailureNew && f.Cluster == 0 }),
		!m.together():
		out.Verdict = Partial
	default:
		out.Verdict = Proposed
	}
	for _, r := range m.ran {
		if passes := r.Verdict == Green || r.Verdict == Known || r.Verdict == Flaky; passes && out.failures(FailureNew) > 0 {
			out.Notes = append(out.Notes, fmt.Sprintf("shard %d saw nothing to repair where others did, and searched nothing", r.number()))
		}
	}
}

// together tells whether the patches taken were tested together, and alerts when they were
// not.
func (m *merge) together() bool {
	taken := make(map[string]*Patch)
	for _, c := range m.out.Clusters {
		for i := range m.out.Patches {
			if p := &m.out.Patches[i]; p.ID == c.Patch && c.Patch != "" {
				taken[p.ID] = p
			}
		}
	}
	ids := slices.Sorted(maps.Keys(taken))
	for _, p := range taken {
		on := append(slices.Clone(p.StackedOn), p.ID)
		slices.Sort(on)
		if slices.Equal(slices.Compact(on), ids) {
			return true
		}
	}
	m.untested = ids
	return false
}

// alertUntested tells that the patches taken were verified each by itself, and which were
// together.
func (m *merge) alertUntested(renamed func(string) string) {
	names := func(ids []string) string {
		out := make([]string, len(ids))
		for i, id := range ids {
			out[i] = renamed(id)
		}
		return strings.Join(out, " and ")
	}
	hint := "apply them and run the tests"
	for _, r := range m.ran {
		if kept := r.kept(); r.Verdict == Proposed && len(kept) == len(r.Clusters) && len(kept) > 1 {
			hint += fmt.Sprintf(", or take %s, which shard %d has tested together", names(kept), r.number())
			break
		}
	}
	m.out.Alerts = append(m.out.Alerts, Alert{
		Level: LevelWarning, Text: names(m.untested) + " were verified by different shards: nobody has tested them together", Hint: hint,
	})
}

// kept are the patches that a run has kept.
func (r *Report) kept() []string {
	var ids []string
	for _, c := range r.Clusters {
		if c.Patch != "" {
			ids = append(ids, c.Patch)
		}
	}
	return ids
}

// rename gives the patches IDs of the merged run.
func (m *merge) rename() {
	name := make(map[string]string)
	for i := range m.out.Patches {
		name[m.out.Patches[i].ID] = fmt.Sprintf("%s-%d", m.id, i+1)
	}
	renamed := func(id string) string { return cmp.Or(name[id], id) }
	for i := range m.out.Patches {
		p := &m.out.Patches[i]
		p.ID, p.StackedOn = renamed(p.ID), slices.Clone(p.StackedOn)
		for j := range p.StackedOn {
			p.StackedOn[j] = renamed(p.StackedOn[j])
		}
	}
	for i := range m.out.Clusters {
		if c := &m.out.Clusters[i]; c.Patch != "" {
			c.Patch = renamed(c.Patch)
		}
	}
	if len(m.untested) > 0 {
		m.alertUntested(renamed)
	}
}
