package report

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// shardReport returns the report of one of n shards that all see the same failures.
func shardReport(index, n int, failures ...string) *Report {
	r := baseReport()
	r.ID, r.Shard, r.Verdict, r.Tests.Failed = fmt.Sprintf("shard%d", index), &Shard{index, n}, Red, len(failures)
	r.Notes = []string{"not applied: " + r.Shard.Why()}
	r.Replay = &Replay{Command: "regreen replay " + r.ID, Args: []string{"fix", "--shard", fmt.Sprintf("%d/%d", index, n), "--seed", "1"}, Seed: 1, Tree: "4e8d21b", Config: "c0ffee0", System: "linux/amd64"}
	for _, id := range failures {
		r.Failures = append(r.Failures, Failure{ID: id, Package: "p", Test: id, Kind: "assertion", Status: FailureNew})
	}
	return r
}

// addCluster adds a cluster with its patches like a run: the best verified one is kept.
func (r *Report) addCluster(failures []string, patches ...Patch) {
	number, on := len(r.Clusters)+1, r.kept()
	c := Cluster{Cause: "broken", Status: ClusterRed, Failures: failures}
	totals := make(map[int]float64)
	for _, p := range patches {
		totals[p.Ranking.Phase] += p.Ranking.Likelihood
	}
	for i, p := range patches {
		attempt := fmt.Sprintf("a%d", len(r.Attempts)+1)
		r.Attempts = append(r.Attempts, Attempt{ID: attempt, Candidate: fmt.Sprintf("%s%d", r.ID, i), Stage: StageScreen, Verdict: AttemptPlausible})
		p.ID, p.Attempt, p.Cluster, p.Rank, p.StackedOn = fmt.Sprintf("%s-%d", r.ID, len(r.Patches)+1), attempt, number, i+1, on
		p.Diff = p.ID
		p.Confidence = Confidence(p.Ranking.Likelihood, totals[p.Ranking.Phase]+p.Ranking.RivalLikelihood, p.Ranking.Removed, p.NeedsReview)
		if p.State == PatchVerified && c.Patch == "" {
			c.Patch, c.Status = p.ID, ClusterRepaired
		}
		r.Patches = append(r.Patches, p)
	}
	r.Clusters = append(r.Clusters, c)
	for i := range r.Failures {
		if slices.Contains(failures, r.Failures[i].ID) {
			r.Failures[i].Cluster = number
		}
	}
	repaired := r.repaired()
	switch {
	case repaired == len(r.Clusters):
		r.Verdict = Proposed
	case repaired > 0:
		r.Verdict = Partial
	}
}

func verifiedPatch(likelihood float64, fixes int) Patch {
	return Patch{State: PatchVerified, Ranking: &Ranking{Phase: 2, Fixes: fixes, Screened: true, Likelihood: likelihood}}
}

func plausiblePatch(likelihood float64) Patch {
	return Patch{State: PatchPlausible, Ranking: &Ranking{Phase: 2, Fixes: 1, Screened: true, Likelihood: likelihood}}
}

