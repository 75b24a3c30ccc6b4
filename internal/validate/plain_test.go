package validate

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Without a language's screener, each candidate gets a run of the failing tests.
func TestPlain(t *testing.T) {
	t.Parallel()
	suite := &fakeSuite{run: func(_ context.Context, req testrun.Request) (*testrun.Result, error) {
		if !slices.Equal(req.Packages, []string{"p"}) || len(req.Tests) != 2 || req.Count != 1 || string(req.Overlay["b.txt"]) != "kept" {
			t.Errorf("got request %+v", req)
		}
		res := new(testrun.Result)
		switch string(req.Overlay["a.txt"]) {
		case "wrong":
			res.Failures = failing("A", "B").Failures
		case "half":
			res.Failures = failing("B").Failures
		case "torn":
			res.Failures = []testrun.Failure{{TestID: testrun.TestID{Package: "p"}, Kind: testrun.Compile, Message: "does not parse"}}
		case "bare":
			res.Missing = []testrun.TestID{{Package: "p", Test: "A"}}
		case "odd":
			return nil, errors.New("no runner")
		}
		return res, nil
	}}
	var seen []int
	v := &Validator{Suite: suite, Tree: oneFile(), Jobs: 3, Progress: func(done, total, plausible int) { seen = append(seen, done, total, plausible) }}
	cands := []propose.Candidate{word("wrong"), word("good"), word("half"), word("torn"), word("odd"), word("fit"), word("bare")}
	cands[5].Edits[0].End = 99 // beyond the file
	results, spent := v.Screen(t.Context(), failing("A", "B"), cands)
	for i, want := range []struct {
		verdict  Verdict
		reason   string
		compiles bool
		failing  int
		fixes    int
	}{
		{Rejected, "still wrong", true, 2, 0},
		{Plausible, "", false, 0, 2},
		{Rejected, "still wrong", true, 1, 0},
		{Rejected, "does not parse", false, 1, 0},
		{Rejected, "no runner", false, 0, 0},
		{Rejected, "a.txt: edit [0,99) does not fit a file of 3 bytes", false, 0, 0},
		{Rejected, "p.A no longer runs", false, 0, 0},
	} {
		r := results[i]
		if r.Candidate != &cands[i] || r.Verdict != want.verdict || r.Reason != want.reason || r.Stage != StageFailing ||
			r.Compiles != want.compiles || r.StillFailing != want.failing || len(r.Fixes) != want.fixes {
			t.Errorf("%s: got %+v, want %+v", cands[i].Title, r, want)
		}
	}
	if spent.Run <= 0 || spent.Build != 0 || spent.TypeCheck != 0 {
		t.Errorf("spent %+v", spent)
	}
	if n := len(seen); n != 21 || !slices.Equal(seen[n-3:], []int{7, 7, 1}) {
		t.Errorf("got progress %v", seen)
	}
	hole := &propose.Hole{Edits: cands[0].Edits}
	if spent := v.ProbeHoles(t.Context(), failing("A"), []*propose.Hole{hole}); hole.Answer != propose.Unknown || spent != (Spent{}) {
		t.Errorf("got hole %v, spent %+v", hole.Answer, spent)
	}
	if s := v.Samples(); s != (Samples{}) {
		t.Errorf("got samples %+v", s)
	}
}

// At most Jobs candidates run at the same time, and those left when ctx ends are pruned.
func TestPlainCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var running, most, began atomic.Int32
	suite := &fakeSuite{run: func(ctx context.Context, _ testrun.Request) (*testrun.Result, error) {
		defer running.Add(-1)
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		if began.Add(1) <= 3 {
			time.Sleep(time.Millisecond)
			return new(testrun.Result), nil
		}
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	plain := &Plain{Suite: suite, Tree: oneFile(), Jobs: 2}
	cands := slices.Repeat([]propose.Candidate{word("good")}, 20)
	results, _ := plain.Screen(ctx, failing("A"), cands)
	counts := make(map[Verdict]int)
	for _, r := range results {
		counts[r.Verdict]++
		if r.Verdict == Pruned && (r.Stage != StagePropose || r.Reason == "" || r.Seconds != 0) {
			t.Errorf("pruned: %+v", r)
		}
	}
	if counts[Plausible] != 3 || counts[Pruned] != 17 || most.Load() > 2 {
		t.Errorf("verdicts %v, %d at a time", counts, most.Load())
	}
}

// fixedScreener stands in for a language's screener.
type fixedScreener struct{ Plain }

func (fixedScreener) Samples() Samples { return Samples{7, 1} }

// A validator uses its screener.
func TestScreener(t *testing.T) {
	t.Parallel()
	v := &Validator{Screener: new(fixedScreener)}
	if s := v.Samples(); s != (Samples{7, 1}) {
		t.Errorf("got samples %+v", s)
	}
}

// A test that passes alone runs with what it needs: in screening and in confirmation. Other
// failures that may stay do not count.
func TestNeeds(t *testing.T) {
	t.Parallel()
	before, after := testrun.TestID{Package: "p", Test: "A"}, testrun.TestID{Package: "p", Test: "B"}
	target := failing("B")
	target.Failures[0].Needs = []testrun.TestID{before}
	target.Accepted = failing("C").Failures
	var repeated int
	suite := &fakeSuite{run: func(_ context.Context, req testrun.Request) (*testrun.Result, error) {
		if req.Tests != nil && !slices.Equal(req.Tests, []testrun.TestID{before, after}) {
			t.Errorf("got request for %v", req.Tests)
		}
		if req.Count == Repeats {
			repeated++
		}
		res := &testrun.Result{Failures: failing("C").Failures}
		if string(req.Overlay["a.txt"]) != "good" {
			res.Failures = append(res.Failures, target.Failures...)
		}
		return res, nil
	}}
	v := &Validator{Suite: suite, Tree: oneFile(), Jobs: 1}
	results, _ := v.Screen(t.Context(), target, []propose.Candidate{word("wrong"), word("good")})
	if results[0].Verdict != Rejected || results[1].Verdict != Plausible {
		t.Fatalf("got %+v", results)
	}
	if err := v.Confirm(t.Context(), target, &results[1]); err != nil || results[1].Verdict != Verified || repeated != 1 {
		t.Errorf("got %s (%s), %v, repeated %d times", results[1].Verdict, results[1].Reason, err, repeated)
	}
}
