package forge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// gitHub returns a client for a test server, without waits.
func gitHub(t *testing.T, api *githubtest.Server) *forge.GitHub {
	t.Helper()
	g, err := forge.NewGitHub(forge.Options{API: api.URL, Token: githubtest.Token, Repository: githubtest.Repository, Pace: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

const text = "package stats\n\nfunc Mean() {}\n"

// withGit returns a server with a repository that has the branches main and topic.
func withGit(t *testing.T) (api *githubtest.Server, g *forge.GitHub, head string) {
	t.Helper()
	api = githubtest.New(t)
	api.Git, head = githubtest.NewGit(t, map[string]string{"stats/mean.go": text, "stats/deep/er/x.txt": "x", "README.md": "Fleet\n"})
	githubtest.RunGit(t, api.Git, "update-ref", "refs/heads/topic", head)
	return api, gitHub(t, api), head
}

func TestLogin(t *testing.T) {
	t.Parallel()
	api := githubtest.New(t)
	g := gitHub(t, api)
	api.SetViewer("regreen-app[bot]")
	for range 2 {
		if login, err := g.Login(t.Context()); err != nil || login != "regreen-app[bot]" {
			t.Errorf("got %q, %v", login, err)
		}
	}
	if n := len(api.Requests()); n != 1 {
		t.Errorf("got %d requests, want 1", n)
	}
	api = githubtest.New(t)
	api.Deny(githubtest.Viewer)
	if login, err := gitHub(t, api).Login(t.Context()); err != nil || login != forge.ActionsBot {
		t.Errorf("a server that does not say: %q, %v", login, err)
	}
}

func TestPull(t *testing.T) {
	t.Parallel()
	api, g, head := withGit(t)
	api.AddPull(githubtest.Pull{Number: 7, HeadRef: "topic", Draft: true, Title: "Mean", Author: "ada"})
	api.AddPull(githubtest.Pull{Number: 8, Head: strings.Repeat("b", 40), HeadRef: "topic", Fork: true, Closed: true, BaseRef: "release"})
	want := forge.Pull{
		Number: 7, URL: "https://github.example.com/acme/fleet/pull/7", Title: "Mean", Author: "ada", Open: true, Draft: true,
		Head: head, HeadRef: "topic", HeadRepository: "acme/fleet", Base: head, BaseRef: "main",
	}
	got, err := g.Pull(t.Context(), 7)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	got, err = g.Pull(t.Context(), 8)
	if err != nil || !got.Fork || got.Open || got.HeadRepository != "mallory/fleet" || got.BaseRef != "release" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err = g.Pull(t.Context(), 9); !errors.Is(err, forge.ErrNotFound) || !errors.Is(err, forge.ErrDenied) || !strings.Contains(usererr.OneLine(err), "pull-requests: read") {
		t.Errorf("a missing one: %v", err)
	}
	all, err := g.PullsOf(t.Context(), "topic")
	if err != nil || len(all) != 1 || all[0].Number != 7 {
		t.Errorf("from the branch: %+v, %v", all, err)
	}
	all, err = g.PullsFrom(t.Context(), "mallory", "topic")
	if err != nil || len(all) != 1 || all[0].Number != 8 {
		t.Errorf("from the fork's branch: %+v, %v", all, err)
	}
}

func TestOpenPull(t *testing.T) {
	t.Parallel()
	api, g, head := withGit(t)
	draft := forge.PullDraft{Head: "regreen/1", Base: "main", Title: "regreen: a guard", Body: "Why"}
	if _, err := g.OpenPull(t.Context(), draft); err == nil || !strings.Contains(usererr.OneLine(err), "head invalid") {
		t.Errorf("without a branch: %v", err)
	}
	_, err := g.Commit(t.Context(), forge.Commit{Branch: "regreen/1", New: true, Parent: head, Message: "m", Files: map[string]forge.File{"a": {Content: []byte("a")}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := g.OpenPull(t.Context(), draft)
	if err != nil || p.Number != 1 || !p.Draft || !p.Open || p.HeadRef != "regreen/1" {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, err = g.OpenPull(t.Context(), draft); !errors.Is(err, forge.ErrExists) {
		t.Errorf("again: %v", err)
	}
	api.Inject(githubtest.Fault{Method: "POST", Path: "/pulls", Status: 422, Body: `{"message": "Draft pull requests are not supported in this repository."}`})
	draft.Head = "topic"
	if _, err = g.OpenPull(t.Context(), draft); err == nil || !strings.Contains(usererr.OneLine(err), "No commits between") {
		t.Errorf("no drafts, and nothing to merge: %v", err)
	}
	api.Deny(githubtest.OpenPulls)
	if _, err = g.OpenPull(t.Context(), draft); !errors.Is(err, forge.ErrDenied) || !strings.Contains(usererr.OneLine(err), "settings") {
		t.Errorf("not permitted: %v", err)
	}
}

func TestMayWrite(t *testing.T) {
	t.Parallel()
	api := githubtest.New(t)
	g := gitHub(t, api)
	for login, level := range map[string]string{"ada": "admin", "mia": "maintain", "will": "write", "rita": "read", "nobody": "none", "renovate[bot]": "write", "joe_acme": "write"} {
		api.SetPermission(login, level)
		want := level != "read" && level != "none"
		if may, err := g.MayWrite(t.Context(), login); may != want || err != nil {
			t.Errorf("%s: got %v, %v", login, may, err)
		}
	}
	for _, login := range []string{"mallory", "", "..", "ada/../will", "ada?x", "a%2Fb", "[bot]", strings.Repeat("a", 200)} {
		if may, err := g.MayWrite(t.Context(), login); may || err != nil {
			t.Errorf("%q: got %v, %v", login, may, err)
		}
	}
	api.Deny(githubtest.Collaborators)
	if may, err := g.MayWrite(t.Context(), "ada"); may || !errors.Is(err, forge.ErrDenied) {
		t.Errorf("a token without the permission: %v, %v", may, err)
	}
}

func TestComments(t *testing.T) {
	t.Parallel()
	api := githubtest.New(t)
	g := gitHub(t, api)
	api.AddPull(githubtest.Pull{Number: 7})
	for i := range 130 {
		api.AddComment(7, "somebody", fmt.Sprint("mark ", i))
	}
	mine, err := g.Reply(t.Context(), 7, "mark, our own")
	if err != nil || mine.URL == "" || mine.ID == 0 || mine.Author != githubtest.Bot {
		t.Fatalf("got %+v, %v", mine, err)
	}
	all, err := g.Comments(t.Context(), 7)
	if err != nil || len(all) != 131 || all[130] != mine || !slices.IsSortedFunc(all, func(a, b forge.Comment) int { return int(a.ID - b.ID) }) {
		t.Errorf("got %d comments, %v", len(all), err)
	}
	found, err := g.Mine(t.Context(), 7, "mark")
	if err != nil || len(found) != 1 || found[0] != mine {
		t.Errorf("got %+v, %v", found, err)
	}
	for range 2 {
		if err := g.React(t.Context(), mine.ID, "eyes"); err != nil {
			t.Error(err)
		}
	}
	if got := api.Reactions(mine.ID); !slices.Equal(got, []string{"eyes"}) {
		t.Errorf("got reactions %v", got)
	}
	api.Deny(githubtest.PullRequests)
	_, err = g.Reply(t.Context(), 7, "x")
	_, second := g.EditComment(t.Context(), mine.ID, "x")
	for _, err := range []error{err, second, g.React(t.Context(), mine.ID, "rocket")} {
		if !errors.Is(err, forge.ErrDenied) || !strings.Contains(usererr.OneLine(err), "give the job permissions: pull-requests: write") {
			t.Errorf("%v", err)
		}
	}
}

func TestBranch(t *testing.T) {
	t.Parallel()
	api, g, head := withGit(t)
	githubtest.RunGit(t, api.Git, "update-ref", "refs/heads/feature/a#b", head)
	api.Protect("main")
	for name, want := range map[string]bool{"main": true, "topic": false, "feature/a#b": false} {
		if sha, protected, err := g.Branch(t.Context(), name); sha != head || protected != want || err != nil {
			t.Errorf("%s: got %s, %v, %v", name, sha, protected, err)
		}
	}
	if _, _, err := g.Branch(t.Context(), "feature"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	api, g, head := withGit(t)
	blob := githubtest.RunGit(t, api.Git, "rev-parse", head+":README.md")
	tree := githubtest.RunGit(t, api.Git, "rev-parse", head+"^{tree}")
	odd := commitOf(t, api.Git, tree, head, "100755 "+blob+"\trun.sh", "120000 "+blob+"\tlink", "160000 "+head+"\tmodule")
	for _, tt := range []struct {
		path   string
		exists bool
		mode   string
		text   string
		err    error
	}{
		{path: "stats/mean.go", exists: true, mode: forge.Plain, text: text},
		{path: "stats/deep/er/x.txt", exists: true, mode: forge.Plain, text: "x"},
		{path: "run.sh", exists: true, mode: forge.Executable, text: "Fleet\n"},
		{path: "stats/none.go"},
		{path: "none/mean.go"},
		{path: ".."},
		{path: "stats//mean.go"},
		{path: "link", err: forge.ErrNoFile},
		{path: "link/x", err: forge.ErrNoFile},
		{path: "module", err: forge.ErrNoFile},
		{path: "stats", err: forge.ErrNoFile},
		{path: "README.md/x", err: forge.ErrNoFile},
	} {
		f, exists, err := g.File(t.Context(), tt.path, odd, 1000)
		if exists != tt.exists || f.Mode != tt.mode || string(f.Content) != tt.text || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %+v, %v, %v", tt.path, f, exists, err)
		}
	}
	if _, _, err := g.File(t.Context(), "README.md", head, 5); !errors.Is(err, forge.ErrTooLarge) {
		t.Errorf("a too large one: %v", err)
	}
	for _, commit := range []string{"main", "", "../x", strings.Repeat("0", 40)} {
		if _, exists, err := g.File(t.Context(), "README.md", commit, 1000); err == nil || exists {
			t.Errorf("at %q: %v", commit, err)
		}
	}
}

// commitOf makes a commit after head with the entries of a tree and some more.
func commitOf(t *testing.T, dir, tree, head string, entries ...string) string {
	t.Helper()
	made := githubtest.RunGitInput(t, dir, githubtest.RunGit(t, dir, "ls-tree", tree)+"\n"+asTree(entries), "mktree")
	return githubtest.RunGit(t, dir, "commit-tree", "-p", head, "-m", "odd", made)
}

// asTree returns the entries in the form that git mktree expects.
func asTree(entries []string) string {
	kinds := map[string]string{"100644": "blob", "100755": "blob", "120000": "blob", "160000": "commit"}
	var b strings.Builder
	for _, e := range entries {
		mode, rest, _ := strings.Cut(e, " ")
		b.WriteString(mode + " " + kinds[mode] + " " + rest + "\n")
	}
	return b.String()
}

// TestCommit checks with git itself that a commit has the files, their modes, and all files that
// were not touched.
func TestCommit(t *testing.T) {
	t.Parallel()
	api, g, head := withGit(t)
	binary := string([]byte{0, 255, 10, 13})
	sha, err := g.Commit(t.Context(), forge.Commit{
		Branch: "topic", Parent: head, Message: "Guard the mean\n\nWhy", Files: map[string]forge.File{
			"stats/mean.go": {Content: []byte("new\n"), Mode: forge.Executable}, "b/i/n": {Content: []byte(binary)}, "README.md": {Delete: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if at := githubtest.RunGit(t, api.Git, "rev-parse", "topic"); at != sha {
		t.Errorf("the branch is at %s, not %s", at, sha)
	}
	if got := githubtest.RunGit(t, api.Git, "log", "-1", "--format=%P %B", sha); got != head+" Guard the mean\n\nWhy" {
		t.Errorf("got commit %q", got)
	}
	if got := githubtest.RunGit(t, api.Git, "ls-tree", "-r", "--format=%(objectmode) %(path)", sha); got != "100644 b/i/n\n100644 stats/deep/er/x.txt\n100755 stats/mean.go" {
		t.Errorf("tree\n%s", got)
	}
	if got := githubtest.RunGit(t, api.Git, "cat-file", "blob", sha+":b/i/n"); got != strings.TrimSuffix(binary, "\n") {
		t.Errorf("got content %q", got)
	}
	githubtest.RunGit(t, api.Git, "fsck", "--strict")
}

// A new branch is created once, even if the answer to the first try was lost.
func TestCommitAgain(t *testing.T) {
	t.Parallel()
	api, g, head := withGit(t)
	c := forge.Commit{Branch: "regreen/1", New: true, Parent: head, Message: "m", Files: map[string]forge.File{"a.go": {Content: []byte("a")}}}
	first, err := g.Commit(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := g.Commit(t.Context(), c); err != nil || second != first {
		t.Errorf("first %s, then %s, %v", first, second, err)
	}
	c.Files["a.go"] = forge.File{Content: []byte("b")}
	if _, err := g.Commit(t.Context(), c); !errors.Is(err, forge.ErrExists) {
		t.Errorf("%v", err)
	}
	if at := githubtest.RunGit(t, api.Git, "rev-parse", "regreen/1"); at != first {
		t.Errorf("the branch is at %s", at)
	}
}

// A refused commit returns the reason, and the branch stays where it is.
func TestCommitIsRefused(t *testing.T) {
	t.Parallel()
	files := map[string]forge.File{"a.go": {Content: []byte("a")}}
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, api *githubtest.Server, head string, c *forge.Commit)
		want   error
		says   string
	}{
		{"moved", func(t *testing.T, api *githubtest.Server, head string, _ *forge.Commit) {
			later := commitOf(t, api.Git, head+"^{tree}", head)
			githubtest.RunGit(t, api.Git, "update-ref", "refs/heads/topic", later)
		}, forge.ErrMoved, "is at"},
		{"reset", func(t *testing.T, api *githubtest.Server, head string, c *forge.Commit) {
			c.Parent = commitOf(t, api.Git, head+"^{tree}", head)
		}, forge.ErrMoved, "is at"},
		{"moved while the commit is being made", func(_ *testing.T, api *githubtest.Server, _ string, _ *forge.Commit) {
			api.Inject(githubtest.Fault{Method: "PATCH", Path: "/git/refs/", Status: 422, Body: `{"message": "Update is not a fast forward"}`})
		}, forge.ErrMoved, "fast forward"},
		{"deleted", func(t *testing.T, api *githubtest.Server, _ string, _ *forge.Commit) {
			githubtest.RunGit(t, api.Git, "update-ref", "-d", "refs/heads/topic")
		}, forge.ErrNotFound, "topic"},
		{"protected", func(_ *testing.T, api *githubtest.Server, _ string, _ *forge.Commit) { api.Protect("topic") }, forge.ErrProtected, "protected"},
		{"a rule", func(_ *testing.T, api *githubtest.Server, _ string, _ *forge.Commit) { api.Rule("topic") }, forge.ErrProtected, "through a pull request"},
		{"exists", func(_ *testing.T, _ *githubtest.Server, _ string, c *forge.Commit) { c.New = true }, forge.ErrExists, "other content"},
		{"read-only", func(_ *testing.T, api *githubtest.Server, _ string, _ *forge.Commit) { api.Deny(githubtest.Contents) }, forge.ErrDenied, "contents: write"},
		{"a path inside .git", func(_ *testing.T, _ *githubtest.Server, _ string, c *forge.Commit) {
			c.Files = map[string]forge.File{".git/config": {Content: []byte("x")}}
		}, nil, "malformed path"},
		{"not a commit", func(_ *testing.T, _ *githubtest.Server, _ string, c *forge.Commit) { c.Parent = "main" }, nil, "cannot commit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api, g, head := withGit(t)
			c := forge.Commit{Branch: "topic", Parent: head, Message: "m", Files: files}
			tt.change(t, api, head, &c)
			before := githubtest.RunGit(t, api.Git, "for-each-ref")
			_, err := g.Commit(t.Context(), c)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(usererr.OneLine(err), tt.says) {
				t.Errorf("%v", err)
			}
			if after := githubtest.RunGit(t, api.Git, "for-each-ref"); before != after {
				t.Errorf("branches before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	api := githubtest.New(t)
	g := gitHub(t, api)
	api.AddRun(githubtest.Run{ID: 5_000_000_000, Attempt: 2, Name: "CI", Path: ".github/workflows/ci.yml", Event: "pull_request", Head: "abc", HeadBranch: "topic", Pulls: []int{7}})
	api.AddRun(githubtest.Run{ID: 6, Status: "in_progress"})
	got, err := g.Run(t.Context(), 5_000_000_000)
	want := forge.Run{
		ID: 5_000_000_000, Attempt: 2, Name: "CI", Path: ".github/workflows/ci.yml", Event: "pull_request", Status: "completed", Conclusion: "failure",
		Head: "abc", HeadBranch: "topic", HeadRepository: "acme/fleet", URL: "https://github.example.com/acme/fleet/actions/runs/5000000000", Pulls: []int{7},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if err := g.Rerun(t.Context(), 5_000_000_000); err != nil || !slices.Equal(api.Reruns(), []int64{5_000_000_000}) {
		t.Errorf("got %v, %v", err, api.Reruns())
	}
	if err := g.Rerun(t.Context(), 6); err == nil || !strings.Contains(usererr.OneLine(err), "already running") {
		t.Errorf("a running one: %v", err)
	}
	api.Deny(githubtest.Actions)
	if err := g.Rerun(t.Context(), 5_000_000_000); !errors.Is(err, forge.ErrDenied) || !strings.Contains(usererr.OneLine(err), "actions: write") {
		t.Errorf("%v", err)
	}
}

func TestArtifacts(t *testing.T) {
	t.Parallel()
	api := githubtest.New(t)
	g := gitHub(t, api)
	api.AddRun(githubtest.Run{ID: 5})
	for i := range 120 {
		api.AddArtifact(5, fmt.Sprint("other ", i), []byte("x"))
	}
	zip := bytes.Repeat([]byte("zip"), 1000)
	id := api.AddArtifact(5, "regreen-report", zip)
	old := api.AddArtifact(5, "regreen-report", nil)
	all, err := g.RunArtifacts(t.Context(), 5)
	if err != nil || len(all) != 122 || all[120] != (forge.Artifact{ID: id, Name: "regreen-report", Size: 3000}) || !all[121].Expired {
		t.Errorf("got %d artifacts, %+v, %v", len(all), all[120:], err)
	}
	var got bytes.Buffer
	if err := g.DownloadArtifact(t.Context(), id, &got, 3000); err != nil || !bytes.Equal(got.Bytes(), zip) {
		t.Errorf("got %d bytes, %v", got.Len(), err)
	}
	if err := g.DownloadArtifact(t.Context(), id, &got, 2999); !errors.Is(err, forge.ErrTooLarge) {
		t.Errorf("a too large one: %v", err)
	}
	if err := g.DownloadArtifact(t.Context(), old, &got, 3000); !errors.Is(err, forge.ErrNotFound) || !strings.Contains(usererr.OneLine(err), "expired") {
		t.Errorf("an expired one: %v", err)
	}
	api.Deny(githubtest.ReadActions)
	_, listed := g.RunArtifacts(t.Context(), 5)
	for _, err := range []error{listed, g.DownloadArtifact(t.Context(), id, &got, 3000)} {
		if !errors.Is(err, forge.ErrDenied) || !strings.Contains(usererr.OneLine(err), "actions: read") {
			t.Errorf("%v", err)
		}
	}
}

// Concurrent writes through one client go one at a time, with a gap in between.
func TestPace(t *testing.T) {
	t.Parallel()
	api := githubtest.New(t)
	api.Gap = 30 * time.Millisecond
	api.AddPull(githubtest.Pull{Number: 7})
	g, err := forge.NewGitHub(forge.Options{API: api.URL, Token: githubtest.Token, Repository: githubtest.Repository, Pace: 40 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := g.Reply(t.Context(), 7, "x")
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A transient error says so, and when to retry. No error contains the token, even if the server
// quotes it.
func TestErrors(t *testing.T) {
	t.Parallel()
	limit := githubtest.Fault{Status: 403, Body: `{"message": "You have exceeded a secondary rate limit for ` + githubtest.Token + `"}`, Header: map[string]string{"Retry-After": "9"}}
	for _, tt := range []struct {
		name      string
		fault     githubtest.Fault
		transient bool
		after     time.Duration
	}{
		{"rate limit", limit, true, 9 * time.Second},
		{"bad gateway", githubtest.Fault{Status: 502}, true, 0},
		{"reset", githubtest.Fault{Reset: true}, true, 0},
		{"wrong token", githubtest.Fault{Status: 401, Body: `{"message": "Bad credentials: ` + githubtest.Token + `"}`}, false, 0},
		{"refused", githubtest.Fault{Status: 422, Body: `{"message": "no", "errors": ["` + githubtest.Token + `"]}`}, false, 0},
	} {
		for name, call := range map[string]func(context.Context, *forge.GitHub) error{
			"pull":  func(ctx context.Context, g *forge.GitHub) error { _, err := g.Pull(ctx, 7); return err },
			"react": func(ctx context.Context, g *forge.GitHub) error { return g.React(ctx, 1, "eyes") },
			"artifact": func(ctx context.Context, g *forge.GitHub) error {
				return g.DownloadArtifact(ctx, 1, &bytes.Buffer{}, 1)
			},
			"branch": func(ctx context.Context, g *forge.GitHub) error { _, _, err := g.Branch(ctx, "main"); return err },
		} {
			api := githubtest.New(t)
			api.Inject(tt.fault)
			err := call(t.Context(), gitHub(t, api))
			again := (*forge.TransientError)(nil)
			if errors.As(err, &again) != tt.transient || tt.transient && again.After != tt.after {
				t.Errorf("%s, %s: %#v", tt.name, name, err)
			}
			if err == nil || strings.Contains(usererr.OneLine(err), githubtest.Token) || !strings.HasPrefix(err.Error(), "cannot ") {
				t.Errorf("%s, %s: %v", tt.name, name, err)
			}
		}
	}
}

// The token goes to no other host, even if the API redirects to one.
func TestTokenStays(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("Authorization") }))
	t.Cleanup(other.Close)
	api := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	t.Cleanup(api.Close)
	g, err := forge.NewGitHub(forge.Options{API: api.URL, Token: githubtest.Token, Repository: githubtest.Repository})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Pull(t.Context(), 7); err == nil || len(seen) > 0 {
		t.Errorf("%v; the other host got %d requests", err, len(seen))
	}
	if err := g.DownloadArtifact(t.Context(), 7, &bytes.Buffer{}, 10); err != nil || len(seen) != 1 || <-seen != "" {
		t.Errorf("an archive: %v, or its host got the token", err)
	}
}

func TestNewGitHubRefuses(t *testing.T) {
	t.Parallel()
	for _, repository := range []string{"", "fleet", "/fleet", "acme/", "acme/fleet/x", "acme/fleet?x", "a#b/c", "acme/..", "../fleet", "./."} {
		if _, err := forge.NewGitHub(forge.Options{Token: "t", Repository: repository}); err == nil {
			t.Errorf("NewGitHub accepts the repository %q", repository)
		}
	}
	if _, err := forge.NewGitHub(forge.Options{Token: "t", Repository: "a/b", API: "::"}); err == nil || !strings.Contains(usererr.OneLine(err), "GITHUB_API_URL") {
		t.Errorf("got error %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		header map[string]string
		want   time.Duration
	}{
		{nil, 0},
		{map[string]string{"Retry-After": "30"}, 30 * time.Second},
		{map[string]string{"Retry-After": "Mon, 02 Mar 2026 09:01:30 GMT"}, 90 * time.Second},
		{map[string]string{"Retry-After": "Mon, 02 Mar 2026 08:00:00 GMT"}, 0},
		{map[string]string{"Retry-After": "-5"}, 0},
		{map[string]string{"Retry-After": "soon"}, 0},
		{map[string]string{"Retry-After": "99999999999999999999"}, 0},
		{map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1772442060"}, time.Minute},
		{map[string]string{"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": "1772442060"}, 0},
		{map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "never"}, 0},
	} {
		h := http.Header{}
		for k, v := range tt.header {
			h.Set(k, v)
		}
		if got := forge.RetryAfter(h, now); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.header, got, tt.want)
		}
	}
}