func merged(t *testing.T, reports ...*Report) *Report {
	t.Helper()
	out, err := Merge(reports)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMergePicksTheBest(t *testing.T) {
	t.Parallel()
	one, two, three := shardReport(1, 3, "T"), shardReport(2, 3, "T"), shardReport(3, 3, "T")
	one.addCluster([]string{"T"}, verifiedPatch(0.1, 1), plausiblePatch(0.05))
	two.addCluster([]string{"T"}, verifiedPatch(0.3, 1))
	two.Patches[0].Applied, two.Patches[0].Ranking.RivalLikelihood = true, 0.15
	two.Stats.Dollars, three.Stats.Dollars = 0.25, 0.5
	one.Replay.NetworkStrategies, two.Replay.NetworkStrategies = []string{"model/b"}, []string{"model/a", "model/b"}
	three.addCluster([]string{"T"})
	out := merged(t, three, one, two)
	if out.Verdict != Proposed || len(out.Clusters) != 1 || len(out.Alerts) != 0 || out.Shard != nil {
		t.Fatalf("%s, clusters %+v, alerts %v", out.Verdict, out.Clusters, out.Alerts)
	}
	best := out.Patches[0]
	if best.Diff != "shard2-1" || best.ID != out.Clusters[0].Patch || best.Attempt != "s2-a1" || best.Rank != 1 || best.Applied {
		t.Errorf("the best is %+v", best)
	}
	// It had 0.9 in its shard. Now it has two rivals more, and those that its shard left out.
	if want := 0.45; best.Confidence != want { // 0.9 * 0.3 / (0.3 + 0.1 + 0.05 + 0.15)
		t.Errorf("got confidence %v, want %v", best.Confidence, want)
	}
	if slices.ContainsFunc(out.Notes, func(n string) bool { return strings.Contains(n, "not applied") }) {
		t.Errorf("got notes %q", out.Notes)
	}
	if out.Stats.Dollars != 0.75 || !slices.Equal(out.Replay.NetworkStrategies, []string{"model/a", "model/b"}) {
		t.Errorf("$%v, network %q", out.Stats.Dollars, out.Replay.NetworkStrategies)
	}
	if got := out.Replay; got.Command != "regreen replay "+out.ID || !slices.Equal(got.Args, []string{"fix", "--seed", "1"}) {
		t.Errorf("got replay %+v", got)
	}
}

func TestMergePrefersTheBetterPatch(t *testing.T) {
	t.Parallel()
	for name, worse := range map[string]func(*Patch){
		"less likely":              func(p *Patch) { p.Ranking.Likelihood = 0.2 },
		"not screened":             func(p *Patch) { p.Ranking.Screened, p.Ranking.Likelihood = false, 0.9 },
		"more still fail":          func(p *Patch) { p.Ranking.StillFailing, p.Ranking.Likelihood = 1, 0.9 },
		"fewer fixes":              func(p *Patch) { p.Ranking.Fixes, p.Ranking.Likelihood = 1, 0.9 },
		"found as a last resort":   func(p *Patch) { p.Ranking.Phase, p.Ranking.Fixes = 3, 5 },
		"not verified":             func(p *Patch) { p.State, p.Ranking.Likelihood = PatchPlausible, 0.9 },
		"from an older regreen":    func(p *Patch) { p.Ranking, p.Confidence = nil, 1 },
		"refused, but more likely": func(p *Patch) { p.State, p.Ranking.Likelihood = PatchRefused, 1 },
	} {
		one, two := shardReport(1, 2, "T", "U"), shardReport(2, 2, "T", "U")
		one.addCluster([]string{"T", "U"}, verifiedPatch(0.3, 2))
		two.addCluster([]string{"T", "U"}, verifiedPatch(0.3, 2))
		worse(&one.Patches[0])
		if out := merged(t, one, two); out.Patches[0].Diff != "shard2-1" || out.Verdict != Proposed {
			t.Errorf("%s: the worse patch ranks first, or the verdict %s is wrong", name, out.Verdict)
		}
	}
}

// TestMergeOfPatchesNotTestedTogether has two shards that each verify a patch for one of two
// causes, so that the tests have never run with both.
func TestMergeOfPatchesNotTestedTogether(t *testing.T) {
	t.Parallel()
	one, two, three := shardReport(1, 3, "T", "U"), shardReport(2, 3, "T", "U"), shardReport(3, 3, "T", "U")
	one.addCluster([]string{"T"}, verifiedPatch(0.5, 1))
	one.addCluster([]string{"U"})
	two.addCluster([]string{"T"})
	two.addCluster([]string{"U"}, verifiedPatch(0.5, 1))
	three.addCluster([]string{"T"}, verifiedPatch(0.2, 1))
	three.addCluster([]string{"U"}, verifiedPatch(0.2, 1))
	out := merged(t, one, two, three)
	if out.Verdict != Partial || len(out.Clusters) != 2 || out.repaired() != 2 || len(out.Alerts) != 1 {
		t.Fatalf("%s, clusters %+v, alerts %v", out.Verdict, out.Clusters, out.Alerts)
	}
	a := out.Alerts[0]
	for _, want := range []string{out.Clusters[0].Patch, out.Clusters[1].Patch} {
		if !strings.Contains(a.Text, want) {
			t.Errorf("alert %q does not name %s", a.Text, want)
		}
	}
	for _, p := range out.Patches {
		if strings.HasPrefix(p.Diff, "shard3") && !strings.Contains(a.Hint, p.ID) {
			t.Errorf("hint %q does not name %s, which was tested with another", a.Hint, p.ID)
		}
		if p.Diff == "shard3-2" && !slices.Equal(p.StackedOn, []string{out.patchOf("shard3-1")}) {
			t.Errorf("shard3-2 is stacked on %v, want shard3-1", p.StackedOn)
		}
	}
	// Only the third shard has tested both.
	if out := merged(t, three); out.Verdict != Proposed || len(out.Alerts) != 1 || !strings.Contains(out.Alerts[0].Text, "only 1 of 3 shards") {
		t.Errorf("%s, alerts %v", out.Verdict, out.Alerts)
	}
	// A patch tested on top of one that is not picked comes last, however good it is.
	three.Patches[1].Ranking.Likelihood = 0.9
	if out := merged(t, one, two, three); out.Clusters[1].Patch != out.patchOf("shard2-1") {
		t.Errorf("cluster 2 has %v, patches %+v", out.Clusters[1].Patch, out.Patches)
	}
}

// patchOf returns the ID of the patch with the given diff.
func (r *Report) patchOf(diff string) string {
	for _, p := range r.Patches {
		if p.Diff == diff {
			return p.ID
		}
	}
	return ""
}

// TestMergeOfOverlappingClusters has a shard that takes for one cause what another takes for
// two.
func TestMergeOfOverlappingClusters(t *testing.T) {
	t.Parallel()
	one, two, three := shardReport(1, 3, "T", "U"), shardReport(2, 3, "T", "U"), shardReport(3, 3, "T", "U")
	one.addCluster([]string{"T"}, verifiedPatch(0.9, 1))
	one.addCluster([]string{"U"})
	two.addCluster([]string{"T", "U"})
	three.addCluster([]string{"T", "U"}, verifiedPatch(0.1, 2))
	out := merged(t, one, two, three)
	if out.Verdict != Proposed || len(out.Clusters) != 1 || !slices.Equal(out.Clusters[0].Failures, []string{"T", "U"}) || out.Clusters[0].Patch != out.patchOf("shard3-1") {
		t.Errorf("%s, clusters %+v", out.Verdict, out.Clusters)
	}
	out = merged(t, one, two)
	if out.Verdict != Partial || len(out.Clusters) != 2 || out.Clusters[0].Status != ClusterRepaired || out.Clusters[1].Status != ClusterRed || !slices.Equal(out.Clusters[1].Failures, []string{"U"}) {
		t.Errorf("%s, clusters %+v", out.Verdict, out.Clusters)
	}
}

func TestMergeReportsMissingShards(t *testing.T) {
	t.Parallel()
	one, four := shardReport(1, 4, "T"), shardReport(4, 4, "T")
	four.addCluster([]string{"T"}, verifiedPatch(0.1, 1))
	one.Verdict, one.Problem, one.Failures, one.Replay = NotRun, &Problem{What: "no compiler", Hint: "install Go"}, nil, nil
	out := merged(t, four, one)
	if out.Verdict != Proposed || out.Problem != nil || len(out.Alerts) != 2 || !strings.Contains(out.Alerts[1].Text, "2, 3") || !strings.Contains(out.Alerts[0].Text, "no compiler") {
		t.Errorf("%s, problem %v, alerts %q", out.Verdict, out.Problem, out.Alerts)
	}
	if out = merged(t, one); out.Verdict != NotRun || out.Problem == nil {
		t.Errorf("%s, problem %v", out.Verdict, out.Problem)
	}
	two := shardReport(2, 4)
	two.Verdict, two.Replay = Green, nil
	if out = merged(t, two, four); out.Verdict != Proposed || !slices.ContainsFunc(out.Notes, func(n string) bool { return strings.HasPrefix(n, "shard 2 found nothing") }) {
		t.Errorf("%s, notes %q", out.Verdict, out.Notes)
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(one, two *Report)
		want   string
	}{
		{"another tree", func(_, r *Report) { r.Replay.Tree = "9b1f0c2" }, "tree"},
		{"another seed", func(_, r *Report) { r.Replay.Seed = 2 }, "seed"},
		{"another configuration", func(_, r *Report) { r.Replay.Config = "c1" }, "configuration"},
		{"another head", func(_, r *Report) { r.Environment.Head = "9b1f0c2" }, "head"},
		{"another command", func(_, r *Report) { r.Command = "go test ./x" }, "command"},
		{"the same shard", func(_, r *Report) { r.Shard.Index = 1 }, "both shard 1"},
		{"another number of shards", func(_, r *Report) { r.Shard.Total = 3 }, "number of shards"},
		{"an unsharded run", func(_, r *Report) { r.Shard = nil }, "not sharded"},
		{"nonsense", func(_, r *Report) { r.Shard.Index = -1 }, "shard"},
		{"two patches with one ID", func(one, r *Report) {
			one.addCluster([]string{"T"}, verifiedPatch(0.1, 1))
			r.addCluster([]string{"T"}, verifiedPatch(0.1, 1))
			r.Patches[0].ID, r.Clusters[0].Patch = one.Patches[0].ID, one.Patches[0].ID
		}, "two patches"},
	} {
		one, two := shardReport(1, 2, "T"), shardReport(2, 2, "T")
		tc.change(one, two)
		var refused *MergeError
		if _, err := Merge([]*Report{one, two}); !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got error %v", tc.name, err)
		}
	}
	for name, reports := range map[string][]*Report{"no reports": nil, "nil": {nil}, "one and nil": {shardReport(1, 2), nil}, "invalid": {{}}} {
		if _, err := Merge(reports); err == nil {
			t.Errorf("%s: Merge returned no error", name)
		}
	}
}

