package repair

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// lesson holds the store's records about one cluster.
type lesson struct {
	attempts []learn.Attempt
	outcomes []learn.Outcome
	failures []learn.Failure
}

// hashTree computes the hash of the tree under test, unless it is known.
func (r *run) hashTree(ctx context.Context) error {
	if r.treeHash != "" {
		return nil
	}
	hash, err := r.opt.Subject.Repo.TreeHash(ctx, r.opt.Subject.Source)
	if err == nil {
		r.treeHash = hash
	}
	return err
}

// fingerprint returns an ID of the failures on this exact tree, or "" if the tree cannot be
// hashed. A candidate that failed to fix them here would fail again, but might not on another
// tree.
func (r *run) fingerprint(ctx context.Context, failures []testrun.Failure) string {
	if err := r.hashTree(ctx); err != nil {
		return ""
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00", r.treeHash, r.report.Command)
	for _, f := range failures {
		fmt.Fprintf(h, "%s\x00%s\x00", f.TestID, f.Kind)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// dropTried removes the candidates that already failed on this tree.
func (r *run) dropTried(ctx context.Context, focus []testrun.Failure, cands []propose.Candidate) []propose.Candidate {
	memory, ok := r.opt.Hooks.Store.(learn.Memory)
	if !ok || len(r.overlay) > 0 {
		return cands
	}
	tried, err := memory.Rejected(ctx, r.fingerprint(ctx, focus))
	if err != nil {
		r.opt.Hooks.Log.Warn("cannot read earlier attempts", "error", err)
		return cands
	}
	if len(tried) == 0 {
		return cands
	}
	out := cands[:0]
	for i := range cands {
		if verdict, ok := tried[keyOf(&cands[i])]; ok {
			r.reportAttempt(&cands[i], report.AttemptPruned, report.StagePropose, 0, "was "+strings.ReplaceAll(verdict, "_", "-")+" on the same tree before")
			r.report.Stats.Pruned++
			continue
		}
		out = append(out, cands[i])
	}
	return out
}

// learnFrom adds the lesson of a search. A search is one experiment for all strategies that were
// tried: the one that proposed the winner was right, the others were not. A shard counts as its
// share of the experiment.
func (r *run) learnFrom(s *search, winner *validate.Result) {
	if r.opt.Hooks.Store == nil {
		return
	}
	target := s.target
	now := time.Now()
	kind := learn.Context{Language: s.cluster.project.Name, Kind: string(target.Failures[0].Kind)}
	fingerprint := r.fingerprint(context.Background(), target.Failures)
	var l lesson
	for _, f := range target.Failures {
		l.failures = append(l.failures, learn.Failure{Fingerprint: fingerprint, Test: f.TestID.String(), Kind: string(f.Kind), Message: f.Message})
	}
	seconds := make(map[string]float64)
	for _, res := range s.results {
		if res.Verdict == validate.Pruned {
			continue
		}
		seconds[res.Candidate.Strategy] += res.Seconds
		l.attempts = append(l.attempts, learn.Attempt{
			ID: res.Candidate.ID, Failure: fingerprint, Strategy: res.Candidate.Strategy, File: res.Candidate.File(), Line: res.Candidate.Line,
			Stage: res.Stage, Verdict: string(res.Verdict), Seconds: res.Seconds, Reason: testrun.FirstLine(res.Reason), Patch: keyOf(res.Candidate),
		})
	}
	for strategy, spent := range seconds {
		weight := r.part()
		if slices.ContainsFunc(s.sources.all, func(src *source) bool { return src.strategy.Name == strategy }) {
			weight = 1 // no other shard runs it
		}
		o := learn.Outcome{
			ID: fmt.Sprintf("%s/%d/%s", r.id, len(r.lessons), strategy), Run: r.id, Strategy: strategy, Context: kind,
			Weight: weight, Seconds: spent, Event: learn.Rejected, At: now,
		}
		if winner != nil && winner.Candidate.Strategy == strategy {
			o.Reward, o.Event, o.Attempt = 1, learn.Verified, winner.Candidate.ID
		}
		l.outcomes = append(l.outcomes, o)
	}
	r.lessons = append(r.lessons, l)
}

// remember records the run and its lessons in one batch.
func (r *run) remember(ctx context.Context) {
	if r.opt.Hooks.Store == nil || len(r.lessons) == 0 {
		return
	}
	total := 0.0
	for _, s := range r.clock.seconds() {
		total += s
	}
	batch := learn.Batch{Run: learn.Run{
		ID: r.id, Started: r.report.Started, Verdict: string(r.report.Verdict), Seconds: total,
		Command: r.report.Command, Head: r.opt.Subject.Environment.Head, Base: r.base,
	}}
	// An applied patch counts as kept until it is rolled back. That has no weight: only a
	// rollback has one, and a patch that a user applies.
	for i := range r.report.Patches {
		if p := &r.report.Patches[i]; p.Applied {
			o := Aftermath(r.report, []*report.Patch{p}, learn.Kept, time.Now()).Outcomes[0]
			o.Weight = 0
			batch.Outcomes = append(batch.Outcomes, o)
		}
	}
	for _, l := range r.lessons {
		batch.Attempts = append(batch.Attempts, l.attempts...)
		batch.Outcomes = append(batch.Outcomes, l.outcomes...)
		batch.Failures = append(batch.Failures, l.failures...)
	}
	if err := r.opt.Hooks.Store.Record(ctx, batch); err != nil {
		r.opt.Hooks.Log.Warn("cannot record the outcome", "error", err)
	}
}

// save stores the run: the patches unchanged, the report without secrets.
func (r *run) save() error {
	state, err := r.opt.Subject.Repo.EnsureStateDir()
	if err == nil {
		err = runs.SavePatches(state, r.report)
	}
	r.report.Redact(report.Secrets(r.opt.Subject.Environ)) // whether or not it can be stored
	if err != nil {
		return err
	}
	stored := *r.report
	if len(stored.Failures) == 0 {
		stored.Results = nil // there are many runs that passed; their counts are enough
	}
	return runs.Save(state, &stored)
}

// userWeight is the weight of an outcome that a user decided. An outcome of a run has weight 1.
const userWeight = 3

// Aftermath returns the lesson from what a user did with patches of a stored run.
func Aftermath(rep *report.Report, patches []*report.Patch, event learn.Event, at time.Time) learn.Batch {
	var b learn.Batch
	for _, p := range patches {
		o := learn.Outcome{
			ID: fmt.Sprintf("%s/%s/%d", p.ID, event, at.UnixNano()), Run: rep.ID, Attempt: p.Attempt, Strategy: p.Strategy,
			Context: contextOf(rep, p), Weight: userWeight, Event: event, At: at,
		}
		if event == learn.Kept {
			o.Reward = 1
		}
		b.Outcomes = append(b.Outcomes, o)
	}
	return b
}

// contextOf returns the language and kind of the failures that a patch is for.
func contextOf(rep *report.Report, p *report.Patch) learn.Context {
	for _, f := range rep.Failures {
		if f.Cluster == p.Cluster {
			return learn.Context{Language: f.Language, Kind: f.Kind}
		}
	}
	return learn.Context{}
}
