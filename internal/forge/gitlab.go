package forge

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/report"
)

// NoteSize is GitLab's limit for a note, in characters.
const NoteSize = 1_000_000

// GitLabOptions says which project on GitLab.
type GitLabOptions struct {
	API     string // CI_API_V4_URL
	Token   string
	Project string        // CI_PROJECT_ID
	Pace    time.Duration // between writes; 0 means a second
	Client  *http.Client  // nil means a new one
}

// GitLab is the client for one project. It is safe for concurrent use.
type GitLab struct {
	o      GitLabOptions
	client http.Client
	viewer func(context.Context) (string, error)
	pace   pace
}

// NewGitLab returns the client. It sends nothing yet.
func NewGitLab(o GitLabOptions) (*GitLab, error) {
	o.API = strings.TrimSuffix(o.API, "/")
	if u, err := url.Parse(o.API); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, &Error{What: fmt.Sprintf("%.80q is not the URL of a GitLab API", o.API), Advice: "set CI_API_V4_URL to it"}
	}
	if n, err := strconv.ParseUint(o.Project, 10, 63); err != nil || n == 0 {
		return nil, &Error{What: fmt.Sprintf("%.60q is not a GitLab project", o.Project), Advice: "set CI_PROJECT_ID to its number"}
	}
	g := &GitLab{o: o, client: http.Client{Timeout: 30 * time.Second}, pace: pace{gap: cmp.Or(o.Pace, time.Second)}}
	if o.Client != nil {
		g.client = *o.Client
	}
	g.client.CheckRedirect = sameHost
	g.viewer = once(func(ctx context.Context) (string, error) {
		var user struct{ Username string }
		_, err := g.do(ctx, "read the owner of the token", http.MethodGet, "/user", nil, &user)
		return user.Username, err
	})
	return g, nil
}

// Login returns the name of the token's owner. It asks GitLab only once.
func (g *GitLab) Login(ctx context.Context) (string, error) { return g.viewer(ctx) }

// note is a Comment in GitLab's form.
type note struct {
	ID     int64
	Body   string
	System bool
	Author struct{ Username string }
}

func (n note) comment() Comment { return Comment{ID: n.ID, Author: n.Author.Username, Body: n.Body} }

func (g *GitLab) notes(mergeRequest int) string {
	return fmt.Sprintf("/projects/%s/merge_requests/%d/notes", g.o.Project, mergeRequest)
}

// Mine returns the notes on a merge request that begin with the prefix and were written by the
// owner of the token, the oldest first. They have no URL: GitLab does not send one.
func (g *GitLab) Mine(ctx context.Context, mergeRequest int, prefix string) ([]Comment, error) {
	const most = 100 // pages, more than any real merge request has
	var found []Comment
	for page := 1; page >= 1 && page <= most; {
		var some []note
		answer, err := g.do(ctx, "read the notes", http.MethodGet, fmt.Sprintf("%s?per_page=100&sort=asc&order_by=created_at&page=%d", g.notes(mergeRequest), page), nil, &some)
		if err != nil {
			return nil, err
		}
		for _, n := range some {
			if !n.System && strings.HasPrefix(n.Body, prefix) {
				found = append(found, n.comment())
			}
		}
		page, _ = strconv.Atoi(answer.Get("X-Next-Page")) // empty on the last page
	}
	if len(found) == 0 {
		return nil, nil
	}
	me, err := g.Login(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b Comment) int { return cmp.Compare(a.ID, b.ID) })
	return slices.DeleteFunc(found, func(c Comment) bool { return c.Author != me }), nil
}

// Reply adds a note to a merge request.
func (g *GitLab) Reply(ctx context.Context, mergeRequest int, text string) (Comment, error) {
	return g.write(ctx, "comment", http.MethodPost, g.notes(mergeRequest), text)
}

// EditComment replaces the text of a note.
func (g *GitLab) EditComment(ctx context.Context, mergeRequest int, id int64, text string) (Comment, error) {
	return g.write(ctx, "edit the note", http.MethodPut, fmt.Sprintf("%s/%d", g.notes(mergeRequest), id), text)
}

func (g *GitLab) write(ctx context.Context, doing, method, path, text string) (Comment, error) {
	var n note
	err := g.pace.write(ctx, func() error {
		_, err := g.do(ctx, doing, method, path, map[string]string{"body": text}, &n)
		return err
	})
	return n.comment(), err
}

// do sends a request and reads its answer.
func (g *GitLab) do(ctx context.Context, doing, method, path string, body, into any) (http.Header, error) {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, g.o.API+path, sent)
	if err != nil {
		return nil, err
	}
	req.Header.Set("PRIVATE-TOKEN", g.o.Token)
	req.Header.Set("User-Agent", "regreen")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := g.client.Do(req)
	if err != nil {
		return nil, g.lost(doing, err)
	}
	defer func() { _ = answer.Body.Close() }()
	const most = 256 << 20 // a page of notes of maximum size
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return nil, g.lost(doing, err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return nil, g.refused(doing, answer, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return nil, g.lost(doing, io.ErrUnexpectedEOF)
	}
	return answer.Header, nil
}

func (g *GitLab) lost(doing string, err error) error {
	if contextEnded(err) {
		return err
	}
	return noAnswer(doing, "check CI_API_V4_URL, and that it can be reached from here", err)
}

// refused turns a refusal into an error that says what cannot be done, transient if a retry may
// help.
func (g *GitLab) refused(doing string, answer *http.Response, body []byte) error {
	var words struct{ Message, Error json.RawMessage }
	_ = json.Unmarshal(body, &words)
	text := string(words.Message) + string(words.Error)
	if s := ""; json.Unmarshal([]byte(text), &s) == nil {
		text = s
	}
	status := answer.StatusCode
	e := &Error{What: strings.TrimSpace(fmt.Sprintf("cannot %s: GitLab returned %d %s", doing, status, report.Brief(hide(text, g.o.Token))))}
	switch {
	case IsTransient(status):
		return &TransientError{Err: e, After: RetryAfter(answer.Header, time.Now())}
	case status == http.StatusUnauthorized:
		e.Advice = "set REGREEN_GITLAB_TOKEN to a valid token; this one is wrong or has expired"
	case status == http.StatusForbidden, status == http.StatusNotFound:
		e.kinds = []error{ErrDenied}
		if status == http.StatusNotFound {
			e.kinds = append(e.kinds, ErrNotFound)
		}
		e.Advice = "set REGREEN_GITLAB_TOKEN to a project token with the scope api and at least the role Reporter; a CI_JOB_TOKEN cannot write notes"
	case status/100 == 3:
		return &Error{What: "cannot " + doing, Err: errors.New("redirect without a target")}
	}
	return e
}
