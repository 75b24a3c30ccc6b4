package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/plural"
)

// What the renderers share: the wording of a report, and what belongs together.

// Summary returns the report in one line of at most 200 columns, for a log or the end of a
// hook: "proposed: 2 new failures, a verified patch is ready (p-1, confidence 0.91)".
func Summary(r *Report) string {
	s := string(r.Verdict) + ": " + headline(r)
	if best := r.stories().patches(); len(best) > 0 && best[0].State == PatchVerified {
		s += fmt.Sprintf(" (%s, confidence %.2f)", oneLine(best[0].ID), best[0].Confidence)
	}
	if r.Verdict == Known {
		s += ": " + r.names(FailureKnown, func(name string) string { return name })
	}
	return cut(oneLine(s), 200)
}

// passed describes what passed, and which packages were not run.
func passed(t Tests) string {
	text := fmt.Sprintf("%s passed in %s", plural.Count(t.Passed, "test"), plural.Count(t.Packages, "package"))
	if t.Packages == 0 && t.UnaffectedPackages > 0 && t.UnfinishedPackages == 0 {
		text = "the change affects no tests"
	}
	if t.UnaffectedPackages > 0 {
		text += fmt.Sprintf(", %s skipped", plural.Count(t.UnaffectedPackages, "unaffected package"))
	}
	if t.UnfinishedPackages > 0 {
		text += fmt.Sprintf(", %s did not finish in time", plural.Count(t.UnfinishedPackages, "package"))
	}
	if t.UnrunParts > 0 {
		text += fmt.Sprintf(", %s of the tests could not run", plural.Count(t.UnrunParts, "part"))
	}
	return text
}

// notDone lists what was not done: the notes of the run, the packages that were not run, and
// the commits that nobody tested.
func (r *Report) notDone() []string {
	out := slices.Clone(r.Notes)
	if n := r.Tests.UnaffectedPackages; n > 0 {
		out = append(out, plural.Count(n, "unaffected package")+" skipped")
	}
	if n := r.Tests.UnfinishedPackages; n > 0 {
		out = append(out, plural.Count(n, "package")+" did not finish within the time for the tests")
	}
	for _, b := range r.Bypasses {
		out = append(out, fmt.Sprintf("untested commit %.12s %s (%s)", b.Commit, b.Subject, b.Why))
	}
	return out
}

// testOnly reports whether the run was of regreen test, which does not search for a patch.
func (r *Report) testOnly() bool {
	return r.Replay != nil && len(r.Replay.Args) > 0 && r.Replay.Args[0] == "test"
}

// headline returns the verdict in words, on one line, without its name.
func headline(r *Report) string {
	n := r.failures(FailureNew) + r.failures(FailureFixed)
	failures := plural.Count(n, "new failure")
	if r.Environment.Base == "" {
		failures = plural.Count(n, "failure")
	}
	switch r.Verdict {
	case Green:
		return passed(r.Tests)
	case Known:
		n := r.failures(FailureKnown)
		return fmt.Sprintf("no new failures, %s also %s at the base", plural.Count(n, "test"), plural.Verb(n, "fails", "fail"))
	case Flaky:
		return plural.Count(r.failures(FailureFlaky), "flaky test") + " failed, then passed"
	case Fixed:
		return fmt.Sprintf("%s repaired, %s applied", failures, plural.Count(max(r.applied(), 1), "verified patch"))
	case Proposed:
		if n := r.stories().verified(); n > 1 {
			return fmt.Sprintf("%s, %s are ready", failures, plural.Count(n, "verified patch"))
		}
		return failures + ", a verified patch is ready"
	case Partial:
		return fmt.Sprintf("%s, verified patches for %d of %s", failures, r.repaired(), plural.Count(len(r.Clusters), "cause"))
	case Red:
		if n := r.plausible(); n > 0 {
			return fmt.Sprintf("%s, %s, none verified", failures, plural.Count(n, "plausible patch"))
		}
		if !r.searched() {
			return failures
		}
		return failures + ", no patch found"
	case NotRun:
		if r.Problem != nil {
			return oneLine(r.Problem.What)
		}
		return "the tests could not be run"
	}
	return failures
}

// ReadID is the prefix of the IDs of reports made from the results of other tools, which
// are not stored.
const ReadID = "read-"

// onCI reports whether the run was on a CI service, whose machine is gone after it.
func (r *Report) onCI() bool { return r.Environment.Provider != "" }

// showCommand returns the command that shows the report, or "" if it is not stored.
func (r *Report) showCommand() string {
	if !typable(r.ID) || strings.HasPrefix(r.ID, ReadID) || r.onCI() {
		return ""
	}
	return "regreen report " + r.ID
}

