package repair

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// Asynchronous strategies run alongside the search, each as a source with a goroutine of
// its own. A source reads a snapshot of the problem, and what it yields lies in the inbox
// until the search, between two rounds, takes it into the pool. Nothing else is shared, so
// that a source can neither hold the search up nor disturb it:
//
//   - the search goes on as if there were no sources while it has anything to test;
//   - when it has not, it proves what is plausible, and then waits for what is yielded, until
//     the time for screening is over;
//   - when it ends, for a verified patch or whatever else, the context of the sources ends.
//     One that does not return in time is left behind: what it yields goes nowhere.

const (
	// maxYielded bounds what one call of a source may yield.
	maxYielded = 10_000
	// maxRefined is how often a source is asked again.
	maxRefined = 3
	// maxShown is how many rejected candidates are run once more for their output, and
	// maxRejected how many a source is shown in all.
	maxShown    = 3
	maxRejected = 50
	// maxShownFailures and maxShownOutput bound what is shown of one of these.
	maxShownFailures = 5
	maxShownOutput   = 8 << 10
	// abandonAfter is how long an ended search waits for a source to return.
	abandonAfter = time.Second
)

// source is one asynchronous strategy in one search. It belongs to the search's goroutine.
type source struct {
	strategy propose.Strategy
	view     *propose.Problem
	intake   *propose.Intake

	running  bool
	began    time.Time
	calls    int                // of Propose and Refine
	failed   bool               // the last call
	shown    int                // rejected candidates that the last call was shown
	declined []propose.Rejected // not admitted, or tried in an earlier run

	reserved float64 // for the call that is running
	spent    float64 // in it
	reported bool    // it said what it has spent
}

// sources are those of a search.
type sources struct {
	all    []*source
	inbox  inbox
	ctx    context.Context // of their calls
	cancel context.CancelFunc
}

// running counts the sources whose calls go on.
func (ss *sources) running() int {
	n := 0
	for _, src := range ss.all {
		if src.running {
			n++
		}
	}
	return n
}

// inbox is where sources leave what they have for the search.
type inbox struct {
	mu    sync.Mutex
	items []message
	wake  chan struct{} // has an element when there may be messages
}

// message is from a source: a candidate, money that was spent, or that a call is over.
type message struct {
	from      *source
	candidate *propose.Candidate
	dollars   float64
	over      bool
	err       error
}

