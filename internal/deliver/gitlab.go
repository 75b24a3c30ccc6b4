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

// GitLabOptions says where on GitLab reports are posted.
type GitLabOptions struct {
	API          string // CI_API_V4_URL
	Token        string
	Project      string // CI_PROJECT_ID
	MergeRequest int    // CI_MERGE_REQUEST_IID
	Page         string // of the merge request; "" if unknown
	Link         string // the page of the job, or ""
	Job          string // CI_JOB_ID, whose artifact has the report
	Artifact     string // the directory of the report in the artifact, or ""
	Key          string // distinguishes several reports on one merge request
	Pace         time.Duration
	Client       *http.Client
	Retry        RetryPolicy
}

// GitLabComment keeps one note on the merge request up to date, like GitHub.Comment: the one
// that has the marker and was written by the owner of the token.
func GitLabComment(o GitLabOptions) (Channel, error) {
	site, err := forge.NewGitLab(forge.GitLabOptions{API: o.API, Token: o.Token, Project: o.Project, Pace: o.Pace, Client: o.Client})
	if err != nil {
		return nil, err
	}
	g := &gitLab{o, site, reportMarker(o.Key)}
	return redacted(retry(channel{channels.Comment, g.send}, o.Retry), o.Token), nil
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
		return skip("nothing new fails, and nothing was posted before", ""), nil
	}
	text, degraded := g.text(r)
	var posted forge.Comment
	if len(mine) == 0 {
		posted, err = g.site.Reply(ctx, g.o.MergeRequest, text)
	} else {
		posted, mine = mine[len(mine)-1], mine[:len(mine)-1]
		if posted.Body != text {
			posted, err = g.site.EditComment(ctx, g.o.MergeRequest, posted.ID, text)
		}
	}
	if err != nil {
		return report.Receipt{}, err
	}
	for _, old := range mine { // mostly none; each takes a second
		line := folded + "\nThere is a newer report.\n"
		if _, err := g.site.EditComment(ctx, g.o.MergeRequest, old.ID, line); err != nil {
			degraded = append(degraded, "older reports were not folded: "+report.Brief(usererr.OneLine(err)))
			break
		}
	}
	return report.Receipt{Where: g.where(posted), Degraded: degraded}, nil
}

// where returns the address of a note.
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

// landing returns how to apply a patch: by a shell command if the job's artifact has the patch.
func (g *gitLab) landing(p *report.Patch) string {
	if p.Redacted {
		return "Its diff contained a secret, so it cannot be applied from here.\n"
	}
	if !numbers().MatchString(g.o.Job) || !plainPath().MatchString(g.o.Artifact) || !plainIDs().MatchString(p.ID) || !plainAPI().MatchString(g.o.API) {
		return saveDiff + "\n"
	}
	// The archive may be on another host; curl does not forward this header to it.
	block, _ := report.Fence("sh", []string{fmt.Sprintf(`curl --fail --location --header "Authorization: Bearer $GITLAB_TOKEN" %s/projects/%s/jobs/%s/artifacts/%s | git apply`,
		g.o.API, g.o.Project, g.o.Job, path.Join(g.o.Artifact, patches, p.ID+".patch"))})
	return "To apply it, run this at the top of the repository, with a token of yours that can read the API:\n\n" + block
}

// onGitLab returns the channel that comments on a merge request.
func (o *opener) onGitLab() ([]Channel, error) {
	env := o.in.Getenv
	number, _ := strconv.Atoi(env("CI_MERGE_REQUEST_IID"))
	switch {
	case number < 1:
		return skipping(channels.Comment, "not a merge request pipeline", "run the job for merge_request_event"), nil
	case o.in.Environment.Fork || o.in.Fork:
		return skipping(channels.Comment, "the merge request comes from a fork, whose code is not trusted with a token", "see the report on the job's page or in its artifact"), nil
	case env(gitLabToken) == "":
		return skipping(channels.Comment, gitLabToken+" is not set", "create a project token with the scope api and store it as a masked CI variable; CI_JOB_TOKEN cannot write notes"), nil
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

// gitLabToken names the variable with the token for notes.
const gitLabToken = "REGREEN_GITLAB_TOKEN"

// isLink reports whether an address can be used in a Markdown link.
func isLink(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && !strings.ContainsAny(address, " <>()\\\"\n\r")
}
