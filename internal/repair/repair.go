// Package repair is the pipeline: from a tree with red tests to a report, and to a verified
// patch if there is one.
//
//	detect -> test -> localize -> propose -> apply -> validate -> score -> decide -> report
//
// Run reads in that order. Each stage is a package of its own. This package has the order of
// the stages, the budget that they share, the clusters of failures that they handle one by one,
// and the decision what to do with the patches.
//
// Non-goals: flags, configuration files and channels, which are for the commands.
package repair

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// run is one run of the pipeline.
type run struct {
	opt      Options
	id       string
	rng      *rand.Rand
	report   *report.Report
	clock    *clock
	treeHash string

	export    *repo.Workspace
	workspace string     // the exported tree
	gaps      []repo.Gap // what it lacks
	temp      string     // GOTMPDIR of what is not a test command

	projects  []*project // in the order of testing
	base      string     // commit to compare with, "" for none
	baseTree  string
	baseFound bool // base is final

	overlay map[string][]byte // files of the kept patches, by name
	writing bool              // a transaction on the user's files has started
	lessons []lesson
	drawn   map[string]map[string]float64 // weights, by kind of failure and strategy
	money   money
	asked   []string // strategies that used a network

	searchBegan time.Time // when the first search for a patch did
}

// Run takes one tree through the pipeline. The report is never nil. The error is nil if the report
// says everything, even if it says that the tests could not be run. If ctx was canceled, the error
// is the context's.
func Run(ctx context.Context, opt Options) (*report.Report, error) {
	r := newRun(opt)
	err := r.pipeline(ctx)
	r.report.Stats.Seconds = r.clock.seconds()
	if r.applied() {
		// The user's tree was changed: report that and make it possible to roll back in any case.
		ctx = context.WithoutCancel(ctx)
	}
	switch {
	case ctx.Err() != nil:
		cause := context.Cause(ctx)
		if !r.writing || usererr.IsUnchanged(err) {
			cause = usererr.Unchanged(cause)
		}
		return r.report, cause
	case err != nil:
		if !r.reportProblem(err) {
			return r.report, err
		}
	}
	stop := r.clock.start("report")
	r.remember(ctx)
	r.reportExperience(ctx)
	r.alertFlaky()
	r.alertPatterns()
	stop()
	r.report.Stats.Seconds = r.clock.seconds()
	if err := r.save(); err != nil {
		// The report is complete without that, but cannot be shown again.
		r.note("cannot store the run: " + usererr.OneLine(err))
	}
	r.opt.Hooks.Log.Info("run", "id", r.id, "event", r.opt.Subject.Environment.Event, "verdict", r.report.Verdict,
		"candidates", r.report.Stats.Validated, "seconds", r.report.Stats.Seconds)
	return r.report, nil
}

func newRun(opt Options) *run {
	opt = opt.withDefaults()
	r := &run{
		opt: opt, id: runs.NewID(), treeHash: opt.Subject.Tree, clock: newClock(), overlay: make(map[string][]byte),
		drawn:  maps.Clone(opt.Limits.Weights),
		money:  money{limit: opt.Limits.Dollars},
		rng:    rand.New(rand.NewPCG(opt.Limits.Seed, 0x7265677265656e)),
		report: &report.Report{Schema: report.Schema, Version: opt.Subject.Version, Started: time.Now().UTC(), Verdict: report.NotRun},
	}
	if r.drawn == nil {
		r.drawn = make(map[string]map[string]float64)
	}
	r.clock.add("detect", opt.Subject.DetectSeconds)
	return r
}

// pipeline runs the stages in order.
func (r *run) pipeline(ctx context.Context) error {
	r.reportEnvironment()
	r.report.Bypasses = r.opt.Subject.Bypasses
	r.report.Notes = append(r.report.Notes, r.opt.Subject.Notes...)

	temp, err := r.opt.Subject.Repo.TempDir(ctx)
	if err != nil {
		return err
	}
	defer r.release(temp.Dir, temp)
	r.temp = temp.Dir

	r.opt.Hooks.Progress("test", "exporting "+r.opt.Subject.Source.String(), 0, 0)
	stop := r.clock.start("test")
	workspace, err := r.opt.Subject.Repo.Exported(ctx, r.opt.Subject.Source)
	stop()
	if err != nil {
		return err
	}
	defer r.release(workspace.Dir, workspace)
	r.export, r.workspace, r.report.Outside = workspace, workspace.Dir, workspace.Outside()
	r.gaps = workspace.Gaps
	r.noteGaps("", r.gaps)

	// test
	if err := r.test(ctx); err != nil {
		return err
	}
	if len(r.fresh()) == 0 {
		r.report.Verdict = r.greenVerdict()
		return nil
	}
	r.report.Verdict = report.Red
	defer r.reportReplay(ctx)
	if r.opt.Limits.TestOnly || !r.maySearch(ctx) {
		return nil
	}

	// localize, propose, apply, validate, score: cluster by cluster
	search, cancel := context.WithTimeout(ctx, r.opt.Limits.Budget)
	defer cancel()
	if err := r.findOrigin(search); err != nil && ctx.Err() == nil {
		r.opt.Hooks.Log.Debug("cannot find the commit that introduced the failures", "error", err)
	}
	if err := r.repairClusters(ctx, search); err != nil && ctx.Err() == nil && search.Err() == nil {
		r.note("the search ended early: " + usererr.OneLine(err))
		r.opt.Hooks.Log.Error("search ended early", "error", err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if kept := len(r.keptPatches()); search.Err() != nil && (kept == 0 || kept < len(r.report.Clusters)) {
		r.note(fmt.Sprintf("the search reached its budget of %s before it was done", r.opt.Limits.Budget))
	}

	// decide
	return r.decide(ctx)
}

// maySearch asks the caller whether to search, and notes the reason if not.
func (r *run) maySearch(ctx context.Context) bool {
	r.report.Fingerprint = r.fingerprint(ctx, r.fresh())
	if r.opt.Hooks.BeforeSearch == nil {
		return true
	}
	decision := r.opt.Hooks.BeforeSearch(r.report.Fingerprint)
	if decision.Previous != nil {
		r.reportPrevious(decision.Previous)
	}
	if decision.SkipReason != "" {
		r.note(decision.SkipReason)
	}
	return decision == SearchDecision{}
}

// release closes what a run has to itself.
func (r *run) release(dir string, c io.Closer) {
	if err := c.Close(); err != nil {
		r.opt.Hooks.Log.Warn("cannot close a directory", "dir", dir, "error", err)
	}
}

// greenVerdict returns the verdict if there is nothing to repair.
func (r *run) greenVerdict() report.Verdict {
	verdict := report.Green
	for _, f := range r.report.Failures {
		switch f.Status {
		case report.FailureKnown:
			return report.Known
		case report.FailureFlaky:
			verdict = report.Flaky
		}
	}
	return verdict
}

func (r *run) note(text string) { r.report.Notes = append(r.report.Notes, text) }
