package deliver_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/report"
)

// receiver is the server of a webhook.
type receiver struct {
	githubtest.Faults
	URL string

	mu   sync.Mutex
	got  []http.Header
	body []byte // the latest
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := new(receiver)
	server := httptest.NewServer(r.Wrap(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got, r.body = append(r.got, req.Header.Clone()), b
		_, _ = io.WriteString(w, "ok, and thank you")
	})))
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

func (r *receiver) last() (http.Header, []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[len(r.got)-1], r.body
}

func (r *receiver) times() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// The generic format is the report as JSON.
func TestWebhookIsTheReport(t *testing.T) {
	t.Parallel()
	server := receive(t)
	got := deliverTo(t, deliver.Webhook(deliver.WebhookOptions{URL: server.URL + "/hook", Format: "generic"}), proposed())
	if got.State != report.ReceiptSent || got.Where != server.URL {
		t.Errorf("got receipt %+v", got)
	}
	header, body := server.last()
	r, err := report.Read(body)
	if err != nil || r.ID != proposed().ID {
		t.Errorf("got %v, %v", r, err)
	}
	if header.Get("Content-Type") != "application/json" || header.Get("Webhook-Signature") != "" {
		t.Errorf("got headers %v", header)
	}
}

// Each of these faults is transient; every try has the same key.
func TestWebhookThroughFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		fault   githubtest.Fault
		arrives int
		waits   time.Duration
	}{
		{"429", githubtest.Fault{Status: 429, Header: map[string]string{"Retry-After": "3"}}, 1, 3 * time.Second},
		{"500 twice", githubtest.Fault{Status: 500, Times: 2}, 1, 0},
		{"408", githubtest.Fault{Status: 408}, 1, 0},
		{"reset", githubtest.Fault{Reset: true}, 1, 0},
		{"half an answer is an answer", githubtest.Fault{Half: true, Late: true}, 1, 0},
		{"a lost answer", githubtest.Fault{Reset: true, Late: true}, 2, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := receive(t)
			server.Inject(tt.fault)
			var waited time.Duration
			policy := deliver.RetryPolicy{Sleep: func(_ context.Context, d time.Duration) error { waited += d; return nil }}
			got := deliverTo(t, deliver.Webhook(deliver.WebhookOptions{URL: server.URL, Secret: "key", Retry: policy}), proposed())
			if got.State != report.ReceiptSent || waited < tt.waits || tt.waits == 0 && waited > 4*time.Second {
				t.Errorf("receipt %+v after %s", got, waited)
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if len(server.got) != tt.arrives {
				t.Errorf("arrived %d times, want %d", len(server.got), tt.arrives)
			}
			for _, h := range server.got {
				if h.Get("Idempotency-Key") != "regreen-"+proposed().ID || h.Get("Webhook-Id") != h.Get("Idempotency-Key") {
					t.Errorf("got headers %v", h)
				}
			}
		})
	}
}

// A permanent error is not retried; a redirect is not followed.
func TestWebhookRefused(t *testing.T) {
	t.Parallel()
	elsewhere := receive(t)
	for _, fault := range []githubtest.Fault{
		{Status: 400, Body: "invalid_blocks"},
		{Status: 404},
		{Status: 410},
		{Status: 501},
		{Status: 307, Header: map[string]string{"Location": elsewhere.URL}},
	} {
		server := receive(t)
		server.Inject(fault)
		got := deliverTo(t, deliver.Webhook(deliver.WebhookOptions{URL: server.URL, Secret: "key", Retry: quick}), proposed())
		if got.State != report.ReceiptFailed || got.Tries != 1 || !strings.Contains(got.Reason, fault.Body) {
			t.Errorf("%d: got receipt %+v", fault.Status, got)
		}
	}
	if elsewhere.times() > 0 {
		t.Error("the redirect was followed")
	}
}

// The library of Standard Webhooks verifies what was signed, and nothing else.
func TestWebhookSignature(t *testing.T) {
	t.Parallel()
	server := receive(t)
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("a key of 24 bytes, known"))
	for _, s := range []string{secret, "any words"} {
		deliverTo(t, deliver.Webhook(deliver.WebhookOptions{URL: server.URL, Secret: s}), proposed())
		header, body := server.last()
		if err := verify(s, header, body); err != nil {
			t.Errorf("%q: %v", s, err)
		}
		if err := verify(s, header, append(body, ' ')); err == nil {
			t.Errorf("%q: the signature also fits another body", s)
		}
	}
}

// verify verifies a signature like a receiver.
func verify(secret string, header http.Header, body []byte) error {
	verifier, err := standardwebhooks.NewWebhookRaw([]byte(secret))
	if strings.HasPrefix(secret, "whsec_") {
		verifier, err = standardwebhooks.NewWebhook(secret)
	}
	if err != nil {
		return err
	}
	return verifier.Verify(body, header)
}

// kit is a Slack message.
type kit struct {
	Text   string
	Blocks []struct {
		Type     string
		Text     *struct{ Type, Text string }
		Elements []struct{ Type, Text string }
	}
}

// Whatever the report, the message is within Slack's limits, and only our link is active.
func TestSlack(t *testing.T) {
	t.Parallel()
	server := receive(t)
	rapid.Check(t, func(t *rapid.T) {
		r := proposed()
		text := rapid.SampledFrom([]string{evil, "<!channel>", "<@U1>", "<https://evil.example|x>", "*a* _b_ `c`", strings.Repeat("日本", 3000), ""})
		r.Failures[0].ID, r.Failures[0].Message = text.Draw(t, "id"), text.Draw(t, "message")
		r.Environment.Branch, r.Patches[0].Title = text.Draw(t, "branch"), text.Draw(t, "title")
		n := rapid.IntRange(0, 40).Draw(t, "failures")
		for range n {
			r.Failures = append(r.Failures, r.Failures[0])
		}
		got := deliver.All(context.Background(), r, []deliver.Channel{deliver.Webhook(deliver.WebhookOptions{
			URL: server.URL, Format: "slack", Repository: text.Draw(t, "repository"), Link: "https://ci.example.com/a?b=1&c=<2>",
		})})[0]
		if got.State != report.ReceiptSent || got.Where != server.URL || n+1 > 10 && len(got.Degraded) == 0 {
			t.Fatalf("receipt %+v for %d failures", got, n+1)
		}
		_, body := server.last()
		var message kit
		if err := json.Unmarshal(body, &message); err != nil {
			t.Fatal(err)
		}
		if len(message.Blocks) > 50 || message.Text == "" || strings.ContainsAny(message.Text, "<>") {
			t.Fatalf("got message %+v", message)
		}
		for _, b := range message.Blocks {
			limit := map[string]int{"header": 150, "section": 3000}[b.Type]
			if b.Text != nil && (b.Text.Type != "plain_text" || b.Text.Text == "" || utf8.RuneCountInString(b.Text.Text) > limit) {
				t.Fatalf("got block %+v", b)
			}
			for _, e := range b.Elements {
				if e.Text != "<https://ci.example.com/a?b=1&amp;c=&lt;2&gt;|The run>" {
					t.Fatalf("got element %+v", e)
				}
			}
		}
	})
}
