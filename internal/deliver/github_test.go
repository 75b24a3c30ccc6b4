package deliver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/report"
)

const marker = "<!-- regreen:report -->"

// deliverTo sends with All.
func deliverTo(t *testing.T, c deliver.Channel, r *report.Report) report.Receipt {
	t.Helper()
	return deliver.All(t.Context(), r, []deliver.Channel{c})[0]
}

// writes counts the requests that change something.
func writes(api *githubtest.Server) (n int) {
	for _, r := range api.Requests() {
		if r.Method != http.MethodGet && r.Path != "/graphql" {
			n++
		}
	}
	return n
}

// Our comment is found among hundreds of others, and nobody else's counts as ours.
func TestCommentIsFound(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.AddComment(7, "mallory", marker+"\nA trap")
	for i := range 150 {
		api.AddComment(7, "somebody", fmt.Sprintf("comment %d, which quotes %s", i, marker))
	}
	mine := api.AddComment(7, githubtest.Bot, marker+"\nAn old report")
	for i := range 150 {
		api.AddComment(7, "somebody", fmt.Sprint("later comment ", i))
	}
	api.AddComment(7, "mallory", marker+"\nAnother trap")
	api.AddComment(7, githubtest.Bot, "Another action of the workflow, which quotes "+marker)
	api.AddComment(7, githubtest.Bot, "<!-- regreen:report other -->\nThe report of another job")

	got := deliverTo(t, gitHub(t, api, nil).Comment(), proposed())
	if got.State != report.ReceiptSent || !strings.HasSuffix(got.Where, fmt.Sprint("#issuecomment-", mine)) {
		t.Fatalf("got receipt %+v", got)
	}
	all := api.Comments(7)
	if len(all) != 305 {
		t.Errorf("got %d comments", len(all))
	}
	for _, c := range all {
		reports := strings.Contains(c.Body, "TestMean")
		if reports != (c.ID == mine) || c.Minimized {
			t.Errorf("comment of %s: %.80s", c.Login, c.Body)
		}
	}
	if n := writes(api); n != 1 {
		t.Errorf("got %d writes", n)
	}
}

// With marker and link, a comment still has no more characters than GitHub allows.
func TestCommentJustFits(t *testing.T) {
	t.Parallel()
	size := func(r *report.Report) int {
		api := newAPI(t)
		deliverTo(t, gitHub(t, api, nil).Comment(), r)
		return len(strings.TrimPrefix(api.Comments(7)[0].Body, marker+"\n"))
	}
	for _, left := range []int{0, 20, 90, 200} {
		api := newAPI(t)
		r := proposed()
		r.Patches[0].Diff += strings.Repeat("+"+strings.Repeat("x", 98)+"\n", (65_536-left-size(r))/100-1)
		r.Patches[0].Diff += "+" + strings.Repeat("y", 65_536-left-size(r)-2) + "\n"
		got := deliverTo(t, gitHub(t, api, func(o *deliver.GitHubOptions) { o.Link = "https://ci.example.com/runs/7" }).Comment(), r)
		if got.State != report.ReceiptSent || (len(got.Degraded) > 0) != (left < 90) {
			t.Errorf("with %d bytes left after a report of %d: got receipt %+v", left, size(r), got)
		}
	}
}

// Older reports are folded once. If that is not permitted, they are replaced by one line.
func TestOlderCommentsAreFolded(t *testing.T) {
	t.Parallel()
	for _, denied := range []bool{false, true} {
		api := newAPI(t)
		if denied {
			api.Deny(githubtest.Minimize)
		}
		old := api.AddComment(7, githubtest.Bot, marker+"\nOld")
		api.AddComment(7, githubtest.Bot, marker+"\nNewer")
		c := gitHub(t, api, nil).Comment()
		for range 2 {
			if got := deliverTo(t, c, proposed()); got.State != report.ReceiptSent || len(got.Degraded) > 0 {
				t.Fatalf("got receipt %+v", got)
			}
		}
		all := api.Comments(7)
		if len(all) != 2 || !strings.Contains(all[1].Body, "TestMean") || all[1].Minimized {
			t.Fatalf("got comments %+v", all)
		}
		folded := all[0].Minimized && strings.Contains(all[0].Body, "Old")
		if denied {
			folded = strings.Contains(all[0].Body, "[a newer report](https://github.example.com/acme/fleet/pull/7#issuecomment-") && strings.Count(all[0].Body, "\n") == 2
		}
		if all[0].ID != old || !folded {
			t.Errorf("denied %v: the older comment is %+v", denied, all[0])
		}
		asked := 0 // GraphQL queries: one for the login, one per delivery for what is folded, one to fold
		for _, r := range api.Requests() {
			if r.Path == "/graphql" {
				asked++
			}
		}
		if n := writes(api); denied && n != 2 || !denied && (n != 1 || asked != 4) {
			t.Errorf("denied %v: %d writes and %d queries in two deliveries", denied, n, asked)
		}
	}
}

