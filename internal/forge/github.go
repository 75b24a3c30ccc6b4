package forge

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

// Options says which repository, on GitHub or on a GitHub Enterprise server.
type Options struct {
	API        string // GITHUB_API_URL; "" for github.com's
	GraphQL    string // GITHUB_GRAPHQL_URL; "" for the one that belongs to API
	Token      string
	Repository string        // owner/name
	Pace       time.Duration // between writes; 0 stands for the second that GitHub asks for
	Client     *http.Client  // nil for one of its own
}

// GitHub is one repository there. It may be used by several at the same time.
type GitHub struct {
	o           Options
	client      *github.Client
	plain       http.Client // sends no token by itself, and follows nothing
	owner, repo string
	viewer      func(context.Context) (string, error)
	pace        pace
}

// NewGitHub makes the client. Nothing is sent yet.
func NewGitHub(o Options) (*GitHub, error) {
	g := &GitHub{o: o, pace: pace{gap: cmp.Or(o.Pace, time.Second)}}
	g.owner, g.repo, _ = strings.Cut(o.Repository, "/")
	if !isName(g.owner) || !isName(g.repo) {
		return nil, &Error{What: fmt.Sprintf("%.60q is no repository on GitHub", o.Repository), Advice: "GITHUB_REPOSITORY is owner/name"}
	}
	g.o.API = strings.TrimSuffix(cmp.Or(o.API, "https://api.github.com"), "/")
	if base, enterprise := strings.CutSuffix(g.o.API, "/api/v3"); o.GraphQL == "" && enterprise {
		g.o.GraphQL = base + "/api/graphql"
	}
	g.o.GraphQL = cmp.Or(g.o.GraphQL, g.o.API+"/graphql")
	client := http.Client{Timeout: 30 * time.Second}
	if o.Client != nil {
		client = *o.Client
	}
	g.plain = client
	g.plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.CheckRedirect = sameHost
	var err error
	g.client, err = github.NewClient(github.WithHTTPClient(&client), github.WithAuthToken(o.Token),
		github.WithURLs(&g.o.API, nil), github.WithUserAgent("regreen"), github.WithDisableRateLimitCheck())
	if err != nil {
		return nil, &Error{What: "cannot use the GitHub API", Advice: "GITHUB_API_URL is its address", Err: err}
	}
	g.viewer = once(func(ctx context.Context) (string, error) {
		var answer struct{ Viewer struct{ Login string } }
		err := g.query(ctx, "{viewer{login}}", nil, &answer)
		return answer.Viewer.Login, err
	})
	return g, nil
}

// isName tells whether a name can be an owner's or a repository's, and so be part of an
// address.
func isName(name string) bool {
	return strings.Trim(name, ".") != "" && !strings.ContainsAny(name, "/\\?#% ")
}

// Repository is the repository's name, owner/name.
func (g *GitHub) Repository() string { return g.owner + "/" + g.repo }

// ActionsBot is whom the token of GitHub Actions belongs to. What is pushed with it
// starts no workflow.
const ActionsBot = "github-actions[bot]"

// Login is whom the token belongs to. It is asked for once.
func (g *GitHub) Login(ctx context.Context) (string, error) {
	login, err := g.viewer(ctx)
	if t := (*TransientError)(nil); err != nil && ctx.Err() == nil && !errors.As(err, &t) {
		return ActionsBot, nil // a server that does not tell
	}
	return login, err
}

var errRedirected = errors.New("redirect to another host")

// sameHost keeps a client, whose every request has the token, at its host.
func sameHost(next *http.Request, via []*http.Request) error {
	if first := via[0].URL; next.URL.Host != first.Host || next.URL.Scheme != first.Scheme || len(via) > 5 {
		return errRedirected
	}
	return nil
}

// once keeps the first answer that is no error. Several may ask at the same time.
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

// pace spreads writes over time.
type pace struct {
	gap   time.Duration
	mu    sync.Mutex
	wrote time.Time // when the last write ended
}

// write does one request that changes something: one at a time, and no faster than the
// site asks for.
func (p *pace) write(ctx context.Context, do func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rest := p.gap - time.Since(p.wrote); !p.wrote.IsZero() && rest > 0 {
		timer := time.NewTimer(rest)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer func() { p.wrote = time.Now() }()
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
		return g.problem("ask GraphQL", "", err)
	}
	if len(answer.Errors) > 0 {
		e := answer.Errors[0]
		refused := &Error{What: "GraphQL: " + g.said(e.Message)}
		switch e.Type {
		case "RATE_LIMITED":
			return &TransientError{Err: &Error{What: "GraphQL's rate limit is used up"}, After: time.Minute}
		case "FORBIDDEN", "INSUFFICIENT_SCOPES":
			refused.kinds = []error{ErrDenied}
		}
		return refused
	}
	return json.Unmarshal(answer.Data, into)
}

// said is the text of a server, which may repeat what it was sent.
func (g *GitHub) said(message string) string {
	return report.Brief(hide(message, g.o.Token))
}

// hide takes a secret out of a text.
func hide(text, secret string) string {
	if secret == "" {
		return text
	}
	return strings.ReplaceAll(text, secret, "***")
}

// problem puts an error of the client into words, and says whether it may pass.
// permission is what the token needs for it.
func (g *GitHub) problem(doing, permission string, err error) error {
	if err == nil || contextEnded(err) {
		return err
	}
	answer, message := refusal(err)
	if answer == nil {
		return noAnswer(doing, "GITHUB_API_URL", err)
	}
	after := RetryAfter(answer.Header, time.Now())
	status := answer.StatusCode
	e := &Error{What: fmt.Sprintf("cannot %s: GitHub says %d %s", doing, status, g.said(message))}
	limited := after > 0 || strings.Contains(message, "rate limit")
	if status == http.StatusNotFound {
		e.kinds = append(e.kinds, ErrNotFound)
	}
	switch {
	case MayPass(status), status == http.StatusForbidden && limited:
		if after == 0 && limited {
			after = time.Minute // what GitHub asks for where it names no time
		}
		return &TransientError{Err: e, After: after}
	case status == http.StatusUnauthorized:
		e.Advice = "GITHUB_TOKEN is wrong or has expired"
	case status == http.StatusForbidden, status == http.StatusNotFound && permission != "":
		e.kinds = append(e.kinds, ErrDenied)
		if permission != "" {
			e.Advice = "give the job permissions: " + permission
		}
	}
	return e
}

// noAnswer is what to say where no answer came, or one that ended early.
func noAnswer(doing, variable string, err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // without the address, which people know
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the answer is not whole")
	}
	e := &Error{What: "cannot " + doing, Advice: "is " + variable + " right, and in reach?", Err: err}
	if errors.Is(err, errRedirected) {
		return e
	}
	return &TransientError{Err: e}
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
