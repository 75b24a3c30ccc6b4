package deliver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v92/github"

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
	Apply       string // the command that applies a patch
	Key         string // tells several reports on one pull request apart
	// Restricted says that the token is one that can only read, as for a fork's pull
	// request: that it may not write is then no failure.
	Restricted bool
	Pace       time.Duration // between writes; 0 stands for the second that GitHub asks for
	Client     *http.Client  // nil for one of its own
	Retry      Policy
}

// GitHub is what the channels on GitHub share: a client, and the pace of its writes.
type GitHub struct {
	o           GitHubOptions
	client      *github.Client
	owner, repo string
	viewer      func(context.Context) (string, error)
	pull        func(context.Context) (*github.PullRequest, error)

	writing sync.Mutex
	wrote   time.Time // when the last write ended
}

// NewGitHub makes the client. Nothing is sent yet.
func NewGitHub(o GitHubOptions) (*GitHub, error) {
	g := &GitHub{o: o}
	var ok bool
	g.owner, g.repo, ok = strings.Cut(o.Repository, "/")
	if !ok || g.owner == "" || g.repo == "" || strings.ContainsAny(g.repo, "/?#%") || strings.ContainsAny(g.owner, "?#%") {
		return nil, &fault{what: fmt.Sprintf("%.60q is no repository on GitHub", o.Repository), hint: "GITHUB_REPOSITORY is owner/name"}
	}
	g.o.API = strings.TrimSuffix(cmp.Or(o.API, "https://api.github.com"), "/")
	if base, enterprise := strings.CutSuffix(g.o.API, "/api/v3"); o.GraphQL == "" && enterprise {
		g.o.GraphQL = base + "/api/graphql"
	}
	g.o.GraphQL = cmp.Or(g.o.GraphQL, g.o.API+"/graphql")
	g.o.Pace = cmp.Or(o.Pace, time.Second)
	g.o.Key = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '_' // a dash may end a comment of HTML
	}, o.Key[:min(len(o.Key), 60)])
	httpClient := http.Client{Timeout: 30 * time.Second}
	if o.Client != nil {
		httpClient = *o.Client
	}
	// The token goes along with every request of this client, so none leaves its host.
	httpClient.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if first := via[0].URL; next.URL.Host != first.Host || next.URL.Scheme != first.Scheme || len(via) > 5 {
			return errRedirected
		}
		return nil
	}
	var err error
	g.client, err = github.NewClient(github.WithHTTPClient(&httpClient), github.WithAuthToken(o.Token),
		github.WithURLs(&g.o.API, nil), github.WithUserAgent("regreen"), github.WithDisableRateLimitCheck())
	if err != nil {
		return nil, &fault{what: "cannot use the GitHub API", hint: "GITHUB_API_URL is its address", err: err}
	}
	g.viewer = once(func(ctx context.Context) (string, error) {
		var answer struct{ Viewer struct{ Login string } }
		err := g.query(ctx, "{viewer{login}}", nil, &answer)
		return answer.Viewer.Login, err
	})
	g.pull = once(func(ctx context.Context) (*github.PullRequest, error) {
		p, _, err := g.client.PullRequests.Get(ctx, g.owner, g.repo, o.PullRequest)
		return p, problem("read the pull request", "pull-requests: read", err)
	})
	return g, nil
}

var errRedirected = errors.New("it redirects to another host")

// once keeps the first answer that is no error. Channels ask at the same time.
func once[T any](ask func(context.Context) (T, error)) func(context.Context) (T, error) {
	var mu sync.Mutex
	var answer T
	known := false
	return func(ctx context.Context) (T, error) {
		mu.Lock()
		defer mu.Unlock()
		if known {
			return answer, nil
		}
		got, err := ask(ctx)
		if err == nil {
			answer, known = got, true
		}
		return got, err
	}
}

// head is the commit that reviews and checks belong to: for a pull request its own
// last one, which is not the merge that CI tests.
func (g *GitHub) head(ctx context.Context) (string, error) {
	if g.o.PullRequest == 0 {
		return g.o.Head, nil
	}
	p, err := g.pull(ctx)
	return p.GetHead().GetSHA(), err
}

// channel wraps what a channel on GitHub does.
func (g *GitHub) channel(name string, sendTo func(context.Context, *report.Report) (report.Receipt, error)) Channel {
	c := channel{name, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		receipt, err := sendTo(ctx, r)
		if errors.Is(err, errDenied) && g.o.Restricted {
			return skip("the token may only read: the pull request comes from a fork or a bot", "let a job on workflow_run send the report that this one leaves as an artifact"), nil
		}
		return receipt, err
	}}
	return sealed(retry(c, g.o.Retry), g.o.Token)
}

