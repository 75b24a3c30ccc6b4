package deliver_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/forge/gitlabtest"
	"github.com/regreen-ci/regreen/internal/report"
)

var mergeRequest = detect.Environment{Event: "pull_request", Mode: detect.Production, Provider: detect.GitLab, Head: head, PullRequest: gitlabtest.IID}

// onGitLab returns the channels of a job on GitLab, opened like commands do.
func onGitLab(t *testing.T, env detect.Environment, environ []string, text string) []deliver.Channel {
	t.Helper()
	channels, err := deliver.Open(configured(t, text), deliver.Input{Environment: env, Getenv: config.Getenv(environ), Retry: quick, Pace: time.Nanosecond, State: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return channels
}

// gitLabNote returns the channel for a merge request.
func gitLabNote(t *testing.T, api *gitlabtest.Server) deliver.Channel {
	t.Helper()
	return onGitLab(t, mergeRequest, api.Environ(), "channels: [comment]")[0]
}

// Our newest note is edited, and older ones are replaced by one line.
func TestGitLabComment(t *testing.T) {
	t.Parallel()
	api := gitlabtest.New(t)
	api.AddNote("mallory", marker+"\nA trap", false)
	api.AddNote(gitlabtest.Bot, marker+"\nOlder", false)
	mine := api.AddNote(gitlabtest.Bot, marker+"\nOld", false)
	for range 2 {
		got := deliverTo(t, gitLabNote(t, api), proposed())
		if got.State != report.ReceiptSent || got.Where != "https://gitlab.example.com/acme/fleet/-/merge_requests/7#note_102" || mine != 102 {
			t.Fatalf("got receipt %+v", got)
		}
	}
	all := api.Notes()
	if len(all) != 3 || !strings.Contains(all[0].Body, "A trap") || !strings.HasPrefix(all[1].Body, "<!-- regreen:folded -->") || !strings.Contains(all[2].Body, "TestMean") {
		t.Errorf("got notes %+v", all)
	}
	for _, part := range []string{"[The job](https://gitlab.example.com/acme/fleet/-/jobs/1234)", "Save the diff as a file"} {
		if !strings.Contains(all[2].Body, part) {
			t.Errorf("%q is not in\n%s", part, all[2].Body)
		}
	}
}

// The command in the note applies the patch, in a real shell with a real git.
func TestGitLabDownloadCommand(t *testing.T) {
	t.Parallel()
	api := gitlabtest.New(t)
	r := proposed()
	r.Patches[0].Diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-red\n+green\n"
	deliverTo(t, onGitLab(t, mergeRequest, api.Environ(), "channels: [comment]\nartifact: build/regreen")[0], r)
	_, line, _ := strings.Cut(api.Notes()[0].Body, "```sh\n")
	line, _, _ = strings.Cut(line, "\n```")

	files := http.NewServeMux()
	files.HandleFunc("GET /api/v4/projects/42/jobs/1234/artifacts/build/regreen/patches/p-3f2a.patch", func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") == "Bearer glpat-mine" {
			_, _ = w.Write([]byte(r.Patches[0].Diff))
		}
	})
	server := newServer(t, files)
	work := t.TempDir()
	write(t, filepath.Join(work, "a.txt"), "red\n")
	cmd := exec.Command("sh", "-c", strings.Replace(line, strings.TrimSuffix(api.URL, "/api/v4"), server, 1))
	cmd.Dir, cmd.Env = work, append(os.Environ(), "GITLAB_TOKEN=glpat-mine")
	out, err := cmd.CombinedOutput()
	if b, _ := os.ReadFile(filepath.Join(work, "a.txt")); err != nil || string(b) != "green\n" {
		t.Errorf("%s\nprints %s, %v, and the file is %q", line, out, err, b)
	}
}

// Hostile text never becomes a GitLab command, which the test server checks.
func TestGitLabCommands(t *testing.T) {
	t.Parallel()
	api := gitlabtest.New(t)
	r := proposed()
	r.Failures[0].Output = "```\n/close\n```\n/merge\n/assign @me\r\n/unlabel ~bug"
	r.Failures[0].Message, r.Clusters[0].Cause, r.Patches[0].Title, r.Notes = "/close", "/close", "/close !1", []string{"/close ~bug"}
	r.Patches[0].Diff = "/close\n" + r.Patches[0].Diff + "\n/close\n"
	if got := deliverTo(t, gitLabNote(t, api), r); got.State != report.ReceiptSent {
		t.Errorf("got receipt %+v", got)
	}
	if body := api.Notes()[0].Body; !strings.Contains(body, "/merge") {
		t.Errorf("the output is missing in\n%s", body)
	}
}

// After a lost answer the note is posted once.
func TestGitLabThroughFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range []githubtest.Fault{
		{Method: "GET", Status: 503},
		{Method: "POST", Late: true, Reset: true},
		{Method: "POST", Late: true, Half: true},
		{Method: "POST", Status: 429, Header: map[string]string{"Retry-After": "3"}},
	} {
		api := gitlabtest.New(t)
		api.Inject(fault)
		if got := deliverTo(t, gitLabNote(t, api), proposed()); got.State != report.ReceiptSent || got.Tries != 2 || len(api.Notes()) != 1 {
			t.Errorf("%+v: receipt %+v, %d notes", fault, got, len(api.Notes()))
		}
	}
}

// The note is on by default if there is a merge request and a token. If it is named elsewhere, it
// says what is missing.
func TestGitLabOpen(t *testing.T) {
	t.Parallel()
	api := gitlabtest.New(t)
	environ := api.Environ()
	without := func(name string) []string {
		var out []string
		for _, v := range environ {
			if !strings.HasPrefix(v, name+"=") {
				out = append(out, v)
			}
		}
		return out
	}
	on := func(env detect.Environment, environ []string) bool {
		for _, c := range onGitLab(t, env, environ, "") {
			if c.Name() == "comment" {
				return true
			}
		}
		return false
	}
	fork, branch := mergeRequest, mergeRequest
	fork.Fork, branch.PullRequest = true, 0
	if !on(mergeRequest, environ) || on(mergeRequest, without("REGREEN_GITLAB_TOKEN")) || on(branch, environ) {
		t.Error("want the channel on for a merge request with a token, and off without the token or the merge request")
	}
	for _, tt := range []struct {
		env     detect.Environment
		environ []string
		want    string
	}{
		{mergeRequest, without("REGREEN_GITLAB_TOKEN"), "CI_JOB_TOKEN cannot write notes"},
		{mergeRequest, without("CI_MERGE_REQUEST_IID"), "not a merge request pipeline"},
		{fork, environ, "a fork"},
	} {
		if got := deliverTo(t, onGitLab(t, tt.env, tt.environ, "channels: [comment]")[0], proposed()); got.State != report.ReceiptSkipped || !strings.Contains(got.Reason, tt.want) {
			t.Errorf("got receipt %+v, want %q", got, tt.want)
		}
	}
	if api.Requests() > 0 {
		t.Errorf("got %d requests", api.Requests())
	}
	_, err := deliver.Open(configured(t, "channels: [comment]"), deliver.Input{Environment: mergeRequest, Getenv: config.Getenv(without("CI_PROJECT_ID"))})
	if err == nil || !strings.Contains(err.Error(), "not a GitLab project") {
		t.Errorf("got error %v", err)
	}
}
