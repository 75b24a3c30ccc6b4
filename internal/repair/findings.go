package repair

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// The report gets everything as soon as it is found, so that a run that ends early reports all
// that is known by then.

func (r *run) reportEnvironment() {
	e := r.opt.Subject.Environment
	r.report.ID = r.id
	if r.opt.Limits.Shard.Total > 0 {
		r.report.Shard = &r.opt.Limits.Shard
	}
	r.report.Environment = report.Environment{
		Event: e.Event, Provider: e.Provider, Host: e.Host, Mode: string(e.Mode), ModeReasons: e.Reasons,
		Branch: e.Branch, Head: e.Head, Fork: e.Fork, Policy: r.opt.Decision.Policy, Budget: r.opt.Limits.Budget.Seconds(),
	}
}

// reportProblem turns an error into the report's Problem. It returns false if the error says
// nothing about the user's tree.
func (r *run) reportProblem(err error) bool {
	r.report.Verdict = report.NotRun
	var notRun *testrun.NotRunError
	var git *repo.Error
	switch {
	case errors.As(err, &notRun):
		r.report.Problem = &report.Problem{What: notRun.What, Where: r.inRepository(notRun.Where), Hint: notRun.Hint(), Output: r.inRepository(notRun.Output)}
	case errors.As(err, &git):
		r.report.Problem = &report.Problem{What: git.Err.Error(), Where: git.Path, Hint: git.Hint()}
	default:
		return false
	}
	return true
}

// inRepository replaces the paths of the export, which the user does not know, with those of the
// user's tree.
func (r *run) inRepository(text string) string {
	if r.export == nil {
		return text
	}
	return r.export.Original(r.opt.Subject.Repo.Root(), text)
}

func (r *run) reportFailure(p *project, f testrun.Failure, status report.FailureStatus) {
	failure := report.Failure{
		ID: f.TestID.String(), Language: p.Name, Package: f.Package, Test: f.Test, Kind: string(f.Kind), Status: status,
		Message: r.inRepository(f.Message), File: f.File, Line: f.Line, Output: r.inRepository(f.Output), Truncated: f.Truncated,
		PassesAlone: len(f.Needs) > 0,
	}
	for _, id := range f.Needs {
		if id.Test != "" {
			failure.After = append(failure.After, id.Test)
		}
	}
	r.report.Failures = append(r.report.Failures, failure)
}

// addCluster adds a cluster of failures to the report.
func (r *run) addCluster(failures []testrun.Failure, c report.Cluster) {
	r.report.Clusters = append(r.report.Clusters, c)
	number := len(r.report.Clusters)
	for _, f := range failures {
		r.report.Clusters[number-1].Failures = append(r.report.Clusters[number-1].Failures, f.TestID.String())
		for i := range r.report.Failures {
			if r.report.Failures[i].ID == f.TestID.String() && r.report.Failures[i].Status == report.FailureNew {
				r.report.Failures[i].Cluster = number
			}
		}
	}
}

// addRepairedCluster adds a cluster with the failures that a patch turned green.
func (r *run) addRepairedCluster(before, after []testrun.Failure) {
	green := slices.DeleteFunc(slices.Clone(before), func(f testrun.Failure) bool { return contains(after, f.TestID) })
	if len(green) == 0 {
		return
	}
	number := len(r.report.Clusters) + 1
	c := report.Cluster{Status: report.ClusterRepaired}
	for i := range r.report.Patches {
		p := &r.report.Patches[i]
		if p.Cluster == number && p.Rank == 1 {
			c.Patch = p.ID
			c.Cause = p.Title
		}
	}
	if kept := r.keptPatches(); c.Patch == "" && len(kept) > 0 {
		last := kept[len(kept)-1] // a patch for another language that fixed this one as well
		c.Patch, c.Cause = last.ID, last.Title
	}
	r.addCluster(green, c)
}

// addRedCluster adds a cluster with failures without a patch.
func (r *run) addRedCluster(failures []testrun.Failure) {
	cause := failures[0].Message
	r.addCluster(failures, report.Cluster{Cause: cause, Status: report.ClusterRed})
}

// maxSuspects bounds the suspects in a report.
const maxSuspects = 20