// searched reports whether there was a search for a patch.
func (r *Report) searched() bool {
	return r.Stats.Generated > 0 || len(r.Attempts) > 0 || r.Stats.Seconds["propose"] > 0
}

// title returns the headline for places that do not show the verdict's name.
func title(r *Report) string {
	if r.Verdict == NotRun && r.Problem != nil {
		return "not run: " + headline(r)
	}
	return headline(r)
}

// passes reports whether the verdict does not block.
func (r *Report) passes() bool {
	return slices.Contains([]Verdict{Green, Known, Flaky, Fixed}, r.Verdict)
}

// Settle updates the status of the failures after patches were applied or rolled back: a
// failure is fixed while the patch of its cluster is applied, and new otherwise.
func (r *Report) Settle() {
	for i := range r.Failures {
		f := &r.Failures[i]
		if f.Cluster < 1 || f.Cluster > len(r.Clusters) || f.Status != FailureNew && f.Status != FailureFixed {
			continue
		}
		kept := r.Clusters[f.Cluster-1].Patch
		f.Status = FailureNew
		if slices.ContainsFunc(r.Patches, func(p Patch) bool { return p.ID == kept && p.Applied }) {
			f.Status = FailureFixed
		}
	}
}

func (r *Report) failures(status FailureStatus) int {
	return tally(r.Failures, func(f Failure) bool { return f.Status == status })
}

func (r *Report) applied() int {
	return tally(r.Patches, func(p Patch) bool { return p.Applied })
}

func (r *Report) plausible() int {
	return tally(r.Patches, func(p Patch) bool { return p.State == PatchPlausible })
}

func (r *Report) repaired() int {
	return tally(r.Clusters, func(c Cluster) bool { return c.Status == ClusterRepaired })
}

func tally[T any](all []T, is func(T) bool) int {
	n := 0
	for _, v := range all {
		if is(v) {
			n++
		}
	}
	return n
}

// story is a cluster with its failures and patches, or those without a cluster.
type story struct {
	cluster  *Cluster // nil for those without a cluster
	failures []Failure
	best     *Patch // the one kept, otherwise the best ranked; nil without plausible patches
	others   []Patch
}

type stories []story

// stories groups the new failures and the patches by cluster, in the order of the clusters,
// without empty groups.
func (r *Report) stories() stories {
	all := make(stories, len(r.Clusters)+1)
	place := func(cluster int) *story {
		if cluster < 1 || cluster > len(r.Clusters) {
			return &all[len(r.Clusters)]
		}
		return &all[cluster-1]
	}
	for i := range r.Clusters {
		all[i].cluster = &r.Clusters[i]
	}
	for _, f := range r.Failures {
		if f.Status != FailureKnown && f.Status != FailureFlaky {
			s := place(f.Cluster)
			s.failures = append(s.failures, f)
		}
	}
	for _, p := range r.Patches {
		s := place(p.Cluster)
		s.others = append(s.others, p)
	}
	for i := range all {
		all[i].choose()
	}
	return slices.DeleteFunc(all, func(s story) bool {
		return s.cluster == nil && len(s.failures) == 0 && s.best == nil && len(s.others) == 0
	})
}

