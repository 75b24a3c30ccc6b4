package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/bench/seeded"
	"github.com/regreen-ci/regreen/internal/lang/golang/harmless"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Result is the outcome for one bug.
type Result struct {
	ID         string             `json:"id"`
	Module     string             `json:"module"`
	Template   int                `json:"template"`
	Verdict    string             `json:"verdict,omitempty"`    // of the Report
	Plausible  int                `json:"plausible"`            // patches that make the failing tests pass
	Verified   int                `json:"verified"`             // plausible patches that passed the whole proof
	Exact      bool               `json:"exact"`                // one of the plausible patches restores the published code
	Rank       int                `json:"rank,omitempty"`       // of the exact patch among the plausible ones, from 1
	Strategy   string             `json:"strategy,omitempty"`   // of the exact patch, or else of the best-ranked one
	Candidates int                `json:"candidates"`           // that were tried
	Position   int                `json:"position,omitempty"`   // of the exact patch in the order in which candidates were tried, from 1
	First      float64            `json:"first,omitempty"`      // seconds from the start of the search to the first verdict
	Seconds    float64            `json:"seconds"`              // wall time of regreen
	Stages     map[string]float64 `json:"stages,omitempty"`     // seconds by stage
	Culprit    string             `json:"culprit,omitempty"`    // with -history: exact, more, wrong or none
	Diff       string             `json:"first_diff,omitempty"` // of the best ranked patch
	Problem    string             `json:"problem,omitempty"`    // why the bug could not be measured
}

// Totals summarizes results. Percentages are of all bugs, including those that could not
// be measured.
type Totals struct {
	Bugs             int     `json:"bugs"`
	PlausiblePercent float64 `json:"plausible_percent"`
	ExactPercent     float64 `json:"exact_percent_any_rank"`
	ExactFirst       float64 `json:"exact_percent_rank_1"`
	CulpritPercent   float64 `json:"culprit_percent,omitempty"`
	MedianSeconds    float64 `json:"median_seconds"`
	Problems         int     `json:"problems"`
}

func totals(results []Result) Totals {
	t := Totals{Bugs: len(results)}
	if len(results) == 0 {
		return t
	}
	var plausible, exact, first, culprit float64
	var seconds []float64
	for _, r := range results {
		if r.Plausible > 0 {
			plausible++
		}
		if r.Exact {
			exact++
		}
		if r.Exact && r.Rank == 1 {
			first++
		}
		if r.Culprit == culpritExact {
			culprit++
		}
		if r.Problem != "" {
			t.Problems++
		} else {
			seconds = append(seconds, r.Seconds)
		}
	}
	percent := func(n float64) float64 { return 100 * n / float64(len(results)) }
	t.PlausiblePercent, t.ExactPercent, t.ExactFirst = percent(plausible), percent(exact), percent(first)
	t.CulpritPercent = percent(culprit)
	t.MedianSeconds = median(seconds)
	return t
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	mid := len(values) / 2
	if len(values)%2 == 1 {
		return values[mid]
	}
	return (values[mid-1] + values[mid]) / 2
}

// measureAll measures the bugs. It prints a line for each when it is done, and the table
// at the end. It reports whether all could be measured.
func (b *bench) measureAll(ctx context.Context, bugs []seeded.Bug) (bool, error) {
	results := make([]Result, len(bugs))
	done := 0
	finished := make(chan Result)
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		for r := range finished {
			done++
			fmt.Fprintf(b.stderr, "[%d/%d] %s\n", done, len(bugs), b.line(r))
		}
	}()
	b.each(ctx, bugs, func(ctx context.Context, i int, dir string) {
		results[i] = b.measure(ctx, bugs[i], dir)
		if ctx.Err() == nil {
			finished <- results[i]
		}
	})
	close(finished)
	<-printed
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	sum := totals(results)
	b.print(results, sum)
	var err error
	if b.out != "" {
		err = writeJSON(b.out, struct {
			History bool     `json:"history"`
			Budget  string   `json:"budget"`
			Totals  Totals   `json:"totals"`
			Results []Result `json:"results"`
		}{b.history, b.budget.String(), sum, results})
	}
	return sum.Problems == 0, err
}

