package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// GitLabOptions says where on GitLab reports go.
type GitLabOptions struct {
	API          string // CI_API_V4_URL
	Token        string
	Project      string // CI_PROJECT_ID
	MergeRequest int    // CI_MERGE_REQUEST_IID
	Page         string // of the merge request, "" for not known
	Link         string // the page of the job, "" for none
	Job          string // CI_JOB_ID, whose artifact has the report
	Artifact     string // the folder of it in the artifact, "" for none
	Key          string // tells several reports on one merge request apart
	Pace         time.Duration
	Client       *http.Client
	Retry        Policy
}

// GitLabComment keeps one note on the merge request up to date, as GitHub.Comment does:
// it has the marker and was written by whom the token belongs to.
func GitLabComment(o GitLabOptions) (Channel, error) {
	site, err := forge.NewGitLab(forge.GitLabOptions{API: o.API, Token: o.Token, Project: o.Project, Pace: o.Pace, Client: o.Client})
	if err != nil {
		return nil, err
	}
	g := &gitLab{o, site, reportMarker(o.Key)}
	return sealed(retry(channel{channels.Comment, g.send}, o.Retry), o.Token), nil
}

type gitLab struct {
	o      GitLabOptions
	site   *forge.GitLab
	marker string
}

func (g *gitLab) send(ctx context.Context, r *report.Report) (report.Receipt, error) {
	mine, err := g.site.Mine(ctx, g.o.MergeRequest, g.marker)
	if err != nil {
		return report.Receipt{}, err
	}
	if len(mine) == 0 && quiet(r) {
		return skip("nothing new fails, and nothing was told before", ""), nil
	}
	text, degraded := g.text(r)
	var told forge.Comment
	if len(mine) == 0 {
		told, err = g.site.Reply(ctx, g.o.MergeRequest, text)
	} else {
		told, mine = mine[len(mine)-1], mine[:len(mine)-1]
		if told.Body != text {
			told, err = g.site.EditComment(ctx, g.o.MergeRequest, told.ID, text)
		}
	}
	if err != nil {
		return report.Receipt{}, err
	}
	for _, old := range mine { // as there are mostly none, at a second each
		line := folded + "\nThis report was followed by a newer one.\n"
		if _, err := g.site.EditComment(ctx, g.o.MergeRequest, old.ID, line); err != nil {
			degraded = append(degraded, "older reports stay as they were: "+report.Brief(usererr.OneLine(err)))
			break
		}
	}
	return report.Receipt{Where: g.where(told), Degraded: degraded}, nil
}

// where is the address of a note.
func (g *gitLab) where(c forge.Comment) string {
	if g.o.Page == "" {
		return fmt.Sprintf("note %d", c.ID)
	}
	return fmt.Sprintf("%s#note_%d", g.o.Page, c.ID)
}

func (g *gitLab) text(r *report.Report) (text string, degraded []string) {
	head, foot := g.marker+"\n", ""
	if isLink(g.o.Link) {
		foot = "\n[The job](" + g.o.Link + ")\n"
	}
	text, degraded = markdown(r, forge.NoteSize-len(head)-len(foot), report.MarkdownOptions{GitLab: true, Landing: g.landing})
	return head + text + foot, degraded
}

var (
	numbers   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{1,18}$`) })
	plainPath = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)
	})
	plainAPI = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._-]+)*$`)
	})
)

// landing says how a patch gets to where it belongs: by a line for a shell, where the
// job's artifact has the patch.
func (g *gitLab) landing(p *report.Patch) string {
	if p.Redacted {
		return "Its diff held a secret, so it cannot be taken from here.\n"
	}
	if !numbers().MatchString(g.o.Job) || !plainPath().MatchString(g.o.Artifact) || !plainIDs().MatchString(p.ID) || !plainAPI().MatchString(g.o.API) {
		return saveDiff + "\n"
	}
	// The archive may be at another host, to which curl does not send this header on.
	block, _ := report.Fence("sh", []string{fmt.Sprintf(`curl --fail --location --header "Authorization: Bearer $GITLAB_TOKEN" %s/projects/%s/jobs/%s/artifacts/%s | git apply`,
		g.o.API, g.o.Project, g.o.Job, path.Join(g.o.Artifact, patches, p.ID+".patch"))})
	return "At the top of the repository, with a token of yours that may read the API, this applies it:\n\n" + block
}

// onGitLab is the comment for a merge request's pipeline.
func (o *opener) onGitLab() ([]Channel, error) {
	env := o.in.Getenv
	number, _ := strconv.Atoi(env("CI_MERGE_REQUEST_IID"))
	switch {
	case number < 1:
		return skipping(channels.Comment, "this is no pipeline of a merge request", "run the job for merge_request_event"), nil
	case o.in.Environment.Fork || o.in.Fork:
		return skipping(channels.Comment, "the merge request comes from a fork, whose code is not to be trusted with a token", "the job's page and its artifact have the report"), nil
	case env(gitLabToken) == "":
		return skipping(channels.Comment, gitLabToken+" is not set", "make a token of the project with the scope api and store it, masked, as a variable of CI; a CI_JOB_TOKEN cannot write notes"), nil
	}
	page := ""
	if u, err := url.Parse(env("CI_MERGE_REQUEST_PROJECT_URL")); err == nil && u.Host != "" {
		page = fmt.Sprintf("%s/-/merge_requests/%d", u, number)
	}
	c, err := GitLabComment(GitLabOptions{
		API: env("CI_API_V4_URL"), Token: env(gitLabToken), Project: env("CI_PROJECT_ID"), MergeRequest: number, Page: page,
		Link: env("CI_JOB_URL"), Job: env("CI_JOB_ID"), Artifact: o.cfg.Artifact, Key: o.in.Key, Pace: o.in.Pace, Client: o.in.Client, Retry: o.in.Retry,
	})
	if e := (*forge.Error)(nil); errors.As(err, &e) {
		return nil, &usererr.UsageError{Err: e}
	}
	return []Channel{c}, err
}

// gitLabToken is the variable that has the token for notes.
const gitLabToken = "REGREEN_GITLAB_TOKEN"

// isLink tells whether an address can stand in a link of Markdown.
func isLink(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && !strings.ContainsAny(address, " <>()\\\"\n\r")
}
