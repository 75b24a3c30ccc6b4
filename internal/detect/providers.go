package detect

import (
	"cmp"
	"fmt"
	"strings"
)

// The CI providers.
const (
	GitHub    = "github"
	GitLab    = "gitlab"
	CircleCI  = "circleci"
	Buildkite = "buildkite"
	Jenkins   = "jenkins"
	Azure     = "azure"
	Bitbucket = "bitbucket"
	Generic   = "ci" // CI, but unknown which
)

// pullRequest is the event that every provider has another name for.
const pullRequest = "pull_request"

// provider is a CI service as its environment shows it.
type provider struct {
	name     string
	title    string                       // for humans
	variable string                       // set in every job
	read     func(*build, vars, hookBody) // nil if there is no more to read
}

// providers are in the order to try them. Those that others imitate come last.
var providers = []provider{
	{Buildkite, "Buildkite", "BUILDKITE", readBuildkite},
	{CircleCI, "CircleCI", "CIRCLECI", readCircleCI},
	{GitLab, "GitLab CI", "GITLAB_CI", readGitLab},
	{Azure, "Azure Pipelines", "TF_BUILD", readAzure},
	{Bitbucket, "Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", readBitbucket},
	{Bitbucket, "Bitbucket Pipelines", "BITBUCKET_COMMIT", readBitbucket},
	{Jenkins, "Jenkins", "JENKINS_URL", readJenkins},
	{GitHub, "GitHub Actions", "GITHUB_ACTIONS", readGitHub},
	{Generic, "a CI service", "CI", nil},
	{Generic, "a CI service", "CONTINUOUS_INTEGRATION", nil},
	{Generic, "a CI service", "BUILD_NUMBER", nil},
}

// hookBody is the payload of a webhook as received.
type hookBody []byte

// build holds what the variables of a provider say about the job.
type build struct {
	provider      string
	why           string // which variable shows the provider
	event         string
	host          string
	branch        string // that is built; the source of a pull request
	defaultBranch string
	pullRequest   int
	bases         []Base
	fork          string // why it is one
	bot           string // which bot, if its events are restricted like a fork's
	protected     string // why the provider protects the branch
	deploy        string // the environment that the job deploys to
	remarks       []string
}

// readBuild returns what the first provider whose variable is set says about the job. The zero
// build means that no provider was found.
func readBuild(v vars, payload []byte) build {
	for _, p := range providers {
		if !v.is(p.variable) {
			continue
		}
		b := build{provider: p.name, why: fmt.Sprintf("%s is set: this is %s", p.variable, p.title)}
		if p.read != nil {
			p.read(&b, v, payload)
		}
		return b
	}
	return build{}
}

// compare adds a commit to compare with, unless its hash is missing or not valid.
func (b *build) compare(commit, why string) {
	if commit = sha(commit); commit != "" {
		b.bases = append(b.bases, Base{commit, why})
	}
}

// target adds the target branch of a pull request.
func (b *build) target(ref string) {
	if name := branch(ref); name != "" {
		b.bases = append(b.bases, Base{"origin/" + name, "the target branch, " + name})
	}
}

// source sets the branch, or notes that its name is not valid.
func (b *build) source(variable, ref string) {
	b.branch = branch(ref)
	if b.branch == "" && ref != "" && !strings.HasPrefix(ref, "refs/") {
		b.remarks = append(b.remarks, fmt.Sprintf("%s is not a valid branch name: %.100q", variable, ref))
	}
}

// on sets the host, from the first URL that has one.
func (b *build) on(urls ...string) {
	for _, url := range urls {
		if host, _ := splitRemote(url); host != "" {
			b.host = host
			return
		}
	}
}

// word translates a provider's word for an event to GitHub's.
func word(theirs string, table map[string]string) string {
	if ours, ok := table[theirs]; ok {
		return ours
	}
	return "push"
}

