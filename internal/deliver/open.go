package deliver

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// Input describes the run, for the channels.
type Input struct {
	Environment detect.Environment
	Getenv      func(string) string
	Dir         string    // top of the repository: where relative paths are
	State       string    // regreen's own directory, for the latest report
	Artifact    string    // the directory of the artifact if none is configured
	Stdout      io.Writer // for workflow commands
	Stderr      io.Writer // for messages
	// Renderings replace the formats of the same name, for instance with another width, or
	// are added to them. Those that have a File are in the artifact.
	Renderings []Rendering
	// How patches are applied on GitHub; see Landing.
	Commands   bool   // the repository answers comments that begin with /regreen
	ArtifactID int64  // of the artifact that has the report; 0 if none exists
	RunID      int64  // of the run that the report is about; 0 means GITHUB_RUN_ID
	Fork       bool   // the pull request comes from a fork, even if Environment does not say so
	PullHead   string // the pull request's own commit that was tested; "" means its head
	// Editable reports whether a file may be changed without a user's request, and why not.
	// Nil allows no file.
	Editable func(path string) (ok bool, reason string)

	Apply  string        // the command that applies a patch if no better way is known
	Pace   time.Duration // between writes to GitHub; 0 means the second that it asks for
	Key    string        // distinguishes several reports on one pull request
	Client *http.Client  // nil means a new one for each channel
	Retry  RetryPolicy
}