// choose sorts the patches and moves the best out of the others.
func (s *story) choose() {
	kept := ""
	if s.cluster != nil {
		kept = s.cluster.Patch
	}
	class := func(p Patch) int {
		switch {
		case p.ID == kept || p.Applied:
			return 0
		case p.State == PatchVerified:
			return 1
		case p.State == PatchPlausible:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(s.others, func(a, b Patch) int {
		return cmp.Or(cmp.Compare(class(a), class(b)), cmp.Compare(a.Rank, b.Rank))
	})
	if len(s.others) > 0 && class(s.others[0]) < 3 {
		s.best, s.others = &s.others[0], s.others[1:]
	}
}

// patches returns the best patches, in the order of the clusters.
func (all stories) patches() []*Patch {
	var best []*Patch
	for _, s := range all {
		if s.best != nil {
			best = append(best, s.best)
		}
	}
	return best
}

// verified counts the clusters whose best patch is verified.
func (all stories) verified() int {
	return tally(all.patches(), func(p *Patch) bool { return p.State == PatchVerified })
}

func (all stories) others() []Patch {
	var others []Patch
	for _, s := range all {
		others = append(others, s.others...)
	}
	return others
}

// others names the known and flaky failures, with a mark-up for their names: "2 tests also fail
// at the base: TestA, TestB; 1 test is flaky: TestC".
func (r *Report) others(markup func(name string) string) string {
	var parts []string
	if n := r.failures(FailureKnown); n > 0 {
		parts = append(parts, fmt.Sprintf("%s also %s at the base: %s", plural.Count(n, "test"), plural.Verb(n, "fails", "fail"), r.names(FailureKnown, markup)))
	}
	if n := r.failures(FailureFlaky); n > 0 {
		parts = append(parts, fmt.Sprintf("%s %s flaky: %s", plural.Count(n, "test"), plural.Verb(n, "is", "are"), r.names(FailureFlaky, markup)))
	}
	return strings.Join(parts, "; ")
}

// names lists the first few failures of a status. Tests of the same name have their packages.
func (r *Report) names(status FailureStatus, markup func(name string) string) string {
	const most, longest = 5, 80
	times := map[string]int{}
	for i := range r.Failures {
		times[r.Failures[i].name()]++
	}
	var names []string
	more := 0
	for i := range r.Failures {
		f := &r.Failures[i]
		switch {
		case f.Status != status:
		case len(names) == most:
			more++
		case times[f.name()] > 1:
			names = append(names, markup(cutPath(oneLine(f.ID), longest)))
		default:
			names = append(names, markup(cut(f.name(), longest)))
		}
	}
	text := strings.Join(names, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %s more", plural.Thousands(more))
	}
	return text
}

// name returns the name of the test, or of the package if it failed as a whole.
func (f *Failure) name() string { return oneLine(cmp.Or(f.Test, f.Package, f.ID)) }

// Text returns the message, and what the failure needs in addition to the test.
func (f *Failure) Text() string {
	if !f.PassesAlone {
		return f.Message
	}
	why := "passes when run alone"
	if n := len(f.After); n > 0 {
		const most = 3
		why += "; fails after " + strings.Join(f.After[:min(n, most)], ", ")
		if n > most {
			why += fmt.Sprintf(" and %d more", n-most)
		}
	}
	if f.Message == "" {
		return why
	}
	return f.Message + " (" + why + ")"
}

// place returns "file:line", or what is known of it.
func place(file string, line int) string {
	if line > 0 && file != "" {
		return fmt.Sprintf("%s:%d", oneLine(file), line)
	}
	return oneLine(file)
}

func (s Span) String() string {
	if s.End > s.Start && s.Start > 0 {
		return fmt.Sprintf("%s:%d-%d", oneLine(s.File), s.Start, s.End)
	}
	return place(s.File, s.Start)
}

// places joins the first few spans.
func places(spans []Span) string {
	const most = 3
	var all []string
	for _, s := range spans[:min(len(spans), most)] {
		all = append(all, s.String())
	}
	if n := len(spans) - most; n > 0 {
		all = append(all, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(all, ", ")
}

// commit shortens a revision.
func commit(hash string) string {
	hash = oneLine(hash)
	if len(hash) >= 40 && strings.Trim(hash, "0123456789abcdef") == "" {
		return hash[:10]
	}
	return cut(hash, 40)
}

// text describes the commit and how it was found.
func (o *Origin) text() string {
	what := fmt.Sprintf("%.12s %s, by %s", o.Commit, oneLine(o.Subject), oneLine(o.Author))
	if o.Merge {
		what += "; neither parent fails on its own"
	}
	return fmt.Sprintf("%s (%d of %s tested)", what, o.CommitsTested, plural.Count(o.CommitsTotal, "commit"))
}

// revertCommand returns the command that reverts the commit.
func (o *Origin) revertCommand() string {
	if o.Merge {
		return fmt.Sprintf("git revert -m 1 %.12s", o.Commit)
	}
	return fmt.Sprintf("git revert %.12s", o.Commit)
}

// how describes where the culprit was found and how certain it is.
func (c *Culprit) how() string {
	s := "smallest change that fails"
	if !c.Minimal {
		s += " (may not be minimal)"
	}
	if c.SubsetsTested > 0 {
		s += ", " + plural.Count(c.SubsetsTested, "subset") + " tried"
	}
	if c.Commit != "" {
		s = "in " + commit(c.Commit) + ", " + s
	}
	return s
}

// stepNames are the words for the steps of the evidence.
var stepNames = map[Stage]string{
	StageFailingTests: "failing tests",
	StageDependents:   "dependents",
	StageSuite:        "whole suite",
	StageRepeat:       "repeats",
}

// experience describes the confidence in a patch and the reason for it.
func (p *Patch) experience() string {
	s := fmt.Sprintf("confidence %.2f", p.Confidence)
	if h := p.TrackRecord; h != nil {
		s += fmt.Sprintf(" (%d of %d similar kept)", h.Kept, h.Applied)
	}
	return s
}

// agreement describes how many of the other patches of its cluster change the same lines.
// It is "" if there are no others.
func (r *Report) agreement(p *Patch) string {
	others := tally(r.Patches, func(o Patch) bool { return o.Cluster == p.Cluster }) - 1
	switch {
	case others < 1:
		return ""
	case p.SameLines == 0 && others == 1:
		return "the other patch changes different lines"
	case p.SameLines == 0:
		return fmt.Sprintf("the %s change different lines", plural.Count(others, "other patch"))
	case p.SameLines == others && others == 1:
		return "the other patch changes the same lines"
	case p.SameLines == others:
		return fmt.Sprintf("the %s change the same lines", plural.Count(others, "other patch"))
	}
	return fmt.Sprintf("%d of %s change the same lines", p.SameLines, plural.Count(others, "other patch"))
}

// comparison counts the tests of the suite before and after a patch, or "" if unknown.
func (r *Report) comparison(p *Patch) string {
	if p.After == nil {
		return ""
	}
	tests := func(t Tests) string {
		return fmt.Sprintf("%s passed, %s failed", plural.Thousands(t.Passed), plural.Thousands(t.Failed))
	}
	return "before: " + tests(r.Tests) + "; with the patch: " + tests(*p.After)
}

// success describes how many of the recent searches found a patch. It is "" without searches.
func (l *Learning) success() string {
	if l == nil {
		return ""
	}
	runs, repaired := 0, 0
	for _, p := range l.Trend {
		runs, repaired = runs+p.Runs, repaired+p.Repaired
	}
	if runs == 0 {
		return ""
	}
	return fmt.Sprintf("%s of the last %s found a verified patch (since %s)", plural.Thousands(repaired), plural.Count(runs, "search"), l.Trend[0].Start.UTC().Format(time.DateOnly))
}

// Undelivered returns a line for each channel that the report did not reach, or only in
// reduced form.
func Undelivered(r *Report) []string { return r.undelivered() }

// undelivered is Undelivered.
func (r *Report) undelivered() []string {
	var out []string
	for _, rc := range r.Receipts {
		switch {
		case rc.State == ReceiptFailed:
			out = append(out, "not sent to "+rc.Channel+": "+rc.Reason)
		case rc.State == ReceiptSkipped && (r.Environment.Mode == "development" || r.Verdict == Green):
			// the channel is configured for CI, or there is nothing to report
		case rc.State == ReceiptSkipped:
			out = append(out, rc.Channel+" skipped: "+rc.Reason)
		case len(rc.Degraded) > 0:
			out = append(out, rc.Channel+": "+strings.Join(rc.Degraded, "; "))
		}
	}
	return out
}

// skipCommand returns the command that skips regreen in the git hook of this run, or "".
func (r *Report) skipCommand() string {
	switch r.Environment.Event {
	case "pre-commit", "pre-merge-commit":
		return "REGREEN=0 git commit"
	case "pre-push":
		return "REGREEN=0 git push"
	}
	return ""
}

// tallies counts the candidates, in one line.
func (s *Stats) tallies() string {
	if s.Generated == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %s pruned, %s ill-typed, %s validated, %s plausible, %s verified",
		plural.Count(s.Generated, "candidate"), plural.Thousands(s.Pruned), plural.Thousands(s.IllTyped),
		plural.Thousands(s.Validated), plural.Thousands(s.Plausible), plural.Thousands(s.Verified)) + s.sampling()
}

// sampling describes how many rejected candidates passed when they were tried again, if any.
func (s *Stats) sampling() string {
	if s.WronglyRejected == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s of %s rejected candidates passed when tried again)", plural.Thousands(s.WronglyRejected), plural.Thousands(s.Sampled))
}

// times returns the wall time and the stages that took most of it.
func (s *Stats) times() string {
	total := 0.0
	var stages []string
	for _, stage := range slices.Sorted(maps.Keys(s.Seconds)) {
		total += s.Seconds[stage]
		stages = append(stages, stage)
	}
	if total == 0 {
		return ""
	}
	slices.SortStableFunc(stages, func(a, b string) int { return cmp.Compare(s.Seconds[b], s.Seconds[a]) })
	var long []string
	for _, stage := range stages {
		if len(long) < 3 && s.Seconds[stage] >= total/20 {
			long = append(long, fmt.Sprintf("%s %s", oneLine(stage), seconds(s.Seconds[stage])))
		}
	}
	if len(long) == 1 {
		return seconds(total)
	}
	return fmt.Sprintf("%s (%s)", seconds(total), strings.Join(long, ", "))
}
