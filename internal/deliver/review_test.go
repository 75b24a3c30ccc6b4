package deliver_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/report"
)

// suggested returns the comments for a patch on a pull request that shows hunks of its file.
func suggested(t *testing.T, shown, diff string) (report.Receipt, []githubtest.ReviewComment) {
	t.Helper()
	api := githubtest.New(t)
	api.AddPull(githubtest.Pull{Number: 7, Head: head, Files: []githubtest.File{{Name: "a.go", Patch: shown}}})
	r := proposed()
	r.Patches[0].Diff = diff
	got := deliverTo(t, gitHub(t, api, nil).Suggestions(), r)
	var comments []githubtest.ReviewComment
	for _, review := range api.Reviews(7) {
		if review.Event != "COMMENT" || review.Commit != head {
			t.Errorf("got review %+v", review)
		}
		comments = append(comments, review.Comments...)
	}
	return got, comments
}

// block returns the suggestion in a comment, read like a Markdown fence.
func block(body string) string {
	before, text, _ := strings.Cut(body, "suggestion\n")
	fence := before[strings.LastIndex(before, "\n")+1:]
	text, _, _ = strings.Cut("\n"+text, "\n"+fence+"\n")
	if text == "" {
		return ""
	}
	return text[1:] + "\n"
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	const shown = "@@ -1,6 +1,7 @@\n one\n two\n+three\n four\n five\n six\n seven"
	hunk := func(lines string) string { return "--- a/a.go\n+++ b/a.go\n" + lines }
	type place struct {
		Start, Line int
		Text        string
	}
	for _, tt := range []struct {
		name, shown, diff string
		want              []place
		reason            string // a part of it, when nothing is sent
	}{
		{
			name: "one line", diff: hunk("@@ -2,3 +2,3 @@\n two\n-three\n+3\n four\n"),
			want: []place{{0, 3, "3\n"}},
		},
		{
			name: "several lines", diff: hunk("@@ -2,4 +2,3 @@\n two\n-three\n-four\n+3 and 4\n five\n"),
			want: []place{{3, 4, "3 and 4\n"}},
		},
		{
			name: "an insertion includes the line before", diff: hunk("@@ -2,2 +2,3 @@\n two\n+2.5\n three\n"),
			want: []place{{0, 2, "two\n2.5\n"}},
		},
		{
			name: "an insertion at the top includes the line after", diff: hunk("@@ -1,2 +1,3 @@\n+zero\n one\n two\n"),
			want: []place{{0, 1, "zero\none\n"}},
		},
		{
			name: "insertions on both sides of a line are one edit", diff: hunk("@@ -1,2 +1,4 @@\n+zero\n one\n+1.5\n two\n"),
			want: []place{{0, 1, "zero\none\n1.5\n"}},
		},
		{
			name: "a deletion", diff: hunk("@@ -2,3 +2,2 @@\n two\n-three\n four\n"),
			want: []place{{0, 3, ""}},
		},
		{
			name: "parts of a patch", diff: hunk("@@ -1,6 +1,6 @@\n-one\n+1\n two\n three\n four\n-five\n+5\n six\n"),
			want: []place{{0, 1, "1\n"}, {0, 5, "5\n"}},
		},
		{
			name: "lines that are elsewhere than in the merge", diff: hunk("@@ -102,3 +102,3 @@\n two\n-three\n+3\n four\n"),
			want: []place{{0, 3, "3\n"}},
		},
		{
			name: "two places, one expected", shown: "@@ -1,4 +1,5 @@\n x\n y\n+z\n x\n y", diff: hunk("@@ -4,2 +4,2 @@\n-x\n+X\n y\n"),
			want: []place{{0, 4, "X\n"}},
		},
		{
			name: "fences in the text", diff: hunk("@@ -3,1 +3,1 @@\n-three\n+s := \"````\"\n"),
			want: []place{{0, 3, "s := \"````\"\n"}},
		},
		{name: "two places, none expected", shown: "@@ -1,4 +1,5 @@\n x\n y\n+z\n x\n y", diff: hunk("@@ -41,2 +41,2 @@\n-x\n+X\n y\n"), reason: "does not show"},
		{name: "among other lines", shown: "@@ -1,3 +1,4 @@\n a\n+new\n x\n b", diff: hunk("@@ -41,3 +41,3 @@\n q\n-x\n+X\n b\n"), reason: "does not show"},
		{name: "not shown", diff: hunk("@@ -41,2 +41,2 @@\n-forty\n+40\n x\n"), reason: "does not show"},
		{name: "a part is not shown", diff: hunk("@@ -1,1 +1,1 @@\n-one\n+1\n@@ -41,1 +41,1 @@\n-forty\n+40\n"), reason: "does not show"},
		{name: "another file", diff: "--- a/b.go\n+++ b/b.go\n@@ -1,1 +1,1 @@\n-one\n+1\n", reason: "does not show"},
		{name: "over the end of a hunk", shown: "@@ -1,2 +1,3 @@\n one\n+1.5\n two\n@@ -9,1 +10,2 @@\n three\n+four", diff: hunk("@@ -2,2 +2,1 @@\n-two\n-three\n+5\n"), reason: "does not show"},
		{name: "a new file", diff: "--- /dev/null\n+++ b/a.go\n@@ -0,0 +1,1 @@\n+one\n", reason: "not a change of lines"},
		{name: "the end of the file", diff: hunk("@@ -7,1 +7,1 @@\n-seven\n+seven\n\\ No newline at end of file\n"), reason: "end of the file"},
		{name: "invisible characters", diff: hunk("@@ -3,1 +3,1 @@\n-three\n+thr\u202eee\n"), reason: "invisible"},
		{name: "line ends of Windows", shown: "@@ -1,1 +1,1 @@\n+three\r", diff: hunk("@@ -1,1 +1,1 @@\n-three\r\n+3\r\n"), reason: "not"},
		{name: "too long", diff: hunk("@@ -3,1 +3,1 @@\n-three\n+" + strings.Repeat("x", 70_000) + "\n"), reason: "longer than a comment"},
		{name: "not a patch", diff: "nothing\n", reason: "not a change of lines"},
		{name: "shown as binary", shown: " ", diff: hunk("@@ -3,1 +3,1 @@\n-three\n+3\n"), reason: "does not show"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.shown == "" {
				tt.shown = shown
			}
			got, comments := suggested(t, tt.shown, tt.diff)
			var places []place
			for _, c := range comments {
				places = append(places, place{c.StartLine, c.Line, block(c.Body)})
			}
			if diff := cmp.Diff(tt.want, places); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", got, diff)
			}
			if state := map[bool]report.ReceiptState{true: report.ReceiptSent, false: report.ReceiptSkipped}[tt.reason == ""]; got.State != state || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("got receipt %+v, want %s with %q", got, state, tt.reason)
			}
		})
	}
}

