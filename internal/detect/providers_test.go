package detect

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seen is the part of an Environment that a provider's variables decide.
type seen struct {
	Provider, Event, Host, Branch, Default, Base string
	PullRequest                                  int
	Fork, Restricted, Protected                  bool
}

func look(e Environment) seen {
	return seen{e.Provider, e.Event, e.Host, e.Branch, e.DefaultBranch, e.Base, e.PullRequest, e.Fork, e.Restricted, e.Protected}
}

var (
	before = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
	target = "3600edac4ea84aec00ea5a7c1d5a43a1e0e5dc11"
)

// The variables are those that each provider documents, with values as in its documentation.
// Every checkout is detached, like most in CI.
func TestProviders(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		vars    environ
		payload string
		want    seen
	}{
		{
			"GitHub push",
			environ{
				"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main",
				"GITHUB_REF_TYPE": "branch", "GITHUB_REF_PROTECTED": "true", "GITHUB_SHA": head, "GITHUB_SERVER_URL": "https://github.com",
				"GITHUB_REPOSITORY": "octocat/hello", "GITHUB_ACTOR": "octocat", "RUNNER_OS": "Linux",
			},
			`{"ref":"refs/heads/main","before":"` + before + `","repository":{"id":1,"full_name":"octocat/hello","default_branch":"main"}}`,
			seen{Provider: GitHub, Event: "push", Host: "github.com", Branch: "main", Default: "main", Base: before, Protected: true},
		},
		{
			"GitHub push of a new branch",
			environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/new", "GITHUB_REF_NAME": "new", "GITHUB_REF_TYPE": "branch", "GITHUB_SERVER_URL": "https://github.com"},
			`{"before":"` + zeros + `","repository":{"default_branch":"main"}}`,
			seen{Provider: GitHub, Event: "push", Host: "github.com", Branch: "new", Default: "main", Base: "origin/main"},
		},
		{
			"GitHub push of a tag",
			environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/tags/v1", "GITHUB_REF_NAME": "v1", "GITHUB_REF_TYPE": "tag", "GITHUB_SERVER_URL": "https://github.com"},
			`{"before":"` + zeros + `"}`,
			seen{Provider: GitHub, Event: "push", Host: "github.com", Base: head + "~1"},
		},
		{
			"GitHub pull request",
			environ{
				"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF": "refs/pull/42/merge", "GITHUB_REF_NAME": "42/merge", "GITHUB_REF_TYPE": "branch",
				"GITHUB_HEAD_REF": "fix-it", "GITHUB_BASE_REF": "main", "GITHUB_SERVER_URL": "https://ghe.example.com", "GITHUB_REF_PROTECTED": "false",
			},
			`{"number":42,"pull_request":{"number":42,"head":{"ref":"fix-it","repo":{"id":7,"full_name":"a/b"}},"base":{"ref":"main","sha":"` + target + `","repo":{"id":7,"full_name":"a/b"}}},
			  "repository":{"id":7,"full_name":"a/b","default_branch":"main"}}`,
			seen{Provider: GitHub, Event: "pull_request", Host: "ghe.example.com", Branch: "fix-it", Default: "main", Base: target, PullRequest: 42},
		},
		{
			"GitHub pull request from main of a fork",
			environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF": "refs/pull/42/merge", "GITHUB_HEAD_REF": "main", "GITHUB_BASE_REF": "main", "GITHUB_SERVER_URL": "https://github.com"},
			`{"pull_request":{"number":42,"head":{"ref":"main","repo":{"id":8,"full_name":"mallory/b"}},"base":{"ref":"main","sha":"` + target + `","repo":{"id":7,"full_name":"a/b"}}},"repository":{"id":7,"full_name":"a/b"}}`,
			seen{Provider: GitHub, Event: "pull_request", Host: "github.com", Branch: "main", Base: target, PullRequest: 42, Fork: true, Restricted: true},
		},
		{
			"GitHub pull request of a deleted fork",
			environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_HEAD_REF": "x", "GITHUB_BASE_REF": "main", "GITHUB_SERVER_URL": "https://github.com"},
			`{"pull_request":{"number":42,"head":{"repo":null},"base":{"sha":"` + target + `"}},"repository":{"full_name":"a/b"}}`,
			seen{Provider: GitHub, Event: "pull_request_target", Host: "github.com", Branch: "x", Base: target, PullRequest: 42, Fork: true, Restricted: true},
		},
		{
			"GitHub pull request without a payload",
			environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF": "refs/pull/42/merge", "GITHUB_HEAD_REF": "x", "GITHUB_BASE_REF": "main", "GITHUB_SERVER_URL": "https://github.com"},
			"",
			seen{Provider: GitHub, Event: "pull_request", Host: "github.com", Branch: "x", Base: "origin/main", PullRequest: 42, Fork: true, Restricted: true},
		},
		{
			"GitHub Dependabot",
			environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_HEAD_REF": "dependabot/go_modules/x-1.2", "GITHUB_BASE_REF": "main", "GITHUB_ACTOR": "dependabot[bot]", "GITHUB_SERVER_URL": "https://github.com"},
			`{"pull_request":{"number":3,"user":{"login":"dependabot[bot]"},"head":{"repo":{"id":7,"full_name":"a/b"}},"base":{"sha":"` + target + `","repo":{"id":7,"full_name":"A/b"}}}}`,
			seen{Provider: GitHub, Event: "pull_request", Host: "github.com", Branch: "dependabot/go_modules/x-1.2", Base: target, PullRequest: 3, Restricted: true},
		},
		{
			"GitHub merge queue",
			environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "merge_group", "GITHUB_REF_NAME": "gh-readonly-queue/main/pr-1-abc", "GITHUB_SERVER_URL": "https://github.com"},
			`{"merge_group":{"base_sha":"` + target + `","base_ref":"refs/heads/main"},"repository":{"default_branch":"main"}}`,
			seen{Provider: GitHub, Event: "merge_group", Host: "github.com", Branch: "gh-readonly-queue/main/pr-1-abc", Default: "main", Base: target},
		},
		{
			"GitHub workflow_run of a fork",
			environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "workflow_run", "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_SERVER_URL": "https://github.com"},
			`{"workflow_run":{"head_branch":"patch-1","head_repository":{"full_name":"mallory/b"},"pull_requests":[]},"repository":{"full_name":"a/b","default_branch":"main"}}`,
			seen{Provider: GitHub, Event: "workflow_run", Host: "github.com", Branch: "patch-1", Default: "main", Base: "origin/main", Fork: true, Restricted: true},
		},
		{
			"GitHub comment on a pull request",
			environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "issue_comment", "GITHUB_REF_NAME": "main", "GITHUB_SERVER_URL": "https://github.com"},
			`{"issue":{"number":9,"pull_request":{"url":"x"}},"repository":{"full_name":"a/b","default_branch":"main"}}`,
			seen{Provider: GitHub, Event: "issue_comment", Host: "github.com", Branch: "main", Default: "main", Base: head + "~1", PullRequest: 9, Fork: true, Restricted: true},
		},
		{
			"GitLab push",
			environ{
				"CI": "true", "GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_NAME": "main", "CI_DEFAULT_BRANCH": "main",
				"CI_COMMIT_BEFORE_SHA": before, "CI_COMMIT_REF_PROTECTED": "true", "CI_SERVER_HOST": "gitlab.example.com", "CI_PROJECT_ID": "17", "CI_COMMIT_SHA": head,
			},
			"",
			seen{Provider: GitLab, Event: "push", Host: "gitlab.example.com", Branch: "main", Default: "main", Base: before, Protected: true},
		},
		{
			"GitLab merge request",
			environ{
				"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "5", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
				"CI_MERGE_REQUEST_DIFF_BASE_SHA": target, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "17", "CI_PROJECT_ID": "17", "CI_COMMIT_BEFORE_SHA": zeros, "CI_SERVER_URL": "https://gitlab.com:443",
				"CI_COMMIT_REF_NAME": "fix", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_REF_PROTECTED": "false",
			},
			"",
			seen{Provider: GitLab, Event: "pull_request", Host: "gitlab.com", Branch: "fix", Default: "main", Base: target, PullRequest: 5},
		},
		{
			"GitLab merge request of a fork",
			environ{
				"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "5", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "main", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
				"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99", "CI_PROJECT_ID": "17", "CI_SERVER_URL": "https://gitlab.com", "CI_DEFAULT_BRANCH": "main",
			},
			"",
			seen{Provider: GitLab, Event: "pull_request", Host: "gitlab.com", Branch: "main", Default: "main", Base: "origin/main", PullRequest: 5, Fork: true, Restricted: true},
		},
		{
			"GitLab for a pull request elsewhere",
			environ{
				"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "external_pull_request_event", "CI_EXTERNAL_PULL_REQUEST_IID": "8", "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "a/b", "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY": "a/b",
				"CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME": "fix", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME": "main", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA": target, "CI_SERVER_URL": "https://gitlab.com",
			},
			"",
			seen{Provider: GitLab, Event: "pull_request", Host: "gitlab.com", Branch: "fix", Base: target, PullRequest: 8},
		},
		{
			"GitLab tag",
			environ{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "v1", "CI_COMMIT_REF_NAME": "v1", "CI_COMMIT_BEFORE_SHA": zeros, "CI_SERVER_URL": "https://gitlab.com"},
			"",
			seen{Provider: GitLab, Event: "push", Host: "gitlab.com", Base: head + "~1"},
		},
		{
			"GitLab schedule",
			environ{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "nightly", "CI_SERVER_URL": "https://gitlab.com"},
			"",
			seen{Provider: GitLab, Event: "schedule", Host: "gitlab.com", Branch: "nightly", Base: head + "~1"},
		},
		{
			"CircleCI push",
			environ{"CI": "true", "CIRCLECI": "true", "CIRCLE_BRANCH": "main", "CIRCLE_SHA1": head, "CIRCLE_REPOSITORY_URL": "git@github.com:acme/widget.git", "CIRCLE_PROJECT_USERNAME": "acme"},
			"",
			seen{Provider: CircleCI, Event: "push", Host: "github.com", Branch: "main", Base: head + "~1", Protected: true},
		},
		{
			"CircleCI pull request",
			environ{"CIRCLECI": "true", "CIRCLE_BRANCH": "fix", "CIRCLE_PULL_REQUEST": "https://github.com/acme/widget/pull/31", "CIRCLE_REPOSITORY_URL": "https://github.com/acme/widget"},
			"",
			seen{Provider: CircleCI, Event: "pull_request", Host: "github.com", Branch: "fix", Base: head + "~1", PullRequest: 31},
		},
		{
			"CircleCI fork",
			environ{
				"CIRCLECI": "true", "CIRCLE_BRANCH": "pull/31", "CIRCLE_PULL_REQUEST": "https://github.com/acme/widget/pull/31", "CIRCLE_PR_NUMBER": "31",
				"CIRCLE_PR_USERNAME": "mallory", "CIRCLE_PR_REPONAME": "widget", "CIRCLE_REPOSITORY_URL": "git@bitbucket.org:acme/widget.git",
			},
			"",
			seen{Provider: CircleCI, Event: "pull_request", Host: "bitbucket.org", Branch: "pull/31", Base: head + "~1", PullRequest: 31, Fork: true, Restricted: true},
		},
		{
			"Buildkite push",
			environ{
				"CI": "true", "BUILDKITE": "true", "BUILDKITE_SOURCE": "webhook", "BUILDKITE_BRANCH": "develop", "BUILDKITE_COMMIT": head, "BUILDKITE_PULL_REQUEST": "false",
				"BUILDKITE_PULL_REQUEST_REPO": "", "BUILDKITE_REPO": "git@github.com:acme/widget.git", "BUILDKITE_PIPELINE_DEFAULT_BRANCH": "develop", "BUILDKITE_TAG": "",
			},
			"",
			seen{Provider: Buildkite, Event: "push", Host: "github.com", Branch: "develop", Default: "develop", Base: head + "~1", Protected: true},
		},
		{
			"Buildkite pull request, the URL in another form",
			environ{
				"BUILDKITE": "true", "BUILDKITE_SOURCE": "webhook", "BUILDKITE_BRANCH": "fix", "BUILDKITE_PULL_REQUEST": "12", "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
				"BUILDKITE_PULL_REQUEST_REPO": "git://github.com/Acme/widget.git", "BUILDKITE_REPO": "git@github.com:acme/widget.git", "BUILDKITE_PIPELINE_DEFAULT_BRANCH": "main",
			},
			"",
			seen{Provider: Buildkite, Event: "pull_request", Host: "github.com", Branch: "fix", Default: "main", Base: "origin/main", PullRequest: 12},
		},
		{
			"Buildkite fork",
			environ{
				"BUILDKITE": "true", "BUILDKITE_SOURCE": "webhook", "BUILDKITE_BRANCH": "mallory:main", "BUILDKITE_PULL_REQUEST": "12", "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
				"BUILDKITE_PULL_REQUEST_REPO": "git://github.com/mallory/widget.git", "BUILDKITE_REPO": "git@github.com:acme/widget.git", "BUILDKITE_PIPELINE_DEFAULT_BRANCH": "main",
			},
			"",
			seen{Provider: Buildkite, Event: "pull_request", Host: "github.com", Branch: "main", Default: "main", Base: "origin/main", PullRequest: 12, Fork: true, Restricted: true},
		},
		{
			"Buildkite schedule",
			environ{"BUILDKITE": "true", "BUILDKITE_SOURCE": "schedule", "BUILDKITE_BRANCH": "fix", "BUILDKITE_REPO": "ssh://git@git.example.com:2222/a/b.git"},
			"",
			seen{Provider: Buildkite, Event: "schedule", Host: "git.example.com", Branch: "fix", Base: head + "~1"},
		},
		{
			"Jenkins",
			environ{
				"JENKINS_URL": "https://ci.example.com/", "BUILD_NUMBER": "4", "BUILD_ID": "4", "JOB_NAME": "widget", "GIT_BRANCH": "origin/main", "GIT_COMMIT": head,
				"GIT_PREVIOUS_COMMIT": target, "GIT_PREVIOUS_SUCCESSFUL_COMMIT": before, "GIT_URL": "https://git.example.com/acme/widget.git",
			},
			"",
			seen{Provider: Jenkins, Event: "push", Host: "git.example.com", Branch: "main", Base: before, Protected: true},
		},
		{
			"Jenkins multibranch pull request",
			environ{
				"JENKINS_URL": "https://ci.example.com/", "BRANCH_NAME": "PR-12", "CHANGE_ID": "12", "CHANGE_TARGET": "main", "CHANGE_BRANCH": "fix",
				"CHANGE_URL": "https://github.com/acme/widget/pull/12",
			},
			"",
			seen{Provider: Jenkins, Event: "pull_request", Host: "github.com", Branch: "fix", Base: "origin/main", PullRequest: 12},
		},
		{
			"Jenkins multibranch fork",
			environ{"JENKINS_URL": "https://ci.example.com/", "BRANCH_NAME": "PR-12", "CHANGE_ID": "12", "CHANGE_TARGET": "main", "CHANGE_BRANCH": "main", "CHANGE_FORK": "mallory", "GIT_URL": "https://github.com/acme/widget"},
			"",
			seen{Provider: Jenkins, Event: "pull_request", Host: "github.com", Branch: "main", Base: "origin/main", PullRequest: 12, Fork: true, Restricted: true},
		},
		{
			"Jenkins primary branch",
			environ{"JENKINS_URL": "https://ci.example.com/", "BRANCH_NAME": "trunk", "BRANCH_IS_PRIMARY": "true", "GIT_URL": "https://github.com/acme/widget"},
			"",
			seen{Provider: Jenkins, Event: "push", Host: "github.com", Branch: "trunk", Default: "trunk", Base: head + "~1", Protected: true},
		},
		{
			"Azure push",
			environ{"TF_BUILD": "True", "BUILD_REASON": "IndividualCI", "BUILD_SOURCEBRANCH": "refs/heads/feature/tools", "BUILD_SOURCEBRANCHNAME": "tools", "BUILD_REPOSITORY_URI": "https://acme@dev.azure.com/acme/widget/_git/widget", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/"},
			"",
			seen{Provider: Azure, Event: "push", Host: "dev.azure.com", Branch: "feature/tools", Base: head + "~1"},
		},
		{
			"Azure pull request from a fork on GitHub",
			environ{
				"TF_BUILD": "True", "BUILD_REASON": "PullRequest", "BUILD_SOURCEBRANCH": "refs/pull/7/merge", "SYSTEM_PULLREQUEST_SOURCEBRANCH": "fix", "SYSTEM_PULLREQUEST_TARGETBRANCH": "main",
				"SYSTEM_PULLREQUEST_PULLREQUESTID": "1234567890", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "7", "SYSTEM_PULLREQUEST_ISFORK": "True", "BUILD_REPOSITORY_URI": "https://github.com/acme/widget",
			},
			"",
			seen{Provider: Azure, Event: "pull_request", Host: "github.com", Branch: "fix", Base: "origin/main", PullRequest: 7, Fork: true, Restricted: true},
		},
		{
			"Azure Repos pull request",
			environ{
				"TF_BUILD": "True", "BUILD_REASON": "PullRequest", "BUILD_SOURCEBRANCH": "refs/pull/17/merge", "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/fix", "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
				"SYSTEM_PULLREQUEST_PULLREQUESTID": "17", "SYSTEM_PULLREQUEST_ISFORK": "False", "BUILD_REPOSITORY_URI": "https://dev.azure.com/acme/widget/_git/widget",
			},
			"",
			seen{Provider: Azure, Event: "pull_request", Host: "dev.azure.com", Branch: "fix", Base: "origin/main", PullRequest: 17},
		},
		{
			"Bitbucket push",
			environ{"CI": "true", "BITBUCKET_BUILD_NUMBER": "8", "BITBUCKET_BRANCH": "release/2", "BITBUCKET_COMMIT": head, "BITBUCKET_GIT_HTTP_ORIGIN": "http://bitbucket.org/acme/widget", "BITBUCKET_REPO_FULL_NAME": "acme/widget"},
			"",
			seen{Provider: Bitbucket, Event: "push", Host: "bitbucket.org", Branch: "release/2", Base: head + "~1", Protected: true},
		},
		{
			"Bitbucket pull request, with its short object name",
			environ{"BITBUCKET_BUILD_NUMBER": "8", "BITBUCKET_BRANCH": "fix", "BITBUCKET_PR_ID": "3", "BITBUCKET_PR_DESTINATION_BRANCH": "main", "BITBUCKET_PR_DESTINATION_COMMIT": "3600edac4ea8"},
			"",
			seen{Provider: Bitbucket, Event: "pull_request", Host: "bitbucket.org", Branch: "fix", Base: "3600edac4ea8", PullRequest: 3},
		},
		{
			"some other CI",
			environ{"CI": "true"},
			"",
			seen{Provider: Generic, Event: "push", Base: head + "~1"},
		},
		{
			"a branch that is an option",
			environ{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "-5", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "--upload-pack=x", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "--x", "CI_MERGE_REQUEST_DIFF_BASE_SHA": "--output=x"},
			"",
			seen{Provider: GitLab, Event: "pull_request", Base: head + "~1"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := Detect(Input{Getenv: tt.vars.getenv, Git: Git{Head: head}, EventPayload: []byte(tt.payload)})
			if diff := cmp.Diff(tt.want, look(env)); diff != "" {
				t.Errorf("(-want +got):\n%s\nreasons: %q\nbases: %v", diff, env.Reasons, env.Bases)
			}
			if env.Mode != Production {
				t.Errorf("mode %s under CI", env.Mode)
			}
			if !env.Detached {
				t.Error("a detached HEAD is not reported")
			}
		})
	}
}

