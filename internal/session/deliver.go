package session

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
)

// Outlet is where the channels of a command write to.
type Outlet struct {
	Stdout   io.Writer           // for workflow commands
	Getenv   func(string) string // nil for the session's environment
	Artifact string              // directory of the artifact, if the configuration names none
	Apply    string              // the command that applies a patch; "" for regreen apply

	// How patches land on GitHub; see the fields of deliver.Input.
	Commands   bool
	ArtifactID int64
	PullHead   string
	Key        string
}

// Channels opens the channels that reports go to, except the terminal, which the commands
// write to. Call it before the long work: a mistake in the configuration is a
// *usererr.UsageError.
func (s *Session) Channels(out Outlet) ([]deliver.Channel, error) {
	if out.Getenv == nil {
		out.Getenv = config.Getenv(s.in.Environ)
	}
	if out.Artifact == "" {
		out.Artifact = filepath.Join(s.Repo.StateDir(), "artifact")
	}
	opened, err := deliver.Open(s.Config, deliver.Input{
		Environment: s.Environment, Getenv: out.Getenv, Dir: s.Repo.Root(), State: s.Repo.StateDir(),
		Artifact: out.Artifact, Stdout: out.Stdout, Apply: out.Apply,
		Commands: out.Commands, ArtifactID: out.ArtifactID, PullHead: out.PullHead, Key: out.Key,
		Editable: s.Config.Editable,
	})
	return slices.DeleteFunc(opened, func(c deliver.Channel) bool { return c.Name() == channels.Terminal }), err
}

// Deliver sends a report to channels, and adds the receipts to it and to the stored run.
func (s *Session) Deliver(ctx context.Context, rep *report.Report, channels []deliver.Channel) {
	if len(channels) == 0 {
		return
	}
	sent := *rep // a channel that times out may still read it
	rep.Receipts = append(slices.Clip(rep.Receipts), deliver.All(ctx, &sent, channels)...)
	// Meanwhile a patch of the run may have been applied, so load it again.
	stored, err := runs.Load(s.Repo.StateDir(), rep.ID)
	if err == nil {
		stored.Receipts = rep.Receipts
		err = runs.Save(s.Repo.StateDir(), stored)
	}
	if err != nil && !errors.Is(err, runs.ErrNoRun) { // a report of other results is not stored
		s.Log.Warn("cannot store the receipts", "error", err)
	}
}
