package repair

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/report"
)

// reportReplay adds what is needed to repeat the run.
func (r *run) reportReplay(ctx context.Context) {
	if err := r.hashTree(ctx); err != nil {
		r.opt.Hooks.Log.Debug("the tree has no hash", "error", err)
	}
	replay := &report.Replay{
		Command: "regreen replay " + r.id, Args: r.replayArgs(), Seed: r.opt.Limits.Seed, Tree: r.treeHash, Config: r.opt.Subject.Config,
		Toolchain: r.toolchain(ctx), System: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if len(r.drawn) > 0 {
		replay.Weights = r.drawn
	}
	replay.NetworkStrategies = r.asked
	r.report.Replay = replay
}

// replayArgs returns the arguments that repeat the run.
func (r *run) replayArgs() []string {
	limits := r.opt.Limits
	if limits.TestOnly {
		return append([]string{"test"}, r.whatArgs()...)
	}
	args := append([]string{"fix", "--apply", "never"}, r.whatArgs()...)
	args = append(args, "--budget", limits.Budget.String(), "--seed", strconv.FormatUint(limits.Seed, 10), "--jobs", strconv.Itoa(limits.Jobs))
	if limits.Dollars > 0 {
		args = append(args, "--max-cost", strconv.FormatFloat(limits.Dollars, 'f', -1, 64))
	}
	if limits.Shard.Total > 0 {
		args = append(args, "--shard", fmt.Sprintf("%d/%d", limits.Shard.Index, limits.Shard.Total))
	}
	if len(limits.Strategies) < len(lang.Strategies(r.opt.Subject.Languages)) {
		for _, s := range limits.Strategies {
			args = append(args, "--strategies", s.Name)
		}
	}
	return args
}

// whatArgs returns the arguments that say what to test and what to compare it with.
func (r *run) whatArgs() (args []string) {
	if command := r.opt.Subject.Command; command != "" {
		args = append(args, "--test", command)
	}
	for _, glob := range r.opt.Subject.Results {
		args = append(args, "--results", glob)
	}
	for _, name := range r.opt.Subject.Chosen {
		args = append(args, "--lang", name)
	}
	if r.base != "" {
		args = append(args, "--base", r.base)
	}
	return args
}

// toolchain returns the versions of the programs that ran the tests, as far as known.
func (r *run) toolchain(ctx context.Context) string {
	var versions []string
	for _, p := range r.projects {
		if s, ok := p.Suite.(versioned); ok {
			if version := s.Toolchain(ctx); version != "" {
				versions = append(versions, version)
			}
		}
	}
	return strings.Join(versions, ", ")
}

// Compare returns how a repeated run differs from the first, a line for each difference. Only
// verdict, failures and kept patches count.
func Compare(first, again *report.Report) []string {
	var out []string
	differ := func(what, was, is string) {
		if was != is {
			out = append(out, fmt.Sprintf("%s: was %s, is %s", what, orNone(was), orNone(is)))
		}
	}
	verdict := func(r *report.Report) string {
		if r.Verdict == report.Fixed {
			return string(report.Proposed) // a replay does not apply
		}
		return string(r.Verdict)
	}
	differ("verdict", verdict(first), verdict(again))
	differ("failures", failing(first), failing(again))
	differ("patches", keptDiffs(first), keptDiffs(again))
	return out
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func failing(r *report.Report) string {
	var ids []string
	for _, f := range r.Failures {
		if f.Status == report.FailureNew || f.Status == report.FailureFixed {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return fmt.Sprint(ids)
}

// keptDiffs returns the titles and files of the kept patches.
func keptDiffs(r *report.Report) string {
	var titles []string
	for _, p := range r.Patches {
		if isKept(&p) {
			titles = append(titles, fmt.Sprintf("%s in %s", p.Title, p.Files))
		}
	}
	return fmt.Sprint(titles)
}
