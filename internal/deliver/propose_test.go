package deliver_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/report"
)

const mean = "package stats\n\n// Mean is the mean.\nfunc Mean(all []int) int {\n\tsum := 0\n\treturn sum / len(all)\n}\n"

const guard = `--- a/stats/mean.go
+++ b/stats/mean.go
@@ -2,6 +2,9 @@
 
 // Mean is the mean.
 func Mean(all []int) int {
+	if len(all) == 0 {
+		return 0
+	}
 	sum := 0
 	return sum / len(all)
 }
`

// withFleet returns a GitHub server with a real repository, whose main was tested.
func withFleet(t *testing.T) (api *githubtest.Server, tested detect.Environment) {
	t.Helper()
	api = githubtest.New(t)
	tested = branch("push")
	api.Git, tested.Head = githubtest.NewGit(t, map[string]string{"stats/mean.go": mean, "stats/mean_test.go": "package stats\n", "run.sh": "red\n"})
	return api, tested
}

// broken returns a report about main with patches.
func broken(diffs ...string) *report.Report {
	r := proposed()
	p := r.Patches[0]
	r.Patches, r.Clusters = nil, nil
	for i, diff := range diffs {
		p.ID, p.Diff, p.Cluster = string(rune('a'+i))+"-1", diff, i+1
		r.Patches = append(r.Patches, p)
		r.Clusters = append(r.Clusters, report.Cluster{Cause: "x", Status: report.ClusterRepaired, Patch: p.ID})
	}
	return r
}