// Open returns the channels that are on: those that the configuration names, or otherwise
// those of the mode with the configured files, email and webhooks. A channel that is on but
// lacks something it needs is included and skips. The error is a *usererr.UsageError.
func Open(cfg config.Config, in Input) ([]Channel, error) {
	o := &opener{cfg: cfg, in: in, forms: forms(in.Renderings)}
	o.in.Apply = cmp.Or(in.Apply, "regreen apply")
	if in.Getenv == nil {
		o.in.Getenv = func(string) string { return "" }
	}
	o.in.Stdout, o.in.Stderr = writers(in.Stdout, in.Stderr)
	names := cfg.Channels
	if len(names) == 0 {
		names = defaults(cfg, in.Environment, o.in.Getenv)
	}
	o.names = names
	var out []Channel
	for _, name := range names {
		some, err := o.open(name)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

// defaults returns the channels of the mode and, in production, those that are configured. On
// a developer's machine nothing leaves the machine unless its channel is named.
func defaults(cfg config.Config, env detect.Environment, getenv func(string) string) []channels.Name {
	names := slices.Clone(env.Defaults().Channels)
	if cfg.Artifact != "" && !slices.Contains(names, channels.Artifact) {
		names = append(names, channels.Artifact)
	}
	if env.Mode != detect.Production {
		return names
	}
	if env.Provider == detect.GitHub && env.PullRequest > 0 {
		names = append(names, channels.Comment, channels.Suggestions)
	}
	if env.Provider == detect.GitLab && env.PullRequest > 0 && getenv(gitLabToken) != "" {
		names = append(names, channels.Comment)
	}
	if noProposal(env) == "" {
		names = append(names, channels.PullRequest)
	}
	if cfg.Email.Server != "" {
		names = append(names, channels.Email)
	}
	if len(cfg.Webhooks) > 0 {
		names = append(names, channels.Webhook)
	}
	return names
}

// noProposal returns why no pull request can be opened here; "" if one can.
func noProposal(env detect.Environment) string {
	switch {
	case env.Provider != detect.GitHub:
		return "not a GitHub workflow"
	case env.PullRequest > 0:
		return "already a pull request"
	case env.Event != "push" && env.Event != "schedule" && env.Event != "workflow_dispatch":
		return "no branch was tested"
	case env.Branch == "":
		return "a tag or a commit was tested, not a branch"
	case env.Fork || env.Restricted:
		return "the change comes from a fork or a bot"
	}
	return ""
}

// forms returns the report's formats as renderings, with those in more added or in place of
// the ones of the same name. Formats for a screen or a log are not in an artifact.
func forms(more []Rendering) []Rendering {
	var out []Rendering
	for _, f := range report.Formats() {
		form := Rendering{Name: f.Name, Write: func(w io.Writer, r *report.Report) error { return f.Write(w, r, report.Options{}) }}
		if f.Name != string(channels.Terminal) && f.Name != string(channels.Annotations) {
			form.File = "report" + f.Ext
		}
		out = append(out, form)
	}
	for _, m := range more {
		if i := slices.IndexFunc(out, func(f Rendering) bool { return f.Name == m.Name }); i >= 0 {
			out[i] = m
			continue
		}
		out = append(out, m)
	}
	return out
}

// writers returns writers for channels that write concurrently, perhaps to the same place.
func writers(stdout, stderr io.Writer) (out, err io.Writer) {
	out, err = &lockedWriter{w: orDiscard(stdout)}, &lockedWriter{w: orDiscard(stderr)}
	if stdout == stderr {
		err = out
	}
	return out, err
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// opener opens channels by their names.
type opener struct {
	cfg    config.Config
	in     Input
	forms  []Rendering
	names  []channels.Name // of all channels that are on
	github *GitHub
}

func (o *opener) form(name string) (Rendering, bool) {
	i := slices.IndexFunc(o.forms, func(f Rendering) bool { return f.Name == name })
	if i < 0 {
		return Rendering{}, false
	}
	return o.forms[i], true
}

// skipping returns a channel that is on but cannot send here.
func skipping(name channels.Name, why, hint string) []Channel {
	return []Channel{channel{name, func(context.Context, *report.Report) (report.Receipt, error) { return skip(why, hint), nil }}}
}

// open returns the channels that a name means.
func (o *opener) open(name channels.Name) ([]Channel, error) {
	env := o.in.Getenv
	switch name {
	case channels.Terminal:
		form, _ := o.form("terminal")
		return []Channel{Stream(name, o.in.Stderr, form)}, nil
	case channels.Annotations:
		form, ok := o.form("annotations")
		if !ok || o.in.Environment.Provider != detect.GitHub {
			return skipping(name, "only GitHub Actions has workflow commands", ""), nil
		}
		return []Channel{Stream(name, o.in.Stdout, form)}, nil
	case channels.Summary:
		file := env("GITHUB_STEP_SUMMARY")
		if file == "" {
			return skipping(name, "GITHUB_STEP_SUMMARY is not set", "GitHub Actions sets it for each step"), nil
		}
		opt := report.MarkdownOptions{Apply: o.in.Apply}
		if l := o.landing(); l.Artifact > 0 {
			opt.Landing = l.instructions("", nil)
		}
		return []Channel{Summary(file, opt)}, nil
	case channels.File:
		return o.files()
	case channels.Artifact:
		dir := cmp.Or(o.cfg.Artifact, o.in.Artifact)
		if dir == "" {
			return skipping(name, "no directory for it", "name one as artifact in .regreen.yml"), nil
		}
		shipped := slices.DeleteFunc(slices.Clone(o.forms), func(f Rendering) bool { return f.File == "" })
		return []Channel{Artifact(o.in.Dir, dir, shipped)}, nil
	case channels.Comment, channels.Suggestions, channels.Check, channels.PullRequest:
		if name == channels.Comment && o.in.Environment.Provider == detect.GitLab {
			return o.onGitLab()
		}
		return o.onGitHub(name)
	case channels.Email, channels.Webhook:
		// A fork's configuration would choose where this repository's secrets go.
		if e := o.in.Environment; e.Fork || e.Restricted {
			return skipping(name, "the change comes from a fork, whose configuration is not trusted with secrets", ""), nil
		}
		if name == channels.Email {
			return o.email()
		}
		return o.webhooks()
	}
	return nil, &usererr.UsageError{Err: config.UnknownChannel(string(name))}
}

// files returns the channels of the configured files, or otherwise of the latest report in
// the state directory.
func (o *opener) files() ([]Channel, error) {
	if len(o.cfg.Files) == 0 {
		form, ok := o.form("html")
		if !ok {
			form, _ = o.form("markdown")
		}
		if o.in.State == "" {
			return skipping(channels.File, "no directory for it", "name files in .regreen.yml"), nil
		}
		return []Channel{File(channels.File, o.in.State, filepath.Join(o.in.State, form.File), form, "")}, nil
	}
	var out []Channel
	for _, format := range slices.Sorted(maps.Keys(o.cfg.Files)) {
		form, ok := o.form(format)
		if !ok {
			var known []string
			for _, f := range o.forms {
				known = append(known, f.Name)
			}
			return nil, &usererr.UsageError{What: fmt.Sprintf("unknown format %q for a file", format), Advice: "use one of " + strings.Join(known, ", ")}
		}
		out = append(out, File(channels.File, o.in.Dir, o.cfg.Files[format], form, o.list()))
	}
	return out, nil
}

// list returns the file that records which files regreen made, or "".
func (o *opener) list() string {
	if o.in.State == "" {
		return ""
	}
	return filepath.Join(o.in.State, "files")
}

func (o *opener) onGitHub(name channels.Name) ([]Channel, error) {
	env := o.in.Getenv
	e := o.in.Environment
	token := env("GITHUB_TOKEN")
	switch {
	case env("GITHUB_REPOSITORY") == "":
		return skipping(name, "GITHUB_REPOSITORY is not set: not a GitHub workflow", ""), nil
	case (name == channels.Comment || name == channels.Suggestions) && e.PullRequest == 0:
		return skipping(name, "not a pull request", ""), nil
	case name == channels.PullRequest && noProposal(e) != "":
		return skipping(name, noProposal(e), ""), nil
	case name == channels.PullRequest && o.in.Editable == nil:
		return skipping(name, "it is unknown which files may be changed", ""), nil
	case e.Fork && e.Restricted:
		// Code of the fork has run in this job, so nothing it could have read is used to write.
		return skipping(name, "the pull request comes from a fork", "let a job on workflow_run post the report that this job uploads as an artifact"), nil
	case token == "":
		return skipping(name, "GITHUB_TOKEN is not set", "add to the step: env: GITHUB_TOKEN: ${{ github.token }}"), nil
	}
	if o.github == nil {
		var err error
		o.github, err = NewGitHub(GitHubOptions{
			API: env("GITHUB_API_URL"), GraphQL: env("GITHUB_GRAPHQL_URL"), Token: token, Repository: env("GITHUB_REPOSITORY"),
			PullRequest: e.PullRequest, Head: e.Head, PullHead: o.in.PullHead, Link: o.link(), Key: o.in.Key,
			Restricted: e.Restricted, Landing: o.landing(), Pace: o.in.Pace, Client: o.in.Client, Retry: o.in.Retry,
		})
		if err != nil {
			return nil, &usererr.UsageError{Err: err}
		}
	}
	switch name {
	case channels.Comment:
		return []Channel{o.github.Comment()}, nil
	case channels.Suggestions:
		return []Channel{o.github.Suggestions()}, nil
	case channels.PullRequest:
		return []Channel{o.github.PullRequest(e.Branch, o.in.Editable)}, nil
	}
	return []Channel{o.github.Check(report.Annotations)}, nil
}

// landing returns the ways in which patches can be applied here.
func (o *opener) landing() Landing {
	run := o.in.RunID
	if run == 0 {
		run, _ = strconv.ParseInt(o.in.Getenv("GITHUB_RUN_ID"), 10, 64)
	}
	repository := o.in.Getenv("GITHUB_REPOSITORY")
	if u, err := url.Parse(o.in.Getenv("GITHUB_SERVER_URL")); err == nil && u.Host != "" && u.Host != "github.com" {
		repository = u.Host + "/" + repository
	}
	return Landing{
		Suggestions: slices.Contains(o.names, channels.Suggestions), Commands: o.in.Commands, Fork: o.in.Fork || o.in.Environment.Fork,
		Run: run, Artifact: o.in.ArtifactID, Repository: repository,
	}
}

// link returns the address of the run's page, or "".
func (o *opener) link() string {
	server, repository, run := o.in.Getenv("GITHUB_SERVER_URL"), o.in.Getenv("GITHUB_REPOSITORY"), o.in.Getenv("GITHUB_RUN_ID")
	if o.in.RunID > 0 {
		run = strconv.FormatInt(o.in.RunID, 10)
	}
	if server == "" || repository == "" || run == "" {
		return ""
	}
	return server + "/" + repository + "/actions/runs/" + run
}

// secret returns the value of a variable that the configuration names.
func (o *opener) secret(variable string) (value string, ok bool) {
	if variable == "" {
		return "", true
	}
	value = o.in.Getenv(variable)
	return value, value != ""
}

func (o *opener) email() ([]Channel, error) {
	e := o.cfg.Email
	for _, need := range []struct {
		key string
		set bool
	}{{"email.server", e.Server != ""}, {"email.from", e.From != ""}, {"email.to", len(e.To) > 0}, {"email.password-env", e.Username == "" || e.PasswordEnv != ""}} {
		if !need.set {
			return nil, &usererr.UsageError{What: "the channel email needs " + need.key, Advice: "add it to .regreen.yml, see docs/channels.md"}
		}
	}
	if e.TLS == "none" && e.Username != "" {
		return nil, &usererr.UsageError{What: "email.username needs an encrypted connection", Advice: "set email.tls to starttls or implicit"}
	}
	password, ok := o.secret(e.PasswordEnv)
	if !ok {
		return skipping(channels.Email, e.PasswordEnv+" is not set", "set it to the password of email.username"), nil
	}
	return []Channel{Email(EmailOptions{
		Server: e.Server, From: e.From, To: e.To, TLS: e.TLS, Username: e.Username, Password: password,
		Repository: o.in.Getenv("GITHUB_REPOSITORY"), Link: o.link(), Retry: o.in.Retry,
	})}, nil
}

func (o *opener) webhooks() ([]Channel, error) {
	if len(o.cfg.Webhooks) == 0 {
		return nil, &usererr.UsageError{What: "the channel webhook needs webhooks", Advice: "add them to .regreen.yml, see docs/channels.md"}
	}
	var out []Channel
	for _, w := range o.cfg.Webhooks {
		address, ok := o.secret(w.URLEnv)
		if !ok {
			out = append(out, skipping(channels.Webhook, w.URLEnv+" is not set", "set it to the address of a webhook")...)
			continue
		}
		key, ok := o.secret(w.SecretEnv)
		if !ok {
			out = append(out, skipping(channels.Webhook, w.SecretEnv+" is not set", "set it to the key to sign with")...)
			continue
		}
		out = append(out, Webhook(WebhookOptions{
			URL: cmp.Or(w.URL, address), Format: w.Format, Secret: key,
			Repository: o.in.Getenv("GITHUB_REPOSITORY"), Link: o.link(), Client: o.in.Client, Retry: o.in.Retry,
		}))
	}
	return out, nil
}