func (r *run) reportSuspects(suspects []localize.Suspect) {
	for i, s := range suspects {
		if i == maxSuspects {
			break
		}
		out := report.Suspect{Span: report.Span{File: s.File, Start: s.Start, End: s.End}, Score: round(s.Score)}
		for _, why := range s.Why {
			out.Why = append(out.Why, why.Text)
		}
		r.report.Suspects = append(r.report.Suspects, out)
	}
}

// reportPrevious copies what another run found out about the same failures of the same tree.
// Its patches keep their IDs, which users may know.
func (r *run) reportPrevious(previous *report.Report) {
	r.report.Clusters, r.report.Patches, r.report.Suspects = previous.Clusters, previous.Patches, previous.Suspects
	r.report.Origin, r.report.Culprit = previous.Origin, previous.Culprit
	cluster := make(map[string]int)
	for _, f := range previous.Failures {
		cluster[f.ID] = f.Cluster
	}
	for i := range r.report.Failures {
		f := &r.report.Failures[i]
		if c := cluster[f.ID]; f.Status == report.FailureNew && c <= len(previous.Clusters) {
			f.Cluster = c
		}
	}
	if previous.Verdict == report.Proposed || previous.Verdict == report.Partial {
		r.report.Verdict = previous.Verdict
	}
}

func (r *run) reportAttempts(results []validate.Result) {
	stats := &r.report.Stats
	for _, res := range results {
		r.reportAttempt(res.Candidate, report.AttemptVerdict(res.Verdict), report.Stage(res.Stage), res.Seconds, res.Reason)
		switch res.Verdict {
		case validate.Pruned:
			stats.Pruned++
		case validate.IllTyped:
			stats.IllTyped++
		default:
			stats.Validated++
		}
		if res.Verdict == validate.Plausible || res.Verdict == validate.Refused || res.Verdict == validate.Verified {
			stats.Plausible++
		}
		if res.Verdict == validate.Verified {
			stats.Verified++
		}
	}
}

// reportFirstVerdict is called when candidates have verdicts.
func (r *run) reportFirstVerdict() {
	if stats := &r.report.Stats; stats.FirstVerdictSeconds == 0 {
		stats.FirstVerdictSeconds = round(time.Since(r.searchBegan).Seconds())
	}
}

func (r *run) reportAttempt(c *propose.Candidate, verdict report.AttemptVerdict, stage report.Stage, seconds float64, reason string) {
	id := fmt.Sprintf("a%d", len(r.report.Attempts)+1)
	c.ID = id
	r.report.Attempts = append(r.report.Attempts, report.Attempt{
		ID: id, Candidate: keyOf(c), Strategy: c.Strategy, File: c.File(), Line: c.Line, Stage: stage, Verdict: verdict,
		Seconds: math.Round(seconds*1e4) / 1e4, Reason: testrun.FirstLine(reason), Origin: origin(c),
	})
}

// keyOf returns a candidate's key as text, for the report and the store.
func keyOf(c *propose.Candidate) string { return fmt.Sprintf("%016x", c.Key) }

// origin returns where a candidate came from, as its strategy says. It is foreign text.
func origin(c *propose.Candidate) *report.PatchOrigin {
	o := c.Origin
	if o == nil {
		return nil
	}
	return &report.PatchOrigin{
		Source: testrun.OneLine(o.Source), Name: testrun.OneLine(o.Name), Model: testrun.OneLine(o.Model), Form: testrun.OneLine(o.Form),
		Answer: testrun.OneLine(o.Answer), PromptHash: testrun.OneLine(o.Prompt), Seconds: figure(o.Seconds), Dollars: figure(o.Dollars),
	}
}

// figure turns a strategy's number into one that a report may have.
func figure(x float64) float64 {
	const most = 1e9
	if math.IsNaN(x) {
		return 0
	}
	return math.Round(min(max(x, 0), most)*1e6) / 1e6
}

// maxPatches bounds the plausible patches of a cluster in a report.
const maxPatches = 50

