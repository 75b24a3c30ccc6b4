package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

// finish writes the outputs and the last lines of the log, and returns the step's status. The
// report and its patches are in the directory of the artifact, or else in the state directory,
// which may be "".
func (s *step) finish(rep *report.Report, state string) (int, error) {
	if file := s.getenv("GITHUB_OUTPUT"); file != "" {
		var b strings.Builder
		for _, o := range outputs(rep, s.artifactDir(), state) {
			b.WriteString(fileCommand(o.name, o.value))
		}
		if err := appendTo(file, b.String()); err != nil {
			return 0, err
		}
	}
	for _, text := range report.Undelivered(rep) {
		s.action.Infof("regreen: %s", line(text))
	}
	s.action.Infof("regreen: %s", line(report.Summary(rep)))
	return s.status(rep), nil
}

// status returns the step's status: the verdicts in the input fail-on fail it. A shard, which
// knows only a part, does not fail.
func (s *step) status(rep *report.Report) int {
	switch {
	case !slices.Contains(s.in.failOn, rep.Verdict):
		return session.ExitGreen
	case rep.Verdict == report.NotRun:
		return session.ExitNotRun
	case s.in.flags.Shard != "":
		return session.ExitGreen
	}
	return session.ExitRed
}

type output struct{ name, value string }

// outputs returns the step's outputs.
func outputs(rep *report.Report, artifact, state string) []output {
	failures, patches := 0, 0
	for _, f := range rep.Failures {
		if f.Status == report.FailureNew || f.Status == report.FailureFixed { // as in the first test run
			failures++
		}
	}
	patchID, patchPath := "", ""
	for _, p := range rep.Patches {
		if p.State != report.PatchVerified {
			continue
		}
		patches++
		if p.Rank == 1 && patchID == "" {
			patchID = p.ID
			name := filepath.Join("patches", p.ID+".patch")
			patchPath = existing(filepath.Join(artifact, name), filepath.Join(state, name))
		}
	}
	t := rep.Tests
	return []output{
		{"verdict", string(rep.Verdict)},
		{"summary", report.Summary(rep)},
		{"failures", strconv.Itoa(failures)},
		{"tests", strconv.Itoa(t.Passed + t.Failed + t.Skipped)},
		{"patches", strconv.Itoa(patches)},
		{"patch-id", patchID},
		{"patch-path", patchPath},
		{"report-path", existing(filepath.Join(artifact, reportFile), filepath.Join(state, "runs", rep.ID+".json"))},
		{"artifact-path", sentTo(rep, channels.Artifact)},
		{"artifact-url", sentTo(rep, uploadReceipt)},
		{"comment-url", sentTo(rep, "comment")},
		{"pull-request-url", sentTo(rep, "pull-request")},
	}
}

// sentTo returns where a channel put the report, or "".
func sentTo(rep *report.Report, channel channels.Name) string {
	for _, receipt := range slices.Backward(rep.Receipts) {
		if receipt.Channel == string(channel) && receipt.State != report.ReceiptFailed && receipt.Where != "" {
			return receipt.Where
		}
	}
	return ""
}

// existing returns the first file that exists, or "".
func existing(names ...string) string {
	for _, name := range names {
		if _, err := os.Stat(name); err == nil && filepath.IsAbs(name) {
			return name
		}
	}
	return ""
}

// fileCommand formats an output for GITHUB_OUTPUT. The delimiter is random: with a fixed one, as
// in go-githubactions 1.4.0, a value could set other outputs.
func fileCommand(name, value string) string {
	delimiter := "regreen_" + rand.Text()
	return fmt.Sprintf("%s<<%s\n%s\n%s\n", name, delimiter, value, delimiter)
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