// A green report posts no first comment, but updates an existing one.
func TestCommentOnGreen(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	green := &report.Report{ID: "r-2", Verdict: report.Green, Tests: report.Tests{Packages: 1, Passed: 3}}
	c := gitHub(t, api, nil).Comment()
	if got := deliverTo(t, c, green); got.State != report.ReceiptSkipped || len(api.Comments(7)) != 0 {
		t.Errorf("got receipt %+v, comments %v", got, api.Comments(7))
	}
	deliverTo(t, c, proposed())
	if got := deliverTo(t, c, green); got.State != report.ReceiptSent {
		t.Errorf("got receipt %+v", got)
	}
	if all := api.Comments(7); len(all) != 1 || !strings.Contains(all[0].Body, "3 tests passed") {
		t.Errorf("got comments %+v", all)
	}
}

// A read-only token is not a failure where it is expected, and the receipt says what to do.
// Elsewhere it says which permission is missing.
func TestReadOnlyToken(t *testing.T) {
	t.Parallel()
	for _, restricted := range []bool{true, false} {
		api := newAPI(t)
		api.Deny(githubtest.PullRequests, githubtest.Checks, githubtest.Viewer)
		g := gitHub(t, api, func(o *deliver.GitHubOptions) { o.Restricted = restricted })
		for _, got := range deliver.All(t.Context(), proposed(), []deliver.Channel{g.Comment(), g.Suggestions(), g.Check(report.Annotations)}) {
			want, hint := report.ReceiptFailed, "permissions: "
			if restricted {
				want, hint = report.ReceiptSkipped, "workflow_run"
			}
			if got.State != want || !strings.Contains(got.Reason, hint) || got.Tries != 1 {
				t.Errorf("restricted %v: receipt %+v", restricted, got)
			}
		}
	}
}

