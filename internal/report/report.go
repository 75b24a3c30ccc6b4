// Package report is what regreen tells: one value, the Report, and its
// renderings for a terminal, for Markdown and for programs. It knows nothing of
// networks or channels; package deliver sends what is rendered here.
package report

import (
	"fmt"
	"time"
)

// Schema names the version of the JSON form; schema/report.v1.json describes it.
const Schema = "regreen.report/v1"

// Report is one run, told once. Every renderer reads this value and nothing else. What is
// tagged redact:"never" regreen makes up by itself; see Redact.
type Report struct {
	Schema      string      `json:"schema"`
	ID          string      `json:"id" redact:"never"`
	Version     string      `json:"version"` // of regreen
	Started     time.Time   `json:"started"`
	Verdict     Verdict     `json:"verdict"`
	Fingerprint string      `json:"fingerprint,omitempty" redact:"never"` // of the new failures and the tree they are of
	Problem     *Problem    `json:"problem,omitempty"`                    // why the run could not do its work
	Environment Environment `json:"environment"`
	Shard       *Shard      `json:"shard,omitempty"` // nil of a run that searched everything
	Command     string      `json:"command"`         // the test command, as a person would type it
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
	Notes       []string    `json:"notes,omitempty"` // what was not done, and why
	Alerts      []Alert     `json:"alerts,omitempty"`
	Learning    *Learning   `json:"learning,omitempty"`
	Replay      *Replay     `json:"replay,omitempty"`
	Receipts    []Receipt   `json:"receipts,omitempty"`
	Results     []Result    `json:"results,omitempty"` // every test of the first run, where it told them
}

// Verdict is the outcome of a run.
type Verdict string

// The verdicts.
const (
	Green    Verdict = "green"    // nothing failed
	Known    Verdict = "known"    // only tests fail that fail at the base too
	Flaky    Verdict = "flaky"    // what failed passed when it was run again
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
	FailureKnown FailureStatus = "known" // it fails at the base too
	FailureFlaky FailureStatus = "flaky" // it passed when it was run again
	FailureFixed FailureStatus = "fixed" // an applied patch fixes it
)

// ClusterStatus says whether the failures of a cluster have a patch.
type ClusterStatus string

// The statuses of a cluster.
const (
	ClusterRepaired ClusterStatus = "repaired" // a verified patch makes it green
	ClusterRed      ClusterStatus = "red"      // no patch does
)

// PatchState is how far the validation of a patch came.
type PatchState string

// The states of a patch.
const (
	PatchPlausible PatchState = "plausible" // the failing tests pass
	PatchVerified  PatchState = "verified"  // the suite is as green as at the base, and repeated runs agree
	PatchRefused   PatchState = "refused"   // plausible, but another test fails or runs disagree
)

// Stage is how far an attempt came, and a step of the evidence for a patch.
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
	ResultFlaky   ResultStatus = "flaky" // it failed, and passed when it was run again
)

// Problem is an error for people: what, where, and the next command to run.
type Problem struct {
	What   string `json:"what"`
	Where  string `json:"where,omitempty"`
	Hint   string `json:"hint,omitempty"`
	Output string `json:"output,omitempty"`
}

// Environment is where the run took place and what followed from it.
type Environment struct {
	Event       string   `json:"event"`              // pre-commit, post-merge, pull_request, manual ...
	Provider    string   `json:"provider,omitempty"` // CI provider, empty on a developer's machine
	Host        string   `json:"host,omitempty"`     // github.com ...
	Mode        string   `json:"mode"`               // development or production
	ModeReasons []string `json:"mode_reasons"`       // why this mode
	Branch      string   `json:"branch,omitempty"`
	Head        string   `json:"head,omitempty"`
	Base        string   `json:"base,omitempty"` // empty when there is none
	Fork        bool     `json:"fork,omitempty"`
	Policy      string   `json:"policy"` // auto, always or never
	Budget      float64  `json:"budget"` // seconds
}

// Shard says which part of all candidates a run has searched.
type Shard struct {
	Index int `json:"index"` // from 1
	Total int `json:"total"`
}

// Why is why the run of a shard applies nothing.
func (s Shard) Why() string {
	return fmt.Sprintf("one of %d shards only proposes, and the merge of their reports picks", s.Total)
}

// MaxShards bounds how many runs share a search.
const MaxShards = 256

// Tests counts the tests of the first run.
type Tests struct {
	Packages           int `json:"packages"`
	Passed             int `json:"passed"`
	Failed             int `json:"failed"`
	Skipped            int `json:"skipped"`
	UnaffectedPackages int `json:"unaffected_packages,omitempty"` // packages that the change cannot break, which were not run
	UnfinishedPackages int `json:"unfinished_packages,omitempty"` // packages that were not run to their end within the time there was
}

