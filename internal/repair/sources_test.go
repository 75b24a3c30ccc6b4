package repair

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/usererr"
	"github.com/regreen-ci/regreen/internal/validate"
)

// wordSuite has one test, which passes if a file contains the right word. Each run takes a
// while.
type wordSuite struct {
	took time.Duration

	mu            sync.Mutex
	running, most int
	runs          map[string][]time.Time // start times, by the content of the file
}

const word = "word.txt"

func (*wordSuite) String() string { return "check" }

func (s *wordSuite) Run(ctx context.Context, req testrun.Request) (*testrun.Result, error) {
	text := string(req.Overlay[word])
	s.mu.Lock()
	if s.runs == nil {
		s.runs = make(map[string][]time.Time)
	}
	s.runs[text] = append(s.runs[text], time.Now())
	s.running++
	s.most = max(s.most, s.running)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
	}()
	select {
	case <-time.After(s.took):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	id := testrun.TestID{Package: "p", Test: "word"}
	res := &testrun.Result{Packages: []string{"p"}}
	switch {
	case text == "right", text == "fragile" && req.Packages != nil:
		res.Passed = []testrun.TestID{id}
	case text == "fragile":
		res.Failures = []testrun.Failure{{TestID: testrun.TestID{Package: "q", Test: "other"}, Kind: testrun.Assertion, Message: "other broke"}}
	default:
		res.Failures = []testrun.Failure{{TestID: id, Kind: testrun.Assertion, Message: "wrong word", Output: "got " + text + strings.Repeat(".", 2*maxShownOutput)}}
	}
	return res, nil
}

func (*wordSuite) Reached(context.Context, []string) (testrun.Reach, error) {
	return testrun.Reach{All: true}, nil
}

// candidate returns a candidate that writes another word to the file.
func candidate(text string) propose.Candidate {
	return propose.Candidate{
		Title: "write " + text, Suspicion: 1, Prior: 1, Alike: 1,
		Edits: []propose.Edit{{File: word, Start: 0, End: len("start"), New: text}},
	}
}

// wordSearch returns the main search for the word.
func wordSearch(suite *wordSuite, limits Limits) *search {
	limits.Jobs = 2
	r := newRun(Options{Limits: limits})
	tree := &propose.Tree{Overlay: map[string][]byte{word: []byte("start"), "word_test.txt": []byte("right")}}
	target := validate.Target{Package: "p", Failures: []testrun.Failure{{TestID: testrun.TestID{Package: "p", Test: "word"}, Kind: testrun.Assertion}}}
	c := &cluster{
		project: &project{Found: lang.Found{Suite: suite}, first: new(testrun.Result)}, target: target, tree: tree,
		validator: &validate.Validator{Suite: suite, Tree: tree, Jobs: limits.Jobs},
		problem: &propose.Problem{
			Tree: tree, Failures: target.Failures, Suspects: []localize.Suspect{{File: word, Start: 1, End: 1, Score: 1}},
			Editable: func(file string) bool { return file == word },
		},
	}
	means := r.priorMeans()
	return &search{
		run: r, cluster: c, target: target, phase: phaseMain, strategies: limits.Strategies,
		weight: func(name string) float64 { return means[name] },
	}
}

// instant returns a strategy that proposes words immediately.
func instant(words ...string) propose.Strategy {
	return propose.Strategy{Name: "instant", Share: 10, Propose: func(_ context.Context, _ *propose.Problem, yield func(propose.Candidate) bool) error {
		for _, w := range words {
			yield(candidate(w))
		}
		return nil
	}}
}

// wrongWords returns n words that are not right.
func wrongWords(n int) []string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("wrong %d", i)
	}
	return words
}

// sleeper is a source that yields words after a delay and records how its call ended.
type sleeper struct {
	delay   time.Duration
	words   []string
	ended   chan struct{} // closed when the call ends
	err     error         // of its context then
	stopped bool          // a yield was refused
}

