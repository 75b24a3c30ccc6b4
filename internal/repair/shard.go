package repair

import (
	"slices"

	"github.com/regreen-ci/regreen/internal/propose"
)

// Several machines can share a search. Each is one shard of n. Every shard does what all of them
// need (run the tests, find the culprit and the suspects), and tests only its own candidates.
// The shard of a candidate depends only on what the candidate changes, so the shards are
// disjoint even if the machines differ, for instance in their stores. Together they test all
// candidates as long as they propose the same ones: on the same tree with the same strategies.
// The weights of the strategies, which are drawn from the seed and the store, only decide the
// order in which a shard tests its candidates, and so which ones the budget leaves out.
//
// If the failures have several causes, a shard without a patch for the first cause continues
// with the second, like a shard that has kept one. The keys of their candidates refer to the
// tree without any patch (propose.Candidate.Key). So every candidate still has exactly one
// shard, except in code that the kept patch has changed.
//
// Only one shard runs an asynchronous strategy, chosen by the strategy's name, and tests all its
// candidates: on another machine the strategy may answer differently, and each answer may cost
// money. Another shard may have the same candidate as well.
//
// report.Merge merges the reports of the shards.

// mine returns the candidates that belong to this shard.
func (r *run) mine(cands []propose.Candidate) []propose.Candidate {
	if r.opt.Limits.Shard.Total <= 1 {
		return cands
	}
	return slices.DeleteFunc(cands, func(c propose.Candidate) bool {
		return shardOf(c.Key, r.opt.Limits.Shard.Total) != r.opt.Limits.Shard.Index
	})
}

// shardOf returns the shard, from 1 to n, that a candidate belongs to.
func shardOf(key uint64, n int) int {
	// Mix all bits of the key (the finalizer of MurmurHash3).
	key ^= key >> 33
	key *= 0xff51afd7ed558ccd
	key ^= key >> 33
	key *= 0xc4ceb9fe1a85ec53
	key ^= key >> 33
	return int(key%uint64(n)) + 1
}

// part returns the share of all candidates that belong to this run.
func (r *run) part() float64 { return 1 / float64(max(r.opt.Limits.Shard.Total, 1)) }
