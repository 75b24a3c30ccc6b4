package detect

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/githook"
)

// check checks what is true of the environment for any input.
func check(t interface {
	Helper()
	Errorf(string, ...any)
}, in Input, env Environment,
) {
	t.Helper()
	if len(env.Reasons) == 0 || slices.Contains(env.Reasons, "") {
		t.Errorf("got reasons %q", env.Reasons)
	}
	if env.Mode != Development && env.Mode != Production {
		t.Errorf("got mode %q", env.Mode)
	}
	if env.Provider != "" && env.Mode != Production {
		t.Errorf("mode %s in %s", env.Mode, env.Provider)
	}
	if env.Event == "" || env.BaseWhy == "" {
		t.Errorf("event %q, reason of the base %q", env.Event, env.BaseWhy)
	}
	if env.Fork && (!env.Restricted || env.Protected || env.Hold == "") {
		t.Errorf("a fork is trusted: %+v", env)
	}
	if len(env.Bases) == 0 && env.Base != "" || len(env.Bases) > 0 && env.Base != env.Bases[0].Rev {
		t.Errorf("base %q of %v", env.Base, env.Bases)
	}
	for i, b := range env.Bases {
		if b.Rev == "" || b.Why == "" || strings.HasPrefix(b.Rev, "-") && b.Rev != in.BaseFlag {
			t.Errorf("got base %+v", b)
		}
		if slices.ContainsFunc(env.Bases[:i], func(other Base) bool { return other.Rev == b.Rev }) {
			t.Errorf("base %s twice", b.Rev)
		}
	}
	if in.Git.Head == "" && in.BaseFlag == "" && env.Base != "" {
		t.Errorf("base %q without a commit", env.Base)
	}
	for _, reason := range env.Reasons {
		if strings.ContainsAny(reason, "\n\r\x1b") {
			t.Errorf("reason %q can disguise the text after it", reason)
		}
	}
	if env.PullRequest < 0 {
		t.Errorf("got pull request %d", env.PullRequest)
	}
	if _, err := json.Marshal(env); err != nil {
		t.Errorf("JSON: %v", err)
	}
	if d := env.Defaults(); d.Budget <= 0 || d.Policy == "" || d.LogFormat == "" || len(d.Channels) == 0 {
		t.Errorf("got defaults %+v", d)
	}
}

// names are the variables that this package reads.
var names = []string{
	"CI", "PRE_COMMIT", "GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "GITHUB_REF", "GITHUB_REF_NAME", "GITHUB_REF_TYPE", "GITHUB_HEAD_REF", "GITHUB_BASE_REF",
	"GITHUB_REF_PROTECTED", "GITHUB_SERVER_URL", "GITHUB_ACTOR", "GITLAB_CI", "CI_PIPELINE_SOURCE", "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID",
	"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_MERGE_REQUEST_DIFF_BASE_SHA", "CI_COMMIT_BEFORE_SHA", "CI_COMMIT_REF_PROTECTED",
	"CI_ENVIRONMENT_NAME", "CIRCLECI", "CIRCLE_BRANCH", "CIRCLE_PULL_REQUEST", "CIRCLE_PR_USERNAME", "BUILDKITE", "BUILDKITE_BRANCH", "BUILDKITE_PULL_REQUEST",
	"BUILDKITE_PULL_REQUEST_REPO", "BUILDKITE_REPO", "BUILDKITE_PULL_REQUEST_BASE_BRANCH", "JENKINS_URL", "CHANGE_ID", "CHANGE_TARGET", "CHANGE_FORK", "GIT_BRANCH",
	"GIT_PREVIOUS_COMMIT", "TF_BUILD", "BUILD_REASON", "BUILD_SOURCEBRANCH", "SYSTEM_PULLREQUEST_ISFORK", "SYSTEM_PULLREQUEST_TARGETBRANCH", "BITBUCKET_COMMIT",
	"BITBUCKET_BRANCH", "BITBUCKET_PR_ID", "BITBUCKET_PR_DESTINATION_COMMIT",
}

func TestAnyInput(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.SampledFrom([]string{"true", "false", "1", "0", "main", "refs/heads/main", "refs/pull/3/merge", "refs/tags/v1", "-x", head, zeros, "pull_request", "push", "12", "https://github.com/a/b"}),
			rapid.String(),
		)
		object := rapid.SampledFrom([]string{"", head, fork, pushed, orig})
		branch := rapid.SampledFrom([]string{"", "main", "feature", "release/1"})
		vars := environ(rapid.MapOfN(rapid.SampledFrom(names), value, 0, 12).Draw(t, "vars"))
		in := Input{
			Getenv:   vars.getenv,
			Hook:     rapid.SampledFrom([]githook.Name{"", "", "pre-commit", "post-merge", "post-checkout", "post-rewrite", "pre-push", "unknown"}).Draw(t, "hook"),
			HookArgs: rapid.SliceOfN(rapid.SampledFrom([]string{"0", "1", head, zeros, "amend", "--x"}), 0, 3).Draw(t, "args"),
			Git: Git{
				Branch: branch.Draw(t, "branch"), Head: object.Draw(t, "head"), Upstream: "origin/main", UpstreamBase: object.Draw(t, "upstream"),
				DefaultBranch: branch.Draw(t, "default"), DefaultBase: object.Draw(t, "base"), OrigHead: object.Draw(t, "orig"),
				RemoteURL: value.Draw(t, "remote"), Rebasing: rapid.Bool().Draw(t, "rebasing"),
			},
			BaseFlag:     rapid.SampledFrom([]string{"", "", "v1"}).Draw(t, "flag"),
			Protected:    rapid.SliceOfN(rapid.String(), 0, 2).Draw(t, "protected"),
			EventPayload: []byte(rapid.SampledFrom([]string{"", "{}", "[]", `{"before":1}`, `{"pull_request":{}}`}).Draw(t, "payload")),
		}
		env := Detect(in)
		check(t, in, env)
		if !reflect.DeepEqual(env, Detect(in)) {
			t.Errorf("the same input gave a different result")
		}
	})
}

func TestZeroInput(t *testing.T) {
	t.Parallel()
	check(t, Input{}, Detect(Input{}))
}

func FuzzPayload(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", "[]", `{"before":"` + zeros + `"}`, `{"before":{"a":1}}`, `{"pull_request":null}`, `{"pull_request":{"number":-1,"head":{"repo":{}},"base":{"repo":{}}},"repository":{}}`, `{"pull_request":{"head":{"repo":{}}}}`,
		`{"pull_request":{"number":1,"head":{"ref":"--x\u001b[0m","repo":{"full_name":"a\nb"}},"base":{"sha":"--output=x"}}}`,
		`{"merge_group":{"base_sha":"` + target + `"}}`, `{"workflow_run":{"pull_requests":[{}]}}`, strings.Repeat("[", 100000),
	} {
		for _, event := range []string{"push", "pull_request", "merge_group", "workflow_run", "issue_comment"} {
			f.Add(event, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, event string, data []byte) {
		in := Input{
			Getenv:       environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_REF": "refs/pull/1/merge"}.getenv,
			Git:          Git{Head: head},
			EventPayload: data,
		}
		env := Detect(in)
		check(t, in, env)
		if strings.HasPrefix(env.Event, "pull_request") && !env.Fork {
			p, err := parsePayload(data)
			if err != nil || p.PullRequest == nil || p.PullRequest.Head.Repo == nil || p.PullRequest.Head.Repo.FullName == "" {
				t.Errorf("trusted without proof: %s", data)
			}
		}
	})
}