// searches generates the reports of the shards of one search.
func searches() *rapid.Generator[[]*Report] {
	return rapid.Custom(func(t *rapid.T) []*Report {
		n := rapid.IntRange(1, 5).Draw(t, "shards")
		failing := []string{"T", "U", "V", "W"}[:rapid.IntRange(1, 4).Draw(t, "failures")]
		var out []*Report
		for i := range n {
			r := shardReport(i+1, n, failing...)
			r.Stats.Generated = rapid.IntRange(0, 100).Draw(t, "generated")
			r.Stats.Seconds["test"] = rapid.Float64Range(0, 100).Draw(t, "seconds")
			for left := failing; len(left) > 0; {
				k := rapid.IntRange(1, len(left)).Draw(t, "failures of the cluster")
				var patches []Patch
				for i := range rapid.IntRange(0, 3).Draw(t, "patches") {
					state := PatchPlausible
					if i == 0 && rapid.Bool().Draw(t, "verified") {
						state = PatchVerified // a run stops confirming at the first
					}
					patches = append(patches, Patch{
						State: state,
						Ranking: &Ranking{
							Phase: rapid.IntRange(1, 3).Draw(t, "phase"), Fixes: rapid.IntRange(0, k).Draw(t, "fixes"), Screened: rapid.Bool().Draw(t, "screened"),
							Likelihood: rapid.Float64Range(0, 1).Draw(t, "likelihood"), Removed: rapid.Float64Range(0, 1).Draw(t, "removed"),
						},
					})
				}
				r.addCluster(left[:k], patches...)
				left = left[k:]
			}
			out = append(out, r)
		}
		return out
	})
}

