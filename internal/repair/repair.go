// Package repair is the pipeline: from a tree with red tests to a report, and to
// a verified patch where there is one.
//
//	detect -> test -> localize -> propose -> apply -> validate -> score -> decide -> report
//
// Run reads in that order. Each stage is a package of its own; what is here is the
// order they go in, the budget they share, the clusters of failures they take one
// by one, and the decision what to do with what they found.
//
// Not a goal: knowing flags, files of configuration or channels; commands do.
package repair

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// Options says what to repair and how far to go.
type Options struct {
	Repo        *repo.Repo
	Source      repo.Source        // the tree to test
	Environment detect.Environment // where this is, with the bases to compare with
	Environ     []string           // the process's environment; tests see it sealed

	// Tree is the source's hash, where it is known. An index is only patched when it
	// still has it.
	Tree string
	// Staged, when set, hears the hash of the index's tree after it was patched.
	Staged func(tree string)
	// ReadOnly is why the user's files stay as they are, whatever the policy; "" when
	// it decides.
	ReadOnly string

	// Changed are the files that may have broken something, when only what they can
	// reach is to be tested; nil tests the whole suite.
	Changed []string
	// Passed, when set, knows trees that passed before.
	Passed func(tree string) bool
	// Bypasses are told along: commits that nothing proves.
	Bypasses []report.Bypass
	// Deepen, when set, fetches a base that a shallow clone lacks.
	Deepen func(ctx context.Context, rev string) error
	// Search, when set, is asked before the search, with what names these failures of
	// this tree (Report.Fingerprint).
	Search func(fingerprint string) Go

	Command    string             // test command; "" to find it
	Strategies []propose.Strategy // in the order of the table
	Editable   repo.Policy        // what may be edited to get green
	Store      learn.Store        // nil to learn nothing

	SearchFor  bool          // look for patches; false only tests
	Budget     time.Duration // for the search, from the moment the failures are known
	Timeout    time.Duration // of one test run; 0 for the default
	Within     time.Duration // for the first run of the tests, past which packages are left out; 0 for none
	Policy     string        // detect.Auto, Always or Never
	Confidence float64       // what policy auto asks of a patch; 0 for DefaultConfidence
	Jobs       int           // workers
	Seed       uint64        // of every random choice
	Validator  validate.Way  // how candidates are screened; "" for validate.Auto
	Version    string
	Config     string // hash of the configuration in force
	// Weights, when set, are those that the strategies have, by kind of failure, instead
	// of what would be drawn from what was learnt: to do a run again.
	Weights map[string]map[string]float64
	// Shard, when set, is the part of all candidates to search; see shard.go. Nothing is
	// applied then.
	Shard report.Shard
	// DetectSeconds is how long it took to find out where this is.
	DetectSeconds float64

	Log      *slog.Logger
	Progress Progress
}

// Go says whether to search. The zero value says yes.
type Go struct {
	Not     string         // why not, for people; "" when it is to be done
	Earlier *report.Report // that found out about the same failures of the same tree, and is told instead
}

// Progress hears what a run is doing. Done and total are 0 while they are unknown.
type Progress func(stage, detail string, done, total int)

// DefaultConfidence is what policy auto asks of a patch before it is applied
// without a person having looked.
const DefaultConfidence = 0.6

// run is one run of the pipeline.
type run struct {
	Options
	id       string
	rng      *rand.Rand
	report   *report.Report
	clock    *clock
	suite    *testrun.Suite
	treeHash string

	workspace string // where the tree is exported to
	scratch   string // where go commands that are ended early leave their work

	first    *testrun.Result   // the first run
	within   []string          // packages that it was of; nil for the whole suite
	fresh    []testrun.Failure // failures to repair: not flaky, not known
	accepted []testrun.Failure // failures that may stay
	base     string            // commit compared with, "" when there is none

	kept    map[string][]byte // files of the patches kept, by name
	lessons []lesson
	drawn   map[string]map[string]float64 // weights, by kind of failure and strategy
}

