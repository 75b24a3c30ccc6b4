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

// The values that the schema allows where it lists them.
var (
	verdicts = []string{
		string(Green), string(Known), string(Flaky), string(Fixed),
		string(Proposed), string(Partial), string(Red), string(NotRun),
	}
	modes           = []string{"development", "production"}
	policies        = []string{"auto", "always", "never"}
	failureStatuses = []string{"new", "known", "flaky", "fixed"}
	clusterStatuses = []string{"repaired", "red"}
	patchStates     = []string{"plausible", "verified", "refused"}
	evidenceSteps   = []string{"failing-tests", "dependents", "suite", "repeat"}
	attemptStages   = []string{"propose", "type-check", "screen", "failing-tests", "dependents", "suite", "repeat"}
	attemptVerdicts = []string{"pruned", "ill_typed", "rejected", "plausible", "verified", "refused"}
	alertLevels     = []string{"warning", "error"}
	receiptStates   = []string{"sent", "skipped", "failed"}
	resultStatuses  = []string{"passed", "failed", "skipped", "flaky"}
	runStages       = []string{"detect", "test", "localize", "propose", "build", "validate", "confirm", "report"}
)

// ids is what an identifier may look like. It is printed inside commands to be
// copied, so nothing that a shell or an option parser would act on is allowed.
var ids = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,127}$`) })

// Check tells the first value of r that the schema does not allow, with its
// place, or nil.
func (r *Report) Check() error {
	c := checker{}
	c.oneOf("verdict", string(r.Verdict), verdicts)
	c.id("id", r.ID)
	if r.Verdict == NotRun && r.Problem == nil {
		c.fail("problem", "is missing, and the verdict is %s", NotRun)
	}
	c.oneOf("environment.mode", r.Environment.Mode, modes)
	c.oneOf("environment.policy", r.Environment.Policy, policies)
	c.atLeastZero("environment.budget", r.Environment.Budget)
	c.shard(r.Shard)
	c.tests("tests", r.Tests)
	for i, f := range r.Failures {
		at := fmt.Sprintf("failures[%d].", i)
		c.oneOf(at+"status", f.Status, failureStatuses)
		c.path(at+"file", f.File)
		c.atLeastZero(at+"line", float64(f.Line))
		c.atLeastZero(at+"truncated", float64(f.Truncated))
		c.index(at+"cluster", f.Cluster, len(r.Clusters))
	}
	for i, cl := range r.Clusters {
		at := fmt.Sprintf("clusters[%d].", i)
		c.oneOf(at+"status", cl.Status, clusterStatuses)
		if cl.Patch != "" {
			c.id(at+"patch", cl.Patch)
		}
	}
	if r.Origin != nil {
		c.atLeastZero("origin", float64(min(r.Origin.Tests, r.Origin.Of)))
	}
	if r.Culprit != nil {
		c.spans("culprit.files", r.Culprit.Files)
		c.atLeastZero("culprit.tests", float64(r.Culprit.Tests))
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
		c.oneOf(at+"stage", a.Stage, attemptStages)
		c.oneOf(at+"verdict", a.Verdict, attemptVerdicts)
		c.atLeastZero(at+"seconds", a.Seconds)
		c.origin(at+"origin", a.Origin)
	}
	s := r.Stats
	c.atLeastZero("stats", float64(min(s.Generated, s.Pruned, s.IllTyped, s.Validated, s.Plausible, s.Verified, s.Sampled, s.WrongNo)))
	c.atLeastZero("stats.dollars", s.Dollars)
	if s.WrongNo > s.Sampled {
		c.fail("stats.wrong_no", "is more than were sampled")
	}
	for _, stage := range slices.Sorted(maps.Keys(s.Seconds)) {
		c.oneOf("stats.seconds", stage, runStages)
		c.atLeastZero("stats.seconds."+stage, s.Seconds[stage])
	}
	for i, a := range r.Alerts {
		c.oneOf(fmt.Sprintf("alerts[%d].level", i), a.Level, alertLevels)
	}
	c.learning(r.Learning)
	for i, rc := range r.Receipts {
		at := fmt.Sprintf("receipts[%d].", i)
		c.id(at+"channel", rc.Channel)
		c.oneOf(at+"state", rc.State, receiptStates)
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
			break // there may be many
		}
		c.result(i, &r.Results[i])
	}
	return c.err
}

func (c *checker) shard(s *Shard) {
	if s != nil && (s.Index < 1 || s.Index > s.Of || s.Of > MaxShards) {
		c.fail("shard", "is %d of %d, and there are %d at the most", s.Index, s.Of, MaxShards)
	}
}

func (c *checker) standing(at string, s *Standing) {
	if s == nil {
		return
	}
	c.atLeastZero(at, float64(min(s.Turn, s.Fixes, s.Left)))
	c.atLeastZero(at+".worth", s.Worth)
	c.atLeastZero(at+".rivals", s.Rivals)
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
			c.fail(at, "has more repaired than there were")
		}
	}
}

func (c *checker) result(i int, res *Result) {
	at := func(field string) string { return fmt.Sprintf("results[%d].%s", i, field) }
	if !slices.Contains(resultStatuses, res.Status) {
		c.oneOf(at("status"), res.Status, resultStatuses)
	}
	if res.File != "" && !fs.ValidPath(res.File) {
		c.path(at("file"), res.File)
	}
	if !(res.Seconds >= 0 && res.Seconds <= maxNumber && res.Line >= 0 && res.Tries >= 0) {
		c.fail(at("seconds"), "or line or tries is not a number from 0 up")
	}
}

func (c *checker) tests(at string, t Tests) {
	c.atLeastZero(at, float64(min(t.Packages, t.Passed, t.Failed, t.Skipped, t.Unreached, t.Late)))
}

// typable tells whether id can stand in a command that a person copies.
func typable(id string) bool { return ids().MatchString(id) }

// checker keeps the first thing that is wrong.
type checker struct{ err error }

func (c *checker) fail(at, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("report: %s %s", at, fmt.Sprintf(format, args...))
	}
}

func (c *checker) oneOf(at, got string, allowed []string) {
	if !slices.Contains(allowed, got) {
		c.fail(at, "is %.40q, not one of %s", got, strings.Join(allowed, ", "))
	}
}

func (c *checker) id(at, got string) {
	if !typable(got) {
		c.fail(at, "is %.40q, not an identifier", got)
	}
}

// path allows a slash-separated path inside the tree, or none.
func (c *checker) path(at, got string) {
	if got != "" && !fs.ValidPath(got) {
		c.fail(at, "is %.80q, not a path inside the tree", got)
	}
}

// atLeastZero refuses NaN too, and infinity, which JSON cannot hold.
func (c *checker) atLeastZero(at string, got float64) {
	if !(got >= 0 && got <= maxNumber) {
		c.fail(at, "is %v, not a number from 0 up", got)
	}
}

// maxNumber is the largest number any field has use for, and the largest that
// every reader of JSON keeps exactly.
const maxNumber = 1 << 53

func (c *checker) share(at string, got float64) {
	if !(got >= 0 && got <= 1) {
		c.fail(at, "is %v, not between 0 and 1", got)
	}
}

// index allows a 1-based index into n things, or 0.
func (c *checker) index(at string, got, n int) {
	if got < 0 || got > n {
		c.fail(at, "is %d, and there are %d", got, n)
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
	c.oneOf(at+"state", p.State, patchStates)
	c.share(at+"confidence", p.Confidence)
	c.atLeastZero(at+"agrees", float64(p.Agrees))
	if h := p.History; h != nil && (h.Kept < 0 || h.Kept > h.Of) {
		c.fail(at+"history", "has %d kept of %d", h.Kept, h.Of)
	}
	if p.After != nil {
		c.tests(at+"after", *p.After)
	}
	for _, id := range p.On {
		c.id(at+"on", id)
	}
	c.standing(at+"standing", p.Standing)
	c.origin(at+"origin", p.Origin)
	c.spans(at+"files", p.Files)
	for _, e := range p.Evidence {
		c.oneOf(at+"evidence step", e.Step, evidenceSteps)
		c.atLeastZero(at+"evidence seconds", e.Seconds)
	}
}