func TestMergeOfSearches(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		reports := searches().Draw(t, "reports")
		before := make([][]byte, len(reports))
		for i, r := range reports {
			before[i], _ = JSON(r)
		}
		out, err := Merge(reports)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range reports {
			if after, _ := JSON(r); !bytes.Equal(before[i], after) {
				t.Fatalf("report %d was changed", i)
			}
		}
		again, err := Merge(rapid.Permutation(reports).Draw(t, "order"))
		if diff := gocmp.Diff(out, again); err != nil || diff != "" {
			t.Fatalf("in another order: %v\n%s", err, diff)
		}
		if b, err := JSON(out); err != nil || validate(s, b) != nil {
			t.Fatalf("got %v, %v", err, validate(s, b))
		}
		checkSums(t, reports, out)
		checkRanks(t, reports, out)
		checkVerdict(t, out)
	})
}

func checkSums(t *rapid.T, reports []*Report, out *Report) {
	attempts, patches, generated, slowest := 0, 0, 0, 0.0
	for _, r := range reports {
		attempts += len(r.Attempts)
		patches += len(r.Patches)
		generated += r.Stats.Generated
		slowest = max(slowest, r.Stats.Seconds["test"])
	}
	ids := make(map[string]bool)
	for _, a := range out.Attempts {
		ids[a.ID] = true
	}
	if len(ids) != attempts || len(out.Patches) != patches || out.Stats.Generated != generated || out.Stats.Seconds["test"] != slowest {
		t.Fatalf("%d attempts of %d, %d patches of %d, %+v", len(ids), attempts, len(out.Patches), patches, out.Stats)
	}
	for _, p := range out.Patches {
		if !ids[p.Attempt] {
			t.Fatalf("no attempt %s", p.Attempt)
		}
	}
}

