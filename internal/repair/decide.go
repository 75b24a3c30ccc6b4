package repair

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// decide applies the kept patches where policy and evidence allow, and settles the
// verdict.
func (r *run) decide(ctx context.Context) error {
	kept := r.keptPatches()
	if len(kept) == 0 || len(r.overlay) == 0 {
		r.report.Verdict = report.Red
		return nil
	}
	partial := slices.ContainsFunc(r.report.Clusters, func(c report.Cluster) bool { return c.Status != report.ClusterRepaired })
	r.report.Verdict = report.Proposed
	if partial {
		r.report.Verdict = report.Partial
	}
	if _, ok := r.opt.Subject.Source.Revision(); ok {
		return nil // what is committed is not edited any more: nothing was left out
	}
	if why := r.holdBack(kept); why != "" {
		r.note("not applied: " + why)
		return nil
	}
	if err := r.apply(ctx, kept); err != nil {
		var edited *repo.Error
		if errors.As(err, &edited) {
			r.note("not applied: " + usererr.OneLine(edited))
			return nil
		}
		return err
	}
	for _, p := range kept {
		p.Applied, p.Staged = true, r.opt.Subject.Source != repo.WorkTree()
	}
	r.report.Settle()
	if !partial {
		r.report.Verdict = report.Fixed
	}
	return nil
}

// applied reports whether the user's tree has been changed.
func (r *run) applied() bool {
	return slices.ContainsFunc(r.report.Patches, func(p report.Patch) bool { return p.Applied })
}

// isKept reports whether a patch is the one that was kept for its cluster.
func isKept(p *report.Patch) bool { return p.State == report.PatchVerified && p.Rank == 1 }

// keptPatches are the kept patches of the report.
func (r *run) keptPatches() []*report.Patch {
	var out []*report.Patch
	for i := range r.report.Patches {
		p := &r.report.Patches[i]
		if isKept(p) {
			out = append(out, p)
		}
	}
	return out
}

// holdBack returns the reason not to apply; "" when the patches are to be applied.
func (r *run) holdBack(kept []*report.Patch) string {
	decision, environment := r.opt.Decision, r.opt.Subject.Environment
	switch {
	case decision.ReadOnly != "":
		return decision.ReadOnly
	case decision.Policy == detect.Always:
		return ""
	case decision.Policy == detect.Never:
		return "the policy is never"
	case environment.Mode != detect.Development:
		return "in production patches are only proposed"
	case environment.Hold != "":
		return environment.Hold
	}
	for _, p := range kept {
		switch {
		case r.revertsIntent(p.Strategy):
			return "patch " + p.ID + " undoes what someone wanted"
		case p.NeedsReview:
			return "patch " + p.ID + " needs review"
		case p.Confidence < decision.Confidence:
			return fmt.Sprintf("the confidence %.2f of patch %s is below %.2f", p.Confidence, p.ID, decision.Confidence)
		}
	}
	return ""
}

// revertsIntent reports whether a strategy undoes what someone wanted.
func (r *run) revertsIntent(name string) bool {
	return slices.ContainsFunc(r.opt.Limits.Strategies, func(s propose.Strategy) bool { return s.Name == name && s.RevertsIntent })
}

// apply writes the kept files to the user's tree in one transaction, and to the index
// when that is what was tested.
func (r *run) apply(ctx context.Context, kept []*report.Patch) error {
	changes := make([]repo.Change, 0, len(r.overlay))
	for _, name := range slices.Sorted(maps.Keys(r.overlay)) {
		content := r.overlay[name]
		old, err := os.ReadFile(filepath.Join(r.workspace, filepath.FromSlash(name)))
		exists := err == nil
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		changes = append(changes, repo.Change{Path: name, Old: old, OldExists: exists, New: content, NewExists: content != nil})
	}
	rp, editable := r.opt.Subject.Repo, r.opt.Decision.Editable
	if state, err := rp.EnsureStateDir(); err != nil {
		return err
	} else if err := runs.RecordWritten(state, changes, kept, patch.Options{}); err != nil {
		r.opt.Hooks.Log.Warn("a later rollback will go by the patch's lines alone", "error", err)
	}
	r.writing = true
	if r.opt.Subject.Source != repo.WorkTree() {
		after, err := rp.WriteStaged(ctx, r.opt.Subject.Source, r.treeHash, changes, editable)
		if err == nil && r.opt.Hooks.Staged != nil {
			r.opt.Hooks.Staged(after)
		}
		return err
	}
	return rp.Write(ctx, changes, editable)
}
