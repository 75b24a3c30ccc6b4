package repair

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/plural"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// search searches for the patch of one cluster. It takes the suspects in groups, the likeliest
// places first, and adds the candidates for a group to the pool, which is still to be tested.
// Each round screens the most promising candidates of the pool; if the next group promises more
// than these, it is added first. The search ranks all plausible candidates that it finds within
// the budget before it proves the best. Only if one candidate is far ahead of the others does
// it end early. Slow strategies add to the pool alongside the search; see sources.
type search struct {
	run        *run
	cluster    *cluster
	target     validate.Target // of the cluster; confirm may change it
	phase      int             // among the searches for the cluster
	strategies []propose.Strategy
	weight     func(strategy string) float64

	pool    []propose.Candidate // not tested yet
	results []validate.Result   // tested

	sources sources       // the asynchronous strategies
	waited  time.Duration // for them
	proven  int           // number of results when idle last proved the plausible ones
}

// The phases are the searches for a cluster. Each one starts if the one before found nothing.
const (
	phaseSole = iota + 1
	phaseMain
	phaseLast
)

const (
	// firstGroup is how many suspicious lines the first group of suspects has; each following
	// group has groupGrowth times as many.
	firstGroup  = 100
	groupGrowth = 3
	// firstRound is how many of the likeliest candidates are tested before the search may end:
	// many patches are among them. Each round tests roundGrowth times as many as the one
	// before, to make good use of builds, but at most maxRound.
	firstRound  = 400
	roundGrowth = 3
	maxRound    = 4000
	// firstRoundPlain is firstRound if every candidate needs a run of the tests.
	firstRoundPlain = 8
)

// findPatch searches until the pool is empty or the time is over, and keeps the winner.
func (s *search) findPatch(ctx context.Context) (found bool, err error) {
	if len(s.strategies) == 0 && len(s.pool) == 0 {
		return false, nil
	}
	winner := s.rounds(ctx)
	if winner == nil {
		winner = s.confirm(ctx)
	}
	if winner != nil {
		s.explain(ctx, winner)
	}
	s.record(winner)
	if winner == nil {
		return false, nil
	}
	files, err := winner.Candidate.Files(s.cluster.tree)
	if err != nil {
		return false, err
	}
	maps.Copy(s.run.overlay, files)
	return true, nil
}

// explain finds the culprit, for the report, if the search found a winner without it. The place
// of the winner is where the culprit is likely to be.
func (s *search) explain(ctx context.Context, winner *validate.Result) {
	if s.cluster.sought || len(s.cluster.problem.Changes) == 0 {
		return
	}
	s.cluster.guilty = []localize.Suspect{{File: winner.Candidate.File(), Start: winner.Candidate.Line, End: winner.Candidate.Line, Score: 1}}
	s.cluster.problem.Suspect(slices.Concat(s.cluster.guilty, s.cluster.suspects), 1)
	s.run.findCulprit(ctx, s.cluster)
}

// rounds proposes and screens until nothing is left, the time is over, or a clear winner is
// proven. It returns that winner, or nil.
func (s *search) rounds(ctx context.Context) *validate.Result {
	screening, last, cancel := s.screeningTime(ctx)
	defer cancel()
	if winner := s.tryFirst(ctx, screening); winner != nil {
		return winner
	}
	if !s.cluster.localized {
		if err := s.run.localize(screening, s.cluster); err != nil {
			return nil // no time is left
		}
		if winner := s.tryFirst(ctx, screening); winner != nil { // they know more now
			return winner
		}
	}
	s.strategies = slices.DeleteFunc(slices.Clone(s.strategies), func(st propose.Strategy) bool { return st.First })
	problem := s.cluster.problem
	suspects := problem.Repairable(problem.Suspects)
	defer problem.Suspect(suspects, 1)
	s.startSources(last)
	defer s.stopSources()
	groups, whole := suspectGroups(suspects), mass(suspects)
	if len(s.strategies) == 0 {
		groups = nil
	}
	began, before, size := time.Now(), len(s.results), s.firstRound()
	ahead := 1.0 // share of the suspicion in the remaining groups
	for screening.Err() == nil {
		s.receive(ctx, screening)
		if len(groups) > 0 && s.promisesMore(mass(groups[0])/whole) {
			share := mass(groups[0]) / whole
			ahead -= share
			s.cluster.problem.Suspect(groups[0], share)
			s.pool = append(s.pool, s.propose(ctx, screening, s.strategies)...)
			s.probeHoles(screening)
			groups = groups[1:]
		}
		if len(groups) == 0 && len(s.pool) == 0 {
			if winner, over := s.idle(ctx, screening); winner != nil || over {
				return winner
			}
		} else {
			s.screen(screening, size)
			size = min(size*roundGrowth, maxRound)
			if winner := s.early(ctx, s.odds(max(ahead, 0), s.testable(screening, time.Since(began)-s.waited, len(s.results)-before))); winner != nil {
				return winner
			}
		}
		if screening.Err() != nil && len(s.ranked()) == 0 {
			screening = last // there is nothing to confirm yet
		}
	}
	return nil
}

