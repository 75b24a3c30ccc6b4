package deliver_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/report"
)

// opened returns the channels of a pull request, opened like commands do.
func opened(t *testing.T, api *githubtest.Server, names string, change func(*deliver.Input)) []deliver.Channel {
	t.Helper()
	in := deliver.Input{Environment: pull, Getenv: config.Getenv(api.Environ()), Retry: quick, Pace: time.Nanosecond}
	if change != nil {
		change(&in)
	}
	channels, err := deliver.Open(configured(t, "channels: ["+names+"]"), in)
	if err != nil {
		t.Fatal(err)
	}
	return channels
}

// landing returns what a comment says below the patch.
func landing(t *testing.T, body string) string {
	t.Helper()
	_, text, ok := strings.Cut(body, "sum += s.Duration\n \t}\n```\n")
	text, _, folded := strings.Cut(text, "\n<details>")
	if !ok || !folded {
		t.Fatalf("comment\n%s", body)
	}
	return strings.TrimSpace(text)
}

// The comment gives the best way that is possible, and says why a better one is not.
func TestLanding(t *testing.T) {
	t.Parallel()
	bound := deliver.Bound(head, &proposed().Patches[0])
	const (
		files    = "[*Files changed*](https://github.example.com/acme/fleet/pull/7/files)"
		unshown  = "Not a suggestion: changed lines that the pull request does not show."
		unset    = "`/regreen apply` is not set up here (see [docs/action.md](https://github.com/regreen-ci/regreen/blob/main/docs/action.md))."
		fork     = "No comment can commit it: tokens of this repository cannot push to the fork."
		download = "To apply it, run this at the top of the repository:\n\n```sh\nd=\"$(mktemp -d)\" && gh api --hostname github.example.com repos/acme/fleet/actions/artifacts/31/zip >\"$d/a.zip\" && unzip -q \"$d/a.zip\" -d \"$d\" && git apply \"$d/patches/p-3f2a.patch\"\n```"
		none     = "`/regreen apply` is not available: the run uploaded no artifact with the patch."
		save     = "Save the diff as a file and apply it with `regreen apply --patch FILE`, or with `git apply`."
		both     = "comment, suggestions"
	)
	artifact := func(in *deliver.Input) { in.ArtifactID = 31 }
	for _, tt := range []struct {
		name, channels string
		hidden         bool // the pull request does not show the lines
		single         bool // the patch has one place
		in             func(*deliver.Input)
		api            func(*githubtest.Server)
		want           string
	}{
		{name: "one suggestion", channels: both, single: true, want: "Commit the suggestion, below or in " + files + "."},
		{name: "several", channels: both, want: "Commit its 2 suggestions in " + files + " as one batch: they were only tested together."},
		{
			name: "several, or a command", channels: both, in: func(in *deliver.Input) { in.Commands = true; artifact(in) },
			want: "Commit its 2 suggestions in " + files + " as one batch: they were only tested together. Or comment `/regreen apply " + bound + "` to commit all of them.",
		},
		{
			name: "a command", channels: both, hidden: true, in: func(in *deliver.Input) { in.Commands = true; artifact(in) },
			want: unshown + " To commit it, comment `/regreen apply " + bound + "`.",
		},
		{
			name: "bound to what was tested", channels: "comment", in: func(in *deliver.Input) { in.Commands, in.PullHead = true, head; artifact(in) },
			want: "Not a suggestion: that channel is off. To commit it, comment `/regreen apply " + bound + "`.",
		},
		{name: "no commands", channels: both, hidden: true, in: artifact, want: unshown + " " + unset + " " + download},
		{
			name: "a fork", channels: both, hidden: true, in: func(in *deliver.Input) { in.Commands, in.Fork = true, true; artifact(in) },
			want: unshown + " " + fork + " " + download,
		},
		{
			name: "a fork that only GitHub knows about", channels: "suggestions, comment", hidden: true, in: func(in *deliver.Input) { in.Commands = true; artifact(in) },
			api:  func(api *githubtest.Server) { p := api.Pulls()[0]; p.Fork = true; api.AddPull(p) },
			want: unshown + " " + fork + " " + download,
		},
		{
			name: "suggestions on a fork", channels: both, single: true, in: func(in *deliver.Input) { in.Commands, in.Fork = true, true; artifact(in) },
			want: "Commit the suggestion, below or in " + files + ".",
		},
		{
			name: "a large ID", channels: both, hidden: true, in: func(in *deliver.Input) { in.ArtifactID = 5_000_000_000 },
			want: unshown + " " + unset + " " + strings.Replace(download, "artifacts/31", "artifacts/5000000000", 1),
		},
		{name: "no artifact", channels: both, hidden: true, in: func(in *deliver.Input) { in.Commands = true }, want: unshown + " " + none + " " + save},
		{name: "suggestions are off", channels: "comment", in: artifact, want: "Not a suggestion: that channel is off. " + unset + " " + download},
		{
			name: "the review is refused", channels: both, in: func(in *deliver.Input) { in.Commands = true; artifact(in) },
			api: func(api *githubtest.Server) {
				api.Inject(githubtest.Fault{Method: http.MethodPost, Path: "/reviews", Status: 422, Body: `{"message": "<b>no</b>"}`})
			},
			want: "Not a suggestion: cannot review the pull request: GitHub returned 422 \\<b\\>no\\</b\\>. To commit it, comment `/regreen apply " + bound + "`.",
		},
		{
			name: "the review needs several tries", channels: both, single: true,
			api: func(api *githubtest.Server) {
				api.Inject(githubtest.Fault{Method: http.MethodPost, Path: "/reviews", Status: 502, Times: 2})
			},
			want: "Commit the suggestion, below or in " + files + ".",
		},
		{
			name: "they were posted before", channels: both, single: true, api: func(api *githubtest.Server) {
				api.AddReview(7, githubtest.Bot, githubtest.ReviewComment{Path: "stats/mean.go", Body: "<!-- regreen:suggestion 9cf1cd6ce83fe5c6 -->"})
			},
			want: "Commit the suggestion, below or in " + files + ".",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			r := proposed()
			if tt.hidden {
				api.AddPull(githubtest.Pull{Number: 7, Head: head})
			}
			if tt.single {
				r.Patches[0].Diff = oneLine
			}
			if tt.api != nil {
				tt.api(api)
			}
			for _, got := range deliver.All(t.Context(), r, opened(t, api, tt.channels, tt.in)) {
				if got.Channel == "comment" && got.State != report.ReceiptSent {
					t.Fatalf("got receipt %+v", got)
				}
			}
			if got := landing(t, api.Comments(7)[0].Body); got != tt.want {
				t.Errorf("got comment\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// oneLine is a patch with one place.
const oneLine = `--- a/stats/mean.go
+++ b/stats/mean.go
@@ -13,4 +13,4 @@
 	var sum time.Duration
-	for _, s := range w.samples {
+	for _, s := range w.all() {
 		sum += s.Duration
 	}
`

// A run of an outdated commit posts nothing on the pull request; the run of its head does.
func TestOutdated(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	for _, got := range deliver.All(t.Context(), proposed(), opened(t, api, "comment, suggestions", func(in *deliver.Input) { in.PullHead = strings.Repeat("a", 40) })) {
		if got.State != report.ReceiptSkipped || !strings.Contains(got.Reason, "outdated: tested aaaaaaaaaaaa, head is now ") {
			t.Errorf("got receipt %+v", got)
		}
	}
	if len(api.Comments(7))+len(api.Reviews(7)) != 0 {
		t.Errorf("got comments %+v, reviews %+v", api.Comments(7), api.Reviews(7))
	}
}

// Failures that the change did not cause start no comment, but update an existing one.
func TestKnownIsQuiet(t *testing.T) {
	t.Parallel()
	for _, verdict := range []report.Verdict{report.Green, report.Known, report.Flaky} {
		api := newAPI(t)
		r := &report.Report{ID: "r-2", Verdict: verdict, Failures: []report.Failure{{ID: "TestOld", Status: report.FailureKnown}}}
		if got := deliver.All(t.Context(), r, opened(t, api, "comment", nil))[0]; got.State != report.ReceiptSkipped || len(api.Comments(7)) != 0 {
			t.Errorf("%s: got receipt %+v", verdict, got)
		}
		deliver.All(t.Context(), proposed(), opened(t, api, "comment", nil))
		if got := deliver.All(t.Context(), r, opened(t, api, "comment", nil))[0]; got.State != report.ReceiptSent || strings.Contains(api.Comments(7)[0].Body, "TestMean") {
			t.Errorf("%s: receipt %+v, comment\n%s", verdict, got, api.Comments(7)[0].Body)
		}
	}
}

// A patch that contained a secret cannot be applied from here.
func TestLandingOfRedacted(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	r := proposed()
	r.Patches[0].Redacted = true
	deliver.All(t.Context(), r, opened(t, api, "comment, suggestions", func(in *deliver.Input) { in.Commands, in.ArtifactID = true, 31 }))
	body := api.Comments(7)[0].Body
	if !strings.Contains(body, "Not a suggestion: secret in the diff.\n") || strings.Contains(body, "/regreen apply p") || strings.Contains(body, "gh api") {
		t.Errorf("comment\n%s", body)
	}
}

// In any order and number, all channels end, and they make one review together.
func TestChannelsShareSuggestions(t *testing.T) {
	t.Parallel()
	for _, names := range []string{"comment, suggestions", "suggestions, comment", "comment, comment, comment, comment, comment, suggestions", "suggestions, suggestions", "suggestions, check, comment"} {
		t.Run(names, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			for _, got := range deliver.All(t.Context(), proposed(), opened(t, api, names, nil)) {
				if got.State == report.ReceiptFailed {
					t.Errorf("got receipt %+v", got)
				}
			}
			if n := len(api.Reviews(7)); n != 1 {
				t.Errorf("got %d reviews", n)
			}
		})
	}
}

// Channels that ask concurrently, or again, make no second review.
func TestRoundsOfSuggestions(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	g := gitHub(t, api, func(o *deliver.GitHubOptions) { o.Landing.Suggestions = true })
	c, s := g.Comment(), g.Suggestions()
	for _, got := range deliver.All(t.Context(), proposed(), []deliver.Channel{c, s, s, s, c, s, s}) {
		if got.State == report.ReceiptFailed {
			t.Errorf("got receipt %+v", got)
		}
	}
	if n := len(api.Reviews(7)); n != 1 {
		t.Errorf("got %d reviews", n)
	}
}

// A review that never ends does not delay the comment forever.
func TestCommentDoesNotHang(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.Inject(githubtest.Fault{Method: http.MethodPost, Path: "/reviews", Hang: true, Times: 10})
	policy := quick
	policy.Total = 3 * time.Second // for the review, and again for the comment
	for _, got := range deliver.All(t.Context(), proposed(), opened(t, api, "suggestions, comment", func(in *deliver.Input) { in.Retry = policy })) {
		if want := map[string]report.ReceiptState{"suggestions": report.ReceiptFailed, "comment": report.ReceiptSent}[got.Channel]; got.State != want {
			t.Errorf("got receipt %+v", got)
		}
	}
}

// A mark is read back unchanged, and nothing in it ends it early.
func TestRunMark(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"-->", "--!>", "<!--", "\n", "\u2028", "--", "- -->", evilText}))
		m := deliver.RunMark{Run: rapid.Int64Min(1).Draw(t, "run"), Artifact: rapid.Int64Min(0).Draw(t, "artifact"), Head: any.Draw(t, "head"), Report: any.Draw(t, "report")}
		line := m.String()
		inner := strings.TrimSuffix(strings.TrimPrefix(line, "<!-- "), " -->")
		if strings.ContainsAny(inner, "<>\n\r") || strings.Contains(inner, "--") {
			t.Fatalf("the text of the mark ends its HTML comment: %s", line)
		}
		if got, ok := deliver.ReadRun("<!-- regreen:report -->\r\n" + line + "\r\n## Text\n"); !ok || got != m {
			t.Fatalf("wrote %+v, read %+v", m, got)
		}
	})
	for _, text := range []string{"", "<!-- regreen:run -->", "<!-- regreen:run {} -->", `<!-- regreen:run {"run":-1} -->`, `x <!-- regreen:run {"run":1} -->`, `<!-- regreen:run {"run":"1"} -->`} {
		if m, ok := deliver.ReadRun(text); ok {
			t.Errorf("%q is read as %+v", text, m)
		}
	}
}

