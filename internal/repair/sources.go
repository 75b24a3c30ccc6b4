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

// Asynchronous strategies run alongside the search, each as a source with a goroutine of its
// own. A source reads a snapshot of the problem and puts its candidates into the inbox. The
// search moves them to the pool between two rounds. They share nothing else, so a source can
// neither delay nor disturb the search:
//
//   - While the search has anything to test, it ignores the sources.
//   - When it has nothing, it proves the plausible candidates, and then waits for the sources
//     until the time for screening is over.
//   - When it ends, for whatever reason, the context of the sources ends. A source that does not
//     return in time is abandoned, and its later candidates are dropped.

const (
	// maxYielded bounds what one call of a source may yield.
	maxYielded = 10_000
	// maxRefined bounds how often a source is called again.
	maxRefined = 3
	// maxShown is how many rejected candidates run once more for their output, and maxRejected
	// how many a source sees in total.
	maxShown    = 3
	maxRejected = 50
	// maxShownFailures and maxShownOutput bound the failures and the output of each of these.
	maxShownFailures = 5
	maxShownOutput   = 8 << 10
	// abandonAfter is how long an ended search waits for a source to return.
	abandonAfter = time.Second
)

// source is an asynchronous strategy in a search. It belongs to the search's goroutine.
type source struct {
	strategy propose.Strategy
	view     *propose.Problem
	intake   *propose.Intake

	running  bool
	began    time.Time
	calls    int                // of Propose and Refine
	failed   bool               // the last call
	shown    int                // rejected candidates that the last call saw
	declined []propose.Rejected // not admitted, or tried in an earlier run

	reserved float64 // for the call that is running
	spent    float64 // by that call
	reported bool    // it has reported what it spent
}

// sources are the sources of a search.
type sources struct {
	all    []*source
	inbox  inbox
	ctx    context.Context // of their calls
	cancel context.CancelFunc
}

// running returns the number of sources whose call has not ended.
func (ss *sources) running() int {
	n := 0
	for _, src := range ss.all {
		if src.running {
			n++
		}
	}
	return n
}

// inbox holds the messages of sources for the search.
type inbox struct {
	mu    sync.Mutex
	items []message
	wake  chan struct{} // has an element when there may be messages
}

// message is from a source: a candidate, money that it spent, or the end of a call.
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

// proposal is Strategy.Propose, or Refine with the rejected candidates.
type proposal func(ctx context.Context, p *propose.Problem, yield func(propose.Candidate) bool) error

// startSources removes the asynchronous strategies from those of the search, and calls those
// that may run.
func (s *search) startSources(ctx context.Context) {
	problem, all := s.cluster.problem, s.strategies
	s.strategies = slices.DeleteFunc(slices.Clone(all), func(st propose.Strategy) bool { return st.Asynchronous() })
	s.sources.inbox.wake = make(chan struct{}, 1)
	s.sources.ctx, s.sources.cancel = context.WithCancel(ctx)
	for _, st := range all {
		if !st.Asynchronous() || !s.run.runsAsync(st.Name) {
			continue
		}
		src := &source{strategy: st, view: problem.Snapshot(), intake: problem.Intake(st)}
		src.view.Spend = func(dollars float64) { s.sources.inbox.put(message{from: src, dollars: dollars}) }
		if s.call(src, st.Propose) {
			s.sources.all = append(s.sources.all, src)
		}
	}
}

// call starts a call of a source. It returns false, with a note, if there is no money for it.
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

// unaffordable returns the note about a call that there is no money for.
func (r *run) unaffordable(src *source) string {
	again := ""
	if src.calls > 0 {
		again = " again"
	}
	why := fmt.Sprintf("$%.2f of $%.2f is left", r.money.left(), r.money.limit)
	if r.money.limit == 0 {
		why = "no max-cost is set"
	}
	return fmt.Sprintf("strategy %s was not run%s: it may cost $%.2f, and %s", src.strategy.Name, again, src.strategy.Cost.Dollars, why)
}