// readGitLab implements https://docs.gitlab.com/ci/variables/predefined_variables/.
func readGitLab(b *build, v vars, _ hookBody) {
	b.event = word(v.get("CI_PIPELINE_SOURCE"), map[string]string{
		"merge_request_event":         pullRequest,
		"external_pull_request_event": pullRequest,
		"schedule":                    "schedule",
		"api":                         "api",
		"web":                         "workflow_dispatch",
		"webide":                      "workflow_dispatch",
		"chat":                        "workflow_dispatch",
		"trigger":                     "trigger",
		"pipeline":                    "trigger",
		"parent_pipeline":             "trigger",
	})
	b.on(v.get("CI_SERVER_URL"), "https://"+v.get("CI_SERVER_HOST"))
	b.defaultBranch = branch(v.get("CI_DEFAULT_BRANCH"))
	b.source("CI_COMMIT_REF_NAME", v.first("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH"))
	b.deploy = v.get("CI_ENVIRONMENT_NAME")

	if theirs, ours := v.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), v.get("CI_PROJECT_ID"); theirs != "" && theirs != ours {
		b.fork = fmt.Sprintf("CI_MERGE_REQUEST_SOURCE_PROJECT_ID (%q) is not CI_PROJECT_ID (%q): a fork", theirs, ours)
	}
	theirs, ours := v.get("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY"), v.get("CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY")
	if theirs != "" && !strings.EqualFold(theirs, ours) {
		b.fork = fmt.Sprintf("the pull request comes from %q: a fork", theirs)
	}
	if v.is("CI_COMMIT_REF_PROTECTED") {
		b.protected = "CI_COMMIT_REF_PROTECTED: GitLab protects the branch"
	}
	if b.event == pullRequest || v.get("CI_MERGE_REQUEST_IID") != "" {
		b.event = pullRequest
		b.pullRequest = cmp.Or(number(v.get("CI_MERGE_REQUEST_IID")), number(v.get("CI_EXTERNAL_PULL_REQUEST_IID")))
		b.compare(v.get("CI_MERGE_REQUEST_DIFF_BASE_SHA"), "CI_MERGE_REQUEST_DIFF_BASE_SHA, where the merge request branched off")
		b.compare(v.first("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA"), "the tip of the target branch")
		b.target(v.first("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME"))
		return
	}
	b.compare(v.get("CI_COMMIT_BEFORE_SHA"), "CI_COMMIT_BEFORE_SHA, the branch before the push")
}

// readCircleCI implements https://circleci.com/docs/variables/.
func readCircleCI(b *build, v vars, _ hookBody) {
	b.event = "push"
	b.on(v.get("CIRCLE_REPOSITORY_URL"))
	// A fork's branch is called pull/12, which is a valid name.
	b.source("CIRCLE_BRANCH", v.get("CIRCLE_BRANCH"))
	url := v.first("CIRCLE_PULL_REQUEST", "CIRCLE_PULL_REQUESTS")
	if url != "" || v.get("CIRCLE_PR_NUMBER") != "" {
		b.event = pullRequest
		b.pullRequest = cmp.Or(number(v.get("CIRCLE_PR_NUMBER")), numberInURL(url))
	}
	if user := v.get("CIRCLE_PR_USERNAME"); user != "" {
		b.fork = fmt.Sprintf("CIRCLE_PR_USERNAME is set, to %q: a fork", user)
	}
}

// numberInURL returns the number at the end of a pull request's URL, or 0.
func numberInURL(url string) int {
	url, _, _ = strings.Cut(url, ",")
	return number(url[strings.LastIndex(url, "/")+1:])
}

