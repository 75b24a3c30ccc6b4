package deliver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// WebhookOptions says where and how a report is posted.
type WebhookOptions struct {
	URL        string
	Format     string // generic, which is the report as JSON, or slack
	Secret     string // to sign with; "" means no signature
	Repository string
	Link       string // the page of the run, or ""
	Client     *http.Client
	Retry      RetryPolicy
}

// Webhook posts the report. Each try has the same Idempotency-Key, derived from the run, so
// that the receiver can recognize a repetition. With a secret, the request is signed according
// to Standard Webhooks (standardwebhooks.com): an HMAC-SHA256 of ID, time and body.
func Webhook(o WebhookOptions) Channel {
	client := http.Client{Timeout: 30 * time.Second}
	if o.Client != nil {
		client = *o.Client
	}
	// A request that was signed for one address must not go to another one.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := channel{channels.Webhook, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		body, degraded, err := o.body(r)
		if err != nil {
			return report.Receipt{}, err
		}
		u, err := url.Parse(o.URL)
		if err != nil || u.Host == "" {
			return report.Receipt{}, &usererr.Error{What: "not a valid webhook URL", Advice: "write https://, a host and a path"}
		}
		if err := o.post(ctx, &client, r.ID, body); err != nil {
			return report.Receipt{}, err
		}
		return report.Receipt{Where: u.Scheme + "://" + u.Host, Degraded: degraded}, nil // the path may be a secret
	}}
	return redacted(retry(c, o.Retry), o.secrets()...)
}

// secrets returns what no receipt may contain: the secret, and all of the URL but the host.
func (o WebhookOptions) secrets() []string {
	u, err := url.Parse(o.URL)
	if err != nil {
		return []string{o.Secret, o.URL}
	}
	out := []string{o.Secret}
	if password, ok := u.User.Password(); ok {
		out = append(out, password)
	}
	if uri := u.RequestURI(); len(uri) > 1 {
		out = append(out, uri)
	}
	for _, values := range u.Query() {
		out = append(out, values...)
	}
	out = append(out, u.User.Username())
	const least = 5 // shorter ones occur inside ordinary words
	return slices.DeleteFunc(out, func(s string) bool { return len(s) < least && s != o.Secret })
}

func (o WebhookOptions) body(r *report.Report) (body []byte, degraded []string, err error) {
	if o.Format == "slack" {
		return slack(r, o.Repository, o.Link)
	}
	body, err = report.JSON(r)
	return body, nil, err
}

func (o WebhookOptions) post(ctx context.Context, client *http.Client, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL, bytes.NewReader(body))
	if err != nil {
		return &usererr.Error{What: "not a valid webhook URL", Advice: "write https://, a host and a path"}
	}
	id = "regreen-" + id
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "regreen")
	req.Header.Set("Idempotency-Key", id)
	if o.Secret != "" {
		now := strconv.FormatInt(time.Now().Unix(), 10)
		req.Header.Set("Webhook-Id", id)
		req.Header.Set("Webhook-Timestamp", now)
		req.Header.Set("Webhook-Signature", "v1,"+signature(o.Secret, id, now, body))
	}
	answer, err := client.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // without the address
		}
		return &forge.TransientError{Err: &usererr.Error{What: "no answer from the webhook's server", Advice: "check the URL, and that the server can be reached from here", Err: err}}
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode/100 == 2 {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	f := &usererr.Error{What: fmt.Sprintf("the webhook's server returned %d %s", answer.StatusCode, cmp.Or(report.OneLine(string(text), 120), http.StatusText(answer.StatusCode)))}
	switch {
	case forge.IsTransient(answer.StatusCode):
		return &forge.TransientError{Err: f, After: forge.RetryAfter(answer.Header, time.Now())}
	case answer.StatusCode/100 == 3:
		f.Advice = "write the URL that it redirects to; redirects are not followed"
	default:
		f.Advice = "check that the URL still exists and accepts this format"
	}
	return f
}

// signature returns the signature that Standard Webhooks puts after "v1,". A secret that begins
// with whsec_ is base64.
func signature(secret, id, timestamp string, body []byte) string {
	key := []byte(secret)
	if encoded, ok := strings.CutPrefix(secret, "whsec_"); ok {
		if raw, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			key = raw
		}
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(id + "." + timestamp + "."))
	_, _ = mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
