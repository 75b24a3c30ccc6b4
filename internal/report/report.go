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

// Problem is an error for people: what, where, and the next command to run.
type Problem struct {
	What   string `json:"what"`
	Where  string `json:"where,omitempty"`
	Hint   string `json:"hint,omitempty"`
	Output string `json:"output,omitempty"`
}

// Environment is where the run took place and what followed from it.
type Environment struct {
	Event    string   `json:"event"`              // pre-commit, post-merge, pull_request, manual ...
	Provider string   `json:"provider,omitempty"` // CI provider, empty on a developer's machine
	Host     string   `json:"host,omitempty"`     // github.com ...
	Mode     string   `json:"mode"`               // development or production
	Reasons  []string `json:"reasons"`            // why this mode
	Branch   string   `json:"branch,omitempty"`
	Head     string   `json:"head,omitempty"`
	Base     string   `json:"base,omitempty"` // empty when there is none
	Fork     bool     `json:"fork,omitempty"`
	Policy   string   `json:"policy"` // auto, always or never
	Budget   float64  `json:"budget"` // seconds
}

// Shard says which part of all candidates a run has searched.
type Shard struct {
	Index int `json:"index"` // from 1
	Of    int `json:"of"`
}

// Why is why the run of a shard applies nothing.
func (s Shard) Why() string {
	return fmt.Sprintf("one of %d shards only proposes, and the merge of their reports picks", s.Of)
}

// MaxShards bounds how many runs share a search.
const MaxShards = 256

