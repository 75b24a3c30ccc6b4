package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
)

func (a *app) rollbackCommand() *cobra.Command {
	var place placeFlags
	cmd := &cobra.Command{
		Use:   "rollback ID",
		Short: "Undo a patch that was applied, and learn from it",
		Long: `Restore the files that a patch changed. Edits made since then are kept. If they
overlap the patch, rollback reports the conflict and changes nothing.

If regreen no longer has the files as it wrote them, it reverses the patch like
regreen apply --reverse; --fuzz and --approximate say how hunks are placed.`,
		Example: "  regreen rollback k3f9a2x-1",
		Args:    exactID("rollback"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.rollbackID(cmd.Context(), args[0], place)
		},
	}
	place.add(cmd.Flags())
	return cmd
}

// rollbackID undoes the patches of a stored run. It checks no policy: what regreen wrote, it
// can undo.
func (a *app) rollbackID(ctx context.Context, id string, place placeFlags) error {
	stored, err := a.stored(ctx, id, place, true)
	if err != nil {
		return err
	}
	defer stored.close()
	if err := a.undo(ctx, stored, place); err != nil || place.check {
		return err
	}
	stored.record(ctx, learn.RolledBack)
	for _, p := range stored.patches {
		if err := runs.ForgetWritten(stored.session.Repo.StateDir(), p.ID); err != nil {
			stored.session.Log.Warn("cannot remove the record of what the patch wrote", "error", err)
		}
	}
	return nil
}

// undo undoes patches in the working tree, and also in the index if they are staged.
func (a *app) undo(ctx context.Context, x *storedPatches, place placeFlags) error {
	rp := x.session.Repo
	files, err := x.files()
	if err != nil {
		return err
	}
	files = patch.Reverse(files)
	if !place.check && a.staged(ctx, rp, x.patches) {
		return a.unstage(ctx, rp, files, place)
	}
	written, ok, err := runs.Written(rp.StateDir(), x.patches)
	if err != nil {
		x.session.Log.Warn("cannot read what the patch wrote; reversing its lines", "error", err)
	}
	if !ok {
		return a.write(ctx, &rp.Tree, files, nil, place, "restored")
	}
	changes, err := rp.PlanUndo(written)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		fmt.Fprintln(a.stderr, "the files already are as they were before the patch")
	}
	return a.writeChanges(ctx, &rp.Tree, changes, nil, place.check, "restored")
}

// staged reports whether the index has patches that a hook put there and that have not been
// committed since.
func (a *app) staged(ctx context.Context, rp *repo.Repo, patches []*report.Patch) bool {
	names, err := rp.ChangedNames(ctx, "HEAD", repo.Index(""))
	if err != nil {
		return false
	}
	for _, p := range patches {
		if !p.Staged {
			return false
		}
		for _, span := range p.Files {
			if !slices.Contains(names, span.File) {
				return false
			}
		}
	}
	return true
}

// unstage undoes a patch in the index and in the working tree.
func (a *app) unstage(ctx context.Context, rp *repo.Repo, files []patch.File, place placeFlags) error {
	index := repo.Index("")
	tree, err := rp.TreeHash(ctx, index)
	if err != nil {
		return err
	}
	changes, err := rp.PlanStaged(ctx, index, files, place.options())
	if err != nil {
		return err
	}
	if _, err := rp.WriteStaged(ctx, index, tree, changes, nil); err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintf(a.stderr, "restored %s in the index and in the working tree\n", patch.Quote(c.Path))
	}
	return nil
}