// write does one request that changes something: one at a time, and no faster than
// GitHub asks for.
func (g *GitHub) write(ctx context.Context, do func() error) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	if rest := g.o.Pace - time.Since(g.wrote); !g.wrote.IsZero() && rest > 0 {
		if err := wait(ctx, rest); err != nil {
			return err
		}
	}
	defer func() { g.wrote = time.Now() }()
	return do()
}

// pages reads all pages of a list, up to a bound that no real one comes to.
func pages[T any](get func(github.ListOptions) ([]T, *github.Response, error)) ([]T, error) {
	const most = 100
	var all []T
	opt := github.ListOptions{PerPage: 100}
	for range most {
		some, answer, err := get(opt)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if answer.NextPage == 0 {
			break
		}
		opt.Page = answer.NextPage
	}
	return all, nil
}

// query asks GraphQL. What it refuses comes with the status 200 and a list of errors.
func (g *GitHub) query(ctx context.Context, text string, variables map[string]any, into any) error {
	body := map[string]any{"query": text}
	if variables != nil {
		body["variables"] = variables
	}
	req, err := g.client.NewRequest(ctx, http.MethodPost, g.o.GraphQL, body)
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Type, Message string }
	}
	if _, err := g.client.Do(req, &answer); err != nil {
		return problem("ask GraphQL", "", err)
	}
	if len(answer.Errors) > 0 {
		e := answer.Errors[0]
		switch e.Type {
		case "RATE_LIMITED":
			return &transient{&fault{what: "GraphQL's rate limit is used up"}, time.Minute}
		case "FORBIDDEN", "INSUFFICIENT_SCOPES":
			return &denied{fault{what: "GraphQL: " + oneLine(e.Message)}}
		}
		return &fault{what: "GraphQL: " + oneLine(e.Message)}
	}
	return json.Unmarshal(answer.Data, into)
}

// errDenied is what every error about a missing permission matches.
var errDenied = errors.New("the token may not do this")

type denied struct{ fault }

func (*denied) Is(target error) bool { return target == errDenied }

// problem puts an error of the client into words, and says whether it may pass.
// permission is what the token needs for it.
func problem(doing, permission string, err error) error {
	if err == nil || contextEnded(err) {
		return err
	}
	doing = "cannot " + doing
	answer, message := refusal(err)
	if answer == nil { // no answer, or one that ended early
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // without the address, which people know
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the answer is not whole")
		}
		f := &fault{what: doing, hint: "is GITHUB_API_URL right, and in reach?", err: err}
		if errors.Is(err, errRedirected) {
			return f
		}
		return &transient{f, 0}
	}
	after := retryAfter(answer.Header, time.Now())
	status := answer.StatusCode
	f := fault{what: fmt.Sprintf("%s: GitHub says %d %s", doing, status, oneLine(message))}
	limited := after > 0 || strings.Contains(message, "rate limit")
	switch {
	case mayPass(status), status == http.StatusForbidden && limited:
		if after == 0 && limited {
			after = time.Minute // what GitHub asks for where it names no time
		}
		return &transient{&f, after}
	case status == http.StatusUnauthorized:
		f.hint = "GITHUB_TOKEN is wrong or has expired"
	case status == http.StatusForbidden, status == http.StatusNotFound && permission != "":
		f.hint = "give the job permissions: " + permission
		return &denied{f}
	}
	return &f
}

// contextEnded tells an error that only says that the context did, and not that the
// client's own timeout, which looks much like it, was over.
func contextEnded(err error) bool {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	return err == context.Canceled || err == context.DeadlineExceeded || errors.Is(err, context.Canceled)
}

// refusal is the answer that an error of the client came with, and what it says.
func refusal(err error) (*http.Response, string) {
	if e := (*github.RateLimitError)(nil); errors.As(err, &e) {
		return e.Response, e.Message
	}
	if e := (*github.AbuseRateLimitError)(nil); errors.As(err, &e) {
		return e.Response, e.Message
	}
	if e := (*github.ErrorResponse)(nil); errors.As(err, &e) {
		message := e.Message
		for _, detail := range e.Errors {
			message += "; " + cmp.Or(detail.Message, detail.Field+" "+detail.Code)
		}
		return e.Response, message
	}
	return nil, ""
}
