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
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
)

// decide verifies the kept patches as a whole, applies them where policy and
// evidence allow, and settles the verdict.
func (r *run) decide(ctx context.Context) error {
	kept := r.keptPatches()
	if len(kept) == 0 {
		r.report.Verdict = report.Red
		return nil
	}
	partial := slices.ContainsFunc(r.report.Clusters, func(c report.Cluster) bool { return c.Status != "repaired" })
	r.report.Verdict = report.Proposed
	if partial {
		r.report.Verdict = report.Partial
	}
	if _, ok := r.Source.Revision(); ok {
		return nil // what is committed is not edited any more: nothing was left out
	}
	if why := r.holdBack(kept); why != "" {
		r.note("not applied: " + why)
		return nil
	}
	if err := r.apply(ctx, kept); err != nil {
		var edited *repo.Error
		if errors.As(err, &edited) {
			r.note(fmt.Sprintf("not applied: %s %v; %s", edited.Path, edited.Err, edited.Hint))
			return nil
		}
		return err
	}
	for _, p := range kept {
		p.Applied, p.Staged = true, r.Source != repo.WorkTree()
	}
	r.report.Settle()
	if !partial {
		r.report.Verdict = report.Fixed
	}
	return nil
}

// applied tells whether the user's tree has been changed.
func (r *run) applied() bool {
	return slices.ContainsFunc(r.report.Patches, func(p report.Patch) bool { return p.Applied })
}

// keptPatches are the verified patches of the report.
func (r *run) keptPatches() []*report.Patch {
	var out []*report.Patch
	for i := range r.report.Patches {
		p := &r.report.Patches[i]
		if p.State == "verified" && p.Rank == 1 {
			out = append(out, p)
		}
	}
	return out
}

// holdBack gives the reason not to apply; "" when the patches are to be applied.
func (r *run) holdBack(kept []*report.Patch) string {
	switch {
	case r.ReadOnly != "":
		return r.ReadOnly
	case r.Policy == detect.Always:
		return ""
	case r.Policy == detect.Never:
		return "the policy is never"
	case r.Environment.Mode != detect.Development:
		return "in production patches are only proposed"
	case r.Environment.Hold != "":
		return r.Environment.Hold
	}
	for _, p := range kept {
		switch {
		case p.Strategy == "revert":
			return "a revert takes back what someone wanted"
		case p.NeedsReview:
			return "patch " + p.ID + " needs review"
		case p.Confidence < r.Confidence:
			return fmt.Sprintf("the confidence %.2f of patch %s is below %.2f", p.Confidence, p.ID, r.Confidence)
		}
	}
	return ""
}

// apply writes the kept files to the user's tree in one transaction, and to the index
// when that is what was tested.
func (r *run) apply(ctx context.Context, kept []*report.Patch) error {
	changes := make([]repo.Change, 0, len(r.kept))
	for _, name := range slices.Sorted(maps.Keys(r.kept)) {
		content := r.kept[name]
		old, err := os.ReadFile(filepath.Join(r.suite.Root, filepath.FromSlash(name)))
		exists := err == nil
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		changes = append(changes, repo.Change{Path: name, Old: old, OldExists: exists, New: content, NewExists: content != nil})
	}
	if state, err := r.Repo.EnsureStateDir(); err != nil {
		return err
	} else if err := runs.RecordWritten(state, changes, kept, patch.Options{}); err != nil {
		r.Log.Warn("a later rollback will go by the patch's lines alone", "error", err)
	}
	if r.Source != repo.WorkTree() {
		after, err := r.Repo.WriteStaged(ctx, r.Source, r.treeHash, changes, r.Editable)
		if err == nil && r.Staged != nil {
			r.Staged(after)
		}
		return err
	}
	return r.Repo.Write(ctx, changes, r.Editable)
}
