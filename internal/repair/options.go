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

// Options say what to repair, how far to go, and what to do with what was found.
type Options struct {
	Subject  Subject
	Limits   Limits
	Decision Decision
	Hooks    Hooks
}

// Subject is what a run tests, and what the caller knows of it.
type Subject struct {
	Repo   *repo.Repo
	Source repo.Source // the tree to test
	// Tree is the source's hash, where it is known. An index is only patched when it
	// still has it.
	Tree        string
	Environment detect.Environment // where this is, with the bases to compare with
	Environ     []string           // the process's environment; tests see it sealed
	Command     string             // test command; "" to find it
	Results     []string           // globs of the result files that Command writes
	Languages   []lang.Language    // that may be in the tree
	// Chosen are the names of Languages where the user chose some, to repeat the run.
	Chosen []string
	// Changed are the files that may have broken something, when only what they can
	// reach is to be tested; nil tests the whole suite.
	Changed []string

	// What follows goes into the report as it is.

	Bypasses      []report.Bypass // commits that nothing proves
	Version       string          // of regreen
	Config        string          // hash of the configuration in force
	DetectSeconds float64         // how long it took to find out where this is
}

// Limits say how far a run goes, and by what means.
type Limits struct {
	TestOnly bool          // look for no patches
	Budget   time.Duration // for the search, from the moment the failures are known
	Timeout  time.Duration // of one test run; 0 for the default
	FirstRun time.Duration // for the first run of the tests, past which packages are left out; 0 for none
	Jobs     int           // workers
	// Dollars is what the strategies may spend in all; with 0 those that cost money do not
	// run.
	Dollars float64

	Strategies []propose.Strategy // that may propose, in the order of the table
	Screening  validate.Mode      // how candidates are screened; "" for validate.Auto
	Seed       uint64             // of every random choice
	// Weights, when set, are those that the strategies have, by kind of failure, instead
	// of what would be drawn from what was learnt: to repeat a run.
	Weights map[string]map[string]float64
	// Shard, when set, is the part of all candidates to search; see shard.go. Nothing is
	// applied then.
	Shard report.Shard
}

// Decision says what may become of a verified patch.
type Decision struct {
	Policy     string      // detect.Auto, Always or Never
	Confidence float64     // what policy auto asks of a patch; 0 for DefaultConfidence
	Editable   repo.Policy // which files may be edited to get green
	// ReadOnly is why the user's files stay as they are, whatever the policy; "" when
	// the policy decides.
	ReadOnly string
}

// Hooks are what a run calls outside of the pipeline. Any of them may be nil.
type Hooks struct {
	Log      *slog.Logger
	Progress Progress
	Store    learn.Store // nil to learn nothing

	// Deepen fetches a base that a shallow clone lacks.
	Deepen func(ctx context.Context, rev string) error
	// Passed reports whether a tree passed before.
	Passed func(tree string) bool
	// BeforeSearch decides whether to search, by what identifies these failures of this
	// tree (Report.Fingerprint).
	BeforeSearch func(fingerprint string) SearchDecision
	// Staged is called with the hash of the index's tree after it was patched.
	Staged func(tree string)
}

// SearchDecision says whether to search for patches. The zero value says to.
type SearchDecision struct {
	SkipReason string         // why not, for people; "" to search
	Previous   *report.Report // of a run on the same failures of the same tree, whose findings are reported instead
}

// Progress is called with what a run is doing. Done and total are 0 while they are
// unknown.
type Progress func(stage, detail string, done, total int)

// DefaultConfidence is what policy auto asks of a patch before it is applied
// without a person having looked.
const DefaultConfidence = 0.6

// withDefaults fills in what was left out.
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
