package repair

import (
	"context"
	"maps"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// hunt is the search for the patch of one cluster. Suspects are taken in waves,
// the likeliest places first; what each wave proposes joins the pool of what is
// still to be tested, and the most promising of the pool is screened. Everything
// plausible that the budget allows to find is ranked before the best is proven;
// only where one patch leaves the others far behind is it taken at once.
type hunt struct {
	*run
	v          *validate.Validator
	target     validate.Target
	problem    *propose.Problem
	turn       int // among the hunts for this cluster
	strategies []propose.Strategy
	weight     func(strategy string) float64

	pool    []propose.Candidate // proposed, not tested
	results []validate.Result   // tested
}

// The turns of the hunts for a cluster: one begins when the one before found nothing.
const (
	turnImports = iota + 1
	turnMain
	turnLast
)

const (
	// waveLines is how many suspicious lines the first wave takes; each that
	// follows takes three times as many.
	waveLines = 100
	// firstLook is how many of the likeliest are tested before it is asked whether that
	// is enough: many a patch is among them. Each look takes furtherLook times as many
	// as the one before, so that builds are well used, and perWave at the most.
	firstLook   = 400
	furtherLook = 3
	perWave     = 4000
)

// do hunts until the pool is empty or the time for it over, and keeps the winner.
func (h *hunt) do(ctx context.Context) (*validate.Result, error) {
	if len(h.strategies) == 0 && len(h.pool) == 0 {
		return nil, nil
	}
	screen, last, cancel := h.screening(ctx)
	defer cancel()
	suspects := h.problem.Repairable(h.problem.Suspects)
	waves, whole := waves(suspects), mass(suspects)
	var winner *validate.Result
	began, look := time.Now(), firstLook
	ahead := 1.0 // share of the suspicion in the waves to come
	if len(h.strategies) == 0 {
		waves = nil
	}
	for screen.Err() == nil && (len(waves) > 0 || len(h.pool) > 0) {
		if len(waves) > 0 && h.due(mass(waves[0])/whole) {
			share := mass(waves[0]) / whole
			ahead -= share
			h.problem.Suspect(waves[0], share)
			h.pool = append(h.pool, h.propose(ctx, screen)...)
			h.decide(screen)
			waves = waves[1:]
		}
		h.screen(screen, look)
		look = min(look*furtherLook, perWave)
		odds := h.odds(max(ahead, 0), h.reach(screen, time.Since(began)))
		h.Log.Debug("looked", "tested", len(h.results), "odds", odds)
		if h.clear() || odds > enoughOdds {
			ranked := h.ranked()
			if winner = h.prove(ctx, ranked[:min(len(ranked), firstProven)]); winner != nil {
				break
			}
		}
		if screen.Err() != nil && len(h.ranked()) == 0 {
			screen = last // there is nothing yet that confirmation would need the time for
		}
	}
	h.problem.Suspect(suspects, 1)
	if winner == nil {
		winner = h.confirm(ctx)
	}
	h.tell(winner)
	if winner == nil {
		return nil, nil
	}
	files, err := winner.Candidate.Files(h.v.Tree)
	if err != nil {
		return nil, err
	}
	maps.Copy(h.kept, files)
	return winner, nil
}

// due tells whether a wave with this share of the suspicion promises more than the best
// that wait in the pool: proposing takes time that these could be tested in.
func (h *hunt) due(share float64) bool {
	if len(h.pool) < perWave {
		return true
	}
	propose.Order(h.pool, h.weight, cost)
	waiting, wave := 0.0, 0.0
	for i := range h.pool[:perWave] {
		waiting += h.pool[i].Chance()
	}
	for _, s := range h.strategies {
		wave += share * h.weight(s.Name) * h.part()
	}
	return wave > waiting
}

// screening is the time for screening: what confirmation is likely to take is left
// over, a tenth of the time at least and two fifths at most. The last of it is only for
// a search that has found nothing by then.
func (h *hunt) screening(ctx context.Context) (soft, last context.Context, cancel context.CancelFunc) {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline).Seconds()
	// The failing tests, the dependents, the suite and the repeats, of two candidates.
	confirm := 2 * 3 * h.first.Seconds
	until := func(share float64) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Duration(share*float64(time.Second)))
	}
	last, cancelLast := until(left * 9 / 10)
	soft, cancelSoft := until(left - min(max(confirm, left/10), left*2/5))
	return soft, last, func() { cancelSoft(); cancelLast() }
}

// waves splits the suspects.
func waves(suspects []localize.Suspect) [][]localize.Suspect {
	var out [][]localize.Suspect
	lines, limit, start := 0, waveLines, 0
	for i, s := range suspects {
		lines += s.End - s.Start + 1
		if lines >= limit {
			out = append(out, suspects[start:i+1])
			lines, limit, start = 0, limit*3, i+1
		}
	}
	if start < len(suspects) || len(suspects) == 0 {
		out = append(out, suspects[start:])
	}
	return out
}

// mass is the suspicion of all lines together; 1 when there is none, so that it
// can be divided by.
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

