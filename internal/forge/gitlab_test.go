package forge_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/forge/gitlabtest"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func gitLab(t *testing.T, api string) *forge.GitLab {
	t.Helper()
	g, err := forge.NewGitLab(forge.GitLabOptions{API: api, Token: gitlabtest.Token, Project: gitlabtest.Project, Pace: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Our notes are found among hundreds of others, and nobody else's counts as ours.
func TestGitLabNotes(t *testing.T) {
	t.Parallel()
	api := gitlabtest.New(t)
	g := gitLab(t, api.URL)
	api.AddNote("mallory", "mark\nA trap", false)
	first := api.AddNote(gitlabtest.Bot, "mark\nOld", false)
	for i := range 230 {
		api.AddNote("somebody", fmt.Sprint("note ", i), false)
	}
	api.AddNote(gitlabtest.Bot, "mark of the system", true)
	second, err := g.Reply(t.Context(), gitlabtest.IID, "mark\nNew")
	if err != nil {
		t.Fatal(err)
	}
	mine, err := g.Mine(t.Context(), gitlabtest.IID, "mark\n")
	if err != nil || len(mine) != 2 || mine[0].ID != first || mine[1] != second {
		t.Errorf("got %+v, %v", mine, err)
	}
	edited, err := g.EditComment(t.Context(), gitlabtest.IID, first, "mark\nEdited")
	if err != nil || edited.Body != "mark\nEdited" || api.Notes()[1].Body != "mark\nEdited" {
		t.Errorf("got %+v, %v", edited, err)
	}
}

// A transient error says so, and when to retry; another one says what to do. None contains the
// token.
func TestGitLabErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		fault     githubtest.Fault
		transient bool
		after     time.Duration
		denied    bool
		says      string
	}{
		{"rate limit", githubtest.Fault{Status: 429, Header: map[string]string{"Retry-After": "9"}, Body: "Retry later"}, true, 9 * time.Second, false, "429"},
		{"bad gateway", githubtest.Fault{Status: 502, Body: "<html>"}, true, 0, false, "502"},
		{"half", githubtest.Fault{Half: true}, true, 0, false, "CI_API_V4_URL"},
		{"reset", githubtest.Fault{Reset: true}, true, 0, false, "CI_API_V4_URL"},
		{"wrong token", githubtest.Fault{Status: 401, Body: `{"message":"401 Unauthorized ` + gitlabtest.Token + `"}`}, false, 0, false, "401 Unauthorized *** (hint: set REGREEN_GITLAB_TOKEN"},
		{"not permitted", githubtest.Fault{Status: 403, Body: `{"error":"insufficient_scope"}`}, false, 0, true, "insufficient_scope (hint: set REGREEN_GITLAB_TOKEN to a project token"},
		{"hidden", githubtest.Fault{Status: 404, Body: `{"message":"404 Project Not Found"}`}, false, 0, true, "a CI_JOB_TOKEN cannot write notes"},
		{"too long", githubtest.Fault{Status: 400, Body: `{"message":{"note":["is too long"]}}`}, false, 0, false, `{"note":["is too long"]}`},
	} {
		api := gitlabtest.New(t)
		api.Inject(tt.fault)
		_, err := gitLab(t, api.URL).Reply(t.Context(), gitlabtest.IID, "x")
		again := (*forge.TransientError)(nil)
		if errors.As(err, &again) != tt.transient || tt.transient && again.After != tt.after || errors.Is(err, forge.ErrDenied) != tt.denied {
			t.Errorf("%s: %#v", tt.name, err)
		}
		if err == nil || strings.Contains(usererr.OneLine(err), gitlabtest.Token) || !strings.HasPrefix(err.Error(), "cannot comment: ") || !strings.Contains(usererr.OneLine(err), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// The token goes to no other host.
func TestGitLabTokenStays(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("PRIVATE-TOKEN") }))
	t.Cleanup(other.Close)
	api := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	t.Cleanup(api.Close)
	if _, err := gitLab(t, api.URL).Login(t.Context()); err == nil || len(seen) > 0 {
		t.Errorf("%v; the other host got %d requests", err, len(seen))
	}
}

func TestNewGitLabRefuses(t *testing.T) {
	t.Parallel()
	for _, o := range []forge.GitLabOptions{{API: "https://gitlab.example.com/api/v4"}, {Project: "42"}, {API: "ftp://x", Project: "42"}, {API: "https://x", Project: "0"}, {API: "https://x", Project: "acme/fleet"}, {API: "::", Project: "1"}} {
		if _, err := forge.NewGitLab(o); err == nil {
			t.Errorf("NewGitLab accepts %+v", o)
		}
	}
}
