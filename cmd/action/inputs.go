package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// inputs are the inputs in the workflow's `with:`.
type inputs struct {
	flags    session.Flags
	results  []string        // globs of files of results
	channels []channels.Name // nil for the mode's defaults
	dir      string          // of the repository
	token    string
	failOn   []report.Verdict
	artifact string // name of the artifact, "" to upload none
	leg      string // identifies the job of a matrix, "" for the first
	cache    bool   // keep learned outcomes in the actions cache
	merge    bool   // merge the reports of the shards
	limits   limits
}

// limits bound the cost of searches for one pull request. Zero means no limit.
type limits struct {
	searches int
	minutes  float64 // of searching
	dollars  float64
	price    float64 // dollars per minute
}

// The defaults of inputs, if the binary runs without action.yml.
const (
	artifactName = "regreen-report"
	maxSearches  = 10
	maxMinutes   = 60
	minutePrice  = 0.006
)

// failing are the verdicts that fail the step by default.
var failing = []report.Verdict{report.Red, report.Partial, report.Proposed, report.NotRun}

// readInputs reads the inputs of the step. The error is a *usererr.UsageError.
func readInputs(environ []string) (inputs, error) {
	r := reader{environ: environ}
	in := inputs{
		flags: session.Flags{
			Test: r.text("test"), Base: r.text("base"), Apply: r.text("apply"), Store: r.text("store"),
			Budget: r.duration("budget"), Seed: r.seed("seed"),
			Strategies: list(r.text("strategies")), Exclude: list(r.text("exclude-strategies")),
		},
		results: lines(r.text("results")), token: r.text("token"),
		failOn: r.verdicts("fail-on"), artifact: artifactName, cache: r.flag("cache", true),
		limits: limits{
			searches: int(r.number("attempts", maxSearches)), minutes: r.number("minutes", maxMinutes),
			dollars: r.number("cost", 0), price: r.number("minute-price", minutePrice),
		},
	}
	for _, name := range list(r.text("channels")) {
		in.channels = append(in.channels, channels.Name(name))
	}
	if name, given := r.given("artifact"); given {
		in.artifact = strings.TrimSpace(name)
	}
	if in.artifact != "" && !artifactText(in.artifact) {
		r.fail("artifact", in.artifact, "a name of letters, digits, dots, dashes and underscores")
	}
	if in.leg = r.text("leg"); in.leg != "" && !artifactText(in.leg) {
		r.fail("leg", in.leg, "a word of letters, digits, dots, dashes and underscores")
	}
	switch shard := r.text("shard"); shard {
	case "merge":
		in.merge = true
	default:
		in.flags.Shard = shard
	}
	if in.leg != "" && in.artifact == artifactName && in.flags.Shard == "" && !in.merge {
		in.artifact += "-" + in.leg
	}
	in.dir = r.directory("working-directory", config.Getenv(environ)("GITHUB_WORKSPACE"))
	return in, r.err
}

// artifactText reports whether a name is safe in commands, file names and URLs.
func artifactText(name string) bool {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
	}
	return len(name) <= 100 && strings.Trim(name, ".-") != "" && name[0] != '-' && !strings.ContainsFunc(name, func(c rune) bool { return !plain(c) })
}

// reader reads inputs and keeps the first error.
type reader struct {
	environ []string
	err     error
}

// given returns an input as it is, and whether it is set; it can be set to "".
func (r *reader) given(name string) (value string, given bool) {
	variable := "INPUT_" + strings.ToUpper(strings.ReplaceAll(name, " ", "_")) + "="
	for _, kv := range slices.Backward(r.environ) {
		if value, given = strings.CutPrefix(kv, variable); given {
			return value, true
		}
	}
	return "", false
}

func (r *reader) text(name string) string {
	value, _ := r.given(name)
	return strings.TrimSpace(value)
}

func (r *reader) fail(name, value, want string) {
	if r.err == nil {
		r.err = &usererr.UsageError{What: fmt.Sprintf("input %s: %.100q is not %s", name, value, want), Advice: "docs/action.md describes all inputs"}
	}
}

func (r *reader) duration(name string) time.Duration {
	text := r.text(name)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		r.fail(name, text, "a duration such as 5m")
	}
	return d
}

func (r *reader) seed(name string) uint64 {
	text := r.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		r.fail(name, text, "a number")
	}
	return n
}

func (r *reader) number(name string, otherwise float64) float64 {
	text := r.text(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n <= 1e6) {
		r.fail(name, text, "a number from 0 (no limit) to a million")
		return otherwise
	}
	return n
}

func (r *reader) flag(name string, otherwise bool) bool {
	switch text := strings.ToLower(r.text(name)); text {
	case "":
		return otherwise
	case "true", "yes", "on":
		return true
	case "false", "no", "off":
		return false
	default:
		r.fail(name, text, "true or false")
		return otherwise
	}
}

// verdicts returns the verdicts that fail the step.
func (r *reader) verdicts(name string) []report.Verdict {
	words := list(r.text(name))
	if len(words) == 0 {
		return failing
	}
	if slices.Equal(words, []string{"none"}) {
		return nil
	}
	var out []report.Verdict
	for _, word := range words {
		if !slices.Contains([]report.Verdict{report.Known, report.Flaky, report.Proposed, report.Partial, report.Red, report.NotRun}, report.Verdict(word)) {
			r.fail(name, word, "none, or a list of red, partial, proposed, not-run, flaky, known")
		}
		out = append(out, report.Verdict(word))
	}
	return out
}

// directory returns a directory in the workspace.
func (r *reader) directory(name, workspace string) string {
	text := r.text(name)
	if text == "" {
		text = "."
	}
	if !filepath.IsLocal(text) {
		r.fail(name, text, "a directory in the workspace")
		return workspace
	}
	return filepath.Join(workspace, text)
}

// list splits text at commas, spaces and line ends.
func list(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == '\n' || c == '\r' || c == ' ' })
}

// lines splits text at commas and line ends, but not at spaces, which file names can contain.
func lines(text string) []string {
	var out []string
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == '\n' || c == '\r' }) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