const evilText = `"} --> <script>alert(1)</script>`

// Our reports on a pull request are found with any key, the newest first, and nobody else's.
func TestReports(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	mark := deliver.RunMark{Run: 3, Artifact: 31, Head: head, Report: "r-1"}
	first := api.AddComment(7, githubtest.Bot, "<!-- regreen:report linux -->\n"+mark.String()+"\nx")
	api.AddComment(7, "mallory", marker+"\n"+mark.String()+"\n")
	second := api.AddComment(7, githubtest.Bot, marker+"\nwithout")
	g, err := forge.NewGitHub(forge.Options{API: api.URL, Token: githubtest.Token, Repository: githubtest.Repository})
	if err != nil {
		t.Fatal(err)
	}
	all, err := deliver.Reports(t.Context(), g, 7)
	if err != nil || len(all) != 2 || all[0].Comment.ID != second || all[0].HasRun || all[1].Comment.ID != first || all[1].Run != mark {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestBound(t *testing.T) {
	t.Parallel()
	p := &proposed().Patches[0]
	got := deliver.Bound(head, p)
	if !regexp.MustCompile(`^p-3f2a@[0-9a-f]{20}$`).MatchString(got) {
		t.Errorf("%q", got)
	}
	other := *p
	other.Diff += " "
	if got == deliver.Bound(head, &other) || got == deliver.Bound(strings.Repeat("a", 40), p) {
		t.Error("Bound returns the same name for another patch or another commit")
	}
}

// The command in the comment applies the patch, in a real shell with a real git.
func TestDownloadCommand(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.AddPull(githubtest.Pull{Number: 7, Head: head})
	r := proposed()
	r.Patches[0].Diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-red\n+green\n"
	shipped := filepath.Join(t.TempDir(), "out")
	in := func(in *deliver.Input) { in.ArtifactID, in.Artifact, in.Dir = 31, shipped, t.TempDir() }
	for _, got := range deliver.All(t.Context(), r, opened(t, api, "artifact, comment, suggestions", in)) {
		if got.State == report.ReceiptFailed {
			t.Fatalf("got receipt %+v", got)
		}
	}
	_, line, _ := strings.Cut(api.Comments(7)[0].Body, "```sh\n")
	line, _, _ = strings.Cut(line, "\n```")

	bin, work := t.TempDir(), t.TempDir()
	write(t, filepath.Join(bin, "gh"), "#!/bin/sh\ntest \"$*\" = \"api --hostname github.example.com repos/acme/fleet/actions/artifacts/31/zip\" && echo zip\n")
	write(t, filepath.Join(bin, "unzip"), "#!/bin/sh\ntest \"$1 $3\" = \"-q -d\" && grep -q zip \"$2\" && cp -R '"+shipped+"/.' \"$4\"\n")
	for _, program := range []string{"gh", "unzip"} {
		if err := os.Chmod(filepath.Join(bin, program), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(work, "a.txt"), "red\n")
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir, cmd.Env = work, append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if b, _ := os.ReadFile(filepath.Join(work, "a.txt")); err != nil || string(b) != "green\n" {
		t.Errorf("%s\nprints %s, %v, and the file is %q", line, out, err, b)
	}
}

// Whatever the names of a report's patches and runs, only plain words get into a shell command.
func TestDownloadCommandIsSafe(t *testing.T) {
	t.Parallel()
	plain := regexp.MustCompile(`(?s)^To apply it, run this at the top of the repository:\n\n` + "```sh\n" +
		`d="\$\(mktemp -d\)" && gh api (--hostname [a-z0-9.:-]+ )?repos/[A-Za-z0-9._/-]+/actions/artifacts/[0-9]+/zip >"\$d/a\.zip" && unzip -q "\$d/a\.zip" -d "\$d" && git apply "\$d/patches/[A-Za-z0-9_-]+\.patch"` + "\n```\n$")
	line := func(l deliver.Landing, id string) string {
		return deliver.Instructions(l)(&report.Patch{ID: id, State: report.PatchVerified})
	}
	if text := line(deliver.Landing{Run: 7, Artifact: 31, Repository: "a/b"}, "p"); !plain.MatchString(text) {
		t.Fatalf("%q", text)
	}
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9]{1,3}[-./ ;$"'\n]?[a-z]{0,3}`))
		l := deliver.Landing{Run: rapid.Int64().Draw(t, "run"), Artifact: rapid.Int64().Draw(t, "artifact"), Repository: any.Draw(t, "owner") + "/" + any.Draw(t, "name")}
		if text := line(l, any.Draw(t, "id")); strings.Contains(text, "gh api") && !plain.MatchString(text) {
			t.Fatalf("%q", text)
		}
	})
}