// checkRanks checks that each cluster keeps the best patch that a shard has verified, and
// that no patch gains confidence: each shard knew of fewer rivals.
func checkRanks(t *rapid.T, reports []*Report, out *Report) {
	was := make(map[string]Patch)
	for _, r := range reports {
		for _, p := range r.Patches {
			was[p.Diff] = p
		}
	}
	var picked []string
	for i, c := range out.Clusters {
		rank := 0
		var kept *Patch
		for j := range out.Patches {
			p := &out.Patches[j]
			if p.Cluster != i+1 {
				continue
			}
			if rank++; p.Rank != rank {
				t.Fatalf("rank %d at place %d", p.Rank, rank)
			}
			if before := was[p.Diff]; p.State != before.State || len(reports) > 1 && p.Confidence > before.Confidence+0.001 {
				t.Fatalf("%s was %s with %v, is %s with %v", p.Diff, before.State, before.Confidence, p.State, p.Confidence)
			}
			if rank == 1 && c.Patch == p.ID {
				kept = p
			}
			if p.State != PatchVerified {
				continue
			}
			if kept == nil {
				t.Fatalf("cluster %d has %s, and %q is kept", i+1, p.ID, c.Patch)
			}
			fits := func(p *Patch) int {
				if slices.ContainsFunc(p.StackedOn, func(id string) bool { return !slices.Contains(picked, id) }) {
					return 1
				}
				return 0
			}
			key := func(p *Patch) []float64 {
				unscreened := 1.0
				if p.Ranking.Screened {
					unscreened = 0
				}
				return []float64{float64(fits(p)), float64(p.Ranking.Phase), -float64(p.Ranking.Fixes), unscreened, -p.Ranking.Likelihood}
			}
			if len(reports) > 1 && slices.Compare(key(p), key(kept)) < 0 {
				t.Fatalf("%v is better than %v", p, kept)
			}
		}
		if kept != nil {
			picked = append(picked, kept.ID)
		}
	}
}

func checkVerdict(t *rapid.T, out *Report) {
	var picked []string
	seen := make(map[string]bool)
	for i, c := range out.Clusters {
		if (c.Status == ClusterRepaired) != (c.Patch != "") || len(c.Failures) == 0 {
			t.Fatalf("got cluster %+v", c)
		}
		for _, id := range c.Failures {
			if seen[id] {
				t.Fatalf("%s is in two clusters", id)
			}
			seen[id] = true
		}
		for _, f := range out.Failures {
			if slices.Contains(c.Failures, f.ID) != (f.Cluster == i+1) {
				t.Fatalf("got failure %+v, cluster %+v", f, c)
			}
		}
		if c.Patch != "" {
			picked = append(picked, c.Patch)
		}
	}
	tested := false
	for _, p := range out.Patches {
		on := append(slices.Clone(p.StackedOn), p.ID)
		slices.Sort(on)
		tested = tested || slices.Equal(on, slices.Sorted(slices.Values(picked)))
	}
	want := Partial
	switch {
	case len(picked) == 0:
		want = Red
	case tested && len(picked) == len(out.Clusters):
		want = Proposed
	}
	if out.Verdict != want {
		t.Fatalf("got %s, want %s", out.Verdict, want)
	}
}

