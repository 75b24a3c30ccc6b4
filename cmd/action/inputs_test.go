package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func TestReadInputs(t *testing.T) {
	t.Parallel()
	in, err := readInputs([]string{
		"GITHUB_WORKSPACE=/w", "INPUT_TEST= go test ./... ", "INPUT_BUDGET=90s", "INPUT_SEED=7", "INPUT_STRATEGIES=revert, imports\ntemplate/nil",
		"INPUT_RESULTS=a b.json\n c/*.xml,d", "INPUT_CHANNELS=summary,comment", "INPUT_WORKING-DIRECTORY=sub/dir", "INPUT_FAIL-ON=red, not-run",
		"INPUT_CACHE=false", "INPUT_ATTEMPTS=3", "INPUT_MINUTES=1.5", "INPUT_COST=2", "INPUT_MINUTE-PRICE=0.5", "INPUT_SHARD=2/4", "INPUT_ARTIFACT=",
	})
	if err != nil {
		t.Fatal(err)
	}
	f := in.flags
	if f.Test != "go test ./..." || f.Budget != 90*time.Second || f.Seed != 7 || f.Shard != "2/4" ||
		!slices.Equal(f.Strategies, []string{"revert", "imports", "template/nil"}) {
		t.Errorf("flags %+v", f)
	}
	if !slices.Equal(in.results, []string{"a b.json", "c/*.xml", "d"}) || !slices.Equal(in.channels, []channels.Name{"summary", "comment"}) ||
		in.dir != filepath.FromSlash("/w/sub/dir") || !slices.Equal(in.failOn, []report.Verdict{report.Red, report.NotRun}) ||
		in.cache || in.artifact != "" || in.limits != (limits{3, 1.5, 2, 0.5}) {
		t.Errorf("%+v", in)
	}
	if in, err = readInputs(nil); err != nil || in.artifact != artifactName || !in.cache || !slices.Equal(in.failOn, failing) || in.limits.searches != maxSearches || in.limits.dollars != 0 {
		t.Errorf("without any: %+v, %v", in, err)
	}
	if in, err = readInputs([]string{"INPUT_SHARD=merge", "INPUT_FAIL-ON=none"}); err != nil || !in.merge || in.flags.Shard != "" || len(in.failOn) != 0 {
		t.Errorf("merge: %+v, %v", in, err)
	}
}

// The jobs of a matrix have artifacts with different names. Shards and their merge share a name.
func TestLeg(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		environ []string
		want    string
	}{
		{nil, "regreen-report"},
		{[]string{"INPUT_LEG="}, "regreen-report"},
		{[]string{"INPUT_LEG=2"}, "regreen-report-2"},
		{[]string{"INPUT_LEG=2", "INPUT_ARTIFACT=mine"}, "mine"},
		{[]string{"INPUT_LEG=2", "INPUT_SHARD=3/4"}, "regreen-report"},
		{[]string{"INPUT_LEG=2", "INPUT_SHARD=merge"}, "regreen-report"},
	} {
		if in, err := readInputs(tt.environ); err != nil || in.artifact != tt.want {
			t.Errorf("%v: %q, %v, want %q", tt.environ, in.artifact, err, tt.want)
		}
	}
}

// The legs of a matrix are separate searches, with their own caches and comments. Shards are one
// search.
func TestStepIDs(t *testing.T) {
	t.Parallel()
	of := func(environ ...string) *step {
		t.Helper()
		in, err := readInputs(environ)
		if err != nil {
			t.Fatal(err)
		}
		return &step{in: in, getenv: config.Getenv([]string{"GITHUB_RUN_ID=1", "GITHUB_JOB=test"})}
	}
	first, second := of(), of("INPUT_LEG=1")
	if first.id() == second.id() || first.key() == second.key() {
		t.Errorf("legs share %q or %q", first.id(), first.key())
	}
	if a, b := of("INPUT_SHARD=1/2"), of("INPUT_SHARD=2/2", "INPUT_LEG=1"); a.id() != b.id() || a.thisSearch().shard == b.thisSearch().shard {
		t.Errorf("shards are %+v and %+v", a.thisSearch(), b.thisSearch())
	}
}

func TestBadInputs(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"INPUT_BUDGET=soon", "INPUT_BUDGET=-1s", "INPUT_SEED=-1", "INPUT_ATTEMPTS=many", "INPUT_MINUTES=NaN", "INPUT_MINUTES=-1", "INPUT_COST=Inf",
		"INPUT_CACHE=maybe", "INPUT_FAIL-ON=green", "INPUT_FAIL-ON=none red", "INPUT_WORKING-DIRECTORY=../x", "INPUT_WORKING-DIRECTORY=/etc",
		"INPUT_ARTIFACT=a b", "INPUT_ARTIFACT=../x", "INPUT_ARTIFACT=-x", "INPUT_ARTIFACT=a\"; rm", "INPUT_ARTIFACT=..", "INPUT_LEG=a b",
	} {
		_, err := readInputs([]string{"GITHUB_WORKSPACE=/w", bad})
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(bad, "INPUT_")), "=")
		var usage *usererr.UsageError
		if !errors.As(err, &usage) || !strings.Contains(usage.What, "input "+name) || usage.Advice == "" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestReadOrder(t *testing.T) {
	t.Parallel()
	for comment, want := range map[string]order{
		"/regreen apply abcdefg-1":                {"apply", "abcdefg-1"},
		"  /regreen  apply `abcdefg-1@0123`\r\nx": {"apply", "abcdefg-1@0123"},
		"/regreen retry":                          {"retry", ""},
		"/regreen":                                {"help", ""},
		"/regreen apply a b c":                    {"help", "a"},
		"/regreen frobnicate":                     {"frobnicate", ""},
	} {
		if got, ok := readOrder(comment); !ok || got != want {
			t.Errorf("%q: %+v, %v", comment, got, ok)
		}
	}
	for _, comment := range []string{"", "thanks", "> /regreen apply x", "please /regreen apply x", "/regreens apply", "/regreen-ci", "x\n/regreen retry", "`/regreen retry`"} {
		if got, ok := readOrder(comment); ok {
			t.Errorf("%q is parsed as %+v", comment, got)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const jobs = "\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@0\n      - uses: regreen-ci/regreen@0123\n"
	for doc, want := range map[string]bool{
		"on: issue_comment" + jobs:                           true,
		"on: [push, issue_comment]" + jobs:                   true,
		"on:\n  issue_comment:\n    types: [created]" + jobs: true,
		"on: push" + jobs:                                    false,
		"on: [push]" + jobs:                                  false,
		"on:\n  push:" + jobs:                                false,
		"on: issue_comment\njobs:\n  a:\n    steps:\n      - run: regreen":       false,
		"on: issue_comment\njobs:\n  a:\n    steps:\n      - uses: ./":           true,
		"on: issue_comment\njobs:\n  a:\n    steps:\n      - uses: x/regreener@": false,
		"on: {": false, "": false, "- a": false, "on: 3": false,
	} {
		own := strings.Contains(doc, "./")
		if got := answers([]byte(doc), own); got != want {
			t.Errorf("%q: %v", doc, got)
		}
		if own && answers([]byte(doc), false) {
			t.Errorf("%q is not regreen in another repository", doc)
		}
	}
}
