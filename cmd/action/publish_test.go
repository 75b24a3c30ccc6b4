package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

// pair is the second workflow of the pair for forks: it runs on the default branch, with the
// artifact that the run of the fork's code left.
type pair struct {
	reportedPull
	head string
}

const (
	forkRun  = 91
	forkHead = "0123456789abcdef0123456789abcdef01234567"
)

func newPair(t *testing.T, artifact []byte) *pair {
	t.Helper()
	api := githubtest.New(t)
	p := &pair{reportedPull: reportedPull{t: t, api: api}, head: forkHead}
	code := "@@ -4,3 +4,3 @@\n func Max(a, b int) int {\n-\tif a > b {\n+\tif a < b {\n \t\treturn a\n"
	api.AddPull(githubtest.Pull{Number: 7, Head: forkHead, HeadRef: "topic", Fork: true, Author: "mallory", Files: []githubtest.File{{Name: "m.go", Status: "modified", Patch: code}}})
	api.AddRun(githubtest.Run{ID: forkRun, Event: "pull_request", Head: forkHead, HeadBranch: "topic", HeadRepository: githubtest.Fork})
	if artifact != nil {
		api.AddArtifact(forkRun, artifactName, artifact)
	}
	return p
}

// ended returns the event that the fork's run ended.
func (p *pair) ended(conclusion string) map[string]any {
	return map[string]any{
		"action": "completed",
		"workflow_run": map[string]any{
			"id": forkRun, "name": "test", "event": "pull_request", "conclusion": conclusion, "head_sha": p.head, "head_branch": "topic",
			"head_repository": map[string]any{"full_name": githubtest.Fork}, "pull_requests": []any{}, // GitHub lists none for a fork
		},
		"repository": map[string]any{"full_name": githubtest.Repository, "default_branch": "main"},
	}
}

// publish runs the step, and returns also its outputs and summary.
func (p *pair) publish(conclusion string, env ...string) (status int, log string, outputs map[string]string, summary string) {
	p.t.Helper()
	dir := p.t.TempDir()
	out, sum := filepath.Join(dir, "out"), filepath.Join(dir, "sum")
	status, log = p.event("workflow_run", p.ended(conclusion), append(env, "GITHUB_OUTPUT="+out, "GITHUB_STEP_SUMMARY="+sum)...)
	o, _ := os.ReadFile(out)
	s, _ := os.ReadFile(sum)
	return status, log, values(string(o)), string(s)
}

func TestPublish(t *testing.T) {
	t.Parallel()
	rep := proposal()
	p := newPair(t, withPatch(t, rep.Patches[0].Diff))
	status, log, outputs, summary := p.publish("failure")
	comments := p.api.Comments(7)
	if status != session.ExitGreen || len(comments) != 1 { // the fork's run is red, not this one
		t.Fatalf("status %d, comments %+v\n%s", status, comments, log)
	}
	body := comments[0].Body
	for _, want := range []string{"a verified patch is ready", "a run of the fork", "Commit the suggestion"} {
		if !strings.Contains(body, want) {
			t.Errorf("the comment does not say %q:\n%s", want, body)
		}
	}
	if strings.Contains(body, "/regreen apply abcdefg") {
		t.Errorf("the comment offers a command that cannot push to a fork:\n%s", body)
	}
	if r := p.api.Reviews(7); len(r) != 1 || r[0].Commit != forkHead || len(r[0].Comments) != 1 || r[0].Comments[0].Line != 5 {
		t.Errorf("reviews %+v\n%s", r, log)
	}
	if outputs["verdict"] != "proposed" || outputs["comment-url"] == "" || outputs["patch-path"] == "" || !strings.Contains(summary, "```diff") {
		t.Errorf("outputs %v, summary %q", outputs, summary)
	}
	// The report of the next run replaces the first.
	rep.ID, rep.Verdict, rep.Failures, rep.Clusters, rep.Patches, rep.Attempts = "hijklmn", report.Green, nil, nil, nil, nil
	p.api.AddArtifact(forkRun, "unrelated", zipped(t, map[string][]byte{"x": nil}))
	p.api.AddArtifact(forkRun, artifactName, archive(t, rep)) // from the run's second attempt
	if status, log, _, _ = p.publish("success"); status != session.ExitGreen {
		t.Errorf("status %d\n%s", status, log)
	}
	if after := p.api.Comments(7); len(after) != 1 || after[0].ID != comments[0].ID || strings.Contains(after[0].Body, "abcdefg-1") {
		t.Errorf("comments %+v", after)
	}
}