// wholeRounds is how many rounds of tryFirst may be only for candidates that need a build of their
// own.
const wholeRounds = 2

// tryFirst screens the candidates of the strategies that come first. It returns a winner if the
// search need not continue.
func (s *search) tryFirst(ctx, screening context.Context) *validate.Result {
	var first []propose.Strategy
	for _, st := range s.strategies {
		if st.First {
			first = append(first, st)
		}
	}
	if len(first) == 0 {
		return nil
	}
	began, before := time.Now(), len(s.results)
	s.pool = append(s.pool, s.propose(ctx, screening, first)...)
	for whole := 0; whole < wholeRounds && len(s.pool) > 0 && screening.Err() == nil; {
		if !slices.ContainsFunc(s.pool, func(c propose.Candidate) bool { return !c.Whole }) {
			whole++
		}
		s.screen(screening, s.firstRound())
		s.returnPostponed()
		if winner := s.early(ctx, s.odds(1, s.testable(screening, time.Since(began), len(s.results)-before))); winner != nil {
			return winner
		}
	}
	return nil
}

// firstRound returns how many candidates to test before the search may end.
func (s *search) firstRound() int {
	if s.cluster.validator.Screener == nil {
		return firstRoundPlain
	}
	return firstRound
}

// returnPostponed moves the candidates back to the pool that the screener left out of their
// batch.
func (s *search) returnPostponed() {
	s.results = slices.DeleteFunc(s.results, func(res validate.Result) bool {
		if res.Postponed {
			c := *res.Candidate
			c.Whole = true
			s.pool = append(s.pool, c)
		}
		return res.Postponed
	})
}

// early proves the best plausible candidates if the search is unlikely to find anything
// better.
func (s *search) early(ctx context.Context, odds float64) *validate.Result {
	s.run.opt.Hooks.Log.Debug("round", "tested", len(s.results), "odds", odds)
	if !s.clearWinner() && odds <= enoughOdds {
		return nil
	}
	ranked := s.ranked()
	return s.prove(ctx, ranked[:min(len(ranked), firstProven)])
}

// promisesMore reports whether a group with this share of the suspicion promises more than the
// best candidates of the pool, which could be tested in the time that proposing takes.
func (s *search) promisesMore(share float64) bool {
	if len(s.pool) < maxRound {
		return true
	}
	propose.Order(s.pool, s.weight, cost)
	waiting := 0.0
	for i := range s.pool[:maxRound] {
		waiting += s.pool[i].Chance()
	}
	return share*s.promised() > waiting
}

// screeningTime returns the contexts for screening. Soft leaves the time that confirmation is
// likely to take: at least a tenth and at most two fifths. Last is longer, for a search that
// has found nothing when soft ends.
func (s *search) screeningTime(ctx context.Context) (soft, last context.Context, cancel context.CancelFunc) {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline).Seconds()
	// The failing tests, the dependents, the suite and the repeats, of two candidates.
	confirm := 2 * 3 * s.cluster.project.first.Seconds
	until := func(share float64) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Duration(share*float64(time.Second)))
	}
	last, cancelLast := until(left * 9 / 10)
	soft, cancelSoft := until(left - min(max(confirm, left/10), left*2/5))
	return soft, last, func() { cancelSoft(); cancelLast() }
}

// suspectGroups splits the suspects into groups, in order.
func suspectGroups(suspects []localize.Suspect) [][]localize.Suspect {
	var out [][]localize.Suspect
	lines, limit, start := 0, firstGroup, 0
	for i, s := range suspects {
		lines += s.End - s.Start + 1
		if lines >= limit {
			out = append(out, suspects[start:i+1])
			lines, limit, start = 0, limit*groupGrowth, i+1
		}
	}
	if start < len(suspects) || len(suspects) == 0 {
		out = append(out, suspects[start:])
	}
	return out
}

// mass returns the total suspicion of all lines, or 1 if that is 0, for use as a divisor.
func mass(suspects []localize.Suspect) float64 {
	total := 0.0
	for _, s := range suspects {
		total += s.Score * float64(s.End-s.Start+1)
	}
	if total == 0 {
		return 1
	}
	return total
}

