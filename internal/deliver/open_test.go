package deliver_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

var (
	local   = detect.Environment{Event: "manual", Mode: detect.Development}
	hook    = detect.Environment{Event: "pre-commit", Mode: detect.Development}
	push    = detect.Environment{Event: "push", Mode: detect.Production, Provider: detect.GitHub, Head: head}
	pull    = detect.Environment{Event: "pull_request", Mode: detect.Production, Provider: detect.GitHub, Head: head, PullRequest: 7}
	jenkins = detect.Environment{Event: "push", Mode: detect.Production, Provider: "jenkins"}
)

// branch returns the environment of an event on branch main.
func branch(event string) detect.Environment {
	e := push
	e.Event, e.Branch = event, "main"
	return e
}

// configured returns the configuration that a file describes.
func configured(t *testing.T, text string) config.Config {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, config.File), text)
	cfg, err := config.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const mailAndHook = `
email: {server: 'smtp.example.com:587', from: regreen@example.com, to: [team@example.com]}
webhooks: [{url-env: REGREEN_SLACK_URL, format: slack}]
`

// TestOpen checks which channels the environment and the configuration turn on.
func TestOpen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, config string
		env          detect.Environment
		want         string
	}{
		{"local", "", local, "terminal file"},
		{"in a hook", "", hook, "terminal file"},
		{"local, with email and webhook configured", mailAndHook, local, "terminal file"},
		{"local, with webhook in channels", mailAndHook + "channels: [terminal, webhook]", local, "terminal webhook"},
		{"a push", "", push, "terminal summary annotations artifact file"},
		{"a push to a branch", "", branch("push"), "terminal summary annotations artifact file pull-request"},
		{"nightly", "", branch("schedule"), "terminal summary annotations artifact file pull-request"},
		{"a merge queue", "", branch("merge_group"), "terminal summary annotations artifact file"},
		{"a pull request", "", pull, "terminal summary annotations artifact file comment suggestions"},
		{"a pull request, with email and webhook configured", mailAndHook, pull, "terminal summary annotations artifact file comment suggestions email webhook"},
		{"another CI", mailAndHook, jenkins, "terminal file email webhook"},
		{"a local artifact", "artifact: build/regreen", local, "terminal file artifact"},
		{"several files", "files: {markdown: a.md, json: a.json}", local, "terminal file file"},
		{"the order of channels", "channels: [check, terminal]", pull, "check terminal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opened, err := deliver.Open(configured(t, tt.config), deliver.Input{Environment: tt.env, Dir: t.TempDir(), State: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, c := range opened {
				names = append(names, string(c.Name()))
				if !slices.Contains(channels.All(), c.Name()) {
					t.Errorf("unknown channel %s", c.Name())
				}
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("got channels %s, want %s", got, tt.want)
			}
		})
	}
}

// TestOpenRefuses checks that a bad configuration is a usage error with a hint.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ config, msg, hint string }{
		{"channels: [email]", "the channel email needs email.server", "docs/channels.md"},
		{"channels: [email]\nemail: {server: 'a.example.com:25', from: a@example.com}", "the channel email needs email.to", ""},
		{"channels: [email]\nemail: {server: 'a.example.com:25', from: a@example.com, to: [b@example.com], username: ci}", "the channel email needs email.password-env", ""},
		{
			"channels: [email]\nemail: {server: 'a.example.com:25', from: a@example.com, to: [b@example.com], username: ci, password-env: REGREEN_P, tls: none}",
			"email.username needs an encrypted connection", "starttls",
		},
		{"channels: [webhook]", "the channel webhook needs webhooks", "docs/channels.md"},
		{"files: {pdf: a.pdf}", `unknown format "pdf" for a file`, "use one of terminal, markdown, html, json"},
	} {
		_, err := deliver.Open(configured(t, tt.config), deliver.Input{Environment: local})
		usage := new(usererr.UsageError)
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.msg) || !strings.Contains(usererr.Hint(err), tt.hint) {
			t.Errorf("%s: %+v", tt.config, err)
		}
	}
	_, err := deliver.Open(config.Config{Channels: []channels.Name{"terminl"}}, deliver.Input{Environment: local}) // an input of the action
	if usage := new(usererr.UsageError); !errors.As(err, &usage) || err.Error() != `unknown channel "terminl"` || usererr.Hint(err) != `did you mean "terminal"?` {
		t.Errorf("got error %+v", err)
	}
	_, err = deliver.Open(config.Config{}, deliver.Input{Environment: pull, Getenv: config.Getenv([]string{"GITHUB_REPOSITORY=fleet", "GITHUB_TOKEN=x"})})
	if usage := new(usererr.UsageError); !errors.As(err, &usage) || !strings.Contains(usererr.Hint(err), "owner/name") {
		t.Errorf("got error %v", err)
	}
}