func newSleeper(delay time.Duration, words ...string) *sleeper {
	return &sleeper{delay: delay, words: words, ended: make(chan struct{})}
}

func (s *sleeper) strategy() propose.Strategy {
	return propose.Strategy{Name: "model/sleeper", Share: 5, Cost: propose.Cost{Network: true}, Propose: s.propose}
}

func (s *sleeper) propose(ctx context.Context, _ *propose.Problem, yield func(propose.Candidate) bool) error {
	defer close(s.ended)
	select {
	case <-time.After(s.delay):
	case <-ctx.Done():
		s.err = ctx.Err()
		return ctx.Err()
	}
	for _, w := range s.words {
		c := candidate(w)
		c.Origin = &propose.Origin{Source: "model", Model: "sleeper\x1b[31m", Dollars: 0.25}
		s.stopped = !yield(c)
	}
	return nil
}

// isOver reports whether the call has returned.
func (s *sleeper) isOver() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// find runs the search with a budget, and returns how long it took.
func find(t *testing.T, s *search, budget time.Duration) (found bool, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), budget)
	defer cancel()
	began := time.Now()
	found, err := s.findPatch(ctx)
	if err != nil {
		t.Error(err)
	}
	return found, time.Since(began)
}

// winner returns the word of the verified patch.
func winner(s *search) string { return string(s.run.overlay[word]) }

// verdicts returns the verdict on each word that was tried.
func verdicts(s *search) map[string]string {
	out := make(map[string]string)
	for i := range s.results {
		out[s.results[i].Candidate.Edits[0].New] = string(s.results[i].Verdict)
	}
	return out
}

// While a source computes, all workers test everything else. When nothing is left, the search
// waits for the source, and tests and keeps its candidate.
func TestSourceYieldsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		suite := &wordSuite{took: 100 * time.Millisecond}
		late := newSleeper(10*time.Second, "wrong late", "right")
		s := wordSearch(suite, Limits{Strategies: []propose.Strategy{late.strategy(), instant(wrongWords(40)...)}})
		began := time.Now()
		found, took := find(t, s, time.Minute)
		if !found || winner(s) != "right" {
			t.Fatalf("found %t, %q", found, winner(s))
		}
		for _, w := range wrongWords(40) {
			if runs := suite.runs[w]; len(runs) != 1 || runs[0].Sub(began) >= 2*time.Second {
				t.Errorf("%s ran at %v after %v", w, runs, began)
			}
		}
		if suite.most != 2 {
			t.Errorf("%d runs at a time, want 2", suite.most)
		}
		// Two candidates at the same time, then three steps of confirmation.
		if want := 10*time.Second + 400*time.Millisecond; took != want {
			t.Errorf("took %s, want %s", took, want)
		}
		if propose := s.run.clock.spent["propose"]; propose < 7.9 || propose > 8.1 {
			t.Errorf("waited %f s", propose)
		}
	})
}

// A verified patch of an instant strategy ends the source immediately.
func TestVerifiedPatchEndsSources(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		suite := &wordSuite{took: 100 * time.Millisecond}
		late := newSleeper(time.Hour, "right")
		s := wordSearch(suite, Limits{Strategies: []propose.Strategy{late.strategy(), instant(append(wrongWords(20), "right")...)}})
		found, took := find(t, s, 2*time.Hour)
		if !found || winner(s) != "right" || s.results[0].Candidate.Strategy != "instant" {
			t.Fatalf("found %t, %q", found, winner(s))
		}
		if took > 2*time.Second {
			t.Errorf("the search took %s", took)
		}
		if !late.isOver() || !errors.Is(late.err, context.Canceled) {
			t.Errorf("the source has ended: %t, its context: %v", late.isOver(), late.err)
		}
	})
}

