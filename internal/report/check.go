package report

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The values of the enums in the schema.
var (
	verdicts        = []Verdict{Green, Known, Flaky, Fixed, Proposed, Partial, Red, NotRun}
	modes           = []string{"development", "production"}
	policies        = []string{"auto", "always", "never"}
	failureStatuses = []FailureStatus{FailureNew, FailureKnown, FailureFlaky, FailureFixed}
	clusterStatuses = []ClusterStatus{ClusterRepaired, ClusterRed}
	patchStates     = []PatchState{PatchPlausible, PatchVerified, PatchRefused}
	evidenceSteps   = []Stage{StageFailingTests, StageDependents, StageSuite, StageRepeat}
	attemptStages   = []Stage{
		StagePropose, StageTypeCheck, StageScreen, StageFailingTests, StageDependents, StageSuite, StageRepeat,
	}
	attemptVerdicts = []AttemptVerdict{
		AttemptPruned, AttemptIllTyped, AttemptRejected, AttemptPlausible, AttemptVerified, AttemptRefused,
	}
	alertLevels    = []Level{LevelWarning, LevelError}
	receiptStates  = []ReceiptState{ReceiptSent, ReceiptSkipped, ReceiptFailed}
	resultStatuses = []ResultStatus{ResultPassed, ResultFailed, ResultSkipped, ResultFlaky}
	runStages      = []string{"detect", "test", "localize", "propose", "build", "validate", "confirm", "report"}
)

