// Package report holds the result of a run in one value, the Report, and renders it for a
// terminal, for Markdown and for programs. It knows nothing of networks or channels;
// package deliver sends what is rendered here.
package report

import (
	"fmt"
	"time"
)

// Schema names the version of the JSON form; schema/report.v1.json describes it.
const Schema = "regreen.report/v1"

// Report is the result of one run. Every renderer reads this value and nothing else.
// regreen generates the fields tagged redact:"never" itself; see Redact.
type Report struct {
	Schema      string      `json:"schema"`
	ID          string      `json:"id" redact:"never"`
	Version     string      `json:"version"` // of regreen
	Started     time.Time   `json:"started"`
	Verdict     Verdict     `json:"verdict"`
	Fingerprint string      `json:"fingerprint,omitempty" redact:"never"` // hash of the new failures and their tree
	Problem     *Problem    `json:"problem,omitempty"`                    // why the tests could not be run
	Environment Environment `json:"environment"`
	Shard       *Shard      `json:"shard,omitempty"` // nil if the run searched everything
	Command     string      `json:"command"`         // the test command, as typed in a shell
	Tests       Tests       `json:"tests"`
	Failures    []Failure   `json:"failures"`
	Clusters    []Cluster   `json:"clusters"`
	Origin      *Origin     `json:"origin,omitempty"`
	Culprit     *Culprit    `json:"culprit,omitempty"`
	Patches     []Patch     `json:"patches"`
	Suspects    []Suspect   `json:"suspects"`
	Attempts    []Attempt   `json:"attempts"`
	Stats       Stats       `json:"stats"`
	Bypasses    []Bypass    `json:"bypasses,omitempty"`
	Notes       []string    `json:"notes,omitempty"`   // what was not done, and why
	Outside     []string    `json:"outside,omitempty"` // paths that the tree refers to and that are not part of it, each with the file that does
	Missing     []string    `json:"missing,omitempty"` // what the tests did not have because it is not on this machine
	Alerts      []Alert     `json:"alerts,omitempty"`
	Learning    *Learning   `json:"learning,omitempty"`
	Replay      *Replay     `json:"replay,omitempty"`
	Receipts    []Receipt   `json:"receipts,omitempty"`
	Results     []Result    `json:"results,omitempty"` // every test of the first run, if the runner reports them
}

// Verdict is the outcome of a run.
type Verdict string

// The verdicts.
const (
	Green    Verdict = "green"    // nothing failed
	Known    Verdict = "known"    // only tests that also fail at the base fail
	Flaky    Verdict = "flaky"    // what failed passed when its run was repeated
	Fixed    Verdict = "fixed"    // a verified patch was applied and everything is green
	Proposed Verdict = "proposed" // a verified patch is proposed, not applied
	Partial  Verdict = "partial"  // some clusters have a verified patch, others stay red
	Red      Verdict = "red"      // failures without a verified patch
	NotRun   Verdict = "not-run"  // the tests could not be run; see Problem
)

// FailureStatus is how a failing test compares with the base and with later runs.
type FailureStatus string

// The statuses of a failure.
const (
	FailureNew   FailureStatus = "new"   // it does not fail at the base, or there is no base
	FailureKnown FailureStatus = "known" // it also fails at the base
	FailureFlaky FailureStatus = "flaky" // it passed when the run in which it failed was repeated
	FailureFixed FailureStatus = "fixed" // an applied patch fixes it
)

// ClusterStatus says whether a patch fixes the failures of a cluster.
type ClusterStatus string

// The statuses of a cluster.
const (
	ClusterRepaired ClusterStatus = "repaired" // a verified patch makes it green
	ClusterRed      ClusterStatus = "red"      // no patch does
)

// PatchState is how far a patch got in validation.
type PatchState string

// The states of a patch.
const (
	PatchPlausible PatchState = "plausible" // the failing tests pass
	PatchVerified  PatchState = "verified"  // the suite is as green as at the base, and repeated runs agree
	PatchRefused   PatchState = "refused"   // plausible, but another test fails or runs disagree
)

// Stage is how far an attempt got. The later ones are also the steps of the evidence for a
// patch.
type Stage string

// The stages, in the order in which they are reached. The last four are the steps of the
// evidence.
const (
	StagePropose      Stage = "propose"
	StageTypeCheck    Stage = "type-check"
	StageScreen       Stage = "screen" // the other tests of its packages
	StageFailingTests Stage = "failing-tests"
	StageDependents   Stage = "dependents" // the tests of the packages that depend on the change
	StageSuite        Stage = "suite"
	StageRepeat       Stage = "repeat" // the failing tests, several times
)