// The search keeps to its budget, whether or not a source heeds its context.
func TestSourcesKeepToTheBudget(t *testing.T) {
	t.Parallel()
	for _, heeds := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			late := newSleeper(time.Hour, "right")
			strategy := late.strategy()
			if !heeds {
				strategy.Propose = func(_ context.Context, p *propose.Problem, yield func(propose.Candidate) bool) error {
					return late.propose(context.Background(), p, yield)
				}
			}
			s := wordSearch(&wordSuite{took: 100 * time.Millisecond}, Limits{Strategies: []propose.Strategy{instant(wrongWords(4)...), strategy}})
			found, took := find(t, s, 30*time.Second)
			if found || took < 25*time.Second || took > 30*time.Second {
				t.Errorf("found %t in %s", found, took)
			}
			left := slices.ContainsFunc(s.run.report.Notes, func(n string) bool { return strings.Contains(n, "model/sleeper did not stop with the search") })
			if late.isOver() != heeds || left == heeds {
				t.Errorf("heeds its context %t: ended %t, notes %q", heeds, late.isOver(), s.run.report.Notes)
			}
			<-late.ended // what it yields now is dropped
			if !heeds && (!late.stopped || len(s.pool) > 0) {
				t.Errorf("an abandoned source could still yield; pool %v", s.pool)
			}
		})
	}
}

// A source is called again with its rejected candidates: their verdicts, reasons and the output
// of tests. One of them breaks another test.
func TestRefine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		suite := &wordSuite{took: 100 * time.Millisecond}
		first := newSleeper(3*time.Second, "wrong late", "fragile")
		strategy := first.strategy()
		var shown []propose.Rejected
		strategy.Refine = func(_ context.Context, p *propose.Problem, rejected []propose.Rejected, yield func(propose.Candidate) bool) error {
			shown = rejected
			if len(p.Suspects) != 1 || len(p.Failures) != 1 {
				t.Errorf("got problem %+v", p)
			}
			yield(candidate("right"))
			return nil
		}
		s := wordSearch(suite, Limits{Strategies: []propose.Strategy{instant(wrongWords(3)...), strategy}})
		found, took := find(t, s, time.Minute)
		if !found || winner(s) != "right" || took > 10*time.Second {
			t.Fatalf("found %t, %q in %s", found, winner(s), took)
		}
		if len(shown) != 2 {
			t.Fatalf("shown %+v", shown)
		}
		if r := shown[0]; r.Candidate.Edits[0].New != "fragile" || r.Verdict != "refused" || r.Reason != "q.other fails: other broke" || r.Failures != nil {
			t.Errorf("first %+v", r)
		}
		r := shown[1]
		if r.Candidate.Edits[0].New != "wrong late" || r.Verdict != "rejected" || r.Reason != "wrong word" || len(r.Failures) != 1 {
			t.Fatalf("second %+v", r)
		}
		if f := r.Failures[0]; !strings.HasPrefix(f.Output, "got wrong late.") || len(f.Output) > maxShownOutput+100 || f.Truncated < maxShownOutput {
			t.Errorf("%d bytes of output, %d left out: %.40q", len(f.Output), f.Truncated, f.Output)
		}
	})
}

// A source is not called again forever, after an error, or without a new candidate.
func TestRefineEnds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		first []string
		err   error
		again func(call int) string // word of a refinement, "" for none
		calls int
	}{
		{"a new wrong word each time", []string{"wrong"}, nil, func(n int) string { return fmt.Sprintf("wrong %d", n) }, maxRefined},
		{"the same word again", []string{"wrong"}, nil, func(int) string { return "wrong" }, maxRefined},
		{"nothing more", []string{"wrong"}, nil, func(int) string { return "" }, 1},
		{"nothing at all", nil, nil, func(int) string { return "right" }, 0},
		{"the call failed", []string{"wrong"}, errors.New("server down"), func(int) string { return "right" }, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			strategy := propose.Strategy{
				Name: "model/x", Cost: propose.Cost{Network: true},
				Propose: func(_ context.Context, _ *propose.Problem, yield func(propose.Candidate) bool) error {
					for _, w := range tc.first {
						yield(candidate(w))
					}
					return tc.err
				},
				Refine: func(_ context.Context, _ *propose.Problem, _ []propose.Rejected, yield func(propose.Candidate) bool) error {
					calls++
					if w := tc.again(calls); w != "" {
						yield(candidate(w))
					}
					return nil
				},
			}
			s := wordSearch(&wordSuite{took: time.Millisecond}, Limits{Strategies: []propose.Strategy{strategy}})
			if found, took := find(t, s, time.Minute); found || took > 10*time.Second || calls != tc.calls {
				t.Errorf("%s: called again %d times, want %d; found %t in %s", tc.name, calls, tc.calls, found, took)
			}
		})
	}
}

