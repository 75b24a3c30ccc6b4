package report

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// part is the rest of a shard's cluster while the merged clusters are made.
type part struct {
	shard    *Report
	number   int             // of the cluster in its shard
	failures map[string]bool // those that are not in a merged cluster yet
	patches  []*ranked
	cause    string
}

// ranked is a patch and what decides its rank.
type ranked struct {
	Patch
	part    *part
	ranking Ranking
}

// cluster merges the clusters of the shards and ranks the patches of each.
func (m *merge) cluster() {
	parts, loose := m.parts()
	var picked []string // patch IDs
	for len(parts) > 0 {
		group := overlapping(parts)
		best := bestOf(group, picked)
		failures := make(map[string]bool)
		for _, p := range group {
			if best == nil || p == best.part {
				maps.Copy(failures, p.failures)
			}
		}
		c := Cluster{Cause: group[0].cause, Status: ClusterRed, Failures: slices.Sorted(maps.Keys(failures))}
		if best != nil {
			c.Cause, c.Status, c.Patch = best.part.cause, ClusterRepaired, best.ID
			picked = append(picked, best.ID)
		}
		m.out.Clusters = append(m.out.Clusters, c)
		var patches []*ranked
		for _, p := range group {
			if !overlap(p.failures, failures) {
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
	clusterOf := make(map[string]int) // by failure ID
	for i, c := range m.out.Clusters {
		for _, id := range c.Failures {
			clusterOf[id] = i + 1
		}
	}
	for i := range m.out.Failures {
		f := &m.out.Failures[i]
		if f.Cluster = clusterOf[f.ID]; f.Cluster > 0 {
			f.Status = FailureNew
		}
	}
}

// parts returns the clusters of the shards, in the order in which a run works on them, and
// the loose patches: those of no cluster.
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
				p.part = &part{shard: r}
				loose = append(loose, p)
				continue
			}
			p.part = own[patch.Cluster-1]
			p.part.patches = append(p.part.patches, p)
		}
		parts = append(parts, own...)
	}
	parts = slices.DeleteFunc(parts, func(p *part) bool { return len(p.failures) == 0 })
	slices.SortStableFunc(parts, func(a, b *part) int { return cmp.Compare(a.number, b.number) })
	return parts, loose
}

// overlapping returns the first part and those connected to it by shared failures, directly
// or through other parts.
func overlapping(parts []*part) []*part {
	group := []*part{parts[0]}
	all := maps.Clone(parts[0].failures)
	for grown := true; grown; {
		grown = false
		for _, p := range parts {
			if !slices.Contains(group, p) && overlap(p.failures, all) {
				group, grown = append(group, p), true
				maps.Copy(all, p.failures)
			}
		}
	}
	return group
}

// overlap reports whether two sets have an element in common.
func overlap(a, b map[string]bool) bool {
	for k := range a {
		if b[k] {
			return true
		}
	}
	return false
}

// bestOf returns the best verified patch of some parts, or nil. Patches that were verified on
// top of others than the picked ones come last.
func bestOf(group []*part, picked []string) *ranked {
	var best *ranked
	for _, part := range group {
		for _, p := range part.patches {
			if p.State == PatchVerified && (best == nil || before(p, best, picked)) {
				best = p
			}
		}
	}
	return best
}

// before reports whether the verified patch a is better than b. The order is the one in
// which package repair confirms plausible patches until one is verified.
func before(a, b *ranked, picked []string) bool {
	return cmp.Or(
		trueFirst(a.fits(picked), b.fits(picked)),
		cmp.Compare(a.ranking.Phase, b.ranking.Phase),
		cmp.Compare(b.ranking.Fixes, a.ranking.Fixes),
		cmp.Compare(a.ranking.StillFailing, b.ranking.StillFailing),
		trueFirst(a.ranking.Screened, b.ranking.Screened),
		cmp.Compare(b.ranking.Likelihood, a.ranking.Likelihood),
		cmp.Compare(a.part.shard.number(), b.part.shard.number()),
		cmp.Compare(a.Rank, b.Rank),
		cmp.Compare(a.ID, b.ID),
	) < 0
}

// trueFirst compares booleans, true before false.
func trueFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// fits reports whether all patches in the tree that p was verified on are picked.
func (p *ranked) fits(picked []string) bool {
	for _, id := range p.StackedOn {
		if !slices.Contains(picked, id) {
			return false
		}
	}
	return true
}

// rank adds the patches of a cluster, the best first, with their confidence among one
// another.
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
			cmp.Compare(a.part.shard.number(), b.part.shard.number()), cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.ID, b.ID),
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

// totals returns, by phase of the search, the summed likelihood of the patches and of the
// rivals that the search left out.
func totals(patches []*ranked) map[int]float64 {
	type search struct {
		part  *part
		phase int
	}
	total, rivals := make(map[int]float64), make(map[search]float64)
	for _, p := range patches {
		if p.State != PatchRefused {
			total[p.ranking.Phase] += p.ranking.Likelihood
		}
		rivals[search{p.part, p.ranking.Phase}] = p.ranking.RivalLikelihood
	}
	for _, s := range slices.SortedFunc(maps.Keys(rivals), func(a, b search) int {
		return cmp.Or(cmp.Compare(a.part.shard.number(), b.part.shard.number()), cmp.Compare(a.part.number, b.part.number), cmp.Compare(a.phase, b.phase))
	}) { // in a fixed order, so that rounding gives the same sum each time
		total[s.phase] += rivals[s]
	}
	return total
}