// AttemptVerdict is the outcome of an attempt.
type AttemptVerdict string

// The verdicts of an attempt. The last three are also the states of a patch.
const (
	AttemptPruned    AttemptVerdict = "pruned"    // dropped without a test run
	AttemptIllTyped  AttemptVerdict = "ill_typed" // does not compile
	AttemptRejected  AttemptVerdict = "rejected"  // a failing test still fails
	AttemptPlausible AttemptVerdict = "plausible"
	AttemptVerified  AttemptVerdict = "verified"
	AttemptRefused   AttemptVerdict = "refused"
)

// Level is how serious an alert is.
type Level string

// The levels of an alert.
const (
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// ReceiptState is the outcome of a delivery.
type ReceiptState string

// The states of a receipt.
const (
	ReceiptSent    ReceiptState = "sent"
	ReceiptSkipped ReceiptState = "skipped" // not sent, on purpose; see Receipt.Reason
	ReceiptFailed  ReceiptState = "failed"
)

// ResultStatus is the outcome of one test.
type ResultStatus string

// The statuses of a result.
const (
	ResultPassed  ResultStatus = "passed"
	ResultFailed  ResultStatus = "failed"
	ResultSkipped ResultStatus = "skipped"
	ResultFlaky   ResultStatus = "flaky" // it failed, and passed when its run was repeated
)

// Problem is why the tests could not be run.
type Problem struct {
	What   string `json:"what"`
	Where  string `json:"where,omitempty"`
	Hint   string `json:"hint,omitempty"` // the next command or edit
	Output string `json:"output,omitempty"`
}

// Environment is where the run took place, and the settings that follow from it.
type Environment struct {
	Event       string   `json:"event"`              // pre-commit, post-merge, pull_request, manual and so on
	Provider    string   `json:"provider,omitempty"` // CI provider; empty on a developer's machine
	Host        string   `json:"host,omitempty"`     // of the repository, such as github.com
	Mode        string   `json:"mode"`               // development or production
	ModeReasons []string `json:"mode_reasons"`       // why this mode
	Branch      string   `json:"branch,omitempty"`
	Head        string   `json:"head,omitempty"`
	Base        string   `json:"base,omitempty"` // empty without a base
	Fork        bool     `json:"fork,omitempty"`
	Policy      string   `json:"policy"` // when to apply a verified patch: auto, always or never
	Budget      float64  `json:"budget"` // seconds
}

// Shard is the part of all candidates that a run searched.
type Shard struct {
	Index int `json:"index"` // from 1
	Total int `json:"total"`
}

// Why explains why the run of a shard applies nothing.
func (s Shard) Why() string {
	return fmt.Sprintf("shard %d of %d only proposes; merging the reports picks a patch", s.Index, s.Total)
}

// MaxShards is the largest number of runs that can share a search.
const MaxShards = 256

// Tests counts the tests of the first run.
type Tests struct {
	Packages           int `json:"packages"`
	Passed             int `json:"passed"`
	Failed             int `json:"failed"`
	Skipped            int `json:"skipped"`
	UnaffectedPackages int `json:"unaffected_packages,omitempty"` // not run, because the change cannot break them
	UnfinishedPackages int `json:"unfinished_packages,omitempty"` // not finished within the time for the tests
	UnrunParts         int `json:"unrun_parts,omitempty"`         // modules and suites that could not run, while others did
}

// Bypass is a recent local commit that skipped the tests.
type Bypass struct {
	Commit  string    `json:"commit"`
	Subject string    `json:"subject"`
	Why     string    `json:"why"`
	When    time.Time `json:"when"`
}

// Failure is a failing test.
type Failure struct {
	ID        string        `json:"id"`                 // package.Test/sub
	Language  string        `json:"language,omitempty"` // of the test, as in --lang
	Package   string        `json:"package"`
	Test      string        `json:"test,omitempty"`
	Kind      string        `json:"kind"`
	Status    FailureStatus `json:"status"`
	Message   string        `json:"message"`
	File      string        `json:"file,omitempty"`
	Line      int           `json:"line,omitempty"`
	Output    string        `json:"output,omitempty"`
	Truncated int           `json:"truncated,omitempty"` // bytes of output omitted
	Cluster   int           `json:"cluster,omitempty"`   // 1-based index into Clusters, 0 for none

	// PassesAlone says that the test fails only together with others. After are the tests of its
	// package that must run before it for it to fail, if they were found.
	PassesAlone bool     `json:"passes_alone,omitempty"`
	After       []string `json:"after,omitempty"`
}

// Cluster is a group of failures that seem to have one cause.
type Cluster struct {
	Cause    string        `json:"cause"`
	Failures []string      `json:"failures"` // Failure.ID
	Status   ClusterStatus `json:"status"`
	Patch    string        `json:"patch,omitempty" redact:"never"` // Patch.ID of the patch that was kept
}

// Origin is the commit that introduced the failures.
type Origin struct {
	Commit        string `json:"commit"`
	Subject       string `json:"subject"`
	Author        string `json:"author"`
	Merge         bool   `json:"merge,omitempty"` // neither parent fails on its own
	CommitsTested int    `json:"commits_tested"`  // tested to find it
	CommitsTotal  int    `json:"commits_total"`   // in the range that was searched
}

// Culprit is the smallest part of the change that makes the tests fail.
type Culprit struct {
	Commit        string `json:"commit,omitempty"` // if the change is a single commit
	Files         []Span `json:"files"`
	Diff          string `json:"diff"`           // unified
	Minimal       bool   `json:"minimal"`        // false when the budget ended the search
	SubsetsTested int    `json:"subsets_tested"` // subsets of hunks
}

// Span is a range of lines, both ends included.
type Span struct {
	File  string `json:"file"`
	Start int    `json:"start"`
	End   int    `json:"end"`
}

// Patch is a plausible or verified candidate.
type Patch struct {
	ID          string       `json:"id" redact:"never"` // what regreen apply takes
	Attempt     string       `json:"attempt" redact:"never"`
	Strategy    string       `json:"strategy"`
	Title       string       `json:"title"` // what it does, in words
	Rank        int          `json:"rank"`  // among the patches of its cluster; 1 is the best
	Cluster     int          `json:"cluster"`
	State       PatchState   `json:"state"`
	Reason      string       `json:"reason,omitempty"` // why it is not verified
	Applied     bool         `json:"applied"`
	Staged      bool         `json:"staged,omitempty"` // also applied to the index, for the commit being made
	Confidence  float64      `json:"confidence"`       // 0 to 1
	TrackRecord *TrackRecord `json:"track_record,omitempty"`
	SameLines   int          `json:"same_lines,omitempty"` // how many other patches of its cluster change the same lines
	NeedsReview bool         `json:"needs_review"`
	Files       []Span       `json:"files"`
	Diff        string       `json:"diff"`               // unified, applies with regreen apply --patch
	Redacted    bool         `json:"redacted,omitempty"` // a secret was removed from the diff, which no longer applies
	Evidence    []Evidence   `json:"evidence"`
	After       *Tests       `json:"after,omitempty"`      // the whole suite with the patch, to compare with Report.Tests
	StackedOn   []string     `json:"stacked_on,omitempty"` // Patch.ID of the patches in the tree that it was made for and tested on
	Ranking     *Ranking     `json:"ranking,omitempty"`
	Origin      *PatchOrigin `json:"origin,omitempty"` // nil if the strategy asks nobody
}

// PatchOrigin is the model or agent that a candidate came from.
type PatchOrigin struct {
	Source     string  `json:"source"`                // model or agent
	Name       string  `json:"name,omitempty"`        // in the configuration
	Model      string  `json:"model,omitempty"`       // name that the source uses
	Form       string  `json:"form,omitempty"`        // what the source answered with: an ingredient or a patch
	Answer     string  `json:"answer,omitempty"`      // identifies the answer among those of the source
	PromptHash string  `json:"prompt_hash,omitempty"` // of the prompt
	Seconds    float64 `json:"seconds,omitempty"`     // for the whole answer, which can hold several candidates
	Dollars    float64 `json:"dollars,omitempty"`     // for the whole answer
}

// Ranking holds the values that rank a patch among the patches of its cluster, including
// those of other shards.
type Ranking struct {
	Phase           int     `json:"phase"`                   // of the search that found it: 1 for strategies that fix everything alone, 2 for the main phase, 3 for the last resort
	Fixes           int     `json:"fixes"`                   // number of failing tests that it fixes
	StillFailing    int     `json:"still_failing,omitempty"` // number of tests that fail after it makes the package compile
	Screened        bool    `json:"screened"`                // the other tests of its packages passed before it was ranked
	Likelihood      float64 `json:"likelihood"`              // unnormalized probability that a developer would have made this change
	RivalLikelihood float64 `json:"rival_likelihood"`        // the same, summed over the candidates that its search did not reach and that would have passed
	Removed         float64 `json:"removed"`                 // share of the behavior that it removes, 0 to 1
}

// TrackRecord counts earlier patches of the same strategy for the same kind of failure.
type TrackRecord struct {
	Kept    int `json:"kept"` // applied and not rolled back so far
	Applied int `json:"applied"`
}

// Evidence is one step of the validation of a patch.
type Evidence struct {
	Step    Stage   `json:"step"`
	Passed  bool    `json:"passed"`
	Detail  string  `json:"detail"`
	Seconds float64 `json:"seconds"`
}

// Suspect is a source range with its suspiciousness.
type Suspect struct {
	Span
	Score float64  `json:"score"` // 0 to 1
	Why   []string `json:"why"`
}

// Attempt is one line of the ledger.
type Attempt struct {
	ID        string         `json:"id" redact:"never"`
	Candidate string         `json:"candidate,omitempty" redact:"never"` // key of what it changes: the same in every run on the same tree
	Strategy  string         `json:"strategy"`
	File      string         `json:"file"`
	Line      int            `json:"line"`
	Stage     Stage          `json:"stage"` // the last one that it reached
	Verdict   AttemptVerdict `json:"verdict"`
	Seconds   float64        `json:"seconds"`
	Reason    string         `json:"reason,omitempty"`
	Origin    *PatchOrigin   `json:"origin,omitempty"`
}

// Stats counts the candidates and splits the wall time.
type Stats struct {
	Generated       int     `json:"generated"`
	Pruned          int     `json:"pruned"`
	IllTyped        int     `json:"ill_typed"`
	Validated       int     `json:"validated"`
	Plausible       int     `json:"plausible"`
	Verified        int     `json:"verified"`
	Sampled         int     `json:"sampled,omitempty"`          // rejected candidates that were tried again, each in its own process
	WronglyRejected int     `json:"wrongly_rejected,omitempty"` // sampled candidates that passed there
	Dollars         float64 `json:"dollars,omitempty"`          // spent by strategies
	// FirstVerdictSeconds is the time from the start of the search, when failures, suspects and
	// culprit are known, to the first verdict on a candidate.
	FirstVerdictSeconds float64            `json:"first_verdict_seconds,omitempty"`
	Seconds             map[string]float64 `json:"seconds"` // by stage: detect test localize propose build validate confirm report
}

// Alert is a pattern that somebody should look at.
type Alert struct {
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"` // what to do about it
}

// Learning holds what regreen had learned when the run ended.
type Learning struct {
	Strategies []Posterior `json:"strategies"` // those with evidence, the most evidence first
	Trend      []Period    `json:"trend"`      // oldest first
}

// Posterior is a Beta distribution of how often a strategy is right.
type Posterior struct {
	Strategy string  `json:"strategy"`
	Alpha    float64 `json:"alpha"`
	Beta     float64 `json:"beta"`
}

// Period counts the runs in a span of time.
type Period struct {
	Start    time.Time `json:"start"`
	Runs     int       `json:"runs"`     // with a search for a patch
	Repaired int       `json:"repaired"` // those that found a verified patch
}

// Replay holds everything that is needed to repeat the run.
type Replay struct {
	Command   string   `json:"command"` // regreen replay ID
	Args      []string `json:"args"`    // of regreen
	Seed      uint64   `json:"seed"`
	Tree      string   `json:"tree,omitempty"`      // hash of the tested tree, as git write-tree prints it
	Config    string   `json:"config,omitempty"`    // SHA-256 of the configuration in force
	Toolchain string   `json:"toolchain,omitempty"` // version of the toolchain, such as go1.26.1
	System    string   `json:"system"`              // operating system and architecture, such as linux/amd64
	// Weights are the weights of the strategies, by kind of failure and strategy. They
	// were drawn from what regreen had learned, which changes with every run.
	Weights map[string]map[string]float64 `json:"weights,omitempty"`
	// NetworkStrategies are the strategies that asked a network. The next answer can
	// differ, so a run with any of them cannot be repeated exactly.
	NetworkStrategies []string `json:"network_strategies,omitempty"`
}

// Receipt is the outcome of the delivery to one channel.
type Receipt struct {
	Channel  string       `json:"channel" redact:"never"`
	State    ReceiptState `json:"state"`
	Where    string       `json:"where,omitempty"`    // file or URL of what was written
	Degraded []string     `json:"degraded,omitempty"` // what is missing or reduced, and why
	Reason   string       `json:"reason,omitempty"`   // why it was skipped or failed
	Tries    int          `json:"tries,omitempty"`
	Seconds  float64      `json:"seconds"`
}

// Result is the outcome of one test.
type Result struct {
	Package string       `json:"package"`
	Test    string       `json:"test"`
	Status  ResultStatus `json:"status"`
	Seconds float64      `json:"seconds"`
	Tries   int          `json:"tries,omitempty"` // if it was run more than once
	File    string       `json:"file,omitempty"`
	Line    int          `json:"line,omitempty"`
}