// Candidates of a source are admitted by the same rules as others: they edit no test, and none
// is tested twice. The source gets the reasons.
func TestSourceIsDeclined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		test, outside, twice := candidate("x"), candidate("x"), candidate("x")
		test.Edits[0].File = "word_test.txt"
		outside.Edits[0].End = 99
		twice.Edits = append(twice.Edits, propose.Edit{File: word, Start: 2, End: 3, New: "y"})
		var reasons []string
		strategy := propose.Strategy{
			Name: "model/x", Cost: propose.Cost{Seconds: 60},
			Propose: func(_ context.Context, _ *propose.Problem, yield func(propose.Candidate) bool) error {
				time.Sleep(time.Second)
				for _, c := range []propose.Candidate{candidate("wrong 1"), candidate("wrong own"), candidate("wrong own"), test, outside, twice, candidate("start"), {}} {
					yield(c)
				}
				return nil
			},
			Refine: func(_ context.Context, _ *propose.Problem, rejected []propose.Rejected, _ func(propose.Candidate) bool) error {
				for _, r := range rejected {
					reasons = append(reasons, r.Verdict+": "+r.Reason)
				}
				return nil
			},
		}
		suite := &wordSuite{took: time.Millisecond}
		s := wordSearch(suite, Limits{Strategies: []propose.Strategy{instant(wrongWords(3)...), strategy}})
		find(t, s, time.Minute)
		want := []string{
			"rejected: wrong word", // its own
			"rejected: wrong word", // the other strategy's
			"rejected: wrong word", // its own, the second time
			"pruned: it edits a file that may not be edited",
			"pruned: an edit does not fit the file",
			"pruned: an edit does not fit the file",
			"pruned: an edit changes nothing",
			"pruned: it has no edit",
		}
		if !slices.Equal(reasons, want) {
			t.Errorf("got reasons %q, want %q", reasons, want)
		}
		if got := verdicts(s); len(got) != 4 || len(s.results) != 4 || s.run.report.Stats.Generated != 4 {
			t.Errorf("tested %v, generated %d", got, s.run.report.Stats.Generated)
		}
		if n := len(suite.runs["wrong 1"]); n != 2 { // once for its output
			t.Errorf("wrong 1 ran %d times", n)
		}
	})
}

// A candidate that failed on this tree in an earlier run is not tested again, and its source is
// informed.
func TestSourceIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reasons []string
		first := newSleeper(time.Second, "wrong before")
		strategy := first.strategy()
		strategy.Refine = func(_ context.Context, _ *propose.Problem, rejected []propose.Rejected, _ func(propose.Candidate) bool) error {
			for _, r := range rejected {
				reasons = append(reasons, r.Reason)
			}
			return nil
		}
		suite := &wordSuite{took: time.Millisecond}
		s := wordSearch(suite, Limits{Strategies: []propose.Strategy{strategy}})
		s.run.treeHash = "x"
		before := candidate("wrong before")
		before.Key = s.cluster.tree.Key(before.Edits)
		s.run.opt.Hooks.Store = forgetful{rejected: map[string]string{keyOf(&before): "rejected"}}
		find(t, s, time.Minute)
		if len(suite.runs) != 0 || !slices.Equal(reasons, []string{"it failed on the same tree in an earlier run"}) {
			t.Errorf("ran %v, reasons %q", suite.runs, reasons)
		}
	})
}

