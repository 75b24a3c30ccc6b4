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

// decide applies the kept patches if policy and evidence allow it, and sets the verdict.
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
		return nil // a commit is not edited
	}
	why := r.holdBack(kept)
	if why == "" {
		why = r.opt.Subject.Repo.HeldBack(ctx)
	}
	changes, err := r.written()
	if err != nil {
		return err
	}
	if why == "" {
		if why, err = r.undoesAll(ctx, changes); err != nil {
			return err
		}
	}
	if why != "" {
		r.note("not applied: " + why)
		return nil
	}
	if err := r.apply(ctx, kept, changes); err != nil {
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

// applied reports whether the user's tree was changed.
func (r *run) applied() bool {
	return slices.ContainsFunc(r.report.Patches, func(p report.Patch) bool { return p.Applied })
}

// isKept reports whether a patch was kept for its cluster.
func isKept(p *report.Patch) bool { return p.State == report.PatchVerified && p.Rank == 1 }

// keptPatches returns the kept patches of the report.
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

// holdBack returns the reason not to apply the patches, "" to apply them.
func (r *run) holdBack(kept []*report.Patch) string {
	decision, environment := r.opt.Decision, r.opt.Subject.Environment
	switch {
	case decision.ReadOnly != "":
		return decision.ReadOnly
	case decision.Policy == detect.Always:
		return ""
	case decision.Policy == detect.Never && environment.Hold != "":
		return environment.Hold // which made the policy never, unless the user did as well
	case decision.Policy == detect.Never:
		return "apply is set to never"
	case environment.Mode != detect.Development:
		return "patches are only proposed in production"
	case environment.Hold != "":
		return environment.Hold
	}
	for _, p := range kept {
		switch {
		case r.revertsIntent(p.Strategy):
			return "patch " + p.ID + " undoes part of the change"
		case p.NeedsReview:
			return "patch " + p.ID + " needs review"
		case p.Confidence < decision.Confidence:
			return fmt.Sprintf("confidence %.2f of patch %s is below %.2f", p.Confidence, p.ID, decision.Confidence)
		}
	}
	return ""
}

// revertsIntent reports whether a strategy undoes an intended change.
func (r *run) revertsIntent(name string) bool {
	return slices.ContainsFunc(r.opt.Limits.Strategies, func(s propose.Strategy) bool { return s.Name == name && s.RevertsIntent })
}

// undoesAll returns the reason not to apply patches that leave nothing of the user's change, by whatever
// strategy: the commit would be empty, and git would refuse it. In the working tree, a user can ask for
// such a patch by the policy always.
func (r *run) undoesAll(ctx context.Context, changes []repo.Change) (string, error) {
	source := r.opt.Subject.Source
	if source == repo.WorkTree() && r.opt.Decision.Policy == detect.Always {
		return "", nil
	}
	rev, err := r.opt.Subject.Repo.Restores(ctx, source, changes)
	if err != nil || rev == "" {
		return "", err
	}
	if rev == "HEAD" {
		return "it undoes the whole change: the tree would be that of HEAD again", nil
	}
	return "it leaves nothing of one side of the merge: the tree would be that of " + rev[:min(len(rev), 12)], nil
}

// written returns the kept patches as changes of the user's files.
func (r *run) written() ([]repo.Change, error) {
	changes := make([]repo.Change, 0, len(r.overlay))
	for _, name := range slices.Sorted(maps.Keys(r.overlay)) {
		content := r.overlay[name]
		old, err := os.ReadFile(filepath.Join(r.workspace, filepath.FromSlash(name)))
		exists := err == nil
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		changes = append(changes, repo.Change{Path: name, Old: old, OldExists: exists, New: content, NewExists: content != nil})
	}
	return changes, nil
}

// apply writes the changes of the kept patches to the user's tree in one transaction, and to the
// index if that is what was tested.
func (r *run) apply(ctx context.Context, kept []*report.Patch, changes []repo.Change) error {
	rp, editable := r.opt.Subject.Repo, r.opt.Decision.Editable
	if state, err := rp.EnsureStateDir(); err != nil {
		return err
	} else if err := runs.RecordWritten(state, changes, kept, patch.Options{}); err != nil {
		r.opt.Hooks.Log.Warn("cannot record what the patches write; a rollback will have only their lines", "error", err)
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
