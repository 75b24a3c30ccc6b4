package deliver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	smtpmock "github.com/mocktools/go-smtp-mock/v2"

	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/forge/gitlabtest"
	"github.com/regreen-ci/regreen/internal/report"
)

// site is a channel with the destination that it sends to. All channels follow the contract that
// TestContract checks.
type site struct {
	channel deliver.Channel
	broken  deliver.Channel // its destination refuses
	silent  deliver.Channel // its destination never answers; nil if it cannot happen
	posted  func() []string // what the destination has now
	adds    bool            // sending twice posts twice, on purpose
	secrets []string        // of the configuration
}

var sites = []struct {
	name string
	make func(t *testing.T) site
}{
	{"terminal", terminalSite},
	{"file", fileSite},
	{"artifact", artifactSite},
	{"summary", summarySite},
	{"comment", func(t *testing.T) site {
		return gitHubSite(t, (*deliver.GitHub).Comment, func(s *githubtest.Server) (all []string) {
			for _, c := range s.Comments(7) {
				all = append(all, c.Body)
			}
			return all
		})
	}},
	{"suggestions", func(t *testing.T) site {
		return gitHubSite(t, (*deliver.GitHub).Suggestions, func(s *githubtest.Server) (all []string) {
			for _, r := range s.Reviews(7) {
				text := "example.com/fleet/stats.TestMean" // which a suggestion does not have
				for _, c := range r.Comments {
					text += c.Body
				}
				all = append(all, text)
			}
			return all
		})
	}},
	{"check", func(t *testing.T) site {
		return gitHubSite(t, func(g *deliver.GitHub) deliver.Channel { return g.Check(report.Annotations) }, func(s *githubtest.Server) (all []string) {
			for _, c := range s.CheckRuns() {
				all = append(all, c.Summary)
			}
			return all
		})
	}},
	{"note", gitLabSite},
	{"email", emailSite},
	{"webhook", func(t *testing.T) site { return webhookSite(t, "generic") }},
	{"slack", func(t *testing.T) site { return webhookSite(t, "slack") }},
}

// quick retries without waiting.
var quick = deliver.RetryPolicy{Tries: 3, Sleep: func(context.Context, time.Duration) error { return nil }}

var markdown = deliver.Rendering{Name: "markdown", File: "report.md", Write: func(w io.Writer, r *report.Report) error {
	_, err := io.WriteString(w, report.Markdown(r, report.MarkdownOptions{}))
	return err
}}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func terminalSite(*testing.T) site {
	var out bytes.Buffer
	form := deliver.Rendering{Name: "terminal", Write: func(w io.Writer, r *report.Report) error {
		return report.Terminal(w, r, report.TerminalOptions{})
	}}
	return site{
		channel: deliver.Stream("terminal", &out, form),
		broken:  deliver.Stream("terminal", brokenPipe{}, form),
		posted:  func() []string { return []string{out.String()} },
	}
}

