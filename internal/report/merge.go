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
