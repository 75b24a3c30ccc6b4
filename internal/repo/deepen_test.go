package repo

import (
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// remote returns a repository with a branch of some commits, and some later commits on main.
func remote(t *testing.T, main, branch int) *fixture {
	t.Helper()
	f := newFixture(t)
	f.write("a.txt", "0")
	f.commit("root")
	row := func(name string, n int) {
		for i := range n {
			f.git("commit", "-q", "--allow-empty", "-m", fmt.Sprintf("%s %d", name, i))
		}
	}
	row("before", 40)
	f.git("tag", "fork")
	f.git("checkout", "-q", "-b", "topic")
	row("topic", branch)
	f.git("checkout", "-q", "main")
	row("main", main)
	f.git("config", "uploadpack.allowAnySHA1InWant", "true")
	return f
}

// clone returns a clone of one commit, like in CI.
func (f *fixture) clone(url, rev string) *fixture {
	f.t.Helper()
	c := f.in(filepath.Join(f.t.TempDir(), "clone"))
	f.git("init", "-q", c.dir)
	c.git("remote", "add", "origin", url)
	c.git("fetch", "-q", "--no-tags", "--depth=1", "origin", rev)
	c.git("checkout", "-q", "--detach", "FETCH_HEAD")
	return c
}

func TestDeepen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		main, branch int
		merge        bool // test the merge of both, as GitHub does
		rev          func(f *fixture) string
		most         int // commits in the clone afterwards, at most
	}{
		{name: "a merge and its base", main: 2, branch: 3, merge: true, rev: tip("main"), most: 40},
		{name: "a short branch", main: 2, branch: 3, rev: tip("main"), most: 40},
		{name: "a long branch", main: 2, branch: 35, rev: tip("main"), most: 80},
		{name: "a branch by its name", main: 35, branch: 3, rev: func(*fixture) string { return "origin/main" }, most: 80},
		{name: "an ancestor", main: 0, branch: 3, rev: tip("fork"), most: 40},
		{name: "the parent", main: 0, branch: 3, rev: func(f *fixture) string { return f.git("rev-parse", "HEAD") + "~1" }, most: 40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := remote(t, tt.main, tt.branch)
			fork := f.git("rev-parse", "fork")
			if tt.merge {
				f.git("checkout", "-q", "-b", "merged", "main")
				f.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
				fork = f.git("rev-parse", "main")
			} else {
				f.git("checkout", "-q", "topic")
			}
			c := f.clone("file://"+f.dir, f.git("rev-parse", "HEAD"))
			r := c.open()
			rev := tt.rev(f)
			if strings.HasSuffix(rev, "~1") {
				fork = f.git("rev-parse", rev)
			}
			c.write("a.txt", "edited")
			before := c.git("for-each-ref")
			if err := r.Deepen(t.Context(), rev, Login{}); err != nil {
				t.Fatal(err)
			}
			got, err := r.MergeBase(t.Context(), "HEAD", rev)
			if err != nil || got != fork {
				t.Errorf("merge-base %q, %v, want %s", got, err, fork)
			}
			if n, _ := strconv.Atoi(c.git("rev-list", "--count", "--all", "HEAD")); n > tt.most {
				t.Errorf("the clone has %d commits, but needs at most %d", n, tt.most)
			}
			after := c.git("for-each-ref")
			if strings.HasPrefix(rev, "origin/") {
				after = "" // the requested branch
			}
			if after != before || c.git("status", "--porcelain") != "M a.txt" {
				t.Errorf("refs %q became %q, status %q", before, after, c.git("status", "--porcelain"))
			}
		})
	}
}

func tip(name string) func(*fixture) string {
	return func(f *fixture) string { return f.git("rev-parse", name) }
}

// Deepen does not change a complete clone, or one whose remote is gone.
func TestDeepenChangesNothing(t *testing.T) {
	t.Parallel()
	f := remote(t, 1, 1)
	if err := f.open().Deepen(t.Context(), "origin/main", Login{}); err != nil {
		t.Errorf("a complete clone: %v", err)
	}
	c := f.clone("file://"+f.dir, "topic")
	main := f.git("rev-parse", "main")
	for _, rev := range []string{"origin/gone", "--upload-pack=touch x", "elsewhere/main", strings.Repeat("0", 39) + "1", ""} {
		if err := c.open().Deepen(t.Context(), rev, Login{}); err == nil {
			t.Errorf("%q: no error", rev)
		}
	}
	c.git("remote", "set-url", "origin", "file://"+filepath.Join(t.TempDir(), "gone"))
	if err := c.open().Deepen(t.Context(), main, Login{}); err == nil {
		t.Error("the remote is gone: no error")
	}
	if n := c.git("rev-list", "--count", "HEAD"); n != "1" {
		t.Errorf("%s commits", n)
	}
}

// Deepen sends the login only to its server, and only if the server refuses the clone's own
// configuration.
func TestDeepenLogin(t *testing.T) {
	t.Parallel()
	f := remote(t, 2, 2)
	f.git("config", "http.uploadpack", "true")
	backend, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	serve := func(want string) *httptest.Server {
		git := &cgi.Handler{
			Path: filepath.Join(strings.TrimSpace(string(backend)), "git-http-backend"),
			Env:  []string{"GIT_PROJECT_ROOT=" + f.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + t.TempDir()},
		}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); got != want {
				w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			git.ServeHTTP(w, r)
		}))
		t.Cleanup(s.Close)
		return s
	}
	login := Login{Header: "Authorization: basic c2VjcmV0"}
	private := serve("basic c2VjcmV0")
	main := f.git("rev-parse", "main")
	c := f.clone("file://"+f.dir, "topic")
	c.git("remote", "set-url", "origin", private.URL+"/.git")
	if err := c.open().Deepen(t.Context(), main, login); err == nil {
		t.Error("the login went to another server")
	}
	login.Server = private.URL
	if err := c.open().Deepen(t.Context(), main, Login{}); err == nil {
		t.Error("fetched without a login")
	}
	if err := c.open().Deepen(t.Context(), main, login); err != nil {
		t.Error(err)
	}
	public := serve("")
	c = f.clone("file://"+f.dir, "topic")
	c.git("remote", "set-url", "origin", public.URL+"/.git")
	login.Server = public.URL
	if err := c.open().Deepen(t.Context(), main, login); err != nil {
		t.Errorf("the clone's own configuration works: %v", err)
	}
}
