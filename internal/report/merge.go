package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// MergeError says why reports cannot be merged: they are not the shards of one search.
type MergeError struct{ Msg string }

func (e *MergeError) Error() string { return "cannot merge reports: " + e.Msg }

// Merge merges the reports of the shards of one search, in any order, and does not change
// them. It returns a MergeError for reports that differ in tree, command, seed,
// configuration or number of shards, for two reports of the same shard, and for a report of
// an unsharded run among others.
//
//   - A shard that is missing, or could not run the tests, becomes an alert: what the other
//     shards found is still useful.
//   - Attempts are concatenated. The prefix sN- of an attempt's ID names its shard.
//   - Clusters of different shards are joined where their failures overlap, and cut to what
//     the best verified patch makes green; the rest stays red.
//   - The patches of a cluster are ranked by Patch.Ranking, in the order that package repair
//     uses within one run. Their confidence takes the rivals from all shards into account.
//     Patch.StackedOn names the patches in the tree that a patch was verified on: where one
//     of those is not picked, the patch ranks last. If no shard has tested the picked
//     patches together, an alert says so, and the verdict is at most Partial.
//   - Counts are added up. The time of a stage is that of the slowest shard, because shards
//     run in parallel.
//   - What every shard finds out on its own (tests, failures, suspects, origin, learning) is
//     taken from the first shard that has it. A minimal culprit is preferred.
//   - No patch counts as applied, and receipts are dropped: the merged report was not sent.
//
// The ID is a hash of the reports. The only report of an unsharded search changes only in
// the IDs of the run and its patches, and loses its receipts.
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
	ran    []*Report // the shards that could run the tests; all of them if none could
	id     string
	out    *Report
	prefix map[*Report]string // of attempt IDs

	untested []string // the picked patches, if no shard has tested them together
}

// newMerge checks that the reports are shards of one search.
func newMerge(reports []*Report) (*merge, error) {
	if len(reports) == 0 {
		return nil, &MergeError{"no reports"}
	}
	m := &merge{shards: slices.Clone(reports), prefix: make(map[*Report]string)}
	diffs := make(map[string]string) // by patch ID; shards that reuse an earlier run share its patches
	for _, r := range m.shards {
		switch {
		case r == nil:
			return nil, &MergeError{"a report is missing"}
		case len(reports) > 1 && r.Shard == nil:
			return nil, &MergeError{fmt.Sprintf("run %s is not sharded, and is not the only report", r.ID)}
		}
		if err := r.Check(); err != nil {
			return nil, &MergeError{fmt.Sprintf("run %.40q: %v", r.ID, err)}
		}
		for _, p := range r.Patches {
			if diff, seen := diffs[p.ID]; seen && diff != p.Diff {
				return nil, &MergeError{fmt.Sprintf("two patches have the ID %s", p.ID)}
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

// number returns the number of r's shard, and 0 for a run without shards.
func (r *Report) number() int {
	if r.Shard == nil {
		return 0
	}
	return r.Shard.Index
}

// sameSearch returns a MergeError that says how two reports differ if they are not from one
// search. A value that one of the runs never found out counts as equal.
func sameSearch(a, b *Report) error {
	differ := func(what, was, is string, always bool) error {
		if was == is || !always && (was == "" || is == "") {
			return nil
		}
		return &MergeError{fmt.Sprintf("runs %s and %s are not from the same search: %s differs: %.40q and %.40q", a.ID, b.ID, what, was, is)}
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

// whole copies the only report, under a new ID.
func (m *merge) whole() {
	m.out = m.shards[0].clone()
	m.out.ID = m.id
	if m.out.Replay != nil {
		m.out.Replay.Command = "regreen replay " + m.id
	}
}

// clone returns a copy of r with its own lists of patches, clusters, failures and attempts.
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

// settle sets the verdict.
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
		!m.testedTogether():
		out.Verdict = Partial
	default:
		out.Verdict = Proposed
	}
	for _, r := range m.ran {
		if passes := r.Verdict == Green || r.Verdict == Known || r.Verdict == Flaky; passes && out.failures(FailureNew) > 0 {
			out.Notes = append(out.Notes, fmt.Sprintf("shard %d found nothing to repair, although other shards did, and searched nothing", r.number()))
		}
	}
}

// testedTogether reports whether a shard has tested the picked patches together. If none
// has, it records them in m.untested.
func (m *merge) testedTogether() bool {
	picked := make(map[string]*Patch)
	for _, c := range m.out.Clusters {
		for i := range m.out.Patches {
			if p := &m.out.Patches[i]; p.ID == c.Patch && c.Patch != "" {
				picked[p.ID] = p
			}
		}
	}
	ids := slices.Sorted(maps.Keys(picked))
	for _, p := range picked {
		on := append(slices.Clone(p.StackedOn), p.ID)
		slices.Sort(on)
		if slices.Equal(slices.Compact(on), ids) {
			return true
		}
	}
	m.untested = ids
	return false
}

// alertUntested warns that the picked patches were only verified separately, and names the
// patches that one shard has tested together, if there are any.
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
			hint += fmt.Sprintf(", or use %s, which shard %d has tested together", names(kept), r.number())
			break
		}
	}
	m.out.Alerts = append(m.out.Alerts, Alert{
		Level: LevelWarning, Text: names(m.untested) + " were verified by different shards and have not been tested together", Hint: hint,
	})
}

// kept returns the IDs of the patches that a run has kept.
func (r *Report) kept() []string {
	var ids []string
	for _, c := range r.Clusters {
		if c.Patch != "" {
			ids = append(ids, c.Patch)
		}
	}
	return ids
}

// rename replaces the IDs of patches by ones that start with the ID of the merged run.
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
