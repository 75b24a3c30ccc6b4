package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// stored returns the patches that an ID names: to apply them, or to undo those that are applied.
func (a *app) stored(ctx context.Context, id string, place placeFlags, undo bool) (*storedPatches, error) {
	if err := place.valid(); err != nil {
		return nil, err
	}
	s, err := a.open(ctx, "", nil, session.Flags{})
	if err != nil {
		return nil, err
	}
	x := &storedPatches{session: s}
	if x.run, err = runs.Load(s.Repo.StateDir(), id); err == nil {
		x.patches, err = choose(x.run, id, undo)
	}
	if err != nil {
		x.close()
		return nil, err
	}
	return x, nil
}

// storedPatches are patches of a stored run.
type storedPatches struct {
	session *session.Session
	run     *report.Report
	patches []*report.Patch
}

func (x *storedPatches) close() { _ = x.session.Close() }

// files returns the changes of all patches.
func (x *storedPatches) files() ([]patch.File, error) {
	var files []patch.File
	for _, p := range x.patches {
		parsed, err := runs.LoadPatch(x.session.Repo.StateDir(), p)
		if err != nil {
			return nil, err
		}
		files = append(files, parsed...)
	}
	return files, nil
}

// record stores in the run that its patches were applied or undone, and learns from it.
func (x *storedPatches) record(ctx context.Context, event learn.Event) {
	for _, p := range x.patches {
		p.Applied, p.Staged = event == learn.Kept, false
	}
	x.run.Settle()
	if err := runs.Save(x.session.Repo.StateDir(), x.run); err != nil {
		x.session.Log.Warn("cannot update the run", "error", err)
	}
	if err := x.session.Store.Record(ctx, repair.Aftermath(x.run, x.patches, event, time.Now())); err != nil {
		x.session.Log.Warn("cannot record the outcome", "error", err)
	}
}

// choose returns the patches of a run that an ID names.
func choose(rep *report.Report, id string, undo bool) ([]*report.Patch, error) {
	hint := "regreen report " + rep.ID + " shows what it found"
	var out []*report.Patch
	for i := range rep.Patches {
		p := &rep.Patches[i]
		switch {
		case p.ID == id && undo && !p.Applied:
			return nil, &usererr.UsageError{What: "patch " + id + " is not applied", Advice: hint}
		case p.ID == id:
			return []*report.Patch{p}, nil
		case rep.ID == id && undo && p.Applied, rep.ID == id && !undo && p.State == report.PatchVerified && p.Rank == 1:
			out = append(out, p)
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case rep.ID != id:
		return nil, &usererr.UsageError{What: "no patch " + id + " in run " + rep.ID, Advice: hint}
	case undo:
		return nil, &usererr.UsageError{What: "no patch of " + id + " is applied", Advice: hint}
	}
	return nil, &usererr.UsageError{What: "run " + id + " has no verified patch", Advice: hint}
}

func exactID(command string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return &usererr.UsageError{What: command + " needs exactly one ID", Advice: "regreen report shows the patches of the latest run"}
		}
		return nil
	}
}
