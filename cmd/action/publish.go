package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runner"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// artifactLimits bound what is read of an artifact, which is untrusted.
var artifactLimits = runner.Limits{Files: 1000, File: 32 << 20, Total: 128 << 20}

// reportFile is the name of the report in an artifact.
const reportFile = "report.json"

// unpacked unpacks the zip of an artifact into dir, and returns its report.
func unpacked(zip *os.File, dir string) (*report.Report, error) {
	info, err := zip.Stat()
	if err != nil {
		return nil, err
	}
	if err := runner.Unzip(zip, info.Size(), dir, artifactLimits); err != nil {
		return nil, err
	}
	rep, err := readReport(dir)
	if err != nil {
		return nil, err
	}
	return rep, samePatches(rep, dir)
}

// samePatches returns an error if an artifact's patch files differ from the patches in its
// report: users would see one patch and download another.
func samePatches(rep *report.Report, dir string) error {
	for i := range rep.Patches {
		p := &rep.Patches[i]
		text, err := os.ReadFile(filepath.Join(dir, "patches", p.ID+".patch"))
		switch {
		case p.Redacted, errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case string(text) != p.Diff:
			return fmt.Errorf("the artifact's file of patch %s differs from the patch in its report", p.ID)
		}
	}
	return nil
}

// readReport reads the untrusted report in an artifact's directory.
func readReport(dir string) (*report.Report, error) {
	f, err := os.Open(filepath.Join(dir, reportFile))
	if err != nil {
		return nil, fmt.Errorf("no %s in the artifact", reportFile)
	}
	defer func() { _ = f.Close() }()
	return report.ReadForeign(f, artifactLimits.File)
}

// publish posts the report that another workflow run left as an artifact. A pull request from a
// fork gets its report this way: its own run may not write. This run may, but runs no code of
// the fork, and treats the artifact as hostile.
func (s *step) publish(ctx context.Context) (int, error) {
	run := s.event.WorkflowRun
	switch {
	case awaits("completed", run.Conclusion):
		return s.nothing(fmt.Sprintf("run %d waits for approval: nothing to repair", run.ID))
	case slices.Contains([]string{"cancelled", "skipped", "stale", "neutral"}, run.Conclusion):
		return s.nothing(fmt.Sprintf("run %d did not finish (%s): nothing to report", run.ID, run.Conclusion))
	}
	g, err := s.github()
	if err != nil {
		return 0, err
	}
	pull, err := s.pullOf(ctx, g)
	if err != nil {
		return 0, err
	}
	if pull.Number != 0 && pull.Head != run.HeadSHA {
		return s.nothing(fmt.Sprintf("pull request %d has newer commits than run %d; the run for its head reports", pull.Number, run.ID))
	}
	artifact, err := newest(ctx, g, run.ID, s.in.artifact)
	var rep *report.Report
	if err == nil {
		rep, err = s.download(ctx, g, artifact)
	}
	if errors.Is(err, errNoArtifact) {
		return s.repairRun(ctx)
	}
	if err != nil {
		return 0, &usererr.Error{What: fmt.Sprintf("cannot use the artifact %s of run %d", s.in.artifact, run.ID), Err: err}
	}
	s.foreign(rep, pull)
	return s.publishAs(ctx, rep, pull, artifact)
}

// repairRun repairs what another run without regreen found red, if it ran this repository's own
// code and that is checked out here.
func (s *step) repairRun(ctx context.Context) (int, error) {
	run := s.event.WorkflowRun
	none := fmt.Sprintf("run %d left no artifact %s", run.ID, s.in.artifact)
	if s.environment.Restricted || run.Conclusion == "success" {
		return s.nothing(none)
	}
	checkout, err := repo.Open(ctx, s.in.dir, s.environ)
	if errors.Is(err, repo.ErrNotRepository) {
		return s.nothing(none + ", and nothing is checked out to repair")
	}
	if err != nil {
		return 0, err
	}
	if head, err := checkout.Resolve(ctx, "HEAD"); err != nil || head != run.HeadSHA {
		return 0, &usererr.UsageError{
			What:   fmt.Sprintf("%s, and the checkout is %s instead of %s, which it tested", none, short(head), short(run.HeadSHA)),
			Advice: "check out `ref: ${{ github.event.workflow_run.head_sha }}`, for runs of this repository's own branches only",
		}
	}
	return s.repair(ctx)
}

// pullOf returns the pull request of the run, according to GitHub, not to the artifact. The zero
// value means none.
func (s *step) pullOf(ctx context.Context, g *forge.GitHub) (forge.Pull, error) {
	run := s.event.WorkflowRun
	if run.Event != "pull_request" || run.HeadBranch == "" {
		return forge.Pull{}, nil
	}
	owner, _, _ := strings.Cut(run.HeadRepository.FullName, "/")
	pulls, err := g.PullsFrom(ctx, owner, run.HeadBranch)
	if err != nil {
		return forge.Pull{}, err
	}
	for _, p := range pulls {
		if p.Open && strings.EqualFold(p.HeadRepository, run.HeadRepository.FullName) {
			return p, nil
		}
	}
	return forge.Pull{}, nil
}

// foreign replaces what a report says about its origin by what is known here, and adds a warning
// that the rest is unchecked.
func (s *step) foreign(rep *report.Report, pull forge.Pull) {
	run := s.event.WorkflowRun
	rep.Environment.Provider, rep.Environment.Mode = detect.GitHub, string(detect.Production)
	rep.Environment.Fork = s.environment.Fork
	rep.Environment.Head, rep.Environment.Branch = run.HeadSHA, s.environment.Branch
	rep.Environment.ModeReasons = []string{fmt.Sprintf("read from the artifact of run %d", run.ID)}
	rep.Receipts = nil
	origin := "a run without write access"
	if pull.Fork || s.environment.Fork {
		origin = "a run of the fork's code"
	}
	if pull.Fork || s.environment.Restricted {
		rep.Alerts = append([]report.Alert{{
			Level: report.LevelWarning, Text: "This report comes from " + origin + ", which could have written anything.", Hint: "review a patch before you apply it",
		}}, rep.Alerts...)
	}
}