// A redacted patch is not suggested: without the secret that it contained, it would break the code.
func TestRedactedPatches(t *testing.T) {
	t.Parallel()
	r := proposed()
	r.Patches[0].Redacted = true
	if got := deliverTo(t, gitHub(t, newAPI(t), nil).Suggestions(), r); got.State != report.ReceiptSkipped || !strings.Contains(got.Reason, "secret in the diff") {
		t.Errorf("got receipt %+v", got)
	}
	dir := t.TempDir()
	if got := deliverTo(t, deliver.Artifact(dir, "out", []deliver.Rendering{markdown}), r); len(got.Degraded) != 1 || !slices.Equal(names(t, dir), []string{"out/report.md"}) {
		t.Errorf("got receipt %+v, files %v", got, names(t, dir))
	}
}

// Earlier suggestions are not posted again; new ones are.
func TestSuggestionsAreNotRepeated(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	c := gitHub(t, api, func(o *deliver.GitHubOptions) { o.Landing = deliver.Landing{Commands: true, Run: 7, Artifact: 31} }).Suggestions()
	if got := deliverTo(t, c, proposed()); got.State != report.ReceiptSent || !strings.Contains(got.Where, "#pullrequestreview-") {
		t.Fatalf("got receipt %+v", got)
	}
	if got := deliverTo(t, c, proposed()); got.State != report.ReceiptSkipped || !strings.Contains(got.Reason, "were posted before") || !strings.Contains(got.Where, "#discussion_r") {
		t.Errorf("got receipt %+v", got)
	}
	r := proposed()
	r.Patches[0].Diff = strings.Replace(r.Patches[0].Diff, "w.all()", "w.latest()", 1)
	if got := deliverTo(t, c, r); got.State != report.ReceiptSent {
		t.Errorf("got receipt %+v", got)
	}
	reviews := api.Reviews(7)
	if len(reviews) != 2 || len(reviews[0].Comments) != 2 || len(reviews[1].Comments) != 1 {
		t.Errorf("got reviews %+v", reviews)
	}
	if body := reviews[0].Comments[0].Body; !strings.Contains(body, "Part 1 of 2") || !strings.Contains(body, "or comment `/regreen apply "+deliver.Bound(head, &proposed().Patches[0])+"`") {
		t.Errorf("it does not say that the parts belong together:\n%s", body)
	}
}

