package repair

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/validate"
)

// Options say what to repair, how far to go, and what to do with the patches.
type Options struct {
	Subject  Subject
	Limits   Limits
	Decision Decision
	Hooks    Hooks
}

// Subject describes the tree that a run tests, and its environment.
type Subject struct {
	Repo   *repo.Repo
	Source repo.Source // the tree to test
	// Tree is the source's hash, "" if unknown. An index is only patched while it has this hash.
	Tree        string
	Environment detect.Environment // where regreen runs, and the bases to compare with
	Environ     []string           // of the process; tests get it after testrun.Isolate
	Command     string             // test command; "" to find it
	Results     []string           // globs of the result files that Command writes
	Languages   []lang.Language    // to look for in the tree
	// Chosen are the names of the Languages that the user chose, for repeating the run.
	Chosen []string
	// Changed are the files that may have broken something: only what they can break is tested.
	// Nil tests the whole suite.
	Changed []string
	// Before is the hash of the tree that Changed is relative to, "" if unknown.
	Before string

	// The report shows the following fields unchanged.

	Bypasses      []report.Bypass // commits that were never tested
	Version       string          // of regreen
	Config        string          // hash of the configuration in force
	DetectSeconds float64         // how long it took to detect the environment
	Notes         []string        // what was found out about the configuration, for the report
}

// Limits say how far a run goes and what it may use.
type Limits struct {
	TestOnly bool          // do not search for patches
	Budget   time.Duration // for the search, once the failures are known
	Timeout  time.Duration // of one test run; 0 for the default
	FirstRun time.Duration // for the first run, which skips packages when it is over; 0 for no limit
	Jobs     int           // workers
	// Dollars is the most that all strategies together may spend; with 0, those that cost money do
	// not run.
	Dollars float64

	Strategies []propose.Strategy // in the order of the table
	Screening  validate.Mode      // how candidates are screened; "" for validate.Auto
	Seed       uint64             // for every random choice
	// Weights, if set, are the weights of the strategies, by kind of failure, for repeating a
	// run. Otherwise they are drawn from what was learned.
	Weights map[string]map[string]float64
	// Shard, if set, is the part of all candidates to search; see shard.go. A shard applies
	// nothing.
	Shard report.Shard
}

// Decision says what happens to a verified patch.
type Decision struct {
	Policy     string        // detect.Auto, Always or Never
	Confidence float64       // that policy auto requires; 0 for DefaultConfidence
	Editable   repo.Editable // which files patches may edit
	// ReadOnly is the reason not to change the user's files, whatever the policy; "" lets the
	// policy decide.
	ReadOnly string
}

// Hooks connect a run to what is outside the pipeline. Any of them may be nil.
type Hooks struct {
	Log      *slog.Logger
	Progress Progress
	Store    learn.Store // nil to learn nothing
	Memory   Memory      // nil to remember nothing

	// Deepen fetches a base that a shallow clone lacks.
	Deepen func(ctx context.Context, rev string) error
	// Passed reports whether a tree passed before.
	Passed func(tree string) bool
	// BeforeSearch decides whether to search, given the fingerprint of the failures and the tree
	// (Report.Fingerprint).
	BeforeSearch func(fingerprint string) SearchDecision
	// Staged is called with the hash of the index's tree after it was patched.
	Staged func(tree string)
}

// SearchDecision says whether to search for patches. The zero value means to search.
type SearchDecision struct {
	SkipReason string         // why not to search, for the report; "" to search
	Previous   *report.Report // of an earlier run on the same failures and tree, to report instead
}

// Progress is called with what a run is doing. Done and total are 0 if unknown.
type Progress func(stage, detail string, done, total int)

// DefaultConfidence is the confidence from which policy auto applies a patch.
const DefaultConfidence = 0.6

// withDefaults returns the options with defaults filled in.
func (o Options) withDefaults() Options {
	if o.Hooks.Log == nil {
		o.Hooks.Log = slog.New(slog.DiscardHandler)
	}
	if o.Hooks.Progress == nil {
		o.Hooks.Progress = func(string, string, int, int) {}
	}
	o.Decision.Confidence = cmp.Or(o.Decision.Confidence, DefaultConfidence)
	o.Limits.Jobs = max(o.Limits.Jobs, 1)
	if o.Limits.Shard.Total > 0 && o.Decision.ReadOnly == "" {
		o.Decision.ReadOnly = o.Limits.Shard.Why()
	}
	return o
}
