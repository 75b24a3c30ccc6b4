package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/resultfile"
	"github.com/regreen-ci/regreen/internal/runner"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// repair tests the checkout, searches for a patch if it is red, and reports.
func (s *step) repair(ctx context.Context) (int, error) {
	state := s.recall(ctx)
	flags := s.in.flags
	// Everything goes to one stream: the runner reads the two concurrently, so a line on one could
	// overtake the command on the other that protects the log from it.
	opened, err := session.Open(ctx, session.Input{
		Dir: s.in.dir, Environ: s.environ, Stderr: s.stdout, Flags: flags, Store: filepath.Join(state, stateStore),
	})
	if err != nil {
		return 0, err
	}
	defer func() { _ = opened.Close() }()
	if err := opened.Repo.Recover(ctx); err != nil {
		return 0, err
	}
	if len(s.in.channels) > 0 {
		opened.Config.Channels = s.in.channels
	}
	if flags.Shard != "" {
		opened.Config.Channels = []channels.Name{channels.Summary, channels.Artifact} // the merge sends the rest
	}
	open := func(artifact int64) ([]deliver.Channel, error) {
		return opened.Channels(session.Outlet{
			Stdout: s.stdout, Getenv: s.getenv, Artifact: s.artifactDir(), ArtifactID: artifact, Commands: answersComments(opened.Repo.Root()),
			PullHead: s.head(), Key: s.key(),
		})
	}
	if _, err := open(0); err != nil { // before the long work
		return 0, err
	}
	rep, err := s.fromResults(opened)
	if err != nil {
		return 0, err
	}
	if rep == nil {
		if rep, err = s.search(ctx, opened, state); err != nil {
			return 0, err
		}
	}
	if err := s.show(rep); err != nil {
		return 0, err
	}
	err = s.send(ctx, rep, open, func(channels []deliver.Channel) { opened.Deliver(ctx, rep, channels) })
	if err != nil {
		return 0, err
	}
	return s.finish(rep, opened.Repo.StateDir())
}

// search runs the pipeline within the rest of the pull request's limits.
func (s *step) search(ctx context.Context, opened *session.Session, state string) (*report.Report, error) {
	stage := ""
	opt, err := opened.Repair(repo.WorkTree(), version, func(now, detail string, _, _ int) {
		if now != stage {
			stage = now
			s.action.Infof("regreen: %s: %s", now, line(detail))
		}
	})
	if err != nil {
		return nil, err
	}
	known := readMemory(state)
	this := s.thisSearch()
	if left, _ := known.left(this); left > 0 {
		opt.Limits.Budget = min(opt.Limits.Budget, left)
	}
	var began time.Time // of the search
	ask := known.ask(this)
	opt.Hooks.BeforeSearch = func(fingerprint string) repair.SearchDecision {
		decision := ask(fingerprint)
		if decision == (repair.SearchDecision{}) {
			began = time.Now()
		}
		return decision
	}
	var rep *report.Report
	err = s.quietly("Test, and search for a patch", func() error {
		rep, err = repair.Run(ctx, opt)
		return err
	})
	if err != nil {
		if !began.IsZero() { // the search still counts
			known.spend(this, time.Since(began), time.Now())
			err = errors.Join(err, s.keep(known, state))
		}
		return nil, err
	}
	if known.note(this, rep, time.Now()) {
		if err := s.keep(known, state); err != nil {
			s.action.Warningf("regreen: cannot keep learned outcomes: %s", line(usererr.OneLine(err)))
		}
	}
	return rep, nil
}

// thisSearch returns the search of this step.
func (s *step) thisSearch() search {
	return search{
		pull: s.environment.PullRequest, head: cmp.Or(s.head(), s.getenv("GITHUB_SHA")),
		run: s.id(), shard: s.in.flags.Shard, asked: s.attempt() != "1", limits: s.in.limits,
	}
}

// attempt returns the attempt of the workflow's run. Users start every attempt but the first.
func (s *step) attempt() string { return cmp.Or(s.getenv("GITHUB_RUN_ATTEMPT"), "1") }

// id identifies this step among runs, attempts, jobs and legs of a matrix. The shards of a
// search share one ID, because together they are one search.
func (s *step) id() string {
	leg := s.in.leg
	if s.in.flags.Shard != "" {
		leg = ""
	}
	return strings.Join([]string{s.getenv("GITHUB_RUN_ID"), s.attempt(), s.getenv("GITHUB_JOB"), s.getenv("GITHUB_ACTION"), leg}, ".")
}