// collect reads the messages of the sources. It settles the calls that have ended and returns
// the admitted candidates.
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
	for _, src := range s.sources.all { // always in the same order
		cands, declined := src.intake.Take(yielded[src])
		src.declined = append(src.declined, declined...)
		admitted = append(admitted, cands...)
	}
	s.run.report.Stats.Generated += len(admitted)
	return admitted
}

// finished settles a call that has ended or was abandoned.
func (s *search) finished(src *source, err error) {
	spent := src.spent
	if !src.reported || errors.Is(err, errAbandoned) {
		spent = max(spent, src.reserved)
	}
	s.run.settle(src.reserved, spent)
	src.running, src.reserved, src.failed = false, 0, err != nil
	if err != nil && s.sources.ctx.Err() == nil {
		s.run.opt.Hooks.Log.Warn("a strategy failed", "error", fmt.Errorf("strategy %s: %w", src.strategy.Name, err))
	}
}

// receive moves the candidates of the sources to the pool, and calls sources again whose
// candidates were all rejected.
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

// declineTried records, for their sources, the candidates that were tried in an earlier run.
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

// refine calls a source again with its rejected candidates, if all of them were rejected.
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

// rejected returns the rejected candidates of a source, those that came closest first, or nil
// if any of its candidates may still succeed.
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
		// If another strategy proposed the same before, use the verdict on that.
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

// closer puts candidates first that only broke other tests, then others that ran. Among equals,
// those that fix more come first.
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

// rejection returns a result as the source of the candidate sees it.
func rejection(c propose.Candidate, res *validate.Result) propose.Rejected {
	c.Edits, c.Hole = slices.Clone(c.Edits), nil
	return propose.Rejected{Candidate: c, Verdict: string(res.Verdict), Reason: testrun.OneLine(res.Reason)}
}

// showFailures runs the failing tests with the first few rejected candidates, for their output.
// It is part of a source's call, so the search does not wait for it.
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

// idle runs when the search has nothing to test: it proves the plausible candidates, and then
// waits for the sources. Over reports that no source is running.
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

// wait waits until a source has a message for the search.
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

// stopSources ends the sources and waits for them, up to abandonAfter. It adds their remaining
// candidates to the pool, for the ledger.
func (s *search) stopSources() {
	s.sources.cancel()
	if len(s.sources.all) == 0 {
		return
	}
	abandon := time.NewTimer(abandonAfter)
	defer abandon.Stop()
	for {
		s.pool = append(s.pool, s.collect()...)
		if s.sources.running() == 0 {
			return
		}
		select {
		case <-s.sources.inbox.wake:
			continue
		case <-abandon.C:
		}
		for _, src := range s.sources.all {
			if src.running {
				s.run.noteOnce(fmt.Sprintf("strategy %s did not stop with the search and was abandoned", src.strategy.Name))
				s.finished(src, errAbandoned)
			}
		}
		return
	}
}

// errAbandoned is the error of a call that did not return in time.
var errAbandoned = errors.New("call still running after the search")

// pending returns the probability, by their weights, that a running source still yields the
// right candidate in time.
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

// yielded returns the probability, by their weights, that the sources have already yielded the
// right candidate.
func (s *search) yielded() float64 {
	total := 0.0
	for _, src := range s.sources.all {
		total += s.weight(src.strategy.Name) * (1 - src.intake.Left())
	}
	return total
}

// runsAsync reports whether this shard runs an asynchronous strategy. Only one shard does: the
// strategy may answer differently on another machine, and may cost money.
func (r *run) runsAsync(strategy string) bool {
	of := r.opt.Limits.Shard.Total
	return of <= 1 || shardOf(hashed(strategy), of) == r.opt.Limits.Shard.Index
}

func hashed(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return h.Sum64()
}
