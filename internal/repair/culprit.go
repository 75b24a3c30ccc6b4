package repair

import (
	"context"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
)

// culpritShare is the share of a cluster's time that finding the culprit may take.
const culpritShare = 0.4

// findCulprit finds the smallest part of the change that makes the tests fail, if a strategy
// that undoes it is enabled. The report has it even if another patch is kept.
func (r *run) findCulprit(ctx context.Context, c *cluster) {
	defer r.clock.start("localize")()
	c.sought = true
	reverts := slices.ContainsFunc(r.opt.Limits.Strategies, func(s propose.Strategy) bool { return s.RevertsIntent })
	if r.report.Culprit != nil || !reverts {
		return
	}
	deadline, _ := ctx.Deadline()
	share, cancel := context.WithTimeout(ctx, time.Duration(float64(time.Until(deadline))*culpritShare))
	defer cancel()
	r.opt.Hooks.Progress("localize", "searching for the culprit", 0, 0)
	hunks, minimal, tests, err := propose.Culprit(share, c.problem)
	if err != nil {
		r.opt.Hooks.Log.Debug("no culprit found", "error", err)
		return
	}
	if len(hunks) == 0 {
		return
	}
	c.guilty = nil
	culprit := &report.Culprit{Diff: string(patch.Format(hunks)), Minimal: minimal, SubsetsTested: tests}
	for _, f := range hunks {
		for _, h := range f.Hunks {
			start, end := changedLines(h)
			culprit.Files = append(culprit.Files, report.Span{File: f.Name(), Start: start, End: end})
			c.guilty = append(c.guilty, localize.Suspect{
				File: f.Name(), Start: start, End: end, Score: 1,
				Why: []localize.Reason{{Evidence: localize.Changed, Strength: 1, Text: "the smallest change that breaks the tests"}},
			})
		}
	}
	r.report.Culprit = culprit
	c.problem.Suspect(slices.Concat(c.guilty, c.suspects), 1)
}

// changedLines returns the range of lines of the new file that a hunk changes.
func changedLines(h patch.Hunk) (start, end int) {
	line := h.NewStart
	for _, l := range h.Lines {
		switch l.Op {
		case patch.Insert:
			if start == 0 {
				start = line
			}
			end = line
			line++
		case patch.Delete:
			if start == 0 {
				start = line
			}
			end = max(end, line)
		default:
			line++
		}
	}
	if start == 0 {
		start, end = h.NewStart, h.NewStart
	}
	return max(start, 1), max(end, 1)
}
