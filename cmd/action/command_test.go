package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runner"
	"github.com/regreen-ci/regreen/internal/session"
)

// reportedPull is a pull request that has a report with a patch, whose run left an artifact.
type reportedPull struct {
	t      *testing.T
	api    *githubtest.Server
	head   string
	report *report.Report
	bound  string // the argument of /regreen apply in the report
}

const reportRun = 55

func newReportedPull(t *testing.T, adjust func(*report.Report)) *reportedPull {
	t.Helper()
	api := githubtest.New(t)
	x := &reportedPull{t: t, api: api}
	api.Git, _ = githubtest.NewGit(t, map[string]string{"go.mod": moduleFile, "m.go": badCode, "m_test.go": testCode})
	x.head = githubtest.RunGit(t, api.Git, "rev-parse", "main")
	githubtest.RunGit(t, api.Git, "branch", "topic", x.head)
	api.AddPull(githubtest.Pull{Number: 7, HeadRef: "topic", Author: "ada"})
	api.SetPermission("ada", "write")
	api.SetPermission("mallory", "read")
	api.AddRun(githubtest.Run{ID: reportRun, Event: "pull_request", Head: x.head, HeadBranch: "topic"})
	x.report = proposal()
	if adjust != nil {
		adjust(x.report)
	}
	artifact := api.AddArtifact(reportRun, artifactName, archive(t, x.report))
	opened, err := deliver.Open(config.Config{Channels: []channels.Name{channels.Comment}}, deliver.Input{
		Environment: detect.Environment{Provider: detect.GitHub, Mode: detect.Production, PullRequest: 7},
		Getenv:      config.Getenv(api.Environ()), Commands: true, ArtifactID: artifact, RunID: reportRun, PullHead: x.head,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := deliver.All(t.Context(), x.report, opened); got[0].State != report.ReceiptSent {
		t.Fatalf("%+v", got)
	}
	x.bound = deliver.Bound(x.head, &x.report.Patches[0])
	if body := api.Comments(7)[0].Body; !strings.Contains(body, "/regreen apply "+x.bound) && !x.report.Patches[0].Redacted && x.report.Patches[0].State == report.PatchVerified {
		t.Fatalf("the comment does not show the command:\n%s", body)
	}
	return x
}

// proposal returns a report that proposes a patch for badCode.
func proposal() *report.Report {
	diff := string(patch.Format([]patch.File{patch.Diff("m.go", "m.go", []byte(badCode), []byte(goodCode))}))
	return &report.Report{
		Schema: report.Schema, ID: "abcdefg", Version: "1.0.0", Started: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Verdict: report.Proposed,
		Environment: report.Environment{Event: "pull_request", Provider: detect.GitHub, Mode: "production", ModeReasons: []string{"CI"}, Policy: "auto"},
		Command:     "go test ./...", Tests: report.Tests{Packages: 1, Failed: 1},
		Failures: []report.Failure{{ID: "example.com/m.TestMax", Package: "example.com/m", Test: "TestMax", Kind: "assertion", Status: report.FailureNew, Message: "Max(3, 2) = 2", Cluster: 1}},
		Clusters: []report.Cluster{{Cause: "the comparison", Failures: []string{"example.com/m.TestMax"}, Status: report.ClusterRepaired, Patch: "abcdefg-1"}},
		Patches: []report.Patch{{
			ID: "abcdefg-1", Attempt: "a1", Strategy: "template/operator", Title: "compare with > instead of <", Rank: 1, Cluster: 1, State: report.PatchVerified, Confidence: 0.9,
			Files: []report.Span{{File: "m.go", Start: 5, End: 5}}, Diff: diff, Evidence: []report.Evidence{{Step: report.StageSuite, Passed: true, Detail: "1 test passes"}},
		}},
		Suspects: []report.Suspect{{Span: report.Span{File: "m.go", Start: 5, End: 5}, Score: 0.9, Why: []string{"changed since the base"}}},
		Attempts: []report.Attempt{{ID: "a1", Strategy: "template/operator", File: "m.go", Line: 5, Stage: report.StageSuite, Verdict: report.AttemptVerified}},
	}
}

// archive returns the artifact of a report.
func archive(t *testing.T, rep *report.Report) []byte {
	t.Helper()
	doc, err := report.JSON(rep)
	if err != nil {
		t.Fatal(err)
	}
	return zipped(t, map[string][]byte{reportFile: doc})
}

func zipped(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := runner.Zip(&b, dir); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// says posts a comment of a user, and runs the step for it.
func (x *reportedPull) says(login, comment string) (status int, log string, id int64) {
	x.t.Helper()
	id = x.api.AddComment(7, login, comment)
	status, log = x.event("issue_comment", commentPayload(id, login, comment))
	return status, log, id
}

func commentPayload(id int64, login, comment string) map[string]any {
	return map[string]any{
		"action": "created", "issue": map[string]any{"number": 7, "pull_request": map[string]any{}},
		"comment":    map[string]any{"id": id, "body": comment, "user": map[string]any{"login": login, "type": "User"}},
		"repository": map[string]any{"full_name": githubtest.Repository, "default_branch": "main"},
	}
}

func (x *reportedPull) event(name string, payload map[string]any, env ...string) (status int, log string) {
	x.t.Helper()
	dir := x.t.TempDir()
	doc, err := json.Marshal(payload)
	if err != nil {
		x.t.Fatal(err)
	}
	file := filepath.Join(dir, "event.json")
	if err := os.WriteFile(file, doc, 0o644); err != nil {
		x.t.Fatal(err)
	}
	environ := append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GITHUB_ACTIONS=true", "CI=true", "GITHUB_EVENT_NAME=" + name, "GITHUB_EVENT_PATH=" + file,
		"GITHUB_WORKSPACE=" + dir, "RUNNER_TEMP=" + dir, "GITHUB_OUTPUT=" + filepath.Join(dir, "output"),
	}, x.api.Environ()...)
	var out bytes.Buffer
	status = run(nil, &out, append(environ, env...))
	return status, out.String()
}

// replies returns regreen's comments that are not reports.
func (x *reportedPull) replies() []string {
	var out []string
	for _, c := range x.api.Comments(7) {
		if c.Login == githubtest.Bot && !strings.HasPrefix(c.Body, "<!-- regreen:report") {
			out = append(out, c.Body)
		}
	}
	return out
}

// content returns a file on a branch.
func (x *reportedPull) content(branch, name string) string {
	return githubtest.RunGit(x.t, x.api.Git, "show", branch+":"+name) + "\n"
}

func TestApply(t *testing.T) {
	t.Parallel()
	x := newReportedPull(t, nil)
	status, log, id := x.says("ada", "/regreen apply "+x.bound)
	if status != session.ExitGreen {
		t.Fatalf("status %d:\n%s", status, log)
	}
	if got := x.content("topic", "m.go"); got != goodCode {
		t.Errorf("m.go is\n%s\n%s", got, log)
	}
	if parent := githubtest.RunGit(t, x.api.Git, "rev-parse", "topic~1"); parent != x.head {
		t.Errorf("the commit's parent is %s, want %s", parent, x.head)
	}
	if text := githubtest.RunGit(t, x.api.Git, "log", "-1", "--format=%B", "topic"); !strings.HasPrefix(text, "regreen: compare with > instead of <") || !strings.Contains(text, "on the request of ada") {
		t.Errorf("message %q", text)
	}
	if got := x.api.Reactions(id); !slices.Contains(got, seen) || !slices.Contains(got, done) {
		t.Errorf("reactions %v", got)
	}
	if got := x.replies(); len(got) != 1 || !strings.Contains(got[0], "Committed `abcdefg-1`") || !strings.Contains(got[0], "starts no workflow") {
		t.Errorf("replies %q", got)
	}
	// It cannot be committed again: the report is about the previous head.
	x.says("ada", "/regreen apply "+x.bound)
	if got := x.replies(); len(got) != 2 || !strings.Contains(got[1], "The report is outdated") {
		t.Errorf("replies %q", got)
	}
}

// An ID without a hash is enough, since the report shows the hash.
func TestApplyByID(t *testing.T) {
	t.Parallel()
	x := newReportedPull(t, nil)
	x.says("ada", "/regreen apply abcdefg-1\n\nthanks!")
	if got := x.content("topic", "m.go"); got != goodCode {
		t.Errorf("m.go is\n%s", got)
	}
}

// Users without write access get a reaction, and nothing else happens.
func TestOutsider(t *testing.T) {
	t.Parallel()
	x := newReportedPull(t, nil)
	for _, login := range []string{"mallory", "nobody"} {
		for _, verb := range []string{"apply " + x.bound, "retry", "explain", "help"} {
			before := len(x.api.Requests())
			status, log, id := x.says(login, "/regreen "+verb)
			if got := x.api.Reactions(id); status != session.ExitGreen || !slices.Equal(got, []string{denied}) || !strings.Contains(log, "has no write access") {
				t.Errorf("%s %s: status %d, reactions %v\n%s", login, verb, status, got, log)
			}
			for _, r := range x.api.Requests()[before:] {
				if r.Method != "GET" && !strings.HasSuffix(r.Path, "/reactions") {
					t.Errorf("%s %s: %s %s", login, verb, r.Method, r.Path)
				}
			}
		}
	}
	if got := githubtest.RunGit(t, x.api.Git, "rev-parse", "topic"); got != x.head {
		t.Error("something was committed")
	}
}

func TestApplyIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, command string // BOUND means the argument in the report
		adjust        func(*report.Report)
		before        func(x *reportedPull)
		want          string
	}{
		{name: "no ID", command: "apply", want: "Which patch?"},
		{name: "an unknown ID", command: "apply zzzzzzz-1", want: "shows no patch `zzzzzzz-1`"},
		{name: "markup for an ID", command: "apply <b>", want: "shows no patch `<b>`"},
		{name: "another hash", command: "apply abcdefg-1@000000000000", want: "is not the one"},
		{name: "an unknown verb", command: "merge", want: "/regreen retry"},
		{
			name: "another diff in the artifact", command: "apply BOUND", want: "is not the one",
			before: func(x *reportedPull) {
				evil := proposal()
				evil.Patches[0].Diff = string(patch.Format([]patch.File{patch.Diff("m.go", "m.go", []byte(badCode), []byte("package m\n\nfunc Max(a, b int) int { return 3 }\n"))}))
				x.api.SetArtifact(x.api.Artifacts(reportRun, artifactName)[0], archive(x.t, evil))
			},
		},
		{
			name: "another run's report", command: "apply BOUND", want: "has another report than",
			before: func(x *reportedPull) {
				other := proposal()
				other.ID = "hijklmn"
				x.api.SetArtifact(x.api.Artifacts(reportRun, artifactName)[0], archive(x.t, other))
			},
		},
		{
			name: "the artifact is gone", command: "apply BOUND", want: "no longer exists",
			before: func(x *reportedPull) {
				for _, id := range x.api.Artifacts(reportRun, artifactName) {
					x.api.Expire(id)
				}
			},
		},
		{
			name: "a protected branch", command: "apply BOUND", want: "is a protected branch",
			before: func(x *reportedPull) { x.api.Protect("topic") },
		},
		{
			name: "a new commit", command: "apply BOUND", want: "The report is outdated",
			before: func(x *reportedPull) {
				tree := githubtest.RunGit(x.t, x.api.Git, "rev-parse", "topic^{tree}")
				next := githubtest.RunGit(x.t, x.api.Git, "commit-tree", "-p", "topic", "-m", "more", tree)
				githubtest.RunGit(x.t, x.api.Git, "update-ref", "refs/heads/topic", next)
			},
		},
		{
			name: "closed", command: "apply BOUND", want: "no longer open",
			before: func(x *reportedPull) { x.api.AddPull(githubtest.Pull{Number: 7, HeadRef: "topic", Closed: true}) },
		},
		{
			name: "a fork", command: "apply BOUND", want: "cannot push",
			before: func(x *reportedPull) {
				x.api.AddPull(githubtest.Pull{Number: 7, Head: x.head, HeadRef: "topic", Fork: true})
			},
		},
		{
			name: "a test", command: "apply abcdefg-1", want: "Cannot apply the patch",
			adjust: func(r *report.Report) {
				r.Patches[0].Diff = string(patch.Format([]patch.File{patch.Diff("m_test.go", "m_test.go", []byte(testCode), []byte("package m\n"))}))
			},
		},
		{
			name: "not verified", command: "apply abcdefg-1", want: "is not",
			adjust: func(r *report.Report) { r.Patches[0].State = report.PatchPlausible },
		},
		{
			name: "a secret in it", command: "apply abcdefg-1", want: "is not",
			adjust: func(r *report.Report) { r.Patches[0].Redacted = true },
		},
		{
			name: "lines that are not there", command: "apply BOUND", want: "Cannot apply the patch",
			adjust: func(r *report.Report) {
				r.Patches[0].Diff = string(patch.Format([]patch.File{patch.Diff("m.go", "m.go", []byte("package x\n"), []byte("package y\n"))}))
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newReportedPull(t, tt.adjust)
			if tt.before != nil {
				tt.before(x)
			}
			was := githubtest.RunGit(t, x.api.Git, "rev-parse", "topic")
			status, log, id := x.says("ada", "/regreen "+strings.ReplaceAll(tt.command, "BOUND", x.bound))
			got := x.replies()
			if status != session.ExitGreen || len(got) != 1 || !strings.Contains(got[0], tt.want) || !slices.Contains(x.api.Reactions(id), refused) {
				t.Errorf("status %d, replies %q, reactions %v, want %q\n%s", status, got, x.api.Reactions(id), tt.want, log)
			}
			if githubtest.RunGit(t, x.api.Git, "rev-parse", "topic") != was {
				t.Error("something was committed")
			}
		})
	}
}