// propose generates the candidates of a wave, less those that failed on this very
// tree before.
func (h *hunt) propose(ctx, screen context.Context) []propose.Candidate {
	defer h.clock.start("propose")()
	h.Progress("propose", "generating candidates", 0, 0)
	cands, errs := propose.Generate(screen, h.problem, h.strategies)
	for _, err := range errs {
		h.Log.Warn("a strategy could not propose", "error", err)
	}
	cands = h.mine(cands)
	h.report.Stats.Generated += len(cands)
	return h.dropTried(ctx, h.target.Failures, cands)
}

// decideShare is the share of the remaining time that a wave's holes may take.
const decideShare = 0.3

// maxHoles bounds how many holes are looked into in one wave.
const maxHoles = 1500

// decide finds out in which of the pool's holes a condition could mend anything.
func (h *hunt) decide(ctx context.Context) {
	promise := make(map[*propose.Hole]float64)
	var holes []*propose.Hole
	for i := range h.pool {
		c := &h.pool[i]
		if c.Hole == nil || c.Hole.Answer != propose.Unknown {
			continue
		}
		if promise[c.Hole] == 0 {
			holes = append(holes, c.Hole)
		}
		promise[c.Hole] += c.Suspicion * c.Prior * h.weight(c.Strategy)
	}
	if len(holes) == 0 {
		return
	}
	sort.SliceStable(holes, func(i, j int) bool { return promise[holes[i]] > promise[holes[j]] })
	deadline, _ := ctx.Deadline()
	share, cancel := context.WithTimeout(ctx, time.Duration(float64(time.Until(deadline))*decideShare))
	defer cancel()
	h.Progress("validate", "looking where a condition would help", 0, 0)
	holes = holes[:min(len(holes), maxHoles)]
	spent := h.v.ProbeHoles(share, h.target, holes)
	yes := 0
	for _, hole := range holes {
		if hole.Answer == propose.Yes {
			yes++
		}
	}
	h.Log.Debug("holes", "asked", len(holes), "yes", yes, "check", spent.TypeCheck, "build", spent.Build, "run", spent.Run)
	h.clock.add("propose", spent.TypeCheck)
	h.clock.add("build", spent.Build)
	h.clock.add("validate", spent.Run)
}

// screen tests the most promising n candidates of the pool.
func (h *hunt) screen(ctx context.Context, n int) {
	propose.Order(h.pool, h.weight, cost)
	n = min(n, len(h.pool))
	now := slices.Clone(h.pool[:n])
	h.pool = h.pool[n:]
	before := len(h.results)
	h.v.Progress = func(done, _, plausible int) {
		h.Progress("validate", plural(len(h.ranked())+plausible, "plausible candidate"), before+done, before+n+len(h.pool))
	}
	results, spent := h.v.Screen(ctx, h.target, now)
	h.results = append(h.results, results...)
	h.clock.add("propose", spent.TypeCheck)
	h.clock.add("build", spent.Build)
	h.clock.add("validate", spent.Run)
}

// ranked is what is plausible, the best first.
func (h *hunt) ranked() []*validate.Result { return h.rank(h.results) }

// enoughTested is the share of all that strategies and suspects promise that has to
// be tested before a single patch can be clear.
const enoughTested = 0.5

// enoughOdds is how much likelier it has to be that the right patch is found already
// than that it is still to come, before the search ends.
const enoughOdds = 2

// firstProven is how many are proven before a search is ended early.
const firstProven = 3

// reach is how many more candidates can be tested before the context ends, by the pace
// so far.
func (h *hunt) reach(ctx context.Context, took time.Duration) float64 {
	deadline, ok := ctx.Deadline()
	if !ok || took <= 0 {
		return math.Inf(1)
	}
	return float64(len(h.results)) * max(time.Until(deadline).Seconds(), 0) / took.Seconds()
}

// odds are how much likelier the right patch is among what is plausible than among what
// is left: of the pool and of the waves to come, whose share of the suspicion is given,
// as many as are within reach. That a patch passes speaks for it as much as passing is
// rare: how rare it is for wrong ones, the search itself has shown.
func (h *hunt) odds(waves, reach float64) float64 {
	plausible, left := 0.0, 0.0
	for _, r := range h.ranked() {
		plausible += r.Candidate.Chance()
	}
	if plausible == 0 {
		return 0
	}
	propose.Order(h.pool, h.weight, cost)
	for i := range h.pool[:int(min(reach, float64(len(h.pool))))] {
		left += h.pool[i].Chance()
	}
	// The waves to come bring as many for their share as those before did.
	toCome := waves / max(1-waves, 0.01) * float64(len(h.results)+len(h.pool))
	for _, s := range h.strategies {
		left += waves * h.weight(s.Name) * h.part() * min(1, reach/max(toCome, 1))
	}
	if left == 0 {
		return math.Inf(1)
	}
	return plausible / h.byChance() / left
}