// Run takes one tree through the pipeline. The report is never nil. The error is
// nil whenever the report tells all there is to tell, also when it tells that the
// tests could not be run; it is the context's when that was cancelled.
func Run(ctx context.Context, opt Options) (*report.Report, error) {
	r := newRun(opt)
	err := r.pipeline(ctx)
	r.report.Stats.Seconds = r.clock.seconds()
	if r.applied() {
		// What is in the user's tree is told, and can be taken back, whatever comes.
		ctx = context.WithoutCancel(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return r.report, context.Cause(ctx)
	case err != nil:
		if !r.tellProblem(err) {
			return r.report, err
		}
	}
	stop := r.clock.start("report")
	r.remember(ctx)
	r.tellExperience(ctx)
	r.tellFlaky()
	r.tellAlerts()
	stop()
	r.report.Stats.Seconds = r.clock.seconds()
	if err := r.save(); err != nil {
		// The report tells all the same; it only cannot be shown again.
		r.note(fmt.Sprintf("the run could not be stored: %v", err))
	}
	r.Log.Info("run", "id", r.id, "event", r.Environment.Event, "verdict", r.report.Verdict,
		"candidates", r.report.Stats.Validated, "seconds", r.report.Stats.Seconds)
	return r.report, nil
}

func newRun(opt Options) *run {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Progress == nil {
		opt.Progress = func(string, string, int, int) {}
	}
	if opt.Confidence == 0 {
		opt.Confidence = DefaultConfidence
	}
	opt.Jobs = max(opt.Jobs, 1)
	if opt.Shard.Of > 0 && opt.ReadOnly == "" {
		opt.ReadOnly = opt.Shard.Why()
	}
	r := &run{
		Options: opt, id: runs.NewID(), treeHash: opt.Tree, clock: newClock(), kept: make(map[string][]byte),
		drawn:  maps.Clone(opt.Weights),
		rng:    rand.New(rand.NewPCG(opt.Seed, 0x7265677265656e)),
		report: &report.Report{Schema: report.Schema, Version: opt.Version, Started: time.Now().UTC(), Verdict: report.NotRun},
	}
	if r.drawn == nil {
		r.drawn = make(map[string]map[string]float64)
	}
	r.clock.add("detect", opt.DetectSeconds)
	return r
}

// pipeline is the picture of the design, in its order.
func (r *run) pipeline(ctx context.Context) error {
	r.tellEnvironment()
	r.report.Bypasses = r.Bypasses

	scratch, err := r.Repo.Workspace(ctx)
	if err != nil {
		return err
	}
	defer r.leave(scratch)
	r.scratch = scratch.Dir

	r.Progress("test", "exporting "+r.Source.String(), 0, 0)
	stop := r.clock.start("test")
	workspace, err := r.Repo.Exported(ctx, r.Source)
	stop()
	if err != nil {
		return err
	}
	defer r.leave(workspace)
	r.workspace = workspace.Dir

	// test
	if err := r.test(ctx); err != nil {
		return err
	}
	if len(r.fresh) == 0 {
		r.report.Verdict = r.greenVerdict()
		return nil
	}
	r.report.Verdict = report.Red
	defer r.tellReplay(ctx)
	if !r.SearchFor || !r.maySearch(ctx) {
		return nil
	}

	// localize, propose, apply, validate, score: cluster by cluster
	search, cancel := context.WithTimeout(ctx, r.Budget)
	defer cancel()
	if err := r.findOrigin(search); err != nil && ctx.Err() == nil {
		r.Log.Debug("the commit that the failures came with is not found", "error", err)
	}
	if err := r.search(ctx, search); err != nil && ctx.Err() == nil && search.Err() == nil {
		r.note(fmt.Sprintf("the search ended early: %v", err))
		r.Log.Error("search ended early", "error", err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	// decide
	return r.decide(ctx)
}

// maySearch asks the caller whether to search, and tells why not.
func (r *run) maySearch(ctx context.Context) bool {
	r.report.Fingerprint = r.fingerprint(ctx, r.fresh)
	if r.Search == nil {
		return true
	}
	answer := r.Search(r.report.Fingerprint)
	if answer.Earlier != nil {
		r.tellEarlier(answer.Earlier)
	}
	if answer.Not != "" {
		r.note(answer.Not)
	}
	return answer.Earlier == nil && answer.Not == ""
}

// leave gives a workspace up.
func (r *run) leave(w *repo.Workspace) {
	if err := w.Close(); err != nil {
		r.Log.Warn("a workspace could not be given up", "dir", w.Dir, "error", err)
	}
}

// greenVerdict is the verdict when there is nothing to repair.
func (r *run) greenVerdict() report.Verdict {
	verdict := report.Green
	for _, f := range r.report.Failures {
		switch f.Status {
		case "known":
			return report.Known
		case "flaky":
			verdict = report.Flaky
		}
	}
	return verdict
}

func (r *run) note(text string) { r.report.Notes = append(r.report.Notes, text) }