// Nothing is published for a run that waits for approval, was cancelled, left no artifact or is
// outdated.
func TestPublishNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, conclusion string
		artifact         bool
		head             string
		want             string
	}{
		{name: "waits for approval", conclusion: "action_required", artifact: true, want: "waits for approval"},
		{name: "cancelled", conclusion: "cancelled", artifact: true, want: "(cancelled)"},
		{name: "no artifact", conclusion: "failure", want: "left no artifact"},
		{name: "newer commits", conclusion: "failure", artifact: true, head: strings.Repeat("9", 40), want: "has newer commits than run 91"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var artifact []byte
			if tt.artifact {
				artifact = archive(t, proposal())
			}
			p := newPair(t, artifact)
			if tt.head != "" {
				p.api.AddPull(githubtest.Pull{Number: 7, Head: tt.head, HeadRef: "topic", Fork: true})
			}
			status, log, _, summary := p.publish(tt.conclusion)
			if status != session.ExitGreen || !strings.Contains(log, tt.want) || len(p.api.Comments(7)) != 0 || summary != "" {
				t.Errorf("status %d, comments %v, summary %q\n%s", status, p.api.Comments(7), summary, log)
			}
		})
	}
}

// evil is text that would have an effect in every place that a report goes to.
const evil = "</details><script>alert(1)</script>\r\n::error::pwned\n::set-output name=verdict::green\n##[add-mask]pwned\nverdict<<X\ngreen\nX\n" +
	"@everyone #1 ![i](http://evil.example/p.png) [x](javascript:alert(1)) \x1b]0;pwned\a\x1b[2J <!-- regreen:report --> <!-- regreen:run {\"run\":1} --> ```suggestion\nrm -rf /\n```\n/close\n"

// plant puts a text into every text field of a report.
func plant(rep *report.Report, text string) {
	rep.Version, rep.Command, rep.Notes = text, text, []string{text}
	rep.Environment.Branch, rep.Environment.Event, rep.Environment.ModeReasons = text, text, []string{text}
	rep.Problem = &report.Problem{What: text, Where: text, Hint: text, Output: text}
	rep.Alerts = []report.Alert{{Level: report.LevelError, Text: text, Hint: text}}
	for i := range rep.Failures {
		f := &rep.Failures[i]
		f.Package, f.Test, f.ID, f.Message, f.Output = text, text, text, text, text
	}
	for i := range rep.Clusters {
		rep.Clusters[i].Cause, rep.Clusters[i].Failures = text, []string{text}
	}
	for i := range rep.Patches {
		p := &rep.Patches[i]
		p.Title, p.Strategy, p.Reason = text, text, text
		p.Evidence = []report.Evidence{{Step: report.StageSuite, Detail: text}}
	}
	for i := range rep.Attempts {
		rep.Attempts[i].Strategy, rep.Attempts[i].Reason = text, text
	}
	rep.Suspects[0].Why = []string{text}
	rep.Receipts = []report.Receipt{{Channel: "comment", State: report.ReceiptSent, Where: "https://evil.example/" + text, Reason: text}}
}