// byChance is the share of wrong candidates that passes; 0 when nothing does.
func (h *hunt) byChance() float64 {
	tested, passed := 0.0, 0.0
	for _, r := range h.results {
		switch r.Verdict {
		case validate.Plausible, validate.Verified:
			passed++
			tested++
		case validate.Rejected, validate.Refused:
			tested++
		}
	}
	return max(passed-0.5, 0) / max(tested, 1) // one of them may be the right one
}

// rivals is what plausible candidates are worth together that the pool would still come
// to, by how many passed so far.
func (h *hunt) rivals() float64 {
	sum, means := 0.0, h.means()
	for i := range h.pool {
		sum += worth(&h.pool[i], means)
	}
	return sum * h.byChance()
}

// clear tells whether one patch is so far ahead that searching on is idle.
func (h *hunt) clear() bool {
	ranked := h.ranked()
	if len(ranked) == 0 || confidence(ranked[0], ranked, h.rivals(), h.means()) < h.Confidence {
		return false
	}
	tested, promised := 0.0, 0.0
	for _, r := range h.results {
		tested += r.Candidate.Score
	}
	for _, s := range h.strategies {
		promised += h.weight(s.Name) * h.part()
	}
	return tested >= enoughTested*promised
}

// maxConfirmed bounds how many candidates are taken through the whole suite.
const maxConfirmed = 15

// confirm proves the plausible ones in their order until one is verified.
func (h *hunt) confirm(ctx context.Context) *validate.Result {
	if winner := h.prove(ctx, h.ranked()); winner != nil || ctx.Err() != nil {
		return winner
	}
	// Nothing mends all: the failures have more than one cause. What mends the most
	// of them without breaking anything is a cluster of its own.
	before := len(h.ranked())
	if h.target.Failures[0].Kind == testrun.Compile {
		h.target.Revealed = true
		promoteCompiling(h.results)
	} else {
		promote(h.results)
	}
	if more := h.ranked(); len(more) > before {
		return h.prove(ctx, more)
	}
	return nil
}

// prove takes the plausible ones through every proof until one is verified.
func (h *hunt) prove(ctx context.Context, plausible []*validate.Result) *validate.Result {
	defer h.clock.start("confirm")()
	for i, res := range plausible {
		if i == maxConfirmed || ctx.Err() != nil {
			break
		}
		h.Progress("confirm", res.Candidate.Title, i+1, min(len(plausible), maxConfirmed))
		if err := h.v.Confirm(ctx, h.target, res); err != nil {
			if ctx.Err() == nil {
				h.Log.Warn("a candidate could not be confirmed", "candidate", res.Candidate.Title, "error", err)
			}
			continue
		}
		if res.Verdict == validate.Verified {
			return res
		}
	}
	return nil
}

// promoteCompiling makes those results plausible that make the package compile and
// leave the fewest of its tests red: what only then can be seen is another cause.
func promoteCompiling(results []validate.Result) {
	least := -1
	for _, res := range results {
		if res.Compiles && res.Verdict == validate.Rejected && (least < 0 || res.Left < least) {
			least = res.Left
		}
	}
	for i := range results {
		if res := &results[i]; res.Compiles && res.Verdict == validate.Rejected && res.Left == least {
			res.Verdict = validate.Plausible
		}
	}
}

// promote makes those rejected results plausible that fix the most of the tests.
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

// maxUntested bounds how many of the candidates whose turn did not come are in the
// ledger: the likeliest. All of them are counted.
const maxUntested = 1000

// tell puts the hunt into the report and into the lessons.
func (h *hunt) tell(winner *validate.Result) {
	untested := make([]validate.Result, min(len(h.pool), maxUntested))
	for i := range untested {
		untested[i] = validate.Result{
			Candidate: &h.pool[i], Verdict: validate.Pruned, Stage: validate.StagePropose, Reason: "the search ended before its turn",
		}
	}
	h.tellAttempts(h.results)
	h.tellAttempts(untested)
	h.report.Stats.Pruned += len(h.pool) - len(untested)
	samples := h.v.Samples()
	h.report.Stats.Sampled += samples.Tried
	h.report.Stats.WrongNo += samples.Passed
	var plausible []*validate.Result
	for i := range h.results {
		switch h.results[i].Verdict {
		case validate.Plausible, validate.Verified, validate.Refused:
			plausible = append(plausible, &h.results[i])
		}
	}
	means := h.means()
	sort.SliceStable(plausible, func(i, j int) bool {
		return worth(plausible[i].Candidate, means) > worth(plausible[j].Candidate, means)
	})
	h.tellPatches(plausible, winner)
	h.learnFrom(h.results, winner, h.target)
}

// means are the expected shares of the strategies.
func (r *run) means() map[string]float64 {
	means := make(map[string]float64, len(r.Strategies))
	for _, s := range r.Strategies {
		means[s.Name] = r.posterior(s).Mean()
	}
	return means
}

// cost is the expected time of testing a candidate, in units of one that can share
// a build with others: what needs a build of its own costs tens of times as much.
func cost(c *propose.Candidate) float64 {
	if c.Whole {
		return 20
	}
	return 1
}
