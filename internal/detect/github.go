package detect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// maxPayload is GitHub's own limit for the payload of a webhook, in bytes.
const maxPayload = 25 << 20

// payload is the part of GitHub's webhook payloads that regreen uses.
type payload struct {
	Before     string     `json:"before"`
	Repository repository `json:"repository"`

	PullRequest *struct {
		Number int  `json:"number"`
		Head   side `json:"head"`
		Base   side `json:"base"`
		User   struct {
			Login string `json:"login"`
		} `json:"user"`
	} `json:"pull_request"`

	Issue struct {
		Number      int       `json:"number"`
		PullRequest *struct{} `json:"pull_request"`
	} `json:"issue"`

	MergeGroup struct {
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`

	WorkflowRun *struct {
		HeadBranch     string      `json:"head_branch"`
		HeadRepository *repository `json:"head_repository"`
		PullRequests   []struct {
			Number int `json:"number"`
		} `json:"pull_requests"`
	} `json:"workflow_run"`
}

// side is one end of a pull request.
type side struct {
	Ref  string      `json:"ref"`
	SHA  string      `json:"sha"`
	Repo *repository `json:"repo"` // null if a fork was deleted
}

type repository struct {
	FullName      string `json:"full_name"`
	DefaultBranch string `json:"default_branch"`
}

// parsePayload reads an untrusted payload. Its size is limited, and a value of the wrong type
// makes all of it invalid.
func parsePayload(data []byte) (payload, error) {
	var p payload
	switch {
	case len(data) == 0:
		return p, fmt.Errorf("there is no event payload")
	case len(data) > maxPayload:
		return p, fmt.Errorf("the event payload is larger than %d MiB", maxPayload>>20)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return payload{}, fmt.Errorf("cannot read the event payload: %.200q", err.Error())
	}
	return p, nil
}

// from returns why the head is in a fork, or "" if it is in the same repository as the base. If
// that is unknown, it is treated as a fork, which is safe.
func from(head *repository, base repository) (fork string) {
	switch {
	case head == nil || head.FullName == "":
		return "the payload does not name the repository of the head: treated as a fork"
	case !strings.EqualFold(head.FullName, base.FullName):
		return fmt.Sprintf("the head is in %.100q, the base in %.100q: a fork", head.FullName, base.FullName)
	}
	return ""
}

var (
	eventName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z_]{0,60}$`) })
	mergeRef  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^refs/pull/([0-9]+)/(?:merge|head)$`) })
)

// readGitHub implements
// https://docs.github.com/actions/reference/workflows-and-actions/variables and
// https://docs.github.com/webhooks/webhook-events-and-payloads.
func readGitHub(b *build, v vars, body hookBody) {
	if name := v.get("GITHUB_EVENT_NAME"); eventName().MatchString(name) {
		b.event = name
	}
	b.on(v.get("GITHUB_SERVER_URL"))
	if v.get("GITHUB_REF_TYPE") != "tag" && !mergeRef().MatchString(v.get("GITHUB_REF")) {
		b.source("GITHUB_REF_NAME", v.get("GITHUB_REF_NAME"))
	}
	if head := v.get("GITHUB_HEAD_REF"); head != "" {
		b.source("GITHUB_HEAD_REF", head)
	}
	if v.get("GITHUB_ACTOR") == "dependabot[bot]" {
		b.bot = "Dependabot triggered the event: its token is read-only"
	}

	p, err := parsePayload(body)
	if err != nil {
		b.remarks = append(b.remarks, err.Error())
	}
	b.defaultBranch = branch(p.Repository.DefaultBranch)

	switch {
	case strings.HasPrefix(b.event, pullRequest):
		b.readPullRequest(p, v)
	case b.event == "push":
		b.compare(p.Before, "the branch before the push")
	case b.event == "merge_group":
		b.compare(p.MergeGroup.BaseSHA, "the base of the merge group")
		b.target(p.MergeGroup.BaseRef)
	case b.event == "workflow_run":
		b.readWorkflowRun(p)
	case b.event == "issue_comment" && p.Issue.PullRequest != nil:
		b.pullRequest = max(0, p.Issue.Number)
		b.fork = "a comment does not say where the pull request comes from: treated as a fork"
	}
	if v.is("GITHUB_REF_PROTECTED") && b.pullRequest == 0 {
		b.protected = "GITHUB_REF_PROTECTED: GitHub protects the branch"
	}
}

func (b *build) readPullRequest(p payload, v vars) {
	if ref := mergeRef().FindStringSubmatch(v.get("GITHUB_REF")); ref != nil {
		b.pullRequest = number(ref[1])
	}
	pr := p.PullRequest
	if pr == nil {
		b.fork = "the payload does not say where the pull request comes from: treated as a fork"
		b.target(v.get("GITHUB_BASE_REF"))
		return
	}
	b.pullRequest = cmp.Or(b.pullRequest, max(0, pr.Number))
	if b.branch == "" {
		b.branch = branch(pr.Head.Ref)
	}
	base := p.Repository
	if pr.Base.Repo != nil {
		base = *pr.Base.Repo
	}
	b.fork = from(pr.Head.Repo, base)
	if pr.User.Login == "dependabot[bot]" {
		b.bot = "Dependabot opened the pull request"
	}
	b.compare(pr.Base.SHA, "the base of the pull request")
	b.target(cmp.Or(v.get("GITHUB_BASE_REF"), pr.Base.Ref))
}

// readWorkflowRun reads the payload about a run that has ended. It leaves out that run's base,
// because this job checks out the default branch and not the commit of that run.
func (b *build) readWorkflowRun(p payload) {
	run := p.WorkflowRun
	if run == nil {
		b.fork = "the payload does not say whose run has ended: treated as a fork"
		return
	}
	b.branch = branch(run.HeadBranch)
	b.fork = from(run.HeadRepository, p.Repository)
	if len(run.PullRequests) > 0 {
		b.pullRequest = max(0, run.PullRequests[0].Number)
	}
}