// measure makes the bug's repository in dir and runs regreen on it.
func (b *bench) measure(ctx context.Context, bug seeded.Bug, dir string) Result {
	result := Result{ID: bug.ID, Module: bug.Module, Template: bug.Template}
	problem := func(err error) Result {
		result.Problem = testrun.FirstLine(err.Error())
		return result
	}
	repo := filepath.Join(dir, "repo")
	if err := b.modules.Checkout(ctx, bug, repo); err != nil {
		return problem(err)
	}
	if err := initRepository(ctx, repo); err != nil {
		return problem(err)
	}
	var hunks []harmless.Span
	if b.history || b.commit {
		var err error
		if hunks, err = b.goodCommit(ctx, bug, repo); err != nil {
			return problem(err)
		}
	}
	original, err := bug.SeedFile(repo)
	if err != nil {
		return problem(err)
	}
	if err := commit(ctx, repo, "Change the module"); err != nil {
		return problem(err)
	}
	args := []string{"--exclude-strategies", "revert"}
	switch {
	case b.history:
		args = []string{"--base", "HEAD~1", "--strategies", "revert"} // find the culprit, not other fixes
	case b.commit:
		args = []string{"--base", "HEAD~1"}
	}
	rep, seconds, err := b.fix(ctx, repo, filepath.Join(dir, "report.json"), args)
	result.Seconds = seconds
	if err != nil {
		return problem(err)
	}
	result.Verdict = string(rep.Verdict)
	result.Candidates, result.First = rep.Stats.Validated, rep.Stats.FirstVerdictSeconds
	result.Plausible, result.Verified = count(rep.Patches)
	best, rank := exactPatch(rep.Patches, func(p report.Patch) bool { return exact(repo, bug, original, p.Diff) })
	result.Exact, result.Rank, result.Strategy = rank > 0, rank, best.Strategy
	result.Stages = rep.Stats.Seconds
	result.Position = 1 + slices.IndexFunc(rep.Attempts, func(a report.Attempt) bool { return rank > 0 && a.ID == best.Attempt })
	if top, topRank := exactPatch(rep.Patches, func(report.Patch) bool { return true }); topRank > 0 {
		result.Diff = top.Diff
		if !result.Exact {
			result.Strategy = top.Strategy
		}
	}
	if b.history {
		result.Culprit = judgeCulprit(rep.Culprit, bug, hunks)
	}
	return result
}