// propose delivers a report through the channel, opened like commands do.
func propose(t *testing.T, api *githubtest.Server, tested detect.Environment, r *report.Report) report.Receipt {
	t.Helper()
	cfg := configured(t, "channels: [pull-request]")
	channels, err := deliver.Open(cfg, deliver.Input{
		Environment: tested, Getenv: config.Getenv(api.Environ()), Retry: quick, Editable: cfg.Editable, ArtifactID: 31,
		Pace: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return deliver.All(t.Context(), r, channels)[0]
}

// The branch has the tree that git apply produces from the tested commit.
func TestPullRequest(t *testing.T) {
	t.Parallel()
	api, tested := withFleet(t)
	index := "--git-dir=" + api.Git // with the patch applied by git itself
	githubtest.RunGit(t, "", index, "read-tree", tested.Head)
	githubtest.RunGitInput(t, "", guard, index, "apply", "--cached")
	want := githubtest.RunGit(t, "", index, "write-tree")

	got := propose(t, api, tested, broken(guard))
	pulls := api.Pulls()
	if got.State != report.ReceiptSent || len(got.Degraded) > 0 || len(pulls) != 1 || got.Where != "https://github.example.com/acme/fleet/pull/1" {
		t.Fatalf("receipt %+v, %+v", got, pulls)
	}
	p := pulls[0]
	if !strings.HasPrefix(p.HeadRef, "regreen/") || p.BaseRef != "main" || !p.Draft || p.Title != "regreen: return before the division" {
		t.Errorf("%+v", p)
	}
	if tree := githubtest.RunGit(t, api.Git, "rev-parse", p.HeadRef+"^{tree}"); tree != want {
		t.Errorf("the branch differs from git's result:\n%s", githubtest.RunGit(t, api.Git, "diff", want, tree))
	}
	if about := githubtest.RunGit(t, api.Git, "log", "-1", "--format=%P %s", p.HeadRef); about != tested.Head+" regreen: return before the division" {
		t.Errorf("got commit %s", about)
	}
	for _, part := range []string{"TestMean", "This pull request applies it.", "approve them, or close and reopen", "[The run](https://github.example.com/acme/fleet/actions/runs/7)"} {
		if !strings.Contains(p.Body, part) {
			t.Errorf("%q is not in\n%s", part, p.Body)
		}
	}

	again := propose(t, api, tested, broken(guard))
	if again.State != report.ReceiptSkipped || again.Where != got.Where || !strings.Contains(again.Reason, "open") {
		t.Errorf("again: %+v", again)
	}
	p.Closed = true
	api.AddPull(p)
	again = propose(t, api, tested, broken(guard))
	if again.State != report.ReceiptSkipped || again.Where != got.Where || !strings.Contains(again.Reason, "was closed") || len(api.Pulls()) != 1 {
		t.Errorf("after it was closed: %+v", again)
	}
}

// A pull request opened with an App's token says that its checks start.
func TestPullRequestOfAnApp(t *testing.T) {
	t.Parallel()
	api, tested := withFleet(t)
	api.SetViewer("fleet-regreen[bot]")
	propose(t, api, tested, broken(guard))
	if body := api.Pulls()[0].Body; !strings.Contains(body, "the token of `fleet-regreen[bot]`, so its checks start") {
		t.Errorf("body\n%s", body)
	}
}

// Patches for several causes become one pull request, even if they change the same file. The
// receipt lists those that cannot be proposed.
func TestPullRequestOfSeveral(t *testing.T) {
	t.Parallel()
	api, tested := withFleet(t)
	blob := githubtest.RunGit(t, api.Git, "rev-parse", tested.Head+":run.sh")
	tree := githubtest.RunGitInput(t, api.Git, githubtest.RunGit(t, api.Git, "ls-tree", tested.Head, "stats")+"\n100755 blob "+blob+"\trun.sh\n120000 blob "+blob+"\tlink\n", "mktree")
	tested.Head = githubtest.RunGit(t, api.Git, "commit-tree", "-m", "modes", "-p", tested.Head, tree)
	githubtest.RunGit(t, api.Git, "update-ref", "refs/heads/main", tested.Head)

	edit := func(name, old, new string) string {
		return "--- a/" + name + "\n+++ b/" + name + "\n@@ -1 +1 @@\n-" + old + "\n+" + new + "\n"
	}
	r := broken(
		guard,
		"--- a/stats/mean.go\n+++ b/stats/mean.go\n@@ -5,3 +5,3 @@\n \tsum := 0\n-\treturn sum / len(all)\n+\treturn sum / max(len(all), 1)\n }\n",
		edit("run.sh", "red", "green"),
		"--- /dev/null\n+++ b/stats/new.go\n@@ -0,0 +1 @@\n+package stats\n",
		edit("stats/mean_test.go", "package stats", "package none"),
		edit("link", "red", "green"),
		edit("none.go", "a", "b"),
		"--- /dev/null\n+++ b/run.sh\n@@ -0,0 +1 @@\n+x\n",
		"--- a/stats/mean.go\n+++ b/stats/mean.go\n@@ -2,5 +2,5 @@\n \n // Mean is the mean.\n-func Mean(all []int) int {\n+func Median(all []int) int {\n \tsum := 2\n \treturn sum / len(all)\n",
		edit(".git/config", "a", "b"),
		"not a patch",
	)
	got := propose(t, api, tested, r)
	if got.State != report.ReceiptSent || len(got.Degraded) != 7 {
		t.Fatalf("got receipt %+v", got)
	}
	for i, part := range []string{"it is a test", "not a plain file", "differs from the tested", "differs from the tested", "", ".git", ""} {
		if !strings.Contains(got.Degraded[i], part) || !strings.HasPrefix(got.Degraded[i], string(rune('e'+i))+"-1 is not proposed: ") {
			t.Errorf("got %q, want %q", got.Degraded[i], part)
		}
	}
	p := api.Pulls()[0]
	if p.Title != "regreen: return before the division, and 3 more" || !strings.Contains(p.Body, "the 4 fixes") || strings.Count(p.Body, "This pull request applies it.") != 4 {
		t.Errorf("%s\n%s", p.Title, p.Body)
	}
	diff := githubtest.RunGit(t, api.Git, "diff", "--format=", "--summary", "--stat", tested.Head, p.HeadRef)
	if !strings.Contains(diff, "3 files changed, 6 insertions(+), 2 deletions(-)") || strings.Contains(diff, "mode change") {
		t.Errorf("changed:\n%s", diff)
	}
}

// Without the permission nothing is proposed, and a refusal by a rule of the repository is not a
// failure.
func TestPullRequestIsNotPermitted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		deny, want string
		branches   int
	}{
		{githubtest.Contents, "contents: write", 1},
		{githubtest.OpenPulls, "allow GitHub Actions to create pull requests", 2},
		{githubtest.PullRequests, "pull-requests: write", 2},
	} {
		api, tested := withFleet(t)
		api.Deny(tt.deny)
		for range 2 {
			got := propose(t, api, tested, broken(guard))
			if got.State != report.ReceiptSkipped || !strings.Contains(got.Reason, tt.want) {
				t.Errorf("got receipt %+v", got)
			}
		}
		if n := len(strings.Fields(githubtest.RunGit(t, api.Git, "for-each-ref", "--format=%(refname)"))); n != tt.branches || len(api.Pulls()) != 0 {
			t.Errorf("without %s: %d branches, %d pull requests", tt.deny, n, len(api.Pulls()))
		}
	}
}