// fromResults returns a report of the result files in the input, if they are green: then no
// tests run. It returns nil if there are no files or they are red: then the tests run again,
// since regreen can repair only failures that it sees itself.
func (s *step) fromResults(opened *session.Session) (*report.Report, error) {
	if len(s.in.results) == 0 {
		return nil, nil
	}
	var names []string
	for _, pattern := range s.in.results {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(s.in.dir, pattern)
		}
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, &usererr.UsageError{What: fmt.Sprintf("input results: %q is not a valid pattern of file names", pattern)}
		}
		names = append(names, found...)
	}
	if len(names) == 0 {
		return nil, &usererr.UsageError{
			What:   fmt.Sprintf("input results: no file matches %s", strings.Join(s.in.results, " or ")),
			Advice: "name the files that the step with the tests writes, and run this step also if that one fails: `if: ${{ !cancelled() }}`",
		}
	}
	modules, err := gotest.ModulesIn(opened.Repo.Root())
	if err != nil {
		return nil, err
	}
	opt := resultfile.Options{Root: opened.Repo.Root(), Modules: modules, Tree: resultfile.NewTree(opened.Repo.Root())}
	var files []*resultfile.File
	for _, name := range names {
		f, err := readResults(name, opt)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	rep := resultfile.Merge(files)
	unlisted := slices.ContainsFunc(files, (*resultfile.File).Unlisted)
	switch {
	case rep.Passes() && !unlisted:
	case len(modules) > 0:
		s.action.Infof("regreen: %s in the results: the tests run again", line(report.Title(rep)))
		return nil, nil
	case unlisted:
		return nil, &usererr.UsageError{What: "input results: a file counts failures but lists none", Advice: "was it truncated, or did a suite fail before its tests?"}
	}
	rep.Version = version
	rep.Redact(report.Secrets(s.environ))
	return rep, nil
}

func readResults(name string, opt resultfile.Options) (*resultfile.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &usererr.UsageError{Where: "input results", Err: err}
	}
	defer func() { _ = f.Close() }()
	results, err := resultfile.Read(filepath.Base(name), f, opt)
	if err != nil {
		return nil, &usererr.UsageError{Where: "input results", Err: err}
	}
	return results, nil
}

// artifactDir returns the directory of the artifact, or "" for the session's own. Each step of
// a job has its own. The runner deletes RUNNER_TEMP.
func (s *step) artifactDir() string {
	if temp := s.getenv("RUNNER_TEMP"); temp != "" {
		return filepath.Join(temp, "regreen-report-"+odd.ReplaceAllString(s.getenv("GITHUB_ACTION"), "_"))
	}
	return ""
}

// uploadReceipt is the name of the receipt for the artifact's upload. The receipt of the channel
// artifact is for its directory.
const uploadReceipt = "artifact-upload"

// send delivers a report: first it uploads the artifact, then it sends the report, which links to
// the artifact, to the other channels. Open opens the channels for an artifact's ID, or 0.
func (s *step) send(ctx context.Context, rep *report.Report, open func(artifact int64) ([]deliver.Channel, error), deliverTo func([]deliver.Channel)) error {
	opened, err := open(0)
	if err != nil {
		return err
	}
	isArtifact := func(c deliver.Channel) bool { return c.Name() == channels.Artifact }
	deliverTo(slices.DeleteFunc(opened, func(c deliver.Channel) bool { return !isArtifact(c) }))
	var artifact int64
	if name, dir := s.artifact(), sentTo(rep, channels.Artifact); name != "" && dir != "" {
		artifact = s.upload(ctx, rep, name, dir)
	}
	if opened, err = open(artifact); err != nil {
		return err
	}
	deliverTo(slices.DeleteFunc(opened, isArtifact))
	return nil
}

// artifact returns the name of the artifact, or "" for none.
func (s *step) artifact() string {
	if shard := s.in.flags.Shard; shard != "" && s.in.artifact != "" {
		return s.in.artifact + "-" + strings.ReplaceAll(shard, "/", "-of-")
	}
	return s.in.artifact
}

// upload uploads a directory as an artifact, and returns its ID, or 0 if that failed.
func (s *step) upload(ctx context.Context, rep *report.Report, name, dir string) int64 {
	start := time.Now()
	receipt := report.Receipt{Channel: uploadReceipt, State: report.ReceiptSent}
	services, err := runner.New(s.getenv, nil)
	var made runner.Artifact
	if err == nil {
		// A job that runs again can replace the artifact of its first attempt. Parallel jobs must
		// not replace each other's.
		opt := runner.UploadOptions{Replace: s.attempt() != "1"}
		if made, err = services.Upload(ctx, name, dir, opt); err == nil {
			receipt.Where = fmt.Sprintf("%s/%s/actions/runs/%s/artifacts/%d", s.getenv("GITHUB_SERVER_URL"), s.getenv("GITHUB_REPOSITORY"), s.getenv("GITHUB_RUN_ID"), made.ID)
		}
	}
	if err != nil {
		receipt.State, receipt.Reason = report.ReceiptFailed, report.Brief(usererr.OneLine(err))
	}
	receipt.Seconds = time.Since(start).Seconds()
	rep.Receipts = append(rep.Receipts, receipt)
	return made.ID
}
