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

// GitHubOptions says where on GitHub, or on a GitHub Enterprise server, reports go.
type GitHubOptions struct {
	API         string // GITHUB_API_URL
	GraphQL     string // GITHUB_GRAPHQL_URL; "" for the one that belongs to API
	Token       string
	Repository  string // owner/name
	PullRequest int    // 0 for none
	Head        string // the commit that was tested, where there is no pull request
	Link        string // the page of the run, "" for none
	PullHead    string // the pull request's own commit that was tested; "" for its last one
	Key         string // tells several reports on one pull request apart
	// Restricted says that the token is one that can only read, as for a fork's pull
	// request: that it may not write is then no failure.
	Restricted bool
	Landing    Landing
	Pace       time.Duration // between writes; 0 stands for the second that GitHub asks for
	Client     *http.Client  // nil for one of its own
	Retry      Policy
}

// GitHub is what the channels on GitHub share.
type GitHub struct {
	o    GitHubOptions
	site *forge.GitHub

	asking sync.Mutex
	pull   forge.Pull // without a number before it is known

	turns sync.Mutex
	round *round // of suggestions, the last one
}

// NewGitHub makes what channels on GitHub share. Nothing is sent yet.
func NewGitHub(o GitHubOptions) (*GitHub, error) {
	site, err := forge.NewGitHub(forge.Options{API: o.API, GraphQL: o.GraphQL, Token: o.Token, Repository: o.Repository, Pace: o.Pace, Client: o.Client})
	if err != nil {
		return nil, err
	}
	return &GitHub{o: o, site: site}, nil
}

// commit is what reviews and checks belong to: for a pull request its own last one,
// which is not the merge that CI tests.
func (g *GitHub) commit(ctx context.Context) (string, error) {
	if g.o.PullRequest == 0 {
		return g.o.Head, nil
	}
	p, err := g.pullRequest(ctx)
	return p.Head, err
}

// pullRequest is read once.
func (g *GitHub) pullRequest(ctx context.Context) (forge.Pull, error) {
	g.asking.Lock()
	defer g.asking.Unlock()
	if g.pull.Number == 0 {
		p, err := g.site.Pull(ctx, g.o.PullRequest)
		if err != nil {
			return forge.Pull{}, err
		}
		g.pull = p
	}
	return g.pull, nil
}

// channel wraps what a channel on GitHub does.
func (g *GitHub) channel(name channels.Name, sendTo func(context.Context, *report.Report) (report.Receipt, error)) Channel {
	c := channel{name, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		receipt, err := sendTo(ctx, r)
		if errors.Is(err, forge.ErrDenied) && g.o.Restricted {
			return skip("the token may only read: the pull request comes from a fork or a bot", "let a job on workflow_run send the report that this one leaves as an artifact"), nil
		}
		return receipt, err
	}}
	return sealed(retry(c, g.o.Retry), g.o.Token)
}