// readBuildkite implements https://buildkite.com/docs/pipelines/configure/environment-variables.
func readBuildkite(b *build, v vars, _ hookBody) {
	b.event = word(v.get("BUILDKITE_SOURCE"), map[string]string{
		"schedule":    "schedule",
		"api":         "api",
		"ui":          "workflow_dispatch",
		"trigger_job": "trigger",
	})
	b.on(v.get("BUILDKITE_REPO"))
	b.defaultBranch = branch(v.get("BUILDKITE_PIPELINE_DEFAULT_BRANCH"))
	// A fork's branch is user:branch. A tag's build has the tag for a branch.
	name := v.get("BUILDKITE_BRANCH")
	name = name[strings.Index(name, ":")+1:]
	if name != v.get("BUILDKITE_TAG") {
		b.source("BUILDKITE_BRANCH", name)
	}
	if b.pullRequest = number(v.get("BUILDKITE_PULL_REQUEST")); b.pullRequest == 0 {
		return
	}
	b.event = pullRequest
	b.target(v.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH"))
	if theirs := v.get("BUILDKITE_PULL_REQUEST_REPO"); theirs != "" && !sameRemote(theirs, v.get("BUILDKITE_REPO")) {
		_, path := splitRemote(theirs)
		b.fork = fmt.Sprintf("BUILDKITE_PULL_REQUEST_REPO is another repository, %q: a fork", path)
	}
}

// readJenkins implements https://www.jenkins.io/doc/book/pipeline/multibranch/ and the
// variables of the git plugin.
func readJenkins(b *build, v vars, _ hookBody) {
	b.event = "push"
	b.on(v.get("GIT_URL"), v.get("CHANGE_URL"))
	// The git plugin writes origin/main, a multibranch job main, or PR-12.
	b.source("BRANCH_NAME", cmp.Or(v.first("CHANGE_BRANCH", "BRANCH_NAME", "GIT_LOCAL_BRANCH"), strings.TrimPrefix(v.get("GIT_BRANCH"), "origin/")))
	if v.get("TAG_NAME") != "" {
		b.branch = ""
	}
	if v.is("BRANCH_IS_PRIMARY") {
		b.defaultBranch = b.branch
	}
	if v.get("CHANGE_ID") != "" {
		b.event = pullRequest
		b.pullRequest = number(v.get("CHANGE_ID"))
		b.target(v.get("CHANGE_TARGET"))
		if fork := v.get("CHANGE_FORK"); fork != "" {
			b.fork = fmt.Sprintf("CHANGE_FORK is set, to %q: a fork", fork)
		}
		return
	}
	b.compare(v.get("GIT_PREVIOUS_SUCCESSFUL_COMMIT"), "GIT_PREVIOUS_SUCCESSFUL_COMMIT, the last green build")
	b.compare(v.get("GIT_PREVIOUS_COMMIT"), "GIT_PREVIOUS_COMMIT, the last build")
}

// readAzure implements https://learn.microsoft.com/azure/devops/pipelines/build/variables.
func readAzure(b *build, v vars, _ hookBody) {
	b.event = word(v.get("BUILD_REASON"), map[string]string{
		"PullRequest":     pullRequest,
		"Schedule":        "schedule",
		"Manual":          "workflow_dispatch",
		"BuildCompletion": "trigger",
		"ResourceTrigger": "trigger",
	})
	b.on(v.get("BUILD_REPOSITORY_URI"), v.get("SYSTEM_COLLECTIONURI"))
	b.source("BUILD_SOURCEBRANCH", v.first("SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH"))
	b.deploy = v.get("ENVIRONMENT_NAME")
	if b.event == pullRequest {
		// For repositories on GitHub, the ID is not the number that users know.
		b.pullRequest = cmp.Or(number(v.get("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER")), number(v.get("SYSTEM_PULLREQUEST_PULLREQUESTID")))
		b.target(v.get("SYSTEM_PULLREQUEST_TARGETBRANCH"))
	}
	if v.is("SYSTEM_PULLREQUEST_ISFORK") {
		b.fork = "SYSTEM_PULLREQUEST_ISFORK is set: a fork"
	}
}

// readBitbucket implements
// https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/.
//
// Bitbucket does not run this repository's pipeline for a pull request from a fork.
func readBitbucket(b *build, v vars, _ hookBody) {
	b.event = "push"
	b.on(v.get("BITBUCKET_GIT_HTTP_ORIGIN"), v.get("BITBUCKET_GIT_SSH_ORIGIN"), "https://bitbucket.org")
	b.source("BITBUCKET_BRANCH", v.get("BITBUCKET_BRANCH"))
	b.deploy = v.get("BITBUCKET_DEPLOYMENT_ENVIRONMENT")
	if b.pullRequest = number(v.get("BITBUCKET_PR_ID")); b.pullRequest != 0 {
		b.event = pullRequest
		b.compare(v.get("BITBUCKET_PR_DESTINATION_COMMIT"), "BITBUCKET_PR_DESTINATION_COMMIT, the tip of the target branch")
		b.target(v.get("BITBUCKET_PR_DESTINATION_BRANCH"))
	}
}