// propose generates the candidates for a group of suspects, without those that failed on this
// exact tree before.
func (s *search) propose(ctx, screening context.Context, strategies []propose.Strategy) []propose.Candidate {
	r := s.run
	defer r.clock.start("propose")()
	r.opt.Hooks.Progress("propose", "generating candidates", 0, 0)
	cands, errs := propose.Generate(screening, s.cluster.problem, strategies)
	for _, err := range errs {
		r.opt.Hooks.Log.Warn("a strategy failed", "error", err)
	}
	cands = r.mine(cands)
	r.report.Stats.Generated += len(cands)
	return r.dropTried(ctx, s.target.Failures, cands)
}

// probeShare is the share of the remaining time that the holes of a round may take.
const probeShare = 0.3

// maxHoles bounds how many holes are probed in one round.
const maxHoles = 1500

// probeHoles finds out in which of the pool's holes a condition could help.
func (s *search) probeHoles(ctx context.Context) {
	promise := make(map[*propose.Hole]float64)
	var holes []*propose.Hole
	for i := range s.pool {
		c := &s.pool[i]
		if c.Hole == nil || c.Hole.Answer != propose.Unknown {
			continue
		}
		if promise[c.Hole] == 0 {
			holes = append(holes, c.Hole)
		}
		promise[c.Hole] += c.Suspicion * c.Prior * s.weight(c.Strategy)
	}
	if len(holes) == 0 {
		return
	}
	sort.SliceStable(holes, func(i, j int) bool { return promise[holes[i]] > promise[holes[j]] })
	deadline, _ := ctx.Deadline()
	share, cancel := context.WithTimeout(ctx, time.Duration(float64(time.Until(deadline))*probeShare))
	defer cancel()
	s.run.opt.Hooks.Progress("validate", "probing conditions", 0, 0)
	holes = holes[:min(len(holes), maxHoles)]
	spent := s.cluster.validator.ProbeHoles(share, s.target, holes)
	yes := 0
	for _, hole := range holes {
		if hole.Answer == propose.Yes {
			yes++
		}
	}
	s.run.opt.Hooks.Log.Debug("holes", "asked", len(holes), "yes", yes, "check", spent.TypeCheck, "build", spent.Build, "run", spent.Run)
	s.run.clock.addSpent(spent)
}

// screen tests the n most promising candidates of the pool.
func (s *search) screen(ctx context.Context, n int) {
	propose.Order(s.pool, s.weight, cost)
	n = min(n, len(s.pool))
	now := slices.Clone(s.pool[:n])
	s.pool = s.pool[n:]
	before := len(s.results)
	validator := s.cluster.validator
	validator.Progress = func(done, _, plausible int) {
		s.run.reportFirstVerdict()
		s.run.opt.Hooks.Progress("validate", plural.Count(len(s.ranked())+plausible, "plausible candidate"), before+done, before+n+len(s.pool))
	}
	results, spent := validator.Screen(ctx, s.target, now)
	s.results = append(s.results, results...)
	s.run.clock.addSpent(spent)
}

// ranked returns the plausible results, the best first.
func (s *search) ranked() []*validate.Result { return s.run.rank(s.results) }

// maxConfirmed bounds how many candidates are confirmed.
const maxConfirmed = 15

// confirm proves the plausible candidates in order until one is verified.
func (s *search) confirm(ctx context.Context) *validate.Result {
	if winner := s.prove(ctx, s.ranked()); winner != nil || ctx.Err() != nil {
		return winner
	}
	// No candidate fixes all: the failures have more than one cause. The failures that the best
	// candidates fix become a cluster of their own.
	before := len(s.ranked())
	if s.target.Failures[0].Kind.Unbuilt() {
		s.target.Revealed = true
		promoteCompiling(s.results)
	} else {
		promote(s.results)
	}
	if more := s.ranked(); len(more) > before {
		return s.prove(ctx, more)
	}
	return nil
}

// prove confirms plausible candidates until one is verified.
func (s *search) prove(ctx context.Context, plausible []*validate.Result) *validate.Result {
	defer s.run.clock.start("confirm")()
	for i, res := range plausible {
		if i == maxConfirmed || ctx.Err() != nil {
			break
		}
		s.run.opt.Hooks.Progress("confirm", res.Candidate.Title, i+1, min(len(plausible), maxConfirmed))
		if err := s.cluster.validator.Confirm(ctx, s.target, res); err != nil {
			if ctx.Err() == nil {
				s.run.opt.Hooks.Log.Warn("cannot confirm a candidate", "candidate", res.Candidate.Title, "error", err)
			}
			continue
		}
		if res.Verdict == validate.Verified && s.sparesOthers(ctx, res) {
			return res
		}
	}
	return nil
}