// publishAs delivers the report of another run.
func (s *step) publishAs(ctx context.Context, rep *report.Report, pull forge.Pull, artifact int64) (int, error) {
	cfg, err := s.settings()
	if err != nil {
		return 0, err
	}
	state, err := os.MkdirTemp("", "regreen-publish-*")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(state) }()
	to := s.outlet(state, artifact)
	to.Environment.PullRequest, to.Fork, to.RunID = pull.Number, pull.Fork, s.event.WorkflowRun.ID
	to.Environment.Restricted = false // this run's token is the repository's own
	channels, err := deliver.Open(cfg, to)
	if err != nil {
		return 0, err
	}
	if err := s.show(rep); err != nil {
		return 0, err
	}
	rep.Receipts = append(rep.Receipts, deliver.All(ctx, rep, slices.DeleteFunc(channels, isLocal))...)
	if _, err := s.finish(rep, ""); err != nil {
		return 0, err
	}
	return session.ExitGreen, nil // the other run is red; this job belongs to the default branch
}

// outlet returns the input of channels when there is no checkout.
func (s *step) outlet(state string, artifact int64) deliver.Input {
	return deliver.Input{
		Environment: s.environment, Getenv: s.getenv, Dir: state, State: state, Artifact: s.artifactDir(), Stdout: s.stdout,
		Commands: answersComments(s.in.dir), ArtifactID: artifact, Editable: editable, PullHead: s.head(), Key: s.key(),
	}
}

// head returns the head commit of the pull request, or of the run that ended.
func (s *step) head() string {
	return cmp.Or(s.event.PullRequest.Head.SHA, s.event.WorkflowRun.HeadSHA)
}

// key identifies this step's report on a pull request among those of other workflows, jobs, legs
// of a matrix and steps. Each has its own comment.
func (s *step) key() string {
	h := sha256.New()
	for _, name := range []string{"GITHUB_WORKFLOW", "GITHUB_JOB", "GITHUB_ACTION"} {
		fmt.Fprintf(h, "%s\x00", s.getenv(name))
	}
	fmt.Fprintf(h, "%s\x00%s", s.in.leg, s.in.artifact)
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// isLocal reports whether a channel is useless here: the log already has the report, and the
// directory for files is deleted.
func isLocal(c deliver.Channel) bool {
	return c.Name() == channels.Terminal || c.Name() == channels.File
}

// editable decides which files may be edited if there is no trusted configuration.
var editable = config.Config{}.Editable

// settings returns the configuration of a job without a trusted checkout: only the environment
// counts.
func (s *step) settings() (config.Config, error) {
	empty, err := os.MkdirTemp("", "regreen-settings-*")
	if err != nil {
		return config.Config{}, err
	}
	defer func() { _ = os.RemoveAll(empty) }()
	cfg, err := config.Load(empty, s.getenv)
	if len(s.in.channels) > 0 {
		cfg.Channels = s.in.channels
	}
	return cfg, err
}

// mergeShards merges the reports that the shards left as artifacts of this run, and delivers the
// result.
func (s *step) mergeShards(ctx context.Context) (int, error) {
	services, err := runner.New(s.getenv, nil)
	if err != nil {
		return 0, err
	}
	all, err := services.Artifacts(ctx)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "regreen-shards-*")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var reports []*report.Report
	for i, a := range all {
		if !isShard(s.in.artifact, a.Name) {
			continue
		}
		to := filepath.Join(dir, strconv.Itoa(i))
		if err := services.Download(ctx, a, to, artifactLimits); err != nil {
			return 0, err
		}
		rep, err := readReport(to)
		if err != nil {
			return 0, &usererr.Error{What: fmt.Sprintf("cannot use the artifact %s", a.Name), Err: err}
		}
		reports = append(reports, rep)
	}
	if len(reports) == 0 {
		return 0, &usererr.UsageError{
			What:   fmt.Sprintf("no artifact of this run has a name like %s-1-of-2", s.in.artifact),
			Advice: "jobs with `shard: 1/4` to `shard: 4/4` must run before, in the same workflow",
		}
	}
	merged, err := report.Merge(reports)
	if err != nil {
		return 0, err
	}
	return s.sendMerged(ctx, merged)
}

// isShard reports whether an artifact belongs to a shard: NAME-2-of-4.
func isShard(base, name string) bool {
	rest, ok := strings.CutPrefix(name, base+"-")
	return ok && shardName.MatchString(rest)
}

var shardName = regexp.MustCompile(`^[0-9]{1,3}-of-[0-9]{1,3}$`)

// sendMerged delivers the merged report as the run's own.
func (s *step) sendMerged(ctx context.Context, rep *report.Report) (int, error) {
	cfg, err := s.settings()
	if err != nil {
		return 0, err
	}
	state, err := os.MkdirTemp("", "regreen-merge-*")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(state) }()
	if err := s.show(rep); err != nil {
		return 0, err
	}
	err = s.send(ctx, rep, func(artifact int64) ([]deliver.Channel, error) {
		channels, err := deliver.Open(cfg, s.outlet(state, artifact))
		return slices.DeleteFunc(channels, isLocal), err
	}, func(channels []deliver.Channel) {
		rep.Receipts = append(rep.Receipts, deliver.All(ctx, rep, channels)...)
	})
	if err != nil {
		return 0, err
	}
	return s.finish(rep, "")
}