// A copy of a suggestion by someone else does not prevent the suggestion.
func TestSuggestionsOfOthers(t *testing.T) {
	t.Parallel()
	first, api := newAPI(t), newAPI(t)
	deliverTo(t, gitHub(t, first, nil).Suggestions(), proposed())
	api.AddReview(7, "mallory", first.Reviews(7)[0].Comments...)
	if got := deliverTo(t, gitHub(t, api, nil).Suggestions(), proposed()); got.State != report.ReceiptSent || len(api.Reviews(7)) != 2 {
		t.Errorf("got receipt %+v", got)
	}
}

// After a lost answer the review is posted once.
func TestReviewThroughFaults(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.Inject(githubtest.Fault{Method: "POST", Path: "/reviews", Late: true, Reset: true})
	if got := deliverTo(t, gitHub(t, api, nil).Suggestions(), proposed()); got.State == report.ReceiptFailed || got.Tries != 2 {
		t.Errorf("got receipt %+v", got)
	}
	if n := len(api.Reviews(7)); n != 1 {
		t.Errorf("got %d reviews", n)
	}
}

// For each cause the best patch that is verified and not applied is suggested.
func TestSuggestedPatches(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	r := proposed()
	best := r.Patches[0]
	patch := func(id string, state report.PatchState, rank int, applied bool) report.Patch {
		p := best
		p.ID, p.State, p.Rank, p.Applied = id, state, rank, applied
		p.Diff = strings.Replace(p.Diff, "w.all()", "w."+id+"()", 1)
		return p
	}
	r.Patches = []report.Patch{patch("plausible", report.PatchPlausible, 1, false), patch("worse", report.PatchVerified, 3, false), patch("best", report.PatchVerified, 2, false), patch("done", report.PatchVerified, 1, true)}
	r.Clusters[0].Patch = ""
	deliverTo(t, gitHub(t, api, nil).Suggestions(), r)
	text := ""
	for _, c := range api.Reviews(7)[0].Comments {
		text += c.Body
	}
	if !strings.Contains(text, "w.best()") || strings.Count(text, "```suggestion") != 2 {
		t.Errorf("suggested:\n%s", text)
	}
	r.Patches = r.Patches[:1]
	if got := deliverTo(t, gitHub(t, api, nil).Suggestions(), r); got.State != report.ReceiptSkipped || !strings.Contains(got.Reason, "no verified patch") {
		t.Errorf("got receipt %+v", got)
	}
}
