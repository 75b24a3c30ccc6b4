package report

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

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
