package deliver

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
)

// GitHubOptions says where on GitHub, or on a GitHub Enterprise server, reports are posted.
type GitHubOptions struct {
	API         string // GITHUB_API_URL
	GraphQL     string // GITHUB_GRAPHQL_URL; "" means the one that belongs to API
	Token       string
	Repository  string // owner/name
	PullRequest int    // 0 if none exists
	Head        string // the commit that was tested, if there is no pull request
	Link        string // the page of the run, or ""
	PullHead    string // the pull request's own commit that was tested; "" means its head
	Key         string // distinguishes several reports on one pull request
	// Restricted says that the token can only read, as for a fork's pull request. A refused
	// write is then not a failure.
	Restricted bool
	Landing    Landing
	Pace       time.Duration // between writes; 0 means the second that GitHub asks for
	Client     *http.Client  // nil means a new one
	Retry      RetryPolicy
}

// GitHub is the state that the channels on GitHub share.
type GitHub struct {
	o    GitHubOptions
	site *forge.GitHub

	pullMu sync.Mutex
	pull   forge.Pull // has no number until it was read

	roundMu sync.Mutex
	round   *round // the latest round of suggestions
}

// NewGitHub returns the channels' common state. It sends nothing yet.
func NewGitHub(o GitHubOptions) (*GitHub, error) {
	site, err := forge.NewGitHub(forge.Options{API: o.API, GraphQL: o.GraphQL, Token: o.Token, Repository: o.Repository, Pace: o.Pace, Client: o.Client})
	if err != nil {
		return nil, err
	}
	return &GitHub{o: o, site: site}, nil
}

// commit returns the commit that reviews and checks belong to. For a pull request that is its
// head, not the merge commit that CI tests.
func (g *GitHub) commit(ctx context.Context) (string, error) {
	if g.o.PullRequest == 0 {
		return g.o.Head, nil
	}
	p, err := g.pullRequest(ctx)
	return p.Head, err
}

// pullRequest returns the pull request, which it reads only once.
func (g *GitHub) pullRequest(ctx context.Context) (forge.Pull, error) {
	g.pullMu.Lock()
	defer g.pullMu.Unlock()
	if g.pull.Number == 0 {
		p, err := g.site.Pull(ctx, g.o.PullRequest)
		if err != nil {
			return forge.Pull{}, err
		}
		g.pull = p
	}
	return g.pull, nil
}

// channel returns a channel on GitHub with retries, and without secrets in its receipts.
func (g *GitHub) channel(name channels.Name, sendTo func(context.Context, *report.Report) (report.Receipt, error)) Channel {
	c := channel{name, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		receipt, err := sendTo(ctx, r)
		if errors.Is(err, forge.ErrDenied) && g.o.Restricted {
			return skip("the token is read-only: the pull request comes from a fork or a bot", "let a job on workflow_run post the report that this job uploads as an artifact"), nil
		}
		return receipt, err
	}}
	return redacted(retry(c, g.o.Retry), g.o.Token)
}