// forgetful is a store that only knows rejected candidates.
type forgetful struct {
	learn.Store
	rejected map[string]string
}

func (f forgetful) Rejected(context.Context, string) (map[string]string, error) {
	return f.rejected, nil
}

// The maximum of a call is reserved before it starts, and what it spent is settled.
func TestMoney(t *testing.T) {
	t.Parallel()
	const unset = -1
	for _, tc := range []struct {
		name  string
		limit float64
		cost  float64   // of each of two sources
		spend []float64 // what each reports
		ran   int
		spent float64
		note  string
	}{
		{"no cap", 0, 0.3, nil, 0, 0, "strategy model/0 was not run: it may cost $0.30, and no max-cost is set"},
		{"free", 0, 0, []float64{unset, unset}, 2, 0, ""},
		{"room for one", 0.5, 0.3, []float64{unset}, 1, 0.3, "strategy model/1 was not run: it may cost $0.30, and $0.20 of $0.50 is left"},
		{"room for both, to the cent", 0.6, 0.3, []float64{unset, unset}, 2, 0.6, ""},
		{"less than expected", 1, 0.3, []float64{0.01, 0}, 2, 0.01, ""},
		{"more than expected", 1, 0.3, []float64{0.5, unset}, 2, 0.8, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var ran atomic.Int32
			limits := Limits{Dollars: tc.limit}
			for i := range 2 {
				limits.Strategies = append(limits.Strategies, propose.Strategy{
					Name: fmt.Sprintf("model/%d", i), Cost: propose.Cost{Dollars: tc.cost, Network: true},
					Propose: func(_ context.Context, p *propose.Problem, _ func(propose.Candidate) bool) error {
						time.Sleep(time.Duration(i+1) * time.Second)
						ran.Add(1)
						if tc.spend[i] >= 0 {
							p.Spent(tc.spend[i] / 2)
							p.Spent(tc.spend[i] / 2)
						}
						return nil
					},
				})
			}
			s := wordSearch(&wordSuite{}, limits)
			find(t, s, time.Minute)
			notes := strings.Join(s.run.report.Notes, "\n")
			if int(ran.Load()) != tc.ran || s.run.report.Stats.Dollars != tc.spent || !strings.Contains(notes, tc.note) || (tc.note == "") != (notes == "") {
				t.Errorf("%s: %d ran, $%v spent, noted %q; want %d, $%v, %q", tc.name, ran.Load(), s.run.report.Stats.Dollars, notes, tc.ran, tc.spent, tc.note)
			}
			if m := s.run.money; m.reserved > inexact || m.reserved < -inexact {
				t.Errorf("%s: %v is still reserved", tc.name, m.reserved)
			}
		})
	}
}

// A call that was cut short without reporting what it spent counts with its maximum, and another
// round must fit into the rest.
func TestMoneyOfEndedCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		endless := newSleeper(time.Hour).strategy()
		endless.Name, endless.Cost.Dollars = "model/endless", 0.2
		once := newSleeper(time.Second, "wrong late").strategy()
		once.Name, once.Cost.Dollars = "model/once", 0.3
		once.Refine = func(context.Context, *propose.Problem, []propose.Rejected, func(propose.Candidate) bool) error {
			t.Error("Refine was called although the money was spent")
			return nil
		}
		s := wordSearch(&wordSuite{}, Limits{Dollars: 0.7, Strategies: []propose.Strategy{endless, once}})
		find(t, s, time.Minute)
		if got := s.run.report.Stats.Dollars; got != 0.5 {
			t.Errorf("spent $%v", got)
		}
		if want := []string{"strategy model/once was not run again: it may cost $0.30, and $0.20 of $0.70 is left"}; !slices.Equal(s.run.report.Notes, want) {
			t.Errorf("got notes %q", s.run.report.Notes)
		}
	})
}