// A channel that is on but lacks something leaves a receipt with the reason.
func TestOpenSkips(t *testing.T) {
	t.Parallel()
	token := []string{"GITHUB_REPOSITORY=acme/fleet", "GITHUB_TOKEN=x"}
	const all = "channels: [summary, annotations, artifact, file, comment, suggestions, check, email, webhook]\n" +
		"email: {server: 'smtp.example.com:587', from: a@example.com, to: [b@example.com], username: ci, password-env: REGREEN_PASSWORD}\n" +
		"webhooks: [{url-env: REGREEN_URL, secret-env: REGREEN_KEY}]\n"
	for _, tt := range []struct {
		env     detect.Environment
		environ []string
		want    map[channels.Name]string
	}{
		{local, nil, map[channels.Name]string{
			"summary": "GITHUB_STEP_SUMMARY is not set", "annotations": "GitHub Actions", "artifact": "name one as artifact", "file": "name files",
			"comment": "GITHUB_REPOSITORY is not set", "suggestions": "GITHUB_REPOSITORY is not set", "check": "GITHUB_REPOSITORY is not set",
			"email": "REGREEN_PASSWORD is not set", "webhook": "REGREEN_URL is not set",
		}},
		{push, token, map[channels.Name]string{"comment": "not a pull request", "suggestions": "not a pull request"}},
		{pull, token[:1], map[channels.Name]string{"comment": "GITHUB_TOKEN is not set", "suggestions": "github.token", "check": "GITHUB_TOKEN is not set"}},
		{local, []string{"REGREEN_URL=http://127.0.0.1:1"}, map[channels.Name]string{"webhook": "REGREEN_KEY is not set"}},
	} {
		opened, err := deliver.Open(configured(t, all), deliver.Input{Environment: tt.env, Getenv: config.Getenv(tt.environ)})
		if err != nil {
			t.Fatal(err)
		}
		found := map[channels.Name]string{}
		for _, c := range opened {
			if tt.want[c.Name()] == "" {
				continue
			}
			got := deliverTo(t, c, proposed())
			if got.State != report.ReceiptSkipped {
				t.Errorf("got receipt %+v", got)
			}
			found[c.Name()] = got.Reason
		}
		for name, reason := range tt.want {
			if !strings.Contains(found[name], reason) {
				t.Errorf("%s: got %q, want %q", name, found[name], reason)
			}
		}
	}
}

// TestOpenAndSend opens all channels of a pull request, as the commands do, and delivers to them.
func TestOpenAndSend(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	hook := receive(t)
	dir, state := t.TempDir(), t.TempDir()
	summary := filepath.Join(t.TempDir(), "summary")
	cfg := configured(t, "files: {markdown: build/r.md, json: build/r.json}\nchannels: [terminal, summary, annotations, artifact, file, comment, suggestions, check, webhook]\nwebhooks: [{url-env: REGREEN_HOOK, secret-env: REGREEN_KEY}]\n")
	var out, errs bytes.Buffer
	channels, err := deliver.Open(cfg, deliver.Input{
		Environment: pull, Dir: dir, State: state, Artifact: filepath.Join(state, "artifact"), Stdout: &out, Stderr: &errs, Retry: quick,
		Commands: true, ArtifactID: 31,
		Getenv: config.Getenv(append(api.Environ(), "GITHUB_STEP_SUMMARY="+summary, "REGREEN_HOOK="+hook.URL, "REGREEN_KEY=k")),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range deliver.All(t.Context(), proposed(), channels) {
		if got.State != report.ReceiptSent || len(got.Degraded) > 0 {
			t.Errorf("got receipt %+v", got)
		}
	}
	if !strings.HasPrefix(out.String(), "::error file=stats/mean_test.go,") || !strings.Contains(errs.String(), "TestMean") {
		t.Errorf("got out %q, err %q", &out, &errs)
	}
	if diff := cmp.Diff([]string{"build/r.json", "build/r.md"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"artifact/patches/p-3f2a.patch", "artifact/report.csv", "artifact/report.ctrf.json", "artifact/report.html", "artifact/report.json",
		"artifact/report.md", "artifact/report.sarif", "artifact/report.xml", "files",
	}, names(t, state)); diff != "" {
		t.Errorf("artifact (-want +got):\n%s", diff)
	}
	comments := api.Comments(7)
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "/regreen apply p-3f2a@") || !strings.Contains(comments[0].Body, "[The run](https://github.example.com/acme/fleet/actions/runs/7)") {
		t.Errorf("got comments %+v", comments)
	}
	if len(api.Reviews(7)) != 1 || len(api.CheckRuns()) != 1 || len(api.CheckRuns()[0].Annotations) != 1 || hook.times() != 1 {
		t.Errorf("reviews %v, checks %v, %d posts", api.Reviews(7), api.CheckRuns(), hook.times())
	}
	if b, err := os.ReadFile(summary); err != nil || !bytes.Contains(b, []byte("TestMean")) {
		t.Errorf("summary %q, %v", b, err)
	}
}

// For a pull request from a fork no request is sent. A bot's token is read-only, but nothing
// fails.
func TestOpenForForksAndBots(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fork bool
		want string
	}{{true, "comes from a fork (hint: "}, {false, "a fork or a bot"}} {
		api := newAPI(t)
		api.Deny(githubtest.PullRequests, githubtest.Checks)
		env := pull
		env.Fork, env.Restricted = tt.fork, true
		channels, err := deliver.Open(configured(t, "channels: [comment, suggestions, check]"), deliver.Input{Environment: env, Getenv: config.Getenv(api.Environ()), Retry: quick})
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range deliver.All(t.Context(), proposed(), channels) {
			if got.State != report.ReceiptSkipped || !strings.Contains(got.Reason, tt.want) {
				t.Errorf("fork %v: receipt %+v", tt.fork, got)
			}
		}
		if n := len(api.Requests()); tt.fork && n > 0 {
			t.Errorf("sent %d requests for a fork", n)
		}
	}
}

// The configurations in docs/channels.md are valid, and it describes every channel.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "channels.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(b), -1)
	if len(blocks) < 4 {
		t.Errorf("docs/channels.md has only %d YAML examples", len(blocks))
	}
	every := []deliver.Rendering{{Name: "html"}, {Name: "junit"}, {Name: "sarif"}, {Name: "ctrf"}}
	for _, block := range blocks {
		if _, err := deliver.Open(configured(t, block[1]), deliver.Input{Environment: pull, Renderings: every}); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
	}
	for _, name := range channels.All() {
		if !strings.Contains(string(b), "\n## "+string(name)+"\n") {
			t.Errorf("docs/channels.md has no section on channel %s", name)
		}
	}
}
