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

	"github.com/regreen-ci/regreen/internal/backoff"
	"github.com/regreen-ci/regreen/internal/report"
)

// Options says which repository, on GitHub or on a GitHub Enterprise server.
type Options struct {
	API        string // GITHUB_API_URL; "" means github.com's
	GraphQL    string // GITHUB_GRAPHQL_URL; "" means the one that belongs to API
	Token      string
	Repository string        // owner/name
	Pace       time.Duration // between writes; 0 means the second that GitHub asks for
	Client     *http.Client  // nil means a new one
}

// GitHub is the client for one repository. It is safe for concurrent use.
type GitHub struct {
	o           Options
	client      *github.Client
	plain       http.Client // adds no token and follows no redirects
	owner, repo string
	viewer      func(context.Context) (string, error)
	pace        pace
}

// NewGitHub returns the client. It sends nothing yet.
func NewGitHub(o Options) (*GitHub, error) {
	g := &GitHub{o: o, pace: pace{gap: cmp.Or(o.Pace, time.Second)}}
	g.owner, g.repo, _ = strings.Cut(o.Repository, "/")
	if !isName(g.owner) || !isName(g.repo) {
		return nil, &Error{What: fmt.Sprintf("%.60q is not a GitHub repository", o.Repository), Advice: "set GITHUB_REPOSITORY to owner/name"}
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
		return nil, &Error{What: "cannot use the GitHub API", Advice: "set GITHUB_API_URL to its address", Err: err}
	}
	g.viewer = once(func(ctx context.Context) (string, error) {
		var answer struct{ Viewer struct{ Login string } }
		err := g.query(ctx, "{viewer{login}}", nil, &answer)
		return answer.Viewer.Login, err
	})
	return g, nil
}

// isName reports whether a name can be an owner's or a repository's, and so is safe in a URL.
func isName(name string) bool {
	return strings.Trim(name, ".") != "" && !strings.ContainsAny(name, "/\\?#% ")
}

// Repository returns the repository's name, owner/name.
func (g *GitHub) Repository() string { return g.owner + "/" + g.repo }

// ActionsBot is the owner of the token of GitHub Actions. Pushes with that token start no
// workflows.
const ActionsBot = "github-actions[bot]"

// Login returns the owner of the token. It asks GitHub only once.
func (g *GitHub) Login(ctx context.Context) (string, error) {
	login, err := g.viewer(ctx)
	if t := (*TransientError)(nil); err != nil && ctx.Err() == nil && !errors.As(err, &t) {
		return ActionsBot, nil // the server does not say
	}
	return login, err
}

var errRedirected = errors.New("redirect to another host")

// sameHost keeps a client that adds the token to every request at its host.
func sameHost(next *http.Request, via []*http.Request) error {
	if first := via[0].URL; next.URL.Host != first.Host || next.URL.Scheme != first.Scheme || len(via) > 5 {
		return errRedirected
	}
	return nil
}

// once returns a function that keeps the first answer without an error. It is safe for
// concurrent use.
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

// pace spreads writes out over time.
type pace struct {
	gap   time.Duration
	mu    sync.Mutex
	wrote time.Time // when the last write ended
}

// write makes one request that changes something, when no other one is running and no sooner
// than the site asks for.
func (p *pace) write(ctx context.Context, do func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rest := p.gap - time.Since(p.wrote); !p.wrote.IsZero() && rest > 0 {
		if err := backoff.Sleep(ctx, rest); err != nil {
			return err
		}
	}
	defer func() { p.wrote = time.Now() }()
	return do()
}

// pages reads all pages of a list, up to a limit that no real list reaches.
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

// query sends a GraphQL query. Refusals come with status 200 and a list of errors.
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
		return g.problem("query GraphQL", "", err)
	}
	if len(answer.Errors) > 0 {
		e := answer.Errors[0]
		refused := &Error{What: "GraphQL: " + g.brief(e.Message)}
		switch e.Type {
		case "RATE_LIMITED":
			return &TransientError{Err: &Error{What: "GraphQL rate limit exceeded"}, After: time.Minute}
		case "FORBIDDEN", "INSUFFICIENT_SCOPES":
			refused.kinds = []error{ErrDenied}
		}
		return refused
	}
	return json.Unmarshal(answer.Data, into)
}

// brief returns the text of a server, which may quote the request, in a form that is safe to
// show.
func (g *GitHub) brief(message string) string {
	return report.Brief(hide(message, g.o.Token))
}

// hide removes a secret from a text.
func hide(text, secret string) string {
	if secret == "" {
		return text
	}
	return strings.ReplaceAll(text, secret, "***")
}

// problem turns an error of the client into one that says what cannot be done, transient if a retry
// may help. Permission is the one that the token needs.
func (g *GitHub) problem(doing, permission string, err error) error {
	if err == nil || contextEnded(err) {
		return err
	}
	answer, message := refusal(err)
	if answer == nil {
		return noAnswer(doing, "check GITHUB_API_URL, and that it can be reached from here", err)
	}
	after := RetryAfter(answer.Header, time.Now())
	status := answer.StatusCode
	e := &Error{What: fmt.Sprintf("cannot %s: GitHub returned %d %s", doing, status, g.brief(message))}
	limited := after > 0 || strings.Contains(message, "rate limit")
	if status == http.StatusNotFound {
		e.kinds = append(e.kinds, ErrNotFound)
	}
	switch {
	case IsTransient(status), status == http.StatusForbidden && limited:
		if after == 0 && limited {
			after = time.Minute // what GitHub recommends if it names no time
		}
		return &TransientError{Err: e, After: after}
	case status == http.StatusUnauthorized:
		e.Advice = "set GITHUB_TOKEN to a valid token; this one is wrong or has expired"
	case status == http.StatusForbidden, status == http.StatusNotFound && permission != "":
		e.kinds = append(e.kinds, ErrDenied)
		if permission != "" {
			e.Advice = "give the job permissions: " + permission
		}
	}
	return e
}

// noAnswer returns the error for a request without an answer, or with an incomplete one.
func noAnswer(doing, hint string, err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // without the address
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("incomplete answer")
	}
	e := &Error{What: "cannot " + doing, Advice: hint, Err: err}
	if errors.Is(err, errRedirected) {
		return e
	}
	return &TransientError{Err: e}
}

// contextEnded reports whether an error only says that the context ended, unlike one of the
// client's own timeout, which looks similar.
func contextEnded(err error) bool {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	return err == context.Canceled || err == context.DeadlineExceeded || errors.Is(err, context.Canceled)
}

// refusal returns the answer that an error of the client came with, and its message.
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