// Whichever answer is lost, there is one branch and one pull request.
func TestPullRequestThroughFaults(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/pulls", "/git/refs", "/git/blobs", "/git/trees", "/git/commits"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			api, tested := withFleet(t)
			api.Inject(githubtest.Fault{Method: http.MethodPost, Path: path, Late: true, Reset: true})
			got := propose(t, api, tested, broken(guard))
			if got.State == report.ReceiptFailed || got.Tries != 2 || got.Where != "https://github.example.com/acme/fleet/pull/1" {
				t.Errorf("got receipt %+v", got)
			}
			if refs := githubtest.RunGit(t, api.Git, "for-each-ref", "--format=%(refname)"); len(strings.Fields(refs)) != 2 || len(api.Pulls()) != 1 {
				t.Errorf("%s, %+v", refs, api.Pulls())
			}
		})
	}
}

// Someone else's branch of the same name stays as it is.
func TestPullRequestFromATakenBranch(t *testing.T) {
	t.Parallel()
	api, tested := withFleet(t)
	if got := propose(t, api, tested, broken(guard)); got.State != report.ReceiptSent {
		t.Fatalf("got receipt %+v", got)
	}
	name := api.Pulls()[0].HeadRef

	api, tested = withFleet(t)
	githubtest.RunGit(t, api.Git, "update-ref", "refs/heads/"+name, tested.Head)
	got := propose(t, api, tested, broken(guard))
	if got.State != report.ReceiptFailed || !strings.Contains(got.Reason, "other content") || len(api.Pulls()) != 0 {
		t.Errorf("got receipt %+v", got)
	}
	if at := githubtest.RunGit(t, api.Git, "rev-parse", name); at != tested.Head {
		t.Errorf("the branch is at %s", at)
	}
}

// If there is nothing to propose, or nowhere, no request is sent.
func TestPullRequestIsSkipped(t *testing.T) {
	t.Parallel()
	unverified, redacted, second := broken(guard), broken(guard), broken(guard)
	unverified.Patches[0].State = report.PatchPlausible
	redacted.Patches[0].Redacted = true
	second.Patches[0].Rank = 2
	for name, tt := range map[string]struct {
		change func(*detect.Environment)
		r      *report.Report
		want   string
	}{
		"a pull request": {func(e *detect.Environment) { e.PullRequest = 7 }, broken(guard), "already a pull request"},
		"a merge queue":  {func(e *detect.Environment) { e.Event = "merge_group" }, broken(guard), "no branch"},
		"a tag":          {func(e *detect.Environment) { e.Branch = "" }, broken(guard), "a tag"},
		"a fork":         {func(e *detect.Environment) { e.Fork = true }, broken(guard), "a fork"},
		"our own":        {func(e *detect.Environment) { e.Branch = "regreen/0123" }, broken(guard), "regreen's own"},
		"unverified":     {nil, unverified, "no verified patch"},
		"redacted":       {nil, redacted, "secret in the diff"},
		"not the best":   {nil, second, "no verified patch"},
	} {
		api, tested := withFleet(t)
		if tt.change != nil {
			tt.change(&tested)
		}
		if got := propose(t, api, tested, tt.r); got.State != report.ReceiptSkipped || !strings.Contains(got.Reason, tt.want) || len(api.Requests()) > 0 {
			t.Errorf("%s: receipt %+v, %d requests", name, got, len(api.Requests()))
		}
	}
}

// A patch whose lines are elsewhere is not proposed: it was verified on another version.
func TestPullRequestOfOtherLines(t *testing.T) {
	t.Parallel()
	api, tested := withFleet(t)
	got := propose(t, api, tested, broken(strings.Replace(guard, "@@ -2,6 +2,9 @@", "@@ -12,6 +12,9 @@", 1)))
	if got.State != report.ReceiptSkipped || !strings.Contains(got.Reason, "differs from the tested version") || len(api.Pulls()) != 0 {
		t.Errorf("got receipt %+v", got)
	}
}

// A title from a model has no effect on GitHub, neither as a title nor in a commit message.
func TestPullRequestTitle(t *testing.T) {
	t.Parallel()
	api, tested := withFleet(t)
	r := broken(guard)
	r.Patches[0].Title = "Fixes #1, closes GH-2 and acme/fleet#3 @everyone [skip ci] https://evil.example/x \x1b[31m\nskip-checks: true"
	if got := propose(t, api, tested, r); got.State != report.ReceiptSent {
		t.Fatalf("got receipt %+v", got)
	}
	p := api.Pulls()[0]
	message := githubtest.RunGit(t, api.Git, "log", "-1", "--format=%B", p.HeadRef)
	if strings.ContainsAny(p.Title+message, "#@[]\x1b") || strings.Contains(message, "://") || strings.Contains(strings.ToLower(message), "gh-") || strings.Contains(message, "skip-checks: ") {
		t.Errorf("got title %q, message %q", p.Title, message)
	}
	if !strings.HasPrefix(p.Title, "regreen: Fixes 1, closes gh 2 and acme/fleet 3 everyone skip ci") {
		t.Errorf("got title %q", p.Title)
	}
}