// Comments that are not commands are ignored, without a request.
func TestNoCommand(t *testing.T) {
	t.Parallel()
	x := newReportedPull(t, nil)
	command := commentPayload(1, "ada", "/regreen retry")
	edited := commentPayload(1, "ada", "/regreen retry")
	edited["action"] = "edited"
	issue := commentPayload(1, "ada", "/regreen retry")
	issue["issue"] = map[string]any{"number": 7}
	bot := commentPayload(1, "ada", "/regreen retry")
	bot["comment"].(map[string]any)["user"] = map[string]any{"login": "ada", "type": "Bot"}
	before := len(x.api.Requests())
	for name, payload := range map[string]map[string]any{
		"edited": edited, "on an issue": issue, "a bot's": bot, "other words": commentPayload(1, "ada", "please /regreen retry"), "a quote": commentPayload(1, "ada", "> /regreen retry"),
	} {
		if status, log := x.event("issue_comment", payload); status != session.ExitGreen || len(x.api.Requests()) != before {
			t.Errorf("%s: status %d, requests %v\n%s", name, status, x.api.Requests()[before:], log)
		}
	}
	if status, log := x.event("issue_comment", command, "GITHUB_TOKEN="); status != session.ExitUsage || !strings.Contains(log, "no token") {
		t.Errorf("without a token: status %d\n%s", status, log)
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	x := newReportedPull(t, nil)
	if _, log, id := x.says("ada", "/regreen retry"); !slices.Equal(x.api.Reruns(), []int64{reportRun}) || len(x.replies()) != 0 || !slices.Contains(x.api.Reactions(id), done) {
		t.Errorf("reruns %v, replies %q\n%s", x.api.Reruns(), x.replies(), log)
	}
	// regreen does not start a run that waits for approval or has not finished.
	for i, run := range []githubtest.Run{{Conclusion: "action_required"}, {Status: "waiting"}, {Status: "in_progress"}} {
		run.ID, run.Head = reportRun, x.head
		x.api.AddRun(run)
		x.says("ada", "/regreen retry")
		if got := x.replies(); len(x.api.Reruns()) != 1 || len(got) != i+1 {
			t.Errorf("%+v: reruns %v, replies %q", run, x.api.Reruns(), got)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	x := newReportedPull(t, func(r *report.Report) {
		r.Suspects[0].Why = []string{"</details> @everyone ![](http://evil.example)"}
	})
	x.says("ada", "/regreen explain")
	got := x.replies()
	if len(got) != 1 || !strings.Contains(got[0], "regreen: why") || !strings.Contains(got[0], "template/operator") || strings.Contains(got[0], "\n</details> @everyone") {
		t.Errorf("replies %q", got)
	}
	x = newReportedPull(t, nil)
	x.api.AddPull(githubtest.Pull{Number: 8, HeadRef: "topic"})
	other := commentPayload(x.api.AddComment(8, "ada", "/regreen explain"), "ada", "/regreen explain")
	other["issue"].(map[string]any)["number"] = 8
	x.event("issue_comment", other)
	if got := x.api.Comments(8); len(got) != 2 || !strings.Contains(got[1].Body, "no regreen report") {
		t.Errorf("comments %+v", got)
	}
}