// reportPatches adds the plausible candidates of the next cluster, the winner first.
func (s *search) reportPatches(plausible []*validate.Result, winner *validate.Result) {
	r, means, rivals := s.run, s.run.priorMeans(), s.rivals()
	var on []string
	for _, p := range r.keptPatches() {
		on = append(on, p.ID)
	}
	ordered := slices.Clone(plausible)
	sort.SliceStable(ordered, func(i, j int) bool { return tier(ordered[i], winner) < tier(ordered[j], winner) })
	cluster := len(r.report.Clusters) + 1
	if len(ordered) > maxPatches {
		r.note(fmt.Sprintf("%d more plausible patches are not listed", len(ordered)-maxPatches))
	}
	unlisted := 0.0
	for _, res := range ordered[min(len(ordered), maxPatches):] {
		if res.Verdict != validate.Refused {
			unlisted += likelihood(res.Candidate, means)
		}
	}
	for i, res := range ordered[:min(len(ordered), maxPatches)] {
		left := 0
		if s.target.Revealed {
			left = res.StillFailing
		}
		p := report.Patch{
			ID: fmt.Sprintf("%s-%d", r.id, len(r.report.Patches)+1), Attempt: res.Candidate.ID, Strategy: res.Candidate.Strategy,
			Title: res.Candidate.Title, Rank: i + 1, Cluster: cluster, State: report.PatchState(res.Verdict), Reason: res.Reason,
			NeedsReview: res.Candidate.Review, Confidence: round(confidence(res, plausible, rivals, means)),
			StackedOn: on, Origin: origin(res.Candidate),
			Ranking: &report.Ranking{
				Phase: s.phase, Fixes: len(res.Fixes), StillFailing: left, Screened: res.Screened,
				Likelihood: likelihood(res.Candidate, means), RivalLikelihood: rivals + unlisted, Removed: res.Candidate.Removed,
			},
		}
		for _, e := range res.Evidence {
			p.Evidence = append(p.Evidence, report.Evidence{Step: report.Stage(e.Step), Passed: e.Passed, Detail: e.Detail, Seconds: round(e.Seconds)})
			if e.Step == validate.StageSuite {
				p.After = &report.Tests{Packages: e.Tests.Packages, Passed: e.Tests.Passed, Failed: e.Tests.Failed, Skipped: e.Tests.Skipped}
			}
		}
		files, err := res.Candidate.Files(s.cluster.tree)
		if err != nil {
			continue
		}
		p.Diff, p.Files = diff(s.cluster.tree, files)
		r.report.Patches = append(r.report.Patches, p)
	}
	report.Agree(r.report.Patches, cluster)
}

// reportResults adds the results of all tests of the first runs.
func (r *run) reportResults() {
	flaky := make(map[string]bool)
	for _, f := range r.report.Failures {
		flaky[f.ID] = f.Status == report.FailureFlaky
	}
	add := func(first *testrun.Result, id testrun.TestID, status report.ResultStatus, at testrun.Location) {
		if id.Test == "" {
			return // a package as a whole
		}
		res := report.Result{Package: id.Package, Test: id.Test, Status: status, Seconds: first.Took[id], File: at.File, Line: at.Line}
		if _, again := flaky[id.String()]; again {
			res.Tries = 2
		}
		r.report.Results = append(r.report.Results, res)
	}
	for _, p := range r.projects {
		if p.first == nil {
			continue
		}
		for _, id := range p.first.Passed {
			add(p.first, id, report.ResultPassed, testrun.Location{})
		}
		for _, id := range p.first.Skipped {
			add(p.first, id, report.ResultSkipped, testrun.Location{})
		}
		for _, f := range p.first.Failures {
			status := report.ResultFailed
			if flaky[f.TestID.String()] {
				status = report.ResultFlaky
			}
			add(p.first, f.TestID, status, f.Location)
		}
	}
	slices.SortStableFunc(r.report.Results, func(a, b report.Result) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Test, b.Test))
	})
}

// tier orders the winner first, then candidates that other tests passed with, then other
// plausible ones, then refused ones.
func tier(res, winner *validate.Result) int {
	switch {
	case res == winner:
		return 0
	case res.Verdict == validate.Refused:
		return 3
	case !res.Screened:
		return 2
	}
	return 1
}

// diff returns the unified diff from a tree to files, and the lines that it changes.
func diff(tree *propose.Tree, files map[string][]byte) (string, []report.Span) {
	var out []patch.File
	var spans []report.Span
	for _, name := range slices.Sorted(maps.Keys(files)) {
		old, err := tree.Read(name)
		oldName, newName := name, name
		if err != nil {
			oldName = ""
		}
		if files[name] == nil {
			newName = ""
		}
		f := patch.Diff(oldName, newName, old, files[name])
		out = append(out, f)
		for _, h := range f.Hunks {
			start, end := changedLines(h)
			spans = append(spans, report.Span{File: name, Start: start, End: end})
		}
	}
	return string(patch.Format(out)), spans
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }
