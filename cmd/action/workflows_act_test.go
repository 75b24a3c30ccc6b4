package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/report"
)

// local is a workflow in the action's own repository. It prints the outputs and the summary.
const local = `on: pull_request
permissions: {}
jobs:
  test:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      pull-requests: write
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
      - id: regreen
        uses: ./
        with:
          budget: 60s
      - if: always()
        env:
          OUTPUTS: ${{ toJSON(steps.regreen.outputs) }}
        run: |
          echo "$OUTPUTS" | tr -d '\n'
          cat "$GITHUB_STEP_SUMMARY"
`

// A red pull request gets one comment, a suggestion, the summary, the outputs and the artifact;
// the next run edits the comment.
func TestActPullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"test.yml": local})
	copyAction(t, w.dir) // the checkout is the action's own repository
	for i := range 120 { // more than a page, some with a forged marker
		w.api.AddComment(7, "ada", []string{"well", "<!-- regreen:report -->\nall is green"}[i%2])
	}
	mine := func() (comments []githubtest.Comment) {
		for _, c := range w.api.Comments(7) {
			if c.Login == githubtest.Bot {
				comments = append(comments, c)
			}
		}
		return comments
	}
	first := w.act("test.yml", "pull_request", w.pullPayload(githubtest.Repository))
	if first.ok {
		t.Error("the job is green, although a patch is only proposed")
	}
	comments := mine()
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "+\tif a > b {") || !strings.Contains(comments[0].Body, "Commit the suggestion") {
		t.Fatalf("comments %+v\n%s", comments, first.log)
	}
	reviews := w.api.Reviews(7)
	if len(reviews) != 1 || reviews[0].Commit != w.head("topic") || len(reviews[0].Comments) != 1 {
		t.Fatalf("reviews %+v\n%s", reviews, first.log)
	}
	if c := reviews[0].Comments[0]; c.Path != "m.go" || c.Line != 5 || c.StartLine != 0 || !strings.Contains(c.Body, "```suggestion\n\tif a > b {\n```") {
		t.Errorf("suggestion %+v", c)
	}
	first.wants(t, `"verdict": "proposed"`, `"failures": "1"`, `"patch-id": "`, `"comment-url": "https://github.example.com/`, `"artifact-url": "https://github.example.com/acme/fleet/actions/runs/101/artifacts/`, "## ✗ regreen: ")
	rep := w.report(first, artifactName)
	if rep.Verdict != report.Proposed || len(rep.Attempts) == 0 || !strings.Contains(rep.Patches[0].Diff, "+\tif a > b {") {
		t.Errorf("the artifact's report: %s, patches %+v", rep.Verdict, rep.Patches)
	}
	// The base was fetched, which a checkout of one commit lacks.
	if rep.Environment.Base != w.base || rep.Environment.Head != w.head("topic") {
		t.Errorf("base %s, want %s", rep.Environment.Base, w.base)
	}

	// The same commit is not searched again, and the comment still has the patch.
	second := w.act("test.yml", "pull_request", w.pullPayload(githubtest.Repository))
	second.wants(t, "restored learned outcomes from the cache", `"verdict": "proposed"`)
	if again := w.report(second, artifactName); len(again.Attempts) != 0 || again.Patches[0].ID != rep.Patches[0].ID {
		t.Errorf("searched again: %d attempts, patch %s, before %s", len(again.Attempts), again.Patches[0].ID, rep.Patches[0].ID)
	}
	after := mine()
	if len(after) != 1 || after[0].ID != comments[0].ID || after[0].Body == comments[0].Body || !strings.Contains(after[0].Body, "+\tif a > b {") {
		t.Errorf("comments %+v", after)
	}
	if n := len(w.api.Reviews(7)); n != 1 {
		t.Errorf("%d reviews", n)
	}
}

