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

func (a *app) stored(ctx context.Context, id string, place placeFlags, back bool) (*storedPatches, error) {
	if err := place.valid(); err != nil {
		return nil, err
	}
	s, err := a.open(ctx, "", nil, session.Flags{})
	if err != nil {
		return nil, err
	}
	x := &storedPatches{session: s}
	if x.run, err = runs.Load(s.Repo.StateDir(), id); err == nil {
		x.patches, err = choose(x.run, id, back)
	}
	if err != nil {
		x.close()
		return nil, err
	}
	return x, nil
}

// storedPatches are patches of a stored run that a person chose.
type storedPatches struct {
	session *session.Session
	run     *report.Report
	patches []*report.Patch
}

func (x *storedPatches) close() { _ = x.session.Close() }

// files are the patches as one.
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

// becomes notes in the run what became of the patches, and learns from it.
func (x *storedPatches) becomes(ctx context.Context, event learn.Event) {
	for _, p := range x.patches {
		p.Applied, p.Staged = event == learn.Kept, false
	}
	x.run.Settle()
	if err := runs.Save(x.session.Repo.StateDir(), x.run); err != nil {
		x.session.Log.Warn("the run cannot be updated", "error", err)
	}
	if err := x.session.Store.Record(ctx, repair.Aftermath(x.run, x.patches, event, time.Now())); err != nil {
		x.session.Log.Warn("the outcome could not be recorded", "error", err)
	}
}

// choose picks the patches an id means.
func choose(rep *report.Report, id string, back bool) ([]*report.Patch, error) {
	var out []*report.Patch
	for i := range rep.Patches {
		p := &rep.Patches[i]
		switch {
		case p.ID == id && back && !p.Applied:
			return nil, &usererr.UsageError{What: "patch " + id + " is not applied"}
		case p.ID == id:
			return []*report.Patch{p}, nil
		case rep.ID == id && back && p.Applied, rep.ID == id && !back && p.State == report.PatchVerified && p.Rank == 1:
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		hint := "regreen report " + rep.ID + " shows what it found"
		if back {
			return nil, &usererr.UsageError{What: "nothing of " + id + " is applied", Advice: hint}
		}
		return nil, &usererr.UsageError{What: "run " + rep.ID + " has no such verified patch", Advice: hint}
	}
	return out, nil
}

func exactID(command string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return &usererr.UsageError{What: command + " needs one ID", Advice: "regreen report shows the patches of the latest run"}
		}
		return nil
	}
}