// Each of these faults is transient, and the comment is posted once, even if only the answer was
// lost.
func TestCommentThroughFaults(t *testing.T) {
	t.Parallel()
	secondary := `{"message": "You have exceeded a secondary rate limit.", "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
	soon := strconv.FormatInt(time.Now().Add(100*time.Second).Unix(), 10)
	for _, tt := range []struct {
		name  string
		fault githubtest.Fault
		waits time.Duration // at least
	}{
		{"502", githubtest.Fault{Status: 502, Body: "<html>bad gateway"}, 0},
		{"429 with seconds", githubtest.Fault{Status: 429, Header: map[string]string{"Retry-After": "17"}}, 17 * time.Second},
		{"503 with a date", githubtest.Fault{Status: 503, Header: map[string]string{"Retry-After": time.Now().UTC().Add(100 * time.Second).Format(http.TimeFormat)}}, 30 * time.Second},
		{"secondary rate limit", githubtest.Fault{Status: 403, Body: secondary}, time.Minute},
		{"secondary rate limit with seconds", githubtest.Fault{Status: 403, Body: secondary, Header: map[string]string{"Retry-After": "9"}}, 9 * time.Second},
		{"rate limit", githubtest.Fault{Status: 403, Body: `{"message": "API rate limit exceeded"}`, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": soon}}, 30 * time.Second},
		{"reset", githubtest.Fault{Reset: true}, 0},
		{"answer lost", githubtest.Fault{Late: true, Reset: true}, 0},
		{"half an answer", githubtest.Fault{Half: true}, 0},
		{"done, and half an answer", githubtest.Fault{Late: true, Half: true}, 0},
		{"done, and a gateway's timeout", githubtest.Fault{Late: true, Status: 504}, 0},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(method+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				api := newAPI(t)
				fault := tt.fault
				fault.Method, fault.Path = method, "/issues/7/comments"
				api.Inject(fault)
				var waited time.Duration
				policy := deliver.RetryPolicy{Sleep: func(_ context.Context, d time.Duration) error { waited += d; return nil }}
				got := deliverTo(t, gitHub(t, api, func(o *deliver.GitHubOptions) { o.Retry = policy }).Comment(), proposed())
				if got.State != report.ReceiptSent || got.Tries != 2 {
					t.Errorf("got receipt %+v", got)
				}
				if n := len(api.Comments(7)); n != 1 {
					t.Errorf("got %d comments", n)
				}
				if waited < tt.waits {
					t.Errorf("waited %s, want at least %s", waited, tt.waits)
				}
			})
		}
	}
}

// Writes of all channels go one at a time, with a gap in between.
func TestPace(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.Gap = 30 * time.Millisecond
	api.AddComment(7, githubtest.Bot, marker+"\nOld")
	g := gitHub(t, api, func(o *deliver.GitHubOptions) { o.Pace = 40 * time.Millisecond })
	for _, got := range deliver.All(t.Context(), proposed(), []deliver.Channel{g.Comment(), g.Suggestions(), g.Check(marks(120))}) {
		if got.State != report.ReceiptSent || got.Tries != 1 {
			t.Errorf("got receipt %+v", got)
		}
	}
	if n := writes(api); n != 5 {
		t.Errorf("got %d writes, want a comment, a review and three of the check", n)
	}
}

// The token goes to no other host, even if the API redirects to one.
func TestTokenStays(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("Authorization") }))
	t.Cleanup(other.Close)
	api := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	t.Cleanup(api.Close)
	got := deliverTo(t, gitHub(t, newAPI(t), func(o *deliver.GitHubOptions) { o.API = api.URL }).Comment(), proposed())
	if got.State != report.ReceiptFailed || got.Tries != 1 || len(seen) > 0 {
		t.Errorf("receipt %+v; the other host got %d requests", got, len(seen))
	}
}

// On an Enterprise server both APIs are below its own address.
func TestEnterprise(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.AddComment(7, githubtest.Bot, marker+"\nOld")
	g := gitHub(t, api, func(o *deliver.GitHubOptions) { o.API = api.Enterprise })
	if got := deliverTo(t, g.Comment(), proposed()); got.State != report.ReceiptSent {
		t.Errorf("got receipt %+v", got)
	}
	if all := api.Comments(7); len(all) != 1 || !strings.Contains(all[0].Body, "TestMean") {
		t.Errorf("got comments %+v", all)
	}
}

// A key from outside cannot end the marker.
func TestKey(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	g := gitHub(t, api, func(o *deliver.GitHubOptions) { o.Key = "linux --> # Approved" })
	deliverTo(t, g.Comment(), proposed())
	deliverTo(t, g.Comment(), proposed())
	all := api.Comments(7)
	if len(all) != 1 || !strings.HasPrefix(all[0].Body, "<!-- regreen:report linux_______Approved -->\n") {
		t.Errorf("got comments %+v", all)
	}
}

// marks returns a function that makes n annotations.
func marks(n int) func(*report.Report) []report.Annotation {
	return func(*report.Report) (all []report.Annotation) {
		for i := range n {
			all = append(all, report.Annotation{Level: "error", Path: "stats/mean_test.go", Start: i + 1, End: i + 1, Title: "TestMean", Message: fmt.Sprint("failure ", i)})
		}
		return all
	}
}

// A check has its annotations once and in order, however often it was tried.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		n      int
		faults []githubtest.Fault
		want   int
	}{
		{"none", 0, nil, 0},
		{"one request", 50, nil, 50},
		{"several requests", 120, nil, 120},
		{"a lost answer", 120, []githubtest.Fault{{Method: http.MethodPost, Path: "check-runs", Late: true, Reset: true}}, 120},
		{"a lost answer later", 120, []githubtest.Fault{{Method: http.MethodPatch, Late: true, Status: 502}}, 120},
		{"a refusal later", 120, []githubtest.Fault{{Method: http.MethodPatch, Status: 500}}, 120},
		{"too many", 700, nil, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			api.Inject(tt.faults...)
			got := deliverTo(t, gitHub(t, api, nil).Check(marks(tt.n)), proposed())
			if got.State != report.ReceiptSent || got.Tries != 1+len(tt.faults) || (len(got.Degraded) > 0) != (tt.n > tt.want) {
				t.Errorf("got receipt %+v", got)
			}
			runs := api.CheckRuns()
			if len(runs) != 1 || runs[0].Head != head || runs[0].Conclusion != "failure" || len(runs[0].Annotations) != tt.want {
				t.Fatalf("got %d runs, %+v", len(runs), runs)
			}
			for i, a := range runs[0].Annotations {
				if a["message"] != fmt.Sprint("failure ", i) || a["annotation_level"] != "failure" {
					t.Fatalf("annotation %d is %v", i, a)
				}
			}
		})
	}
}

// Annotations that GitHub would refuse are not sent.
func TestCheckAnnotations(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	odd := func(*report.Report) []report.Annotation {
		return []report.Annotation{
			{Level: "error", Message: "without a file"},
			{Level: "warning", Path: "a.go", Start: 3, Title: evil, Message: evil},
			{Level: "notice", Path: "a.go", Start: 5, End: 2},
			{Level: "error", Path: "a.go", Start: 1, Title: strings.Repeat("日本", 200), Message: strings.Repeat("日本", 40_000)},
		}
	}
	if got := deliverTo(t, gitHub(t, api, nil).Check(odd), proposed()); got.State != report.ReceiptSent {
		t.Fatalf("got receipt %+v", got)
	}
	all := api.CheckRuns()[0].Annotations
	if len(all) != 3 || all[0]["annotation_level"] != "warning" || all[1]["end_line"] != 5.0 {
		t.Errorf("got annotations %.2000v", all)
	}
}