func TestMergeOfAnUnshardedRun(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		r.Shard = nil
		ids := make(map[string]bool)
		for i := range r.Patches {
			ids[r.Patches[i].ID] = true
		}
		out, err := Merge([]*Report{r})
		if err != nil {
			if len(ids) == len(r.Patches) {
				t.Fatal(err)
			}
			return
		}
		if out.ID == r.ID || out.Receipts != nil {
			t.Fatalf("%s is still %s, receipts %v", out.ID, r.ID, out.Receipts)
		}
		ignore := cmpopts.IgnoreFields
		if diff := gocmp.Diff(r, out, cmpopts.EquateEmpty(), ignore(Report{}, "ID", "Receipts"), ignore(Patch{}, "ID", "StackedOn"), ignore(Cluster{}, "Patch"), ignore(Replay{}, "Command")); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestMergeOfOneShard checks that the only report of several shards keeps what it found.
func TestMergeOfOneShard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := searches().Draw(t, "reports")[0]
		r.Shard.Total = 5
		out, err := Merge([]*Report{r})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range out.Patches {
			i := slices.IndexFunc(r.Patches, func(was Patch) bool { return was.Diff == p.Diff })
			if was := r.Patches[i]; p.Confidence < was.Confidence-0.001 || p.Confidence > was.Confidence+0.001 {
				t.Fatalf("%s had %v, and has %v", p.Diff, was.Confidence, p.Confidence)
			}
		}
		if len(out.Clusters) != len(r.Clusters) || out.Verdict != r.Verdict {
			t.Fatalf("%s with %d clusters, was %s with %d", out.Verdict, len(out.Clusters), r.Verdict, len(r.Clusters))
		}
	})
}

// TestMergeOfNonsense checks that the order of arbitrary reports does not matter.
func TestMergeOfNonsense(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(reports(), 1, 4).Draw(t, "reports")
		for i, r := range some {
			if rapid.Bool().Draw(t, "shard") {
				r.Shard = &Shard{Index: i + 1, Total: 4}
				r.Environment.Head, r.Command, r.Replay = "", "", nil
			}
			ids := []string{"T", "U", "V"}
			for j := range r.Clusters {
				r.Clusters[j].Failures = rapid.SliceOf(rapid.SampledFrom(ids)).Draw(t, "failures")
			}
			for j := range r.Patches {
				r.Patches[j].ID = fmt.Sprintf("p%d-%d", i, j)
				r.Patches[j].StackedOn = rapid.SliceOf(rapid.SampledFrom([]string{"p0-0", "p1-1", "p0-1", "x"})).Draw(t, "on")
			}
		}
		out, err := Merge(some)
		if err != nil {
			return
		}
		slices.Reverse(some)
		again, err := Merge(some)
		if diff := gocmp.Diff(out, again); err != nil || diff != "" {
			t.Fatalf("in another order: %v\n%s", err, diff)
		}
	})
}

func FuzzMerge(f *testing.F) {
	one, two := shardReport(1, 2, "T", "U"), shardReport(2, 2, "T", "U")
	one.addCluster([]string{"T"}, verifiedPatch(0.5, 1), plausiblePatch(0.2))
	one.addCluster([]string{"U"}, plausiblePatch(0.2))
	two.addCluster([]string{"T", "U"}, verifiedPatch(0.3, 2))
	for _, r := range []*Report{one, two} {
		for i := range r.Patches {
			r.Patches[i].Diff = guardPatch().Diff
		}
	}
	a, err := JSON(one)
	b, err2 := JSON(two)
	if err := cmp.Or(err, err2); err != nil {
		f.Fatal(err)
	}
	if read, err := ReadForeign(bytes.NewReader(a), MaxSize); err != nil || read.Shard == nil {
		f.Fatalf("cannot read the seed: %v", err)
	}
	f.Add(a, b)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var some []*Report
		for _, text := range [][]byte{a, b} {
			r, err := ReadForeign(bytes.NewReader(text), 1<<20)
			if err != nil {
				return
			}
			some = append(some, r)
		}
		out, err := Merge(some)
		if err != nil {
			return
		}
		text, err := JSON(out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(text); err != nil {
			t.Fatalf("cannot read the merged report: %v", err)
		}
		checkMarkdown(t, Markdown(out, MarkdownOptions{MaxBytes: 4096}), 4096)
	})
}