// words returns the values as plain strings.
func words[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// ids matches identifiers. They are printed inside commands that users copy, so they hold
// nothing that a shell or an option parser acts on.
var ids = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,127}$`) })

// Check returns an error for the first value of r that the schema does not allow, with its
// path, or nil.
func (r *Report) Check() error {
	c := &checker{}
	oneOf(c, "verdict", r.Verdict, verdicts)
	c.id("id", r.ID)
	if r.Verdict == NotRun && r.Problem == nil {
		c.fail("problem", "is missing, although the verdict is %s", NotRun)
	}
	oneOf(c, "environment.mode", r.Environment.Mode, modes)
	oneOf(c, "environment.policy", r.Environment.Policy, policies)
	c.atLeastZero("environment.budget", r.Environment.Budget)
	c.shard(r.Shard)
	c.tests("tests", r.Tests)
	for i, f := range r.Failures {
		at := fmt.Sprintf("failures[%d].", i)
		oneOf(c, at+"status", f.Status, failureStatuses)
		c.path(at+"file", f.File)
		c.atLeastZero(at+"line", float64(f.Line))
		c.atLeastZero(at+"truncated", float64(f.Truncated))
		c.index(at+"cluster", f.Cluster, len(r.Clusters))
	}
	for i, cl := range r.Clusters {
		at := fmt.Sprintf("clusters[%d].", i)
		oneOf(c, at+"status", cl.Status, clusterStatuses)
		if cl.Patch != "" {
			c.id(at+"patch", cl.Patch)
		}
	}
	if r.Origin != nil {
		c.atLeastZero("origin", float64(min(r.Origin.CommitsTested, r.Origin.CommitsTotal)))
	}
	if r.Culprit != nil {
		c.spans("culprit.files", r.Culprit.Files)
		c.atLeastZero("culprit.tests", float64(r.Culprit.SubsetsTested))
	}
	for i := range r.Patches {
		c.patch(fmt.Sprintf("patches[%d].", i), &r.Patches[i], len(r.Clusters))
	}
	for i, s := range r.Suspects {
		at := fmt.Sprintf("suspects[%d]", i)
		c.spans(at, []Span{s.Span})
		c.share(at+".score", s.Score)
	}
	for i, a := range r.Attempts {
		at := fmt.Sprintf("attempts[%d].", i)
		c.id(at+"id", a.ID)
		if a.Candidate != "" {
			c.id(at+"candidate", a.Candidate)
		}
		c.path(at+"file", a.File)
		c.atLeastZero(at+"line", float64(a.Line))
		oneOf(c, at+"stage", a.Stage, attemptStages)
		oneOf(c, at+"verdict", a.Verdict, attemptVerdicts)
		c.atLeastZero(at+"seconds", a.Seconds)
		c.origin(at+"origin", a.Origin)
	}
	s := r.Stats
	c.atLeastZero("stats", float64(min(s.Generated, s.Pruned, s.IllTyped, s.Validated, s.Plausible, s.Verified, s.Sampled, s.WronglyRejected)))
	c.atLeastZero("stats.dollars", s.Dollars)
	c.atLeastZero("stats.first_verdict_seconds", s.FirstVerdictSeconds)
	if s.WronglyRejected > s.Sampled {
		c.fail("stats.wrongly_rejected", "is more than stats.sampled")
	}
	for _, stage := range slices.Sorted(maps.Keys(s.Seconds)) {
		oneOf(c, "stats.seconds", stage, runStages)
		c.atLeastZero("stats.seconds."+stage, s.Seconds[stage])
	}
	for i, a := range r.Alerts {
		oneOf(c, fmt.Sprintf("alerts[%d].level", i), a.Level, alertLevels)
	}
	c.learning(r.Learning)
	for i, rc := range r.Receipts {
		at := fmt.Sprintf("receipts[%d].", i)
		c.id(at+"channel", rc.Channel)
		oneOf(c, at+"state", rc.State, receiptStates)
		c.atLeastZero(at+"tries", float64(rc.Tries))
		c.atLeastZero(at+"seconds", rc.Seconds)
	}
	if r.Replay != nil {
		for _, weights := range r.Replay.Weights {
			for _, w := range weights {
				c.atLeastZero("replay.weights", w)
			}
		}
	}
	for i := range r.Results {
		if c.err != nil {
			break // there can be many
		}
		c.result(i, &r.Results[i])
	}
	return c.err
}

func (c *checker) shard(s *Shard) {
	if s != nil && (s.Index < 1 || s.Index > s.Total || s.Total > MaxShards) {
		c.fail("shard", "is %d of %d, expected 1 to total, and a total of at most %d", s.Index, s.Total, MaxShards)
	}
}

func (c *checker) ranking(at string, s *Ranking) {
	if s == nil {
		return
	}
	c.atLeastZero(at, float64(min(s.Phase, s.Fixes, s.StillFailing)))
	c.atLeastZero(at+".likelihood", s.Likelihood)
	c.atLeastZero(at+".rival_likelihood", s.RivalLikelihood)
	c.share(at+".removed", s.Removed)
}

func (c *checker) origin(at string, o *PatchOrigin) {
	if o != nil {
		c.atLeastZero(at+".seconds", o.Seconds)
		c.atLeastZero(at+".dollars", o.Dollars)
	}
}

func (c *checker) learning(l *Learning) {
	if l == nil {
		return
	}
	for i, p := range l.Strategies {
		c.atLeastZero(fmt.Sprintf("learning.strategies[%d]", i), min(p.Alpha, p.Beta))
	}
	for i, p := range l.Trend {
		at := fmt.Sprintf("learning.trend[%d]", i)
		c.atLeastZero(at, float64(min(p.Runs, p.Repaired)))
		if p.Repaired > p.Runs {
			c.fail(at, "has more repaired than runs")
		}
	}
}

func (c *checker) result(i int, res *Result) {
	at := func(field string) string { return fmt.Sprintf("results[%d].%s", i, field) }
	if !slices.Contains(resultStatuses, res.Status) {
		oneOf(c, at("status"), res.Status, resultStatuses)
	}
	if res.File != "" && !fs.ValidPath(res.File) {
		c.path(at("file"), res.File)
	}
	if !(res.Seconds >= 0 && res.Seconds <= maxNumber && res.Line >= 0 && res.Tries >= 0) {
		c.fail(fmt.Sprintf("results[%d]", i), "has seconds, line or tries that are not a number of at least 0")
	}
}

func (c *checker) tests(at string, t Tests) {
	c.atLeastZero(at, float64(min(t.Packages, t.Passed, t.Failed, t.Skipped, t.UnaffectedPackages, t.UnfinishedPackages, t.UnrunParts)))
}

// typable reports whether id is safe in a command that users copy.
func typable(id string) bool { return ids().MatchString(id) }

// checker keeps the first error.
type checker struct{ err error }

func (c *checker) fail(at, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("report: %s %s", at, fmt.Sprintf(format, args...))
	}
}

func oneOf[T ~string](c *checker, at string, got T, allowed []T) {
	if !slices.Contains(allowed, got) {
		c.fail(at, "is %.40q, not one of %s", string(got), strings.Join(words(allowed), ", "))
	}
}

func (c *checker) id(at, got string) {
	if !typable(got) {
		c.fail(at, "is %.40q, not an identifier", got)
	}
}

// path allows a slash-separated path inside the tree, or an empty one.
func (c *checker) path(at, got string) {
	if got != "" && !fs.ValidPath(got) {
		c.fail(at, "is %.80q, not a path inside the tree", got)
	}
}

// atLeastZero also refuses NaN and infinity, which JSON cannot hold.
func (c *checker) atLeastZero(at string, got float64) {
	if !(got >= 0 && got <= maxNumber) {
		c.fail(at, "is %v, not a number of at least 0", got)
	}
}

// maxNumber is the largest number that every JSON reader keeps exactly. No field needs a
// larger one.
const maxNumber = 1 << 53

func (c *checker) share(at string, got float64) {
	if !(got >= 0 && got <= 1) {
		c.fail(at, "is %v, not between 0 and 1", got)
	}
}

// index allows a 1-based index into a list of n, or 0.
func (c *checker) index(at string, got, n int) {
	if got < 0 || got > n {
		c.fail(at, "is %d, but there are %d", got, n)
	}
}

func (c *checker) spans(at string, spans []Span) {
	for _, s := range spans {
		c.path(at, s.File)
		c.atLeastZero(at, float64(min(s.Start, s.End)))
	}
}

func (c *checker) patch(at string, p *Patch, clusters int) {
	c.id(at+"id", p.ID)
	c.id(at+"attempt", p.Attempt)
	c.atLeastZero(at+"rank", float64(p.Rank))
	c.index(at+"cluster", p.Cluster, clusters)
	oneOf(c, at+"state", p.State, patchStates)
	c.share(at+"confidence", p.Confidence)
	c.atLeastZero(at+"same_lines", float64(p.SameLines))
	if h := p.TrackRecord; h != nil && (h.Kept < 0 || h.Kept > h.Applied) {
		c.fail(at+"track_record", "has %d kept of %d applied", h.Kept, h.Applied)
	}
	if p.After != nil {
		c.tests(at+"after", *p.After)
	}
	for _, id := range p.StackedOn {
		c.id(at+"stacked_on", id)
	}
	c.ranking(at+"ranking", p.Ranking)
	c.origin(at+"origin", p.Origin)
	c.spans(at+"files", p.Files)
	for _, e := range p.Evidence {
		oneOf(c, at+"evidence step", e.Step, evidenceSteps)
		c.atLeastZero(at+"evidence seconds", e.Seconds)
	}
}