// sparesOthers reports whether a verified candidate leaves the other projects as green as
// before. Otherwise it refuses the candidate, or makes it plausible again if their tests
// cannot run.
func (s *search) sparesOthers(ctx context.Context, res *validate.Result) bool {
	var files map[string][]byte
	for _, q := range s.run.projects {
		if q == s.cluster.project || q.first == nil {
			continue
		}
		if files == nil {
			var err error
			if files, err = validate.Files(s.cluster.tree, res.Candidate); err != nil {
				res.Verdict, res.Reason = validate.Plausible, err.Error()
				return false
			}
		}
		req := testrun.Request{Packages: q.reached, Overlay: files, OnDisk: true, Timeout: s.run.opt.Limits.Timeout}
		others, err := q.Suite.Run(ctx, req)
		var vanished []testrun.TestID
		if err == nil {
			v := &validate.Validator{Suite: q.Suite, Tree: s.cluster.tree}
			vanished, err = v.Vanished(ctx, req, q.first.Passed, others)
		}
		if err != nil {
			res.Verdict, res.Reason = validate.Plausible, fmt.Sprintf("cannot run `%s` with it: %v", q, err)
			if ctx.Err() != nil {
				res.Reason = fmt.Sprintf("no time left to run `%s` with it", q)
			}
			return false
		}
		for _, f := range others.Failures {
			if !contains(q.red, f.TestID) {
				res.Verdict, res.Stage, res.Reason = validate.Refused, validate.StageSuite, fmt.Sprintf("%s fails: %s", f.TestID, f.Message)
				return false
			}
		}
		if len(vanished) > 0 {
			res.Verdict, res.Stage, res.Reason = validate.Refused, validate.StageSuite, vanished[0].String()+" no longer runs"
			return false
		}
	}
	return true
}

// promoteCompiling makes the results plausible that make the package compile and leave the
// fewest of its tests red. Failures that only show now have another cause.
func promoteCompiling(results []validate.Result) {
	least := -1
	for _, res := range results {
		if res.Compiles && res.Verdict == validate.Rejected && (least < 0 || res.StillFailing < least) {
			least = res.StillFailing
		}
	}
	for i := range results {
		if res := &results[i]; res.Compiles && res.Verdict == validate.Rejected && res.StillFailing == least {
			res.Verdict = validate.Plausible
		}
	}
}

// promote makes the rejected results plausible that fix the most tests.
func promote(results []validate.Result) {
	most := 0
	for _, res := range results {
		most = max(most, len(res.Fixes))
	}
	for i := range results {
		if most > 0 && len(results[i].Fixes) == most && results[i].Verdict == validate.Rejected {
			results[i].Verdict = validate.Plausible
		}
	}
}

// maxUntested bounds how many untested candidates are in the ledger: the likeliest. All of
// them are counted.
const maxUntested = 1000

// record adds the results of the search to the report and to the lessons.
func (s *search) record(winner *validate.Result) {
	r := s.run
	untested := make([]validate.Result, min(len(s.pool), maxUntested))
	for i := range untested {
		untested[i] = validate.Result{
			Candidate: &s.pool[i], Verdict: validate.Pruned, Stage: validate.StagePropose, Reason: "the search ended before its turn",
		}
	}
	r.reportAttempts(s.results)
	r.reportAttempts(untested)
	r.report.Stats.Pruned += len(s.pool) - len(untested)
	samples := s.cluster.validator.Samples()
	r.report.Stats.Sampled += samples.Tried
	r.report.Stats.WronglyRejected += samples.Passed
	var plausible []*validate.Result
	for i := range s.results {
		switch s.results[i].Verdict {
		case validate.Plausible, validate.Verified, validate.Refused:
			plausible = append(plausible, &s.results[i])
		}
	}
	means := r.priorMeans()
	sort.SliceStable(plausible, func(i, j int) bool {
		return likelihood(plausible[i].Candidate, means) > likelihood(plausible[j].Candidate, means)
	})
	s.reportPatches(plausible, winner)
	r.learnFrom(s, winner)
}

// cost returns the expected time of testing a candidate. One that can share a build with
// others has 1; one that needs a build of its own takes many times as long.
func cost(c *propose.Candidate) float64 {
	if c.Whole {
		return 20
	}
	return 1
}