// Tests counts the tests of the first run.
type Tests struct {
	Packages  int `json:"packages"`
	Passed    int `json:"passed"`
	Failed    int `json:"failed"`
	Skipped   int `json:"skipped"`
	Unreached int `json:"unreached,omitempty"` // packages that the change cannot break, which were not run
	Late      int `json:"late,omitempty"`      // packages that were not run to their end within the time there was
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
	ID        string `json:"id"`                 // package.Test/sub
	Language  string `json:"language,omitempty"` // whose test it is, as --lang takes it
	Package   string `json:"package"`
	Test      string `json:"test,omitempty"`
	Kind      string `json:"kind"`
	Status    string `json:"status"` // new, known (fails at the base too), flaky, or fixed by an applied patch
	Message   string `json:"message"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Output    string `json:"output,omitempty"`
	Truncated int    `json:"truncated,omitempty"` // bytes of output left out
	Cluster   int    `json:"cluster,omitempty"`   // 1-based index into Clusters, 0 for none
}

// Cluster is a group of failures taken to have one cause.
type Cluster struct {
	Cause    string   `json:"cause"`
	Failures []string `json:"failures"`                       // Failure.ID
	Status   string   `json:"status"`                         // repaired or red
	Patch    string   `json:"patch,omitempty" redact:"never"` // Patch.ID of the one kept
}

// Origin is the commit that the failures came in with.
type Origin struct {
	Commit  string `json:"commit"`
	Subject string `json:"subject"`
	Author  string `json:"author"`
	Merge   bool   `json:"merge,omitempty"` // its parents do not fail: what they change does together
	Tests   int    `json:"tests"`           // commits that were tested to find it
	Of      int    `json:"of"`              // commits that it could have been
}

// Culprit is the least part of the change that makes the tests fail.
type Culprit struct {
	Commit  string `json:"commit,omitempty"` // where the change is one commit's
	Files   []Span `json:"files"`
	Diff    string `json:"diff"`    // unified
	Minimal bool   `json:"minimal"` // false when the budget ended the search
	Tests   int    `json:"tests"`   // how many subsets of hunks were tested
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
	State       string       `json:"state"`            // plausible, verified or refused
	Reason      string       `json:"reason,omitempty"` // why it is not verified
	Applied     bool         `json:"applied"`
	Staged      bool         `json:"staged,omitempty"` // applied to the index too, for the commit that was made
	Confidence  float64      `json:"confidence"`       // 0 to 1
	History     *History     `json:"history,omitempty"`
	Agrees      int          `json:"agrees,omitempty"` // how many other patches of its cluster change the same lines
	NeedsReview bool         `json:"needs_review"`
	Files       []Span       `json:"files"`
	Diff        string       `json:"diff"`               // unified, applies with regreen apply --patch
	Redacted    bool         `json:"redacted,omitempty"` // the diff held a secret, and does not apply
	Evidence    []Evidence   `json:"evidence"`
	After       *Tests       `json:"after,omitempty"` // the whole suite with the patch, to compare with Report.Tests
	On          []string     `json:"on,omitempty"`    // Patch.ID of those that were in the tree it was made for and tested on
	Standing    *Standing    `json:"standing,omitempty"`
	Origin      *PatchOrigin `json:"origin,omitempty"` // nil when the strategy says it all
}

// PatchOrigin is where a candidate came from, where its strategy asks others.
type PatchOrigin struct {
	Source  string  `json:"source"`            // what sort of source it is: model or agent
	Name    string  `json:"name,omitempty"`    // as it is configured
	Model   string  `json:"model,omitempty"`   // as the source calls it
	Form    string  `json:"form,omitempty"`    // what it was made of: an ingredient or a patch
	Answer  string  `json:"answer,omitempty"`  // which of the source's answers it is from
	Prompt  string  `json:"prompt,omitempty"`  // hash of what was asked
	Seconds float64 `json:"seconds,omitempty"` // that the answer took, with all that it held
	Dollars float64 `json:"dollars,omitempty"` // that the answer cost, with all that it held
}

// Standing is what ranks a patch among those of its cluster, also among those of other
// shards.
type Standing struct {
	Turn     int     `json:"turn"`           // of the searches for the cluster, which one found it: 1 tries what one strategy fixes completely, 2 is the main one, 3 the last resort
	Fixes    int     `json:"fixes"`          // failing tests that it fixes
	Left     int     `json:"left,omitempty"` // tests that fail when it only makes the package compile
	Screened bool    `json:"screened"`       // the other tests of its packages passed before it was ranked
	Worth    float64 `json:"worth"`          // the probability, up to a factor, that a person would have made this change
	Rivals   float64 `json:"rivals"`         // what those are worth together that its search left out and that would have passed
	Removed  float64 `json:"removed"`        // share of behaviour that it takes away
}

// History is what became of earlier patches of the same strategy for the same kind of
// failure: the experience behind a confidence.
type History struct {
	Kept int `json:"kept"` // applied, and not taken back so far
	Of   int `json:"of"`   // applied
}

// Evidence is one proof a patch went through.
type Evidence struct {
	Step    string  `json:"step"` // failing-tests, dependents, suite, repeat
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
	ID        string       `json:"id" redact:"never"`
	Candidate string       `json:"candidate,omitempty" redact:"never"` // names what it changes: the same in every run on the same tree
	Strategy  string       `json:"strategy"`
	File      string       `json:"file"`
	Line      int          `json:"line"`
	Stage     string       `json:"stage"`   // propose, type-check, screen, failing-tests, dependents, suite, repeat
	Verdict   string       `json:"verdict"` // pruned, ill_typed, rejected, plausible, verified or refused
	Seconds   float64      `json:"seconds"`
	Reason    string       `json:"reason,omitempty"`
	Origin    *PatchOrigin `json:"origin,omitempty"`
}

// Stats counts the candidates and splits the wall time.
type Stats struct {
	Generated int                `json:"generated"`
	Pruned    int                `json:"pruned"`
	IllTyped  int                `json:"ill_typed"`
	Validated int                `json:"validated"`
	Plausible int                `json:"plausible"`
	Verified  int                `json:"verified"`
	Sampled   int                `json:"sampled,omitempty"`  // of those rejected, tried once more each in a process of its own
	WrongNo   int                `json:"wrong_no,omitempty"` // of those sampled, that passed there
	Dollars   float64            `json:"dollars,omitempty"`  // that strategies have spent
	Seconds   map[string]float64 `json:"seconds"`            // by stage: detect test localize propose build validate confirm report
}

// Alert is a pattern that somebody has to know of.
type Alert struct {
	Level string `json:"level"` // warning or error
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
	Network []string `json:"network,omitempty"`
}

// Receipt tells what became of the report in one channel.
type Receipt struct {
	Channel  string   `json:"channel" redact:"never"`
	State    string   `json:"state"`              // sent, skipped or failed
	Where    string   `json:"where,omitempty"`    // address of what was made: a file or a URL
	Degraded []string `json:"degraded,omitempty"` // what is less than it could be, and why
	Reason   string   `json:"reason,omitempty"`   // why it was skipped or failed
	Tries    int      `json:"tries,omitempty"`
	Seconds  float64  `json:"seconds"`
}

// Result is what became of one test.
type Result struct {
	Package string  `json:"package"`
	Test    string  `json:"test"`
	Status  string  `json:"status"` // passed, failed, skipped or flaky
	Seconds float64 `json:"seconds"`
	Tries   int     `json:"tries,omitempty"` // when it was run more than once
	File    string  `json:"file,omitempty"`
	Line    int     `json:"line,omitempty"`
}