// contents returns the files below a directory.
func contents(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		all = append(all, string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func fileSite(t *testing.T) site {
	dir := t.TempDir()
	return site{
		channel: deliver.File("file", dir, "build/report.md", markdown, ""),
		broken:  deliver.File("file", filepath.Join(blocked(t), "below"), "report.md", markdown, ""),
		posted:  func() []string { return contents(t, dir) },
	}
}

// blocked returns a path at which no directory can be made.
func blocked(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func artifactSite(t *testing.T) site {
	dir := t.TempDir()
	return site{
		channel: deliver.Artifact(dir, "build/regreen", []deliver.Rendering{markdown}),
		broken:  deliver.Artifact(filepath.Join(blocked(t), "below"), "regreen", []deliver.Rendering{markdown}),
		posted:  func() []string { return contents(t, dir) },
	}
}

func summarySite(t *testing.T) site {
	file := filepath.Join(t.TempDir(), "summary")
	return site{
		channel: deliver.Summary(file, report.MarkdownOptions{}),
		broken:  deliver.Summary(filepath.Join(t.TempDir(), "none", "summary"), report.MarkdownOptions{}),
		posted:  func() []string { return contents(t, filepath.Dir(file)) },
	}
}

func gitHubSite(t *testing.T, channel func(*deliver.GitHub) deliver.Channel, posted func(*githubtest.Server) []string) site {
	api := newAPI(t)
	denying := newAPI(t)
	denying.Deny(githubtest.PullRequests, githubtest.Checks)
	hanging := newAPI(t)
	hanging.Inject(githubtest.Fault{Hang: true, Times: 100})
	return site{
		channel: channel(gitHub(t, api, nil)), broken: channel(gitHub(t, denying, nil)), silent: channel(gitHub(t, hanging, nil)),
		posted:  func() []string { return posted(api) },
		secrets: []string{githubtest.Token},
	}
}

func gitLabSite(t *testing.T) site {
	api, denying, hanging := gitlabtest.New(t), gitlabtest.New(t), gitlabtest.New(t)
	denying.Denied = true
	hanging.Inject(githubtest.Fault{Hang: true, Times: 100})
	return site{
		channel: gitLabNote(t, api), broken: gitLabNote(t, denying), silent: gitLabNote(t, hanging),
		posted: func() (all []string) {
			for _, n := range api.Notes() {
				all = append(all, n.Body)
			}
			return all
		},
		secrets: []string{gitlabtest.Token},
	}
}

// newServer runs a handler and returns its address.
func newServer(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// newAPI returns a GitHub server with pull request 7.
func newAPI(t *testing.T) *githubtest.Server {
	t.Helper()
	api := githubtest.New(t)
	api.AddPull(githubtest.Pull{Number: 7, Head: head, Files: []githubtest.File{{Name: "stats/mean.go", Patch: shownFile}}})
	return api
}

func gitHub(t *testing.T, api *githubtest.Server, change func(*deliver.GitHubOptions)) *deliver.GitHub {
	t.Helper()
	o := deliver.GitHubOptions{
		API: api.URL, Token: githubtest.Token, Repository: githubtest.Repository, PullRequest: 7, Pace: time.Nanosecond, Retry: quick,
	}
	if change != nil {
		change(&o)
	}
	g, err := deliver.NewGitHub(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// silence returns the address of a server that accepts connections and says nothing.
func silence(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func emailSite(t *testing.T) site {
	server := smtp(t, smtpmock.ConfigurationAttr{MultipleMessageReceiving: true, MultipleRcptto: true})
	refusing := smtp(t, smtpmock.ConfigurationAttr{BlacklistedRcpttoEmails: []string{"team@example.com"}})
	mail := func(address string) deliver.Channel {
		return deliver.Email(deliver.EmailOptions{
			Server: address, From: "regreen@example.com", To: []string{"team@example.com"}, TLS: "none", Password: "hunter2", Repository: "acme/fleet", Retry: quick,
		})
	}
	return site{
		channel: mail(server.address), broken: mail(refusing.address), silent: mail(silence(t)),
		posted: func() (all []string) {
			for _, raw := range server.messages() {
				all = append(all, strings.ReplaceAll(raw, "=\r\n", "")) // line breaks of quoted-printable
			}
			return all
		},
		adds: true, secrets: []string{"hunter2"},
	}
}

func webhookSite(t *testing.T, format string) site {
	var mu sync.Mutex
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(b))
	}))
	t.Cleanup(server.Close)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		http.Error(w, "no_service at "+r.URL.String()+" for "+user+" with "+password, http.StatusForbidden)
	}))
	t.Cleanup(refusing.Close)
	hook := func(address string) deliver.Channel {
		return deliver.Webhook(deliver.WebhookOptions{
			URL: strings.Replace(address, "://", "://hunter1:hunter2@", 1) + "/T1/hunter3?key=hunter4", Format: format, Secret: "hunter5", Repository: "acme/fleet", Retry: quick,
		})
	}
	return site{
		channel: hook(server.URL), broken: hook(refusing.URL), silent: hook("http://" + silence(t)),
		posted: func() []string {
			mu.Lock()
			defer mu.Unlock()
			return append([]string{}, got...)
		},
		adds: true, secrets: []string{"hunter1", "hunter2", "hunter3", "hunter4", "hunter5"},
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	for _, s := range sites {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range []struct {
				name string
				test func(*testing.T, site)
			}{
				{"sends", sends},
				{"sending again", again},
				{"any report", anyReport},
				{"a refusal", refusals},
				{"the context ends", canceled},
			} {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.test(t, s.make(t))
				})
			}
		})
	}
}