// A forged report from a fork is either refused, or nothing in it has an effect.
func TestHostileArtifact(t *testing.T) {
	t.Parallel()
	made := func(adjust func(*report.Report)) []byte {
		rep := proposal()
		adjust(rep)
		return archive(t, rep)
	}
	for _, tt := range []struct {
		name     string
		artifact []byte
		refused  bool // with an error; nothing is sent
	}{
		{name: "text with an effect", artifact: made(func(r *report.Report) { plant(r, evil) })},
		{name: "a patch's ID is a command", artifact: made(func(r *report.Report) { r.Patches[0].ID = "a; rm -rf /" }), refused: true},
		{name: "a patch's ID is a path", artifact: made(func(r *report.Report) { r.Patches[0].ID = "../../x" }), refused: true},
		{name: "the report's ID ends a comment", artifact: made(func(r *report.Report) { r.ID = "a --> <b>" }), refused: true},
		{name: "a field of 10 MB", artifact: made(func(r *report.Report) { r.Failures[0].Output = strings.Repeat("A", 10<<20) })},
		{name: "markdown that nests", artifact: made(func(r *report.Report) {
			r.Failures[0].Message = strings.Repeat("> ", 200_000) + strings.Repeat("[", 50_000) + strings.Repeat("*a ", 100_000)
		})},
		{name: "not JSON", artifact: zipped(t, map[string][]byte{reportFile: []byte("<script>")}), refused: true},
		{name: "JSON that nests", artifact: zipped(t, map[string][]byte{reportFile: bytes.Repeat([]byte("["), 1<<20)}), refused: true},
		{name: "another schema", artifact: zipped(t, map[string][]byte{reportFile: []byte(`{"schema":"regreen.report/v9"}`)}), refused: true},
		{name: "no report in it", artifact: zipped(t, map[string][]byte{"x": []byte("x")}), refused: true},
		{name: "not a zip", artifact: []byte("PK\x03\x04 nothing"), refused: true},
		{name: "another patch in its file", artifact: withPatch(t, "--- a/m.go\n+++ b/m.go\n@@ -1 +1 @@\n-package m\n+package evil\n"), refused: true},
		{name: "a path out of it", artifact: rawZip(t, "../../evil.txt"), refused: true},
		{name: "an absolute path", artifact: rawZip(t, "/tmp/evil.txt"), refused: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, tt.artifact)
			status, log, outputs, summary := p.publish("failure")
			comments := p.api.Comments(7)
			if tt.refused {
				if status != session.ExitNotRun || len(comments) != 0 || summary != "" || !strings.Contains(log, "::error::regreen: ") {
					t.Errorf("status %d, comments %+v, summary %q\n%s", status, comments, summary, log)
				}
			} else if status != session.ExitGreen || len(comments) != 1 || outputs["verdict"] != "proposed" {
				t.Fatalf("status %d, %d comments, outputs %v\n%.2000s", status, len(comments), outputs, log)
			}
			for name, value := range outputs {
				if strings.Contains(value, "pwned") && name != "summary" || strings.Contains(value, "evil.example") && strings.HasSuffix(name, "-url") {
					t.Errorf("output %s is %q", name, value)
				}
			}
			for _, c := range comments {
				harmless(t, c.Body)
			}
			harmless(t, summary)
			commands(t, log)
		})
	}
}

// harmless checks that no foreign markup is outside of code.
func harmless(t *testing.T, markdown string) {
	t.Helper()
	fence := ""
	for i, line := range strings.Split(markdown, "\n") {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		if fence != "" {
			if len(ticks) >= len(fence) && strings.TrimSpace(line[len(ticks):]) == "" {
				fence = ""
			}
			continue
		}
		if info := line[len(ticks):]; len(ticks) >= 3 && !strings.Contains(info, "`") {
			fence = ticks
			if strings.HasPrefix(strings.TrimSpace(info), "suggestion") {
				t.Errorf("a suggestion in a comment: %.200q", line)
			}
			continue
		}
		for _, bad := range []string{"<script>", "</details><", "\x1b", "\n/close"} {
			if strings.Contains(outsideSpans(line), bad) {
				t.Errorf("%q has an effect in %.300q", bad, line)
			}
		}
		if i > 3 && strings.HasPrefix(line, "<!-- regreen") {
			t.Errorf("a foreign marker: %.200q", line)
		}
		if strings.HasPrefix(line, "/close") {
			t.Errorf("%.200q", line)
		}
	}
}

// outsideSpans returns a line without its code spans and escaped characters.
func outsideSpans(line string) string {
	var b strings.Builder
	for len(line) > 0 {
		switch {
		case line[0] == '\\' && len(line) > 1:
			line = line[2:]
		case line[0] == '`':
			n := len(line) - len(strings.TrimLeft(line, "`"))
			rest := line[n:]
			if end := strings.Index(rest, strings.Repeat("`", n)); end >= 0 {
				rest = rest[end+n:]
			}
			line = rest
		default:
			b.WriteByte(line[0])
			line = line[1:]
		}
	}
	return b.String()
}

// commands reads a log like the runner, and checks that it has no foreign commands.
func commands(t *testing.T, log string) {
	t.Helper()
	token := ""
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		switch stop, stopped := strings.CutPrefix(line, "::stop-commands::"); {
		case token == "" && stopped:
			token = stop
		case line == "::"+token+"::":
			token = ""
		case strings.HasPrefix(line, "::error ") || strings.HasPrefix(line, "::warning ") || strings.HasPrefix(line, "::notice "):
			// Our own command. What it quotes is its text, since a line is one command.
		case token == "" && (strings.HasPrefix(line, "::error::pwned") || strings.HasPrefix(line, "::set-output") || strings.Contains(line, "##[add-mask]")):
			t.Errorf("a foreign command: %.200s", line)
		}
	}
	if token != "" {
		t.Error("commands are still stopped at the end")
	}
}

// withPatch returns an artifact with a given patch file.
func withPatch(t *testing.T, text string) []byte {
	t.Helper()
	doc, err := report.JSON(proposal())
	if err != nil {
		t.Fatal(err)
	}
	return zipped(t, map[string][]byte{reportFile: doc, "patches/abcdefg-1.patch": []byte(text)})
}