func (in *inbox) put(m message) {
	in.mu.Lock()
	in.items = append(in.items, m)
	in.mu.Unlock()
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

func (in *inbox) take() []message {
	in.mu.Lock()
	defer in.mu.Unlock()
	items := in.items
	in.items = nil
	return items
}

// proposal is Strategy.Propose, or Refine with what was rejected.
type proposal func(ctx context.Context, p *propose.Problem, yield func(propose.Candidate) bool) error

// startSources takes the asynchronous strategies out of those of the search, and calls each
// that may run.
func (s *search) startSources(ctx context.Context) {
	problem, all := s.cluster.problem, s.strategies
	s.strategies = slices.DeleteFunc(slices.Clone(all), func(st propose.Strategy) bool { return st.Asynchronous() })
	s.sources.inbox.wake = make(chan struct{}, 1)
	s.sources.ctx, s.sources.cancel = context.WithCancel(ctx)
	for _, st := range all {
		if !st.Asynchronous() || !s.run.asks(st.Name) {
			continue
		}
		src := &source{strategy: st, view: problem.Snapshot(), intake: problem.Intake(st)}
		src.view.Spend = func(dollars float64) { s.sources.inbox.put(message{from: src, dollars: dollars}) }
		if s.call(src, st.Propose) {
			s.sources.all = append(s.sources.all, src)
		}
	}
}

// call begins a call of a source. It is false, and noted, when there is no money for it.
func (s *search) call(src *source, work proposal) bool {
	r, cost := s.run, src.strategy.Cost
	if !r.money.reserve(cost.Dollars) {
		r.noteOnce(r.unaffordable(src))
		return false
	}
	if cost.Network && !slices.Contains(r.asked, src.strategy.Name) {
		r.asked = append(r.asked, src.strategy.Name)
	}
	src.running, src.began, src.reserved, src.spent, src.reported = true, time.Now(), cost.Dollars, 0, false
	src.calls++
	ctx, in := s.sources.ctx, &s.sources.inbox
	var yielded atomic.Int32
	yield := func(c propose.Candidate) bool {
		if ctx.Err() != nil || yielded.Add(1) > maxYielded {
			return false
		}
		c.Edits = slices.Clone(c.Edits)
		if c.Origin != nil {
			origin := *c.Origin
			c.Origin = &origin
		}
		in.put(message{from: src, candidate: &c})
		return true
	}
	go func() { in.put(message{from: src, over: true, err: work(ctx, src.view, yield)}) }()
	return true
}

// unaffordable is the note about a call that there is no money for.
func (r *run) unaffordable(src *source) string {
	again := ""
	if src.calls > 0 {
		again = " again"
	}
	why := fmt.Sprintf("$%.2f of the %.2f are left", r.money.left(), r.money.limit)
	if r.money.limit == 0 {
		why = "no max-cost is set"
	}
	return fmt.Sprintf("strategy %s was not run%s: it may cost $%.2f, and %s", src.strategy.Name, again, src.strategy.Cost.Dollars, why)
}

// collect reads the messages of the sources: it settles the calls that are over, and
// returns the candidates that are admitted.
func (s *search) collect() []propose.Candidate {
	var admitted []propose.Candidate
	yielded := make(map[*source][]propose.Candidate)
	for _, m := range s.sources.inbox.take() {
		switch src := m.from; {
		case m.candidate != nil:
			yielded[src] = append(yielded[src], *m.candidate)
		case m.over:
			s.finished(src, m.err)
		case src.running:
			src.spent, src.reported = src.spent+m.dollars, true
		default:
			s.run.settle(0, m.dollars)
		}
	}
	for _, src := range s.sources.all { // in one order
		cands, declined := src.intake.Take(yielded[src])
		src.declined = append(src.declined, declined...)
		admitted = append(admitted, cands...)
	}
	s.run.report.Stats.Generated += len(admitted)
	return admitted
}

// finished is called when a call is over, or given up.
func (s *search) finished(src *source, err error) {
	spent := src.spent
	if !src.reported || errors.Is(err, errAbandoned) {
		spent = max(spent, src.reserved)
	}
	s.run.settle(src.reserved, spent)
	src.running, src.reserved, src.failed = false, 0, err != nil
	if err != nil && s.sources.ctx.Err() == nil {
		s.run.opt.Hooks.Log.Warn("a strategy could not propose", "error", fmt.Errorf("strategy %s: %w", src.strategy.Name, err))
	}
}

// receive takes what the sources have yielded into the pool, and asks those again that
// have come to nothing so far.
func (s *search) receive(ctx, screening context.Context) {
	if len(s.sources.all) == 0 {
		return
	}
	if cands := s.collect(); len(cands) > 0 {
		fresh := s.run.dropTried(ctx, s.target.Failures, slices.Clone(cands))
		s.declineTried(cands, fresh)
		s.pool = append(s.pool, fresh...)
		if slices.ContainsFunc(fresh, func(c propose.Candidate) bool { return c.Hole != nil }) {
			s.probeHoles(screening)
		}
	}
	for _, src := range s.sources.all {
		s.refine(src)
	}
}

// declineTried keeps for their sources what was tried in an earlier run.
func (s *search) declineTried(cands, fresh []propose.Candidate) {
	if len(cands) == len(fresh) {
		return
	}
	left := make(map[uint64]bool)
	for _, c := range fresh {
		left[c.Key] = true
	}
	for _, src := range s.sources.all {
		for _, c := range cands {
			if c.Strategy == src.strategy.Name && !left[c.Key] {
				src.declined = append(src.declined, propose.Rejected{
					Candidate: c, Verdict: string(validate.Pruned), Reason: "it failed on the same tree in an earlier run",
				})
			}
		}
	}
}

// refine calls a source once more with what came of its candidates, when that is known of
// all of them and is nothing.
func (s *search) refine(src *source) {
	if src.strategy.Refine == nil || src.running || src.failed || src.calls > maxRefined || s.sources.ctx.Err() != nil {
		return
	}
	rejected := s.rejected(src)
	if len(rejected) <= src.shown {
		return
	}
	src.shown = len(rejected)
	rejected = rejected[:min(len(rejected), maxRejected)]
	target, suite, tree := s.target, s.cluster.project.Suite, s.cluster.tree
	ok := s.call(src, func(ctx context.Context, p *propose.Problem, yield func(propose.Candidate) bool) error {
		showFailures(ctx, suite, tree, target, rejected)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return src.strategy.Refine(ctx, p, rejected, yield)
	})
	if !ok {
		src.calls = maxRefined + 1
	}
}

// rejected is what came of all that a source has yielded, what came closest first: none
// when some of it may still come to something.
func (s *search) rejected(src *source) []propose.Rejected {
	name := src.strategy.Name
	if slices.ContainsFunc(s.pool, func(c propose.Candidate) bool { return c.Strategy == name }) {
		return nil
	}
	var tested []*validate.Result
	byKey := make(map[uint64]*validate.Result)
	for i := range s.results {
		res := &s.results[i]
		byKey[res.Candidate.Key] = res
		if res.Candidate.Strategy != name {
			continue
		}
		if undecided(res) {
			return nil
		}
		tested = append(tested, res)
	}
	slices.SortStableFunc(tested, closer)
	var out []propose.Rejected
	for _, res := range tested {
		out = append(out, rejection(*res.Candidate, res))
	}
	for _, declined := range src.declined {
		// What another strategy has proposed before has a verdict from there.
		res := byKey[declined.Candidate.Key]
		switch {
		case res == nil || declined.Candidate.Key == 0:
			declined.Candidate.Hole = nil
			out = append(out, declined)
		case !undecided(res):
			out = append(out, rejection(declined.Candidate, res))
		}
	}
	return out
}

// undecided reports whether a result may still change.
func undecided(res *validate.Result) bool {
	switch res.Verdict {
	case validate.IllTyped, validate.Rejected, validate.Refused:
		return false
	}
	return true
}

// closer puts what is plausible but for other tests first, then what fixes more, then what
// can be run at all.
func closer(a, b *validate.Result) int {
	rank := func(res *validate.Result) int {
		switch res.Verdict {
		case validate.Refused:
			return 2
		case validate.Rejected:
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(len(b.Fixes), len(a.Fixes)))
}

// rejection is a result for the source of a candidate.
func rejection(c propose.Candidate, res *validate.Result) propose.Rejected {
	c.Edits, c.Hole = slices.Clone(c.Edits), nil
	return propose.Rejected{Candidate: c, Verdict: string(res.Verdict), Reason: testrun.OneLine(res.Reason)}
}

// showFailures runs the failing tests with the first of the rejected candidates, for their
// output. It is part of a source's call, which the search does not wait for.
func showFailures(ctx context.Context, suite testrun.Suite, tree *propose.Tree, target validate.Target, rejected []propose.Rejected) {
	shown := 0
	for i := range rejected {
		rej := &rejected[i]
		if rej.Verdict != string(validate.Rejected) {
			continue
		}
		if shown++; shown > maxShown || ctx.Err() != nil {
			return
		}
		files, err := validate.Files(tree, &rej.Candidate)
		if err != nil {
			continue
		}
		res, err := suite.Run(ctx, target.Request(files))
		if err != nil {
			continue
		}
		rej.Failures = slices.Clone(res.Failures[:min(len(res.Failures), maxShownFailures)])
		for j := range rej.Failures {
			f := &rej.Failures[j]
			short := testrun.Capped{Limit: maxShownOutput}
			_, _ = short.Write([]byte(f.Output))
			cut := 0
			f.Output, cut = short.Text()
			f.Truncated += cut
		}
	}
}

// idle is what a search does that has nothing to test: it proves what is plausible, and
// then waits for its sources. It is over when they are.
func (s *search) idle(ctx, screening context.Context) (winner *validate.Result, over bool) {
	switch {
	case len(s.sources.all) == 0:
		return nil, true
	case len(s.results) > s.proven && len(s.ranked()) > 0:
		s.proven = len(s.results)
		return s.prove(ctx, s.ranked()), false
	case s.sources.running() == 0:
		return nil, true
	}
	s.wait(screening)
	return nil, false
}

// wait waits until a source has something for the search.
func (s *search) wait(ctx context.Context) {
	defer s.run.clock.start("propose")()
	var names []string
	for _, src := range s.sources.all {
		if src.running {
			names = append(names, src.strategy.Name)
		}
	}
	s.run.opt.Hooks.Progress("propose", "waiting for "+strings.Join(names, ", "), 0, 0)
	began := time.Now()
	select {
	case <-s.sources.inbox.wake:
	case <-ctx.Done():
	}
	s.waited += time.Since(began)
}

// stopSources ends the sources and waits for them, as long as that is bearable. What they
// have yielded and nobody has tested is in the pool then, for the ledger.
func (s *search) stopSources() {
	s.sources.cancel()
	if len(s.sources.all) == 0 {
		return
	}
	late := time.NewTimer(abandonAfter)
	defer late.Stop()
	for {
		s.pool = append(s.pool, s.collect()...)
		if s.sources.running() == 0 {
			return
		}
		select {
		case <-s.sources.inbox.wake:
			continue
		case <-late.C:
		}
		for _, src := range s.sources.all {
			if src.running {
				s.run.noteOnce(fmt.Sprintf("strategy %s did not end when the search did, and was left behind", src.strategy.Name))
				s.finished(src, errAbandoned)
			}
		}
		return
	}
}

// errAbandoned is how a call ends for the search that did not return in time.
var errAbandoned = errors.New("call still running after the search")

// pending is the probability, by their weights, that a running source still yields the right
// candidate in the time that there is.
func (s *search) pending() float64 {
	total := 0.0
	for _, src := range s.sources.all {
		expected := src.began.Add(time.Duration(src.strategy.Cost.Seconds * float64(time.Second)))
		if deadline, ok := s.sources.ctx.Deadline(); src.running && !(ok && expected.After(deadline)) {
			total += s.weight(src.strategy.Name) * src.intake.Left()
		}
	}
	return total
}

// yielded is the probability, by their weights, that the sources have yielded the right
// candidate already.
func (s *search) yielded() float64 {
	total := 0.0
	for _, src := range s.sources.all {
		total += s.weight(src.strategy.Name) * (1 - src.intake.Left())
	}
	return total
}

// asks reports whether an asynchronous strategy is this shard's. One asks for all: what it
// yields may be something else the next time, and may cost money.
func (r *run) asks(strategy string) bool {
	of := r.opt.Limits.Shard.Total
	return of <= 1 || shardOf(hashed(strategy), of) == r.opt.Limits.Shard.Index
}

func hashed(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return h.Sum64()
}
