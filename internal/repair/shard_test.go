package repair

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
)

func TestEveryCandidateHasOneShard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, report.MaxShards).Draw(t, "shards")
		keys := rapid.SliceOf(rapid.Uint64()).Draw(t, "keys")
		found := make(map[uint64]int)
		for i := range n {
			r := newRun(Options{Limits: Limits{Shard: report.Shard{Index: i + 1, Total: n}}})
			cands := make([]propose.Candidate, len(keys))
			for j, key := range keys {
				cands[j].Key = key
			}
			for _, c := range r.mine(cands) {
				found[c.Key]++
			}
		}
		for _, key := range keys {
			if want := len(slices.DeleteFunc(slices.Clone(keys), func(k uint64) bool { return k != key })); found[key] != want {
				t.Fatalf("%x is searched %d times, want %d", key, found[key], want)
			}
		}
	})
	// Shards get about equally many, even if keys differ in a few bits only.
	counts := make([]int, 4)
	for key := range uint64(4000) {
		counts[shardOf(key<<32, 4)-1]++
	}
	if slices.Min(counts) < 850 {
		t.Errorf("%v of 4000", counts)
	}
}

// Together, shards search the same candidates as one run, and none twice, even if the failures
// have two causes and not every shard has a patch for the first.
func TestShardsShareTheSearch(t *testing.T) {
	t.Parallel()
	second := strings.NewReplacer("package m", "package k", "Max", "Least", "a > b", "a > b")
	p := newFixture(t, map[string]string{
		"go.mod": goMod, "m.go": wrong, "m_test.go": checks,
		"k/k.go": strings.Replace(second.Replace(right), ">", ">=", 1) + "\nfunc Half(n int) int { return n * 2 }\n",
		"k/k_test.go": second.Replace(checks) + `
func TestHalf(t *testing.T) {
	for n, want := range map[int]int{8: 4, 2: 1} {
		if got := Half(n); got != want {
			t.Errorf("Half(%d) = %d", n, got)
		}
	}
}
`,
	})
	const n = 3
	reports := make([]*report.Report, n+1) // the first searches everything
	var wg sync.WaitGroup
	for i := range reports {
		opt := p.options()
		opt.Decision.Policy, opt.Limits.Jobs = detect.Always, 1
		opt.Limits.Budget = 3 * time.Minute // four searches at the same time, each to its end
		if i > 0 {
			opt.Limits.Shard = report.Shard{Index: i, Total: n}
		} else {
			opt.Decision.Policy = detect.Never
		}
		wg.Go(func() {
			rep, err := Run(t.Context(), opt)
			if err != nil {
				t.Error(err)
			}
			reports[i] = rep
		})
	}
	wg.Wait()
	whole, verified := reports[0], 0
	searched := make(map[string]int)
	for i, rep := range reports[1:] {
		if err := rep.Check(); err != nil {
			t.Error(err)
		}
		if rep.Shard == nil || *rep.Shard != (report.Shard{Index: i + 1, Total: n}) {
			t.Errorf("got shard %v", rep.Shard)
		}
		for _, patch := range rep.Patches {
			if patch.Applied || patch.Ranking == nil || patch.Ranking.Phase != phaseMain {
				t.Errorf("got patch %+v", patch)
			}
			if patch.State == report.PatchVerified {
				verified++
			}
		}
		own := make(map[string]bool)
		for _, a := range rep.Attempts {
			if by, twice := searched[a.Candidate]; twice && by != i {
				t.Errorf("%s in %s:%d is searched by shards %d and %d", a.Candidate, a.File, a.Line, by+1, i+1)
			}
			if own[a.Candidate] {
				t.Errorf("%s in %s:%d is searched twice by shard %d", a.Candidate, a.File, a.Line, i+1)
			}
			searched[a.Candidate], own[a.Candidate] = i, true
		}
		if len(rep.Attempts) == 0 || len(rep.Attempts) >= len(whole.Attempts) {
			t.Errorf("shard %d has %d attempts of %d", i+1, len(rep.Attempts), len(whole.Attempts))
		}
		if want := fmt.Sprintf("--shard %d/%d", i+1, n); !strings.Contains(strings.Join(rep.Replay.Args, " "), want) {
			t.Errorf("replay with %q, want %s", rep.Replay.Args, want)
		}
	}
	if len(whole.Clusters) < 2 || whole.Verdict != report.Proposed {
		t.Fatalf("%s, clusters %+v", whole.Verdict, whole.Clusters)
	}
	for _, a := range whole.Attempts {
		if _, ok := searched[a.Candidate]; !ok {
			t.Errorf("no shard searched %s %s in %s:%d", a.Candidate, a.Strategy, a.File, a.Line)
		}
	}
	if verified < len(whole.Clusters) {
		t.Errorf("got %d verified patches, want at least %d", verified, len(whole.Clusters))
	}
}