// Bypass is a commit that was made, here and of late, without its tests.
type Bypass struct {
	Commit  string    `json:"commit"`
	Subject string    `json:"subject"`
	Why     string    `json:"why"`
	When    time.Time `json:"when"`
}

// Failure is a failing test.
type Failure struct {
	ID        string        `json:"id"`                 // package.Test/sub
	Language  string        `json:"language,omitempty"` // whose test it is, as --lang takes it
	Package   string        `json:"package"`
	Test      string        `json:"test,omitempty"`
	Kind      string        `json:"kind"`
	Status    FailureStatus `json:"status"`
	Message   string        `json:"message"`
	File      string        `json:"file,omitempty"`
	Line      int           `json:"line,omitempty"`
	Output    string        `json:"output,omitempty"`
	Truncated int           `json:"truncated,omitempty"` // bytes of output left out
	Cluster   int           `json:"cluster,omitempty"`   // 1-based index into Clusters, 0 for none
}

// Cluster is a group of failures taken to have one cause.
type Cluster struct {
	Cause    string        `json:"cause"`
	Failures []string      `json:"failures"` // Failure.ID
	Status   ClusterStatus `json:"status"`
	Patch    string        `json:"patch,omitempty" redact:"never"` // Patch.ID of the one kept
}

// Origin is the commit that the failures came in with.
type Origin struct {
	Commit        string `json:"commit"`
	Subject       string `json:"subject"`
	Author        string `json:"author"`
	Merge         bool   `json:"merge,omitempty"` // its parents do not fail: what they change does together
	CommitsTested int    `json:"commits_tested"`  // commits that were tested to find it
	CommitsTotal  int    `json:"commits_total"`   // commits that it could have been
}

// Culprit is the least part of the change that makes the tests fail.
type Culprit struct {
	Commit        string `json:"commit,omitempty"` // where the change is one commit's
	Files         []Span `json:"files"`
	Diff          string `json:"diff"`           // unified
	Minimal       bool   `json:"minimal"`        // false when the budget ended the search
	SubsetsTested int    `json:"subsets_tested"` // how many subsets of hunks were tested
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
	Title       string       `json:"title"` // what it does, for people
	Rank        int          `json:"rank"`  // 1 is best; among the patches of its cluster
	Cluster     int          `json:"cluster"`
	State       PatchState   `json:"state"`
	Reason      string       `json:"reason,omitempty"` // why it is not verified
	Applied     bool         `json:"applied"`
	Staged      bool         `json:"staged,omitempty"` // applied to the index too, for the commit that was made
	Confidence  float64      `json:"confidence"`       // 0 to 1
	TrackRecord *TrackRecord `json:"track_record,omitempty"`
	SameLines   int          `json:"same_lines,omitempty"` // how many other patches of its cluster change the same lines
	NeedsReview bool         `json:"needs_review"`
	Files       []Span       `json:"files"`
	Diff        string       `json:"diff"`               // unified, applies with regreen apply --patch
	Redacted    bool         `json:"redacted,omitempty"` // the diff held a secret, and does not apply
	Evidence    []Evidence   `json:"evidence"`
	After       *Tests       `json:"after,omitempty"`      // the whole suite with the patch, to compare with Report.Tests
	StackedOn   []string     `json:"stacked_on,omitempty"` // Patch.ID of those that were in the tree it was made for and tested on
	Ranking     *Ranking     `json:"ranking,omitempty"`
	Origin      *PatchOrigin `json:"origin,omitempty"` // nil when the strategy says it all
}

// PatchOrigin is where a candidate came from, where its strategy asks others.
type PatchOrigin struct {
	Source     string  `json:"source"`                // what sort of source it is: model or agent
	Name       string  `json:"name,omitempty"`        // as it is configured
	Model      string  `json:"model,omitempty"`       // as the source calls it
	Form       string  `json:"form,omitempty"`        // what it was made of: an ingredient or a patch
	Answer     string  `json:"answer,omitempty"`      // which of the source's answers it is from
	PromptHash string  `json:"prompt_hash,omitempty"` // hash of what was asked
	Seconds    float64 `json:"seconds,omitempty"`     // that the answer took, with all that it held
	Dollars    float64 `json:"dollars,omitempty"`     // that the answer cost, with all that it held
}

