package repair

import (
	"slices"

	"github.com/regreen-ci/regreen/internal/propose"
)

// Several machines share a search: each is one shard of n, finds out by itself what every
// one needs (what fails, the culprit, where the fault may be), and tests only the
// candidates that are its own. Whose a candidate is follows from what it changes and from
// nothing else, so the shards are disjoint whatever else differs between the machines,
// their stores for one. They leave nothing out as long as they propose the same: on the
// same tree with the same strategies. The weights of these, which are drawn from the seed
// and the store, decide only in which order a shard takes its own candidates, and so which
// ones the budget does not reach.
//
// Where failures have several causes, a shard that has no patch for the first goes on to
// the second all the same, and one that has keeps it. Both name what they then propose by
// the tree before any patch (propose.Candidate.Key), so that also there no candidate is
// two shards', nor any nobody's but those in what the patch has changed.
//
// An asynchronous strategy is asked by one shard alone, which follows from its name and tests
// all that it yields: the strategy may answer something else on the next machine, and every
// answer may cost money. Such a candidate can be another shard's, too.
//
// report.Merge makes one report of what they found.

// mine are the candidates that are this shard's.
func (r *run) mine(cands []propose.Candidate) []propose.Candidate {
	if r.opt.Limits.Shard.Total <= 1 {
		return cands
	}
	return slices.DeleteFunc(cands, func(c propose.Candidate) bool {
		return shardOf(c.Key, r.opt.Limits.Shard.Total) != r.opt.Limits.Shard.Index
	})
}

// shardOf is the shard of n, from 1, that a candidate belongs to.
func shardOf(key uint64, n int) int {
	// Every bit of the key is to count (the finalizer of MurmurHash3).
	key ^= key >> 33
	key *= 0xff51afd7ed558ccd
	key ^= key >> 33
	key *= 0xc4ceb9fe1a85ec53
	key ^= key >> 33
	return int(key%uint64(n)) + 1
}

// part is the share of all candidates that are this run's.
func (r *run) part() float64 { return 1 / float64(max(r.opt.Limits.Shard.Total, 1)) }