// one sends with All, like commands, and checks what holds for every receipt.
func one(ctx context.Context, t *testing.T, s site, c deliver.Channel, r *report.Report) report.Receipt {
	t.Helper()
	before, err := report.JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	receipts := deliver.All(ctx, r, []deliver.Channel{c})
	if len(receipts) != 1 || receipts[0].Channel != string(c.Name()) || receipts[0].Seconds < 0 {
		t.Fatalf("got receipts %+v", receipts)
	}
	if after, _ := report.JSON(r); !bytes.Equal(before, after) {
		t.Error("the report was changed")
	}
	r.Receipts = receipts
	if err := r.Check(); err != nil && strings.Contains(err.Error(), "receipts") {
		t.Errorf("the schema does not allow %+v: %v", receipts[0], err)
	}
	r.Receipts = nil
	got := receipts[0]
	for _, secret := range s.secrets {
		if all := got.Where + got.Reason + strings.Join(got.Degraded, ""); strings.Contains(all, secret) {
			t.Errorf("the receipt contains a secret: %+v", got)
		}
	}
	return got
}

func sends(t *testing.T, s site) {
	got := one(t.Context(), t, s, s.channel, proposed())
	if got.State != report.ReceiptSent || got.Reason != "" {
		t.Fatalf("got receipt %+v", got)
	}
	if text := strings.Join(s.posted(), "\n"); !strings.Contains(text, "TestMean") || !strings.Contains(text, "p-3f2a") && !strings.Contains(text, "```suggestion") {
		t.Errorf("the failure or the patch is missing in\n%s", text)
	}
	if got.Where == "" && got.Channel != "terminal" {
		t.Error("the receipt does not say where the report is")
	}
}

// again checks that sending twice posts once.
func again(t *testing.T, s site) {
	one(t.Context(), t, s, s.channel, proposed())
	first := len(s.posted())
	one(t.Context(), t, s, s.channel, proposed())
	if second := len(s.posted()); second != first && !s.adds {
		t.Errorf("%d posts after the first time, %d after the second", first, second)
	}
}

func anyReport(t *testing.T, s site) {
	for name, r := range map[string]*report.Report{"bare": bare(), "hostile": hostile(), "huge": huge()} {
		got := one(t.Context(), t, s, s.channel, r)
		if got.State == report.ReceiptFailed || got.State == report.ReceiptSkipped && got.Reason == "" {
			t.Errorf("%s: got receipt %+v", name, got)
		}
		for _, text := range s.posted() {
			if strings.ContainsAny(text, "\x1b\x00") {
				t.Errorf("%s: control characters reach the destination", name)
			}
		}
	}
}

func refusals(t *testing.T, s site) {
	got := one(t.Context(), t, s, s.broken, proposed())
	if got.State != report.ReceiptFailed || !strings.Contains(got.Reason, "(hint: ") {
		t.Errorf("got receipt %+v, want a failure with a hint", got)
	}
}

func canceled(t *testing.T, s site) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := one(ended, t, s, s.channel, proposed()); got.State != report.ReceiptFailed || got.Reason == "" {
		t.Errorf("canceled before: receipt %+v", got)
	}
	if s.silent == nil {
		return
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := one(soon, t, s, s.silent, proposed()); got.State != report.ReceiptFailed || got.Reason == "" || got.Reason == "did not end in time" {
		t.Errorf("canceled meanwhile: receipt %+v", got)
	}
}