// The branch that git has checked out takes precedence over what CI says about the job.
func TestGitBranchWins(t *testing.T) {
	t.Parallel()
	env := Detect(Input{Getenv: environ{"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "main"}.getenv, Git: feature()})
	if env.Branch != "feature" || env.Detached {
		t.Errorf("got branch %q, detached %v", env.Branch, env.Detached)
	}
}

func TestPayloadTooLarge(t *testing.T) {
	t.Parallel()
	huge := `{"before":"` + before + `"` + strings.Repeat(" ", maxPayload) + `}`
	env := Detect(Input{Getenv: environ{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push"}.getenv, Git: Git{Head: head}, EventPayload: []byte(huge)})
	if env.Base == before {
		t.Error("a payload over the limit was used")
	}
	if !strings.Contains(strings.Join(env.Reasons, "\n"), "larger than 25 MiB") {
		t.Errorf("reasons %q do not say so", env.Reasons)
	}
}

func TestSplitRemote(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ remote, host, path string }{
		{"https://github.com/a/b.git", "github.com", "a/b"},
		{"https://token:x@GitHub.com:443/a/b/", "github.com", "a/b"},
		{"git@github.com:a/b.git", "github.com", "a/b"},
		{"ssh://git@host.example:2222/a/b", "host.example", "a/b"},
		{"host:a", "host", "a"},
		{"/srv/git/a.git", "", ""},
		{"../a:b", "", ""},
		{`C:\src\a`, "", ""},
		{"file:///srv/a", "", ""},
		{"https://<b>evil</b>/a", "", ""},
		{"", "", ""},
	} {
		if host, path := splitRemote(tt.remote); host != tt.host || path != tt.path {
			t.Errorf("%q: got %q %q, want %q %q", tt.remote, host, path, tt.host, tt.path)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	env := Detect(Input{Git: feature()})
	data, err := json.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	var again Environment
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(env, again); diff != "" {
		t.Errorf("changed by JSON (-want +got):\n%s", diff)
	}
}