// A fork's run writes nothing. The second workflow, on the default branch, publishes its report.
func TestActFork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"fork-test.yml": example(t, "fork-test.yml"), "fork-report.yml": example(t, "fork-report.yml")})
	head := w.head("topic")
	w.api.AddPull(githubtest.Pull{Number: 7, Head: head, HeadRef: "topic", Fork: true, Author: "mallory", Files: w.diff("main", "topic")})
	readOnly := []string{githubtest.PullRequests, githubtest.Contents, githubtest.Checks, githubtest.Actions}
	w.api.Deny(readOnly...)
	test := w.act("fork-test.yml", "pull_request", w.pullPayload(githubtest.Fork))
	for _, r := range w.api.Requests() {
		if r.Method != "GET" {
			t.Errorf("the fork's run asked for %s %s", r.Method, r.Path)
		}
	}
	left := w.archive(test, artifactName)
	if len(left) == 0 {
		t.Fatalf("the fork's run left no artifact:\n%s", test.log)
	}
	w.api.Allow(readOnly...)
	w.api.AddRun(githubtest.Run{ID: 901, Event: "pull_request", Head: head, HeadBranch: "topic", HeadRepository: githubtest.Fork})
	w.api.AddArtifact(901, artifactName, left)
	w.checkout("main") // the pair runs on the default branch
	publish := w.act("fork-report.yml", "workflow_run", map[string]any{
		"action": "completed",
		"workflow_run": map[string]any{
			"id": 901, "name": "test", "event": "pull_request", "conclusion": "failure", "head_sha": head, "head_branch": "topic",
			"head_repository": map[string]any{"full_name": githubtest.Fork}, "pull_requests": []any{},
		},
		"repository": map[string]any{"full_name": githubtest.Repository, "default_branch": "main"},
	})
	comments := w.api.Comments(7)
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "+\tif a > b {") || !strings.Contains(comments[0].Body, "a run of the fork") {
		t.Fatalf("comments %+v\n%s", comments, publish.log)
	}
	if r := w.api.Reviews(7); len(r) != 1 || r[0].Comments[0].Line != 5 {
		t.Errorf("reviews %+v", r)
	}
}

// A command of a user without write access is refused; with write access, it commits the patch.
func TestActCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"minimal.yml": example(t, "minimal.yml"), "commands.yml": example(t, "commands.yml")})
	// The diff of the pull request does not show the lines of the fix, so the comment offers a
	// command instead of a suggestion.
	w.api.AddPull(githubtest.Pull{Number: 7, HeadRef: "topic", Author: "ada"})
	w.api.SetPermission("ada", "write")
	w.api.SetPermission("mallory", "read")
	test := w.act("minimal.yml", "pull_request", w.pullPayload(githubtest.Repository))
	if len(w.api.Comments(7)) != 1 {
		t.Fatalf("comments %+v\n%s", w.api.Comments(7), test.log)
	}
	body := w.api.Comments(7)[0].Body
	id := w.runs(test, body)
	_, command, ok := strings.Cut(body, "comment `")
	command, _, _ = strings.Cut(command, "`")
	if !ok || !strings.HasPrefix(command, "/regreen apply ") {
		t.Fatalf("no command in the comment:\n%s", body)
	}
	before := w.head("topic")
	w.checkout("main")
	say := func(login string) (ran, int64) {
		comment := w.api.AddComment(7, login, command)
		return w.act("commands.yml", "issue_comment", commentPayload(comment, login, command)), comment
	}
	if out, comment := say("mallory"); w.head("topic") != before || !slices.Equal(w.api.Reactions(comment), []string{denied}) {
		t.Errorf("an outsider's command: reactions %v\n%s", w.api.Reactions(comment), out.log)
	}
	out, comment := say("ada")
	if w.head("topic") == before || !slices.Contains(w.api.Reactions(comment), done) {
		t.Fatalf("a writer's command of run %d: reactions %v\n%s", id, w.api.Reactions(comment), out.log)
	}
	if got := w.git(w.api.Git, "show", "topic:m.go") + "\n"; got != goodCode {
		t.Errorf("m.go is\n%s", got)
	}
}