// Standing is what ranks a patch among those of its cluster, also among those of other
// shards.
type Ranking struct {
	Phase           int     `json:"phase"`                   // of the searches for the cluster, which one found it: 1 tries what one strategy fixes completely, 2 is the main one, 3 the last resort
	Fixes           int     `json:"fixes"`                   // failing tests that it fixes
	StillFailing    int     `json:"still_failing,omitempty"` // tests that fail when it only makes the package compile
	Screened        bool    `json:"screened"`                // the other tests of its packages passed before it was ranked
	Likelihood      float64 `json:"likelihood"`              // the probability, up to a factor, that a person would have made this change
	RivalLikelihood float64 `json:"rival_likelihood"`        // what those are worth together that its search left out and that would have passed
	Removed         float64 `json:"removed"`                 // share of behaviour that it takes away
}

// History is what became of earlier patches of the same strategy for the same kind of
// failure: the experience behind a confidence.
type TrackRecord struct {
	Kept    int `json:"kept"`    // applied, and not taken back so far
	Applied int `json:"applied"` // applied
}

// Evidence is one proof a patch went through.
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
	Candidate string         `json:"candidate,omitempty" redact:"never"` // names what it changes: the same in every run on the same tree
	Strategy  string         `json:"strategy"`
	File      string         `json:"file"`
	Line      int            `json:"line"`
	Stage     Stage          `json:"stage"` // how far it came
	Verdict   AttemptVerdict `json:"verdict"`
	Seconds   float64        `json:"seconds"`
	Reason    string         `json:"reason,omitempty"`
	Origin    *PatchOrigin   `json:"origin,omitempty"`
}

// Stats counts the candidates and splits the wall time.
type Stats struct {
	Generated       int                `json:"generated"`
	Pruned          int                `json:"pruned"`
	IllTyped        int                `json:"ill_typed"`
	Validated       int                `json:"validated"`
	Plausible       int                `json:"plausible"`
	Verified        int                `json:"verified"`
	Sampled         int                `json:"sampled,omitempty"`          // of those rejected, tried once more each in a process of its own
	WronglyRejected int                `json:"wrongly_rejected,omitempty"` // of those sampled, that passed there
	Dollars         float64            `json:"dollars,omitempty"`          // that strategies have spent
	Seconds         map[string]float64 `json:"seconds"`                    // by stage: detect test localize propose build validate confirm report
}

// Alert is a pattern that somebody has to know of.
type Alert struct {
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"` // what to do about it
}

// Learning is what regreen has learnt so far, as it stood when the run ended.
type Learning struct {
	Strategies []Posterior `json:"strategies"` // those with evidence, the most first
	Trend      []Period    `json:"trend"`      // the oldest first
}

// Posterior is the belief how often a strategy is right, a Beta distribution.
type Posterior struct {
	Strategy string  `json:"strategy"`
	Alpha    float64 `json:"alpha"`
	Beta     float64 `json:"beta"`
}

// Period is what runs came to in a span of time.
type Period struct {
	Start    time.Time `json:"start"`
	Runs     int       `json:"runs"`     // that searched for a patch
	Repaired int       `json:"repaired"` // of these, that found a verified one
}

// Replay is what it takes to do the same run again.
type Replay struct {
	Command   string   `json:"command"` // regreen replay ID
	Args      []string `json:"args"`    // of regreen
	Seed      uint64   `json:"seed"`
	Tree      string   `json:"tree,omitempty"`      // hash of the tree that was tested, as git write-tree gives it
	Config    string   `json:"config,omitempty"`    // SHA-256 of the configuration in force
	Toolchain string   `json:"toolchain,omitempty"` // version of what ran the tests, as go1.26.1
	System    string   `json:"system"`              // operating system and architecture, as linux/amd64
	// Weights are those that the strategies had, by kind of failure and strategy: they
	// are drawn from what was learnt, which goes on.
	Weights map[string]map[string]float64 `json:"weights,omitempty"`
	// Network are the strategies that asked others, who may answer differently the next
	// time: a run with any cannot be done again exactly.
	NetworkStrategies []string `json:"network_strategies,omitempty"`
}

// Receipt tells what became of the report in one channel.
type Receipt struct {
	Channel  string       `json:"channel" redact:"never"`
	State    ReceiptState `json:"state"`
	Where    string       `json:"where,omitempty"`    // address of what was made: a file or a URL
	Degraded []string     `json:"degraded,omitempty"` // what is less than it could be, and why
	Reason   string       `json:"reason,omitempty"`   // why it was skipped or failed
	Tries    int          `json:"tries,omitempty"`
	Seconds  float64      `json:"seconds"`
}

// Result is what became of one test.
type Result struct {
	Package string       `json:"package"`
	Test    string       `json:"test"`
	Status  ResultStatus `json:"status"`
	Seconds float64      `json:"seconds"`
	Tries   int          `json:"tries,omitempty"` // when it was run more than once
	File    string       `json:"file,omitempty"`
	Line    int          `json:"line,omitempty"`
}