// goodCommit commits the module as it was before the bug, adds the harmless hunks to the tree
// and checks that they are harmless.
func (b *bench) goodCommit(ctx context.Context, bug seeded.Bug, repo string) ([]harmless.Span, error) {
	published, err := bug.UnseedFile(repo)
	if err != nil {
		return nil, err
	}
	if err := commit(ctx, repo, "Import the module"); err != nil {
		return nil, err
	}
	if bug.Before != "" {
		if _, err := test(ctx, repo); err != nil {
			return nil, fmt.Errorf("the code before is not right: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(repo, filepath.FromSlash(bug.File)), published, 0o644); err != nil {
		return nil, err
	}
	hunks, err := addHarmless(repo, bug)
	if err != nil {
		return nil, err
	}
	if b.commit {
		more, err := addMore(repo, bug)
		if err != nil {
			return nil, err
		}
		hunks = append(hunks, more...)
	}
	if _, err := test(ctx, repo); err != nil {
		return nil, fmt.Errorf("the harmless hunks are not harmless: %w", err)
	}
	return hunks, nil
}

// fix runs regreen in repo and returns its Report and the seconds it took. Exit status 1
// (still red) is expected, because nothing is applied.
func (b *bench) fix(ctx context.Context, repo, out string, extra []string) (*report.Report, float64, error) {
	// The budget does not include the tests before and after the search.
	ctx, cancel := context.WithTimeout(ctx, 2*b.budget+3*time.Minute)
	defer cancel()
	args := append([]string{
		"fix", "--repo", repo, "--budget", b.budget.String(), "--apply", "never", "--seed", "1", "--json", out,
	}, extra...)
	began := time.Now()
	_, runErr := seeded.Run(ctx, repo, b.regreen, args...)
	seconds := time.Since(began).Seconds()
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, seconds, fmt.Errorf("regreen wrote no report: %w", errors.Join(runErr, ctx.Err()))
	}
	rep := new(report.Report)
	if err := json.Unmarshal(data, rep); err != nil {
		return nil, seconds, fmt.Errorf("regreen's report: %w", err)
	}
	if rep.Schema != report.Schema {
		return nil, seconds, fmt.Errorf("regreen's report has schema %q, not %q", rep.Schema, report.Schema)
	}
	if rep.Verdict == report.NotRun {
		what := "no reason given"
		if rep.Problem != nil {
			what = rep.Problem.What
		}
		return nil, seconds, fmt.Errorf("regreen could not run the tests: %s", what)
	}
	return rep, seconds, nil
}

// How -history judges the culprit.
const (
	culpritExact = "exact" // only the bug's hunk
	culpritMore  = "more"  // the bug's hunk and harmless ones
	culpritWrong = "wrong" // only harmless hunks
	culpritNone  = "none"
)

// judgeCulprit compares the lines that regreen blames with the hunks of the commit. Blamed
// line numbers are those of the tree with the bug.
func judgeCulprit(c *report.Culprit, b seeded.Bug, hunks []harmless.Span) string {
	if c == nil || len(c.Files) == 0 {
		return culpritNone
	}
	const context = 3 // lines around a change that a diff may include
	guilty := linesOf(b).Widen(context)
	bug, other := false, false
	for _, s := range c.Files {
		blamed := harmless.Span{File: s.File, Start: s.Start, End: max(s.Start, s.End)}
		if blamed.Overlaps(guilty) {
			bug = true
		}
		for _, h := range hunks {
			if h.File == b.File && h.Start > b.Line {
				h.Start, h.End = h.Start+shift(b), h.End+shift(b)
			}
			if blamed.Overlaps(h) {
				other = true
			}
		}
	}
	switch {
	case bug && other:
		return culpritMore
	case bug:
		return culpritExact
	case other:
		return culpritWrong
	}
	return culpritNone
}

// line returns a result in one line.
func (b *bench) line(r Result) string {
	if r.Problem != "" {
		return fmt.Sprintf("%s: could not be measured: %s", r.ID, r.Problem)
	}
	found := "nothing plausible"
	switch {
	case r.Exact:
		found = fmt.Sprintf("exact at rank %d of %d, tried as number %d", r.Rank, r.Plausible, r.Position)
	case r.Plausible > 0:
		found = fmt.Sprintf("%d plausible, none exact", r.Plausible)
	}
	if b.history {
		found = "culprit " + r.Culprit + ", " + found
	}
	return fmt.Sprintf("%s: %s, %d candidates, %.1f s", r.ID, found, r.Candidates, r.Seconds)
}

// print writes the table of all results and the totals.
func (b *bench) print(results []Result, t Totals) {
	columns := []string{"bug", "template", "plausible", "verified", "exact", "rank", "candidates", "first verdict", "seconds", "strategy"}
	if b.history {
		columns = append(columns, "culprit")
	}
	w := table(b.stdout, append(columns, "problem")...)
	for _, r := range results {
		rank := "-"
		if r.Exact {
			rank = fmt.Sprint(r.Rank)
		}
		row := []string{
			r.ID, fmt.Sprint(r.Template), fmt.Sprint(r.Plausible), fmt.Sprint(r.Verified), yes(r.Exact), rank,
			fmt.Sprint(r.Candidates), fmt.Sprintf("%.1f", r.First), fmt.Sprintf("%.1f", r.Seconds), orDash(r.Strategy),
		}
		if b.history {
			row = append(row, orDash(r.Culprit))
		}
		fmt.Fprintln(w, strings.Join(append(row, orDash(r.Problem)), "\t"))
	}
	w.Flush()
	fmt.Fprintf(b.stdout, "\nbugs                                %d\n", t.Bugs)
	fmt.Fprintf(b.stdout, "plausible patch                     %.0f %%\n", t.PlausiblePercent)
	if !b.history { // with -history, reverting the bug's hunk is always exact
		fmt.Fprintf(b.stdout, "exact patch, at any rank            %.0f %%\n", t.ExactPercent)
		fmt.Fprintf(b.stdout, "exact patch, at rank 1              %.0f %%\n", t.ExactFirst)
	} else {
		fmt.Fprintf(b.stdout, "culprit is exactly the bug's hunk   %.0f %%\n", t.CulpritPercent)
	}
	fmt.Fprintf(b.stdout, "seconds, median                     %.1f\n", t.MedianSeconds)
	if t.Problems > 0 {
		fmt.Fprintf(b.stdout, "could not be measured               %d\n", t.Problems)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func writeJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(data, '\n'), 0o644)
}