// The promise of a source keeps the search from ending early, if it can still be kept and tested
// in time.
func TestPendingCounts(t *testing.T) {
	t.Parallel()
	s := wordSearch(new(wordSuite), Limits{Strategies: []propose.Strategy{{Name: "instant", Share: 10}, {Name: "model/x", Share: 10}}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 100 {
		s.results = append(s.results, validate.Result{Candidate: &propose.Candidate{Strategy: "instant"}, Verdict: validate.Rejected})
	}
	s.results = append(s.results, validate.Result{Candidate: &propose.Candidate{Strategy: "instant", Score: 0.0001}, Verdict: validate.Plausible})
	if odds := s.odds(0, 1000); odds <= enoughOdds {
		t.Errorf("odds %f without a source", odds)
	}
	src := &source{strategy: propose.Strategy{Name: "model/x", Cost: propose.Cost{Seconds: 20}}, intake: s.cluster.problem.Intake(propose.Strategy{Name: "model/x"}), running: true, began: time.Now()}
	s.sources.all, s.sources.ctx = []*source{src}, ctx
	first := s.pending()
	if odds := s.odds(0, 1000); odds > enoughOdds || first < 0.09 {
		t.Errorf("odds %f with a source that promises %f", odds, first)
	}
	if odds := s.odds(0, 0); odds <= enoughOdds {
		t.Errorf("odds %f when nothing more can be tested", odds)
	}
	src.intake.Take([]propose.Candidate{candidate("one")})
	if got := s.pending(); got != first/2 || s.yielded() != first/2 {
		t.Errorf("promises %f, then %f, and has yielded %f", first, got, s.yielded())
	}
	src.strategy.Cost.Seconds = 100
	if got := s.pending(); got != 0 {
		t.Errorf("promises %f, but not in time", got)
	}
	src.strategy.Cost.Seconds, src.running = 0, false
	if got := s.pending(); got != 0 {
		t.Errorf("promises %f, but has ended", got)
	}
}

// Only one of several shards runs an asynchronous strategy, and it tests all its candidates.
func TestOneShardRunsAsync(t *testing.T) {
	t.Parallel()
	const n = 3
	ran, found := 0, 0
	for i := range n {
		synctest.Test(t, func(t *testing.T) {
			late := newSleeper(time.Second, append(wrongWords(20), "right")...)
			s := wordSearch(new(wordSuite), Limits{Strategies: []propose.Strategy{late.strategy()}, Shard: report.Shard{Index: i + 1, Total: n}})
			s.run.treeHash, s.run.opt.Hooks.Store = "x", forgetful{}
			if ok, _ := find(t, s, time.Minute); ok {
				found++
			}
			if !late.isOver() {
				return
			}
			ran++
			for _, l := range s.run.lessons {
				for _, o := range l.outcomes { // one of three shards, but the whole experiment
					if o.Strategy != "model/sleeper" || o.Weight != 1 || o.Reward != 1 {
						t.Errorf("got lesson %+v", o)
					}
				}
			}
			if len(s.run.lessons) != 1 || len(s.run.lessons[0].outcomes) != 1 {
				t.Errorf("got lessons %+v", s.run.lessons)
			}
		})
	}
	if ran != 1 || found != 1 {
		t.Errorf("%d shards ran it, %d found a patch", ran, found)
	}
}

// An interrupted search ends its sources.
func TestInterruptEndsSources(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late := newSleeper(time.Hour, "right")
		s := wordSearch(new(wordSuite), Limits{Strategies: []propose.Strategy{late.strategy()}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		time.AfterFunc(time.Minute, cancel)
		began := time.Now()
		found, err := s.findPatch(ctx)
		if took := time.Since(began); found || err != nil || took != time.Minute || !late.isOver() {
			t.Errorf("found %t, %v, in %s, the source has ended: %t", found, err, took, late.isOver())
		}
	})
}

// fileSuite is a wordSuite that reads the word from the tree, for whole runs.
type fileSuite struct {
	wordSuite
	root string
}

func (s *fileSuite) Run(ctx context.Context, req testrun.Request) (*testrun.Result, error) {
	if _, ok := req.Overlay[word]; !ok {
		src, err := os.ReadFile(filepath.Join(s.root, word))
		if err != nil {
			return nil, err
		}
		req.Overlay = map[string][]byte{word: src}
	}
	return s.wordSuite.Run(ctx, req)
}

// wordRun returns the options of a whole run on a tree with a wrong word.
func wordRun(t *testing.T, limits Limits) Options {
	t.Helper()
	p := newFixture(t, map[string]string{word: "right"})
	p.write(map[string]string{word: "start"})
	opt := p.options()
	limits.Budget, limits.Jobs, limits.Seed = time.Minute, 2, 1
	opt.Limits, opt.Decision.Policy = limits, detect.Always
	opt.Subject.Languages = []lang.Language{{
		Name: "word",
		Find: func(_ context.Context, tree lang.Tree) ([]testrun.Suite, error) {
			return []testrun.Suite{&fileSuite{root: tree.Root}}, nil
		},
	}}
	return opt
}

// The report says where a patch came from, what it cost, and that the run cannot be repeated
// exactly.
func TestReportOfSources(t *testing.T) {
	t.Parallel()
	var culprit int
	late := newSleeper(time.Millisecond, "wrong late", "right")
	strategy := late.strategy()
	strategy.Cost.Dollars = 0.5
	strategy.Propose = func(ctx context.Context, p *propose.Problem, yield func(propose.Candidate) bool) error {
		hunks, _, _, err := propose.Culprit(ctx, p)
		if err != nil {
			return err
		}
		culprit = len(hunks)
		p.Spent(0.25)
		return late.propose(ctx, p, yield)
	}
	opt := wordRun(t, Limits{Dollars: 1.5, Strategies: []propose.Strategy{instant(wrongWords(3)...), strategy}})
	rep, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := rep.Check(); err != nil {
		t.Error(err)
	}
	if rep.Verdict != report.Fixed || len(rep.Patches) != 1 || culprit != 1 {
		t.Fatalf("%s, patches %+v, culprit %d, notes %q", rep.Verdict, rep.Patches, culprit, rep.Notes)
	}
	want := report.PatchOrigin{Source: "model", Model: "sleeper", Dollars: 0.25}
	if got := rep.Patches[0].Origin; got == nil || *got != want {
		t.Errorf("got origin %+v", got)
	}
	for _, a := range rep.Attempts {
		if (a.Origin != nil) != (a.Strategy == "model/sleeper") {
			t.Errorf("got attempt %+v", a)
		}
	}
	if rep.Stats.Dollars != 0.25 || !slices.Equal(rep.Replay.NetworkStrategies, []string{"model/sleeper"}) {
		t.Errorf("$%v, network %q", rep.Stats.Dollars, rep.Replay.NetworkStrategies)
	}
	if i := slices.Index(rep.Replay.Args, "--max-cost"); i < 0 || rep.Replay.Args[i+1] != "1.5" {
		t.Errorf("got replay %q", rep.Replay.Args)
	}
	checkConsistent(t, rep)
}

// An interrupted run ends its sources and returns its context's error, marked as having written
// nothing.
func TestInterruptedRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	late := newSleeper(time.Hour, "right")
	strategy := late.strategy()
	strategy.Propose = func(c context.Context, p *propose.Problem, yield func(propose.Candidate) bool) error {
		cancel()
		return late.propose(c, p, yield)
	}
	rep, err := Run(ctx, wordRun(t, Limits{Strategies: []propose.Strategy{strategy}}))
	if !errors.Is(err, context.Canceled) || !usererr.IsUnchanged(err) || len(rep.Patches) != 0 || !late.isOver() || late.err == nil {
		t.Errorf("%v, %d patches, the source has ended: %t, its context: %v", err, len(rep.Patches), late.isOver(), late.err)
	}
}