// Four shards find the same patch as one run, and their ledgers do not overlap.
func TestActMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"minimal.yml": example(t, "minimal.yml"), "matrix.yml": example(t, "matrix.yml")})
	out := w.act("matrix.yml", "pull_request", w.pullPayload(githubtest.Repository))
	if len(w.api.Comments(7)) != 1 {
		t.Fatalf("comments %+v\n%s", w.api.Comments(7), out.log)
	}
	merged := w.report(out, artifactName)
	ledger := map[string]string{}
	attempts := 0
	for _, shard := range []string{"1", "2", "3", "4"} {
		rep := w.report(out, artifactName+"-"+shard+"-of-4")
		attempts += len(rep.Attempts)
		for _, a := range rep.Attempts {
			if by := ledger[a.Candidate]; by != "" && by != shard {
				t.Errorf("candidate %s is in the ledgers of shards %s and %s", a.Candidate, by, shard)
			}
			ledger[a.Candidate] = shard
		}
	}
	if len(merged.Attempts) != attempts || attempts == 0 {
		t.Errorf("%d attempts are merged of %d", len(merged.Attempts), attempts)
	}
	alone := newWorld(t, map[string]string{"minimal.yml": example(t, "minimal.yml")})
	whole := alone.report(alone.act("minimal.yml", "pull_request", alone.pullPayload(githubtest.Repository)), artifactName)
	if merged.Verdict != report.Proposed || len(merged.Patches) == 0 || len(whole.Patches) == 0 || merged.Patches[0].Diff != whole.Patches[0].Diff {
		t.Errorf("merged %s %+v\nalone %s %+v", merged.Verdict, merged.Patches, whole.Verdict, whole.Patches)
	}
}

// A nightly run on a red default branch opens a draft pull request with the patch.
func TestActNightly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"minimal.yml": example(t, "minimal.yml"), "nightly.yml": example(t, "nightly.yml")})
	w.git(w.api.Git, "update-ref", "refs/heads/main", w.head("topic")) // as if it were merged
	w.checkout("main")
	payload := map[string]any{"schedule": "17 3 * * *", "repository": map[string]any{"full_name": githubtest.Repository, "default_branch": "main"}}
	out := w.act("nightly.yml", "schedule", payload, "GITHUB_REF=refs/heads/main", "GITHUB_REF_NAME=main")
	drafts := func() (open []githubtest.Pull) {
		for _, p := range w.api.Pulls() {
			if p.Number != 7 {
				open = append(open, p)
			}
		}
		return open
	}
	if d := drafts(); len(d) != 1 || !d[0].Draft || d[0].BaseRef != "main" || !strings.HasPrefix(d[0].HeadRef, "regreen/") {
		t.Fatalf("pull requests %+v\n%s", d, out.log)
	}
	branch := drafts()[0].HeadRef
	if got := w.git(w.api.Git, "show", branch+":m.go") + "\n"; got != goodCode || w.git(w.api.Git, "rev-parse", branch+"~1") != w.head("main") {
		t.Errorf("m.go is\n%s", got)
	}
	w.act("nightly.yml", "schedule", payload, "GITHUB_REF=refs/heads/main", "GITHUB_REF_NAME=main")
	if d := drafts(); len(d) != 1 {
		t.Errorf("the same fix is proposed again: %+v", d)
	}
}

// runs adds the run of a report, and its artifact, to the API.
func (w *world) runs(r ran, comment string) int64 {
	w.t.Helper()
	mark, ok := deliver.ReadRun(comment)
	if !ok || strconv.FormatInt(mark.Run, 10) != r.id || mark.Head != w.head("topic") {
		w.t.Fatalf("the comment is about %+v, and the run was %s", mark, r.id)
	}
	w.api.AddRun(githubtest.Run{ID: mark.Run, Event: "pull_request", Head: mark.Head, HeadBranch: "topic"})
	w.api.SetArtifactID(w.api.AddArtifact(mark.Run, artifactName, w.archive(r, artifactName)), mark.Artifact)
	return mark.Run
}

// archive returns the zip of an artifact of a run, or nil.
func (w *world) archive(r ran, name string) []byte {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.artifact, r.id, name, "*"))
	if err != nil || len(found) == 0 {
		return nil
	}
	doc, err := os.ReadFile(found[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return doc
}

// report returns the report in an artifact.
func (w *world) report(r ran, name string) *report.Report {
	w.t.Helper()
	doc := w.archive(r, name)
	files, err := zip.NewReader(bytes.NewReader(doc), int64(len(doc)))
	if err != nil {
		w.t.Fatalf("artifact %s: %v\n%s", name, err, r.log)
	}
	f, err := files.Open(reportFile)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(f)
	if err != nil {
		w.t.Fatal(err)
	}
	var rep report.Report
	if err := json.Unmarshal(text, &rep); err != nil {
		w.t.Fatal(err)
	}
	return &rep
}