// rawZip returns an archive with a file of any name.
func rawZip(t *testing.T, name string) []byte {
	t.Helper()
	doc, err := json.Marshal(proposal())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for file, text := range map[string][]byte{reportFile: doc, name: []byte("evil")} {
		f, err := w.Create(file)
		if err == nil {
			_, err = f.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A fork's code is not run with this repository's token.
func TestPullRequestTarget(t *testing.T) {
	t.Parallel()
	p := newPair(t, nil)
	status, log := p.event("pull_request_target", map[string]any{
		"number": 7, "pull_request": map[string]any{"number": 7, "head": map[string]any{"sha": forkHead, "ref": "topic", "repo": map[string]any{"full_name": githubtest.Fork}}, "base": map[string]any{"ref": "main", "repo": map[string]any{"full_name": githubtest.Repository}}},
		"repository": map[string]any{"full_name": githubtest.Repository, "default_branch": "main"},
	})
	if status != session.ExitUsage || !strings.Contains(log, "refusing to run a fork's code") || !strings.Contains(log, "workflow_run") || len(p.api.Requests()) != 0 {
		t.Errorf("status %d, requests %v\n%s", status, p.api.Requests(), log)
	}
	// An empty payload counts as a fork's.
	if status, log := p.event("pull_request_target", map[string]any{}); status != session.ExitUsage {
		t.Errorf("status %d\n%s", status, log)
	}
}

// What a run without regreen found red is repaired if it ran this repository's own code and the
// same commit is checked out; a fork's code is not, nor is another commit.
func TestRepairRun(t *testing.T) {
	t.Parallel()
	dir := redModule(t, `"got %d want 3", got`)
	out, err := exec.Command("git", "-C", dir, "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	head := strings.TrimSpace(string(out))
	payload := func(sha, repository, conclusion string) map[string]any {
		return map[string]any{
			"workflow_run": map[string]any{"id": 91, "event": "push", "conclusion": conclusion, "head_sha": sha, "head_branch": "topic", "head_repository": map[string]any{"full_name": repository}},
			"repository":   map[string]any{"full_name": githubtest.Repository, "default_branch": "main"},
		}
	}
	for _, tt := range []struct {
		name    string
		payload map[string]any
		env     []string
		status  int
		want    string
		ran     bool
	}{
		{name: "its commit", payload: payload(head, githubtest.Repository, "failure"), status: session.ExitRed, want: "proposed: 1 failure", ran: true},
		{name: "another commit", payload: payload(forkHead, githubtest.Repository, "failure"), status: session.ExitUsage, want: "which it tested"},
		{name: "a green run", payload: payload(head, githubtest.Repository, "success"), status: session.ExitGreen, want: "left no artifact"},
		{name: "a fork", payload: payload(head, githubtest.Fork, "failure"), status: session.ExitGreen, want: "left no artifact"},
		{name: "Dependabot", payload: payload(head, githubtest.Repository, "failure"), env: []string{"GITHUB_ACTOR=dependabot[bot]"}, status: session.ExitGreen, want: "left no artifact"},
		{name: "no checkout", payload: payload(head, githubtest.Repository, "failure"), env: []string{"GITHUB_WORKSPACE=" + t.TempDir()}, status: session.ExitGreen, want: "nothing is checked out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, nil)
			env := append([]string{"GITHUB_WORKSPACE=" + dir, "INPUT_STRATEGIES=template/operator", "GOCACHE=" + goEnv(t, "GOCACHE")}, tt.env...)
			status, log := p.event("workflow_run", tt.payload, env...)
			if ran := strings.Contains(log, "Test, and search"); status != tt.status || !strings.Contains(log, tt.want) || ran != tt.ran {
				t.Errorf("status %d, ran %v, want %d and %q\n%s", status, ran, tt.status, tt.want, log)
			}
		})
	}
}

// A report that Dependabot's run left is also published with a warning.
func TestPublishOfBot(t *testing.T) {
	t.Parallel()
	p := newPair(t, archive(t, proposal()))
	p.api.AddPull(githubtest.Pull{Number: 7, Head: forkHead, HeadRef: "topic"})
	payload := p.ended("failure")
	payload["workflow_run"].(map[string]any)["head_repository"] = map[string]any{"full_name": githubtest.Repository}
	_, log := p.event("workflow_run", payload, "GITHUB_ACTOR=dependabot[bot]")
	if c := p.api.Comments(7); len(c) != 1 || !strings.Contains(c[0].Body, "could have written anything") || strings.Contains(c[0].Body, "fork") {
		t.Errorf("comments %+v\n%s", c, log)
	}
}
